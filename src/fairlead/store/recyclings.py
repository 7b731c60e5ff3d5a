"""The rounds of leads: each recycling a row that is never deleted, the end of a lead one, too.

A lead is out of the reps' hands while it has a row that is not ended. Which cycle a row is counts
over all records of its person. `look_at` is when it is looked at next, found by an index; a row
without one waits for news.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from fairlead.core.types import Ref
from fairlead.store.db import Db

RECYCLED, TERMINAL = "recycled", "terminal"


@dataclass(frozen=True, slots=True)
class Round:
    """One recycling of a lead, or its end (`kind`), for the reason with this code.

    `owner_id` and `rep_id` had it. `due_at` is when it comes back by date, and `due_why` why then.
    `waits` is what keeps it although it was due, `told` whether the manager knows of it.
    `member_of` is the campaign or list it is in, `values_set` what was written to its fields,
    `values_back` what will be when it comes back.
    When it has ended, `how` tells why, and `holds` names the reason that still held then: the lead
    is not taken for that one again before it ceased to hold. `story` is what its next owner reads.
    """

    id: str
    person_id: str
    cycle: int
    ref: Ref
    kind: str
    reason: str
    owner_id: str | None
    rep_id: str | None
    since: datetime
    cool_until: datetime | None = None
    due_at: datetime | None = None
    due_why: str = ""
    look_at: datetime | None = None
    waits: str = ""
    told: bool = False
    member_of: str | None = None
    values_set: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    values_back: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ended_at: datetime | None = None
    how: str = ""
    holds: str = ""
    story: str = ""


def next_id(db: Db, ref: Ref) -> str:
    """The id of the next round of a record; the same again on lost state."""
    r = db.row(
        "SELECT count(*) n FROM recyclings WHERE crm = ? AND object = ? AND lead_id = ?",
        (ref.crm, ref.object, ref.id),
    )
    number = 0 if r is None else int(r["n"])
    return "r" + hashlib.sha256(f"{ref}|{number}".encode()).hexdigest()[:23]


def put(db: Db, row: Round) -> None:
    """Keep a round as it is now."""
    db.execute(
        "INSERT INTO recyclings (id, person_id, cycle, crm, object, lead_id, kind, reason,"
        " owner_id, rep_id, since, cool_until, due_at, due_why, look_at, waits, told, member_of,"
        " values_set, values_back, ended_at, how, holds, story)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,"
        " ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)"
        " ON CONFLICT (id) DO UPDATE SET due_at = ?13, due_why = ?14, look_at = ?15, waits = ?16,"
        " told = ?17, member_of = ?18, ended_at = ?21, how = ?22, holds = ?23, story = ?24",
        (
            row.id, row.person_id, row.cycle, row.ref.crm, row.ref.object, row.ref.id, row.kind,
            row.reason, row.owner_id, row.rep_id, row.since.isoformat(), _iso(row.cool_until),
            _iso(row.due_at), row.due_why, _iso(row.look_at), row.waits, int(row.told),
            row.member_of, _values(row.values_set), _values(row.values_back),
            _iso(row.ended_at), row.how, row.holds, row.story,
        ),
    )  # fmt: skip


def get(db: Db, id: str) -> Round | None:
    """A round by its id."""
    r = db.row("SELECT * FROM recyclings WHERE id = ?", (id,))
    return None if r is None else _round(r)


def open_of(db: Db, ref: Ref) -> Round | None:
    """The round that a lead is in."""
    return next((r for r in of_lead(db, ref) if r.ended_at is None), None)


def latest(db: Db, ref: Ref) -> Round | None:
    """The last round of a lead, ended or not."""
    found = of_lead(db, ref)
    return found[-1] if found else None


def of_lead(db: Db, ref: Ref) -> list[Round]:
    """All rounds of a record, the oldest first."""
    rows = db.rows(
        "SELECT * FROM recyclings WHERE crm = ? AND object = ? AND lead_id = ? ORDER BY since, id",
        (ref.crm, ref.object, ref.id),
    )
    return [_round(r) for r in rows]


def of_person(db: Db, person_id: str) -> list[Round]:
    """All rounds of a person, over all their records, the oldest first."""
    rows = db.rows("SELECT * FROM recyclings WHERE person_id = ? ORDER BY since, id", (person_id,))
    return [_round(r) for r in rows]


def all_open(db: Db, kind: str, limit: int) -> list[Round]:
    """Leads that are recycled, or done with: the next to come back, or the last to end, first."""
    order = "due_at IS NULL, due_at, since" if kind == RECYCLED else "since DESC"
    rows = db.rows(
        "SELECT * FROM recyclings WHERE ended_at IS NULL AND kind = ?"  # noqa: S608
        f" ORDER BY {order}, id LIMIT ?",
        (kind, limit),
    )
    return [_round(r) for r in rows]


def counts(db: Db) -> dict[str, dict[str, int]]:
    """How many leads are recycled and done with, by reason."""
    found: dict[str, dict[str, int]] = {RECYCLED: {}, TERMINAL: {}}
    for r in db.rows(
        "SELECT kind, reason, count(*) n FROM recyclings WHERE ended_at IS NULL"
        " GROUP BY kind, reason ORDER BY kind, reason"
    ):
        found[r["kind"]][r["reason"]] = r["n"]
    return found


def refused_by(db: Db) -> list[tuple[str, str, int, str]]:
    """The groups that refused leads which are recycled: CRM, group, how many, and why, without
    words that may quote a lead."""
    rows = db.rows(
        "SELECT r.crm, r.member_of, count(*) n, max(o.detail) why FROM dead_letters d"
        " JOIN recyclings r ON r.crm = d.crm AND r.object = d.object AND r.lead_id = d.lead_id"
        " JOIN outbox o ON o.key = d.effect_key"
        " WHERE d.state = 'open' AND d.stage = 'deliver group ' || r.member_of"
        " AND r.ended_at IS NULL AND o.decision_id = r.id"
        " GROUP BY r.crm, r.member_of ORDER BY r.crm, r.member_of"
    )
    return [(r["crm"], r["member_of"], r["n"], r["why"]) for r in rows]


def due(db: Db, crm: str, now: datetime, limit: int) -> list[Ref]:
    """The recycled leads of a CRM to look at now, the longest due first."""
    rows = db.rows(
        "SELECT object, lead_id FROM recyclings WHERE crm = ? AND ended_at IS NULL"
        " AND look_at IS NOT NULL AND look_at <= ? ORDER BY look_at, id LIMIT ?",
        (crm, now.isoformat(), limit),
    )
    return [Ref(crm, r["object"], r["lead_id"]) for r in rows]


def look_at(db: Db, ref: Ref, at: datetime | None) -> None:
    """Look then at a lead that is with the reps, since time alone may have it recycled."""
    if at is None:
        db.execute(
            "DELETE FROM recycling_looks WHERE crm = ? AND object = ? AND lead_id = ?",
            (ref.crm, ref.object, ref.id),
        )
        return
    db.execute(
        "INSERT OR REPLACE INTO recycling_looks (crm, object, lead_id, look_at)"
        " VALUES (?, ?, ?, ?)",
        (ref.crm, ref.object, ref.id, at.isoformat()),
    )


def looks_due(db: Db, crm: str, now: datetime, limit: int) -> list[Ref]:
    """The leads with the reps to look at now, the longest due first."""
    rows = db.rows(
        "SELECT object, lead_id FROM recycling_looks WHERE crm = ? AND look_at <= ?"
        " ORDER BY look_at, object, lead_id LIMIT ?",
        (crm, now.isoformat(), limit),
    )
    return [Ref(crm, r["object"], r["lead_id"]) for r in rows]


def drop_looks(db: Db) -> None:
    """Forget when leads that are with the reps are looked at."""
    db.execute("DELETE FROM recycling_looks")


def look_at_rounds(db: Db, after: str, limit: int, now: datetime) -> str | None:
    """Look now at so many recycled leads, by the id of their rounds; the last id, None at the end.

    `after` is the id up to which they were.
    """
    rows = db.rows(
        "UPDATE recyclings SET look_at = ?1 WHERE id IN (SELECT id FROM recyclings"
        " WHERE ended_at IS NULL AND kind = 'recycled' AND id > ?2 ORDER BY id LIMIT ?3)"
        " RETURNING id",
        (now.isoformat(), after, limit),
    )
    return max(r["id"] for r in rows) if len(rows) == limit else None


def look_at_leads(db: Db, after: Sequence[str], limit: int, now: datetime) -> Ref | None:
    """Look now at so many of the leads that are with the reps; the last of them, None at the end.

    `after` is the CRM, object and id up to which they were, or three empty texts.
    """
    rows = db.rows(
        # By the key and not by the state, of which each batch would sort all.
        "SELECT crm, object, id FROM leads WHERE (crm, object, id) > (?, ?, ?)"
        " AND +state IN ('assigned', 'left') AND decision_id IS NOT NULL"
        " ORDER BY crm, object, id LIMIT ?",
        (*after, limit),
    )
    db.executemany(
        "INSERT OR REPLACE INTO recycling_looks (crm, object, lead_id, look_at)"
        " VALUES (?, ?, ?, ?)",
        [(*r, now.isoformat()) for r in rows],
    )
    return Ref(*rows[-1]) if len(rows) == limit else None


def wake(db: Db, person_id: str, now: datetime) -> None:
    """There is news of a person: look at their recycled leads, as soon as they may come back."""
    db.execute(
        "UPDATE recyclings SET look_at = max(?1, coalesce(cool_until, ?1)) WHERE person_id = ?2"
        " AND ended_at IS NULL AND kind = 'recycled' AND (look_at IS NULL OR look_at > ?1)",
        (now.isoformat(), person_id),
    )


def hand_over(db: Db, person_id: str, to: str) -> None:
    """Somebody merged two persons: the cycles of the one are those of the other, after its own.

    Who is in a round stays in the last one.
    """
    theirs = of_person(db, to)
    going = any(r.kind == RECYCLED and r.ended_at is None for r in theirs)
    first, then = (of_person(db, person_id), to) if going else (theirs, person_id)
    before = max((r.cycle for r in first), default=0)
    db.execute("UPDATE recyclings SET cycle = cycle + ? WHERE person_id = ?", (before, then))
    db.execute("UPDATE recyclings SET person_id = ? WHERE person_id = ?", (to, person_id))


def _values(values: Mapping[str, str]) -> str:
    return json.dumps(dict(values), sort_keys=True) if values else "{}"


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _when(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


_NOTHING: Mapping[str, str] = MappingProxyType({})


def _round(r: Iterable[Any]) -> Round:
    """A whole row, its columns in their order."""
    (
        id, person_id, cycle, crm, object, lead_id, kind, reason, owner_id, rep_id, since,
        cool_until, due_at, due_why, look_at, waits, told, member_of, values_set, values_back,
        ended_at, how, holds, story,
    ) = r  # fmt: skip
    return Round(
        id, person_id, cycle, Ref(crm, object, lead_id), kind, reason, owner_id, rep_id,
        datetime.fromisoformat(since), _when(cool_until), _when(due_at), due_why, _when(look_at),
        waits, bool(told), member_of,
        _NOTHING if values_set == "{}" else MappingProxyType(json.loads(values_set)),
        _NOTHING if values_back == "{}" else MappingProxyType(json.loads(values_back)),
        _when(ended_at), how, holds, story,
    )  # fmt: skip

"""Leads and persons: each record seen is in exactly one state; records of one human share a person.

A person's id is a hash of the first record seen, so that deciding again on lost state gives the
same effect keys. Rows are keyed by the record's address.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from fairlead.core.types import LeadState, Ref
from fairlead.store.db import Db


@dataclass(frozen=True, slots=True)
class LeadRow:
    """One record as last seen. `owner_id` is the owner we believe it has (seen, or just decided).

    `shared_key` names the identity key through which it joined its person ("email").
    """

    ref: Ref
    person_id: str
    state: LeadState
    reason: str
    owner_id: str | None
    version: str
    created_at: datetime | None
    first_seen_at: datetime
    decision_id: str | None
    decided_at: datetime | None
    shared_key: str | None
    retry_at: datetime | None
    urgent: bool = False
    """A high-priority rule took it: among held leads it is looked at first."""
    closed: bool = False
    """The policy's `closed_when` holds: it is nobody's open lead any more."""
    waits_for: tuple[str, ...] = ()
    """While held: the teams and reps it could go to, `team:x` and `rep:y`."""
    numbers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """The number fields that teams are balanced by, exactly as read; one without a value is not
    among them."""
    by_person: bool = False
    """Its owner has it from a person: by hand in the CRM, or by an override. Who took it out of a
    claim queue has it by our decision."""


def get_lead(db: Db, ref: Ref) -> LeadRow | None:
    found = db.row(
        "SELECT * FROM leads WHERE crm = ? AND object = ? AND id = ?", (ref.crm, ref.object, ref.id)
    )
    return None if found is None else _lead(found)


def find_leads(db: Db, text: str) -> list[LeadRow]:
    """Leads by `crm:object:id`, by bare id (Salesforce: 15 or 18 characters), or by e-mail."""
    if "@" in text:
        return [
            _lead(r)
            for r in db.rows(
                "SELECT l.* FROM identity i JOIN leads l USING (person_id) WHERE i.key = ?"
                " ORDER BY l.first_seen_at, l.crm, l.id",
                (f"email:{text.strip().lower()}",),
            )
        ]
    parts = text.split(":")
    rid = parts[-1]
    rows = db.rows(
        "SELECT * FROM leads WHERE (id = ?1 OR (length(?1) = 15 AND substr(id, 1, 15) = ?1"
        " AND length(id) = 18)) ORDER BY crm, object",
        (rid,),
    )
    leads = [_lead(r) for r in rows]
    if len(parts) == 3:
        leads = [x for x in leads if x.ref.crm == parts[0] and x.ref.object == parts[1]]
    return leads


def put_lead(db: Db, row: LeadRow) -> None:
    db.execute(
        "INSERT OR REPLACE INTO leads (crm, object, id, person_id, state, reason, owner_id,"
        " version, created_at, first_seen_at, decision_id, decided_at, shared_key, retry_at,"
        " urgent, closed, waits_for, numbers, by_person)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row.ref.crm, row.ref.object, row.ref.id, row.person_id, row.state.value, row.reason,
            row.owner_id, row.version, _iso(row.created_at), _iso(row.first_seen_at),
            row.decision_id, _iso(row.decided_at), row.shared_key, _iso(row.retry_at),
            int(row.urgent), int(row.closed), _listed(row.waits_for),
            json.dumps(dict(row.numbers), sort_keys=True) if row.numbers else "",
            int(row.by_person),
        ),
    )  # fmt: skip


def set_state(db: Db, ref: Ref, state: LeadState, reason: str) -> None:
    """Move a lead to a state; its owner stays as it was."""
    db.execute(
        "UPDATE leads SET state = ?, reason = ?, retry_at = NULL"
        " WHERE crm = ? AND object = ? AND id = ?",
        (state.value, reason, ref.crm, ref.object, ref.id),
    )


def set_owner(
    db: Db,
    ref: Ref,
    owner_id: str | None,
    version: str | None = None,
    *,
    by_person: bool | None = None,
) -> None:
    """Note who owns the lead; None: nobody does.

    `version`, when given, is the version that shows it: with coarse stamps the same older version
    may come back later and must be news then. `by_person` None: who gave it is as it was.
    """
    db.execute(
        "UPDATE leads SET owner_id = ?, version = coalesce(?, version),"
        " by_person = coalesce(?, by_person) WHERE crm = ? AND object = ? AND id = ?",
        (owner_id, version, by_person, ref.crm, ref.object, ref.id),
    )


def retry_at(db: Db, refs: Iterable[Ref], now: datetime, at: datetime) -> None:
    """Look at these leads again at `at`, or sooner if they wait for an instant between; if held."""
    db.executemany(
        "UPDATE leads SET retry_at = iif(retry_at > ?1 AND retry_at < ?2, retry_at, ?2)"
        " WHERE crm = ?3 AND object = ?4 AND id = ?5 AND state = 'held'",
        [(now.isoformat(), at.isoformat(), r.crm, r.object, r.id) for r in refs],
    )


def leads_of_person(db: Db, person_id: str) -> list[LeadRow]:
    """All records of a person, the first seen first."""
    return [
        _lead(r)
        for r in db.rows(
            "SELECT * FROM leads WHERE person_id = ? ORDER BY first_seen_at, crm, object, id",
            (person_id,),
        )
    ]


def held_due(db: Db, crm: str, now: datetime, limit: int) -> list[Ref]:
    """Held leads of a CRM whose next look is due: never looked at first, then longest due.

    Within those the urgent before the others and the older before the newer. Since a look puts the
    next one off, each gets its turn however many there are.
    """
    # The plus keeps SQLite from going through all leads of the CRM: few are held.
    rows = db.rows(
        "SELECT crm, object, id FROM leads WHERE state = 'held' AND +crm = ?"
        " AND (retry_at IS NULL OR retry_at <= ?)"
        " ORDER BY coalesce(retry_at, ''), urgent DESC, first_seen_at, id LIMIT ?",
        (crm, _iso(now), limit),
    )
    return [Ref(r["crm"], r["object"], r["id"]) for r in rows]


def waits_before(db: Db, row: LeadRow, place: str, now: datetime) -> bool:
    """Whether a held lead of the same CRM that is due waits for `place` before this one.

    Before it are the urgent if this one is not, and of equal ones the older.
    """
    # The plus as in `held_due`.
    found = db.row(
        "SELECT 1 FROM leads WHERE state = 'held' AND +crm = :crm"
        " AND (retry_at IS NULL OR retry_at <= :now) AND waits_for <> ''"
        " AND (urgent > :urgent OR (urgent = :urgent AND (first_seen_at, id) < (:first, :id)))"
        " AND EXISTS (SELECT 1 FROM json_each(waits_for) WHERE value = :place) LIMIT 1",
        {
            "crm": row.ref.crm, "now": _iso(now), "urgent": int(row.urgent),
            "first": _iso(row.first_seen_at), "id": row.ref.id, "place": place,
        },
    )  # fmt: skip
    return found is not None


def wake_waiting(db: Db, crm: str, place: str, now: datetime) -> None:
    """Make due leads that wait for `place` equally due: priority, then age, is their order then."""
    db.execute(
        "UPDATE leads SET retry_at = NULL WHERE state = 'held' AND crm = ?1 AND retry_at <= ?2"
        " AND waits_for <> '' AND EXISTS"
        " (SELECT 1 FROM json_each(waits_for) WHERE value = ?3)",
        (crm, _iso(now), place),
    )


def wake_held(db: Db, crm: str | None = None) -> None:
    """Make every held lead due now: capacity, roster or policy changed."""
    db.execute(
        "UPDATE leads SET retry_at = NULL WHERE state = 'held' AND (?1 IS NULL OR crm = ?1)", (crm,)
    )


def hold_existing(db: Db, crm: str, created_since: datetime) -> None:
    """Make pre-existing leads created since then wait for a decision, as new ones do."""
    db.execute(
        "UPDATE leads SET state = 'held', reason = 'planned', retry_at = NULL"
        " WHERE state = 'pre_existing' AND crm = ? AND created_at >= ?",
        (crm, created_since.isoformat()),
    )


def counts(db: Db) -> dict[str, dict[str, int]]:
    """Number of leads by CRM and state."""
    result: dict[str, dict[str, int]] = {}
    for r in db.rows("SELECT crm, state, count(*) n FROM leads GROUP BY crm, state"):
        result.setdefault(r["crm"], {})[r["state"]] = r["n"]
    return result


def person_for(db: Db, ref: Ref, keys: Sequence[str]) -> tuple[str, str | None]:
    """The person this new record belongs to, and the key that told (None: a new person).

    Creates the person and its keys when nobody has one of them yet. Keys of an existing person
    are never taken over by another.
    """
    found = find_person(db, keys)
    if found is None:
        person_id = "p" + hashlib.sha256(str(ref).encode()).hexdigest()[:23]
        db.execute("INSERT OR IGNORE INTO persons (id, generation) VALUES (?, 1)", (person_id,))
        found = (person_id, None)
    add_keys(db, found[0], keys)
    return found


def find_person(db: Db, keys: Sequence[str]) -> tuple[str, str | None] | None:
    """The person who has one of these keys, and the key that told; None when nobody has."""
    for key in keys:
        r = db.row("SELECT person_id FROM identity WHERE key = ?", (key,))
        if r is not None:
            return (r["person_id"], key.split(":", 1)[0])
    return None


def add_keys(db: Db, person_id: str, keys: Iterable[str]) -> None:
    db.executemany(
        "INSERT OR IGNORE INTO identity (key, person_id) VALUES (?, ?)",
        [(k, person_id) for k in keys],
    )


def join_persons(db: Db, person_id: str, to: str) -> None:
    """Somebody merged two persons: all records and keys of the one are the other's now."""
    db.execute("UPDATE identity SET person_id = ? WHERE person_id = ?", (to, person_id))
    db.execute("UPDATE leads SET person_id = ? WHERE person_id = ?", (to, person_id))
    # Nothing of theirs is to be decided twice under one number.
    db.execute(
        "UPDATE persons SET generation ="
        " max(generation, (SELECT generation FROM persons WHERE id = ?)) WHERE id = ?",
        (person_id, to),
    )


def await_survivor(db: Db, survivor: Ref, person_id: str) -> str:
    """A record was merged into one that nobody has seen yet; whose that will be."""
    add_keys(db, person_id, [_merged_into(survivor)])
    return awaited(db, survivor) or person_id


def awaited(db: Db, ref: Ref) -> str | None:
    """The person of a record that others were merged into before it was seen; None for most."""
    found = find_person(db, [_merged_into(ref)])
    return None if found is None else found[0]


def _merged_into(ref: Ref) -> str:
    return f"merge:{ref}"


def versions(db: Db, refs: Sequence[Ref]) -> dict[Ref, str]:
    """The last seen version of each of these records that is known."""
    rows = db.rows(
        "SELECT l.crm, l.object, l.id, l.version FROM json_each(?) asked JOIN leads l"
        " ON l.crm = json_extract(asked.value, '$[0]')"
        " AND l.object = json_extract(asked.value, '$[1]')"
        " AND l.id = json_extract(asked.value, '$[2]')",
        (json.dumps([[r.crm, r.object, r.id] for r in refs]),),
    )
    return {Ref(r["crm"], r["object"], r["id"]): r["version"] for r in rows}


def generation_of(db: Db, person_id: str) -> int:
    r = db.row("SELECT generation FROM persons WHERE id = ?", (person_id,))
    return int(r["generation"]) if r is not None else 1


def raise_generation(db: Db, person_id: str) -> None:
    """The person is routed once more from here on, because somebody ordered it."""
    db.execute("UPDATE persons SET generation = generation + 1 WHERE id = ?", (person_id,))


def waiting_before_start(db: Db, crm: str, owned_by_people: bool) -> list[Ref]:
    """Leads of a CRM older than the first start that nobody or a queue owns, the newest first.

    With `owned_by_people` those of users are among them: the policy may take from some.
    """
    rows = db.rows(
        "SELECT l.crm, l.object, l.id FROM leads l LEFT JOIN owners o"
        " ON o.crm = l.crm AND o.id = l.owner_id WHERE l.state = 'pre_existing' AND l.crm = ?"
        " AND (?2 OR l.owner_id IS NULL OR o.kind = 'queue')"
        " ORDER BY l.created_at DESC, l.id",
        (crm, int(owned_by_people)),
    )
    return [Ref(r["crm"], r["object"], r["id"]) for r in rows]


def open_of_owner(db: Db, crm: str, owner_id: str) -> list[Ref]:
    """The open leads of one owner, older ones than the first start too; the newest first.

    Open is what is neither gone, given up, nor closed by the policy's `closed_when`.
    """
    rows = db.rows(
        "SELECT crm, object, id FROM leads INDEXED BY leads_owner"
        " WHERE crm = ? AND owner_id = ? AND NOT closed"
        " AND state IN ('assigned', 'left', 'held', 'pre_existing', 'dead_letter')"
        " ORDER BY created_at DESC, id",
        (crm, owner_id),
    )
    return [Ref(r["crm"], r["object"], r["id"]) for r in rows]


def open_of_inactive(db: Db) -> list[tuple[str, str, str, str | None, int, bool]]:
    """(CRM, owner id, name, e-mail, open leads) of every inactive user who still owns some.

    The last part tells whether one of them came since the first start.
    """
    return [
        (r["crm"], r["id"], r["name"], r["email"], r["n"], bool(r["ours"]))
        for r in db.rows(
            "SELECT o.crm, o.id, o.name, o.email, count(*) n,"
            " max(l.state <> 'pre_existing') ours FROM owners o JOIN leads l INDEXED BY leads_owner"
            " ON l.crm = o.crm AND l.owner_id = o.id WHERE o.kind = 'rep' AND NOT o.active"
            " AND NOT l.closed"
            " AND l.state IN ('assigned', 'left', 'held', 'pre_existing', 'dead_letter')"
            " GROUP BY o.crm, o.id ORDER BY o.crm, o.email, o.id"
        )
    ]


def _listed(names: Sequence[str]) -> str:
    return json.dumps(list(names), ensure_ascii=False) if names else ""


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _when(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


_STATES = {s.value: s for s in LeadState}
_NO_NUMBERS: Mapping[str, str] = MappingProxyType({})


def _lead(r: Iterable[Any]) -> LeadRow:
    """A whole row, its columns in their order; asked for oftener than anything else."""
    (
        crm, object, id, person_id, state, reason, owner_id, version, created_at, first_seen_at,
        decision_id, decided_at, shared_key, retry_at, urgent, closed, waits_for, numbers,
        by_person,
    ) = r  # fmt: skip
    return LeadRow(
        Ref(crm, object, id), person_id, _STATES[state], reason, owner_id, version,
        _when(created_at), datetime.fromisoformat(first_seen_at), decision_id, _when(decided_at),
        shared_key, _when(retry_at), bool(urgent), bool(closed),
        tuple(json.loads(waits_for)) if waits_for else (),
        MappingProxyType(json.loads(numbers)) if numbers else _NO_NUMBERS, bool(by_person),
    )  # fmt: skip

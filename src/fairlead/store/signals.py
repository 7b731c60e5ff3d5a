"""Signals: every occurrence that was seen, by record; which leads must be looked at for them; and
how far the campaigns and lists of each CRM were read.

An occurrence is kept for good, also for a record that nobody has seen yet: once it is, it has it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fairlead.core.signals import Occurrence, latest
from fairlead.core.types import Cursor, Ref
from fairlead.store.db import Db


@dataclass(frozen=True, slots=True)
class SeenOn:
    """An occurrence with the record on which it was seen."""

    ref: Ref
    occurrence: Occurrence


def add(db: Db, ref: Ref, name: str, at: datetime, evidence: str) -> bool:
    """Keep an occurrence; False when it is known. Told with several dates, the first is its own."""
    known = db.row(
        "SELECT at FROM signals WHERE crm = ? AND object = ? AND lead_id = ? AND name = ?"
        " AND evidence = ?",
        (ref.crm, ref.object, ref.id, name, evidence),
    )
    if known is None or at < datetime.fromisoformat(known["at"]):
        db.execute(
            "INSERT OR REPLACE INTO signals (crm, object, lead_id, name, evidence, at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (ref.crm, ref.object, ref.id, name, evidence, at.isoformat()),
        )
    return known is None


def seen_on(db: Db, person_id: str, also: Ref | None = None) -> list[SeenOn]:
    """Every occurrence on the person's records, and on `also`, which may not be stored yet."""
    mine = ("", "", "") if also is None else (also.crm, also.object, also.id)
    rows = db.rows(
        "SELECT s.* FROM leads l JOIN signals s"
        " ON s.crm = l.crm AND s.object = l.object AND s.lead_id = l.id WHERE l.person_id = ?1"
        " UNION SELECT * FROM signals WHERE crm = ?2 AND object = ?3 AND lead_id = ?4"
        " ORDER BY at, name, evidence, crm, object, lead_id",
        (person_id, *mine),
    )
    return [_seen(r) for r in rows]


def seen_on_records(db: Db, refs: Iterable[Ref]) -> list[SeenOn]:
    """Every occurrence that was seen on these very records."""
    rows = db.rows(
        "SELECT s.* FROM json_each(?) asked JOIN signals s"
        " ON s.crm = json_extract(asked.value, '$[0]')"
        " AND s.object = json_extract(asked.value, '$[1]')"
        " AND s.lead_id = json_extract(asked.value, '$[2]')",
        (json.dumps([(r.crm, r.object, r.id) for r in refs]),),
    )
    return [_seen(r) for r in rows]


def of_person(db: Db, person_id: str, now: datetime) -> dict[str, datetime]:
    """The latest instant of each signal of a person, over all records, as far as it has come."""
    return latest((s.occurrence for s in seen_on(db, person_id)), now)


def hand_over(db: Db, ref: Ref, to: Ref) -> None:
    """A record was merged away: what was seen on it was seen on the survivor."""
    for r in db.rows(
        "SELECT name, at, evidence FROM signals WHERE crm = ? AND object = ? AND lead_id = ?",
        (ref.crm, ref.object, ref.id),
    ):
        add(db, to, r["name"], datetime.fromisoformat(r["at"]), r["evidence"])


# -- leads to look at -----------------------------------------------------------------------------


def look_at(db: Db, refs: Iterable[Ref], at: datetime) -> None:
    """These leads must be looked at, at `at` or sooner."""
    text = at.isoformat()
    db.executemany(
        "INSERT INTO signal_looks (crm, object, lead_id, due_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET due_at = min(due_at, excluded.due_at)",
        [(r.crm, r.object, r.id, text) for r in refs],
    )


def due(db: Db, crm: str, now: datetime, limit: int) -> list[Ref]:
    """The leads of a CRM that must be looked at by now, the longest due first."""
    rows = db.rows(
        "SELECT object, lead_id FROM signal_looks WHERE crm = ? AND due_at <= ?"
        " ORDER BY due_at, object, lead_id LIMIT ?",
        (crm, now.isoformat(), limit),
    )
    return [Ref(crm, r["object"], r["lead_id"]) for r in rows]


def looked(db: Db, ref: Ref, now: datetime) -> None:
    """A lead was looked at as of `now`; a look still to come stays."""
    db.execute(
        "DELETE FROM signal_looks WHERE crm = ? AND object = ? AND lead_id = ? AND due_at <= ?",
        (ref.crm, ref.object, ref.id, now.isoformat()),
    )


# -- how far groups were read ---------------------------------------------------------------------


def get_cursor(db: Db, crm: str, asked: str) -> Cursor | None:
    """Where reading of groups stands; None at the beginning, and when something else is `asked`."""
    r = db.row("SELECT * FROM signal_cursors WHERE crm = ? AND asked = ?", (crm, asked))
    if r is None:
        return None
    return Cursor(json.loads(r["position"]), datetime.fromisoformat(r["covered_until"]))


def put_cursor(db: Db, crm: str, asked: str, cursor: Cursor) -> None:
    """Store a cursor; only ever called in the transaction that stores its page's occurrences."""
    db.execute(
        "INSERT OR REPLACE INTO signal_cursors (crm, asked, position, covered_until)"
        " VALUES (?, ?, ?, ?)",
        (crm, asked, json.dumps(dict(cursor.position)), cursor.covered_until.isoformat()),
    )


def _seen(r: Any) -> SeenOn:
    crm, object, lead_id, name, evidence, at = r
    return SeenOn(Ref(crm, object, lead_id), Occurrence(name, datetime.fromisoformat(at), evidence))

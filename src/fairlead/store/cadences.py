"""The follow-up cadences of leads, a row each: whose they are, how far they are, when to look next.

A step is made by its row alone, in the transaction that puts its task into the outbox. The next to
look at is found by an index.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fairlead.core.types import Ref
from fairlead.store.db import Db

RUNNING = "running"


@dataclass(frozen=True, slots=True)
class CadenceRow:
    """One cadence of one assignment. `since` is None until the first response.

    `made` counts the steps made, the last of them at `made_at` under the task of `task_key`; its
    day is over at `day_ends`.
    """

    id: str
    ref: Ref
    person_id: str
    decision_id: str
    name: str
    owner_id: str
    rep_id: str | None
    since: datetime | None
    made: int = 0
    task_key: str | None = None
    made_at: datetime | None = None
    day_ends: datetime | None = None
    look_at: datetime | None = None
    ended_at: datetime | None = None
    how: str = RUNNING


def put(db: Db, row: CadenceRow) -> None:
    """Keep a cadence as it is now."""
    db.execute(
        "INSERT OR REPLACE INTO cadences (id, crm, object, lead_id, person_id, decision_id, name,"
        " owner_id, rep_id, since, made, task_key, made_at, day_ends, look_at, ended_at, how)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row.id, row.ref.crm, row.ref.object, row.ref.id, row.person_id, row.decision_id,
            row.name, row.owner_id, row.rep_id, _iso(row.since), row.made, row.task_key,
            _iso(row.made_at), _iso(row.day_ends), _iso(row.look_at), _iso(row.ended_at), row.how,
        ),
    )  # fmt: skip


def due(db: Db, crm: str, now: datetime, limit: int) -> list[CadenceRow]:
    """The cadences of a CRM that are to be looked at, the longest due first."""
    rows = db.rows(
        "SELECT * FROM cadences WHERE crm = ? AND ended_at IS NULL AND look_at IS NOT NULL"
        " AND look_at <= ? ORDER BY look_at LIMIT ?",
        (crm, now.isoformat(), limit),
    )
    return [_cadence(r) for r in rows]


def get(db: Db, id: str) -> CadenceRow | None:
    r = db.row("SELECT * FROM cadences WHERE id = ?", (id,))
    return None if r is None else _cadence(r)


def of_lead(db: Db, ref: Ref) -> list[CadenceRow]:
    """All cadences a lead has had, in the order of their decisions' times."""
    rows = db.rows(
        "SELECT c.* FROM cadences c LEFT JOIN decisions d ON d.id = c.decision_id"
        " WHERE c.crm = ? AND c.object = ? AND c.lead_id = ? ORDER BY d.at, c.id",
        (ref.crm, ref.object, ref.id),
    )
    return [_cadence(r) for r in rows]


def open_of(db: Db, ref: Ref) -> list[CadenceRow]:
    """Those of them that run."""
    # The plus keeps SQLite from going through all that run.
    rows = db.rows(
        "SELECT c.* FROM cadences c LEFT JOIN decisions d ON d.id = c.decision_id"
        " WHERE c.crm = ? AND c.object = ? AND c.lead_id = ? AND +c.ended_at IS NULL"
        " ORDER BY d.at, c.id",
        (ref.crm, ref.object, ref.id),
    )
    return [_cadence(r) for r in rows]


def hand_over(db: Db, person_id: str, to: str) -> None:
    """Somebody merged two persons: the follow-ups of the one are the other's."""
    db.execute("UPDATE cadences SET person_id = ? WHERE person_id = ?", (to, person_id))


def open_of_person(db: Db, person_id: str) -> bool:
    """Whether a cadence runs for any record of a person."""
    found = db.row(
        "SELECT 1 FROM cadences WHERE person_id = ? AND ended_at IS NULL LIMIT 1", (person_id,)
    )
    return found is not None


def running_after(db: Db, after: str, limit: int) -> list[CadenceRow]:
    """So many of the cadences that have not ended, by id, those after one."""
    rows = db.rows(
        "SELECT * FROM cadences WHERE ended_at IS NULL AND id > ? ORDER BY id LIMIT ?",
        (after, limit),
    )
    return [_cadence(r) for r in rows]


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _when(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _cadence(r: Iterable[Any]) -> CadenceRow:
    """A whole row, its columns in their order."""
    (
        id, crm, object, lead_id, person_id, decision_id, name, owner_id, rep_id, since, made,
        task_key, made_at, day_ends, look_at, ended_at, how,
    ) = r  # fmt: skip
    return CadenceRow(
        id, Ref(crm, object, lead_id), person_id, decision_id, name, owner_id, rep_id,
        _when(since), made, task_key, _when(made_at), _when(day_ends), _when(look_at),
        _when(ended_at), how,
    )  # fmt: skip

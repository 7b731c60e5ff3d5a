"""The clocks of leads and their steps, each a row: what runs, what has fired, what is next.

A step is fired by its row alone, in the transaction that holds its effect: no crash fires it twice
or loses it. `due_at` is when it should come, `look_at` when it is looked at; both are empty while a
clock is paused. The next due is found by an index, however many clocks there are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fairlead.core.types import Ref
from fairlead.core.worktime import Span
from fairlead.store.db import Db

RUNNING, ANSWERED = "running", "answered"


@dataclass(frozen=True, slots=True)
class ClockRow:
    """One clock of one lead and owner. `how` is running, answered, or why it ended.

    `status` is the lead's when it began. `after` and `upto` name the stages it lies between where
    it is only a part of the SLA's path: after a reassignment the rest of the path goes on with the
    former owner's clock (`after`), and the new owner's goes `upto` the reassignment.
    """

    id: str
    ref: Ref
    person_id: str
    sla: str
    decision_id: str
    owner_id: str
    rep_id: str | None
    team: str | None
    status: str | None
    since: datetime
    pauses: tuple[Span, ...] = ()
    paused_since: datetime | None = None
    after: str | None = None
    upto: str | None = None
    accepted_at: datetime | None = None
    ended_at: datetime | None = None
    how: str = RUNNING
    late: bool = False
    """It was answered after its time was over."""
    moved_at: datetime | None = None
    """The lead's status was moved then; by whom is to be found out."""


@dataclass(frozen=True, slots=True)
class StepRow:
    """One stage of a clock; `due_at` None while paused or when it never comes."""

    clock_id: str
    step: str
    number: int
    due_at: datetime | None
    fired_at: datetime | None


def next_id(db: Db, ref: Ref, sla: str) -> str:
    """The id of the next clock of a lead under an SLA; the same again on lost state."""
    r = db.row(
        "SELECT count(*) n FROM clocks WHERE crm = ? AND object = ? AND lead_id = ? AND sla = ?",
        (ref.crm, ref.object, ref.id, sla),
    )
    number = 0 if r is None else int(r["n"])
    return "c" + hashlib.sha256(f"{ref}|{sla}|{number}".encode()).hexdigest()[:23]


def put(db: Db, row: ClockRow) -> None:
    """Keep a clock as it is now."""
    db.execute(
        "INSERT INTO clocks (id, crm, object, lead_id, person_id, sla, decision_id, owner_id,"
        " rep_id, team, status, since, pauses, paused_since, after, upto, accepted_at,"
        " ended_at, how, late, moved_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
        " ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)"
        " ON CONFLICT (id) DO UPDATE SET pauses = ?13, paused_since = ?14, after = ?15,"
        " accepted_at = ?17, ended_at = ?18, how = ?19, late = ?20, status = ?11, moved_at = ?21",
        (
            row.id, row.ref.crm, row.ref.object, row.ref.id, row.person_id, row.sla,
            row.decision_id, row.owner_id, row.rep_id, row.team, row.status,
            row.since.isoformat(),
            json.dumps([[a.isoformat(), b.isoformat()] for a, b in row.pauses])
            if row.pauses
            else "[]",
            _iso(row.paused_since), row.after, row.upto,
            _iso(row.accepted_at), _iso(row.ended_at), row.how, int(row.late),
            _iso(row.moved_at),
        ),
    )  # fmt: skip


def set_steps(db: Db, clock: ClockRow, steps: Iterable[tuple[str, int, datetime | None]]) -> None:
    """These are the stages to come, with their instants; what has fired stays as it is.

    One that is due again at another instant is looked at then.
    """
    planned = list(steps)
    db.execute(
        "DELETE FROM clock_steps WHERE clock_id = ? AND fired_at IS NULL"
        " AND step NOT IN (SELECT value FROM json_each(?))",
        (clock.id, json.dumps([step for step, _, _ in planned])),
    )
    db.executemany(
        "INSERT INTO clock_steps (clock_id, step, number, crm, due_at, look_at)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT (clock_id, step) DO UPDATE SET"
        " number = ?3, due_at = ?5, look_at = iif(due_at IS ?5, look_at, ?5)"
        " WHERE fired_at IS NULL",
        [(clock.id, step, n, clock.ref.crm, _iso(at)) for step, n, at in planned],
    )


def due(db: Db, crm: str, now: datetime, limit: int) -> list[Ref]:
    """The leads of a CRM with a step to look at, the longest due first."""
    rows = db.rows(
        "SELECT c.crm, c.object, c.lead_id, min(s.look_at) at FROM (SELECT clock_id, look_at"
        " FROM clock_steps WHERE crm = ? AND fired_at IS NULL AND look_at IS NOT NULL"
        " AND look_at <= ? ORDER BY look_at LIMIT ?) s JOIN clocks c ON c.id = s.clock_id"
        " GROUP BY c.crm, c.object, c.lead_id ORDER BY at",
        (crm, now.isoformat(), limit),
    )
    return [Ref(r["crm"], r["object"], r["lead_id"]) for r in rows]


def moved(db: Db, crm: str, limit: int) -> list[Ref]:
    """The leads of a CRM whose status was moved, by whom is to be found out; the first first."""
    rows = db.rows(
        "SELECT object, lead_id FROM clocks WHERE crm = ? AND moved_at IS NOT NULL"
        " AND ended_at IS NULL ORDER BY moved_at LIMIT ?",
        (crm, limit),
    )
    return list(dict.fromkeys(Ref(crm, r["object"], r["lead_id"]) for r in rows))


def status_set(db: Db, ref: Ref, was: str, status: str) -> None:
    """We have written the status of a lead ourselves: its clocks tell the next move from that."""
    db.execute(
        "UPDATE clocks SET status = ? WHERE crm = ? AND object = ? AND lead_id = ?"
        " AND ended_at IS NULL AND status = ?",
        (status, ref.crm, ref.object, ref.id, was),
    )


def put_off(db: Db, clock_id: str, now: datetime, until: datetime) -> None:
    """Look at the due steps of a clock again at `until`."""
    db.execute(
        "UPDATE clock_steps SET look_at = ? WHERE clock_id = ? AND fired_at IS NULL"
        " AND look_at <= ?",
        (until.isoformat(), clock_id, now.isoformat()),
    )


def fire(db: Db, clock_id: str, steps: Sequence[str], now: datetime) -> None:
    """These stages have come, once and for all."""
    db.executemany(
        "UPDATE clock_steps SET fired_at = ?, look_at = NULL WHERE clock_id = ? AND step = ?"
        " AND fired_at IS NULL",
        [(now.isoformat(), clock_id, step) for step in steps],
    )


def drop_unfired(db: Db, clock_id: str) -> None:
    """What has not come of a clock will not come."""
    db.execute("DELETE FROM clock_steps WHERE clock_id = ? AND fired_at IS NULL", (clock_id,))


def steps_of(db: Db, clock_id: str) -> list[StepRow]:
    """The stages of a clock in their order, fired or to come."""
    return [
        StepRow(clock_id, step, number, _when(due_at), _when(fired_at))
        for step, number, due_at, fired_at in db.rows(
            "SELECT step, number, due_at, fired_at FROM clock_steps WHERE clock_id = ?"
            " ORDER BY number, step",
            (clock_id,),
        )
    ]


def get(db: Db, clock_id: str) -> ClockRow | None:
    """One clock, running or ended."""
    r = db.row("SELECT * FROM clocks WHERE id = ?", (clock_id,))
    return None if r is None else _clock(r)


def open_of(db: Db, ref: Ref) -> list[ClockRow]:
    """The clocks of a lead that run or are paused, the oldest first."""
    # The plus keeps SQLite from going through all running clocks of the CRM in order of `since`.
    rows = db.rows(
        "SELECT * FROM clocks WHERE crm = ? AND object = ? AND lead_id = ? AND +ended_at IS NULL"
        " ORDER BY since, id",
        (ref.crm, ref.object, ref.id),
    )
    return [_clock(r) for r in rows]


def of_lead(db: Db, ref: Ref) -> list[ClockRow]:
    """All clocks a lead has had, the oldest first."""
    rows = db.rows(
        "SELECT * FROM clocks WHERE crm = ? AND object = ? AND lead_id = ? ORDER BY since, id",
        (ref.crm, ref.object, ref.id),
    )
    return [_clock(r) for r in rows]


def running(db: Db, crm: str | None = None) -> list[ClockRow]:
    """Every clock that runs or is paused, the oldest first."""
    rows = db.rows(
        "SELECT * FROM clocks WHERE ended_at IS NULL AND (?1 IS NULL OR crm = ?1)"
        " ORDER BY since, id",
        (crm,),
    )
    return [_clock(r) for r in rows]


def running_after(db: Db, after: str, limit: int) -> list[ClockRow]:
    """So many of the clocks that run or are paused, by id, those after one."""
    rows = db.rows(
        "SELECT * FROM clocks WHERE ended_at IS NULL AND id > ? ORDER BY id LIMIT ?",
        (after, limit),
    )
    return [_clock(r) for r in rows]


def hand_over(db: Db, person_id: str, to: str) -> None:
    """Somebody merged two persons: the clocks of the one are the other's."""
    db.execute("UPDATE clocks SET person_id = ? WHERE person_id = ?", (to, person_id))


def open_of_person(db: Db, person_id: str, sla: str) -> bool:
    """Whether a clock under this SLA runs for any record of a person."""
    found = db.row(
        "SELECT 1 FROM clocks WHERE person_id = ? AND sla = ? AND ended_at IS NULL LIMIT 1",
        (person_id, sla),
    )
    return found is not None


def previous_owners(db: Db, person_id: str) -> frozenset[str]:
    """Rep ids and owner ids of all who were given a record of this person."""
    rows = db.rows(
        "SELECT rep_id, owner_id FROM decisions WHERE person_id = ?1 AND outcome = 'assign'"
        " UNION SELECT rep_id, owner_id FROM clocks WHERE person_id = ?1",
        (person_id,),
    )
    return frozenset(n for r in rows for n in (r["rep_id"], r["owner_id"]) if n)


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _when(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _clock(r: Iterable[Any]) -> ClockRow:
    """A whole row, its columns in their order."""
    (
        id, crm, object, lead_id, person_id, sla, decision_id, owner_id, rep_id, team, status,
        since, pauses, paused_since, after, upto, accepted_at, ended_at, how, late,
        moved_at,
    ) = r  # fmt: skip
    return ClockRow(
        id, Ref(crm, object, lead_id), person_id, sla, decision_id, owner_id, rep_id, team, status,
        datetime.fromisoformat(since), () if pauses == "[]" else _pauses(pauses),
        _when(paused_since), after, upto, _when(accepted_at), _when(ended_at),
        how, bool(late), _when(moved_at),
    )  # fmt: skip


def _pauses(text: str) -> tuple[Span, ...]:
    return tuple(
        (datetime.fromisoformat(a), datetime.fromisoformat(b)) for a, b in json.loads(text)
    )

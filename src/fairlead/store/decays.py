"""How far leads have decayed, and when they reach the next level: each level of each lead is a row.

A level is reached by its row alone, in the transaction that holds its effects: no crash reaches it
twice or loses it. `due_at` is when it should come, `look_at` when it is looked at; `look_at` is
empty while nobody has the lead. The next due is found by an index, however many leads there are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fairlead.core.types import Ref
from fairlead.store.db import Db


@dataclass(frozen=True, slots=True)
class DecayRow:
    """What the levels of one lead go by, in one cycle (0 until it is recycled).

    `since` begins its age, `touched` is the last thing that was done with it, None while nothing
    was. `asleep`: nobody of ours has the lead, so nothing is looked at.
    """

    ref: Ref
    cycle: int
    since: datetime
    touched: datetime | None = None
    asleep: bool = False


@dataclass(frozen=True, slots=True)
class LevelRow:
    """One level of a lead. `held_at` is when its score was last seen at the level's band."""

    level: str
    number: int
    due_at: datetime | None
    look_at: datetime | None
    reached_at: datetime | None
    held_at: datetime | None


def put(db: Db, row: DecayRow) -> None:
    """Keep what the levels of a lead go by."""
    db.execute(
        "INSERT INTO decays (crm, object, lead_id, cycle, since, touched, asleep)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
        " ON CONFLICT (crm, object, lead_id, cycle) DO UPDATE SET touched = ?6, asleep = ?7",
        (
            row.ref.crm, row.ref.object, row.ref.id, row.cycle, row.since.isoformat(),
            _iso(row.touched), int(row.asleep),
        ),
    )  # fmt: skip


def get(db: Db, ref: Ref, cycle: int) -> DecayRow | None:
    """What a lead's levels go by in a cycle; None when none was ever planned."""
    r = db.row(
        "SELECT * FROM decays WHERE crm = ? AND object = ? AND lead_id = ? AND cycle = ?",
        (ref.crm, ref.object, ref.id, cycle),
    )
    return None if r is None else _decay(r)


def latest(db: Db, ref: Ref) -> DecayRow | None:
    """The same for the latest cycle."""
    r = db.row(
        "SELECT * FROM decays WHERE crm = ? AND object = ? AND lead_id = ?"
        " ORDER BY cycle DESC LIMIT 1",
        (ref.crm, ref.object, ref.id),
    )
    return None if r is None else _decay(r)


def awake_after(db: Db, ref: Sequence[str], limit: int) -> list[DecayRow]:
    """So many of the leads whose levels are looked at, in order, those after one: its CRM, object
    and id, or three empty texts."""
    rows = db.rows(
        "SELECT * FROM decays WHERE asleep = 0 AND (crm, object, lead_id) > (?, ?, ?)"
        " ORDER BY crm, object, lead_id LIMIT ?",
        (*ref, limit),
    )
    return [_decay(r) for r in rows]


Planned = tuple[str, int, datetime | None, datetime | None, datetime | None]
"""A level to come: its name and number, when it is due, since when it is held, when to look."""


def set_levels(db: Db, row: DecayRow, levels: Iterable[Planned]) -> None:
    """These levels are to come; those reached stay as they are."""
    planned = list(levels)
    key = (row.ref.crm, row.ref.object, row.ref.id, row.cycle)
    db.execute(
        "DELETE FROM decay_levels"
        " WHERE crm = ? AND object = ? AND lead_id = ? AND cycle = ? AND reached_at IS NULL"
        " AND level NOT IN (SELECT value FROM json_each(?))",
        (*key, json.dumps([name for name, *_ in planned])),
    )
    db.executemany(
        "INSERT INTO decay_levels"
        " (crm, object, lead_id, cycle, level, number, due_at, look_at, held_at)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
        " ON CONFLICT (crm, object, lead_id, cycle, level) DO UPDATE SET"
        " number = ?6, due_at = ?7, look_at = ?8, held_at = ?9 WHERE reached_at IS NULL",
        [
            (*key, name, n, _iso(due), _iso(look), _iso(held))
            for name, n, due, held, look in planned
        ],
    )


def levels_of(db: Db, ref: Ref, cycle: int) -> list[LevelRow]:
    """The levels of a lead in their order, reached or to come."""
    return [
        LevelRow(
            level, number, _when(due_at), _when(look_at), _when(reached_at), _when(held_at)
        )
        for level, number, due_at, look_at, reached_at, held_at in db.rows(
            "SELECT level, number, due_at, look_at, reached_at, held_at FROM decay_levels"
        " WHERE crm = ? AND object = ? AND lead_id = ? AND cycle = ? ORDER BY number, level",
            (ref.crm, ref.object, ref.id, cycle),
        )
    ]  # fmt: skip


def due(db: Db, crm: str, now: datetime, limit: int) -> list[Ref]:
    """The leads of a CRM with a level to look at, the longest due first."""
    rows = db.rows(
        "SELECT object, lead_id, min(look_at) at FROM (SELECT object, lead_id, look_at"
        " FROM decay_levels WHERE crm = ? AND reached_at IS NULL AND look_at IS NOT NULL"
        " AND look_at <= ? ORDER BY look_at LIMIT ?) GROUP BY object, lead_id ORDER BY at",
        (crm, now.isoformat(), limit),
    )
    return [Ref(crm, r["object"], r["lead_id"]) for r in rows]


def due_of(db: Db, crm: str, refs: Sequence[Ref], now: datetime) -> frozenset[Ref]:
    """Those of these leads of one CRM that have a level, of whichever cycle, to be looked at."""
    rows = db.rows(
        # The plus keeps SQLite from going through all levels that are due in the CRM.
        "SELECT DISTINCT d.object, d.lead_id FROM json_each(?) asked CROSS JOIN decay_levels d"
        " ON d.crm = ? AND d.object = json_extract(asked.value, '$[0]')"
        " AND d.lead_id = json_extract(asked.value, '$[1]')"
        " WHERE d.reached_at IS NULL AND +d.look_at <= ?",
        (json.dumps([(r.object, r.id) for r in refs]), crm, now.isoformat()),
    )
    return frozenset(Ref(crm, r["object"], r["lead_id"]) for r in rows)


def is_due(db: Db, ref: Ref, now: datetime) -> bool:
    """Whether a level of a lead, of whichever cycle, is to be looked at."""
    found = db.row(
        # The plus keeps SQLite from going through all levels that are due in the CRM.
        "SELECT 1 FROM decay_levels WHERE crm = ? AND object = ? AND lead_id = ?"
        " AND reached_at IS NULL AND +look_at <= ? LIMIT 1",
        (ref.crm, ref.object, ref.id, now.isoformat()),
    )
    return found is not None


def look_at(db: Db, row: DecayRow, levels: Sequence[str], until: datetime | None) -> None:
    """Look at these levels again at `until`; None: when the lead changes."""
    db.executemany(
        "UPDATE decay_levels SET look_at = ?"
        " WHERE crm = ? AND object = ? AND lead_id = ? AND cycle = ? AND level = ?"
        " AND reached_at IS NULL",
        [
            (_iso(until), row.ref.crm, row.ref.object, row.ref.id, row.cycle, level)
            for level in levels
        ],
    )


def reach(db: Db, row: DecayRow, levels: Sequence[str], now: datetime) -> None:
    """The lead is at these levels, once and for all in this cycle."""
    db.executemany(
        "UPDATE decay_levels SET reached_at = ?, look_at = NULL"
        " WHERE crm = ? AND object = ? AND lead_id = ? AND cycle = ?"
        " AND level = ? AND reached_at IS NULL",
        [
            (now.isoformat(), row.ref.crm, row.ref.object, row.ref.id, row.cycle, level)
            for level in levels
        ],
    )


def drop_unreached(db: Db, ref: Ref) -> None:
    """What has not come of a lead will not come; what it has reached stays told."""
    key = (ref.crm, ref.object, ref.id)
    db.execute(
        "DELETE FROM decay_levels WHERE crm = ? AND object = ? AND lead_id = ?"
        " AND reached_at IS NULL",
        key,
    )
    db.execute("UPDATE decays SET asleep = 1 WHERE crm = ? AND object = ? AND lead_id = ?", key)


def of_person(db: Db, person_id: str) -> list[Ref]:
    """The records of a person whose levels are looked at."""
    rows = db.rows(
        "SELECT d.crm, d.object, d.lead_id FROM decays d JOIN leads l ON l.crm = d.crm"
        " AND l.object = d.object AND l.id = d.lead_id WHERE l.person_id = ? AND d.asleep = 0",
        (person_id,),
    )
    return [Ref(r["crm"], r["object"], r["lead_id"]) for r in rows]


def taken_at(db: Db, ref: Ref, after: datetime | None) -> datetime | None:
    """When we first took this lead to route it, `after` so far if given; None: never."""
    r = db.row(
        "SELECT min(at) at FROM decisions WHERE crm = ? AND object = ? AND lead_id = ?"
        " AND outcome <> 'leave'"
        " AND (? IS NULL OR at >= ?)",
        (ref.crm, ref.object, ref.id, _iso(after), _iso(after)),
    )
    return None if r is None else _when(r["at"])


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _when(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _decay(r: Iterable[Any]) -> DecayRow:
    """A whole row, its columns in their order."""
    crm, object, lead_id, cycle, since, touched, asleep = r
    return DecayRow(
        Ref(crm, object, lead_id), cycle, datetime.fromisoformat(since), _when(touched),
        bool(asleep),
    )  # fmt: skip

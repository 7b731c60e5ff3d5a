"""Sums over the whole state: leads by state, clocks by how they ended, steps, tasks.

Read by `fairlead simulate`; each is one pass, so nothing here belongs into a loop of the daemon.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fairlead.core.types import Ref
from fairlead.store.clocks import ClockRow
from fairlead.store.clocks import _clock as read_clock
from fairlead.store.db import Db
from fairlead.store.recyclings import Round
from fairlead.store.recyclings import _round as read_round


@dataclass(frozen=True, slots=True)
class Fired:
    """One step that the journal says was fired: what it did, and what came of it."""

    ref: Ref
    clock: str
    step: str
    act: str
    reason: str
    at: str


def leads_by_state(db: Db) -> dict[str, int]:
    """How many records are in each state."""
    rows = db.rows("SELECT state, count(*) n FROM leads GROUP BY state ORDER BY state")
    return {r["state"]: r["n"] for r in rows}


def owners_of_leads(db: Db) -> dict[Ref, tuple[str, str | None]]:
    """State and owner of each lead, as we believe them to be."""
    rows = db.rows("SELECT crm, object, id, state, owner_id FROM leads")
    return {Ref(r["crm"], r["object"], r["id"]): (r["state"], r["owner_id"]) for r in rows}


def effects_done(db: Db) -> dict[str, list[tuple[str, Ref]]]:
    """Key and lead of each effect that was written, by its kind."""
    found: dict[str, list[tuple[str, Ref]]] = {}
    for r in db.rows("SELECT key, crm, object, lead_id, kind FROM outbox WHERE state = 'done'"):
        ref = Ref(r["crm"], r["object"], r["lead_id"])
        found.setdefault(r["kind"], []).append((r["key"], ref))
    return found


def effects_by_state(db: Db) -> dict[str, int]:
    """How many effects are in each state."""
    rows = db.rows("SELECT state, count(*) n FROM outbox GROUP BY state ORDER BY state")
    return {r["state"]: r["n"] for r in rows}


def all_clocks(db: Db) -> list[ClockRow]:
    """Every clock there was."""
    return [read_clock(r) for r in db.rows("SELECT * FROM clocks ORDER BY since, id")]


def steps_to_come(db: Db) -> dict[str, list[tuple[str, str | None]]]:
    """Steps not fired, with their instants, by clock."""
    found: dict[str, list[tuple[str, str | None]]] = {}
    for r in db.rows("SELECT clock_id, step, due_at FROM clock_steps WHERE fired_at IS NULL"):
        found.setdefault(r["clock_id"], []).append((r["step"], r["due_at"]))
    return found


def steps_fired(db: Db) -> dict[str, dict[str, tuple[str, str]]]:
    """When each step was due and fired, by clock and step."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for r in db.rows("SELECT * FROM clock_steps WHERE fired_at IS NOT NULL"):
        found.setdefault(r["clock_id"], {})[r["step"]] = (r["due_at"], r["fired_at"])
    return found


def fired(db: Db) -> list[Fired]:
    """Every firing, as it was journaled."""
    rows = db.rows(
        "SELECT at, crm, object, lead_id, detail ->> 'clock' clock, detail ->> 'step' step,"
        " detail ->> 'act' act, detail ->> 'reason' reason FROM journal"
        " WHERE event = 'clock.fired' ORDER BY seq"
    )
    return [
        Fired(
            Ref(r["crm"], r["object"], r["lead_id"]), r["clock"], r["step"], r["act"],
            r["reason"], r["at"],
        )
        for r in rows
    ]  # fmt: skip


def events(db: Db) -> Mapping[str, int]:
    """How often each event stands in the journal."""
    rows: list[Any] = db.rows("SELECT event, count(*) n FROM journal GROUP BY event")
    return {r["event"]: r["n"] for r in rows}


def all_rounds(db: Db) -> list[Round]:
    """Every recycling and every end of a lead."""
    return [read_round(r) for r in db.rows("SELECT * FROM recyclings ORDER BY since, id")]


def all_signals(db: Db) -> list[tuple[Ref, str, datetime]]:
    """Each occurrence of a signal: its lead, its name, its instant."""
    rows = db.rows("SELECT crm, object, lead_id, name, at FROM signals")
    return [(_ref(r), r["name"], datetime.fromisoformat(r["at"])) for r in rows]


def levels_reached(db: Db) -> list[tuple[Ref, str, datetime, datetime]]:
    """Each level of decay that was reached: when it was due, and when it was."""
    rows = db.rows("SELECT * FROM decay_levels WHERE reached_at IS NOT NULL")
    return [
        (_ref(r), r["level"], *(datetime.fromisoformat(r[c]) for c in ("due_at", "reached_at")))
        for r in rows
    ]


def decayed(db: Db) -> list[tuple[Ref, str, datetime]]:
    """Each level of decay as it was journaled: its lead, its name, when."""
    rows = db.rows(
        "SELECT at, crm, object, lead_id, detail ->> 'level' level FROM journal"
        " WHERE event = 'lead.decayed' ORDER BY seq"
    )
    return [(_ref(r), r["level"], datetime.fromisoformat(r["at"])) for r in rows]


def follow_ups_made(db: Db) -> list[tuple[str, str]]:
    """Each follow-up as it was journaled: its cadence and its number."""
    rows = db.rows(
        "SELECT detail ->> 'follow_up' cadence, detail ->> 'step' step FROM journal"
        " WHERE event = 'cadence.task' ORDER BY seq"
    )
    return [(r["cadence"], str(r["step"])) for r in rows]


def _ref(r: Any) -> Ref:
    return Ref(r["crm"], r["object"], r["lead_id"])

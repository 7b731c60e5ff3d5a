"""Sums over the whole state: leads by state, clocks by how they ended, steps, tasks.

Read by `fairlead simulate`; each is one pass, so nothing here belongs into a loop of the daemon.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.core.types import Ref
from fairlead.store.clocks import ClockRow
from fairlead.store.clocks import _clock as read_clock
from fairlead.store.db import Db


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

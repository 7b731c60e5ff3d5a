"""What the commands about dead letters do, over the store; JSON-safe."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fairlead.core.types import LeadState
from fairlead.daemon.overtaken import close, overtaken
from fairlead.errors import ConfigError
from fairlead.store import journal, leads, outbox
from fairlead.store.db import Db
from fairlead.store.journal import DeadLetter
from fairlead.store.outbox import EffectKind
from fairlead.telemetry import get_logger

log = get_logger()


def list_letters(db: Db, *, include_closed: bool) -> list[dict[str, Any]]:
    """Those that wait for a person, or all there ever were; the oldest first."""
    return [
        {
            "id": d.id, "lead": str(d.ref), "stage": d.stage, "reason": d.reason,
            "at": d.at.isoformat(), "state": d.state,
        }
        for d in journal.dead_letters(db, include_closed=include_closed)
    ]  # fmt: skip


def retry_letters(db: Db, id: int | None, now: datetime) -> dict[str, Any]:
    """Look again at one, or at all: a write goes out again, a lead is read and decided on afresh.

    A write that should not be made any more is closed instead, and told under `overtaken`.
    """
    retried, closed = 0, []
    with db.transaction():
        for d in _chosen(db, id):
            row = outbox.get(db, d.effect_key) if d.effect_key else None
            why = "" if row is None else overtaken(db, row)
            if why:
                close(db, d, why, now)
                closed.append({"id": d.id, "lead": str(d.ref), "reason": why})
                continue
            journal.close_dead_letter(db, d.id, "retried", now)
            journal.write(db, now, "dead_letter.retried", ref=d.ref)
            lead = leads.get_lead(db, d.ref)
            recycled = lead is not None and lead.state is LeadState.RECYCLED
            if row is not None and (row.kind is not EffectKind.SET_OWNER or recycled):
                outbox.again(db, row.key, now, "retried by a person")
            else:
                leads.set_state(db, d.ref, LeadState.HELD, "a retry was asked for")
            log.info("dead_letter.retried", lead=str(d.ref), stage=d.stage)
            retried += 1
    return {"retried": retried, "overtaken": closed}


def drop_letters(db: Db, id: int, now: datetime) -> dict[str, Any]:
    """Give one up; a lead that could not be routed is terminal. Said in the journal."""
    with db.transaction():
        for d in _chosen(db, id):
            journal.close_dead_letter(db, d.id, "dropped", now)
            row = leads.get_lead(db, d.ref)
            routed = d.stage not in journal.ROUTED
            if row is not None and row.state is LeadState.DEAD_LETTER and not routed:
                leads.set_state(db, d.ref, LeadState.TERMINAL, "dropped by a person")
            journal.write(db, now, "dead_letter.dropped", ref=d.ref)
            log.info("dead_letter.dropped", lead=str(d.ref), stage=d.stage)
    return {"dropped": id}


def _chosen(db: Db, id: int | None) -> list[DeadLetter]:
    waiting = journal.dead_letters(db)
    if id is None:
        return waiting
    chosen = [d for d in waiting if d.id == id]
    if not chosen:
        raise ConfigError(f"no open dead letter has the number {id}; see dead-letters list")
    return chosen

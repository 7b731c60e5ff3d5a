"""Leads that lie in a claim queue: to whom they are offered, until when, and who took them.

    open ──until──▶ expired      both can still be taken while the lead lies in the queue
      └──────┬─────────┘
             ▼
    taken (a rep owns it now) · over (it went another way)

One row per lead and team. What is needed to charge the taker is kept with it, so that it does not
matter under which policy the lead is taken.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from fairlead.core.claim import Claim, Claimant, Offer
from fairlead.core.effects import UpsertTask
from fairlead.core.types import Ref
from fairlead.store.db import Db
from fairlead.store.outbox import dump, task_from


@dataclass(frozen=True, slots=True)
class Offered:
    """One offer that can still be taken; `task` is what the taker is to get."""

    decision_id: str
    at: datetime
    claim: Claim
    task: UpsertTask | None


def offer(
    db: Db, ref: Ref, claim: Claim, decision_id: str, task: UpsertTask | None, now: datetime
) -> None:
    """Offer a lead to a team; one that is open keeps its beginning and its task."""
    claimants = [[c.rep_id, c.owner_id, str(c.weight)] for c in claim.claimants]
    db.execute(
        "INSERT INTO claims (crm, object, lead_id, team, state, decision_id, queue_id, offered_at,"
        " until, pool, claimants, task) VALUES (?, ?, ?, ?, 'open', ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (crm, object, lead_id, team) DO UPDATE SET"
        " offered_at = iif(state = 'open', offered_at, excluded.offered_at), state = 'open',"
        " decision_id = excluded.decision_id, queue_id = excluded.queue_id,"
        " until = excluded.until, pool = excluded.pool, claimants = excluded.claimants,"
        " task = iif(state = 'open', task, excluded.task), rep_id = NULL, settled_at = NULL",
        (
            ref.crm, ref.object, ref.id, claim.team, decision_id, claim.queue_id, now.isoformat(),
            None if claim.until is None else claim.until.isoformat(), claim.pool,
            json.dumps(claimants), None if task is None else dump(task),
        ),
    )  # fmt: skip


def offers_of(db: Db, ref: Ref) -> tuple[Offer, ...]:
    """Where the lead is offered, or was until the time was over; the earliest first."""
    return tuple(
        Offer(r["team"], r["queue_id"], datetime.fromisoformat(r["offered_at"]))
        for r in _waiting(db, ref)
    )


def latest(db: Db, ref: Ref) -> Offered | None:
    """The newest offer of the lead that can still be taken."""
    rows = _waiting(db, ref)
    return _offered(rows[-1]) if rows else None


def _waiting(db: Db, ref: Ref) -> Sequence[Any]:
    return db.rows(
        "SELECT * FROM claims WHERE crm = ? AND object = ? AND lead_id = ?"
        " AND state IN ('open', 'expired') ORDER BY offered_at, team",
        (ref.crm, ref.object, ref.id),
    )


def due(db: Db, crm: str, now: datetime, limit: int) -> list[Ref]:
    """Leads of a CRM that nobody took in time, the longest due first."""
    rows = db.rows(
        "SELECT DISTINCT crm, object, lead_id FROM claims WHERE crm = ? AND state = 'open'"
        " AND until <= ? ORDER BY until, lead_id LIMIT ?",
        (crm, now.isoformat(), limit),
    )
    return [Ref(r["crm"], r["object"], r["lead_id"]) for r in rows]


def expire(db: Db, ref: Ref, now: datetime) -> None:
    """The offers whose time is over have been seen to."""
    db.execute(
        "UPDATE claims SET state = 'expired' WHERE crm = ? AND object = ? AND lead_id = ?"
        " AND state = 'open' AND until <= ?",
        (ref.crm, ref.object, ref.id, now.isoformat()),
    )


def end(db: Db, ref: Ref, now: datetime, rep_id: str | None = None) -> None:
    """No offer of the lead stands any more: `rep_id` took it, or it went another way."""
    db.execute(
        "UPDATE claims SET state = ?, rep_id = ?, settled_at = ? WHERE crm = ? AND object = ?"
        " AND lead_id = ? AND state IN ('open', 'expired')",
        (
            "over" if rep_id is None else "taken",
            rep_id,
            now.isoformat(),
            ref.crm,
            ref.object,
            ref.id,
        ),
    )


def _offered(r: Any) -> Offered:
    claimants = tuple(
        Claimant(rep, owner, Fraction(w)) for rep, owner, w in json.loads(r["claimants"])
    )
    until = None if r["until"] is None else datetime.fromisoformat(r["until"])
    claim = Claim(r["team"], r["pool"], r["queue_id"], until, claimants)
    task = None if r["task"] is None else task_from(r["task"])
    return Offered(r["decision_id"], datetime.fromisoformat(r["offered_at"]), claim, task)

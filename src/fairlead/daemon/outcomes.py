"""What became of a lead that we gave to somebody: a success, or not worth the turn.

Called by `routing` with each sighting of a lead that needs no decision, in its transaction.
"""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from typing import Protocol

from fairlead.core.decision import World
from fairlead.core.policy import Policy
from fairlead.core.types import Lead
from fairlead.daemon.sightings import is_persons
from fairlead.store import decisions, journal, weights
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow
from fairlead.telemetry import get_logger

log = get_logger()


class Seen(Protocol):
    """What is needed of a snapshot in use."""

    world: World
    running: dict[str, dict[str, Fraction]]


def learn(
    db: Db,
    policy: Policy,
    lead: Lead,
    before: LeadRow | None,
    kept: LeadRow,
    snap: Seen,
    now: datetime,
) -> None:
    """Note a success, and give a turn back, once for a decision each. Idempotent."""
    if before is None or kept.decision_id is None:
        return
    values = {**lead.values, "now": now}
    if policy.won_when is not None and policy.won_when.test(values):
        weights.win(db, kept.decision_id, now)
    back = policy.credit_back
    if back is None or kept.decided_at is None or now - kept.decided_at > back.within:
        return
    decision = decisions.get_decision(db, kept.decision_id)
    if decision is None or decision.ref != lead.ref or decision.rep_id is None:
        return
    ours, crm = decision.owner_id, lead.ref.crm
    persons = is_persons(snap.world, crm, kept.owner_id)
    theirs = ours in (before.owner_id, kept.owner_id) or not persons
    handed = before.owner_id == ours and not persons
    if back.handed_back and handed:
        why = "handed back"
    elif back.when is not None and back.when.test(values) and theirs:
        why = "credit_back holds"
    else:
        return
    rep = decisions.credit(db, decision.id, lead.ref, now, snap.running)
    if rep is None:
        return
    journal.write(
        db, now, "turn.credited", ref=lead.ref, decision_id=decision.id, rep=rep, reason=why
    )
    log.info("turn.credited", crm=crm, lead=str(lead.ref), decision=decision.id, reason=why)

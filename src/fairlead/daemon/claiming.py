"""Claim queues in a running house: what is offered, who took it, what nobody took in time.

Called by `routing` and `verify` inside their transactions whenever a lead is decided on or has a
new owner. Who takes a lead first pays the turn and gets the task; everything later is what people
do with their own leads.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from fractions import Fraction

from fairlead.core.decision import Case, Decision, OutcomeKind
from fairlead.core.methods_group import claim_entries
from fairlead.core.plan import task_when_claimed
from fairlead.core.policy import Policy
from fairlead.core.types import Ref
from fairlead.store import claims, decisions, journal, outbox, times
from fairlead.store.db import Db
from fairlead.telemetry import get_logger

log = get_logger()


def decided(
    db: Db, case: Case, decision: Decision, decision_id: str, policy: Policy, now: datetime
) -> None:
    """Keep what the decision offers, and end what it offers no longer.

    What is held or left in its queue can be taken from there all the same, and is not due again.
    """
    ref = case.lead.ref
    if decision.claim is not None:
        claims.expire(db, ref, now)
        task = task_when_claimed(case, decision, policy, now)
        claims.offer(db, ref, decision.claim, decision_id, task, now)
    elif case.offers and decision.outcome is OutcomeKind.ASSIGN:
        claims.end(db, ref, now)
    elif case.offers:
        claims.expire(db, ref, now)


def new_owner(
    db: Db,
    ref: Ref,
    owner_id: str | None,
    now: datetime,
    *,
    person: bool,
    running: dict[str, dict[str, Fraction]] | None = None,
) -> str | None:
    """Somebody else than fairlead gave a lead another owner: perhaps a rep took it from its queue.

    The new reason of the lead's state, None if it was not offered. Idempotent. `person` says
    whether the owner is a person, `running` are the balances of a snapshot in use. A person who was
    not asked costs nobody a turn and gets no task.
    """
    offered = claims.latest(db, ref)
    if offered is None or owner_id == offered.claim.queue_id:
        return None
    taker = next((c for c in offered.claim.claimants if c.owner_id == owner_id), None)
    claims.end(db, ref, now, None if taker is None else taker.rep_id)
    if not person:
        return None
    if taker is not None:
        entries = claim_entries(offered.claim, taker.rep_id)
        balances = decisions.balances(db) if running is None else running
        decisions.post(db, offered.decision_id, entries, balances, now)
        if entries:
            decisions.count(db, [(offered.claim.pool, taker.rep_id)], 1)
        if offered.task is not None:
            due = offered.task.due_at + (now - offered.at)
            task = replace(offered.task, owner_id=taker.owner_id, due_at=due)
            outbox.add(
                db, task, decision_id=offered.decision_id, urgent=task.high_priority, now=now
            )
    times.taken(db, ref, offered.decision_id, None if taker is None else taker.rep_id, now)
    waited = int((now - offered.at).total_seconds())
    journal.write(
        db, now, "lead.claimed", ref=ref, decision_id=offered.decision_id, owner_id=owner_id,
        rep=None if taker is None else taker.rep_id, team=offered.claim.team, waited=waited,
    )  # fmt: skip
    log.info("lead.claimed", crm=ref.crm, lead=str(ref), owner=owner_id, seconds=waited)
    who = "somebody who was not asked" if taker is None else taker.rep_id
    return f"taken from its claim queue by {who}"

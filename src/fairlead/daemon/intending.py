"""From an assignment to its writes: owners, tasks, and the person's other records that go along.

Between `routing`, which decides, and the outbox.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from fairlead.core.activity import Activity
from fairlead.core.decision import RECYCLE, Case, Decision, World
from fairlead.core.effects import Effect, UpsertTask
from fairlead.core.plan import FollowerRecord, plan
from fairlead.core.policy import Policy
from fairlead.core.types import LeadState, Ref
from fairlead.daemon import timing
from fairlead.daemon.context import context_of
from fairlead.daemon.sightings import is_persons
from fairlead.store import journal, leads, outbox, recyclings
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow

FOLLOWS = "follows a duplicate"


def intend(
    db: Db,
    policy: Policy,
    world: World,
    case: Case,
    decision: Decision,
    decision_id: str,
    others: Sequence[LeadRow],
    now: datetime,
    done: Sequence[Activity] = (),
) -> None:
    """Put what an assignment has to write into the outbox; the person's held records follow it.

    `done` is what has just been read of the lead's activities. Inside the caller's
    transaction, after the decision is stored.
    """
    followers = tuple(
        FollowerRecord(o.ref, o.owner_id)
        for o in others
        if o.ref.crm == case.lead.ref.crm
        and o.ref != case.lead.ref
        and o.state is LeadState.HELD
        and o.decision_id is not None
        and not is_persons(world, o.ref.crm, o.owner_id)
    )
    inherited = _has_task_of(db, decision.follows, others)
    lead = case.lead
    timing.begin(db, case, decision, decision_id, lead.ref, lead.created_at, lead.owner_id, now)
    known = context_of(db, policy, world, case, decision, decision_id, others, done, now)
    back = case.order is not None and case.order.kind == RECYCLE
    if back:
        known = replace(known, before=(), done=())  # its story has them
    planned = plan(case, decision, policy, now, followers=followers, known=known)
    if back:
        planned = _with_story(db, lead.ref, planned)
    outbox.drop_roles(db, case.lead.ref, [effect.key for effect in planned], now)
    for effect in planned:
        if inherited and isinstance(effect, UpsertTask) and effect.ref == case.lead.ref:
            continue
        outbox.add(db, effect, decision_id=decision_id, urgent=decision.high_priority, now=now)
    for o in others:
        if any(f.ref == o.ref for f in followers):
            timing.begin(db, case, decision, decision_id, o.ref, o.created_at, o.owner_id, now)
            leads.put_lead(
                db,
                replace(
                    o, state=LeadState.ASSIGNED, reason=FOLLOWS, owner_id=decision.owner_id,
                    decision_id=decision_id, decided_at=now, retry_at=None,
                ),
            )  # fmt: skip
            journal.write(
                db, now, "lead.decided", ref=o.ref, decision_id=decision_id,
                outcome=decision.outcome.value, state=LeadState.ASSIGNED.value,
                rule=decision.rule, reason=FOLLOWS, policy=policy.hash[:12],
            )  # fmt: skip


def _with_story(db: Db, ref: Ref, planned: tuple[Effect, ...]) -> tuple[Effect, ...]:
    """The new owner of a lead that comes back reads what has been."""
    last = recyclings.latest(db, ref)
    story = "" if last is None or not last.story else f"\n\n{last.story}"
    return tuple(
        replace(e, body=f"{e.body}{story}") if isinstance(e, UpsertTask) else e for e in planned
    )


def _has_task_of(db: Db, followed: Ref | None, others: Sequence[LeadRow]) -> bool:
    """Whether the record followed was merged away and had its task: it came along."""
    gone = any(o.ref == followed and o.state is LeadState.GONE for o in others)
    if followed is None or not gone:
        return False
    task = outbox.task_of(db, followed)
    return task is not None and task.state is outbox.OutboxState.DONE

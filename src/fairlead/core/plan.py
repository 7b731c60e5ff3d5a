"""Sixth step: a decision to the writes that make it true. Pure; the store keeps what comes out.

Effects are named after the case and the record, never after the owner, so that deciding the same
case again moves the same owner write and the same task instead of adding a second one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fairlead.core.decision import Case, Companion, Decision, Order, OutcomeKind, rule_told
from fairlead.core.effects import Effect, SetOwner, UpsertTask, effect_key
from fairlead.core.handover import NOTHING, Handover, handover
from fairlead.core.policy import Policy, TaskSpec
from fairlead.core.types import Ref

AUDIT_LIMIT = 255
"""Characters of the CRM's audit field; a longer text ends in an ellipsis."""


@dataclass(frozen=True, slots=True)
class FollowerRecord:
    """Another record of the same person that gets the same owner; `owner_id` is the one seen.

    `new_owner_id` is needed only for a record in another CRM: the rep's owner id there.
    """

    ref: Ref
    owner_id: str | None
    new_owner_id: str | None = None


def plan(
    case: Case,
    decision: Decision,
    policy: Policy,
    now: datetime,
    *,
    followers: Sequence[FollowerRecord] = (),
    known: Handover = NOTHING,
) -> tuple[Effect, ...]:
    """The writes of a decision, owners first; none unless it assigns.

    A record whose owner is already right gets no owner write. One task per record and generation
    when a rep of ours gets it, duplicates included: in a second CRM it is the only sign the rep
    sees; and on the lead itself one for each other role of a group. Tasks are due `due_in` after
    `now`. Same arguments, same effects.
    """
    if decision.outcome is not OutcomeKind.ASSIGN or decision.owner_id is None:
        return ()
    lead = case.lead
    owners: list[Effect] = []
    tasks: list[Effect] = []
    for record in (FollowerRecord(lead.ref, lead.owner_id, decision.owner_id), *followers):
        same_crm = record.ref.crm == lead.ref.crm
        owner_id = record.new_owner_id or (decision.owner_id if same_crm else None)
        if owner_id is None:
            continue
        if owner_id != record.owner_id:
            key = effect_key(case.person_id, case.generation, record.ref, "owner")
            owners.append(
                SetOwner(
                    key, record.ref, owner_id, record.owner_id, audit_text(decision, case.order)
                )
            )
        if policy.task is not None and decision.rep_id is not None:
            body = handover(case, decision, policy, known, record.ref)
            tasks.append(_task(case, decision, record.ref, owner_id, body, policy.task, now))
    if policy.task is not None:
        for companion in decision.companions:
            body = handover(case, decision, policy, known)
            tasks.append(_beside(case, decision, companion, body, policy.task, now))
    return (*owners, *tasks)


def task_when_claimed(
    case: Case, decision: Decision, policy: Policy, now: datetime, known: Handover = NOTHING
) -> UpsertTask | None:
    """The task that waits for whoever takes the lead out of its claim queue; it has no owner yet.

    None when the decision offers nothing, or the policy makes no tasks.
    """
    if decision.claim is None or policy.task is None:
        return None
    body = handover(case, decision, policy, known)
    return _task(case, decision, case.lead.ref, "", body, policy.task, now)


def _beside(
    case: Case,
    decision: Decision,
    companion: Companion,
    body: str,
    spec: TaskSpec,
    now: datetime,
) -> UpsertTask:
    """The task of somebody of a group who does not own the lead; it moves with the role."""
    ref = case.lead.ref
    key = effect_key(case.person_id, case.generation, ref, f"task of {companion.role}")
    task = _task(case, decision, ref, companion.owner_id, body, spec, now)
    _, _, rest = task.body.partition("\n")
    body = (
        f"fairlead asks you onto this lead as {companion.role}; {decision.rep_id} owns it.\n{rest}"
    )
    return replace(task, key=key, marker=f"fl-{key}", body=body, role=companion.role)


def audit_text(decision: Decision, order: Order | None = None) -> str:
    """The short reason for the CRM's audit field: rule and why, no lead data."""
    rule = rule_told(decision.rule, order)
    text = f"{rule}: {decision.reason}" if rule else decision.reason
    return text if len(text) <= AUDIT_LIMIT else text[: AUDIT_LIMIT - 1] + "…"


def _task(
    case: Case,
    decision: Decision,
    ref: Ref,
    owner_id: str,
    body: str,
    spec: TaskSpec,
    now: datetime,
) -> UpsertTask:
    key = effect_key(case.person_id, case.generation, ref, "task")
    return UpsertTask(
        key=key,
        ref=ref,
        marker=f"fl-{key}",
        owner_id=owner_id,
        subject=spec.subject,
        body=body,
        due_at=now + spec.due_in,
        high_priority=decision.high_priority,
    )

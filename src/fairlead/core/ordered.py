"""Routing that a person ordered of a lead that somebody may own: what differs from the usual way.

Asked by `decide`. The order sees one owner; who got the lead since then keeps it, for people win.
"""

from __future__ import annotations

from fairlead.core.decision import BY_HAND, RECYCLE, Decision, Order, Question
from fairlead.core.destination import Answer, past_rotation, resolve
from fairlead.core.eligibility import first_free, obstacle, unable
from fairlead.core.policy import ToTeam
from fairlead.core.trail import Trail
from fairlead.core.types import OwnerKind

SINCE = "given to a person since it was ordered"


def given_since(question: Question, order: Order) -> bool:
    """Whether a person owns the lead now who did not when the routing was ordered."""
    owner_id = question.case.lead.owner_id
    if owner_id is None or owner_id == order.taken_from:
        return False
    owner = question.world.owners.get((question.crm, owner_id))
    if owner is not None and owner.kind is OwnerKind.QUEUE:
        return False
    rep = question.world.rep_of(question.crm, owner_id)
    return (owner_id if rep is None else rep.id) not in question.case.excluded


def named_by_hand(question: Question, order: Order, trail: Trail) -> Decision | None:
    """To the rep or the team that the order names; None when the rules are to decide."""
    if order.to is not None:
        return _to_rep(order.to, question, order, trail)
    if order.team is None:
        return None
    name = order.by if order.kind == RECYCLE else BY_HAND
    answer = resolve(ToTeam(order.team), question)
    trail.asked(answer)
    if answer.owner_id is not None:
        return trail.assigned(answer, name, False)
    retry_at = first_free(trail.waiting, question)
    return trail.held((answer.reason,), name, False, retry_at)


def _to_rep(rep_id: str, question: Question, order: Order, trail: Trail) -> Decision:
    rep = question.world.reps.get(rep_id)
    if rep is None:
        return trail.held((f"given by hand to {rep_id}, who is not in the roster",), BY_HAND, False)
    found = unable(rep, question) if order.even_if_away else obstacle(rep, question)
    if found is not None:
        why = f"given by hand to {rep.id}, who cannot take it: {found.reason}"
        trail.asked(Answer(why, places=(f"rep:{rep.id}",), waiting=(rep.id,)))
        return trail.held((why,), BY_HAND, False, first_free((rep.id,), question))
    late = obstacle(rep, question)
    if late is not None:
        trail.note(f"{rep.id} gets it all the same: {late.reason}")
    return trail.assigned(past_rotation(rep, order.reason or "ordered", question), BY_HAND, False)

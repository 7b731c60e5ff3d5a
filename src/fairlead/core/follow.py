"""Whom a lead follows: the rep who owns another record of the same person."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from fairlead.core.candidates import stand_in
from fairlead.core.decision import Decision, Known, Passed, Question
from fairlead.core.destination import Answer
from fairlead.core.policy import Policy
from fairlead.core.trail import Trail
from fairlead.core.turns import charged


def follow(question: Question, trail: Trail, sticky: timedelta | None) -> Decision | None:
    """Assign to the rep who owns another record of the same person; None when there is none.

    Several owners: the owner authority's CRM first, then the earliest decided, then by address. An
    owner who cannot take it is noted, and the rules decide: they pass over the absent, too. While
    the owner is on leave the cover takes it, if there is one. Passed over, too, is
    one whose record was decided on `sticky` ago or earlier; a record never decided on has no limit
    unless `sticky` is 0, which follows nobody.
    """
    case = question.case
    known = [k for k in case.match.known if k.rep_id is not None and k.ref != case.lead.ref]
    if case.order is not None and case.order.whole_person:
        was = question.world.rep_of(question.crm, case.order.taken_from or "")
        known = [k for k in known if was is None or k.rep_id != was.id]
    for k in sorted(known, key=lambda k: _precedence(k, question.policy)):
        rep = question.world.reps.get(k.rep_id or "")
        found = None if rep is None else stand_in(rep, question)
        taker = None if found is None else found.rep
        if found is None or taker is None:
            told = found.blocked[0][1].reason if found else "not in the roster"
            trail.note(f"the owner of a duplicate, {k.rep_id}, cannot take it: {told}")
            covers = found.blocked[1:] if found else ()
            trail.asked(Answer("", passed=tuple(Passed(r, b.reason) for r, b in covers)))
            continue
        ended = _ended(k, sticky, question.now)
        if ended is not None:
            trail.note(f"the owner of a duplicate, {k.rep_id}, is not followed: {ended}")
            continue
        reason = f"follows the owner of a duplicate ({k.key})"
        if found.told:
            reason = f"{reason}; {found.told}"
            trail.asked(Answer("", passed=tuple(Passed(r, b.reason) for r, b in found.blocked)))
        counts = charged("followed", taker.id, question)
        answer = Answer(reason, taker.crm_ids[question.crm], taker.id, counts)
        decision = trail.assigned(answer, "", False)
        return replace(decision, follows=k.ref)
    if case.match.known and not known:
        trail.note("a duplicate is known, but no rep owns it")
    return None


def _ended(known: Known, sticky: timedelta | None, now: datetime) -> str | None:
    """Why this owner is followed no longer; None while it is."""
    if sticky is None:
        return None
    if not sticky:
        return "sticky is 0"
    if known.decided_at is None or now - known.decided_at < sticky:
        return None
    return f"decided {(now - known.decided_at) // timedelta(days=1)} days ago"


def _precedence(known: Known, policy: Policy) -> tuple[bool, bool, str, str]:
    at = known.decided_at
    return (
        known.ref.crm != policy.owner_authority,
        at is None,
        "" if at is None else at.isoformat(),
        str(known.ref),
    )

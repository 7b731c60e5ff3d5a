"""Fifth step: one case, the world and the policy to one decision. The heart of the house.

Stands between `match` and `plan`. Total and deterministic: the same arguments give the same
decision, whatever the hour and the machine; every lead ends in a named state. The order of
questions is the order of the functions below: is it ours to route, whom does it follow, which rule
takes it, must it wait, where does that lead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fairlead.core.decision import Case, Decision, OutcomeKind, Question, World
from fairlead.core.destination import Answer, resolve
from fairlead.core.eligibility import can_wait, first_free
from fairlead.core.follow import follow
from fairlead.core.match import with_match, with_tables
from fairlead.core.next_grade import next_grade_at
from fairlead.core.ordered import SINCE, given_since, named_by_hand
from fairlead.core.policy import Condition, HoldUntil, Policy, Rule, ToTeam
from fairlead.core.scoring import score, score_values
from fairlead.core.skills import Wanted, wanted
from fairlead.core.splits import arms_of, outside_pilot, with_arms
from fairlead.core.trail import Trail
from fairlead.core.types import OwnerKind

OWNED = "owned by a person"
OUTSIDE = "outside the source's pick_up"
NOT_PILOT = "outside the pilot"


def decide(
    case: Case, world: World, policy: Policy, now: datetime, *, explain: bool = False
) -> Decision:
    """Who gets the lead of this case, or why nobody does now.

    `now` is the instant of the decision (UTC): who is away, how long a lead has waited, and what
    conditions call `now`. With `explain` the trace also holds every rule tried with its verdict;
    everything else is the same. Deleted and converted records never come here. Raises nothing.
    """
    lead = with_match(case.lead, case.match, world.owners)
    arms = arms_of(policy, case)
    values = with_arms(with_tables(lead, policy.tables), arms)
    values["now"] = now
    scored = None
    if policy.scoring is not None:
        scored = score(policy.scoring, values, now)
        values.update(score_values(scored))
    question = Question(case, values, world, policy, now)
    decision = _decide(question, Trail(explain, arms, scored))
    if policy.scoring is None or decision.outcome is not OutcomeKind.HOLD:
        return decision
    turns_at = next_grade_at(policy.scoring, values, now, until=decision.retry_at, found=scored)
    return replace(decision, retry_at=_earlier(decision.retry_at, turns_at))


def _decide(question: Question, trail: Trail) -> Decision:
    case, policy = question.case, question.policy
    order = case.order if case.rerun else None
    if order is not None:
        if given_since(question, order):
            return trail.left(SINCE)
        named = named_by_hand(question, order, trail)
        if named is not None:
            return named
    if not case.rerun:
        kept = _not_ours(question, trail)
        if kept is not None:
            return trail.left(kept)
        beyond = outside_pilot(policy, case)
        if beyond is not None:
            place, share = float(beyond * 100), float(policy.pilot * 100)
            trail.note(f"the lead stands at {place:.2f}% of all, the pilot ends at {share:g}%")
            return trail.left(NOT_PILOT)
    if not case.rerun or order is not None:
        followed = follow(question, trail, _sticky(question))
        if followed is not None:
            return followed
    return _route(question, trail)


# -- is it ours ------------------------------------------------------------------------------------


def _not_ours(question: Question, trail: Trail) -> str | None:
    """Why the lead is to be left alone; None when it is ours to route.

    Nobody's and a queue's leads are ours if `pick_up` says so, and what we offer in a queue is. A
    person's lead is theirs, with one exception: web forms give leads to an integration user, so a
    `pick_up` that asks for the owner by name may take from a person outside the roster. Never from
    a rep.
    """
    lead, world = question.case.lead, question.world
    source = question.policy.source_of(question.crm)
    if source is None:
        trail.note(f"no source of the policy takes leads from {question.crm}")
        return OUTSIDE
    name = f"source {source.name}"
    wanted = trail.holds(name, source.pick_up, question, "pick_up", source.place)
    if any(offer.queue_id == lead.owner_id for offer in question.case.offers):
        return None
    if lead.owner_id is not None:
        owner = world.owners.get((question.crm, lead.owner_id))
        if owner is None or owner.kind is not OwnerKind.QUEUE:
            if world.rep_of(question.crm, lead.owner_id) or not _asks_owner(source.pick_up):
                return OWNED
            return None if wanted else OWNED
    return None if wanted else OUTSIDE


def _asks_owner(pick_up: Condition | None) -> bool:
    return pick_up is not None and not pick_up.names.isdisjoint(("owner.name", "owner.email"))


# -- how long does it follow -----------------------------------------------------------------------


def _sticky(question: Question) -> timedelta | None:
    """How long an owner is followed: as the rule says that would take the lead, else the policy."""
    if not question.case.match.known:
        return None
    rule = _first(question.policy.rules, question, Trail(explain=False, arms={}))
    own = None if rule is None else rule.sticky
    return question.policy.sticky if own is None else own


# -- which rule, and where to ----------------------------------------------------------------------


def _route(question: Question, trail: Trail) -> Decision:
    policy = question.policy
    source = policy.source_of(question.crm)
    waiting = None if source is None else _wait(source.hold_until, question)
    if waiting is not None:
        return trail.held((waiting[0],), "", False, waiting[1])
    rule = _first(policy.rules, question, trail)
    refused: list[str] = []
    if rule is not None:
        waiting = _wait(rule.hold_until, question)
        if waiting is not None:
            return trail.held((waiting[0],), rule.name, rule.high_priority, waiting[1])
        placed = _place(rule, question, trail, refused)
        if isinstance(placed, Answer):
            return trail.placed(placed, rule.name, rule.high_priority, refused)
        if placed is not None:
            retry_at = _earlier(placed.until, first_free(trail.waiting, question))
            return trail.held(refused, rule.name, rule.high_priority, retry_at)
        if trail.explain:
            trail.rules[-1] = replace(trail.rules[-1], taken=False, note="could not place it")
    last = policy.otherwise
    trail.holds(last.name, None, question, "otherwise", last.place)
    placed = _place(last, question, trail, refused)
    taken = rule or last
    if isinstance(placed, Answer):
        return trail.placed(placed, last.name, taken.high_priority, refused)
    free_at = first_free(trail.waiting, question)
    return trail.held(refused, taken.name, taken.high_priority, free_at)


def _first(rules: Sequence[Rule], question: Question, trail: Trail) -> Rule | None:
    """The first rule that takes the lead, or that holds it; groups are asked in their place."""
    for rule in rules:
        if trail.explain:
            note = "group" if rule.rules else ""
            if not trail.holds(rule.name, rule.when, question, note, rule.place):
                continue
        elif rule.when is not None and not rule.when.test(question.values):
            continue
        if rule.to is not None or _wait(rule.hold_until, question) is not None:
            return rule
        at = len(trail.rules) - 1
        inner = _first(rule.rules, question, trail)
        if inner is not None:
            return inner
        if trail.explain:
            note = "group: no rule in it holds"
            trail.rules[at] = replace(trail.rules[at], taken=False, note=note)
    return None


def _wait(hold: HoldUntil | None, question: Question) -> tuple[str, datetime] | None:
    """What the lead is held for and how long at most; None when the field is there or time over."""
    if hold is None or question.values.get(hold.field) is not None:
        return None
    until = question.seen_at + hold.at_most
    return (f"waits for {hold.field}", until) if question.now < until else None


@dataclass(frozen=True, slots=True)
class _Wait:
    """The rule keeps the lead, and until when; None: until somebody can take it."""

    until: datetime | None


def _place(
    rule: Rule, question: Question, trail: Trail, refused: list[str]
) -> Answer | _Wait | None:
    """The owner that the rule's destinations give, or the rep whose turn the lead waits for; else
    until when the rule waits, if it does.

    Every refusal is kept. A lead that can still wait for somebody with the skill goes to no
    `if_away` but a team, which is asked for the skill, too. With `hold` it waits for `to` first.
    """
    asks, question = wanted(rule, question), replace(question, rule=rule)
    for skill in asks.unasked:
        trail.note(f"{rule.name}: {skill} is not asked, the lead has no value for it")
    until = None if rule.relax_after is None else question.seen_at + rule.relax_after
    patient = until is not None and question.now < until
    if until is not None and not patient and asks.need:
        trail.note(f"{rule.name}: {asks.named} is needed no longer, the lead has waited")
        asks = replace(asks, need=())
    for to in (rule.to, rule.if_away):
        if to is None:
            continue
        second = to is not rule.to and not isinstance(to, ToTeam)
        if second and patient and _would_help(rule, question, asks):
            return _Wait(until)
        answer = resolve(to, question, asks)
        trail.asked(answer)
        if answer.owner_id is not None:
            return answer
        if answer.holds:
            ends = [at for at in (answer.until, until if patient else None) if at is not None]
            return replace(answer, until=min(ends, default=None))
        refused.append(answer.reason)
        trail.note(f"{rule.name}: {answer.reason}")
        if to is rule.to and rule.hold is not None and can_wait(answer.waiting, question):
            end = None if rule.hold.at_most is None else question.seen_at + rule.hold.at_most
            if end is None or question.now < end:
                limit = "somebody is free" if end is None else f"{end:%Y-%m-%d %H:%M} UTC"
                trail.note(f"{rule.name}: the lead waits for that until {limit}")
                relaxes = until if patient and _would_help(rule, question, asks) else None
                return _Wait(_earlier(end, relaxes))
            trail.note(f"{rule.name}: the lead has waited long enough")
    return _Wait(until) if patient and _would_help(rule, question, asks) else None


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((at for at in (one, other) if at is not None), default=None)


def _would_help(rule: Rule, question: Question, asks: Wanted) -> bool:
    """Whether dropping the need is all it takes: then waiting for it has an end."""
    if rule.to is None or not asks.need:
        return False
    answer = resolve(rule.to, question, replace(asks, need=()))
    return answer.owner_id is not None or answer.holds

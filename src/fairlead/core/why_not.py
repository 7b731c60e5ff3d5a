"""Why a rep did not get a lead, rule by rule, and the nearest change that would have sent it there.

Works on a stored decision's inputs, like `explain`. A change is told only after the changed lead
was decided on and went to that rep. `nearest_change` searches it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from fairlead.core.decide import decide
from fairlead.core.decision import BY_HAND, DECAY, SLA, Case, Decision, Question, World
from fairlead.core.eligibility import eligible
from fairlead.core.fairness import SHARE
from fairlead.core.lint_finding import plain
from fairlead.core.nearest_change import Change, Nearest, nearest_change
from fairlead.core.policy import (
    Destination,
    Policy,
    Rule,
    ToAccountOwner,
    ToManager,
    ToRep,
    ToTeam,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class RuleNot:
    """A rule that could have led to the rep, and why it did not."""

    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class WhyNot:
    """The answer; `got_it` says that the rep did get the lead, then there is nothing to explain."""

    rep: str
    got_it: bool
    reasons: tuple[str, ...]
    rules: tuple[RuleNot, ...]
    nearest: Nearest

    def as_json(self) -> dict[str, Any]:
        """JSON-safe; `change` lists what would have to differ, each verified by deciding again."""
        return {
            "rep": self.rep,
            "got_it": self.got_it,
            "reasons": list(self.reasons),
            "rules": [{"rule": r.rule, "why": r.why} for r in self.rules],
            "changes": [_change_json(c) for c in self.nearest.changes],
            "others_turn": [_change_json(c) for c in self.nearest.others_turn],
        }


def _change_json(change: Change) -> dict[str, Any]:
    return {
        "rule": change.rule,
        "fields": [
            {"field": e.field, "from": plain(e.before), "to": plain(e.after), "says": e.says}
            for e in change.edits
        ],
        "goes_to": change.goes_to,
    }


def why_not(case: Case, world: World, policy: Policy, now: datetime, rep: str) -> WhyNot:
    """Explain why `rep` (a rep's id, in small letters) did not get this case. Pure; raises nothing.

    Says what stood in the way at `now`: not asked, a condition, an absence, the balances.
    """
    decision = decide(case, world, policy, now, explain=True)
    nothing = Nearest((), ())
    if decision.rep_id == rep:
        return WhyNot(rep, True, (f"{rep} did get it: {decision.reason}",), (), nothing)
    reasons: list[str] = []
    if decision.rule == BY_HAND and case.order is not None:
        order = case.order
        hand = "" if order.kind in (SLA, DECAY) else " by hand"
        reasons.append(f"{order.by} gave it to {order.to or order.team}{hand}: {order.reason}")
        return WhyNot(rep, False, tuple(reasons), (), nothing)
    crm = case.lead.ref.crm
    _, passed = eligible((rep,), Question(case, {}, world, policy, now))
    reasons += [f"could not take any {crm} lead then: {p.reason}" for p in passed]
    if not decision.rule:
        reasons.append(f"no rule was asked: {decision.reason}")
        reasons += decision.trace.notes
        return WhyNot(rep, False, tuple(reasons), (), nothing)
    leading = [
        (rule, groups) for rule, groups in _leaves(policy) if _leads(rule, rep, policy, case)
    ]
    rules = tuple(
        RuleNot(rule.name, why)
        for rule, groups in leading
        for why in _why(rule, groups, decision, rep, policy)
    )
    if not leading:
        reasons.append(f"no rule of the policy leads to {rep}")
    if passed or not leading:
        return WhyNot(rep, False, tuple(reasons), rules, nothing)
    found = nearest_change(case, world, policy, now, rep, [rule.name for rule, _ in leading])
    return WhyNot(rep, False, tuple(reasons), rules, found)


def _leaves(policy: Policy) -> Iterator[tuple[Rule, tuple[Rule, ...]]]:
    """Every rule with a destination and the groups it is in; the last resort at the end."""

    def inside(rules: tuple[Rule, ...], groups: tuple[Rule, ...]) -> Iterator[Any]:
        for rule in rules:
            if rule.to is not None:
                yield rule, groups
            yield from inside(rule.rules, (*groups, rule))

    yield from inside(policy.rules, ())
    yield policy.otherwise, ()


def _leads(rule: Rule, rep: str, policy: Policy, case: Case) -> bool:
    return any(_can_be(to, rep, policy, case) for to in (rule.to, rule.if_away) if to is not None)


def _can_be(to: Destination, rep: str, policy: Policy, case: Case) -> bool:
    """Whether a destination may be this rep, for some lead."""
    if isinstance(to, ToAccountOwner):
        return case.match.account is not None and case.match.account.owner_id is not None
    if not isinstance(to, ToTeam | ToRep | ToManager):
        return False
    if to.path is None:
        names = {(to.rep if isinstance(to, ToRep) else to.team) or ""}
    else:
        root, _, column = to.path.partition(".")
        if root not in policy.tables:
            return True
        names = set(policy.tables[root].cells(column))
    folded = {name.strip().casefold() for name in names}
    covered = {rep} | {r.id for r in policy.roster.values() if r.cover == rep}
    if isinstance(to, ToRep):
        return any(name.casefold() in folded for name in covered)
    named = [t for t in policy.teams.values() if t.name.casefold() in folded]
    if isinstance(to, ToManager):
        return any(t.manager in covered for t in named)
    teams = {name for t in named for name in (t.name, *t.helpers)}
    return any(rep in policy.teams[name].members for name in teams)


def _why(
    rule: Rule, groups: tuple[Rule, ...], decision: Decision, rep: str, policy: Policy
) -> Iterator[str]:
    tried = {t.name: t for t in decision.trace.rules}
    for asked in (*groups, rule):
        found = tried.get(asked.name)
        what = f"its group {asked.name!r}" if asked is not rule else "it"
        if found is None:
            yield f"never asked: {decision.rule!r} took the lead first"
            return
        if found.verdict is not None and found.verdict.result is not True:
            parts = ", and ".join(_told(part) for part in failing(found.verdict))
            yield f"{what} does not hold: {parts}"
            return
    if rule.name != decision.rule and rule is not policy.otherwise:
        yield "it holds, and could not place the lead"
    yield from _within(rule, decision, rep)


def _within(rule: Rule, decision: Decision, rep: str) -> Iterator[str]:
    """Why the rule that took the lead gave it to somebody else."""
    trace = decision.trace
    winner = decision.rep_id or ""
    over = [p.reason for p in trace.passed if p.rep_id == rep]
    beside = [c.role for c in decision.companions if c.rep_id == rep]
    claim = decision.claim
    if beside:
        yield f"they have a part in it as {beside[0]}; {winner} owns it"
    elif claim is not None and any(c.rep_id == rep for c in claim.claimants):
        yield "it was offered to them: whoever takes it first has it"
    elif over:
        yield f"passed over: {over[0]}"
    elif rep in trace.balances_before and winner in trace.balances_before:
        mine, theirs = _turn(decision, rep), _turn(decision, winner)
        tie = " (equal; the name decides)" if mine == theirs else ""
        yield (
            f"it was {winner}'s turn in {trace.pool}: with this turn's share they were"
            f" owed {_exact(theirs)} leads, {rep} {_exact(mine)}{tie}"
        )
    elif rule.name == decision.rule:
        yield f"it led to {decision.rep_id or 'somebody else'}: {decision.reason}"


def _turn(decision: Decision, rep: str) -> Fraction:
    shares = (e.delta for e in decision.ledger if e.rep_id == rep and e.reason == SHARE)
    return decision.trace.balances_before[rep] + sum(shares, Fraction(0))


def _exact(balance: Fraction) -> str:
    return f"{float(balance):.2f} ({balance})"


def failing(verdict: Verdict) -> Iterator[Verdict]:
    """The parts that made a condition false: of `and` the one that did, of `or` all."""
    children = verdict.children
    if len(children) < 2:
        yield verdict
    elif all(child.result is False for child in children):
        for child in children:
            yield from failing(child)
    else:
        yield from failing(next(child for child in children if child.result is False))


def _told(verdict: Verdict) -> str:
    seen = ", ".join(f"{name} is {_value(value)}" for name, value in _seen(verdict).items())
    text = " ".join(verdict.text.split())
    return f"{text} ({seen})" if seen else text


def _seen(verdict: Verdict) -> dict[str, Any]:
    found = dict(verdict.seen)
    for child in verdict.children:
        found.update(_seen(child))
    return found


def _value(value: Any) -> str:
    return "missing" if value is None else str(plain(value))

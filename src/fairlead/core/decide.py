"""Fifth step: one case, the world and the policy to one decision. The heart of the house.

Stands between `match` and `plan`. Total and deterministic: the same arguments give the same
decision, whatever the hour and the machine; every lead ends in a named state. The order of
questions is the order of the functions below: is it ours to route, whom does it follow, which rule
takes it, where does that lead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from fairlead.core.decision import (
    Case,
    Decision,
    Known,
    OutcomeKind,
    Passed,
    Question,
    RuleTried,
    Trace,
    World,
)
from fairlead.core.destination import Answer, resolve
from fairlead.core.eligibility import first_free, obstacle
from fairlead.core.match import with_match, with_tables
from fairlead.core.policy import Condition, Destination, Policy, Rule
from fairlead.core.types import LeadState, OwnerKind

OWNED = "owned by a person"
OUTSIDE = "outside the source's pick_up"


@dataclass(slots=True)
class _Path:
    """What the trace gathers on the way; rules and verdicts only when somebody will read them."""

    explain: bool
    rules: list[RuleTried] = field(default_factory=list)
    passed: list[Passed] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)

    def holds(self, name: str, when: Condition | None, question: Question, note: str = "") -> bool:
        """Ask a condition, and keep the verdict when explaining; `taken` is the answer so far."""
        if not self.explain:
            return when is None or when.test(question.values)
        verdict = None if when is None else when.explain(question.values)
        holds = verdict is None or verdict.result is True
        self.rules.append(RuleTried(name, holds, verdict, note))
        return holds

    def trace(self, answer: Answer | None = None) -> Trace:
        found = answer or Answer("")
        return Trace(
            tuple(self.rules),
            tuple(self.passed),
            found.pool,
            found.before or {},
            found.after or {},
            tuple(self.notes),
        )


def decide(
    case: Case, world: World, policy: Policy, now: datetime, *, explain: bool = False
) -> Decision:
    """Who gets the lead of this case, or why nobody does now.

    `now` is the instant of the decision (UTC): who is away, and what conditions call `now`. With
    `explain` the trace also holds every rule tried with its verdict; everything else is the same.
    Deleted and converted records never come here. Raises nothing.
    """
    lead = with_match(case.lead, case.match, world.owners)
    values = with_tables(lead, policy.tables)
    values["now"] = now
    question = Question(case, values, world, policy, now)
    path = _Path(explain)
    if not case.rerun:
        kept = _not_ours(question, path)
        if kept is not None:
            return _left(kept, path)
        followed = _follow(question, path)
        if followed is not None:
            return followed
    return _route(question, path)


# -- is it ours ------------------------------------------------------------------------------------


def _not_ours(question: Question, path: _Path) -> str | None:
    """Why the lead is to be left alone; None when it is ours to route.

    Nobody's and a queue's leads are ours if `pick_up` says so. A person's lead is theirs, with one
    exception: web forms give leads to an integration user, so a `pick_up` that asks for the owner
    by name may take from a person outside the roster. Never from a rep.
    """
    lead, world = question.case.lead, question.world
    source = question.policy.source_of(question.crm)
    if source is None:
        path.notes.append(f"no source of the policy takes leads from {question.crm}")
        return OUTSIDE
    wanted = path.holds(f"source {source.name}", source.pick_up, question, "pick_up")
    if lead.owner_id is not None:
        owner = world.owners.get((question.crm, lead.owner_id))
        if owner is None or owner.kind is not OwnerKind.QUEUE:
            if world.rep_of(question.crm, lead.owner_id) or not _asks_owner(source.pick_up):
                return OWNED
            return None if wanted else OWNED
    return None if wanted else OUTSIDE


def _asks_owner(pick_up: Condition | None) -> bool:
    return pick_up is not None and not pick_up.names.isdisjoint(("owner.name", "owner.email"))


# -- whom does it follow ---------------------------------------------------------------------------


def _follow(question: Question, path: _Path) -> Decision | None:
    """Assign to the rep who owns another record of the same person; None when there is none.

    Several owners: the owner authority's CRM first, then the earliest decided, then by address. An
    owner who cannot take it is noted, and the rules decide: they pass over the absent, too.
    """
    case = question.case
    known = [k for k in case.match.known if k.rep_id is not None and k.ref != case.lead.ref]
    for k in sorted(known, key=lambda k: _precedence(k, question.policy)):
        rep = question.world.reps.get(k.rep_id or "")
        held_up = None if rep is None else obstacle(rep, question)
        blocked = "not in the roster" if rep is None else held_up.reason if held_up else None
        if rep is None or blocked is not None:
            path.notes.append(f"the owner of a duplicate, {k.rep_id}, cannot take it: {blocked}")
            continue
        reason = f"follows the owner of a duplicate ({k.key})"
        decision = _assigned(Answer(reason, rep.crm_ids[question.crm], rep.id), path, "", False)
        return replace(decision, follows=k.ref)
    if case.match.known and not known:
        path.notes.append("a duplicate is known, but no rep owns it")
    return None


def _precedence(known: Known, policy: Policy) -> tuple[bool, bool, str, str]:
    at = known.decided_at
    return (
        known.ref.crm != policy.owner_authority,
        at is None,
        "" if at is None else at.isoformat(),
        str(known.ref),
    )


# -- which rule, and where to ----------------------------------------------------------------------


def _route(question: Question, path: _Path) -> Decision:
    policy = question.policy
    rule = _first(policy.rules, question, path)
    refused: list[str] = []
    if rule is not None:
        answer = _place(rule, question, path, refused)
        if answer is not None:
            return _assigned(answer, path, rule.name, rule.high_priority, refused)
        if path.explain:
            path.rules[-1] = replace(path.rules[-1], taken=False, note="could not place it")
    path.holds(policy.otherwise.name, None, question, "otherwise")
    answer = _place(policy.otherwise, question, path, refused)
    taken = rule or policy.otherwise
    if answer is None:
        return Decision(
            OutcomeKind.HOLD,
            LeadState.HELD,
            "; ".join(dict.fromkeys(refused)),
            taken.name,
            None,
            None,
            taken.high_priority,
            (),
            path.trace(),
            places=tuple(dict.fromkeys(path.places)),
            retry_at=first_free([p.rep_id for p in path.passed], question),
        )
    return _assigned(answer, path, policy.otherwise.name, taken.high_priority, refused)


def _first(rules: Sequence[Rule], question: Question, path: _Path) -> Rule | None:
    """The first rule that takes the lead, groups being asked in their place."""
    for rule in rules:
        if not path.holds(rule.name, rule.when, question, "group" if rule.rules else ""):
            continue
        if rule.to is not None:
            return rule
        at = len(path.rules) - 1
        inner = _first(rule.rules, question, path)
        if inner is not None:
            return inner
        if path.explain:
            path.rules[at] = replace(path.rules[at], taken=False, note="group: no rule in it holds")
    return None


def _place(rule: Rule, question: Question, path: _Path, refused: list[str]) -> Answer | None:
    """The owner that the rule's destination gives, else its `if_away`; each refusal is kept."""
    places: tuple[Destination | None, ...] = (rule.to, rule.if_away)
    for to in places:
        if to is not None:
            answer = resolve(to, question)
            path.passed.extend(answer.passed)
            path.places.extend(answer.places)
            if answer.owner_id is not None:
                return answer
            refused.append(answer.reason)
            path.notes.append(f"{rule.name}: {answer.reason}")
    return None


# -- the answers -----------------------------------------------------------------------------------


def _left(reason: str, path: _Path) -> Decision:
    return Decision(
        OutcomeKind.LEAVE, LeadState.LEFT, reason, "", None, None, False, (), path.trace()
    )


def _assigned(
    answer: Answer, path: _Path, rule: str, high_priority: bool, refused: Sequence[str] = ()
) -> Decision:
    return Decision(
        OutcomeKind.ASSIGN,
        LeadState.ASSIGNED,
        "; ".join(dict.fromkeys((*refused, answer.reason))),
        rule,
        answer.rep_id,
        answer.owner_id,
        high_priority,
        answer.ledger,
        path.trace(answer),
        places=answer.places[-1:],
    )

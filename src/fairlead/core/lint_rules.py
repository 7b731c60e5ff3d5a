"""Rules that no lead reaches, and rules that claim the same leads.

A rule whose conditions hold always has the lead (see `decide`): it places it, holds it, or leaves
it to `otherwise`, never to the next rule. So reaching a rule is a matter of conditions alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fairlead.core.examples import own_values, taker
from fairlead.core.lint_finding import LintFinding, Severity, too_complex
from fairlead.core.lint_gaps import lint_gaps
from fairlead.core.lint_search import Leaf, example, find
from fairlead.core.policy import Policy, Rule
from fairlead.core.region_build import Space
from fairlead.core.regions import Formula, TooHard, every, lits, negated
from fairlead.core.types import Value

_MOST = 20
"""Findings of one kind that are listed; a policy with more has one cause for all of them."""


@dataclass(slots=True)
class _Rules:
    policy: Policy
    space: Space
    before: list[Leaf] = field(default_factory=list)
    dead: set[str] = field(default_factory=set)
    unknown: list[Rule] = field(default_factory=list)
    unpaired: dict[str, tuple[Rule, int]] = field(default_factory=dict)

    def exists(self, *formulas: Formula) -> bool:
        return find(self.space, formulas) is not None

    def walk(self, rules: Sequence[Rule], above: tuple[Rule, ...]) -> Iterator[LintFinding]:
        for rule in rules:
            conditions = (*above, rule)
            path = every(self.space.formula(r.when) for r in conditions)
            leaf = Leaf(rule, conditions, path)
            try:
                finding = self._unreachable(leaf)
            except TooHard:
                finding = None
                self.unknown.append(rule)
            if finding is not None:
                self.dead.update(_names(rule))
                yield finding
            elif rule.to is None:
                yield from self.walk(rule.rules, conditions)
            else:
                self.before.append(leaf)

    def _unreachable(self, leaf: Leaf) -> LintFinding | None:
        rule, what = leaf.rule, "group" if leaf.rule.to is None else "rule"
        if rule.when is not None and not self.exists(self.space.formula(rule.when)):
            message = f"{what} {rule.name!r} is never reached: its condition can never hold"
            remedy = "its parts contradict each other, or ask for a value that never occurs"
            return _dead(rule, message, remedy)
        if not self.exists(leaf.path):
            group = leaf.conditions[-2].name
            message = f"{what} {rule.name!r} is never reached: it contradicts its group {group!r}"
            return _dead(rule, message, "move it out of the group, or change one of the conditions")
        others = [negated(other.path, self.space.axes) for other in self.before]
        if self.exists(leaf.path, *others):
            return None
        return self._shadowed(leaf, what)

    def _shadowed(self, leaf: Leaf, what: str) -> LintFinding:
        rule, axes = leaf.rule, self.space.axes
        alone = next(
            (b for b in self.before if not self.exists(leaf.path, negated(b.path, axes))), None
        )
        if alone is not None:
            first = alone.rule
            why = f"{first.name!r} (line {first.place.line}) takes every lead that it could take"
            remedy = f"move it above {first.name!r}, narrow that rule, or remove this one"
        else:
            why = "the rules before it together take every lead that it could take"
            remedy = "move it up, or remove it"
        shown = example(self.space, [leaf.path], leaf.claims)
        by = None if shown is None else taker(self.policy.rules, shown)
        return _dead(
            rule,
            f"{what} {rule.name!r} is never reached: {why}",
            remedy,
            None if shown is None or by is None else own_values(shown, self.policy),
            None if by is None else by.name,
            by is not None,
        )

    # -- overlaps ---------------------------------------------------------------------------

    def overlaps(self) -> Iterator[LintFinding]:
        """Two rules over the same fields, neither a special case of the other, for other owners."""
        count = 0
        same: dict[frozenset[int], list[Leaf]] = {}
        for leaf in self.before:
            axes = frozenset(lit.axis for lit in lits(leaf.path))
            for other in same.setdefault(axes, []):
                if count == _MOST:
                    return
                finding = self._overlap(other, leaf) if axes else None
                if finding is not None:
                    count += 1
                    yield finding
                    break
            same[axes].append(leaf)

    def _overlap(self, first: Leaf, second: Leaf) -> LintFinding | None:
        a, b, axes = first.rule, second.rule, self.space.axes
        if (a.to, a.if_away) == (b.to, b.if_away):
            return None
        try:
            if not (
                self.exists(first.path, second.path)
                and self.exists(first.path, negated(second.path, axes))
                and self.exists(second.path, negated(first.path, axes))
            ):
                return None
        except TooHard:
            if b.name in self.unpaired or len(self.unpaired) < _MOST:
                self.unpaired[b.name] = (b, self.unpaired.get(b.name, (b, 0))[1] + 1)
            return None
        shown = example(
            self.space,
            [first.path, second.path],
            lambda v: first.claims(v) and second.claims(v),
        )
        by = None if shown is None else taker(self.policy.rules, shown)
        if shown is None or by is None:
            return None
        return LintFinding(
            "overlap",
            Severity.WARNING,
            b.place,
            f"rules {a.name!r} (line {a.place.line}) and {b.name!r} claim the same leads;"
            f" {a.name!r} stands first and takes them",
            "take the common part out of one of them, or put the one that should have it first",
            own_values(shown, self.policy),
            f"goes to {by.name!r}",
        )


def lint_rules(policy: Policy, space: Space) -> Iterator[LintFinding]:
    """Unreachable rules, overlaps, gaps; and the rules about which nothing could be said."""
    rules = _Rules(policy, space)
    yield from rules.walk(policy.rules, ())
    yield from rules.overlaps()
    for rule in rules.unknown[:_MOST]:
        yield too_complex(rule.place, f"whether rule {rule.name!r} is ever reached:")
    for rule, pairs in rules.unpaired.values():
        what = f"whether {pairs} of the rules before it claim the leads of rule {rule.name!r}:"
        yield too_complex(rule.place, what)
    yield from lint_gaps(policy, space, rules.before)


def _dead(
    rule: Rule,
    message: str,
    remedy: str,
    shown: Mapping[str, Value] | None = None,
    taken_by: str | None = None,
    analysed: bool = True,
) -> LintFinding:
    outcome = "" if taken_by is None else f"goes to {taken_by!r}"
    return LintFinding(
        "unreachable",
        Severity.ERROR,
        rule.place,
        message,
        remedy,
        shown,
        outcome,
        analysed,
    )


def _names(rule: Rule) -> Iterator[str]:
    yield rule.name
    for inner in rule.rules:
        yield from _names(inner)

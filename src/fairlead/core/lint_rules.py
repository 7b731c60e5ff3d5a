"""Rules that no lead reaches, rules that claim the same leads, and leads that no rule takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fairlead.core.examples import own_values, taker
from fairlead.core.lint_finding import LintFinding, Severity
from fairlead.core.lint_search import Check, Leaf, example, find
from fairlead.core.policy import Policy, Rule
from fairlead.core.region_build import Space
from fairlead.core.regions import ABSENT, Formula, Lit, TooHard, every, lits, negated
from fairlead.core.schema import FieldType
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
        return LintFinding(
            "unreachable",
            Severity.ERROR,
            rule.place,
            f"{what} {rule.name!r} is never reached: {why}",
            remedy,
            None if shown is None or by is None else own_values(shown, self.policy),
            "" if by is None else f"goes to {by.name!r}",
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

    # -- gaps -------------------------------------------------------------------------------

    def gaps(self) -> Iterator[LintFinding]:
        """Leads that fall to `otherwise`: between two thresholds, and at all."""
        axes = self.space.axes
        nobody = [negated(leaf.path, axes) for leaf in self.before]
        asked = {lit.axis for leaf in self.before for lit in lits(leaf.path)}
        yield from self._holes()
        named = [at for at in asked if self.space.drafts[axes[at].key].name]
        filled: list[Formula] = [Lit(at, axes[at].full & ~ABSENT) for at in named]
        shown = example(self.space, [*nobody, *filled], self._untaken)
        shown = shown or example(self.space, nobody, self._untaken)
        if shown is not None and self.policy.rules:
            yield LintFinding(
                "gap",
                Severity.INFO,
                self.policy.otherwise.place,
                "some leads are taken by no rule and go to 'otherwise'",
                "if a lead like the example should have a rule, write one",
                own_values(shown, self.policy),
                "goes to 'otherwise'",
            )

    def _goes_to(self, rule: Rule) -> Check:
        return lambda values: taker(self.policy.rules, values) is rule

    def _untaken(self, values: Mapping[str, Value]) -> bool:
        return taker(self.policy.rules, values) is None

    def _holes(self) -> Iterator[LintFinding]:
        """Numbers between two that are taken: walk up and down from a lead that a rule takes."""
        seen: set[tuple[str, str]] = set()
        for number, leaf in enumerate(self.before):
            earlier = [negated(other.path, self.space.axes) for other in self.before[:number]]
            for at in dict.fromkeys(lit.axis for lit in lits(leaf.path)):
                axis = self.space.axes[at]
                draft = self.space.drafts[axis.key]
                if not draft.name or draft.kind is not FieldType.NUMBER or len(seen) >= _MOST:
                    continue
                there = Lit(at, axis.full & ~ABSENT)
                shown = example(self.space, [leaf.path, there, *earlier], self._goes_to(leaf.rule))
                if shown is None:
                    continue
                order = sorted(axis.values[1:])
                for upwards in (True, False):
                    hole = self._beyond(leaf, draft.name, order, shown, upwards)
                    if hole is not None and hole[0] not in seen:
                        seen.add(hole[0])
                        yield hole[1]

    def _beyond(
        self,
        leaf: Leaf,
        name: str,
        order: Sequence[int],
        shown: Mapping[str, Value],
        upwards: bool,
    ) -> tuple[tuple[str, str], LintFinding] | None:
        """The hole beside a rule's numbers, if nobody takes what follows and somebody more."""
        start = order.index(shown[name]) if shown.get(name) in order else -1
        if start < 0:
            return None
        rest = order[start + 1 :] if upwards else list(reversed(order[:start]))
        after = [v for v in rest if not leaf.claims({**shown, name: v})]
        if not after or taker(self.policy.rules, {**shown, name: after[0]}) is not None:
            return None
        others = (taker(self.policy.rules, {**shown, name: v}) for v in after[1:])
        far = next((rule for rule in others if rule is not None), None)
        if far is None:
            return None
        low, high = (leaf.rule, far) if upwards else (far, leaf.rule)
        values = {**shown, name: after[0]}
        return (low.name, high.name), self._hole(name, after[0], (low, high), values)

    def _hole(
        self, name: str, value: int, sides: Sequence[Rule], shown: Mapping[str, Value]
    ) -> LintFinding:
        low, high = sides
        between = f"{low.name!r} and {high.name!r}" if low is not high else f"two of {low.name!r}"
        return LintFinding(
            "hole",
            Severity.WARNING,
            max(low, high, key=lambda rule: rule.place.line).place,
            f"between {between} a lead with {name} {value} is taken by no rule",
            f"let one of the two begin where the other ends, such as {name} >= {value}",
            own_values(shown, self.policy),
            "goes to 'otherwise'",
        )


def lint_rules(policy: Policy, space: Space) -> Iterator[LintFinding]:
    """Unreachable rules, overlaps, gaps; and the rules about which nothing could be said."""
    rules = _Rules(policy, space)
    yield from rules.walk(policy.rules, ())
    yield from rules.overlaps()
    yield from rules.gaps()
    for rule in rules.unknown[:_MOST]:
        message = f"rule {rule.name!r} is not analysed: too many rules before it bear on it"
        remedy = "nothing need be done; fewer nested 'or' make it possible"
        yield LintFinding(
            "not-analysed", Severity.INFO, rule.place, message, remedy, analysed=False
        )


def _dead(rule: Rule, message: str, remedy: str) -> LintFinding:
    return LintFinding("unreachable", Severity.ERROR, rule.place, message, remedy)


def _names(rule: Rule) -> Iterator[str]:
    yield rule.name
    for inner in rule.rules:
        yield from _names(inner)

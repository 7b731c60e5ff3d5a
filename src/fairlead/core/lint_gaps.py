"""Leads that no rule takes: between two thresholds, and at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fairlead.core.examples import own_values, taker
from fairlead.core.lint_finding import LintFinding, Severity, too_complex
from fairlead.core.lint_search import Check, Leaf, example
from fairlead.core.policy import Policy, Rule
from fairlead.core.region_build import Space
from fairlead.core.regions import ABSENT, Formula, Lit, TooHard, lits, negated
from fairlead.core.schema import FieldType
from fairlead.core.types import Value

_MOST = 20
"""Holes that are listed; a policy with more has one cause for all of them."""
_FAR = 100
"""Numbers looked at above and below those that a rule takes."""


def lint_gaps(policy: Policy, space: Space, rules: Sequence[Leaf]) -> Iterator[LintFinding]:
    """Findings about the leads that fall to `otherwise`; `rules` are those that can be reached."""
    gaps = _Gaps(policy, space, rules)
    try:
        yield from gaps.holes()
        yield from gaps.gap()
    except TooHard:
        yield too_complex(policy.otherwise.place, "which leads go to 'otherwise':")


@dataclass(frozen=True, slots=True)
class _Gaps:
    policy: Policy
    space: Space
    before: Sequence[Leaf]

    def gap(self) -> Iterator[LintFinding]:
        """An example of the leads that fall to `otherwise`."""
        axes = self.space.axes
        nobody = [negated(leaf.path, axes) for leaf in self.before]
        asked = {lit.axis for leaf in self.before for lit in lits(leaf.path)}
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
        return lambda values: self._taker(values) is rule

    def _untaken(self, values: Mapping[str, Value]) -> bool:
        return self._taker(values) is None

    def _taker(self, values: Mapping[str, Value]) -> Rule | None:
        """Who takes a lead; that is work, too, where conditions are long."""
        self.space.work.spend(self.space.size)
        return taker(self.policy.rules, values)

    def holes(self) -> Iterator[LintFinding]:
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
                order = axis.values[1:]
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
        start = self.space.cell(name, shown.get(name)) - 1
        if start < 0:
            return None
        near = order[start + 1 :][:_FAR] if upwards else order[max(0, start - _FAR) : start][::-1]
        self.space.work.spend(len(near))
        after = [v for v in near if not leaf.claims({**shown, name: v})]
        if not after or self._taker({**shown, name: after[0]}) is not None:
            return None
        others = (self._taker({**shown, name: v}) for v in after[1:])
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

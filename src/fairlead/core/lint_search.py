"""Rules with all that must hold for them, and leads found for them; under each part of `lint`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fairlead.core.examples import examples
from fairlead.core.policy import Rule
from fairlead.core.region_build import Space
from fairlead.core.regions import Formula, TooHard, every, solve
from fairlead.core.types import Value

Check = Callable[[Mapping[str, Value]], bool]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A rule with a destination; `path` holds the conditions of its groups and its own."""

    rule: Rule
    conditions: tuple[Rule, ...]
    path: Formula

    def claims(self, values: Mapping[str, Value]) -> bool:
        """Whether all its conditions hold, whoever comes before it."""
        return all(r.when is None or r.when.test(values) for r in self.conditions)


def leaves(rules: Sequence[Rule], space: Space, above: tuple[Rule, ...] = ()) -> Iterator[Leaf]:
    """Every rule with a destination, in the order in which they are asked."""
    for rule in rules:
        conditions = (*above, rule)
        if rule.to is None:
            yield from leaves(rule.rules, space, conditions)
        else:
            path = every(space.formula(r.when) for r in conditions)
            yield Leaf(rule, conditions, path)


def find(space: Space, formulas: Sequence[Formula]) -> tuple[int, ...] | None:
    """A region in which all hold, None when there is none; raises TooHard. See `solve`."""
    return solve(space.axes, formulas, space.work)


def example(space: Space, formulas: Sequence[Formula], check: Check) -> dict[str, Value] | None:
    """A lead on which the check was tried and holds; None when none was found."""
    try:
        region = find(space, formulas)
    except TooHard:
        return None
    if region is None:
        return None
    return next((values for values in examples(space, region) if check(values)), None)

"""What gives a lead points, as the policy says it; `scoring` counts with it.

Stands beside `policy`, which holds one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING

from fairlead.core.place import Place

if TYPE_CHECKING:
    from fairlead.core.policy import Condition

POOR = "poor"
"""The grade of leads below the first band, unless the policy names another."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A condition can change its answer when the date in `name`, or `on`, is `after` ago."""

    name: str
    after: timedelta
    on: datetime | None = None


@dataclass(frozen=True, slots=True)
class Points:
    """One line of a scorecard: so many points, above or below 0, while `when` holds.

    With `half_life` they lose half each time that much passes since the date in the field `at`;
    a lead without that date has none of them. `turns` is how time alone changes the condition.
    """

    when: Condition
    points: Fraction
    because: str
    place: Place
    at: str | None = None
    half_life: timedelta | None = None
    turns: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class PointGroup:
    """Lines that are added up by themselves; the sum stays between `-cap` and `cap`."""

    name: str
    points: tuple[Points, ...]
    cap: Fraction | None
    place: Place


@dataclass(frozen=True, slots=True)
class Band:
    """The grade of leads with `at_least` so many points, up to the next band."""

    name: str
    at_least: Fraction
    place: Place


@dataclass(frozen=True, slots=True)
class Scorecard:
    """How leads are scored. `bands` go up; `below` is the grade of those under the first.

    `write_to` maps a CRM to the field of a lead that gets the score there.
    """

    groups: tuple[PointGroup, ...]
    bands: tuple[Band, ...]
    below: str = POOR
    write_to: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    lines: tuple[Points, ...] = field(init=False, compare=False, repr=False)
    """Every line of every group."""
    reads: frozenset[str] = field(init=False, compare=False, repr=False)
    """The names that conditions and dates ask for."""
    steps: tuple[tuple[int, str], ...] = field(init=False, compare=False, repr=False)
    """The whole points from which each band is reached, the highest first, with its name."""

    def __post_init__(self) -> None:
        # Worked out once: each look at a lead asks for all of it.
        lines = tuple(line for group in self.groups for line in group.points)
        dates = frozenset(line.at for line in lines if line.at is not None)
        steps = tuple((math.ceil(band.at_least), band.name) for band in reversed(self.bands))
        object.__setattr__(self, "lines", lines)
        object.__setattr__(self, "reads", dates.union(*(line.when.names for line in lines)))
        object.__setattr__(self, "steps", steps)

    @property
    def grades(self) -> tuple[str, ...]:
        """Every grade that a lead can have, the lowest first."""
        return (self.below, *(band.name for band in self.bands))

"""What `decay:` of the policy says: how a lead loses value with time, and what each level does.

Below `policy`, which holds the levels; `decay` plans their instants.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from fairlead.core.place import Place
from fairlead.core.sla_terms import Act, Reassign, short

if TYPE_CHECKING:
    from fairlead.core.policy import Condition


class Measure(StrEnum):
    """What a level goes by."""

    AGE = "age"
    """Time since we took the lead to route it, by the clock on the wall."""
    SILENCE = "silence"
    """Time since the buyer, or a person of ours, last did something."""
    BELOW = "below"
    """Time took the score from a band, or above it, to under it."""


@dataclass(frozen=True, slots=True)
class Level:
    """One level of decay. `length` is that of age and silence, `band` that of below.

    `number` is its place in the policy, 0 first: a later level is a higher one. `critical` ones
    are counted and logged as alerts.
    """

    name: str
    number: int
    measure: Measure
    length: timedelta
    band: str
    when: Condition | None
    critical: bool
    acts: tuple[Act, ...]
    override_people: bool
    place: Place

    @property
    def reached_by(self) -> str:
        """What it took, in words: the reason that tasks and `why` give."""
        if self.measure is Measure.BELOW:
            return f"its score fell under {self.band} with time"
        what = "nobody did anything for" if self.measure is Measure.SILENCE else "it is as old as"
        return f"{what} {short(self.length)}"

    @property
    def moves(self) -> bool:
        """Whether it takes the lead from its owner."""
        return any(isinstance(act, Reassign) for act in self.acts)

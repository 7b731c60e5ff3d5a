"""What a rep has already: leads received lately, open ones, and what these are worth together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType

from fairlead.core.types import Value


def exact_number(value: Value) -> Fraction | None:
    """A number as it is written, exactly; None for what is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return Fraction(str(value))


@dataclass(frozen=True, slots=True)
class Summed:
    """A number field over open leads: the exact sum, and how many leads have no value in it."""

    total: Fraction = Fraction(0)
    missing: int = 0

    def plus(self, value: Value) -> Summed:
        """With one lead more."""
        number = exact_number(value)
        if number is None:
            return Summed(self.total, self.missing + 1)
        return Summed(self.total + number, self.missing)


@dataclass(frozen=True, slots=True)
class Load:
    """What a rep has: open leads now, and leads received this hour, day and week of theirs."""

    open: int = 0
    hour: int = 0
    day: int = 0
    week: int = 0

    sums: Mapping[str, Summed] = field(default_factory=lambda: MappingProxyType({}), kw_only=True)
    """Number fields of the lead, summed over the open leads, by the field's name."""

    def plus_one(self, values: Mapping[str, Value] = MappingProxyType({})) -> Load:
        """With one lead more, which has these values."""
        sums = {name: summed.plus(values.get(name)) for name, summed in self.sums.items()}
        return Load(self.open + 1, self.hour + 1, self.day + 1, self.week + 1, sums=sums)

    def joined_one(self) -> Load:
        """With one lead received and not owned: somebody else's, of a group."""
        return replace(self, hour=self.hour + 1, day=self.day + 1, week=self.week + 1)

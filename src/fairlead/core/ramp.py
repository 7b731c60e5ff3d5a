"""Ramp: a new rep's share of the full load, growing day by day; exact fractions.

Between the policy (`ramp:` of a rep) and those who ask for a rep's weight and limits. Days are
those of the rep's own clock; the caller knows it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

FORM = "from 2026-06-01; weeks 4; start 25%"
FULL = Fraction(1)
START = Fraction(1, 4)
"""The share on the first day where the policy names none."""
_PART = re.compile(r"(from|weeks|start)[ =:]+(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Ramp:
    """From `share` on the day `begins` in equal daily steps to everything `weeks` weeks later."""

    begins: date
    weeks: int
    share: Fraction = START

    def on(self, day: date) -> Fraction:
        """The share on a day: above 0, at most 1; before the ramp begins that of its first day."""
        gone = min(max((day - self.begins).days, 0), 7 * self.weeks)
        return self.share + (FULL - self.share) * Fraction(gone, 7 * self.weeks)


def limited(limit: int, share: Fraction) -> int:
    """A limit under a ramp: its share, rounded down, and never less than 1."""
    return max(1, int(limit * share))


def split_cell(text: str) -> dict[str, str]:
    """The parts of a roster's cell such as FORM, by their word; raises ValueError."""
    found: dict[str, str] = {}
    for part in text.split(";"):
        if not part.strip():
            continue
        read = _PART.fullmatch(part.strip())
        if read is None or read[1] in found:
            raise ValueError(f"expected a ramp such as {FORM!r}, found {part.strip()!r}")
        found[read[1]] = read[2].strip()
    if not {"from", "weeks"} <= set(found):
        raise ValueError(f"a ramp needs 'from' and 'weeks', such as {FORM!r}")
    return found

"""Durations as the admin writes them: one whole number and one unit, such as 30m or 2d."""

from __future__ import annotations

import re
from datetime import timedelta

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
"""Seconds per unit. A day is 24 hours, whatever the clocks do that night."""

_DURATION = re.compile(r"([0-9]{1,12})([a-z])")
LONGEST = timedelta(days=36_525)
"""A hundred years: what is longer is a slip, and counted from now it may be no date any more."""


def parse_duration(text: str) -> timedelta:
    """Read `30s`, `30m`, `2h`, `1d` or `2w`; raises ValueError with the remedy."""
    found = _DURATION.fullmatch(text)
    if found is None or found[2] not in UNITS:
        raise ValueError("a duration is a whole number and a unit: 30s, 30m, 2h, 1d or 2w")
    seconds = int(found[1]) * UNITS[found[2]]
    if seconds > LONGEST.total_seconds():
        raise ValueError("a duration is at most a hundred years, 36525d")
    return timedelta(seconds=seconds)

"""How far apart the clocks of a lead and a rep are at one instant.

By the clock and not by the date: Honolulu and Kiritimati show the same time of different days and
are no distance apart. Offsets are those of the instant, so summer time counts as it is, in both
hemispheres.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from fairlead.core.zones import zone

_DAY = timedelta(days=1)


def clock_distance(one: str, other: str, at: datetime) -> timedelta:
    """Between 0 and 12 hours; both zones by their IANA names. Raises ValueError for other texts."""
    apart = (_offset(one, at) - _offset(other, at)) % _DAY
    return min(apart, _DAY - apart)


def _offset(name: str, at: datetime) -> timedelta:
    offset = at.astimezone(zone(name)).utcoffset()
    assert offset is not None
    return offset

"""How long to wait between two looks at a CRM: the base interval, stretched when quota runs low."""

from __future__ import annotations

from fairlead.spi.connector import Budget

SHARE = 0.4
"""Our part of the quota that is left; the rest is for others."""
DAY = 86_400.0
LONGEST = 900.0


def poll_interval(base: float, budget: Budget, *, calls_per_poll: float = 1.0) -> float:
    """Seconds to the next poll, so that polls spend at most 40 % of what is left of the day.

    A day is taken as rolling (Salesforce) even where it ends at midnight (HubSpot): the safe side.
    Without a known quota the base interval holds; never longer than 15 minutes.
    """
    if budget.daily_remaining is None:
        return base
    per_second = SHARE * max(budget.daily_remaining, 0) / DAY
    if per_second <= 0:
        return LONGEST
    return min(max(base, calls_per_poll / per_second), max(base, LONGEST))

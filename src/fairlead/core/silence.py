"""Whether a source is silent against its usual rhythm: arrivals by the hour of the week.

A law of small numbers says how improbable it is that nobody came for so long. The rhythm is kept
low on purpose: of each hour of the week the fullest one does not count (one campaign makes no
rhythm), and an hour is worth what the emptiest of it and its neighbours is (summer time moves a
morning by one). So quiet nights and week-ends alarm nobody, and a busy morning without a lead does.
Of days that are `free`, such as public holidays, nothing is expected.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

HOUR = timedelta(hours=1)
HOURS = 168
IMPROBABLE = 0.001
MOST_WEEKS = 6
LEAST_WEEKS = 3
LEAST_ARRIVALS = 30
LOOKED_THROUGH = 10 * HOURS * HOUR
"""Of a longer silence the weeks before this are not looked through for free days."""


def no_day(at: datetime) -> bool:
    """No day is free."""
    return False


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The usual arrivals of each hour of the week, Monday 00:00 UTC first."""

    rates: tuple[float, ...]

    def expected(
        self, since: datetime, until: datetime, free: Callable[[datetime], bool] = no_day
    ) -> float:
        """How many would usually have come between two instants, less those of `free` hours."""
        total, at = 0.0, since.astimezone(UTC)
        until = until.astimezone(UTC)
        if until - at > LOOKED_THROUGH:
            weeks = (until - at - LOOKED_THROUGH) // (HOURS * HOUR)
            total += weeks * sum(self.rates)
            at += weeks * HOURS * HOUR
        while at < until:
            end = min(hour_of(at) + HOUR, until)
            rate = self.rates[hour_of_week(at)]
            if rate and not free(at):
                total += rate * ((end - at) / HOUR)
            at = end
        return total


def rhythm_of(arrivals: Mapping[datetime, int], first: datetime, now: datetime) -> Rhythm | None:
    """The rhythm of what came in the whole weeks before `now`, at most six.

    `arrivals` counts by whole hours, UTC; `first` is when the source was first known to work. None
    when there are too few weeks or arrivals to speak of a rhythm.
    """
    weeks = min(MOST_WEEKS, (now - first) // (HOURS * HOUR))
    start = hour_of(now) - weeks * HOURS * HOUR
    counts: list[list[int]] = [[0] * max(weeks, 0) for _ in range(HOURS)]
    total = 0
    for at, n in arrivals.items():
        week = (hour_of(at) - start) // (HOURS * HOUR)
        if 0 <= week < weeks:
            counts[hour_of_week(at)][week] += n
            total += n
    if weeks < LEAST_WEEKS or total < LEAST_ARRIVALS:
        return None
    usual = [(sum(week) - max(week)) / (weeks - 1) for week in counts]
    return Rhythm(tuple(min(usual[h - 1], usual[h], usual[(h + 1) % HOURS]) for h in range(HOURS)))


def is_silent(
    rhythm: Rhythm, last: datetime, now: datetime, free: Callable[[datetime], bool] = no_day
) -> bool:
    """Whether it is improbable that nobody has come since the `last` one."""
    return math.exp(-rhythm.expected(last, now, free)) < IMPROBABLE if last < now else False


def hour_of(at: datetime) -> datetime:
    """The whole hour, UTC."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def hour_of_week(at: datetime) -> int:
    """0 for the hour that begins Monday 00:00 UTC."""
    at = at.astimezone(UTC)
    return at.weekday() * 24 + at.hour

"""Working time, the one place that computes with it: is it open, when next, how long, until when.

Below eligibility (and every clock to come). A calendar is blocks of wall-clock time by weekday in
one zone, without public holidays. A block belongs to the day on which it begins: the night shift of
the 24th is worked although the 25th is a holiday. A wall-clock time is the first instant at which
the zone's clock has reached it: one that comes twice (clocks go back) counts when it comes first,
one that is skipped (clocks go forward, or a whole day in Apia) is the instant of the jump. So a
block is one stretch of real time, longer or shorter in those nights. All instants are aware UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise

from fairlead.core.holiday_days import is_holiday
from fairlead.core.zones import zone

HORIZON = timedelta(days=800)
"""How far ahead an opening is looked for; what is not found in two years never comes."""
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)

Block = tuple[int, int]
"""Minutes of the day from midnight; the end is above 1440 when a shift passes it."""
Span = tuple[datetime, datetime]
"""A stretch of time, the end not in it."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """When somebody works: `hours` are the blocks of Monday to Sunday, sorted, not overlapping.

    `regions` name the public holidays. `buffer_before` and `buffer_after` are whole working days
    kept free around a leave.
    """

    name: str
    timezone: str
    hours: tuple[tuple[Block, ...], ...]
    regions: tuple[str, ...] = ()
    buffer_before: int = 0
    buffer_after: int = 0


def at_wall(wall: datetime, timezone: str) -> datetime:
    """The first instant at which the zone's clock has reached this wall-clock time (naive)."""
    there = zone(timezone)
    late = wall.replace(tzinfo=there).astimezone(UTC)
    if late.astimezone(there).replace(tzinfo=None) == wall:
        return late
    # The wall time is skipped: the jump lies between its readings with the two offsets.
    early = wall.replace(tzinfo=there, fold=1).astimezone(UTC)
    while late - early > _SECOND:
        middle = early + (late - early) // 2
        if middle.astimezone(there).replace(tzinfo=None) >= wall:
            late = middle
        else:
            early = middle
    return late.replace(microsecond=0)


def wall_at(at: datetime, timezone: str) -> datetime:
    """What the zone's clock shows (naive)."""
    return at.astimezone(zone(timezone)).replace(tzinfo=None)


def openings(calendar: Calendar, since: datetime, off: Sequence[Span] = ()) -> Iterator[Span]:
    """The stretches of working time that end after `since`, less `off`, in order and apart.

    Ends at the horizon: `since` + HORIZON. Stretches may touch.
    """
    ends, free = since + HORIZON, _joined(off)
    day = wall_at(since, calendar.timezone).date() - 2 * _DAY
    last = wall_at(ends, calendar.timezone).date()
    while day <= last:
        for start, end in _day(calendar, day):
            for left in _without((start, min(end, ends)), free):
                if left[1] > since:
                    yield left
        day += _DAY


def is_open(calendar: Calendar, at: datetime, off: Sequence[Span] = ()) -> bool:
    """Whether `at` is working time."""
    if any(start <= at < end for start, end in off):
        return False
    today = wall_at(at, calendar.timezone).date()
    # A shift of up to a day begins yesterday; where a day is skipped, the day before that.
    return any(
        start <= at < end
        for back in (0, 1, 2)
        for start, end in _day(calendar, today - back * _DAY)
    )


def is_holiday_for_all(calendars: Iterable[Calendar], at: datetime) -> bool:
    """Whether it is a public holiday in each of these calendars that has any, each in its zone."""
    known = [c for c in calendars if c.regions]
    return bool(known) and all(is_holiday(c.regions, wall_at(at, c.timezone).date()) for c in known)


def next_open(calendar: Calendar, at: datetime, off: Sequence[Span] = ()) -> datetime | None:
    """The first working instant at or after `at`; None when none comes within the horizon."""
    first = next(openings(calendar, at, off), None)
    return None if first is None else max(first[0], at)


def close_of(calendar: Calendar, at: datetime, off: Sequence[Span] = ()) -> datetime | None:
    """The end of the working time that `at` lies in; None when it lies in none or never ends."""
    end = at
    for begins, ends in openings(calendar, at, off):
        if begins > end:
            break
        end = ends
    return end if at < end < at + HORIZON else None


def working_time(
    calendar: Calendar, start: datetime, end: datetime, off: Sequence[Span] = ()
) -> timedelta:
    """The working time between two instants; nothing when `end` is not after `start`."""
    total = timedelta(0)
    at = start
    while at < end:
        stop = min(end, at + HORIZON)
        for begins, ends in openings(calendar, at, off):
            if begins >= stop:
                break
            total += min(ends, stop) - max(begins, at)
        at = stop
    return total


def add_working(
    calendar: Calendar, start: datetime, amount: timedelta, off: Sequence[Span] = ()
) -> datetime | None:
    """The first instant by which `amount` (>= 0) of working time has passed since `start`.

    None when that does not come within the horizon.
    """
    left = amount
    if left <= timedelta(0):
        return start
    for begins, ends in openings(calendar, start, off):
        room = ends - max(begins, start)
        if left <= room:
            return max(begins, start) + left
        left -= room
    return None


def window_start(at: datetime, window: str, timezone: str) -> datetime:
    """When the hour, day or week (from Monday) that `at` lies in began, by the zone's clock."""
    wall = wall_at(at, timezone)
    if window == "hour":
        # By the minute hand: in the hour that comes twice, each of the two is one of its own.
        return at - timedelta(
            minutes=wall.minute, seconds=wall.second, microseconds=wall.microsecond
        )
    return at_wall(datetime.combine(_first_day(wall.date(), window), time()), timezone)


def window_end(at: datetime, window: str, timezone: str) -> datetime:
    """When the next hour, day or week begins."""
    if window == "hour":
        return window_start(at, window, timezone) + timedelta(hours=1)
    day = _first_day(wall_at(at, timezone).date(), window) + _DAY * (7 if window == "week" else 1)
    return at_wall(datetime.combine(day, time()), timezone)


def working_days(calendar: Calendar, day: date, count: int) -> date:
    """The last of `count` working days after `day`, or before it when `count` is negative."""
    step = _DAY if count > 0 else -_DAY
    left, tries = abs(count), HORIZON.days
    while left and tries:
        day += step
        tries -= 1
        left -= bool(_blocks(calendar, day))
    return day


def _first_day(day: date, window: str) -> date:
    return day - day.weekday() * _DAY if window == "week" else day


def _blocks(calendar: Calendar, day: date) -> tuple[Block, ...]:
    blocks = calendar.hours[day.weekday()]
    return () if blocks and is_holiday(calendar.regions, day) else blocks


@lru_cache(maxsize=8192)
def _day(calendar: Calendar, day: date) -> tuple[Span, ...]:
    """What is worked of the blocks that begin on this day."""
    midnight = datetime.combine(day, time())
    spans = (
        tuple(at_wall(midnight + timedelta(minutes=m), calendar.timezone) for m in block)
        for block in _blocks(calendar, day)
    )
    return tuple((start, end) for start, end in spans if start < end)


def _joined(spans: Sequence[Span]) -> list[Span]:
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        elif start < end:
            found.append((start, end))
    return found


def _without(span: Span, off: Sequence[Span]) -> Iterator[Span]:
    """What is left of a span outside `off` (sorted, apart)."""
    start, end = span
    for begins, stops in off:
        if begins >= end or start >= end:
            break
        if stops <= start:
            continue
        if begins > start:
            yield start, begins
        start = max(start, stops)
    if start < end:
        yield start, end


def overlapping(hours: Sequence[Sequence[Block]]) -> tuple[int, int] | None:
    """Two weekdays (perhaps the same) with blocks that overlap by the clock; None if all is well.

    The second is the day of the later block. A shift reaches at most one day further.
    """
    week = [
        (day * 1440 + start, day * 1440 + end, day % 7)
        for day in range(8)
        for start, end in sorted(hours[day % 7])
    ]
    for (_, end, day), (start, _, next_day) in pairwise(sorted(week)):
        if start < end:
            return day, next_day
    return None

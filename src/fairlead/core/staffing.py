"""Can these people answer within so long at this volume? Last weeks' arrivals, the coming hours.

The arrivals of the past give a rate for each hour of the week; leads are sent at these rates
through the calendars and leave of the coming weeks. Pure: the same input has the same answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fairlead.core.queueing import (
    Job,
    Opening,
    Stretch,
    drawn,
    opening_of,
    people_needed,
    served,
    served_in_turns,
)
from fairlead.core.worktime import Calendar, Span, openings, wall_at

WEEK_HOURS = 168
CELL = timedelta(minutes=15)
"""Rates change by the hour of the wall; a quarter of an hour lies in one hour of every zone."""
ENOUGH = 3_000
"""So many leads are played, or the weeks forty times over."""
_MOST_TIMES = 40
MOST_MORE = 64
THIN = 50
"""Fewer arrivals than this say little about any hour."""

Person = tuple[Calendar, Sequence[Span]]
"""A calendar and the leave to come."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked: answered `within`, with `handling` per lead, by `target` (a share) of them."""

    within: timedelta
    handling: timedelta
    target: float


@dataclass(frozen=True, slots=True)
class HourOfWeek:
    """One hour of the week (0: Monday from midnight, by the wall): what comes, who is there.

    `people` is the average of the coming weeks; `needed` what a steady hour of this rate takes;
    `in_time` is the share of the leads that come in it, None where none came.
    """

    hour: int
    per_hour: float
    people: float
    needed: int
    in_time: float | None


@dataclass(frozen=True, slots=True)
class Staffing:
    """The answer for one team. Shares are from 0 to 1; without arrivals they are 1.

    `in_time` if the first who is free takes the next; `in_turns` if each is given to the next in
    turn. Both count open time only; `by_the_wall` counts all time. `closed` is the share that comes
    while nobody works. `more` is what `in_time` becomes with so many people more who work whenever
    anybody does, from one on; `needed_more` how many of them reach the target, None: not even
    MOST_MORE. `played` leads were sent through.
    """

    arrivals: int
    days: float
    per_week: float
    in_time: float
    in_turns: float
    by_the_wall: float
    closed: float
    one_more: float
    needed_more: int | None
    busy: float | None
    hours: tuple[HourOfWeek, ...]
    played: int
    thin: bool


def rates_of(
    arrivals: Sequence[datetime], since: datetime, until: datetime, timezone: str
) -> tuple[float, ...]:
    """Arrivals per hour for each hour of the week, over as often as it was seen in the period."""
    came = Counter(hour_of(at, timezone) for at in arrivals if since <= at < until)
    seen: Counter[int] = Counter()
    at = since
    while at < until:
        seen[hour_of(at, timezone)] += 1
        at += CELL
    cells = timedelta(hours=1) // CELL
    return tuple(came[h] * cells / seen[h] if seen[h] else 0.0 for h in range(WEEK_HOURS))


def hour_of(at: datetime, timezone: str) -> int:
    """The hour of the week by the zone's clock."""
    wall = wall_at(at, timezone)
    return wall.weekday() * 24 + wall.hour


def staffing(
    arrivals: Sequence[datetime],
    since: datetime,
    now: datetime,
    people: Sequence[Person],
    timezone: str,
    ask: Ask,
    weeks: int,
) -> Staffing:
    """Send leads at the rates of `since` to `now` through the coming `weeks`.

    Raises ValueError when `since` is not before `now`.
    """
    if since >= now:
        raise ValueError("no time was watched")
    rates = rates_of(arrivals, since, now, timezone)
    ends = now + timedelta(weeks=weeks)
    cells = [now + n * CELL for n in range((ends - now) // CELL)]
    hours = [hour_of(at, timezone) for at in cells]
    per_cell = [rates[h] * (CELL / timedelta(hours=1)) for h in hours]
    there = [_stretches(person, now, ends + timedelta(weeks=1)) for person in people]
    opening = opening_of(there)
    expected = sum(per_cell)
    times = min(_MOST_TIMES, max(1, round(ENOUGH / expected))) if expected else 0
    length, work = CELL.total_seconds(), ask.handling.total_seconds()
    weeks_of_jobs = [drawn(per_cell, length, work, seed) for seed in range(1, times + 1)]
    play = _Play(weeks_of_jobs, opening, ask.within.total_seconds())
    in_time = play.in_time(opening)
    count = len([a for a in arrivals if since <= a < now])
    days = (now - since) / timedelta(days=1)
    return Staffing(
        arrivals=count,
        days=days,
        per_week=count / days * 7,
        in_time=in_time,
        in_turns=play.in_turns(there),
        by_the_wall=play.by_the_wall(),
        closed=play.share(lambda jobs: [opening.at(j.at) == 0 for j in jobs]),
        one_more=play.in_time(opening.with_more(1)),
        needed_more=_needed_more(play, opening, ask.target),
        busy=_busy(per_cell, cells, opening, now, work),
        hours=_hours(rates, hours, cells, now, opening, play, ask),
        played=play.total,
        thin=count < THIN,
    )


class _Play:
    """The leads of some weeks sent through, several times over."""

    def __init__(self, runs: Sequence[Sequence[Job]], opening: Opening, within: float) -> None:
        self.runs = runs
        self.opening = opening
        self.within = within
        self.total = sum(len(jobs) for jobs in runs)

    def share(self, met: Callable[[Sequence[Job]], Sequence[bool]]) -> float:
        return sum(sum(met(jobs)) for jobs in self.runs) / self.total if self.total else 1.0

    def met(self, jobs: Sequence[Job], opening: Opening) -> list[bool]:
        """Whether each is begun in time, in open time."""
        return [
            begun is not None
            and opening.open_before(begun) - opening.open_before(job.at) <= self.within
            for job, begun in zip(jobs, served(jobs, opening), strict=True)
        ]

    def in_time(self, opening: Opening) -> float:
        return self.share(lambda jobs: self.met(jobs, opening))

    def by_the_wall(self) -> float:
        def met(jobs: Sequence[Job]) -> list[bool]:
            begun = served(jobs, self.opening)
            return [
                b is not None and b - j.at <= self.within for j, b in zip(jobs, begun, strict=True)
            ]

        return self.share(met)

    def in_turns(self, people: Sequence[Sequence[Stretch]]) -> float:
        def met(jobs: Sequence[Job]) -> list[bool]:
            found = served_in_turns(jobs, people)
            before = self.opening.open_before
            return [
                f is not None and before(f[1]) - before(j.at) <= self.within
                for j, f in zip(jobs, found, strict=True)
            ]

        return self.share(met)


def _stretches(person: Person, now: datetime, ends: datetime) -> list[Stretch]:
    calendar, off = person
    found: list[Stretch] = []
    for begins, stops in openings(calendar, now, off):
        if begins >= ends:
            break
        first, last = max(begins, now), min(stops, ends)
        found.append(((first - now).total_seconds(), (last - now).total_seconds()))
    return found


def _needed_more(play: _Play, opening: Opening, target: float) -> int | None:
    """The fewest people more who reach the target; more of them never make it worse."""
    if play.in_time(opening) >= target:
        return 0
    if play.in_time(opening.with_more(MOST_MORE)) < target:
        return None
    low, high = 0, MOST_MORE
    while high - low > 1:
        middle = (low + high) // 2
        if play.in_time(opening.with_more(middle)) >= target:
            high = middle
        else:
            low = middle
    return high


def _busy(
    per_cell: Sequence[float],
    cells: Sequence[datetime],
    opening: Opening,
    now: datetime,
    work: float,
) -> float | None:
    """The share of all working time that the leads take; None when nobody works."""
    seconds = CELL.total_seconds()
    hours = sum(opening.at((c - now).total_seconds()) * seconds for c in cells)
    return sum(per_cell) * work / hours if hours else None


def _hours(
    rates: Sequence[float],
    hours: Sequence[int],
    cells: Sequence[datetime],
    now: datetime,
    opening: Opening,
    play: _Play,
    ask: Ask,
) -> tuple[HourOfWeek, ...]:
    """Every hour of the week in which something comes."""
    there: Counter[int] = Counter()
    seen = Counter(hours)
    for hour, at in zip(hours, cells, strict=True):
        there[hour] += opening.at((at - now).total_seconds())
    came: Counter[int] = Counter()
    good: Counter[int] = Counter()
    length = CELL.total_seconds()
    for jobs in play.runs:
        for job, met in zip(jobs, play.met(jobs, opening), strict=True):
            hour = hours[min(int(job.at / length), len(hours) - 1)]
            came[hour] += 1
            good[hour] += met
    within, work = ask.within.total_seconds(), ask.handling.total_seconds()
    return tuple(
        HourOfWeek(
            h, rates[h], there[h] / seen[h] if seen[h] else 0.0,
            people_needed(rates[h] / 3600, work, within, ask.target),
            good[h] / came[h] if came[h] else None,
        )
        for h in range(WEEK_HOURS) if rates[h] > 0
    )  # fmt: skip

"""When time alone gives a lead another grade.

Stands beside `scoring`, which counts the points. Exact to the second, and found without looking at
every second: between two instants at which a condition can turn, points only shrink.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction

from fairlead.core.scorecard import Scorecard, Turn
from fairlead.core.scoring import (
    GONE_AFTER,
    GroupScore,
    Score,
    ScoreLine,
    capped,
    decayed,
    grade_of,
    instant_of,
    score,
    total_of,
    whole,
)
from fairlead.core.types import Value

_SECOND = timedelta(seconds=1)
_ENOUGH = 4_000
"""Looks at the score before the search for its next grade stops where it is."""


def next_grade_at(
    card: Scorecard,
    values: Mapping[str, Value],
    now: datetime,
    *,
    until: datetime | None = None,
    found: Score | None = None,
) -> datetime | None:
    """The first whole second after `now` at which time alone gives the lead another grade.

    None when it never does, or, for those who ask for no later one, not `until` then. It may name
    an earlier instant where a score stays very near to a band for long: looking then finds the same
    grade, and looks on from there. `found` is the score at `now`, where it is known already.
    """
    start = now.replace(microsecond=0)
    known = score(card, values, now) if found is None else found
    stops = _stops(card, values, start)
    if until is not None:
        end = max(_whole_second(until), start)
        stops = [stop for stop in stops if stop < end] + [end]
    at = start
    search = _Search(card, values, known.grade)
    if at == now:
        search.counted[at] = known
    for stop in stops:
        turns_at = search.first(at, stop) if stop - at > _SECOND else None
        if turns_at is not None:
            return turns_at
        if search.at(stop).grade != search.grade:
            return stop
        at = stop
    return None


def next_turn(turns: Iterable[Turn], values: Mapping[str, Value], now: datetime) -> datetime | None:
    """The first whole second after `now` at which a condition with these turns may change."""
    start = now.replace(microsecond=0)
    ticks = (
        tick
        for turn in turns
        for tick in _ticks(turn.on or instant_of(values.get(turn.name)), turn.after, start)
    )
    return min(ticks, default=None)


def _stops(card: Scorecard, values: Mapping[str, Value], start: datetime) -> list[datetime]:
    """The instants at which a condition may turn, and the one after which nothing decays."""
    found: set[datetime] = set()
    for line in card.lines:
        for turn in line.turns:
            since = turn.on or instant_of(values.get(turn.name))
            found |= set(_ticks(since, turn.after, start))
        if line.half_life is not None and line.at is not None:
            since = instant_of(values.get(line.at))
            found |= set(_ticks(since, GONE_AFTER * line.half_life, start))
    return sorted(found)


def _ticks(since: datetime | None, after: timedelta, start: datetime) -> Iterable[datetime]:
    """The whole seconds at and right after an instant to come; none for one gone by."""
    if since is None:
        return
    try:
        first = _whole_second((since + after).astimezone(start.tzinfo))
        ticks = (first, first + _SECOND)
    except OverflowError:
        return
    yield from (tick for tick in ticks if tick > start)


def _whole_second(at: datetime) -> datetime:
    """The first whole second that is not before an instant."""
    return at.replace(microsecond=0) + _SECOND if at.microsecond else at


@dataclass(slots=True)
class _Search:
    """Looks for the first second with another grade while no condition turns."""

    card: Scorecard
    values: Mapping[str, Value]
    grade: str
    budget: int = _ENOUGH
    counted: dict[datetime, Score] = field(default_factory=dict)
    """The scores found so far: where one stretch ends the next begins."""

    def at(self, instant: datetime) -> Score:
        found = self.counted.get(instant)
        if found is None:
            found = self.counted[instant] = score(self.card, self.values, instant)
        return found

    def first(self, begin: datetime, end: datetime) -> datetime | None:
        """The first second after `begin` and before `end`; the grade at `begin` is known.

        Between two instants each line's points only shrink, so their values at both ends bound the
        sum; a span whose bounds have one grade needs no closer look. Where all that fades is of
        one sign, the sum goes one way, and a span is halved without looking at the other half.
        """
        if self.budget <= 0:
            return begin + _SECOND
        if end - begin <= _SECOND:
            return None
        self.budget -= 1
        last = end - _SECOND
        early, late = self.at(begin), self.at(last)
        if _same_lines(early, late):
            if self._bounded(early, late):
                return None
            if _goes_one_way(early):
                same = late.grade == self.grade
                return None if same else self._turn(early.groups, begin, last)
        if last - begin <= _SECOND:
            return last if late.grade != self.grade else None
        middle = begin + timedelta(seconds=(last - begin) // _SECOND // 2)
        found = self.first(begin, middle + _SECOND)
        return found if found is not None else self.first(middle, end)

    def _bounded(self, early: Score, late: Score) -> bool:
        low: list[Fraction] = []
        high: list[Fraction] = []
        for one, other in zip(early.groups, late.groups, strict=True):
            ends = list(zip(one.lines, other.lines, strict=True))
            low.append(capped(total_of(min(a.points, b.points) for a, b in ends), one.cap))
            high.append(capped(total_of(max(a.points, b.points) for a, b in ends), one.cap))
        bounds = whole(total_of(low)), whole(total_of(high))
        return {grade_of(self.card, total) for total in bounds} == {self.grade}

    def _turn(
        self, groups: Sequence[GroupScore], before: datetime, after: datetime
    ) -> datetime | None:
        """The first second with another grade, of a sum that goes one way; `after` has one."""
        near = self._near(groups, before, after)
        tries = [near - _SECOND, near]
        while after - before > _SECOND:
            middle = before + (after - before) // _SECOND // 2 * _SECOND
            at = next((t for t in tries if before < t < after), middle)
            total = total_of(_points(group, at) for group in groups)
            if grade_of(self.card, whole(total)) == self.grade:
                before = at
            else:
                after = at
        return after

    def _near(self, groups: Sequence[GroupScore], before: datetime, after: datetime) -> datetime:
        """The second that `_turn` looks for, as binary fractions have it: nearly always right."""
        rough = [_Rough.of(group, before) for group in groups]
        reached = self.card.grades.index(self.grade)
        steps = [least for least, _ in self.card.steps]
        low, high = 0, (after - before) // _SECOND
        while high - low > 1:
            middle = low + (high - low) // 2
            total = sum([group.points(middle) for group in rough])
            points = (total + 0.5) // 1
            if sum([points >= least for least in steps]) == reached:
                low = middle
            else:
                high = middle
        return before + high * _SECOND


def _same_lines(one: Score, other: Score) -> bool:
    """Whether the same lines apply, so that no condition has turned between."""
    pairs = zip(one.groups, other.groups, strict=True)
    return all(len(a.lines) == len(b.lines) for a, b in pairs)


def _goes_one_way(found: Score) -> bool:
    """Whether all lines that fade are good ones, or all are bad ones."""
    fading = {line.full > 0 for g in found.groups for line in g.lines if line.since is not None}
    return len(fading) == 1


def _points(group: GroupScore, at: datetime) -> Fraction:
    """What the lines of a group count at another instant."""
    return capped(total_of(_line(line, at) for line in group.lines), group.cap)


def _line(line: ScoreLine, at: datetime) -> Fraction:
    if line.since is None or line.half_life is None:
        return line.points
    return decayed(line.full, at - line.since, line.half_life)


@dataclass(frozen=True, slots=True)
class _Rough:
    """The points of a group in binary fractions, by the seconds since an instant.

    `fading` are the points of a line in full, its age then and its half-life, in seconds.
    """

    lasting: float
    fading: tuple[tuple[float, float, float], ...]
    cap: float

    @classmethod
    def of(cls, group: GroupScore, at: datetime) -> _Rough:
        lasting, fading = 0.0, []
        for line in group.lines:
            if line.since is None or line.half_life is None:
                lasting += float(line.points)
            else:
                age = (at - line.since).total_seconds()
                fading.append((float(line.full), age, line.half_life.total_seconds()))
        return cls(lasting, tuple(fading), float("inf" if group.cap is None else group.cap))

    def points(self, seconds: int) -> float:
        total = self.lasting
        for full, age, half_life in self.fading:
            total += round(full * 2.0 ** -(max(0.0, age + seconds) / half_life), 2)
        return max(-self.cap, min(self.cap, total))

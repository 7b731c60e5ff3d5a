"""Fourth step: the points of one lead, with the reason for each, and when its grade changes next.

Pure and exact: points are fractions, a half-life is reckoned in decimals and rounded to hundredths,
so that any machine gets the same. The sum is rounded once, to whole points: what rules compare,
what people read and what is written to a CRM are one number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

from fairlead.core.scorecard import PointGroup, Points, Scorecard, Turn
from fairlead.core.types import Value

_CENT = Decimal("0.01")
_GONE_AFTER = 40
"""Half-lives after which nothing is left of any points that a policy can give."""
_SECOND = timedelta(seconds=1)
_ENOUGH = 4_000
"""Looks at the score before the search for its next grade stops where it is."""


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """One line that applies: what it counts now, what it was worth at first, and why.

    `since` is the date that its half-life runs from, None where it has none.
    """

    points: Fraction
    full: Fraction
    because: str
    at: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class GroupScore:
    """The lines of one group; `points` is their sum, `uncapped` what it would be without cap."""

    name: str
    points: Fraction
    uncapped: Fraction
    cap: Fraction | None
    lines: tuple[ScoreLine, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """A lead's points at one instant: the whole sum, its grade, and the groups it is made of."""

    total: int
    grade: str
    groups: tuple[GroupScore, ...]


def score(card: Scorecard, values: Mapping[str, Value], now: datetime) -> Score:
    """The score of a lead at `now`, an aware instant; `values` as rules see it. Raises nothing."""
    seen = {**values, "now": now}
    groups = tuple(_group(group, seen, now) for group in card.groups)
    total = whole(sum((g.points for g in groups), Fraction(0)))
    return Score(total, grade_of(card, total), groups)


def line_shares(
    card: Scorecard, values: Mapping[str, Value], now: datetime
) -> tuple[Fraction, ...]:
    """Of each line of the card, in order, how much of its points the lead has: from 0 to 1."""
    seen = {**values, "now": now}
    found = []
    for p in card.lines:
        line = _line(p, seen, now) if p.when.test(seen) else None
        found.append(Fraction(0) if line is None else line.points / line.full)
    return tuple(found)


def score_values(found: Score) -> dict[str, Value]:
    """The score as rules see it: `score`, `grade`, and `score.` with each group's name."""
    parts: dict[str, Value] = {f"score.{g.name}": whole(g.points) for g in found.groups}
    return {"score": found.total, "grade": found.grade, **parts}


def grade_of(card: Scorecard, total: int) -> str:
    """The name of the highest band that this many points reach."""
    reached = [band.name for band in card.bands if total >= band.at_least]
    return reached[-1] if reached else card.below


def whole(points: Fraction) -> int:
    """Rounded to whole points, halves up."""
    return math.floor(points + Fraction(1, 2))


def decayed(points: Fraction, age: timedelta, half_life: timedelta) -> Fraction:
    """What is left of points after `age`, in hundredths; all of them at an age of 0 or less."""
    if age <= timedelta(0):
        return points
    lives = Fraction(age // timedelta(microseconds=1), half_life // timedelta(microseconds=1))
    if lives > _GONE_AFTER:
        return Fraction(0)
    with localcontext() as context:
        context.prec = 28
        left = Decimal(2) ** -(Decimal(lives.numerator) / Decimal(lives.denominator))
        value = Decimal(points.numerator) / Decimal(points.denominator) * left
        return Fraction(value.quantize(_CENT, rounding=ROUND_HALF_EVEN))


def _group(group: PointGroup, seen: Mapping[str, Value], now: datetime) -> GroupScore:
    lines = tuple(
        line
        for p in group.points
        if p.when.test(seen) and (line := _line(p, seen, now)) is not None
    )
    total = sum((line.points for line in lines), Fraction(0))
    return GroupScore(group.name, _capped(total, group.cap), total, group.cap, lines)


def _line(points: Points, seen: Mapping[str, Value], now: datetime) -> ScoreLine | None:
    if points.at is None or points.half_life is None:
        return ScoreLine(points.points, points.points, points.because)
    since = _instant(seen.get(points.at))
    if since is None:
        return ScoreLine(Fraction(0), points.points, points.because, points.at)
    left = decayed(points.points, now - since, points.half_life)
    return ScoreLine(left, points.points, points.because, points.at, since)


def _capped(total: Fraction, cap: Fraction | None) -> Fraction:
    return total if cap is None else max(-cap, min(cap, total))


def _instant(value: Value) -> datetime | None:
    there = isinstance(value, datetime) and value.utcoffset() is not None
    return value if there and isinstance(value, datetime) else None


# -- when the grade changes ------------------------------------------------------------------------


def next_grade_at(card: Scorecard, values: Mapping[str, Value], now: datetime) -> datetime | None:
    """The first whole second after `now` at which time alone gives the lead another grade.

    None when it never does. It may name an earlier instant where a score stays very near to a band
    for long: looking then finds the same grade, and looks on from there.
    """
    start = now.replace(microsecond=0)
    grade = score(card, values, now).grade
    stops = _stops(card, values, start)
    at = start
    budget = _Budget(_ENOUGH)
    for stop in stops:
        search = _Search(card, values, grade, budget)
        found = search.first(at, stop) if stop - at > _SECOND else None
        if found is not None:
            return found
        if score(card, values, stop).grade != grade:
            return stop
        at = stop
    return None


def next_turn(turns: Iterable[Turn], values: Mapping[str, Value], now: datetime) -> datetime | None:
    """The first whole second after `now` at which a condition with these turns may change."""
    start = now.replace(microsecond=0)
    ticks = (
        tick
        for turn in turns
        for tick in _ticks(turn.on or _instant(values.get(turn.name)), turn.after, start)
    )
    return min(ticks, default=None)


def _stops(card: Scorecard, values: Mapping[str, Value], start: datetime) -> list[datetime]:
    """The instants at which a condition may turn, and the one after which nothing decays."""
    found: set[datetime] = set()
    for line in card.lines:
        for turn in line.turns:
            since = turn.on or _instant(values.get(turn.name))
            found |= set(_ticks(since, turn.after, start))
        if line.half_life is not None and line.at is not None:
            since = _instant(values.get(line.at))
            found |= set(_ticks(since, _GONE_AFTER * line.half_life, start))
    return sorted(found)


def _ticks(since: datetime | None, after: timedelta, start: datetime) -> Iterable[datetime]:
    """The whole seconds at and right after an instant to come; none for one gone by."""
    if since is None:
        return
    try:
        at = (since + after).astimezone(start.tzinfo)
        first = at.replace(microsecond=0) + (_SECOND if at.microsecond else timedelta(0))
        ticks = (first, first + _SECOND)
    except OverflowError:
        return
    yield from (tick for tick in ticks if tick > start)


@dataclass(slots=True)
class _Budget:
    left: int


@dataclass(slots=True)
class _Search:
    """Looks for the first second with another grade while no condition turns.

    Between two instants each line's points only shrink, so their values at both ends bound the
    sum; a span whose bounds have one grade needs no closer look.
    """

    card: Scorecard
    values: Mapping[str, Value]
    grade: str
    budget: _Budget

    def first(self, begin: datetime, end: datetime) -> datetime | None:
        """The first second after `begin` and before `end`; the grade at `begin` is known."""
        if self.budget.left <= 0:
            return begin + _SECOND
        if end - begin <= _SECOND:
            return None
        self.budget.left -= 1
        last = end - _SECOND
        if self._bounded(begin, last):
            return None
        if last - begin <= _SECOND:
            return last if score(self.card, self.values, last).grade != self.grade else None
        middle = begin + timedelta(seconds=(last - begin) // _SECOND // 2)
        found = self.first(begin, middle + _SECOND)
        return found if found is not None else self.first(middle, end)

    def _bounded(self, begin: datetime, last: datetime) -> bool:
        early = score(self.card, self.values, begin)
        late = score(self.card, self.values, last)
        low = high = Fraction(0)
        for one, other in zip(early.groups, late.groups, strict=True):
            ends = list(zip(one.lines, other.lines, strict=False))
            if len(one.lines) != len(other.lines):
                return False
            least = sum((min(a.points, b.points) for a, b in ends), Fraction(0))
            most = sum((max(a.points, b.points) for a, b in ends), Fraction(0))
            low += _capped(least, one.cap)
            high += _capped(most, one.cap)
        return {grade_of(self.card, whole(low)), grade_of(self.card, whole(high))} == {self.grade}

"""Fourth step: the points of one lead, with the reason for each.

Pure and exact: points are fractions, a half-life is reckoned in decimals and rounded to hundredths,
so that any machine gets the same. The sum is rounded once, to whole points: what rules compare,
what people read and what is written to a CRM are one number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from fractions import Fraction

from fairlead.core.scorecard import PointGroup, Points, Scorecard
from fairlead.core.types import Value

_CENT = Decimal("0.01")
_LN2 = Context(prec=40).ln(Decimal(2))
GONE_AFTER = 40
"""Half-lives after which nothing is left of any points that a policy can give."""


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """One line that applies: what it counts now, what it was worth at first, and why.

    `since` is the date that its `half_life` runs from; None where it has none.
    """

    points: Fraction
    full: Fraction
    because: str
    at: str | None = None
    since: datetime | None = None
    half_life: timedelta | None = None


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
    if lives > GONE_AFTER:
        return Fraction(0)
    with localcontext() as context:
        context.prec = 28
        # Correctly rounded on any machine, as a power would be, at a tenth of its time.
        left = (-_LN2 * lives.numerator / lives.denominator).exp()
        value = Decimal(points.numerator) / Decimal(points.denominator) * left
        return Fraction(value.quantize(_CENT, rounding=ROUND_HALF_EVEN))


def _group(group: PointGroup, seen: Mapping[str, Value], now: datetime) -> GroupScore:
    lines = tuple(
        line
        for p in group.points
        if p.when.test(seen) and (line := _line(p, seen, now)) is not None
    )
    total = sum((line.points for line in lines), Fraction(0))
    return GroupScore(group.name, capped(total, group.cap), total, group.cap, lines)


def _line(points: Points, seen: Mapping[str, Value], now: datetime) -> ScoreLine | None:
    if points.at is None or points.half_life is None:
        return ScoreLine(points.points, points.points, points.because)
    since = instant_of(seen.get(points.at))
    if since is None:
        return ScoreLine(Fraction(0), points.points, points.because, points.at)
    left = decayed(points.points, now - since, points.half_life)
    return ScoreLine(left, points.points, points.because, points.at, since, points.half_life)


def capped(total: Fraction, cap: Fraction | None) -> Fraction:
    return total if cap is None else max(-cap, min(cap, total))


def instant_of(value: Value) -> datetime | None:
    there = isinstance(value, datetime) and value.utcoffset() is not None
    return value if there and isinstance(value, datetime) else None

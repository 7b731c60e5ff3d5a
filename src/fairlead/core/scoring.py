"""Fourth step: the points of one lead, with the reason for each.

Pure and exact: points are fractions, a half-life is reckoned in decimals and rounded to hundredths,
so that any machine gets the same. The sum is rounded once, to whole points: what rules compare,
what people read and what is written to a CRM are one number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from functools import lru_cache
from math import gcd

from fairlead.core.scorecard import PointGroup, Points, Scorecard
from fairlead.core.types import Value

_CENT = Decimal("0.01")
_EXACT_ENOUGH = Context(prec=28)
_MINUS_LN2 = _EXACT_ENOUGH.minus(Context(prec=40).ln(Decimal(2)))
_NONE = Fraction(0)
_NO_TIME = timedelta(0)
_TICK = timedelta(microseconds=1)
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
    groups = tuple([_group(group, seen, now) for group in card.groups])
    total = whole(total_of([g.points for g in groups]))
    return Score(total, grade_of(card, total), groups)


def line_shares(
    card: Scorecard, values: Mapping[str, Value], now: datetime
) -> tuple[Fraction, ...]:
    """Of each line of the card, in order, how much of its points the lead has: from 0 to 1."""
    seen = {**values, "now": now}
    found = []
    for p in card.lines:
        line = _line(p, seen, now) if p.when.test(seen) else None
        found.append(_NONE if line is None else line.points / line.full)
    return tuple(found)


def score_values(found: Score) -> dict[str, Value]:
    """The score as rules see it: `score`, `grade`, and `score.` with each group's name."""
    parts: dict[str, Value] = {f"score.{g.name}": whole(g.points) for g in found.groups}
    return {"score": found.total, "grade": found.grade, **parts}


def grade_of(card: Scorecard, total: int) -> str:
    """The name of the highest band that this many points reach."""
    for least, name in card.steps:
        if total >= least:
            return name
    return card.below


def whole(points: Fraction) -> int:
    """Rounded to whole points, halves up."""
    above, below = points.as_integer_ratio()
    return (2 * above + below) // (2 * below)


def total_of(points: Iterable[Fraction]) -> Fraction:
    """The sum, exact: of whole numbers until the end, since each sum of fractions is reduced."""
    above, below = 0, 1
    for one in points:
        n, d = one.as_integer_ratio()
        if below % d:
            above, below = above * d, below * d
        above += n * (below // d)
    return Fraction(above, below)


def decayed(points: Fraction, age: timedelta, half_life: timedelta) -> Fraction:
    """What is left of points after `age`, in hundredths; all of them at an age of 0 or less."""
    if age <= _NO_TIME:
        return points
    return _left(*points.as_integer_ratio(), age // _TICK, half_life // _TICK)


@lru_cache(maxsize=4096)
def _left(above: int, below: int, age: int, half_life: int) -> Fraction:
    """`decayed` in whole numbers. Kept: one instant of a lead is asked for by many."""
    common = gcd(age, half_life)
    age, half_life = age // common, half_life // common
    if age > GONE_AFTER * half_life:
        return _NONE
    context = _EXACT_ENOUGH
    # Correctly rounded on any machine, as a power would be, at a tenth of its time.
    power = context.divide(context.multiply(_MINUS_LN2, Decimal(age)), Decimal(half_life))
    left = context.multiply(
        context.divide(Decimal(above), Decimal(below)), context.exp(power)
    )  # fmt: skip
    value = left.quantize(_CENT, rounding=ROUND_HALF_EVEN, context=context)
    return Fraction(int(value.scaleb(2, context)), 100)


def _group(group: PointGroup, seen: Mapping[str, Value], now: datetime) -> GroupScore:
    lines = tuple([_line(p, seen, now) for p in group.points if p.when.test(seen)])
    total = total_of([line.points for line in lines])
    return GroupScore(group.name, capped(total, group.cap), total, group.cap, lines)


def _line(points: Points, seen: Mapping[str, Value], now: datetime) -> ScoreLine:
    if points.at is None or points.half_life is None:
        return ScoreLine(points.points, points.points, points.because)
    since = instant_of(seen.get(points.at))
    if since is None:
        return ScoreLine(_NONE, points.points, points.because, points.at)
    left = decayed(points.points, now - since, points.half_life)
    return ScoreLine(left, points.points, points.because, points.at, since, points.half_life)


def capped(total: Fraction, cap: Fraction | None) -> Fraction:
    if cap is None:
        return total
    (above, below), (most, parts) = total.as_integer_ratio(), cap.as_integer_ratio()
    return total if abs(above) * parts <= most * below else max(-cap, min(cap, total))


def instant_of(value: Value) -> datetime | None:
    return value if isinstance(value, datetime) and value.utcoffset() is not None else None

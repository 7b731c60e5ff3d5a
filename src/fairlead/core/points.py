"""Weights as points: 20 points more double the odds of being won.

Points are told against a zero that a person can picture: of words the most frequent value, of yes
or no the no, of numbers their average. A lead with only zeros has the chance `base`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fairlead.core.evidence import Kind, Read
from fairlead.core.logistic import Fit, chance

DOUBLES = 20
"""So many points double the odds."""
_PER_LOG_ODD = DOUBLES / math.log(2)


@dataclass(frozen=True, slots=True)
class ValuePoints:
    """The points of one value, and how many earlier leads have it and won."""

    value: str
    points: float
    leads: int
    won: int


@dataclass(frozen=True, slots=True)
class ColumnPoints:
    """The points of one column. Numbers: `points` for each `step` above `average`.

    `moves` is the standard deviation of its points over the earlier leads: how much it tells.
    """

    column: str
    kind: Kind
    moves: float
    values: tuple[ValuePoints, ...]
    step: float | None = None
    points: float | None = None
    average: float | None = None


@dataclass(frozen=True, slots=True)
class Points:
    """The points of all columns, those that tell most first."""

    base: float
    columns: tuple[ColumnPoints, ...]


def points_of(columns: Sequence[Read], fitted: Fit, outcomes: Sequence[bool]) -> Points:
    """The points of a fit over the earlier leads."""
    base, at = fitted.intercept, 0
    told = []
    for column in columns:
        width = column.reading.width
        shift, points = _column(column, fitted.weights[at : at + width], outcomes)
        base, at = base + shift, at + width
        told.append(points)
    told.sort(key=lambda c: (-c.moves, c.column))
    return Points(chance(base), tuple(told))


def _column(
    column: Read, weights: Sequence[float], outcomes: Sequence[bool]
) -> tuple[float, ColumnPoints]:
    """The points of a column, and how far its zero moves the base."""
    reading = column.reading
    numeric = reading.kind is Kind.NUMBER
    leads = Counter(column.groups)
    won = Counter(g for g, w in zip(column.groups, outcomes, strict=True) if w)
    own = dict(zip(reading.values, weights[numeric:], strict=True))
    zero = min(own, key=lambda v: (-leads[v], v)) if reading.kind is Kind.WORDS else None
    shift = own[zero] if zero is not None else 0.0
    points = {value: _PER_LOG_ODD * (weight - shift) for value, weight in own.items()}
    told = [ValuePoints(v, p, leads[v], won[v]) for v, p in points.items()]
    if reading.kind is Kind.YES_NO:
        told.append(ValuePoints("no", 0.0, leads[None], won[None]))
    told.sort(key=lambda v: (-v.points, v.value))
    slope = _PER_LOG_ODD * weights[0] if numeric else 0.0
    moves = _deviation(
        [
            points.get(g or "", 0.0) + slope * x
            for g, x in zip(column.groups, column.standard, strict=True)
        ]
    )
    if not numeric:
        return shift, ColumnPoints(reading.column, reading.kind, moves, tuple(told))
    step = _round_step(reading.spread)
    return shift, ColumnPoints(
        reading.column, reading.kind, moves, tuple(told),
        step, slope * step / reading.spread, reading.mean,
    )  # fmt: skip


def _deviation(points: Sequence[float]) -> float:
    mean = math.fsum(points) / len(points)
    return math.sqrt(math.fsum((p - mean) ** 2 for p in points) / len(points))


def _round_step(spread: float) -> float:
    """The largest 1, 2 or 5 with zeros that is not above one standard deviation."""
    power = 10.0 ** math.floor(math.log10(spread))
    return float(max(n for n in (1, 2, 5) if n * power <= spread * (1 + 1e-9)) * power)

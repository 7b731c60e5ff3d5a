"""Weights as points: 20 points more double the odds of being won.

Points are told against a zero that a person can picture: of words the most frequent value, of yes
or no the no, of numbers their average. A lead with only zeros has the chance `base`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fairlead.core.evidence import Evidence, Kind, Reading
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


def points_of(
    evidence: Evidence,
    fitted: Fit,
    columns: dict[str, tuple[str, ...]],
    outcomes: Sequence[bool],
) -> Points:
    """The points of a fit; `outcomes` are those of the earlier leads, which begin `columns`."""
    base, at = fitted.intercept, 0
    told = []
    for reading in evidence.readings:
        weights = fitted.weights[at : at + reading.width]
        at += reading.width
        moved, column = _column(reading, weights, columns[reading.column], outcomes)
        base += moved
        told.append(column)
    told.sort(key=lambda c: (-c.moves, c.column))
    return Points(chance(base), tuple(told))


def _column(
    reading: Reading, weights: Sequence[float], cells: Sequence[str], outcomes: Sequence[bool]
) -> tuple[float, ColumnPoints]:
    """The points of a column, and how far its zero moves the base."""
    groups = [reading.group(cell) for cell in cells[: len(outcomes)]]
    leads = Counter(groups)
    won = Counter(g for g, w in zip(groups, outcomes, strict=True) if w)
    numeric = reading.kind is Kind.NUMBER
    own = dict(zip(reading.values, weights[numeric:], strict=True))
    zero = min(own, key=lambda v: (-leads[v], v)) if reading.kind is Kind.WORDS else None
    shift = own[zero] if zero is not None else 0.0
    points = {value: _PER_LOG_ODD * (weight - shift) for value, weight in own.items()}
    told = [ValuePoints(v, p, leads[v], won[v]) for v, p in points.items()]
    if reading.kind is Kind.YES_NO:
        told.append(ValuePoints("no", 0.0, leads[None], won[None]))
    told.sort(key=lambda v: (-v.points, v.value))
    if not numeric:
        moves = _deviation([points.get(g or "", 0.0) for g in groups])
        return shift, ColumnPoints(reading.column, reading.kind, moves, tuple(told))
    slope = _PER_LOG_ODD * weights[0] / reading.spread
    amounts = [reading.amount(cell) for cell in cells[: len(outcomes)]]
    moves = _deviation(
        [
            points.get(g or "", 0.0) if x is None else slope * (x - reading.mean)
            for g, x in zip(groups, amounts, strict=True)
        ]
    )
    step = _round_step(reading.spread)
    return shift, ColumnPoints(
        reading.column, reading.kind, moves, tuple(told), step, slope * step, reading.mean
    )


def _deviation(points: Sequence[float]) -> float:
    mean = math.fsum(points) / len(points)
    return math.sqrt(math.fsum((p - mean) ** 2 for p in points) / len(points))


def _round_step(spread: float) -> float:
    """The largest 1, 2 or 5 with zeros that is not above one standard deviation."""
    power = 10.0 ** math.floor(math.log10(spread))
    return float(max(n for n in (1, 2, 5) if n * power <= spread * (1 + 1e-9)) * power)

"""L2-regularised logistic regression over columns, by L-BFGS in plain Python.

The objective is the usual one: the sum of the log losses plus half the squared length of the
weights; the intercept is not penalised. It is strictly convex, so the answer is one, also for
evidence that a column separates. Columns are kept apart by kind because most of what is known of a
lead is yes or no: such a column costs its ones only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import mul

LIMIT = 500
"""The most steps; evidence of a few dozen columns takes 20 to 60."""
_TOLERANCE = 1e-7
_MEMORY = 10


@dataclass(frozen=True, slots=True)
class Dense:
    """A column of numbers, one per row."""

    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Ones:
    """A column that is 1 in these rows and 0 in all others."""

    rows: tuple[int, ...]


Column = Dense | Ones


@dataclass(frozen=True, slots=True)
class Fit:
    """Log-odds: the intercept, and one weight per column. `converged` is false at the limit."""

    intercept: float
    weights: tuple[float, ...]
    steps: int
    converged: bool


def fit(
    columns: Sequence[Column],
    outcomes: Sequence[bool],
    progress: Callable[[int], None] = lambda steps: None,
) -> Fit:
    """The weights that fit best; `outcomes` has both kinds, else ValueError.

    Deterministic. `progress` hears the number of steps taken.
    """
    total, won = len(outcomes), sum(outcomes)
    if not 0 < won < total:
        raise ValueError("a fit needs both outcomes")
    point = [math.log(won / (total - won)), *([0.0] * len(columns))]
    value, slope = _objective(columns, outcomes, point)
    bends = _bends(columns, total, won / total)
    memory: list[tuple[list[float], list[float], float]] = []
    for step in range(1, LIMIT + 1):
        if max(map(abs, slope)) <= _TOLERANCE * total:
            return Fit(point[0], tuple(point[1:]), step - 1, True)
        heading = _direction(slope, memory, bends)
        descent = _dot(slope, heading)
        length, found = 1.0, math.inf
        while not found <= value + 1e-4 * length * descent and length > 1e-12:
            there = [p + length * h for p, h in zip(point, heading, strict=True)]
            found, slope_there = _objective(columns, outcomes, there)
            length /= 2
        if not found < value:
            # No step improves what rounding lets us see: this is the bottom.
            return Fit(point[0], tuple(point[1:]), step, True)
        moved = [b - a for a, b in zip(point, there, strict=True)]
        turned = [b - a for a, b in zip(slope, slope_there, strict=True)]
        curvature = _dot(moved, turned)
        if curvature > 0:
            memory = [*memory[1 - _MEMORY :], (moved, turned, curvature)]
        point, value, slope = there, found, slope_there
        progress(step)
    return Fit(point[0], tuple(point[1:]), LIMIT, False)


def log_odds(columns: Sequence[Column], rows: int, fitted: Fit) -> list[float]:
    """What a fit says of other rows, given the same columns of theirs."""
    return _sums(columns, rows, [fitted.intercept, *fitted.weights])


def chance(odds: float) -> float:
    """The probability of log-odds, without overflow at either end."""
    if odds >= 0:
        return 1.0 / (1.0 + math.exp(-odds))
    grown = math.exp(odds)
    return grown / (1.0 + grown)


def _objective(
    columns: Sequence[Column], outcomes: Sequence[bool], point: Sequence[float]
) -> tuple[float, list[float]]:
    sums = _sums(columns, len(outcomes), point)
    loss, left = 0.0, []
    for z, won in zip(sums, outcomes, strict=True):
        # Both the loss and its slope from one exponential that cannot overflow.
        small = math.exp(-abs(z))
        loss += math.log1p(small) + (max(z, 0.0) - z if won else max(z, 0.0))
        left.append((1.0 if z >= 0 else small) / (1.0 + small) - won)
    slope = [math.fsum(left)]
    for column, weight in zip(columns, point[1:], strict=True):
        if isinstance(column, Ones):
            slope.append(sum(map(left.__getitem__, column.rows)) + weight)
        else:
            slope.append(sum(map(mul, left, column.values)) + weight)
    return loss + 0.5 * _dot(point[1:], point[1:]), slope


def _sums(columns: Sequence[Column], rows: int, point: Sequence[float]) -> list[float]:
    sums = [point[0]] * rows
    for column, weight in zip(columns, point[1:], strict=True):
        if isinstance(column, Ones):
            for row in column.rows:
                sums[row] += weight
        else:
            sums = [z + weight * x for z, x in zip(sums, column.values, strict=True)]
    return sums


def _bends(columns: Sequence[Column], total: int, share: float) -> list[float]:
    """How fast the slope grows along each weight at the start: rare values bend less."""
    each = share * (1 - share)
    squares = [len(c.rows) if isinstance(c, Ones) else _dot(c.values, c.values) for c in columns]
    return [each * total, *(each * square + 1 for square in squares)]


def _direction(
    slope: Sequence[float],
    memory: Sequence[tuple[list[float], list[float], float]],
    bends: Sequence[float],
) -> list[float]:
    """The quasi-Newton direction from the last moves, by the two-loop recursion."""
    heading = [-g for g in slope]
    shares = []
    for moved, turned, curvature in reversed(memory):
        share = _dot(moved, heading) / curvature
        shares.append(share)
        heading = [h - share * t for h, t in zip(heading, turned, strict=True)]
    heading = [h / b for h, b in zip(heading, bends, strict=True)]
    for (moved, turned, curvature), share in zip(memory, reversed(shares), strict=True):
        back = share - _dot(turned, heading) / curvature
        heading = [h + back * m for h, m in zip(heading, moved, strict=True)]
    return heading


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return math.fsum(map(mul, a, b))

"""How good a score is: does it put the won leads first (AUC), and do its chances come true?

AUC is the chance that a won lead has a higher score than a lost one, ties counting half. Its
interval is DeLong's: E. R. DeLong and others, Biometrics 44 (1988), 837-845. Calibration is judged
in bins of equally many leads; equal scores are never parted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

BINS = 10
_Z = 1.959963984540054
"""Half the width of a 95 % interval, in standard deviations."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Leads of about the same chance: what was said of them, and what came true, in shares."""

    count: int
    said: float
    came: Interval


@dataclass(frozen=True, slots=True)
class Reliability:
    """The mean distance between said and come true; `by_luck` is what perfect chances would show.

    Leads are few, so also true chances miss by some: `by_luck` is that expectation.
    """

    error: float
    by_luck: float
    bins: tuple[Bin, ...]


def ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1; equal values share the middle of theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for at in order[start:end]:
            found[at] = (start + 1 + end) / 2
        start = end
    return found


def auc(scores: Sequence[float], outcomes: Sequence[bool]) -> Interval:
    """The AUC and its interval; ValueError unless both outcomes are there."""
    won, lost = _placements(scores, outcomes)
    value = sum(won) / len(won)
    spread = math.sqrt(_variance(won) / len(won) + _variance(lost) / len(lost))
    if spread == 0:
        # Of disjoint pairs none was out of order, or none in it: that bounds how rare the other is.
        rare = 1 - 0.05 ** (1 / min(len(won), len(lost)))
        return Interval(value, 1 - rare if value == 1 else value, rare if value == 0 else value)
    # On the log-odds scale the interval stays between 0 and 1.
    middle, half = math.log(value / (1 - value)), _Z * spread / (value * (1 - value))
    return Interval(value, _inverse(middle - half), _inverse(middle + half))


def auc_gain(before: Sequence[float], after: Sequence[float], outcomes: Sequence[bool]) -> Interval:
    """AUC after minus AUC before on the same leads, with the interval of the paired difference."""
    won_a, lost_a = _placements(after, outcomes)
    won_b, lost_b = _placements(before, outcomes)
    won = [a - b for a, b in zip(won_a, won_b, strict=True)]
    lost = [a - b for a, b in zip(lost_a, lost_b, strict=True)]
    value = sum(won) / len(won)
    half = _Z * math.sqrt(_variance(won) / len(won) + _variance(lost) / len(lost))
    return Interval(value, value - half, value + half)


def brier(chances: Sequence[float], outcomes: Sequence[bool]) -> float:
    """The mean squared distance between chance and outcome; 0 is perfect."""
    pairs = zip(chances, outcomes, strict=True)
    return math.fsum((p - won) ** 2 for p, won in pairs) / len(outcomes)


def reliability(chances: Sequence[float], outcomes: Sequence[bool]) -> Reliability:
    """Said against come true over `BINS` bins of equal numbers of leads, fewer when many tie."""
    order = sorted(range(len(chances)), key=chances.__getitem__)
    bins: list[Bin] = []
    error = luck = 0.0
    edges = [len(order) * n // BINS for n in range(1, BINS + 1)]
    start = 0
    while start < len(order):
        # Leads of equal chances may have carried the last bin past a boundary or more.
        end = next(edge for edge in edges if edge > start)
        while end < len(order) and chances[order[end]] == chances[order[end - 1]]:
            end += 1
        rows = order[start:end]
        said = math.fsum(chances[i] for i in rows)
        came = sum(outcomes[i] for i in rows)
        error += abs(said - came)
        noise = math.fsum(chances[i] * (1 - chances[i]) for i in rows)
        luck += math.sqrt(2 / math.pi * noise)
        bins.append(Bin(len(rows), said / len(rows), share(came, len(rows))))
        start = end
    return Reliability(error / len(order), luck / len(order), tuple(bins))


def share(count: int, total: int) -> Interval:
    """A share of leads with Wilson's interval."""
    value, z2 = count / total, _Z * _Z
    middle = (value + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z / (1 + z2 / total) * math.sqrt(value * (1 - value) / total + z2 / (4 * total * total))
    low, high = middle - half, middle + half
    # Rounding must not keep the ends off what none and all are.
    return Interval(value, low if count else 0.0, high if count < total else 1.0)


def _placements(
    scores: Sequence[float], outcomes: Sequence[bool]
) -> tuple[list[float], list[float]]:
    """Of each won lead the share of lost ones below it, of each lost lead that of won ones above.

    In the order of the leads.
    """
    rows = list(zip(scores, outcomes, strict=True))
    won, lost = [s for s, w in rows if w], [s for s, w in rows if not w]
    if not won or not lost:
        raise ValueError("an AUC needs both outcomes")
    both, among_won, among_lost = ranks([*won, *lost]), ranks(won), ranks(lost)
    below = [(r - own) / len(lost) for r, own in zip(both[: len(won)], among_won, strict=True)]
    above = [1 - (r - own) / len(won) for r, own in zip(both[len(won) :], among_lost, strict=True)]
    return below, above


def _variance(values: Sequence[float]) -> float:
    if len(values) < 2:
        return 0.0
    mean = math.fsum(values) / len(values)
    return math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1)


def _inverse(odds: float) -> float:
    return 1 / (1 + math.exp(-odds)) if odds > -700 else 0.0

"""What is probably not meant in a scorecard: points nobody gets, caps and bands nobody reaches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from fairlead.core.lint_finding import LintFinding, Severity, too_complex
from fairlead.core.lint_search import find
from fairlead.core.policy import Policy
from fairlead.core.region_build import Space
from fairlead.core.regions import TooHard
from fairlead.core.scorecard import PointGroup, Points, Scorecard
from fairlead.core.scoring import whole


def lint_scoring(policy: Policy, space: Space) -> Iterator[LintFinding]:
    """Findings about points, caps and bands."""
    card = policy.scoring
    if card is None:
        return
    for line in card.lines:
        yield from _points(line, space)
    for group in card.groups:
        yield from _cap(group)
    yield from _bands(card)


def _points(line: Points, space: Space) -> Iterator[LintFinding]:
    try:
        if find(space, [space.formula(line.when)]) is not None:
            return
    except TooHard:
        yield too_complex(line.place, f"whether any lead gets points for {line.because!r}:")
        return
    yield LintFinding(
        "pointless",
        Severity.ERROR,
        line.place,
        f"no lead ever gets points for {line.because!r}: the condition can never hold",
        "its parts contradict each other, or ask for a value that never occurs",
    )


def _cap(group: PointGroup) -> Iterator[LintFinding]:
    most = max(_above(group.points), _below(group.points))
    if group.cap is not None and most < group.cap:
        yield LintFinding(
            "unused-cap",
            Severity.INFO,
            group.place,
            f"the cap of group {group.name!r} is never reached: all its points together are"
            f" {float(most):g}, the cap is {float(group.cap):g}",
            "leave the cap out, or lower it",
        )


def _bands(card: Scorecard) -> Iterator[LintFinding]:
    most = whole(sum((_most(group) for group in card.groups), Fraction(0)))
    for band in card.bands:
        if most < band.at_least:
            yield LintFinding(
                "unreachable-band",
                Severity.WARNING,
                band.place,
                f"no lead is ever {band.name!r}: that takes {float(band.at_least):g} points, and"
                f" with the caps there are {most} at most",
                "lower the band, raise a cap, or give more points",
            )


def _above(points: Iterable[Points]) -> Fraction:
    return sum((p.points for p in points if p.points > 0), Fraction(0))


def _below(points: Iterable[Points]) -> Fraction:
    return -sum((p.points for p in points if p.points < 0), Fraction(0))


def _most(group: PointGroup) -> Fraction:
    most = _above(group.points)
    return most if group.cap is None else min(most, group.cap)

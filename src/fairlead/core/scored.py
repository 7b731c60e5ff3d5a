"""A score in words: its groups and each reason, for `why`, and the same as data for `--json`."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from fairlead.core.scoring import GroupScore, Score, ScoreLine


def score_lines(found: Score) -> Iterator[str]:
    """The sum, then the lines of each group; of the lead only dates that points fade from."""
    sums = ", ".join(f"{g.name} {_plain(g.points)}" for g in found.groups)
    yield f"  score: {found.total}, grade {found.grade} ({sums})"
    for group in found.groups:
        for line in group.lines:
            yield f"    {_signed(line.points):>7}  {group.name}: {line.because}{_faded(line)}"
        if group.points != group.uncapped:
            yield f"             {group.name}: {_plain(group.uncapped)} in all, capped"


def score_json(found: Score) -> dict[str, Any]:
    """The same as JSON-safe data; points are numbers, dates ISO 8601."""
    return {
        "total": found.total,
        "grade": found.grade,
        "groups": {g.name: _group_json(g) for g in found.groups},
    }


def _group_json(group: GroupScore) -> dict[str, Any]:
    return {
        "points": float(group.points),
        "uncapped": float(group.uncapped),
        "cap": None if group.cap is None else float(group.cap),
        "lines": [
            {
                "points": float(line.points),
                "of": float(line.full),
                "because": line.because,
                "at": line.at,
                "since": None if line.since is None else line.since.isoformat(),
            }
            for line in group.lines
        ],
    }


def _faded(line: ScoreLine) -> str:
    if line.at is None:
        return ""
    if line.since is None:
        return f" (of {_plain(line.full)}: the lead has no {line.at})"
    return f" (of {_plain(line.full)}, {line.at} was {line.since:%Y-%m-%d %H:%M} UTC)"


def _plain(points: Fraction) -> str:
    return f"{float(points):g}"


def _signed(points: Fraction) -> str:
    return f"{float(points):+g}"

"""Columns that know the outcome too well: filled in when it was known, or because of it.

Such a column makes every number of a calibration look splendid and helps with no new lead. Nothing
here can prove it, so it warns and names what to look at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fairlead.core.evidence import Evidence, Kind, Reading
from fairlead.core.judging import ranks

TELLS_ALL = 0.95
"""The AUC of one column alone from which it is suspect."""
_SURPRISE = 1e-9
"""How improbable a group with one outcome only must be, were the group without influence."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A suspect column and the reason, in words for the report."""

    column: str
    why: str


def leaks(
    evidence: Evidence, columns: dict[str, tuple[str, ...]], outcomes: Sequence[bool]
) -> list[Leak]:
    """The suspect columns among those that are used; `outcomes` are those of the earlier leads."""
    found = []
    for reading in evidence.readings:
        cells = columns[reading.column][: len(outcomes)]
        alone = _alone(reading, cells, outcomes)
        if alone >= TELLS_ALL:
            why = f"tells won from lost almost alone (AUC {alone:.2f})"
            found.append(Leak(reading.column, why))
        elif pure := _pure(reading, cells, outcomes):
            found.append(Leak(reading.column, pure))
    return found


def _groups(reading: Reading, cells: Sequence[str]) -> list[str | None]:
    if reading.kind is Kind.YES_NO:
        return [reading.group(cell) or "no" for cell in cells]
    if reading.kind is Kind.NUMBER:
        return [reading.group(cell) or "(filled in)" for cell in cells]
    return [reading.group(cell) for cell in cells]


def _alone(reading: Reading, cells: Sequence[str], outcomes: Sequence[bool]) -> float:
    """The AUC of the column by itself: of its amounts either way round, else of group shares."""
    groups = _groups(reading, cells)
    total, won = Counter(groups), Counter(g for g, w in zip(groups, outcomes, strict=True) if w)
    by_group = _area([won[g] / total[g] for g in groups], outcomes)
    if reading.kind is not Kind.NUMBER:
        return by_group
    rows = [
        (x, w)
        for cell, w in zip(cells, outcomes, strict=True)
        if (x := reading.amount(cell)) is not None
    ]
    area = _area([x for x, _ in rows], [w for _, w in rows])
    return max(by_group, area, 1 - area)


def _area(scores: Sequence[float], outcomes: Sequence[bool]) -> float:
    won = sum(outcomes)
    if not 0 < won < len(outcomes):
        return 0.5
    above = sum(r for r, w in zip(ranks(scores), outcomes, strict=True) if w) - won * (won + 1) / 2
    return above / (won * (len(outcomes) - won))


def _pure(reading: Reading, cells: Sequence[str], outcomes: Sequence[bool]) -> str | None:
    """A value whose leads all ended one way, when that is no chance."""
    groups = _groups(reading, cells)
    total, won = Counter(groups), Counter(g for g, w in zip(groups, outcomes, strict=True) if w)
    base = sum(outcomes) / len(outcomes)
    for group, n in sorted(total.items(), key=lambda pair: (-pair[1], str(pair[0]))):
        if group is None:
            continue
        if won[group] == n and base**n < _SURPRISE:
            return f"all {n} leads with {group} are won"
        if won[group] == 0 and (1 - base) ** n < _SURPRISE:
            return f"none of the {n} leads with {group} is won"
    return None

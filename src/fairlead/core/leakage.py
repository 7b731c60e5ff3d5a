"""Columns that know the outcome too well: filled in when it was known, or because of it.

Such a column makes every number of a calibration look splendid and helps with no new lead. Nothing
here can prove it, so it warns and names what to look at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fairlead.core.evidence import Kind, Read
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


def leaks(columns: Sequence[Read], outcomes: Sequence[bool]) -> list[Leak]:
    """The suspect ones among the columns that are used, from the earlier leads."""
    found = []
    for column in columns:
        rest = "no" if column.reading.kind is Kind.YES_NO else "a number"
        groups = [group or rest for group in column.groups]
        total = Counter(groups)
        won = Counter(g for g, w in zip(groups, outcomes, strict=True) if w)
        alone = _area([won[g] / total[g] for g in groups], outcomes)
        if column.reading.kind is Kind.NUMBER:
            alone = max(alone, _by_amount(column, outcomes))
        if alone >= TELLS_ALL:
            why = f"tells won from lost almost alone (AUC {alone:.2f})"
            found.append(Leak(column.reading.column, why))
        elif pure := _pure(total, won, sum(outcomes) / len(outcomes)):
            found.append(Leak(column.reading.column, pure))
    return found


def _by_amount(column: Read, outcomes: Sequence[bool]) -> float:
    """The AUC of the numbers alone, whichever way round."""
    rows = [(x, w) for x, w in zip(column.amounts, outcomes, strict=True) if x is not None]
    area = _area([x for x, _ in rows], [w for _, w in rows])
    return max(area, 1 - area)


def _area(scores: Sequence[float], outcomes: Sequence[bool]) -> float:
    won = sum(outcomes)
    if not 0 < won < len(outcomes):
        return 0.5
    above = sum(r for r, w in zip(ranks(scores), outcomes, strict=True) if w) - won * (won + 1) / 2
    return above / (won * (len(outcomes) - won))


def _pure(total: Counter[str], won: Counter[str], base: float) -> str | None:
    """A value whose leads all ended one way, when that is no chance."""
    for group, n in sorted(total.items(), key=lambda pair: (-pair[1], pair[0])):
        if won[group] == n and base**n < _SURPRISE:
            return f"all {n} leads with {group} are won"
        if won[group] == 0 and (1 - base) ** n < _SURPRISE:
            return f"none of the {n} leads with {group} is won"
    return None

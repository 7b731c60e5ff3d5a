"""From columns of a file to columns of a fit: what each is, and what is left out and why.

What a column is, is learned from the earlier leads only and then read in the later ones. Numbers
are standardised, yes-or-no is one column, words are one column per value with rare ones pooled;
that a cell is empty is evidence like any other. Identifiers, free text and dates are left out.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from fairlead.core.evidence_times import are_dates
from fairlead.core.evidence_values import (
    YES,
    are_numbers,
    are_yes_no,
    decimal_comma,
    is_empty,
    number,
)
from fairlead.core.logistic import Column, Dense, Ones

RARE = 20
"""A value that fewer earlier leads have is pooled with the other rare ones."""
MOST_VALUES = 50
"""The most values of a column that are kept apart."""
EMPTY_CELL, OTHER = "(empty)", "(other)"

_ID = re.compile(r"(?:^|[ _-])(?:id|key|nr|number|uuid|guid)$|[a-z]Id$", re.IGNORECASE)


class Kind(StrEnum):
    """What a column of evidence is."""

    NUMBER = "number"
    YES_NO = "yes or no"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Reading:
    """How one column is read. `values` are the groups of its cells that get a weight of their own.

    For numbers also `mean` and `spread` (standard deviation) of the earlier leads.
    """

    column: str
    kind: Kind
    values: tuple[str, ...]
    mean: float = 0.0
    spread: float = 1.0
    comma: bool = False

    @property
    def width(self) -> int:
        """The number of columns of the fit that this one becomes."""
        return len(self.values) + (self.kind is Kind.NUMBER)

    def group(self, cell: str) -> str | None:
        """Which of `values` a cell without a number belongs to, if any."""
        if self.kind is Kind.NUMBER or is_empty(cell):
            word = EMPTY_CELL
        elif self.kind is Kind.YES_NO:
            word = "yes" if cell.casefold() in YES else "no"
        else:
            word = cell if cell in self.values else OTHER
        return word if word in self.values else None


@dataclass(frozen=True, slots=True)
class Read:
    """The cells of one column as they were read: the group of each, and the number it has."""

    reading: Reading
    groups: tuple[str | None, ...]
    amounts: tuple[float | None, ...]

    @property
    def standard(self) -> list[float]:
        """The numbers in standard deviations from the mean; a missing one is at the mean."""
        mean, spread = self.reading.mean, self.reading.spread
        return [0.0 if x is None else (x - mean) / spread for x in self.amounts]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that is not used, and why."""

    column: str
    why: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """The readings of all columns that are used, by name, and the columns that are not."""

    readings: tuple[Reading, ...]
    left_out: tuple[LeftOut, ...]


def learn(
    columns: dict[str, tuple[str, ...]],
    cut: int,
    delimiter: str = ",",
    progress: Callable[[int], None] = lambda done: None,
) -> Evidence:
    """What each column is, from its cells before `cut`, which are in order of time."""
    readings, left_out = [], []
    for done, name in enumerate(sorted(columns), 1):
        found = _learn(name, columns[name][:cut], delimiter)
        if isinstance(found, Reading):
            readings.append(found)
        else:
            left_out.append(LeftOut(name, found))
        progress(done)
    return Evidence(tuple(readings), tuple(left_out))


def read(reading: Reading, cells: Sequence[str]) -> Read:
    """Read the cells of one column."""
    kinds = set(cells)
    amounts = dict.fromkeys(kinds, None) | (
        {cell: number(cell, reading.comma) for cell in kinds} if reading.kind is Kind.NUMBER else {}
    )
    groups = {cell: None if amounts[cell] is not None else reading.group(cell) for cell in kinds}
    return Read(reading, tuple(groups[c] for c in cells), tuple(amounts[c] for c in cells))


def design(columns: Sequence[Read]) -> list[Column]:
    """The columns of the fit, column of evidence by column of evidence."""
    made: list[Column] = []
    for column in columns:
        if column.reading.kind is Kind.NUMBER:
            made.append(Dense(tuple(column.standard)))
        rows: dict[str, list[int]] = {value: [] for value in column.reading.values}
        for row, group in enumerate(column.groups):
            if group is not None:
                rows[group].append(row)
        made += [Ones(tuple(rows[value])) for value in column.reading.values]
    return made


def _learn(name: str, cells: Sequence[str], delimiter: str) -> Reading | str:
    """How a column is read, or why it is not."""
    counts = Counter(cells)
    filled = [cell for cell in cells if not is_empty(cell)]
    kinds = Counter(filled)
    empty = len(cells) - len(filled)
    if len(filled) < RARE:
        return f"filled in {len(filled)} of {len(cells)} earlier leads"
    if len(kinds) == 1 and empty < RARE:
        return "the same in all earlier leads"
    if are_yes_no(kinds):
        # "no" has no weight: it is what "yes" is measured against.
        return Reading(name, Kind.YES_NO, ("yes", *_empty(empty)))
    if are_dates(list(kinds)):
        return "a date"
    comma = decimal_comma(kinds, delimiter)
    if len(kinds) > 2 and are_numbers(name, filled, comma):
        return _numbers(name, cells, comma)
    kept = [v for v, n in sorted(kinds.items(), key=lambda p: (-p[1], p[0])) if n >= RARE]
    kept = kept[:MOST_VALUES]
    covered = sum(counts[value] for value in kept)
    if 2 * covered < len(filled):
        return f"{len(kinds)} different values in {len(filled)} leads: an identifier or free text"
    pooled = [OTHER] if len(filled) - covered >= RARE else []
    values = (*sorted(kept), *pooled, *_empty(empty))
    if len(values) < 2:
        return "nearly the same in all earlier leads"
    return Reading(name, Kind.WORDS, values)


def _numbers(name: str, cells: Sequence[str], comma: bool) -> Reading | str:
    amounts = [x for cell in cells if (x := number(cell, comma)) is not None]
    if _is_identifier(name, amounts):
        return "numbers that identify: all different"
    mean = math.fsum(amounts) / len(amounts)
    spread = math.sqrt(math.fsum((x - mean) ** 2 for x in amounts) / len(amounts))
    if spread == 0 or not math.isfinite(spread):
        return "numbers without a measurable spread"
    return Reading(name, Kind.NUMBER, _empty(len(cells) - len(amounts)), mean, spread, comma)


def _is_identifier(name: str, amounts: Sequence[float]) -> bool:
    """Whole numbers, hardly any twice, that are called so, count up with time, or are long."""
    if not all(x.is_integer() for x in amounts) or len(set(amounts)) < 0.98 * len(amounts):
        return False
    rising = sum(a < b for a, b in pairwise(amounts))
    long = sum(abs(x) >= 1e7 for x in amounts)
    steady = rising >= 0.99 * (len(amounts) - 1)
    return bool(_ID.search(name)) or steady or long >= 0.95 * len(amounts)


def _empty(count: int) -> tuple[str, ...]:
    return (EMPTY_CELL,) if count >= RARE else ()

"""What the cells of a column say: nothing, yes or no, a number, or a word.

A column is read as a whole, because one cell cannot tell whether 1.234 is a little or a thousand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

EMPTY = frozenset({"", "null", "nan", "n/a", "#n/a"})
"""Cells that say nothing, whatever their capitals. NA is Namibia, and None may be an answer."""
YES = frozenset({"yes", "y", "true", "t", "1", "on", "checked"})
NO = frozenset({"no", "n", "false", "f", "0", "off", "unchecked"})
NUMBERS = 0.95
"""A column is of numbers, or of dates, when so many of its filled cells are."""

MOST = 1e15
"""A larger number counts nothing that a lead has, and its square would leave the floats."""

_BARE = re.compile(r"-?[0-9]{1,15}")
_POINT = re.compile(r"[$€£]? ?([+-]?(?:\d+|\d{1,3}(?:,\d{3})+)?(?:\.\d*)?(?:[eE][+-]?\d+)?) ?%?")
_COMMA = re.compile(r"[$€£]? ?([+-]?(?:\d+|\d{1,3}(?:[. ]\d{3})+)?(?:,\d*)?) ?[%€]?")
_COMMA_TO_POINT = str.maketrans(",", ".", ". ")
_WITH_COMMA = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:[. ]\d{3})+),\d+ ?[%€]?")
_ZERO_FIRST = re.compile(r"0\d+")
_NOT_AMOUNTS = re.compile(r"zip|post|plz|phone|mobile|fax|\bcode\b", re.IGNORECASE)


def is_empty(cell: str) -> bool:
    """Whether a trimmed cell says nothing."""
    return cell.casefold() in EMPTY


def decimal_comma(cells: Iterable[str], delimiter: str) -> bool:
    """Whether the numbers of a column are written 1.234,5: some cell has a comma that must be."""
    if delimiter != ",":
        return any(_WITH_COMMA.fullmatch(cell) for cell in cells)
    # In a file with commas between the cells, 1,234 is far more often a thousand.
    return any(re.fullmatch(r"[+-]?\d+(?:\.\d{3})*,(?:\d{1,2}|\d{4,})", cell) for cell in cells)


def number(cell: str, comma: bool = False) -> float | None:
    """A number, with its thousands apart or not, a currency sign or a percent sign."""
    if _BARE.fullmatch(cell):
        return float(cell)
    found = (_COMMA if comma else _POINT).fullmatch(cell)
    if found is None:
        return None
    digits = found[1].replace(",", "") if not comma else found[1].translate(_COMMA_TO_POINT)
    try:
        value = float(digits)
    except ValueError:
        return None
    return value if abs(value) <= MOST else None


def are_numbers(name: str, cells: Sequence[str], comma: bool) -> bool:
    """Whether the filled cells are amounts; numbers that only name something are not."""
    if _NOT_AMOUNTS.search(name) or any(_ZERO_FIRST.fullmatch(cell) for cell in cells):
        return False
    good = sum(number(cell, comma) is not None for cell in cells)
    return good >= NUMBERS * len(cells)


def are_yes_no(cells: Iterable[str]) -> bool:
    """Whether there are exactly two words, one that says yes and one that says no."""
    words = {cell.casefold() for cell in cells}
    return len(words) == 2 and bool(words & YES) and bool(words & NO)

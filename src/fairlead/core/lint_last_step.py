"""The last step of a table's key: numbers between two ranges, codes beside prefixes, idle lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise

from fairlead.core import vocabulary
from fairlead.core.lint_finding import LintFinding, Severity
from fairlead.core.region_cells import SAMPLE_CODE
from fairlead.core.region_tables import plain_number, said
from fairlead.core.tables import Prefixes, Ranges, Row, Span, Table
from fairlead.core.types import Value

_SHOWN = 3
_DIGITS = "0123456789"
_MOST_OF_TEN = 5
"""So many of ten codes that differ in the last digit make the others look forgotten."""

Key = tuple[str, ...]


def lint_last_step(table: Table) -> Iterator[LintFinding]:
    """Gaps of a table with ranges or prefixes, and prefixes that say what a shorter one says."""
    gaps: list[tuple[str, dict[str, Value]]] = []
    idle: list[tuple[str, dict[str, Value]]] = []
    for key, shelf in table.rows.items():
        own: dict[str, Value] = {
            name: vocabulary.shown(name, part) for name, part in zip(table.key, key, strict=True)
        }
        if isinstance(shelf, Ranges):
            for text, number in _between(shelf.spans):
                gaps.append(("/".join((*key, text)), {**own, shelf.field: number}))
        elif isinstance(shelf, Prefixes):
            for start in _forgotten(shelf):
                code = start.ljust(len(SAMPLE_CODE), "0")
                gaps.append(("/".join((*key, start)), {**own, shelf.field: code}))
            for start in _idle(shelf):
                code = vocabulary.shown(shelf.field, start)
                idle.append(("/".join((*key, start)), {**own, shelf.field: code}))
    if gaps:
        yield LintFinding(
            "table-gap",
            Severity.INFO,
            table.place,
            f"table {table.name!r} has no line for {_listed([text for text, _ in gaps])},"
            " between lines that it has",
            "add lines for them, or widen those beside them; if nothing is meant to be there,"
            " nothing need be done",
            gaps[0][1],
            "finds no line",
        )
    if idle:
        yield LintFinding(
            "idle-line",
            Severity.INFO,
            table.place,
            f"lines of table {table.name!r} say what a shorter prefix says without them:"
            f" {_listed([text for text, _ in idle])}",
            "remove them, or correct what they say",
            idle[0][1],
            "finds the same with and without the line",
        )


def _listed(texts: Sequence[str]) -> str:
    more = len(texts) - _SHOWN
    return ", ".join(repr(t) for t in texts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _between(spans: Sequence[Span]) -> Iterator[tuple[str, int | float]]:
    """What lies between one range and the next: whole numbers where both ends are whole."""
    for one, other in pairwise(spans):
        if one.high is None or other.low is None:
            continue
        whole = one.high == one.high.to_integral_value() and (
            other.low == other.low.to_integral_value()
        )
        if not whole:
            middle = (one.high + other.low) / 2
            # Ranges such as ..0.99 and 1.. count in hundredths: nothing is missing between them.
            if other.low - one.high > _unit(one.high, other.low):
                yield f"{one.high}..{other.low}", plain_number(middle)
        elif other.low - one.high > 1:
            missing = Span(one.high + 1, other.low - 1, {})
            yield said(missing), plain_number(one.high + 1)


def _unit(*numbers: Decimal) -> Decimal:
    """One in the last decimal that these numbers use."""
    places = min(int(number.as_tuple().exponent) for number in numbers)
    return Decimal(1).scaleb(places)


def _forgotten(shelf: Prefixes) -> Iterator[str]:
    """Digits missing among prefixes that otherwise name most of the ten."""
    by_parent: dict[str, set[str]] = {}
    for start in shelf.rows:
        if start[-1] in _DIGITS:
            by_parent.setdefault(start[:-1], set()).add(start[-1])
    for parent, digits in by_parent.items():
        if len(digits) >= _MOST_OF_TEN and shelf.find(parent) is None:
            for digit in _DIGITS:
                start = parent + digit
                if digit not in digits and not any(s.startswith(start) for s in shelf.rows):
                    yield start


def _idle(shelf: Prefixes) -> Iterator[str]:
    for start, row in shelf.rows.items():
        if _above(shelf, start) == row:
            yield start


def _above(shelf: Prefixes, start: str) -> Row | None:
    return shelf.find(start[:-1]) if len(start) > 1 else None

"""What a look-up table finds, as cells of its keys' axes: exact keys, longest prefixes, ranges.

One key (the prefix or range, else the exact key with most values) has a set of cells per line; the
others stand before it. A table with too many combinations of those is left open by `region_build`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from fairlead.core.region_cells import bits, end_of_prefix
from fairlead.core.regions import Formula, Lit, every, some
from fairlead.core.schema import FieldType
from fairlead.core.tables import Prefixes, Ranges, Row, Span, Table

MOST_LEADS = 300
"""Combinations of the keys before the last step up to which a table is looked into."""


class Axes(Protocol):
    """Where the fields' values lie: see `region_build.Space`."""

    at: dict[str, int]

    def cell(self, key: str, value: object) -> int: ...
    def between(self, key: str, low: object, high: object, *, closed: bool) -> int: ...


@dataclass(frozen=True, slots=True)
class Line:
    """One row: its exact key, how its last step reads, and the cells of the last axis."""

    key: tuple[str, ...]
    last: str
    row: Row
    cells: int

    def __str__(self) -> str:
        return "/".join((*self.key, self.last) if self.last else self.key)


def last_field(table: Table) -> str:
    """The field of the prefix or range; "" for a table of exact keys."""
    shelf = next(iter(table.rows.values()), None)
    return shelf.field if isinstance(shelf, Prefixes | Ranges) else ""


def is_range(table: Table) -> bool:
    return isinstance(next(iter(table.rows.values()), None), Ranges)


def breakpoints(table: Table) -> Iterator[object]:
    """Where on the axis of its last field a table may change its answer."""
    for shelf in table.rows.values():
        if isinstance(shelf, Prefixes):
            for start in shelf.rows:
                yield start
                yield end_of_prefix(start)
        elif isinstance(shelf, Ranges):
            for span in shelf.spans:
                yield from (plain_number(n) for n in (span.low, span.high) if n is not None)


def plain_number(number: Decimal) -> int | float:
    """A table's number as a lead may hold it."""
    return int(number) if number == number.to_integral_value() else float(number)


@dataclass(slots=True)
class TableCells:
    """A table that is looked into; see the module. `main` is the field of the last axis."""

    table: Table
    main: str
    space: Axes
    _texts: dict[str, dict[tuple[str, ...], dict[str, int]]] = field(default_factory=dict)

    @property
    def before(self) -> tuple[int, ...]:
        """Which parts of the exact key stand before the last axis."""
        return tuple(i for i, name in enumerate(self.table.key) if name != self.main)

    def lines(self) -> Iterator[Line]:
        """Every row with the cells that find it."""
        for key, shelf in self.table.rows.items():
            if isinstance(shelf, Prefixes):
                yield from self._prefixes(key, shelf)
            elif isinstance(shelf, Ranges):
                for span in shelf.spans:
                    cells = self.space.between(self.main, span.low, span.high, closed=True)
                    yield Line(key, said(span), span.row, cells)
            else:
                place = self.space.cell(self.main, key[self.table.key.index(self.main)])
                yield Line(key, "", shelf, 1 << place if place else 0)

    def _prefixes(self, key: tuple[str, ...], shelf: Prefixes) -> Iterator[Line]:
        cells: dict[str, int] = {}
        above: list[str] = []
        for start in sorted(shelf.rows):
            while above and not start.startswith(above[-1]):
                above.pop()
            end = end_of_prefix(start)
            cells[start] = self.space.between(self.main, start, end, closed=False)
            if above:
                cells[above[-1]] &= ~cells[start]
            above.append(start)
        for start, found in cells.items():
            yield Line(key, start, shelf.rows[start], found)

    def found(self, column: str, holds: Callable[[str], bool]) -> Formula:
        """That a row is found whose text in `column` passes; "" is any row."""
        groups: dict[int, list[tuple[str, ...]]] = {}
        for key, texts in self._by_text(column).items():
            cells = 0
            for text, some_cells in texts.items():
                if holds(text):
                    cells |= some_cells
            if cells:
                groups.setdefault(cells, []).append(key)
        main = self.space.at[self.main]
        return some(every((self._any(keys), Lit(main, cells))) for cells, keys in groups.items())

    def needs(self, column: str) -> Iterator[Lit]:
        """What is so of each key's axis whenever a row with a text in `column` is found."""
        texts = self._by_text(column)
        cells = 0
        for by_text in texts.values():
            for some_cells in by_text.values():
                cells |= some_cells
        yield Lit(self.space.at[self.main], cells)
        for number, i in enumerate(self.before):
            name = self.table.key[i]
            places = bits(p for key in texts if (p := self.space.cell(name, key[number])))
            yield Lit(self.space.at[name], places)

    def _any(self, keys: list[tuple[str, ...]]) -> Formula:
        names = [self.table.key[i] for i in self.before]
        if len(names) == 1:
            places = bits(p for key in keys if (p := self.space.cell(names[0], key[0])))
            return Lit(self.space.at[names[0]], places)
        return some(every(self._is(n, v) for n, v in zip(names, key, strict=True)) for key in keys)

    def _is(self, name: str, value: str) -> Lit:
        place = self.space.cell(name, value)
        return Lit(self.space.at[name], 1 << place if place else 0)

    def _by_text(self, column: str) -> dict[tuple[str, ...], dict[str, int]]:
        found = self._texts.get(column)
        if found is None:
            found = self._texts[column] = {}
            for line in self.lines():
                text = line.row.get(column) if column else "-"
                if text and line.cells:
                    texts = found.setdefault(tuple(line.key[i] for i in self.before), {})
                    texts[text] = texts.get(text, 0) | line.cells
        return found


def main_field(table: Table) -> str | None:
    """The field of the last axis; None when the table is left open."""
    main = last_field(table)
    if not main:
        values = {name: {key[i] for key in table.rows} for i, name in enumerate(table.key)}
        main = max(table.key, key=lambda name: len(values[name]), default="")
    others = [i for i, name in enumerate(table.key) if name != main]
    return main if len({tuple(k[i] for i in others) for k in table.rows}) <= MOST_LEADS else None


def kind_of_last(table: Table) -> FieldType:
    return FieldType.NUMBER if is_range(table) else FieldType.TEXT


def said(span: Span) -> str:
    """A range as text: `100..999`, `..99`, `1000..`."""
    return f"{'' if span.low is None else span.low}..{'' if span.high is None else span.high}"

"""The look-up tables of a policy, read from their CSV texts; every line is checked."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from fairlead.core.policy_csv import Cell, Grid
from fairlead.core.policy_document import Document, Path
from fairlead.core.policy_files import Files
from fairlead.core.policy_models import TableShape
from fairlead.core.policy_table_keys import LastKey, read_key
from fairlead.core.schema import Schema
from fairlead.core.tables import Prefixes, Ranges, Row, Span, Table, normal_key

_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?")
_ENDLESS = Decimal("Infinity")

Line = dict[str, Cell]
Shelf = Row | Prefixes | Ranges


@dataclass(frozen=True, slots=True)
class ReadTable:
    """A table with the cells it came from, so that later checks can point into the CSV."""

    table: Table
    grid: Grid
    checked: set[tuple[str, str]] = field(default_factory=set)


def read_table(
    files: Files, name: str, shape: TableShape, schema: Schema, path: Path
) -> ReadTable | None:
    """Read one table; None when its columns are not known."""
    document = files.document
    grid = files.grid((*path, "csv"), shape.csv)
    if grid is None:
        return None
    key = read_key(document, grid, shape, schema, (*path, "key"))
    if key is None:
        return None
    columns = tuple(c for c in grid.header if c.value not in key.columns)
    for column in columns:
        if not _COLUMN.fullmatch(column.value):
            plain = re.sub(r"\W+", "_", column.value, flags=re.ASCII).strip("_").lower()
            message = "a column's name has letters, digits and _ only"
            document.problems.append(grid.problem(column, message, plain or None))
    names = tuple(c.value for c in columns)
    rows = _Reader(document, grid, key.exact, key.last, names).rows()
    return ReadTable(
        Table(name, key.exact, names, MappingProxyType(rows), document.place(path)), grid
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Sorts the lines of one table by their exact key, and those of one key by the last step."""

    document: Document
    grid: Grid
    exact: tuple[str, ...]
    last: LastKey | None
    columns: tuple[str, ...]

    def rows(self) -> dict[tuple[str, ...], Shelf]:
        shelves: dict[tuple[str, ...], list[Line]] = {}
        filled = self.exact
        make: Callable[[list[Line]], Shelf] = self._only
        if self.last is not None and self.last.kind == "prefix":
            filled, make = (*self.exact, self.last.field), self._prefixes
        elif self.last is not None:
            make = self._ranges
        for line in self.grid.rows:
            empty = next((line[c] for c in filled if not line[c].value), None)
            if empty is not None:
                self._report(empty, "a key cell is empty, so this line would never be found")
                continue
            exact = normal_key(tuple(line[c].value for c in self.exact))
            shelves.setdefault(exact, []).append(line)
        return {exact: make(lines) for exact, lines in shelves.items()}

    def _row(self, line: Line) -> Row:
        return MappingProxyType({c: line[c].value for c in self.columns if line[c].value})

    def _only(self, lines: list[Line]) -> Row:
        for line in lines[1:]:
            self._twice([line[c] for c in self.exact], lines[0][self.exact[0]])
        return self._row(lines[0])

    def _prefixes(self, lines: list[Line]) -> Prefixes:
        assert self.last is not None
        column = self.last.field
        first: dict[str, Line] = {}
        for line in lines:
            (start,) = normal_key((line[column].value,))
            if start in first:
                cells = [line[c] for c in (*self.exact, column)]
                self._twice(cells, first[start][column])
            else:
                first[start] = line
        rows = {start: self._row(line) for start, line in first.items()}
        lengths = tuple(sorted({len(start) for start in rows}, reverse=True))
        return Prefixes(column, MappingProxyType(rows), lengths)

    def _ranges(self, lines: list[Line]) -> Ranges:
        assert self.last is not None
        low, high = self.last.columns
        spans: list[tuple[Span, Cell]] = []
        for line in lines:
            if not line[low].value and not line[high].value:
                message = f"{low} and {high} are both empty; a range needs one end at least"
                self._report(line[low], message)
                continue
            try:
                span = Span(self._number(line[low]), self._number(line[high]), self._row(line))
            except ValueError:
                continue
            if span.low is not None and span.high is not None and span.low > span.high:
                message = f"this range ends before it begins: {span.low} to {span.high}"
                self._report(line[high], message)
                continue
            spans.append((span, line[low] if line[low].value else line[high]))
        spans.sort(key=lambda found: _start(found[0]))
        kept = spans[:1]
        for span, cell in spans[1:]:
            before, at = kept[-1]
            if before.high is None or _start(span) <= before.high:
                self._overlap((before, at), (span, cell))
            else:
                kept.append((span, cell))
        ordered = tuple(span for span, _ in kept)
        return Ranges(self.last.field, ordered, tuple(_start(s) for s in ordered))

    def _number(self, cell: Cell) -> Decimal | None:
        if not cell.value:
            return None
        if not _NUMBER.fullmatch(cell.value):
            self._report(cell, f"expected a number such as 100 or 0.5, found {cell.value!r}")
            raise ValueError(cell.value)
        return Decimal(cell.value)

    def _overlap(self, one: tuple[Span, Cell], other: tuple[Span, Cell]) -> None:
        """Told at the later line, whichever of the two begins lower."""
        (_, early), (_, late) = sorted((one, other), key=lambda found: found[1].start)
        line = self.grid.source.place(early.start).line
        message = f"this range overlaps the one in line {line}; both ends belong to a range"
        self._report(late, message)

    def _twice(self, cells: list[Cell], first: Cell) -> None:
        line = self.grid.source.place(first.start).line
        shown = ", ".join(c.value for c in cells)
        self._report(cells[0], f"duplicate key {shown!r}; the first is in line {line}")

    def _report(self, cell: Cell, message: str) -> None:
        self.document.problems.append(self.grid.problem(cell, message))


def _start(span: Span) -> Decimal:
    return -_ENDLESS if span.low is None else span.low

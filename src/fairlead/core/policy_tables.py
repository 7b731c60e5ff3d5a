"""The files a policy names: look-up tables and the roster, read from their texts."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType

from fairlead.core.carets import nearest
from fairlead.core.policy import RosterEntry, Table, normal_key
from fairlead.core.policy_calendars import read_capacity, read_leaves
from fairlead.core.policy_csv import Cell, Grid, read_csv
from fairlead.core.policy_document import Document, Path
from fairlead.core.policy_models import TableShape, exact_weight, rep_id
from fairlead.core.policy_problem import SourceText
from fairlead.core.schema import FieldType, Schema
from fairlead.core.types import Capacity

_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Files:
    """The texts beside the main file, by the names it uses."""

    document: Document
    texts: Mapping[str, str]

    def grid(self, path: Path, name: str) -> Grid | None:
        """Read the CSV that the value at `path` names; problems go to the document."""
        if not is_beside(name):
            message = f"{name!r} must lie beside the policy: a relative path without '..'"
            self.document.report(path, message)
            return None
        if name not in self.texts:
            others = [n for n in self.texts if n != self.document.source.file]
            self.document.report(path, f"there is no file {name!r}", nearest(name, others))
            return None
        grid, problems = read_csv(SourceText(name, self.texts[name].removeprefix("\ufeff")))
        self.document.problems.extend(problems)
        return grid


def is_beside(name: str) -> bool:
    """Whether a file name stays in the policy's folder."""
    return not (name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"))


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
    for index, key in enumerate(shape.key):
        at: Path = (*path, "key", index)
        if schema.types.get(key) is not FieldType.TEXT:
            texts = [n for n, kind in schema.types.items() if kind is FieldType.TEXT]
            known = "is no text" if key in schema.types else "is no field of a lead"
            document.report(
                at, f"a table's key is a text field; {key!r} {known}", nearest(key, texts)
            )
        elif key not in grid.columns:
            message = f"{shape.csv} has no column {key!r}"
            document.report(at, message, nearest(key, grid.columns))
    if not set(shape.key) <= set(grid.columns):
        return None
    columns = tuple(c for c in grid.header if c.value not in shape.key)
    for column in columns:
        if not _COLUMN.fullmatch(column.value):
            plain = re.sub(r"\W+", "_", column.value, flags=re.ASCII).strip("_").lower()
            message = "a column's name has letters, digits and _ only"
            document.problems.append(grid.problem(column, message, plain or None))
    names = tuple(c.value for c in columns)
    rows = _rows(document, grid, tuple(shape.key), names)
    table = Table(name, tuple(shape.key), names, MappingProxyType(rows), document.place(path))
    return ReadTable(table, grid)


def _rows(
    document: Document, grid: Grid, key: tuple[str, ...], columns: tuple[str, ...]
) -> dict[tuple[str, ...], Mapping[str, str]]:
    rows: dict[tuple[str, ...], Mapping[str, str]] = {}
    first: dict[tuple[str, ...], Cell] = {}
    for row in grid.rows:
        cells = [row[k] for k in key]
        empty = next((c for c in cells if not c.value), None)
        if empty is not None:
            message = "a key cell is empty, so this line would never be found"
            document.problems.append(grid.problem(empty, message))
            continue
        values = normal_key(tuple(c.value for c in cells))
        if values in first:
            line = grid.source.place(first[values].start).line
            shown = ", ".join(c.value for c in cells)
            message = f"duplicate key {shown!r}; the first is in line {line}"
            document.problems.append(grid.problem(cells[0], message))
            continue
        first[values] = cells[0]
        rows[values] = MappingProxyType({c: row[c].value for c in columns if row[c].value})
    return rows


def read_roster(
    files: Files, name: str, crms: tuple[str, ...], calendars: Collection[str]
) -> dict[str, RosterEntry] | None:
    """Read reps from a CSV: email, name, weight, calendar, away, capacity and one per CRM."""
    grid = files.grid(("roster",), name)
    if grid is None:
        return None
    problems = files.document.problems
    known = ("email", "name", "weight", "calendar", "away", "capacity", *crms)
    for column in grid.header:
        if column.value not in known:
            message = f"unknown column {column.value!r}; known: {', '.join(known)}"
            problems.append(grid.problem(column, message, nearest(column.value, known)))
    if "email" not in grid.columns:
        problems.append(grid.problem(grid.header[0], "a roster needs the column 'email'"))
        return None
    roster: dict[str, RosterEntry] = {}
    for row in grid.rows:
        email = row["email"]
        try:
            rep = rep_id(email.value)
        except ValueError as error:
            problems.append(grid.problem(email, str(error)))
            continue
        if rep in roster:
            message = f"duplicate rep {rep!r}; the first is in line {roster[rep].place.line}"
            problems.append(grid.problem(email, message))
            continue
        weight = Fraction(1)
        try:
            weight = exact_weight(_value(row, "weight") or "1")
        except ValueError as error:
            problems.append(grid.problem(row["weight"], str(error)))
        ids = {crm: value for crm in crms if (value := _value(row, crm))}
        place = grid.source.place(email.start)
        shown = _value(row, "name") or None
        calendar = _value(row, "calendar") or None
        if calendar is not None and calendar not in calendars:
            message = f"unknown calendar {calendar!r}"
            problems.append(grid.problem(row["calendar"], message, nearest(calendar, calendars)))
        texts = [t for t in _value(row, "away").split(";") if t.strip()]
        leaves, wrong = read_leaves(texts)
        problems.extend(grid.problem(row["away"], message) for _, message in wrong)
        capacity = Capacity()
        try:
            capacity = read_capacity(_value(row, "capacity"))
        except ValueError as error:
            problems.append(grid.problem(row["capacity"], str(error)))
        roster[rep] = RosterEntry(
            rep, shown, weight, MappingProxyType(ids), place, calendar, tuple(leaves), capacity
        )
    return roster


def _value(row: dict[str, Cell], column: str) -> str:
    return row[column].value if column in row else ""

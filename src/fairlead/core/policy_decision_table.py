"""Rules from a decision table: one line of a CSV, one rule, with its place in that file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fairlead.core.carets import nearest
from fairlead.core.conditions import ConditionError, compile_condition
from fairlead.core.policy import Condition, Destination, Rule
from fairlead.core.policy_cells import CELLS, condition_of
from fairlead.core.policy_csv import Cell, Grid
from fairlead.core.policy_destinations import Destinations
from fairlead.core.policy_document import Document

OWN_COLUMNS = ("name", "team", "rep", "queue", "priority")
"""Columns of the rule itself; every other one is headed by the field that its cells ask about."""

_TO = ("team", "rep", "queue")
_PRIORITIES = ("high", "normal")

Line = dict[str, Cell]


@dataclass(frozen=True, slots=True)
class TableRule:
    """A rule and the cell that names it; `sound` is false when some of its cells are broken."""

    rule: Rule
    cell: Cell
    sound: bool


@dataclass(frozen=True, slots=True)
class DecisionTable:
    """Reads the lines of one file; its mistakes go to the document."""

    document: Document
    grid: Grid
    destinations: Destinations

    def rules(self) -> Iterator[TableRule]:
        """The rules in the order of the lines; none when the columns cannot be used."""
        if not self._columns_sound():
            return
        for line in self.grid.rows:
            before = len(self.document.problems)
            cell = line["name"]
            if not cell.value:
                self._report(cell, "a line needs a name: explanations show it")
            when = self._when(line)
            to = self._to(line)
            priority = line["priority"].value.casefold() if "priority" in line else ""
            if priority and priority not in _PRIORITIES:
                self._report(line["priority"], f"expected high or normal, found {priority!r}")
            sound = len(self.document.problems) == before
            place = self.grid.source.place(cell.start)
            rule = Rule(cell.value, when, to, None, (), priority == "high", place)
            yield TableRule(rule, cell, sound)

    def _columns_sound(self) -> bool:
        before = len(self.document.problems)
        if "name" not in self.grid.columns:
            self._report(self.grid.header[0], "rules need the column 'name'")
        if not set(_TO) & set(self.grid.columns):
            self._report(self.grid.header[0], "rules need a column 'team', 'rep' or 'queue'")
        types = self.destinations.schema.types
        fields = [name for name, kind in types.items() if kind in CELLS]
        for column in self.grid.header:
            name = column.value
            if name in OWN_COLUMNS or name in fields:
                continue
            if name in types:
                self._report(column, f"{name!r} is a {types[name]}; a column asks about one field")
            elif name in self.destinations.schema.hidden:
                self._report(column, f"{name!r} {self.destinations.schema.hidden[name]}")
            elif name.partition(".")[0] not in self._declared():
                guess = nearest(name, [*OWN_COLUMNS, *fields])
                self._report(column, f"unknown column {name!r}: no field of a lead", guess)
            else:
                return False
        return len(self.document.problems) == before

    def _declared(self) -> frozenset[str]:
        """Names whose own declaration is broken, and told there."""
        written = self.document.names("fields") | self.document.names("tables")
        return written - {name.partition(".")[0] for name in self.destinations.schema.types}

    def _when(self, line: Line) -> Condition | None:
        schema = self.destinations.schema
        parts: list[str] = []
        for name, cell in line.items():
            if name in OWN_COLUMNS:
                continue
            try:
                part = condition_of(name, schema.types[name], cell.value)
                if part is not None:
                    compile_condition(part, schema)
                    parts.append(part)
            except ConditionError as error:
                self._report(cell, error.message)
            except ValueError as error:
                self._report(cell, str(error))
        if not parts:
            return None
        return compile_condition(" and ".join(parts), schema)

    def _to(self, line: Line) -> Destination | None:
        given = [(kind, line[kind]) for kind in _TO if kind in line and line[kind].value]
        if len(given) != 1:
            found = " and ".join(kind for kind, _ in given) or "none"
            message = f"a line has exactly one of team, rep, queue; found {found}"
            self._report(given[1][1] if given else line["name"], message)
            return None
        ((kind, cell),) = given

        def unknown(what: str, word: str, known: Iterable[str], guess: str | None = None) -> None:
            self._report(cell, f"unknown {what} {word!r}", guess or nearest(word, list(known)))

        return self.destinations.named(kind, cell.value, unknown)

    def _report(self, cell: Cell, message: str, suggestion: str | None = None) -> None:
        self.document.problems.append(self.grid.problem(cell, message, suggestion))

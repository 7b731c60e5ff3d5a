"""The roster: reps from the policy's `reps:` or from a CSV, each with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from fractions import Fraction
from types import MappingProxyType
from typing import TypeVar

from fairlead.core.carets import nearest
from fairlead.core.policy import RosterEntry
from fairlead.core.policy_asks import TIMEZONE
from fairlead.core.policy_build import Builder
from fairlead.core.policy_calendars import capacity_of, read_capacity, read_leaves
from fairlead.core.policy_csv import Cell, Grid
from fairlead.core.policy_document import Path
from fairlead.core.policy_files import Files
from fairlead.core.policy_models import RepShape
from fairlead.core.policy_values import a_day, exact_share, exact_weight, rep_id, whole_weeks
from fairlead.core.ramp import START, Ramp, split_cell
from fairlead.core.types import NO_LIMITS

OWN = (
    "email", "name", "weight", "calendar", "away", "capacity", "skills_reviewed", "ramp", "cover"
)  # fmt: skip
"""The columns of a roster file, beside one per CRM and one per skill."""
SKILLS = "skills."
_SKILL = re.compile(rf"{re.escape(SKILLS)}[A-Za-z_][A-Za-z0-9_]{{0,63}}")
_ONE = Fraction(1)
NO_SKILL = "'timezone' is no skill: a rep's time zone is that of their calendar"


def read_people(builder: Builder) -> dict[str, RosterEntry] | None:
    """The reps, from the policy or its roster file; None when they are not known."""
    document, shape = builder.document, builder.shape
    if shape.roster is not None:
        if "reps" in document.root.entries:
            message = "reps stand here or in the roster file, not in both"
            document.report(("reps",), message, key=True)
        return read_roster(builder.files, shape.roster, builder.crms, document.names("calendars"))
    if document.root.lost & {"roster", "reps"}:
        return None
    found: dict[str, RosterEntry] = {}
    for written, rep in shape.reps.items():
        path: Path = ("reps", written)
        try:
            name = rep_id(written)
        except ValueError as error:
            document.report(path, str(error), key=True)
            continue
        if name in found:
            line = found[name].place.line
            message = f"duplicate rep {name!r}; the first is in line {line}"
            document.report(path, message, key=True)
            continue
        found[name] = _rep(builder, path, name, RepShape() if rep is None else rep)
    known = {*found, *(r.strip().lower() for r in document.names("reps"))}
    for written, rep in shape.reps.items():
        entry = found.get(written.strip().lower())
        if rep is not None and entry is not None:
            wrong = _cover(entry, known)
            if wrong is not None:
                document.report(("reps", written, "cover"), *wrong)
    return found


def _cover(entry: RosterEntry, known: Collection[str]) -> tuple[str, str | None] | None:
    """What is wrong with a rep's cover and what was meant: it is another rep of the roster."""
    if entry.cover == entry.id:
        return "nobody covers for themselves", None
    if entry.cover and entry.cover not in known:
        return f"unknown rep {entry.cover!r}", nearest(entry.cover, known)
    return None


def _rep(builder: Builder, path: Path, name: str, shape: RepShape) -> RosterEntry:
    document = builder.document
    ids = builder.per_crm(path, shape.__pydantic_extra__, tuple(RepShape.model_fields))
    calendars = document.names("calendars")
    if shape.calendar is not None and shape.calendar not in calendars:
        document.unknown((*path, "calendar"), "calendar", shape.calendar, calendars)
    leaves, wrong = read_leaves(shape.away)
    for index, message in wrong:
        document.report((*path, "away", index), message)
    if TIMEZONE in shape.skills:
        document.report((*path, "skills", TIMEZONE), NO_SKILL, key=True)
    ramp = shape.ramp
    return RosterEntry(
        name,
        shape.name,
        shape.weight,
        MappingProxyType(ids),
        document.place(path),
        shape.calendar,
        tuple(leaves),
        capacity_of(shape.capacity),
        MappingProxyType({skill: tuple(values) for skill, values in shape.skills.items()}),
        shape.skills_reviewed,
        None if ramp is None else Ramp(ramp.from_, ramp.weeks, ramp.start),
        shape.cover or "",
    )


def read_roster(
    files: Files, name: str, crms: tuple[str, ...], calendars: Collection[str]
) -> dict[str, RosterEntry] | None:
    """Read reps from a CSV: the columns of OWN, one per CRM and one per skill."""
    grid = files.grid(("roster",), name)
    if grid is None:
        return None
    problems, known = files.document.problems, (*OWN, *crms)
    for column in grid.header:
        if column.value not in known and not _SKILL.fullmatch(column.value):
            message = f"unknown column {column.value!r}; known: {', '.join(known)}, skills.*"
            problems.append(grid.problem(column, message, nearest(column.value, known)))
    if "email" not in grid.columns:
        problems.append(grid.problem(grid.header[0], "a roster needs the column 'email'"))
        return None
    roster: dict[str, RosterEntry] = {}
    rows: list[tuple[RosterEntry, _Row]] = []
    for line in grid.rows:
        row = _Row(files, grid, line)
        try:
            rep = rep_id(row.text("email"))
        except ValueError as error:
            row.report("email", str(error))
            continue
        if rep in roster:
            first = roster[rep].place.line
            row.report("email", f"duplicate rep {rep!r}; the first is in line {first}")
            continue
        roster[rep] = row.rep(rep, crms, calendars)
        rows.append((roster[rep], row))
    for entry, row in rows:
        wrong = _cover(entry, roster)
        if wrong is not None:
            row.report("cover", *wrong)
    return roster


def _ramp(text: str) -> Ramp | None:
    """A cell such as `from 2026-06-01; weeks 4; start 25%`; raises ValueError."""
    parts = split_cell(text)
    weeks = parts["weeks"]
    share = exact_share(parts["start"]) if "start" in parts else START
    begins, count = a_day(parts["from"]), whole_weeks(int(weeks) if weeks.isdecimal() else weeks)
    return Ramp(begins, count, share)


R = TypeVar("R")
D = TypeVar("D")


class _Row:
    """One line of the roster file."""

    def __init__(self, files: Files, grid: Grid, cells: dict[str, Cell]) -> None:
        self._problems = files.document.problems
        self._grid = grid
        self._cells = cells

    def rep(self, name: str, crms: tuple[str, ...], calendars: Collection[str]) -> RosterEntry:
        """The rep of this line; a broken cell is told and left out."""
        calendar = self.text("calendar") or None
        if calendar is not None and calendar not in calendars:
            self.report("calendar", f"unknown calendar {calendar!r}", nearest(calendar, calendars))
        leaves, wrong = read_leaves([t for t in self.text("away").split(";") if t.strip()])
        for _, message in wrong:
            self.report("away", message)
        return RosterEntry(
            name,
            self.text("name") or None,
            self._read("weight", exact_weight, _ONE),
            MappingProxyType({crm: id for crm in crms if (id := self.text(crm))}),
            self._grid.source.place(self._cells["email"].start),
            calendar,
            tuple(leaves),
            self._read("capacity", read_capacity, NO_LIMITS),
            MappingProxyType(self._skills()),
            self._read("skills_reviewed", a_day, None),
            self._read("ramp", _ramp, None),
            self._read("cover", rep_id, ""),
        )

    def text(self, column: str) -> str:
        """What the line has in this column; "" without it."""
        return self._cells[column].value if column in self._cells else ""

    def report(self, column: str, message: str, suggestion: str | None = None) -> None:
        """Tell of a cell."""
        self._problems.append(self._grid.problem(self._cells[column], message, suggestion))

    def _read(self, column: str, read: Callable[[str], R], default: D) -> R | D:
        try:
            return read(self.text(column)) if self.text(column) else default
        except ValueError as error:
            self.report(column, str(error))
            return default

    def _skills(self) -> dict[str, tuple[str, ...]]:
        """The values of `skills.language` and so on, apart from each other by `;`."""
        found: dict[str, tuple[str, ...]] = {}
        for column, cell in self._cells.items():
            values = tuple(value.strip() for value in cell.value.split(";") if value.strip())
            if column == f"{SKILLS}{TIMEZONE}" and values:
                self.report(column, NO_SKILL)
            elif _SKILL.fullmatch(column) and values:
                found[column.removeprefix(SKILLS)] = values
        return found

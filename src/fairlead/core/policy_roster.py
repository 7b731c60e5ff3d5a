"""The roster file: reps from a CSV, each with its line."""

from __future__ import annotations

import re
from fractions import Fraction
from types import MappingProxyType

from fairlead.core.carets import nearest
from fairlead.core.policy import RosterEntry
from fairlead.core.policy_csv import Cell
from fairlead.core.policy_files import Files
from fairlead.core.policy_values import exact_weight, rep_id

SKILLS = "skills."
_SKILL = re.compile(rf"{re.escape(SKILLS)}[A-Za-z_][A-Za-z0-9_]{{0,63}}")


def read_roster(files: Files, name: str, crms: tuple[str, ...]) -> dict[str, RosterEntry] | None:
    """Read reps from a CSV: the columns email, name, weight, one per CRM and one per skill."""
    grid = files.grid(("roster",), name)
    if grid is None:
        return None
    problems, known = files.document.problems, ("email", "name", "weight", *crms)
    for column in grid.header:
        if _SKILL.fullmatch(column.value):
            continue
        if column.value not in known:
            message = f"unknown column {column.value!r}; known: {', '.join(known)}, skills.*"
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
        skills = MappingProxyType(_skills(row))
        roster[rep] = RosterEntry(rep, shown, weight, MappingProxyType(ids), place, skills)
    return roster


def _skills(row: dict[str, Cell]) -> dict[str, tuple[str, ...]]:
    """The values in the columns `skills.language` and so on, apart from each other by `;`."""
    found: dict[str, tuple[str, ...]] = {}
    for column, cell in row.items():
        values = tuple(value.strip() for value in cell.value.split(";") if value.strip())
        if _SKILL.fullmatch(column) and values:
            found[column.removeprefix(SKILLS)] = values
    return found


def _value(row: dict[str, Cell], column: str) -> str:
    return row[column].value if column in row else ""

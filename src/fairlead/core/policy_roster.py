"""The roster file: reps from a CSV, each with its line."""

from __future__ import annotations

from fractions import Fraction
from types import MappingProxyType

from fairlead.core.carets import nearest
from fairlead.core.policy import RosterEntry
from fairlead.core.policy_csv import Cell
from fairlead.core.policy_files import Files
from fairlead.core.policy_models import exact_weight, rep_id


def read_roster(files: Files, name: str, crms: tuple[str, ...]) -> dict[str, RosterEntry] | None:
    """Read reps from a CSV with the columns email, name, weight and one per CRM."""
    grid = files.grid(("roster",), name)
    if grid is None:
        return None
    problems, known = files.document.problems, ("email", "name", "weight", *crms)
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
        roster[rep] = RosterEntry(rep, shown, weight, MappingProxyType(ids), place)
    return roster


def _value(row: dict[str, Cell], column: str) -> str:
    return row[column].value if column in row else ""

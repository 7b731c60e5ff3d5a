"""CSV files of the policy: comma-separated, a header line, every cell with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fairlead.core.policy_problem import PolicyProblem, SourceText

_CELL = re.compile(r'[ \t]*(?:"((?:[^"]|"")*)"[ \t]*|([^",\r\n]*))(?=,|\r|\n|\Z)')
_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Cell:
    """One trimmed value and the characters it spans."""

    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Grid:
    """A header and its rows; every row has one cell per column."""

    source: SourceText
    header: tuple[Cell, ...]
    rows: tuple[dict[str, Cell], ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(cell.value for cell in self.header)

    def problem(self, cell: Cell, message: str, suggestion: str | None = None) -> PolicyProblem:
        return self.source.problem(cell.start, cell.end, message, suggestion)


def read_csv(source: SourceText) -> tuple[Grid | None, tuple[PolicyProblem, ...]]:
    """Read a whole file; None when the header cannot be used. Empty lines are skipped."""
    lines, problems = _cells(source)
    if not lines:
        return None, (*problems, source.problem(0, 1, "this table has no header line"))
    header = lines[0]
    if len(header) == 1 and any(c in header[0].value for c in ";\t|"):
        cell = header[0]
        message = "the cells of a table are separated by commas"
        return None, (source.problem(cell.start, cell.end, message),)
    seen: set[str] = set()
    for cell in header:
        if not cell.value or cell.value in seen:
            message = (
                f"column {cell.value!r} is there twice" if cell.value else "a column has no name"
            )
            return None, (source.problem(cell.start, cell.end, message),)
        seen.add(cell.value)
    rows = []
    for line in lines[1:]:
        if len(line) != len(header):
            message = f"this line has {len(line)} cells, the header has {len(header)}"
            problems.append(source.problem(line[0].start, line[-1].end, message))
            continue
        rows.append({name.value: cell for name, cell in zip(header, line, strict=True)})
    return Grid(source, tuple(header), tuple(rows)), tuple(problems)


def _cells(source: SourceText) -> tuple[list[list[Cell]], list[PolicyProblem]]:
    text, at = source.text, 0
    lines: list[list[Cell]] = []
    problems: list[PolicyProblem] = []
    line: list[Cell] = []
    while True:
        found = _CELL.match(text, at)
        if found is None:
            end = _BREAK.search(text, at)
            stop = end.start() if end else len(text)
            message = 'a cell with quotes looks like "this one" and a quote inside is written ""'
            problems.append(source.problem(at, stop, message))
            line, at = [], stop
        else:
            line.append(_cell(found))
            at = found.end()
            if text[at : at + 1] == ",":
                at += 1
                continue
        if line and (len(line) > 1 or line[0].value):
            lines.append(line)
        line = []
        brk = _BREAK.match(text, at)
        if brk is None:
            return lines, problems
        at = brk.end()


def _cell(found: re.Match[str]) -> Cell:
    quoted = found[1] is not None
    raw = found[1].replace('""', '"') if quoted else found[2]
    start, end = (found.start(1) - 1, found.end(1) + 1) if quoted else found.span(2)
    lead = 0 if quoted else len(raw) - len(raw.lstrip())
    return Cell(raw.strip(), start + lead, max(start + lead, end))

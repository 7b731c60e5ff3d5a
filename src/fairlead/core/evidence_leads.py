"""Decided leads with their time and outcome, in order of time, and where the past is cut.

What is learned, is learned from leads before the cut; what is claimed, is measured on those after
it. Leads of one instant are never parted, so that nothing of the later part is known earlier.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fairlead.core.evidence_file import EvidenceError, EvidenceFile
from fairlead.core.evidence_times import can_be_two_days, day_order, instant
from fairlead.core.evidence_values import NO, YES, is_empty
from fairlead.errors import ThinEvidence

WON = YES | {"won", "closed won", "closed_won", "closedwon", "converted", "qualified", "customer"}
"""Outcomes that count as won when nobody says which do, whatever their capitals."""
LOST = NO | {
    "lost", "closed lost", "closed_lost", "closedlost", "disqualified", "unqualified",
    "not converted",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """What the caller says about the file; names are its columns'. `holdout` is a share."""

    outcome: str
    time: str
    score: str | None = None
    positive: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    holdout: float = 0.25
    min_outcomes: int = 50


@dataclass(frozen=True, slots=True)
class Leads:
    """Decided leads by time: columns of cells (by name, in order of names) beside their outcomes.

    `cut` is the number of leads before the hold-out. `words` counts the outcomes as written, by
    whether they count as won. The order does not depend on that of the file.
    """

    columns: dict[str, tuple[str, ...]]
    outcomes: tuple[bool, ...]
    times: tuple[datetime, ...]
    scores: tuple[float | None, ...]
    cut: int
    words: tuple[tuple[str, bool, int], ...]
    undecided: int


def read_leads(table: EvidenceFile, asked: Asked, scores: Sequence[float | None]) -> Leads:
    """Read outcomes and times and cut the past; `scores` has one entry per row of the file.

    Raises EvidenceError for cells that cannot be read, ThinEvidence when a part has too few leads
    of an outcome.
    """
    outcome_at, time_at = table.column(asked.outcome), table.column(asked.time)
    special = {asked.outcome, asked.time, asked.score, *asked.ignore}
    names = sorted(name for name in table.header if name not in special)
    at = {name: table.header.index(name) for name in names}
    won = _outcomes(table, outcome_at, asked)
    decided = [row for row, w in enumerate(won) if w is not None]
    times = _times(table, time_at, decided, asked.time)
    keys = sorted(
        (times[row], bool(won[row]), tuple(table.rows[row][at[n]] for n in names), row)
        for row in decided
    )
    rows = [key[-1] for key in keys]
    instants = tuple(times[row] for row in rows)
    outcomes = tuple(bool(won[row]) for row in rows)
    cut = cut_of(instants, asked.holdout)
    refuse_thin(outcomes, cut, asked.holdout, asked.min_outcomes)
    cells = [table.rows[row] for row in rows]
    words = Counter((table.rows[row][outcome_at], bool(won[row])) for row in decided)
    return Leads(
        columns={name: tuple(row[at[name]] for row in cells) for name in names},
        outcomes=outcomes,
        times=instants,
        scores=tuple(scores[row] for row in rows),
        cut=cut,
        words=tuple(sorted((w, is_won, n) for (w, is_won), n in words.items())),
        undecided=len(table.rows) - len(decided),
    )


def _outcomes(table: EvidenceFile, column: int, asked: Asked) -> list[bool | None]:
    """Won or lost, and None for what is not decided yet."""
    positive = {word.casefold() for word in asked.positive}
    undecided = {word.casefold() for word in asked.undecided}
    found: list[bool | None] = []
    bad: list[tuple[int, str]] = []
    for row, cells in enumerate(table.rows):
        word = cells[column].casefold()
        if is_empty(word) or word in undecided:
            found.append(None)
        elif positive:
            found.append(word in positive)
        elif word in WON or word in LOST:
            found.append(word in WON)
        else:
            bad.append((row, cells[column]))
    if bad:
        words = ", ".join(f"'{w}'" for w in sorted({w for _, w in bad})[:5])
        raise table.refuse(
            column,
            [(row, f"{asked.outcome} '{word}' is neither won nor lost") for row, word in bad],
            "name the values that are won with --positive and those still open with --undecided"
            f" (here: {words}); an empty cell is undecided",
        )
    there = {cells[column].casefold() for cells in table.rows}
    unknown = [w for w in (*asked.positive, *asked.undecided) if w.casefold() not in there]
    if unknown:
        raise EvidenceError(
            [f"{table.file}: no {asked.outcome} is '{word}'" for word in unknown],
            f"--positive and --undecided name values of the column {asked.outcome}",
        )
    return found


def _times(table: EvidenceFile, column: int, rows: Sequence[int], name: str) -> dict[int, datetime]:
    order = day_order([table.rows[row][column] for row in rows])
    found: dict[int, datetime] = {}
    bad: list[tuple[int, str]] = []
    unsure = False
    for row in rows:
        cell = table.rows[row][column]
        when = instant(cell, order)
        if when is not None:
            found[row] = when
            continue
        bad.append((row, f"{name} '{cell}' is not a time" if cell else f"{name} is empty"))
        unsure |= can_be_two_days(cell, order)
    if bad:
        raise table.refuse(
            column,
            bad,
            "write times as 2026-01-31 or 2026-01-31T09:00Z"
            + "; no date of the column shows whether the day or the month is first" * unsure,
        )
    return found


def cut_of(times: Sequence[datetime], holdout: float) -> int:
    """The number of leads before the hold-out; `times` in order."""
    if not times:
        return 0
    wanted = times[min(len(times) - 1, math.floor(len(times) * (1 - holdout)))]
    return sum(when < wanted for when in times)


def refuse_thin(outcomes: Sequence[bool], cut: int, holdout: float, min_outcomes: int) -> None:
    """A part with few leads of an outcome says little, and says it with confidence.

    Raises ThinEvidence with what is there and how many are missing.
    """
    later = max(1, math.ceil(min_outcomes * holdout / (1 - holdout)))
    short = [
        f"{part} has {len(leads)} leads, {n} {word}; it needs {least} {word}, {least - n} more"
        for part, leads, least in (
            ("the earlier part", outcomes[:cut], min_outcomes),
            ("the hold-out", outcomes[cut:], later),
        )
        for word, n in (("won", sum(leads)), ("lost", len(leads) - sum(leads)))
        if n < least
    ]
    if short:
        raise ThinEvidence(
            "the evidence is thin, nothing was fitted: " + "; ".join(short),
            remedy="take more leads, or a longer time; --min-outcomes lowers the bar, and what is"
            " then found may be luck",
        )

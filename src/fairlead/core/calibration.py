"""A calibration from end to end: decided leads in, what was learned and how good it is out.

Weights come from the leads before the cut, every claim is measured on those after it, and what is
proposed is what was measured: nothing is fitted again on all leads. Nothing is changed by it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from fairlead.core.evidence import LeftOut, design, learn, read
from fairlead.core.evidence_file import EvidenceError, EvidenceFile
from fairlead.core.evidence_leads import Asked, Leads, read_leads
from fairlead.core.evidence_values import decimal_comma, is_empty, number
from fairlead.core.judging import Interval, Reliability, auc, auc_gain, brier, reliability, share
from fairlead.core.leakage import Leak, leaks
from fairlead.core.logistic import LIMIT, Dense, chance, fit, log_odds
from fairlead.core.points import Points, points_of

Progress = Callable[[str, float], None]
"""Hears what is being done, and the share of all work that is done, from 0 to 1."""


OVERFIT = 0.05
"""So much more AUC on the leads learned from is told."""


@dataclass(frozen=True, slots=True)
class Part:
    """The leads before or after the cut."""

    leads: int
    won: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """A score on the hold-out: the order it gives, and its chances. `how` says what was judged."""

    how: str
    auc: Interval
    brier: float
    reliability: Reliability


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a calibration found. `gain` is the AUC after minus before, on the same leads."""

    asked: Asked
    leads: int
    undecided: int
    words: tuple[tuple[str, bool, int], ...]
    earlier: Part
    holdout: Part
    before: Judged
    after: Judged
    gain: Interval
    learned_auc: float
    width: int
    steps: int
    points: Points
    left_out: tuple[LeftOut, ...]
    leaks: tuple[Leak, ...]
    notes: tuple[str, ...]


def calibrate(
    table: EvidenceFile, asked: Asked, progress: Progress = lambda what, done: None
) -> Calibration:
    """Learn and judge; raises EvidenceError and ThinEvidence. The same for any order of rows."""
    progress("reading", 0.0)
    for name in asked.ignore:
        table.column(name)
    leads = read_leads(table, asked, _scores(table, asked))
    cut, total = leads.cut, len(leads.outcomes)
    learned, held = leads.outcomes[:cut], leads.outcomes[cut:]
    n = max(1, len(leads.columns))
    evidence = learn(
        leads.columns, cut, table.delimiter, lambda i: progress("reading", 0.1 + 0.3 * i / n)
    )
    past = [read(x, leads.columns[x.column][:cut]) for x in evidence.readings]
    columns = design(past)
    # How many steps it takes is not known before; most take few, so the bar goes ever slower.
    fitted = fit(columns, learned, lambda i: progress("fitting", 0.5 + 0.4 * i / (i + 15)))
    if not fitted.converged:
        raise EvidenceError(
            [f"{table.file}: no weights were found in {LIMIT} steps"],
            "leave out columns that say the same as others, with --ignore",
        )
    progress("judging", 0.9)
    inside = log_odds(columns, cut, fitted)
    later = [read(x, leads.columns[x.column][cut:]) for x in evidence.readings]
    outside = log_odds(design(later), total - cut, fitted)
    after = judged(f"{len(evidence.readings)} columns of the file", outside, held)
    how, marks = _before(leads, asked)
    before = judged(how, marks, held)
    learned_auc = auc(inside, learned).value
    progress("done", 1.0)
    return Calibration(
        asked=asked,
        leads=len(table.rows),
        undecided=leads.undecided,
        words=leads.words,
        earlier=_part(leads, 0, cut),
        holdout=_part(leads, cut, total),
        before=before,
        after=after,
        gain=auc_gain(marks, outside, held),
        learned_auc=learned_auc,
        width=len(columns),
        steps=fitted.steps,
        points=points_of(past, fitted, learned),
        left_out=(*evidence.left_out, *(LeftOut(x, "as asked") for x in sorted(asked.ignore))),
        leaks=tuple(leaks(past, learned)),
        notes=tuple(_notes(leads, learned_auc - after.auc.value, len(columns))),
    )


def _scores(table: EvidenceFile, asked: Asked) -> Sequence[float | None]:
    """The score to compare with, of each row; an empty cell is none."""
    if asked.score is None:
        return [None] * len(table.rows)
    column = table.column(asked.score)
    cells = [row[column] for row in table.rows]
    comma = decimal_comma(cells, table.delimiter)
    found = [number(cell, comma) for cell in cells]
    bad = [
        (row, f"{asked.score} '{cells[row]}' is not a number")
        for row, value in enumerate(found)
        if value is None and not is_empty(cells[row])
    ]
    if bad:
        remedy = "a score is a number, or an empty cell where a lead has none"
        raise table.refuse(column, bad, remedy)
    return found


def _before(leads: Leads, asked: Asked) -> tuple[str, list[float]]:
    """What is there without a calibration, as log-odds of the hold-out."""
    learned = leads.outcomes[: leads.cut]
    base = math.log(sum(learned) / (len(learned) - sum(learned)))
    known = [s for s in leads.scores[: leads.cut] if s is not None]
    if asked.score is None:
        how = "no score: each lead has the share of the earlier leads"
        return how, [base] * (len(leads.scores) - leads.cut)
    if not known:
        raise EvidenceError(
            [f"{asked.score} is empty in all earlier leads"], "leave out --score, or name another"
        )
    # A list sorted by score has those without one at its end.
    lowest = min(known)
    scores = [lowest if s is None else s for s in leads.scores]
    if all(0 <= s <= 1 for s in scores) and len(set(scores)) > 2:
        odds = [math.log(max(s, 1e-9) / max(1 - s, 1e-9)) for s in scores[leads.cut :]]
        return f"column {asked.score}, taken as a chance", odds
    odds = odds_of(scores, learned)[leads.cut :]
    return f"column {asked.score}, turned into a chance by the earlier leads", odds


def odds_of(scores: Sequence[float], learned: Sequence[bool]) -> list[float]:
    """Scores turned into log-odds by the earlier leads, which come first and whose outcomes these
    are.

    Only its sense of the chances is learned: a score that puts lost leads first stays so judged.
    """
    cut = len(learned)
    mean = math.fsum(scores[:cut]) / cut
    spread = math.sqrt(math.fsum((s - mean) ** 2 for s in scores[:cut]) / cut) or 1.0
    standard = [(s - mean) / spread for s in scores]
    fitted = fit([Dense(tuple(standard[:cut]))], learned)
    slope = abs(fitted.weights[0])
    return [fitted.intercept + slope * s for s in standard]


def _notes(leads: Leads, overfit: float, width: int) -> Iterator[str]:
    """What makes the result weaker than it looks."""
    learned, held = leads.outcomes[: leads.cut], leads.outcomes[leads.cut :]
    if overfit > OVERFIT:
        yield (
            f"the AUC on the leads learned from is {overfit:.2f} higher than on the hold-out:"
            " some of what was learned was luck or has changed"
        )
    rarer = min(sum(learned), len(learned) - sum(learned))
    if rarer < 10 * width:
        yield (
            f"{rarer} leads of the rarer outcome for {width} weights; ten for each is a good"
            " measure: take more leads, or leave out columns with --ignore"
        )
    then, now = share(sum(learned), len(learned)), share(sum(held), len(held))
    if then.high < now.low or now.high < then.low:
        yield (
            f"the share won moved from {then.value:.0%} to {now.value:.0%}: the business changed,"
            " or the latest leads are not all decided yet"
        )
    unscored = sum(s is None for s in leads.scores[leads.cut :])
    if unscored and any(s is not None for s in leads.scores):
        yield f"{unscored} leads of the hold-out have no score; they count as the lowest"


def judged(how: str, odds: Sequence[float], outcomes: Sequence[bool]) -> Judged:
    """A score given as log-odds, on leads whose outcomes are known."""
    chances = [chance(z) for z in odds]
    return Judged(
        how, auc(odds, outcomes), brier(chances, outcomes), reliability(chances, outcomes)
    )


def _part(leads: Leads, start: int, end: int) -> Part:
    won = sum(leads.outcomes[start:end])
    return Part(end - start, won, leads.times[start], leads.times[end - 1])

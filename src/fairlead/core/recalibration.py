"""New points for the lines of a scorecard, learned from leads whose outcome is known.

Each line keeps its condition, its sign and its reason; only how much it counts is fitted, on the
leads before the cut, and in the units of the old points, so that bands keep their sense. What is
judged on the later leads is the proposal itself: whole points, caps and all. Pure; changes nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from fairlead.core.calibration import OVERFIT, Judged, Part, judged, odds_of
from fairlead.core.evidence import RARE, Kind, Read, Reading
from fairlead.core.evidence_file import EvidenceError
from fairlead.core.evidence_leads import cut_of, refuse_thin
from fairlead.core.judging import Interval, auc, auc_gain
from fairlead.core.judging import share as share_of
from fairlead.core.leakage import Leak, leaks
from fairlead.core.lint_finding import LintFinding
from fairlead.core.logistic import LIMIT, Dense, fit
from fairlead.core.scorecard import PointGroup, Points, Scorecard
from fairlead.core.scoring import grade_of, whole

MOST_POINTS = 10_000
_NOT_IN_A_RECORD = frozenset({"account", "owner", "signal"})
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Past:
    """One decided lead: when, how it ended, and what of each line's points it had (0 to 1).

    `as_decided`: as it was when it was routed; else as the CRM has it now.
    """

    at: datetime
    won: bool
    shares: tuple[Fraction, ...]
    as_decided: bool


@dataclass(frozen=True, slots=True)
class LinePoints:
    """One line's old and new points; of the earlier leads, how many have any of them and won.

    `learned` says that the new points come from the fit; `why` is the reason, in words.
    """

    group: str
    number: int
    because: str
    old: Fraction
    new: Fraction
    leads: int
    won_with: Interval | None
    won_without: Interval | None
    learned: bool
    why: str

    @property
    def changed(self) -> bool:
        return self.old != self.new


@dataclass(frozen=True, slots=True)
class GradeShare:
    """A grade of the later leads: how many have it by the old and the new points, and won."""

    name: str
    before: int
    won_before: int
    after: int
    won_after: int


@dataclass(frozen=True, slots=True)
class Recalibration:
    """What was found; `verdict` is better, suspect, unclear or worse, as `calibrate --data` has it.

    `as_decided` counts the leads whose values are those they were routed with.
    """

    leads: int
    as_decided: int
    earlier: Part
    holdout: Part
    before: Judged
    after: Judged
    gain: Interval
    learned_auc: float
    lines: tuple[LinePoints, ...]
    grades: tuple[GradeShare, ...]
    verdict: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """The answer: what was found, how leads ended, and the policy's text with the new points.

    `text` is the old one unless the verdict is better or suspect. `words` counts (why, success or
    None, leads). `findings` are what `check` says of the new text and not of the old.
    """

    found: Recalibration
    file: str
    words: tuple[tuple[str, bool | None, int], ...]
    undecided: int
    text: str
    diff: str
    findings: tuple[LintFinding, ...]


def recalibrate(
    card: Scorecard,
    past: Sequence[Past],
    outcome_names: Collection[str],
    holdout: float = 0.25,
    min_outcomes: int = 50,
    progress: Progress = lambda what, done: None,
) -> Recalibration:
    """Learn and judge; the same for any order of leads. Raises ThinEvidence, EvidenceError.

    `outcome_names` are the fields that the outcome is read from: a line that asks for one of them
    knows the end, unless all leads are as they were decided.
    """
    rows = sorted(past, key=lambda p: (p.at, p.won, p.shares, p.as_decided))
    outcomes = [p.won for p in rows]
    cut = cut_of([p.at for p in rows], holdout)
    refuse_thin(outcomes, cut, holdout, min_outcomes)
    learned, held = outcomes[:cut], outcomes[cut:]
    fitting = _Fitting(card, rows[:cut], outcome_names, progress)
    lines = fitting.lines()
    progress("judging", 0.9)
    old = [p.points for p in card.lines]
    before = [total(card, old, p.shares) for p in rows]
    after = [total(card, [x.new for x in lines], p.shares) for p in rows]
    odds_before, odds_after = (odds_of(s, learned)[cut:] for s in (before, after))
    gain = auc_gain(before[cut:], after[cut:], held)
    learned_auc, later = auc(after[:cut], learned).value, auc(after[cut:], held).value
    progress("done", 1.0)
    return Recalibration(
        leads=len(rows),
        as_decided=sum(p.as_decided for p in rows),
        earlier=_part(rows[:cut]),
        holdout=_part(rows[cut:]),
        before=judged("the points of the policy", odds_before, held),
        after=judged("the points proposed", odds_after, held),
        gain=gain,
        learned_auc=learned_auc,
        lines=lines,
        grades=tuple(_grades(card, before[cut:], after[cut:], held)),
        verdict=_verdict(gain, bool(fitting.suspects), lines),
        notes=tuple(_notes(rows, fitting, learned_auc - later, learned)),
    )


def total(card: Scorecard, points: Sequence[Fraction], shares: Sequence[Fraction]) -> int:
    """The score of a lead with these points in place of the card's."""
    at, parts = 0, Fraction(0)
    for group in card.groups:
        own = sum((points[at + i] * shares[at + i] for i in range(len(group.points))), Fraction(0))
        at += len(group.points)
        parts += own if group.cap is None else max(-group.cap, min(group.cap, own))
    return whole(parts)


class _Fitting:
    """The lines of a card and the earlier leads: which can be learned, and what they come to."""

    def __init__(
        self,
        card: Scorecard,
        rows: Sequence[Past],
        outcome_names: Collection[str],
        progress: Progress,
    ) -> None:
        self.progress = progress
        self.places: list[tuple[PointGroup, int, Points]] = [
            (g, i, p) for g in card.groups for i, p in enumerate(g.points)
        ]
        self.rows = rows
        self.outcomes = [p.won for p in rows]
        self.shares = [[float(p.shares[n]) for p in rows] for n in range(len(self.places))]
        self.has = [[share > 0 for share in column] for column in self.shares]
        self.today = any(not p.as_decided for p in rows)
        self.kept: dict[int, str] = {}
        for n, (_, _, line) in enumerate(self.places):
            if (why := self._unfit(n, line, outcome_names)) is not None:
                self.kept[n] = why
        self.suspects = {leak.column: leak.why for leak in self._leaks()}

    def lines(self) -> tuple[LinePoints, ...]:
        """Every line with its new points; raises EvidenceError when no weights are found."""
        against: set[int] = set()
        while True:
            used = [n for n in range(len(self.places)) if n not in self.kept and n not in against]
            weights = self._weights(used)
            wrong = {n for n in used if weights[n] * self._sign(n) <= 0}
            if not wrong:
                break
            against |= wrong
        scale = self._scale([*used, *against], weights)
        return tuple(
            self._line(n, weights.get(n), scale, n in against) for n in range(len(self.places))
        )

    def _weights(self, used: Sequence[int]) -> dict[int, float]:
        if not used:
            return {}
        columns = [Dense(tuple(self.shares[n])) for n in used]
        found = fit(
            columns, self.outcomes, lambda i: self.progress("fitting", 0.5 + 0.4 * i / (i + 15))
        )
        if not found.converged:
            raise EvidenceError(
                [f"no weights were found in {LIMIT} steps"],
                "two lines that say the same cannot be told apart; leave one of them out",
            )
        return dict(zip(used, found.weights, strict=True))

    def _scale(self, learned: Sequence[int], weights: dict[int, float]) -> float:
        """Points for one log-odd: the new points move leads as far apart as the old ones did."""
        old = [
            sum(float(self.places[n][2].points) * self.shares[n][row] for n in learned)
            for row in range(len(self.rows))
        ]
        new = [
            sum(w * self.shares[n][row] for n, w in weights.items())
            for row in range(len(self.rows))
        ]
        spread = _deviation(new)
        return _deviation(old) / spread if spread else 0.0

    def _line(self, n: int, weight: float | None, scale: float, against: bool) -> LinePoints:
        group, number, line = self.places[n]
        has = sum(self.has[n])
        won = sum(w for w, h in zip(self.outcomes, self.has[n], strict=True) if h)
        rest, won_rest = len(self.rows) - has, sum(self.outcomes) - won
        with_it = share_of(won, has) if has else None
        without = share_of(won_rest, rest) if rest else None
        new, why = line.points, self.kept.get(n, "")
        if against:
            new = Fraction(self._sign(n))
            why = "the leads do not bear it out; it keeps its sign and least weight"
        elif weight is not None:
            most = min(MOST_POINTS, math.floor(group.cap) if group.cap is not None else MOST_POINTS)
            amount = max(1, min(max(1, most), round(abs(weight) * scale)))
            new = Fraction(self._sign(n) * amount)
            at_cap = group.cap is not None and amount == most < round(abs(weight) * scale)
            why = f"learned; not above the cap of {group.name}" if at_cap else "learned"
        return LinePoints(
            group.name, number, line.because, line.points, new, has, with_it, without,
            weight is not None or against, why,
        )  # fmt: skip

    def _unfit(self, n: int, line: Points, outcome_names: Collection[str]) -> str | None:
        """Why a line keeps its points; None when it can be learned."""
        has = sum(self.has[n])
        knows = sorted(line.when.names & set(outcome_names))
        if knows and self.today:
            return f"{', '.join(knows)} is what the outcome is read from"
        if self.today and any(x.partition(".")[0] in _NOT_IN_A_RECORD for x in line.when.names):
            return "its account, owner or signals of then are not known of all leads"
        if has < RARE:
            return f"only {has} earlier leads have it; {RARE} are needed, {RARE - has} more"
        if len(self.rows) - has < RARE:
            return f"all but {len(self.rows) - has} earlier leads have it: it tells them not apart"
        return None

    def _leaks(self) -> list[Leak]:
        columns = []
        for n, (group, number, _) in enumerate(self.places):
            if n not in self.kept:
                reading = Reading(f"{group.name} {number + 1}", Kind.YES_NO, ("yes",))
                groups = tuple("yes" if has else None for has in self.has[n])
                columns.append(Read(reading, groups, (None,) * len(groups)))
        return leaks(columns, self.outcomes)

    def _sign(self, n: int) -> int:
        return 1 if self.places[n][2].points > 0 else -1


def _verdict(gain: Interval, suspect: bool, lines: Sequence[LinePoints]) -> str:
    if not any(x.changed for x in lines):
        return "unclear"
    if gain.low > 0:
        return "suspect" if suspect else "better"
    return "worse" if gain.high < 0 else "unclear"


def _grades(
    card: Scorecard, before: Sequence[int], after: Sequence[int], won: Sequence[bool]
) -> Iterator[GradeShare]:
    if not card.bands:
        return
    old, new = ([grade_of(card, s) for s in scores] for scores in (before, after))
    counts = [Counter(old), Counter(new)]
    good = [Counter(g for g, w in zip(names, won, strict=True) if w) for names in (old, new)]
    for name in card.grades:
        yield GradeShare(name, counts[0][name], good[0][name], counts[1][name], good[1][name])


def _notes(
    rows: Sequence[Past], fitting: _Fitting, overfit: float, learned: Sequence[bool]
) -> Iterator[str]:
    for column, why in fitting.suspects.items():
        yield f"WARNING: line {column}: {why}; if it knows the end, the numbers mean nothing"
    now = sum(not p.as_decided for p in rows)
    if now:
        yield (
            f"{now} leads are taken as the CRM has them now, which may hold what came after the"
            " outcome; --as-decided leaves them out"
        )
    if overfit > OVERFIT:
        yield (
            f"the AUC on the leads learned from is {overfit:.2f} higher than on the hold-out: some"
            " of what was learned was luck or has changed"
        )
    used = len(fitting.places) - len(fitting.kept)
    rarer = min(sum(learned), len(learned) - sum(learned))
    if rarer < 10 * used:
        yield (
            f"{rarer} leads of the rarer outcome for {used} lines; ten for each is a good measure"
        )


def _part(rows: Sequence[Past]) -> Part:
    return Part(len(rows), sum(p.won for p in rows), rows[0].at, rows[-1].at)


def _deviation(values: Sequence[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values))

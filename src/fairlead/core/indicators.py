"""Answers that may have been made for the clock's sake: counted, compared, never judged.

Each indicator has innocent reasons, so nothing here says what somebody meant: it says how often,
beside how often the others, and which records to look at. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fairlead.core.activity import ActivityKind
from fairlead.core.judging import Interval, share
from fairlead.core.types import Ref

LAST_MINUTE = timedelta(minutes=1)
SHORT_CALL = 15
"""Seconds; a voice mail that is spoken takes longer."""
LEAST = 20
"""Fewer answers of a person, or of the others, are told and not compared."""
LEAST_TIMES = 5
"""What was seen less often stands out for nobody."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to one lead. `slas` are all clocks that it stopped; `left` the least time before
    the due of any. `change` says it was no activity but a changed field, `others` how many
    activities came with it as far as can be seen, None: that is not known."""

    ref: Ref
    who: str
    at: datetime
    slas: tuple[str, ...]
    kind: str
    proof: str
    left: timedelta | None = None
    seconds: int | None = None
    change: bool = False
    others: int | None = None


@dataclass(frozen=True, slots=True)
class Indicator:
    """One thing to count: `asked` are the answers that could show it, `shows` those that do."""

    name: str
    words: str
    reasons: str
    asked: Callable[[Answer], bool]
    shows: Callable[[Answer], bool]


INDICATORS = (
    Indicator(
        "last_minute",
        "answered within the last minute before the time was over",
        "a warning that came then, a short promise, a full morning",
        lambda a: a.left is not None,
        lambda a: a.left is not None and timedelta(0) <= a.left <= LAST_MINUTE,
    ),
    Indicator(
        "short_call",
        f"the answer was a call of less than {SHORT_CALL} seconds",
        "a wrong number, a busy line, a dialler that logs on ringing",
        lambda a: a.kind == ActivityKind.CALL and a.seconds is not None,
        lambda a: a.kind == ActivityKind.CALL and a.seconds is not None and a.seconds < SHORT_CALL,
    ),
    Indicator(
        "change_alone",
        "a status or field was changed, and no activity was to be seen a day later",
        "calls that are not logged, mail that the CRM does not show, leads of no use",
        # An activity is an answer that could have been a change alone.
        lambda a: not a.change or a.others is not None,
        lambda a: a.change and a.others == 0,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Count:
    """How often one person's answers show an indicator.

    `expected` is the share that the others have with clocks of the same SLAs. `compared` is
    `too few`, `as the others`, `more often` (than chance explains, 95 %) or `less often`.
    """

    who: str
    asked: int
    shown: int
    share: Interval | None
    expected: float | None
    compared: str
    evidence: tuple[Answer, ...]


def count(indicator: Indicator, answers: Sequence[Answer]) -> tuple[Count, ...]:
    """Each person who could show it, those with the largest share first."""
    asked = [a for a in answers if indicator.asked(a)]
    total: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])
    mine: dict[str, list[Answer]] = defaultdict(list)
    own: dict[tuple[str, tuple[str, ...]], list[int]] = defaultdict(lambda: [0, 0])
    for a in asked:
        shows = int(indicator.shows(a))
        mine[a.who].append(a)
        for cell in (total[a.slas], own[a.who, a.slas]):
            cell[0] += 1
            cell[1] += shows
    found = []
    for who, theirs in mine.items():
        shown = tuple(a for a in theirs if indicator.shows(a))
        expected = _expected(who, theirs, total, own)
        found.append(
            Count(
                who, len(theirs), len(shown), share(len(shown), len(theirs)), expected,
                _compared(len(shown), len(theirs), expected), shown,
            )
        )  # fmt: skip
    return tuple(sorted(found, key=lambda c: (-(c.shown / c.asked), c.who)))


def _expected(
    who: str,
    theirs: Sequence[Answer],
    total: dict[tuple[str, ...], list[int]],
    own: dict[tuple[str, tuple[str, ...]], list[int]],
) -> float | None:
    """What share the others' habits would give with these clocks; None: too few others."""
    others = expected = 0.0
    for slas in {a.slas for a in theirs}:
        n, shown = (t - o for t, o in zip(total[slas], own[who, slas], strict=True))
        others += n
        if not n:
            return None
        expected += own[who, slas][0] * shown / n
    return expected / len(theirs) if others >= LEAST else None


def _compared(shown: int, asked: int, expected: float | None) -> str:
    if asked < LEAST or expected is None:
        return "too few"
    bounds = share(shown, asked)
    if bounds.low > expected and shown >= LEAST_TIMES:
        return "more often"
    return "less often" if bounds.high < expected else "as the others"

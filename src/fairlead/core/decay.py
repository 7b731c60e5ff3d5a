"""When a lead reaches the levels of decay: a pure function of what they go by.

Time is the clock's on the wall: a buyer forgets at night, too. Because nothing else goes into it, a
changed policy gives the changed instants; what has been reached stays reached.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fairlead.core.activity import Activity
from fairlead.core.decay_terms import Level, Measure
from fairlead.core.scorecard import Scorecard
from fairlead.core.scoring import score
from fairlead.core.types import Actor, Value

AGAIN = timedelta(days=1)
"""A level whose `when` can come to hold by time alone is looked at again so much later."""
_BY_TIME = ("now", "score", "grade")


@dataclass(frozen=True, slots=True)
class Held:
    """How a lead stands to a band: `at` it since when seen so, or fallen under it at `fell_at`."""

    at: datetime | None = None
    fell_at: datetime | None = None


def due_at(level: Level, since: datetime, touched: datetime | None) -> datetime | None:
    """When a level of age or silence comes, unless something is done before; None: never."""
    begins = since if level.measure is Measure.AGE else max(since, touched or since)
    try:
        return begins + level.length
    except OverflowError:
        return None


def fallen(
    card: Scorecard | None, level: Level, was: Held, values: Mapping[str, Value], now: datetime
) -> Held:
    """How a lead stands to the band of a level now; `values` with its `score`, where it is known.

    It has fallen when it is under the band by time alone: with what is known of it now it would
    have been at the band when we saw it there. Points that news took away are no decay.
    """
    band = None if card is None else next((b for b in card.bands if b.name == level.band), None)
    if card is None or band is None:
        return Held()
    known = values.get("score") if values.get("now") == now else None
    total = known if isinstance(known, int) else score(card, values, now).total
    if total >= band.at_least:
        return Held(was.at or now)
    if was.at is None or score(card, values, was.at).total < band.at_least:
        return Held()
    return Held(was.at, was.fell_at or now)


def last_done(activities: Iterable[Activity], now: datetime) -> datetime | None:
    """The last thing that the buyer or a person of ours did; a meeting to come counts when it was
    written down. What we and automation did is no sign of life."""
    found = []
    for one in activities:
        at = one.at if one.at <= now else (one.logged_at or one.at)
        if (one.incoming or one.actor is Actor.PERSON) and at <= now:
            found.append(at)
    return max(found, default=None)


def last_signal(values: Mapping[str, Value], now: datetime) -> datetime | None:
    """The last behaviour of the buyer that the lead's signals tell of."""
    instants = (v for n, v in values.items() if n.startswith("signal.") and isinstance(v, datetime))
    return max((at for at in instants if at <= now), default=None)


def holds(level: Level, values: Mapping[str, Value]) -> bool:
    """Whether a level is for this lead as it is now."""
    return level.when is None or level.when.test(values)


def look_again(level: Level, now: datetime) -> datetime | None:
    """When to look at a due level again whose `when` does not hold; None: with news of the lead."""
    names = frozenset[str]() if level.when is None else level.when.names
    by_time = any(n in _BY_TIME or n.startswith(("score.", "signal")) for n in names)
    return now + AGAIN if by_time else None


def highest(levels: Iterable[Level], reached: Collection[str]) -> str | None:
    """The name of the highest level among those reached; None when none is."""
    return next((n.name for n in reversed(tuple(levels)) if n.name in reached), None)

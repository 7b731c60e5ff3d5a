"""Second chances: whether a lead is recycled or done with, and what would bring it back when.

Pure; `daemon/recycling` keeps what comes of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.next_grade import next_turn
from fairlead.core.recycling_terms import ContactCap, Recycling, Track
from fairlead.core.scoring import score, score_values
from fairlead.core.types import Actor, Value

LOOK_EVERY = timedelta(days=1)
"""How often a condition on points is asked again, which time alone may change."""
SIGNAL = "signal."
CONTACTS = (ActivityKind.CALL, ActivityKind.EMAIL, ActivityKind.MEETING, ActivityKind.MESSAGE)
"""What reaches a person; a task of ours that was done counts, too."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A lead leaves the reps for `reason`: into this track, or for good where there is none."""

    reason: str
    track: Track | None
    told: str = ""


def verdict(
    terms: Recycling, values: Mapping[str, Value], cycle: int, *, disqualified_only: bool = False
) -> Verdict | None:
    """What is to become of a lead; None: it stays. `cycle` is the one that it would begin.

    Disqualification is asked first; a track that takes a lead once too often ends it.
    """
    for out in terms.disqualified:
        if out.when.test(values):
            return Verdict(out.reason, None, f"disqualified: {out.reason}")
    if disqualified_only:
        return None
    for track in terms.tracks.values():
        if track.when.test(values):
            if cycle > terms.max_cycles:
                times = "once" if terms.max_cycles == 1 else f"{terms.max_cycles} times"
                return Verdict(track.name, None, f"recycled {times} already: {track.name}")
            return Verdict(track.name, track)
    return None


def since_then(
    terms: Recycling, values: Mapping[str, Value], since: datetime
) -> Mapping[str, Value]:
    """The lead as `reenter_when` sees it: signals and its own dates only from the recycling on.

    So are the points that hang on them.
    """

    def old(name: str, value: Value) -> bool:
        dated = name.startswith(SIGNAL) or name in terms.dates
        return dated and isinstance(value, datetime) and value <= since

    fresh = {name: None if old(name, value) else value for name, value in values.items()}
    now = fresh.get("now")
    if terms.card is not None and isinstance(now, datetime):
        fresh.update(score_values(score(terms.card, fresh, now)))
    return fresh


@dataclass(frozen=True, slots=True)
class Coming:
    """When a lead comes back by date, and why then; when to look at it next, None: never.

    `now` is why it can come back at once, "" while it cannot.
    """

    due_at: datetime | None
    why: str
    look_at: datetime | None
    now: str = ""


def coming(
    terms: Recycling,
    track: Track,
    values: Mapping[str, Value],
    since: datetime,
    cool_until: datetime,
    now: datetime,
) -> Coming:
    """What brings a lead back, recycled at `since`; nothing does before `cool_until`.

    The date in `until` wins over `after`; one that is not after the recycling is none.
    """
    fresh = since_then(terms, values, since)
    due, why = None, ""
    date = None if track.until is None else values.get(track.until)
    if isinstance(date, datetime) and date > since:
        due, why = date, f"the date in {track.until} has come"
    elif track.after is not None:
        due, why = since + track.after, "its time is over"
    if due is not None:
        due = max(due, cool_until)
    if due is not None and due <= now:
        return Coming(due, why, now, why)
    asked = track.reenter_when
    if asked is None:
        return Coming(due, why, due)
    if asked.test(fresh):
        called = f"it came back by itself: {' '.join(asked.text.split())}"
        ready = cool_until <= now
        return Coming(due, why, now if ready else cool_until, called if ready else "")
    by_points = terms.points_age and any(
        n.partition(".")[0] in ("score", "grade") for n in asked.names
    )
    looks = (due, next_turn(track.turns, fresh, now), now + LOOK_EVERY if by_points else None)
    look = min((at for at in looks if at is not None), default=None)
    return Coming(due, why, None if look is None else max(look, cool_until))


def contacts(done: Iterable[Activity], now: datetime) -> list[datetime]:
    """When a person was contacted, over all channels, the oldest first.

    By people and by tools; what came from the person is none. A meeting that lies ahead is one
    when it was written down.
    """
    found = set()
    for one in done:
        ours = one.kind is ActivityKind.TASK_DONE and one.actor is Actor.US
        if one.incoming or not (one.kind in CONTACTS or ours):
            continue
        found.add((one.at if one.at <= now else min(now, one.logged_at or now), str(one.ref)))
    return sorted(at for at, _ in found)


def capped_until(cap: ContactCap, times: Iterable[datetime], now: datetime) -> datetime | None:
    """When a person may be contacted again; None: now."""
    recent = sorted(at for at in times if at > now - cap.within)
    if len(recent) < cap.at_most:
        return None
    return recent[len(recent) - cap.at_most] + cap.within

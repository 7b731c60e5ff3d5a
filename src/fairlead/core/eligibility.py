"""Who can take a lead of this CRM now, and for everybody else the reason why not, and until when.

Stands below `destination`. Pure: leave comes with the rep, opening hours with the policy, what each
rep has already with the world.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fairlead.core.decision import Load, Passed, Question
from fairlead.core.leave import local
from fairlead.core.types import Rep
from fairlead.core.worktime import (
    Calendar,
    is_open,
    next_open,
    wall_at,
    window_end,
)

_NOTHING = Load()
_STEPS = 100
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What is in a rep's way, in words; `ends` is the instant at which it ends by itself.

    One that is `open_ended` ends, too, at an instant that nobody knows: when a lead is done with.
    """

    reason: str
    ends: datetime | None = None
    open_ended: bool = False


@dataclass(frozen=True, slots=True)
class Late:
    """A rep who cannot take the lead now, why, and from when on they can (None: not known).

    `full` says that they have as many leads as they take, whatever else is in their way.
    """

    rep: Rep
    reason: str
    free_at: datetime | None
    full: bool


def obstacle(rep: Rep, question: Question, at: datetime | None = None) -> Obstacle | None:
    """Why this rep cannot take the lead; None when nothing is in the way.

    With `at`, a later instant: as it will be then if nobody gets or finishes a lead until then.
    """
    at = at or question.now
    calendar = question.policy.calendars.get(rep.calendar or "")
    return (
        unable(rep, question)
        or _away(rep, calendar, at)
        or _closed(rep, calendar, at)
        or _full(rep, question, at)
    )


def unable(rep: Rep, question: Question) -> Obstacle | None:
    """Why this rep cannot own the lead at all, however much somebody wants it; None if they can."""
    if rep.id in question.case.excluded:
        return Obstacle(question.case.why_excluded(rep.id))
    if question.crm not in rep.crm_ids:
        return Obstacle(f"has no {question.crm} user")
    if not rep.usable_in(question.crm):
        return Obstacle(f"inactive in {question.crm}")
    return None


def eligible(
    members: Sequence[str], question: Question
) -> tuple[tuple[Rep, ...], tuple[Passed, ...]]:
    """The members that can take the lead, and the others each with a reason; both by rep id."""
    able: list[Rep] = []
    passed: list[Passed] = []
    for name in sorted(set(members)):
        rep = question.world.reps.get(name)
        if rep is None:
            passed.append(Passed(name, "not in the roster"))
        elif found := obstacle(rep, question):
            passed.append(Passed(name, found.reason))
        else:
            able.append(rep)
    return tuple(able), tuple(passed)


def first_free(rep_ids: Iterable[str], question: Question) -> datetime | None:
    """The first instant after now at which one of these reps can take the lead.

    None when that cannot be told: nobody's obstacle ends by itself, or one may end at any time (the
    CRM refused a rep, a rep has too many open leads).
    """
    found: list[datetime] = []
    for rep_id in dict.fromkeys(rep_ids):
        rep = question.world.reps.get(rep_id)
        if rep is None:
            continue
        load = question.world.loads.get(rep_id, _NOTHING)
        if rep_id in question.case.excluded or _at_most(rep.capacity.open, load.open):
            return None
        late = when_free(rep, question)
        if late is not None and late.free_at is not None:
            found.append(late.free_at)
    return min(found, default=None)


def when_free(rep: Rep, question: Question) -> Late | None:
    """When a rep who cannot take the lead now can; None when nothing that is in the way will end.

    As it will be if nobody gets or finishes a lead until then.
    """
    at, reason = question.now, ""
    for _ in range(_STEPS):
        found = obstacle(rep, question, at)
        full = _full(rep, question, question.now) is not None
        if found is None:
            return Late(rep, reason, at, full)
        reason = reason or found.reason
        if found.ends is None:
            return Late(rep, reason, None, full) if found.open_ended else None
        at = found.ends
    return None


def _away(rep: Rep, calendar: Calendar | None, at: datetime) -> Obstacle | None:
    here = [o for o in rep.off if o.quiet_from <= at < o.quiet_until]
    if not here:
        return None
    last = max(here, key=lambda o: o.quiet_until)
    for o in here:
        if o.start <= at < o.end:
            return Obstacle(f"away until {max(here, key=lambda o: o.end).until}", last.quiet_until)
    if at < last.start:
        return Obstacle(f"about to leave: away from {local(last.start, calendar)}", last.end)
    free = local(last.quiet_until, calendar)
    return Obstacle(f"just back: takes leads again from {free}", last.quiet_until)


def _closed(rep: Rep, calendar: Calendar | None, at: datetime) -> Obstacle | None:
    if calendar is None or is_open(calendar, at):
        return None
    opens = next_open(calendar, at)
    if opens is None:
        return Obstacle(f"closed: no hours in calendar {calendar.name} for the next two years")
    wall = wall_at(opens, calendar.timezone)
    soon = wall.date() - wall_at(at, calendar.timezone).date() < timedelta(days=7)
    day = _WEEKDAYS[wall.weekday()] if soon else wall.strftime("%Y-%m-%d")
    return Obstacle(f"closed until {day} {wall:%H:%M} {calendar.timezone}", opens)


def _full(rep: Rep, question: Question, at: datetime) -> Obstacle | None:
    most, load = rep.capacity, question.world.loads.get(rep.id, _NOTHING)
    if _at_most(most.open, load.open):
        return Obstacle(f"has {load.open} open leads of {most.open}", open_ended=True)
    calendar = question.policy.calendars.get(rep.calendar or "")
    timezone = "UTC" if calendar is None else calendar.timezone
    for window, said, limit, count in (
        ("hour", "this hour", most.per_hour, load.hour),
        ("day", "today", most.per_day, load.day),
        ("week", "this week", most.per_week, load.week),
    ):
        if _at_most(limit, count):
            ends = window_end(question.now, window, timezone)
            if at < ends:
                return Obstacle(f"has had {count} of {limit} {said}", ends)
    return None


def _at_most(limit: int | None, count: int) -> bool:
    return limit is not None and count >= limit

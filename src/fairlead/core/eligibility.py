"""Who can take a lead of this CRM now, and for everybody else the reason why not, and until when.

Stands below `destination`. Pure: leave comes with the rep, opening hours with the policy, what each
rep has already with the world.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from fairlead.core.decision import Load, Passed, Question
from fairlead.core.leave import local
from fairlead.core.policy import Team
from fairlead.core.ramp import FULL, limited
from fairlead.core.rep_clock import calendar_of, share_at, zone_of
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

    One that is `open_ended` ends, too, at an instant that nobody knows: when a lead is done with,
    or the rep is there again. `cover` is who covers meanwhile. `lasting`: nothing but a change in
    the CRM ends it.
    """

    reason: str
    ends: datetime | None = None
    open_ended: bool = False
    cover: str = ""
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class Late:
    """A rep who cannot take the lead now, why, and from when on they can (None: not known).

    `full` says that they have as many leads as they take, whatever else is in their way.
    """

    rep: Rep
    reason: str
    free_at: datetime | None
    full: bool


def obstacle(
    rep: Rep, question: Question, at: datetime | None = None, *, absence: bool = True
) -> Obstacle | None:
    """Why this rep cannot take the lead; None when nothing is in the way.

    With `at`, a later instant: as it will be then if nobody gets or finishes a lead until then.
    Without `absence` it does not count that the CRM says the rep is away now.
    """
    at = at or question.now
    calendar = calendar_of(rep, question.policy.calendars)
    return (
        unable(rep, question)
        or _away(rep, calendar, at)
        or (_absent(rep, question) if absence else None)
        or (None if calendar is None else _closed(calendar, at))
        or _full(rep, question, at)
    )


def unable(rep: Rep, question: Question) -> Obstacle | None:
    """Why this rep cannot own the lead at all, however much somebody wants it; None if they can."""
    if rep.id in question.case.excluded:
        return Obstacle(question.case.why_excluded(rep.id))
    if question.crm not in rep.crm_ids:
        return Obstacle(f"has no {question.crm} user", lasting=True)
    if not rep.usable_in(question.crm):
        return Obstacle(f"inactive in {question.crm}", lasting=True)
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


def in_team(rep: Rep, team: Team, question: Question) -> Rep:
    """The rep with the weight that counts in this team on this day: measured, and on a ramp."""
    weight = rep.weights.get(team.name, rep.weight)
    if rep.ramp is not None:
        weight *= share_at(rep, question.policy.calendars, question.now)
    return rep if weight is rep.weight else replace(rep, weight=weight)


def first_free(rep_ids: Iterable[str], question: Question) -> datetime | None:
    """The first instant after now at which one of these reps can take the lead.

    None when that cannot be told: nobody's obstacle ends by itself, or one may end at any time (the
    CRM refused a rep, a rep has too many open leads). Whom the order leaves never can.
    """
    order = question.case.order
    leaving = frozenset[str]() if order is None else order.leaving
    found: list[datetime] = []
    for rep_id in dict.fromkeys(rep_ids):
        rep = question.world.reps.get(rep_id)
        if rep is None or rep_id in leaving:
            continue
        load = question.world.loads.get(rep_id, _NOTHING)
        limit = _limit(rep, rep.capacity.open, question, question.now)
        if rep_id in question.case.excluded or _at_most(limit, load.open):
            return None
        late = when_free(rep, question)
        if late is not None and late.free_at is not None:
            found.append(late.free_at)
    return min(found, default=None)


def can_wait(rep_ids: Iterable[str], question: Question) -> bool:
    """Whether one of these reps may be free later; not those without a user or an active one."""
    reps = (question.world.reps.get(rep_id) for rep_id in rep_ids)
    found = (obstacle(rep, question) for rep in reps if rep is not None)
    return any(blocked is not None and not blocked.lasting for blocked in found)


def when_free(rep: Rep, question: Question) -> Late | None:
    """When a rep who cannot take the lead now can; None when nothing that is in the way will end.

    As it will be if nobody gets or finishes a lead until then. Who is absent by the CRM's word
    comes back unforeseen.
    """
    absent = _absent(rep, question)
    at, reason = question.now, ""
    for _ in range(_STEPS):
        found = obstacle(rep, question, at, absence=False)
        full = _full(rep, question, question.now) is not None
        if found is None and absent is not None and at == question.now:
            return Late(rep, absent.reason, None, full)
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
    cover = next((o.cover for o in here if o.cover), rep.cover)
    if any(o.start <= at < o.end for o in here):
        end = max(here, key=lambda o: o.end)
        what = f"out of office in {end.crm}" if end.crm else "away"
        return Obstacle(f"{what} until {end.until}", last.quiet_until, cover=cover)
    if at < last.start:
        told = f"about to leave: away from {local(last.start, calendar)}"
        return Obstacle(told, last.end, cover=cover)
    free = local(last.quiet_until, calendar)
    return Obstacle(f"just back: takes leads again from {free}", last.quiet_until, cover=cover)


def _absent(rep: Rep, question: Question) -> Obstacle | None:
    """Away by the CRM's word of now: nobody knows until when."""
    crm = question.world.absent.get(rep.id)
    return None if crm is None else Obstacle(f"away in {crm} now", open_ended=True)


@lru_cache(maxsize=256)
def _closed(calendar: Calendar, at: datetime) -> Obstacle | None:
    """Kept: everybody with this calendar is asked for the same instant, lead after lead."""
    if is_open(calendar, at):
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
    share = share_at(rep, question.policy.calendars, at)
    said = "" if share == FULL else f" ({100 * float(share):.0f}% of the full load)"
    limit = _limit(rep, most.open, question, at)
    if _at_most(limit, load.open):
        return Obstacle(f"has {load.open} open leads of {limit}{said}", open_ended=True)
    timezone = zone_of(rep, question.policy.calendars)
    for window, when, whole, count in (
        ("hour", "this hour", most.per_hour, load.hour),
        ("day", "today", most.per_day, load.day),
        ("week", "this week", most.per_week, load.week),
    ):
        limit = _limit(rep, whole, question, at)
        if _at_most(limit, count):
            ends = window_end(question.now, window, timezone)
            if at < ends:
                if share != FULL:
                    # Tomorrow's share is larger, and may leave room before the week is over.
                    ends = min(ends, window_end(at, "day", timezone))
                return Obstacle(f"has had {count} of {limit} {when}{said}", ends)
    return None


def _limit(rep: Rep, limit: int | None, question: Question, at: datetime) -> int | None:
    """A limit under the rep's ramp."""
    if limit is None or rep.ramp is None:
        return limit
    return limited(limit, share_at(rep, question.policy.calendars, at))


def _at_most(limit: int | None, count: int) -> bool:
    return limit is not None and count >= limit

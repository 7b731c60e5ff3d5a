"""Calendars: a rep or all of a rule's never at work, hours of the week without anybody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from fairlead.core.leave import time_off
from fairlead.core.lint_finding import LintFinding, Severity
from fairlead.core.lint_pools import all_rules, pools, with_backups
from fairlead.core.policy import Policy, RosterEntry, Team
from fairlead.core.worktime import Calendar, openings, wall_at

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 1440
_WEEK = 7 * _DAY


def lint_hours(policy: Policy, now: datetime) -> Iterator[LintFinding]:
    """Findings about calendars from `now` on; no errors: time alone must not refuse a policy."""
    never = {rep.id for rep in policy.roster.values() if _never(rep, policy, now)}
    for rep in policy.roster.values():
        if rep.id in never:
            calendar = "" if rep.calendar is None else f" by calendar {rep.calendar!r}"
            yield LintFinding(
                "never-open",
                Severity.WARNING,
                rep.place,
                f"{rep.id} is not at work for a single hour of the next two years{calendar}, time"
                " off taken away",
                "correct the calendar or 'away'; a rep who takes no leads belongs in no team",
            )
    for rule in all_rules(policy):
        asked = [pools(to, policy) for to in (rule.to, rule.if_away) if to is not None]
        people = {r for found in asked for pool in found or () for r in pool.reps}
        if people and None not in asked and people <= never:
            yield LintFinding(
                "nobody-open",
                Severity.WARNING,
                rule.place,
                f"rule {rule.name!r}: nobody it leads to is at work in the next two years",
                "correct their calendars and 'away', or name somebody who works under 'if_away'",
            )
    for team in policy.teams.values():
        yield from _uncovered(team, policy, now)


_ALWAYS = Calendar("", "UTC", (((0, _DAY),),) * 7)
"""For those without a calendar."""


def _never(rep: RosterEntry, policy: Policy, now: datetime) -> bool:
    """Whether no hour is left of a rep's calendar, by what the policy says of time off."""
    calendar = policy.calendars.get(rep.calendar or "")
    off = [(t.start, t.end) for t in time_off(rep.away, calendar, None)]
    return next(openings(calendar or _ALWAYS, now, off), None) is None


def _uncovered(team: Team, policy: Policy, now: datetime) -> Iterator[LintFinding]:
    names = [m for t in with_backups(team, policy) for m in t.members]
    used = [policy.roster[m].calendar for m in names if m in policy.roster]
    calendars = [policy.calendars.get(name) if name is not None else None for name in used]
    known = [calendar for calendar in dict.fromkeys(calendars) if calendar is not None]
    if not known or None in calendars:
        return
    zone = known[0].timezone
    free = bytearray(_WEEK)
    for calendar in known:
        _fill(free, calendar, zone, now)
    minutes = free.count(0)
    if not minutes:
        return
    hours = f"{minutes / 60:g}"
    yield LintFinding(
        "uncovered-hours",
        Severity.INFO,
        team.place,
        f"nobody in team {team.name!r} works in {hours} of the week's 168 hours:"
        f" {_said(free)} ({zone})",
        "leads that come then wait until somebody works; add a 'backup' or somebody in another"
        " time zone if that is too long",
    )


def _fill(free: bytearray, calendar: Calendar, zone: str, now: datetime) -> None:
    """Mark the minutes of an ordinary week, by the clock of `zone`, in which it is open."""
    ordinary = replace(calendar, regions=())
    today = wall_at(now, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = today + timedelta(days=7 - today.weekday())
    for start, end in openings(ordinary, now):
        first = int((wall_at(start, zone) - monday).total_seconds()) // 60
        last = int((wall_at(end, zone) - monday).total_seconds()) // 60
        if first >= _WEEK:
            break
        first, last = max(first, 0), min(last, _WEEK)
        if first < last:
            free[first:last] = b"\1" * (last - first)


def _said(free: bytearray) -> str:
    """The unmarked times, days with the same ones together: `mon-fri 00:00-09:00; sat-sun`."""
    days = [_gaps(free[day * _DAY : (day + 1) * _DAY]) for day in range(7)]
    parts: list[str] = []
    day = 0
    while day < 7:
        last = day
        while last < 6 and days[last + 1] == days[day]:
            last += 1
        if days[day]:
            name = DAYS[day] if last == day else f"{DAYS[day]}-{DAYS[last]}"
            parts.append(name if days[day] == "00:00-24:00" else f"{name} {days[day]}")
        day = last + 1
    return "; ".join(parts)


def _gaps(day: bytearray) -> str:
    found: list[str] = []
    at = day.find(0)
    while at >= 0:
        end = day.find(1, at)
        end = _DAY if end < 0 else end
        found.append(f"{_clock(at)}-{_clock(end)}")
        at = day.find(0, end) if end < _DAY else -1
    return ", ".join(found)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"

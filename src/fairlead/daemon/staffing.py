"""Whether teams can answer in time, from what came and who works; used by `commands`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from fairlead.core.carets import nearest
from fairlead.core.counted import counted
from fairlead.core.durations import parse_duration
from fairlead.core.policy import Policy, Team
from fairlead.core.rep_clock import calendar_of, zone_of
from fairlead.core.roster import join_roster
from fairlead.core.sla import Hours
from fairlead.core.sla_terms import short
from fairlead.core.staffing import Ask, HourOfWeek, Person, Staffing, staffing
from fairlead.core.types import Rep
from fairlead.core.worktime import Calendar
from fairlead.errors import ConfigError
from fairlead.store import arrivals, directory, loads
from fairlead.store.arrivals import Arrival
from fairlead.store.db import Db

WITHIN, WEEKS, TARGET = timedelta(minutes=5), 4, 0.9
HANDLING = timedelta(minutes=12)
"""Taken where nothing is known; a call, the mail after it and the note."""
KNOWN = 20
"""So many measured times are needed before they are taken."""
LONGEST = timedelta(hours=4)
"""What took longer from the first status to the answer was put aside in between."""
MOST_WEEKS = 26
WORST = 5
_ALWAYS = Calendar("always", "UTC", (((0, 1440),),) * 7)


def staffing_asked(said: Mapping[str, Any]) -> dict[str, Any]:
    """The question as the command line puts it; raises ConfigError for what is no duration."""

    def length(name: str) -> timedelta | None:
        text = said.get(name)
        try:
            return None if text is None else parse_duration(str(text))
        except ValueError as e:
            raise ConfigError(f"--{name} {text!r}: {e}") from None

    return {
        "within": length("within") or WITHIN,
        "weeks": int(said.get("weeks") or WEEKS),
        "team": said.get("team"),
        "handling": length("handling"),
        "target": float(said.get("target") or TARGET),
    }


def staffing_report(
    db: Db,
    policy: Policy | None,
    now: datetime,
    within: timedelta,
    weeks: int = WEEKS,
    team: str | None = None,
    handling: timedelta | None = None,
    target: float = TARGET,
) -> dict[str, Any]:
    """The answer for one team or for all that had leads; raises ConfigError for odd questions."""
    if policy is None:
        raise ConfigError("staffing needs the policy's teams and calendars")
    _sensible(policy, within, weeks, team, handling, target)
    begun = arrivals.watched_since(db)
    if begun is None or now - begun < timedelta(days=1):
        raise ConfigError(
            "leads have been watched for less than a day; ask again when some weeks have passed"
        )
    since = max(begun, now - timedelta(weeks=weeks))
    reps = join_roster(policy, directory.get_owners(db), loads.switches(db))
    came = arrivals.arrivals(db, since)
    by_team: dict[str, list[Arrival]] = {}
    for a in came:
        name = a.team or _team_of(policy, a.rep_id)
        if name in policy.teams:
            by_team.setdefault(name or "", []).append(a)
    chosen = [team] if team is not None else [t for t in policy.teams if t in by_team]
    return {
        "at": now.isoformat(),
        "since": since.isoformat(),
        "within": short(within),
        "target": target,
        "weeks": weeks,
        "teams": [
            _team(
                db, policy, policy.teams[name], by_team, reps, since, now, weeks,
                within, handling, target,
            )
            for name in chosen
        ],
    }  # fmt: skip


def _sensible(
    policy: Policy,
    within: timedelta,
    weeks: int,
    team: str | None,
    handling: timedelta | None,
    target: float,
) -> None:
    if team is not None and team not in policy.teams:
        hint = f"; did you mean {found}?" if (found := nearest(team, policy.teams)) else ""
        raise ConfigError(f"no team of the policy is named {team!r}{hint}")
    if not 1 <= weeks <= MOST_WEEKS:
        raise ConfigError(f"--weeks is from 1 to {MOST_WEEKS}")
    if within < timedelta(seconds=1) or (handling is not None and handling < timedelta(seconds=1)):
        raise ConfigError("--within and --handling are 1s or longer")
    if not 0 < target < 1:
        raise ConfigError("--target is a share above 0% and below 100%")


def _team(
    db: Db,
    policy: Policy,
    team: Team,
    by_team: Mapping[str, Sequence[Arrival]],
    reps: Mapping[str, Rep],
    since: datetime,
    now: datetime,
    weeks: int,
    within: timedelta,
    handling: timedelta | None,
    target: float,
) -> dict[str, Any]:
    there = [reps[m] for m in team.members if m in reps and any(reps[m].active.values())]
    length, source = _handling(db, policy, team.name, reps, since, handling)
    people: list[Person] = [
        (calendar_of(r, policy.calendars) or _ALWAYS, [(o.start, o.end) for o in r.off])
        for r in there
    ]
    zones = Counter(zone_of(r, policy.calendars) for r in there)
    zone = zones.most_common(1)[0][0] if zones else "UTC"
    mine = by_team.get(team.name, ())
    ask = Ask(within, length, target)
    found = staffing([a.at for a in mine], since, now, people, zone, ask, weeks)
    return {
        "team": team.name,
        "people": [r.id for r in there],
        "left_out": [m for m in team.members if m not in {r.id for r in there}],
        "timezone": zone,
        "handling_seconds": length.total_seconds(),
        "handling_from": source,
        "waiting_now": sum(a.waits for a in mine),
        "meets": found.in_time >= target,
        "meets_in_turns": found.in_turns >= target,
        **{k: v for k, v in asdict(found).items() if k != "hours"},
        "hours": [_hour(h) for h in found.hours],
        "worst": [_hour(h) for h in worst(found)],
        "notes": list(_notes(policy, team, there, by_team, found)),
    }


def worst(found: Staffing) -> list[HourOfWeek]:
    """The hours in which most leads are late, the worst first."""

    def late(h: HourOfWeek) -> float:
        return h.per_hour * (1 - (1.0 if h.in_time is None else h.in_time))

    return sorted((h for h in found.hours if late(h) > 0), key=lambda h: (-late(h), h.hour))[:WORST]


def _hour(h: HourOfWeek) -> dict[str, Any]:
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[h.hour // 24]
    return {"when": f"{day} {h.hour % 24:02d}:00", **asdict(h)}


def _handling(
    db: Db,
    policy: Policy,
    team: str,
    reps: Mapping[str, Rep],
    since: datetime,
    given: timedelta | None,
) -> tuple[timedelta, str]:
    """How long a lead keeps somebody busy, and where that is from."""
    if given is not None:
        return given, "as said with --handling"
    calls = [s for t, s in arrivals.lengths(db, since) if t == team]
    if len(calls) >= KNOWN:
        mean = timedelta(seconds=max(1, round(sum(calls) / len(calls))))
        return mean, (
            f"the mean length of {len(calls)} calls and meetings that were answers; what comes"
            " after them is not in it"
        )
    taken = []
    for name, rep_id, accepted, answered in arrivals.taken_until_answered(db, since):
        rep = reps.get(rep_id or "")
        if name == team and rep is not None:
            calendar = calendar_of(rep, policy.calendars) or _ALWAYS
            off = tuple((o.start, o.end) for o in rep.off)
            spent = Hours(((calendar, off),)).between(accepted, answered)
            if timedelta(seconds=1) <= spent <= LONGEST:
                taken.append(spent)
    if len(taken) >= KNOWN:
        mean = sum(taken, timedelta(0)) / len(taken)
        return mean, f"the mean time from the first status to the answer of {len(taken)} leads"
    return HANDLING, (
        f"a guess: only {counted(len(calls), 'answer tells', 'answers tell')} how long it took,"
        f" {KNOWN} are needed; say it with --handling"
    )


def _team_of(policy: Policy, rep_id: str | None) -> str | None:
    return next((t.name for t in policy.teams.values() if rep_id in t.members), None)


def _notes(
    policy: Policy,
    team: Team,
    there: Sequence[Rep],
    by_team: Mapping[str, Sequence[Arrival]],
    found: Staffing,
) -> list[str]:
    """What makes the answer weaker than it looks."""
    notes = []
    if found.arrivals == 0:
        notes.append("no leads came in this time")
    elif found.thin:
        spread = round(100 / found.arrivals**0.5)
        notes.append(
            f"only {counted(found.arrivals, 'lead')} in {found.days:.0f} days: the volume itself is"
            f" known to about {spread} % only, single hours are chance"
        )
    if found.days < 14:
        notes.append(f"{found.days:.0f} days were watched; weeks differ")
    if not there:
        notes.append("nobody of this team can own leads now")
    shared = sorted(
        {
            other.name
            for other in policy.teams.values()
            if other.name != team.name
            and other.name in by_team
            and {r.id for r in there} & set(other.members)
        }
    )
    if shared:
        notes.append(
            f"some of them also answer for {', '.join(shared)}; that work is not counted here"
        )
    if team.backup or team.helpers:
        notes.append("help from other teams (backup, coverage, peak) is not counted")
    without = [r.id for r in there if calendar_of(r, policy.calendars) is None]
    if without:
        notes.append(f"without a calendar they work always: {', '.join(without)}")
    return notes

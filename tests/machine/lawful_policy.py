"""The policies of the laws of time, and when their calendars are open, told without our own code.

The calendar here is a table of quarters of an hour, each asked of the zone's own clock: slow and
plain, so that it can judge `core.worktime` and is not it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays

ANNA, BEN, CARLA = "anna@example.com", "ben@example.com", "carla@example.com"
MONA, DANA = "mona@example.com", "dana@example.com"
GROUPS = {"salesforce": "701000000000001AAA", "hubspot": "42"}

QUARTER = timedelta(minutes=15)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

WEEKS: dict[str, tuple[tuple[tuple[int, int], ...], ...]] = {
    "half friday": (((9, 13), (14, 18)),) * 4 + (((9, 12),), (), ()),
    "nights": (((22, 30),),) * 7,
    "nights of the week": (((20, 29),),) * 5 + ((), ()),
    "early and late": (((6, 10), (15, 24)),) * 6 + ((),),
    "saturday half": (((8, 17),),) * 5 + (((8, 12),), ()),
    "round the clock": (((0, 24),),) * 7,
}
"""Blocks of hours by weekday; past 24 they reach into the next day. None ends where clocks change,
between midnight and six."""
ZONES = {
    "Europe/Berlin": "DE-BE",
    "Europe/London": "GB-ENG",
    "America/New_York": "US",
    "Australia/Sydney": "AU-NSW",
    "Australia/Lord_Howe": "AU-NSW",
    "Pacific/Auckland": "NZ",
    "America/Santiago": "CL",
    "Asia/Kolkata": "IN",
}


@dataclass(frozen=True, slots=True)
class Hours:
    """A calendar of the policy: a zone with its holidays, and a week."""

    zone: str
    week: str
    observes: bool

    def text(self) -> str:
        named: list[str] = []
        for day, blocks in zip(DAYS, WEEKS[self.week], strict=True):
            if blocks:
                told = ", ".join(
                    f'"{a:02}:00-{b % 24 if b != 24 else 24:02}:00"' for a, b in blocks
                )
                named.append(f"{day}: [{told}]")
        regions = f", holidays: {ZONES[self.zone]}" if self.observes else ""
        return f"{{timezone: {self.zone}, hours: {{{', '.join(named)}}}{regions}}}"


@cache
def _holidays(region: str, year: int) -> frozenset[date]:
    country, _, part = region.partition("-")
    years = [year - 1, year, year + 1]
    return frozenset(holidays.country_holidays(country, subdiv=part or None, years=years))


@cache
def is_open(hours: Hours, at: datetime) -> bool:
    """Whether a quarter of an hour that begins at this instant is worked."""
    wall = at.astimezone(ZoneInfo(hours.zone)).replace(tzinfo=None)
    region = ZONES[hours.zone]
    for back in (0, 1):
        day = wall.date() - timedelta(days=back)
        hour = (wall - datetime.combine(day, datetime.min.time())) / timedelta(hours=1)
        blocks = WEEKS[hours.week][day.weekday()]
        if any(a <= hour < b for a, b in blocks):
            return not (hours.observes and day in _holidays(region, day.year))
    return False


@dataclass(frozen=True, slots=True)
class Terms:
    """What differs from policy to policy. Durations are in minutes."""

    anna: Hours
    ben: Hours
    counts: str
    """The SLAs' `hours`: rep, team or always."""
    respond: int
    escalate: int
    """So long after that is Dana told, or the lead given on."""
    follow: int
    silence: int
    age: int

    def text(self) -> str:
        respond, escalate = self.respond, self.escalate
        return f"""\
version: 1
sources:
  sf: {{crm: salesforce}}
  hs: {{crm: hubspot, object: contacts}}
calendars:
  anna: {self.anna.text()}
  ben: {self.ben.text()}
closed_when: status == "Closed"
reps: {{{ANNA}: {{calendar: anna}}, {BEN}: {{calendar: ben}}, {CARLA}: {{}}}}
teams:
  desk: {{members: [{ANNA}, {BEN}], manager: {MONA}}}
  second: {{members: [{CARLA}], manager: {MONA}}}
slas:
  hot:
    respond_within: {respond}m
    hours: {self.counts}
    warn_at: [50%]
    paused_when: status == "Waiting"
    on_breach: [{{notify: manager}}, {{after: {escalate}m, escalate: {DANA}}}]
  passed:
    respond_within: {respond}m
    hours: {self.counts}
    paused_when: status == "Waiting"
    on_breach:
      - {{notify: manager}}
      - {{after: {escalate}m, reassign: next}}
      - {{after: {2 * escalate}m, escalate: {DANA}}}
cadences:
  standard:
    - {{after: {self.follow}m, subject: Follow 1}}
    - {{after: {2 * self.follow}m, subject: Follow 2}}
    - {{after: {9 * self.follow}m, subject: Follow 3}}
decay:
  - {{name: cooling, after: {{silence: {self.silence}m}}, do: [{{notify: manager}}]}}
  - {{name: old, after: {{age: {self.age}m}}, do: [{{escalate: {DANA}}}]}}
recycling:
  max_cycles: 2
  cool_down: 6h
  tracks:
    later:
      when: status == "Later"
      set_back: {{salesforce: {{status: Open}}, hubspot: {{status: Open}}}}
      join: {{salesforce: "{GROUPS["salesforce"]}", hubspot: "{GROUPS["hubspot"]}"}}
      after: 2d
      to: {{team: second}}
rules:
  - {{name: Web, when: source == "Web", to: {{team: desk}}, sla: hot}}
  - {{name: Ads, when: source == "Ads", to: {{team: desk}}, sla: passed}}
  - {{name: Fair, when: source == "Fair", to: {{team: desk}}, cadence: standard}}
otherwise: {{to: {{team: desk}}}}
"""

    def worked(self, owner: str | None, at: datetime) -> bool:
        """Whether the clock of an owner runs in this quarter of an hour."""
        if self.counts == "always" or owner == CARLA:
            return True
        if self.counts == "team":
            return is_open(self.anna, at) or is_open(self.ben, at)
        return self.works(owner, at)

    def works(self, owner: str | None, at: datetime) -> bool:
        """Whether a rep works in this quarter of an hour; who has no calendar always does."""
        return is_open(self.anna if owner == ANNA else self.ben, at) if owner != CARLA else True

    def after(
        self, owner: str | None, since: datetime, minutes: float, until: datetime
    ) -> datetime:
        """When so many minutes of their time have passed; `until` when they have not by then."""
        left, at = timedelta(minutes=minutes), since
        while at < until:
            quarter = at - (at - EPOCH) % QUARTER
            end = quarter + QUARTER
            if self.worked(owner, quarter):
                if end - at >= left:
                    return at + left
                left -= end - at
            at = end
        return until

    def next_work(self, owner: str | None, since: datetime, until: datetime) -> datetime:
        """The first instant from `since` at which a rep works; `until` when there is none."""
        at = since
        while at < until:
            quarter = at - (at - EPOCH) % QUARTER
            if self.works(owner, quarter):
                return at
            at = quarter + QUARTER
        return until


EPOCH = datetime(2020, 1, 1, tzinfo=UTC)

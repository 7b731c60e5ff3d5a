"""Who takes part in the simulation and when: offices, reps with leave, leads by hour of the week.

All of it follows from the seed. Nothing here knows of the product but the form of its roster.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from pathlib import Path
from string import Template
from zoneinfo import ZoneInfo

from fairlead.demo.play import policy_folder

START = datetime(2026, 10, 19, tzinfo=UTC)
"""A Monday. Clocks go back in Europe on the 25th and in North America on the 1st of November;
the 26th is a holiday in Austria and in New Zealand."""
POLICY = "fortnight.yaml"
ROSTER = "fortnight-roster.csv"
DIRECTOR = "director@example.com"
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Office:
    """One team: where it is, whose leads it gets, its share of leads and reps, when people work."""

    name: str
    timezone: str
    country: str
    country_name: str
    share: int
    opens: time
    closes: time
    holidays: frozenset[date] = frozenset()

    @property
    def manager(self) -> str:
        return f"manager.{self.name}@example.com"


_OCT_26 = frozenset({date(2026, 10, 26)})
OFFICES = (
    Office("vienna", "Europe/Vienna", "AT", "Austria", 8, time(8, 30), time(18), _OCT_26),
    Office("london", "Europe/London", "GB", "United Kingdom", 8, time(9), time(17, 30)),
    Office("new_york", "America/New_York", "US", "United States", 10, time(8), time(17)),
    Office("vancouver", "America/Vancouver", "CA", "Canada", 6, time(8), time(17)),
    Office("tokyo", "Asia/Tokyo", "JP", "Japan", 4, time(9), time(18)),
    Office(
        "auckland", "Pacific/Auckland", "NZ", "New Zealand", 4, time(8, 30), time(17), _OCT_26
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rep:
    """One person who answers leads; away on whole days, the last one included."""

    email: str
    name: str
    office: Office
    away: tuple[date, date] | None = None

    def works(self, at: datetime) -> bool:
        """Whether this person is at the desk; lunch is taken there."""
        there = at.astimezone(ZoneInfo(self.office.timezone))
        day = there.date()
        off = day.weekday() >= 5 or day in self.office.holidays or self._away(day)
        return not off and self.office.opens <= there.time() < self.office.closes

    def _away(self, day: date) -> bool:
        return self.away is not None and self.away[0] <= day <= self.away[1]

    def after_work(self, at: datetime, minutes: float) -> datetime | None:
        """When so many minutes at the desk have passed; None when not within forty days."""
        left = timedelta(minutes=minutes)
        zone, ends = ZoneInfo(self.office.timezone), at + 40 * DAY
        day = at.astimezone(zone).date()
        while at < ends:
            opens = datetime.combine(day, self.office.opens, zone).astimezone(UTC)
            closes = datetime.combine(day, self.office.closes, zone).astimezone(UTC)
            off = day.weekday() >= 5 or day in self.office.holidays or self._away(day)
            begins = max(at, opens)
            if not off and begins < closes:
                if begins + left < closes:
                    return begins + left
                left -= closes - begins
            day += DAY
        return None


@dataclass(frozen=True, slots=True)
class Arrival:
    """One record that a form makes. `kind` is routable, or not_ours: nobody has to answer it."""

    at: datetime
    crm: str
    email: str
    office: Office
    employees: int
    kind: str = "routable"


@dataclass(frozen=True, slots=True)
class Chances:
    """How people behave, as shares of one and minutes at the desk; the one place to change it."""

    in_time: float = 0.9
    late: float = 0.06
    """The rest never answers."""
    quick: tuple[float, float] = (2, 40)
    slow: tuple[float, float] = (130, 600)
    by_call: float = 0.45
    by_email: float = 0.3
    """The rest moves the status."""
    waits_for_buyer: float = 0.05
    given_on: float = 0.04
    """A manager gives the lead to a colleague."""
    disqualified: float = 0.18
    """Of those answered, a day or two later."""
    recycled: float = 0.06
    recycled_again: float = 0.2
    """Of those answered, some hours later: no budget, or a date to come; more of those back."""
    begins_a_deal: float = 0.66
    """Of those answered, some hours later: the lead is done with."""
    for_budget: float = 0.6
    """Of those recycled; the others name a date."""
    follows_up: float = 0.75
    """Follow-ups that are done, on the day or late."""
    asks_for_demo: float = 0.1
    asks_again: float = 0.2
    """People who ask for a demo, in the days after they came or after they were recycled."""
    attends: float = 0.1
    """People who attend the webinar."""
    both_crms: float = 0.12
    """Leads whose person turns up in the other CRM, too."""
    not_ours: float = 0.03


class Company:
    """Reps, managers and arrivals of one run."""

    def __init__(self, *, leads: int, reps: int, days: int, seed: int) -> None:
        self.chances = Chances()
        self.days = days
        self.ends = START + days * DAY
        self._rng = random.Random(seed)
        self.reps = self._hire(reps)
        self.by_email = {r.email: r for r in self.reps}
        self.arrivals = self._arrivals(leads)

    def people(self) -> dict[str, tuple[str, str]]:
        """Everybody with a seat in both CRMs: name and time zone by e-mail."""
        found = {r.email: (r.name, r.office.timezone) for r in self.reps}
        for o in OFFICES:
            found[o.manager] = (f"Manager {o.country_name}", o.timezone)
        found[DIRECTOR] = ("Director Sales", "Europe/London")
        return found

    def of_office(self, office: Office) -> list[Rep]:
        return [r for r in self.reps if r.office is office]

    def write_policy(self, folder: Path, groups: Mapping[str, str]) -> Path:
        """The policy with its roster and its campaigns and lists; returns the policy's file."""
        source = policy_folder() / f"{POLICY}.in"
        teams = {o.name: self.of_office(o) for o in OFFICES}
        teams["specialists"] = [reps[0] for reps in teams.values()]
        members = {name: f"[{', '.join(r.email for r in reps)}]" for name, reps in teams.items()}
        text = Template(source.read_text(encoding="utf-8")).substitute(members, **groups)
        (folder / POLICY).write_text(text, encoding="utf-8")
        lines = ["email,name,calendar,away"]
        lines += [
            f"{r.email},{r.name},{r.office.name},{'..'.join(map(str, r.away)) if r.away else ''}"
            for r in self.reps
        ]
        (folder / ROSTER).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return folder / POLICY

    def fall_ill(self, at: datetime, days: int) -> None:
        """The second rep of each office that has two is away from today, for so many days."""
        for office in OFFICES:
            for rep in self.of_office(office)[1:2]:
                first = at.astimezone(ZoneInfo(office.timezone)).date()
                ill = replace(rep, away=(first, first + (days - 1) * DAY))
                self.reps[self.reps.index(rep)] = self.by_email[rep.email] = ill

    # -- drawn ------------------------------------------------------------------------------

    def _hire(self, count: int) -> list[Rep]:
        whole = sum(o.share for o in OFFICES)
        found = []
        for o in OFFICES:
            for n in range(1, max(1, round(count * o.share / whole)) + 1):
                first = START.date() + self._rng.randrange(self.days + 1) * DAY
                last = first + self._rng.randrange(4) * DAY
                away = (first, last) if self._rng.random() < 0.2 and n > 1 else None
                email = f"rep{n}.{o.name}@example.com"
                found.append(Rep(email, f"Rep{n} {o.country_name}", o, away))
        return found

    def _arrivals(self, count: int) -> list[Arrival]:
        hours = [START + timedelta(hours=h) for h in range(self.days * 24)]
        by_office = {o.name: list(accumulate(busyness(o, h) for h in hours)) for o in OFFICES}
        shares = [o.share for o in OFFICES]
        found: list[Arrival] = []
        while len(found) < count:
            n = len(found)
            [office] = self._rng.choices(OFFICES, shares)
            busy = by_office[office.name]
            hour = hours[bisect(busy, self._rng.random() * busy[-1])]
            at = hour + timedelta(seconds=self._rng.randrange(3600))
            crm = "salesforce" if self._rng.random() < 0.5 else "hubspot"
            [size] = self._rng.choices((5, 40, 180, 700, 1500), (3, 3, 2, 1, 1))
            kind = "not_ours" if self._rng.random() < self.chances.not_ours else "routable"
            one = Arrival(at, crm, f"person{n}@company{n}.example", office, size, kind)
            found.append(one)
            if kind == "routable" and self._rng.random() < self.chances.both_crms:
                other = "hubspot" if crm == "salesforce" else "salesforce"
                again = at + timedelta(minutes=self._rng.randrange(5, 3 * 1440))
                if again < self.ends and len(found) < count:
                    found.append(Arrival(again, other, one.email, office, size))
        return sorted(found, key=lambda a: (a.at, a.email, a.crm))


def busyness(office: Office, hour: datetime) -> float:
    """How many leads an hour brings an office, against its others: people write when awake."""
    there = hour.astimezone(ZoneInfo(office.timezone))
    by_day = 1.0 if there.weekday() < 5 else 0.25
    by_hour = 1.0 if 9 <= there.hour < 18 else 0.45 if 7 <= there.hour < 23 else 0.08
    return by_day * by_hour

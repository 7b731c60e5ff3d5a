"""What people do with their leads: answer in time, late or never, give on, wait, disqualify,
recycle, follow up; and what buyers do: ask for a demo, attend the webinar.

Told by the CRM that a lead became theirs, they plan what they will do and when, at their desks; the
lead is looked at again when the time comes. What was really done is kept for the audit.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fairlead.simulation.company import Company, Rep
from fairlead.simulation.crms import (
    CONTACTED,
    DEAL,
    DISQUALIFIED,
    RECYCLED,
    STATUS_FIELD,
    Asked,
    Crms,
    Key,
    Moved,
)

WAITING = {"salesforce": "Working - Contacted", "hubspot": "ATTEMPTED_TO_CONTACT"}
STAY = timedelta(days=8)
"""How long people go on after the last lead."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A person did what counts as an answer."""

    key: Key
    who: str
    at: datetime
    how: str


class People:
    """Everybody's diary, in order of time."""

    def __init__(self, crms: Crms, company: Company, seed: int) -> None:
        self.crms = crms
        self.company = company
        self.answers: list[Answered] = []
        self.given: set[Key] = set()
        """Leads that a person gave to a colleague."""
        self.recycled: dict[Key, list[datetime]] = {}
        self.disqualified: dict[Key, datetime] = {}
        self.touched: dict[Key, list[datetime]] = {}
        """When a person did something with a lead that the CRM shows."""
        self.demos: dict[Key, datetime] = {}
        """When the buyer last asked for a demo."""
        self.did: Counter[str] = Counter()
        self._rng = random.Random(seed + 1)
        self._diary: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._number = itertools.count()

    def next(self) -> datetime | None:
        """When somebody does something next."""
        return self._diary[0][0] if self._diary else None

    def act(self, until: datetime) -> None:
        """The first thing in the diary, if it is due."""
        if self._diary and self._diary[0][0] <= until:
            at, _, do = heapq.heappop(self._diary)
            do(at)

    def told(self, moved: Moved) -> None:
        """A lead became somebody's: they plan what they will do with it."""
        email = self.crms.emails[moved.key[0]][moved.owner_id]
        rep, chances = self.company.by_email.get(email), self.company.chances
        arrival = self.crms.leads.get(moved.key)
        if rep is None or arrival is None or arrival.kind != "routable":
            return
        draw, key = self._rng.random(), moved.key
        if key not in self.given and self._rng.random() < chances.given_on:
            self._later(rep, moved.at, self._rng.uniform(5, 40), lambda at: self._gives(key, rep))
        elif draw < chances.in_time:
            self._later(rep, moved.at, self._rng.uniform(*chances.quick), self._answering(key, rep))
        elif draw < chances.in_time + chances.late:
            self._later(rep, moved.at, self._rng.uniform(*chances.slow), self._answering(key, rep))

    def asked(self, asked: Asked) -> None:
        """A follow-up is on somebody's list: they do it the same day, later, or never."""
        rep = self.company.by_email.get(self.crms.emails[asked.crm].get(asked.owner_id, ""))
        if rep is not None and self._rng.random() < self.company.chances.follows_up:
            minutes = self._rng.uniform(5, 700)
            self._later(rep, asked.at, minutes, lambda at: self._follows_up(asked, rep))

    def arrived(self, key: Key, at: datetime) -> None:
        """A buyer is there: they may ask for a demo, or attend the webinar."""
        arrival, chances = self.crms.leads[key], self.company.chances
        if arrival.kind != "routable":
            return
        if self._rng.random() < chances.asks_for_demo:
            self._plan(at + self._days(0.1, 5), lambda then: self._asks(key, then))
        if self._rng.random() < chances.attends:
            self._plan(at + self._days(0.1, 6), lambda _: self._attends(key))

    # -- what buyers do ---------------------------------------------------------------------

    def _asks(self, key: Key, at: datetime) -> None:
        asked = at.replace(microsecond=0)
        self.crms.asks_for_demo(key, asked)
        self.demos[key] = asked
        self.did["asked for a demo"] += 1

    def _attends(self, key: Key) -> None:
        self.crms.attends(key)
        self.did["attended the webinar"] += 1

    def _days(self, least: float, most: float) -> timedelta:
        return timedelta(days=self._rng.uniform(least, most))

    # -- doings -----------------------------------------------------------------------------

    def _answering(self, key: Key, rep: Rep) -> Callable[[datetime], None]:
        def do(at: datetime) -> None:
            now = self.company.by_email[rep.email]
            if not now.works(at):
                self._later(now, at, 5, do)  # taken ill since it was planned
            elif self.crms.owner(key) == rep.email and not self._is_out(key):
                self._answers(key, now, at)

        return do

    def _answers(self, key: Key, rep: Rep, at: datetime) -> None:
        chances, draw = self.company.chances, self._rng.random()
        # A status that is what it was tells nobody anything.
        moves = self._status(key) != CONTACTED[key[0]]
        if key[0] == "hubspot" and moves and self._rng.random() < chances.waits_for_buyer:
            self._waits(key, rep, at)
            return
        if draw < chances.by_call + chances.by_email or not moves:
            how = "call" if draw < chances.by_call else "email"
            self.crms.logs(key, rep.email, how)
        else:
            how = "status"
            self.crms.sets_status(key, rep.email, CONTACTED)
        self.did[how] += 1
        self.answers.append(Answered(key, rep.email, at, how))
        self._touches(key, at)
        again = key in self.recycled
        recycles = chances.recycled_again if again else chances.recycled
        draw = self._rng.random()
        if draw < chances.disqualified:
            minutes = self._rng.uniform(300, 1000)
            self._later(rep, at, minutes, lambda then: self._disqualifies(key, rep, then))
        elif draw < chances.disqualified + recycles:
            minutes = self._rng.uniform(60, 900)
            self._later(rep, at, minutes, lambda then: self._recycles(key, rep, then))
        elif draw < chances.disqualified + recycles + chances.begins_a_deal:
            minutes = self._rng.uniform(60, 900)
            self._later(rep, at, minutes, lambda then: self._begins_deal(key, rep, then))

    def _waits(self, key: Key, rep: Rep, at: datetime) -> None:
        """They wait for the buyer, which stops the clock, and answer some hours later."""
        self.crms.sets_status(key, rep.email, WAITING)
        self.did["waits"] += 1
        self._touches(key, at)
        then = self._rng.uniform(60, 400)
        self._later(rep, at, then, lambda then: self._comes_back(key, rep, then))

    def _comes_back(self, key: Key, rep: Rep, at: datetime) -> None:
        if self.crms.owner(key) == rep.email and not self._is_out(key):
            self.crms.sets_status(key, rep.email, CONTACTED)
            self.did["status"] += 1
            self.answers.append(Answered(key, rep.email, at, "status"))
            self._touches(key, at)

    def _disqualifies(self, key: Key, rep: Rep, at: datetime) -> None:
        if self.crms.owner(key) == rep.email and key not in self.disqualified:
            self.crms.sets_status(key, rep.email, DISQUALIFIED)
            self.disqualified[key] = at
            self.did["disqualified"] += 1
            self._touches(key, at)

    def _begins_deal(self, key: Key, rep: Rep, at: datetime) -> None:
        if self.crms.owner(key) == rep.email and not self._is_out(key):
            self.crms.begins_deal(key, rep.email)
            self.did["began a deal"] += 1
            self._touches(key, at)

    def _recycles(self, key: Key, rep: Rep, at: datetime) -> None:
        """No budget now, or a date to come; afterwards the buyer may think again."""
        if self.crms.owner(key) != rep.email or self._is_out(key):
            return
        budget = self._rng.random() < self.company.chances.for_budget
        until = None if budget else (at + self._days(0.3, 4)).replace(microsecond=0)
        self.crms.recycles(key, rep.email, "Budget" if budget else "Timing", until)
        self.recycled.setdefault(key, []).append(at)
        self.did["recycled"] += 1
        self._touches(key, at)
        if self._rng.random() < self.company.chances.asks_again:
            self._plan(at + self._days(0.2, 3), lambda then: self._asks(key, then))

    def _follows_up(self, asked: Asked, rep: Rep) -> None:
        if self.crms.does(asked, rep.email):
            self.did["followed up"] += 1

    def _is_out(self, key: Key) -> bool:
        """Whether a lead is a deal, or somebody has disqualified or recycled it and it is not
        back."""
        field, said = DEAL[key[0]]
        out = self._status(key) in (DISQUALIFIED[key[0]], RECYCLED[key[0]])
        return out or self.crms.row(key).fields.get(field) == said

    def _status(self, key: Key) -> object:
        return self.crms.row(key).fields.get(STATUS_FIELD[key[0]])

    def _touches(self, key: Key, at: datetime) -> None:
        self.touched.setdefault(key, []).append(at)

    def _gives(self, key: Key, rep: Rep) -> None:
        others = [r for r in self.company.of_office(rep.office) if r is not rep]
        if others and self.crms.owner(key) == rep.email:
            self.given.add(key)
            self._touches(key, self.crms.faces[key[0]].org.now())
            self.crms.gives(key, rep.office.manager, self._rng.choice(others).email)
            self.did["given on"] += 1

    def _later(
        self, rep: Rep, since: datetime, minutes: float, do: Callable[[datetime], None]
    ) -> None:
        at = rep.after_work(since, minutes)
        if at is not None:
            self._plan(at, do)

    def _plan(self, at: datetime, do: Callable[[datetime], None]) -> None:
        if at < self.company.ends + STAY:
            heapq.heappush(self._diary, (at, next(self._number), do))

"""What people do with their leads: answer in time, late or never, give on, wait, disqualify.

Told by the CRM that a lead became theirs, they plan what they will do and when, at their desks; the
lead is looked at again when the time comes. The plans are kept, so that the audit knows what was
really done.
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
from fairlead.simulation.crms import CONTACTED, DISQUALIFIED, Crms, Key, Moved

WAITING = {"salesforce": "Working - Contacted", "hubspot": "BAD_TIMING"}


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

    # -- doings -----------------------------------------------------------------------------

    def _answering(self, key: Key, rep: Rep) -> Callable[[datetime], None]:
        def do(at: datetime) -> None:
            now = self.company.by_email[rep.email]
            if not now.works(at):
                self._later(now, at, 5, do)  # taken ill since it was planned
            elif self.crms.owner(key) == rep.email:
                self._answers(key, now, at)

        return do

    def _answers(self, key: Key, rep: Rep, at: datetime) -> None:
        chances, draw = self.company.chances, self._rng.random()
        if key[0] == "hubspot" and self._rng.random() < chances.waits_for_buyer:
            self._waits(key, rep, at)
            return
        if draw < chances.by_call + chances.by_email:
            how = "call" if draw < chances.by_call else "email"
            self.crms.logs(key, rep.email, how)
        else:
            how = "status"
            self.crms.sets_status(key, rep.email, CONTACTED)
        self.did[how] += 1
        self.answers.append(Answered(key, rep.email, at, how))
        if self._rng.random() < chances.disqualified:
            minutes = self._rng.uniform(300, 1000)
            self._later(rep, at, minutes, lambda _: self._disqualifies(key, rep))

    def _waits(self, key: Key, rep: Rep, at: datetime) -> None:
        """They wait for the buyer, which stops the clock, and answer some hours later."""
        self.crms.sets_status(key, rep.email, WAITING)
        self.did["waits"] += 1
        self._later(rep, at, self._rng.uniform(60, 400), lambda then: self._comes_back(key, rep))

    def _comes_back(self, key: Key, rep: Rep) -> None:
        if self.crms.owner(key) == rep.email:
            at = self.crms.faces[key[0]].org.now()
            self.crms.sets_status(key, rep.email, CONTACTED)
            self.did["status"] += 1
            self.answers.append(Answered(key, rep.email, at, "status"))

    def _disqualifies(self, key: Key, rep: Rep) -> None:
        if self.crms.owner(key) == rep.email:
            self.crms.sets_status(key, rep.email, DISQUALIFIED)
            self.did["disqualified"] += 1

    def _gives(self, key: Key, rep: Rep) -> None:
        others = [r for r in self.company.of_office(rep.office) if r is not rep]
        if others and self.crms.owner(key) == rep.email:
            self.given.add(key)
            self.crms.gives(key, rep.office.manager, self._rng.choice(others).email)
            self.did["given on"] += 1

    def _later(
        self, rep: Rep, since: datetime, minutes: float, do: Callable[[datetime], None]
    ) -> None:
        at = rep.after_work(since, minutes)
        if at is not None and at < self.company.ends + timedelta(days=1):
            heapq.heappush(self._diary, (at, next(self._number), do))

"""What is planned in the store is planned anew when the policy or the roster is another one.

Some rows at a time, so that however many there are nobody waits for it: the first with the page
that finds the change, the others each in a transaction of its own, by the thread that watches the
policy and by the sweep. How far it is is kept in the same transaction, so that it goes on there
after a crash. Meanwhile each lead that is seen or due is planned first, by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from fairlead.core.decision import World
from fairlead.core.types import Ref
from fairlead.daemon.clocking import Clocking
from fairlead.daemon.decaying import Decaying
from fairlead.daemon.recycling import Recycling
from fairlead.store import clocks, decays, journal
from fairlead.store.db import Db

BATCH = 500
"""Rows in one transaction: some tenths of a second."""

Batch = Callable[[World, Sequence[str], int, datetime], Sequence[str] | None]
"""Plans so many rows after a key; the key of the last one, None when there are no more."""


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of rows. `by_roster`: their plans go by the roster too, not by the policy alone."""

    name: str
    by_roster: bool
    batch: Batch

    @property
    def under_way(self) -> str:
        """The switch that tells how far it is."""
        return f"{self.name}_under_way"


class Replanning:
    """Plans anew under one policy; `one` plans what is stored of a single lead."""

    def __init__(
        self,
        db: Db,
        policy_hash: str,
        works: Sequence[Work],
        one: Callable[[Ref, World, datetime], None],
    ) -> None:
        self.db = db
        self.one = one
        self._policy_hash = policy_hash
        self._works = tuple(works)
        self._names = tuple(n for w in works for n in (w.name, w.under_way))

    def start(self, world: World, roster: str, now: datetime) -> bool:
        """Begin where a change is news; whether there is more. Inside the caller's transaction."""
        kept = journal.get_switches(self.db, self._names)
        news = [w for w in self._works if kept.get(w.name) != self._mark(w, roster)]
        for work in news:
            mark = self._mark(work, roster)
            if _reached(kept.get(work.under_way), mark) is None:
                self._batch(work, mark, (), world, now)
        return self.under_way() if news else any(w.under_way in kept for w in self._works)

    def under_way(self) -> bool:
        """Whether something waits to be planned anew: one question to the store."""
        kept = journal.get_switches(self.db, self._names)
        return any(w.under_way in kept for w in self._works)

    def go_on(self, world: World, roster: str, now: datetime) -> bool:
        """Plan the next rows; whether there is more. Inside the caller's transaction."""
        for work in self._works:
            mark = self._mark(work, roster)
            reached = _reached(journal.get_switch(self.db, work.under_way), mark)
            if reached is not None:
                self._batch(work, mark, reached, world, now)
                break
        return self.under_way()

    def _mark(self, work: Work, roster: str) -> str:
        return f"{self._policy_hash} {roster}" if work.by_roster else self._policy_hash

    def _batch(
        self, work: Work, mark: str, after: Sequence[str], world: World, now: datetime
    ) -> None:
        last = work.batch(world, after, BATCH, now)
        if last is None:
            journal.set_switch(self.db, work.name, mark)
            journal.set_switch(self.db, work.under_way, None)
            return
        # What was planned under another mark is not to be taken as planned, should that come back.
        journal.set_switch(self.db, work.name, None)
        journal.set_switch(self.db, work.under_way, json.dumps({"mark": mark, "after": list(last)}))


def _reached(kept: str | None, mark: str) -> Sequence[str] | None:
    """The key up to which rows are planned under a mark; None when it is not under way."""
    found = None if kept is None else json.loads(kept)
    return found["after"] if found is not None and found["mark"] == mark else None


def planning_of(
    db: Db, policy_hash: str, clocking: Clocking, decaying: Decaying, recycling: Recycling
) -> Replanning:
    """Everything that one policy plans in the store."""

    def one(ref: Ref, world: World, now: datetime) -> None:
        for clock in clocks.open_of(db, ref):
            clocking.plan_anew(clock, world, now)
        decay = decays.latest(db, ref)
        if decay is not None and not decay.asleep:
            decaying.plan(decay, None, now)

    works = (
        Work("clocks_planned_with", True, clocking.replan),
        Work("cadences_planned_with", True, clocking.follow_ups.replan),
        Work("decay_planned_with", False, decaying.replan),
        Work("recycling_planned_with", False, recycling.replan),
    )
    return Replanning(db, policy_hash, works, one)

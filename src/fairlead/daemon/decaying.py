"""Decay as leads move: its levels planned with the assignment, and anew with each sighting.

Called by `routing` inside its transaction. Level-triggered: what is planned follows from the lead
and what was done with it, so that doing it twice is once. `sweep` brings leads to the levels that
come due.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from fairlead.core.decay import Held, due_at, fallen, highest, holds, last_signal, look_again
from fairlead.core.decay_terms import Level, Measure
from fairlead.core.decision import World
from fairlead.core.policy import Policy
from fairlead.core.types import Lead, LeadState, Ref, Value
from fairlead.daemon.sightings import is_persons
from fairlead.store import decays
from fairlead.store.db import Db
from fairlead.store.decays import DecayRow, LevelRow
from fairlead.store.leads import LeadRow


def levels_of(db: Db, policy: Policy, lead: Lead) -> Sequence[LevelRow]:
    """The levels that a lead has in this cycle, reached or to come."""
    return decays.levels_of(db, lead.ref, cycle_of(lead)) if policy.decay else ()


def with_decay(policy: Policy, lead: Lead, levels: Sequence[LevelRow]) -> Lead:
    """The lead with `decay`: the name of the highest level it has reached, null before."""
    if not policy.decay:
        return lead
    reached = {one.level for one in levels if one.reached_at is not None}
    return replace(lead, values={**lead.values, "decay": highest(policy.decay, reached)})


def cycle_of(lead: Lead) -> int:
    """How often the lead was recycled: each time it begins its levels anew."""
    cycles = lead.values.get("cycles")
    return int(cycles) if isinstance(cycles, int | float) else 0


class Decaying:
    """Keeps the levels of leads under one policy."""

    def __init__(self, db: Db, policy: Policy) -> None:
        self.db = db
        self.policy = policy

    def seen(
        self,
        lead: Lead,
        row: LeadRow,
        world: World,
        values: Mapping[str, Value],
        now: datetime,
        *,
        handed_on: bool = False,
        levels: Sequence[LevelRow] | None = None,
    ) -> None:
        """Bring the levels of a lead to what it shows; `row` is the lead as it will be stored.

        `handed_on`: a person gave it to somebody else just now. `levels` are those of `levels_of`,
        where nothing has moved them since they were read.
        """
        if not self.policy.decay:
            return
        cycle = cycle_of(lead)
        kept = before = decays.get(self.db, row.ref, cycle)
        here = (
            row.state is LeadState.ASSIGNED
            and row.decision_id is not None
            and not row.closed
            and is_persons(world, row.ref.crm, row.owner_id)
        )
        if kept is None:
            older = decays.latest(self.db, row.ref)
            # It was not away: another record of its person went round, or was merged into it.
            here_all_along = older is not None and not older.asleep
            if here_all_along:
                decays.drop_unreached(self.db, row.ref)
                levels = None
            if not here or self._goes_with_another(row):
                return
            recycled = lead.values.get("recycled_at")
            after = now if cycle else None
            if isinstance(recycled, datetime):
                after = recycled
            since = None if here_all_along else decays.taken_at(self.db, row.ref, after)
            kept = DecayRow(row.ref, cycle, since or now)
        did = (
            kept.touched,
            last_signal(lead.values, now),
            min(now, max(lead.modified_at, kept.since)) if handed_on else None,
        )
        touched = max((at for at in did if at is not None), default=None)
        kept = replace(kept, touched=touched, asleep=not here)
        if kept != before:
            decays.put(self.db, kept)
        self.plan(kept, values, now, levels)

    def touched(self, row: DecayRow, at: datetime) -> DecayRow:
        """Something was done with the lead at `at`: its silence begins anew."""
        if row.touched is not None and at <= row.touched:
            return row
        row = replace(row, touched=at)
        decays.put(self.db, row)
        return row

    def plan(
        self,
        row: DecayRow,
        values: Mapping[str, Value] | None,
        now: datetime,
        levels: Sequence[LevelRow] | None = None,
    ) -> None:
        """Give the levels to come their instants; without `values` those of bands stay.

        `levels` are what is stored of them, where it has been read.
        """
        if levels is None:
            levels = decays.levels_of(self.db, row.ref, row.cycle)
        known = {one.level: one for one in levels}
        planned: list[decays.Planned] = []
        for level in self.policy.decay:
            was = known.get(level.name)
            if was is not None and was.reached_at is not None:
                continue
            held = Held() if was is None else Held(was.held_at, was.due_at)
            if level.measure is not Measure.BELOW:
                held = Held(None, due_at(level, row.since, row.touched))
            elif values is not None:
                held = fallen(self.policy.scoring, level, held, values, now)
            look = None if row.asleep else _look(level, was, held.fell_at, values, now)
            planned.append((level.name, level.number, held.fell_at, held.at, look))
        there = {
            (n.level, n.number, n.due_at, n.held_at, n.look_at)
            for n in known.values()
            if n.reached_at is None
        }
        if there != set(planned):
            decays.set_levels(self.db, row, planned)

    def replan(
        self, world: World, after: Sequence[str], limit: int, now: datetime
    ) -> Sequence[str] | None:
        """Plan the levels of so many leads anew, as `replanning` asks: the policy is another."""
        rows = decays.awake_after(self.db, after or ("", "", ""), limit)
        for row in rows:
            self.plan(row, None, now)
        last = rows[-1].ref if len(rows) == limit else None
        return None if last is None else (last.crm, last.object, last.id)

    def _goes_with_another(self, row: LeadRow) -> bool:
        """Whether another record of the same person is looked at already."""
        return any(ref != row.ref for ref in decays.of_person(self.db, row.person_id))


def _look(
    level: Level,
    was: LevelRow | None,
    due: datetime | None,
    values: Mapping[str, Value] | None,
    now: datetime,
) -> datetime | None:
    """When to look at a level that is due then.

    One that is not for this lead, as its `values` are, waits for news of it; or for time, where
    that can change it.
    """
    if due is None or values is None or holds(level, values):
        return due
    again = look_again(level, now)
    if again is None or due > now:
        return None if again is None else due
    put_off = None if was is None else was.look_at
    return again if put_off is None or put_off <= now else put_off


def end_decay(db: Db, ref: Ref) -> None:
    """The lead has left: what it has not reached will not come."""
    decays.drop_unreached(db, ref)

"""The wide world in which time acts: clocks, decay, second chances, follow-ups and signals.

Its CRMs' clock is right; the daemon's may jump.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from machine.play import CALLS, POINTS, World
from machine.timed_policies import EVENTS, LATER, MONA, timed_policy
from machine.wide import WideWorld
from machine.wide_policies import REPS

from fairlead.core.activity import ActivityKind
from fairlead.core.types import Actor, Ref
from fairlead.store import signals
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

FAMILY = 8
PLACES = ("DE", "FR", "GB", "US", "IT", "XX")
STATUSES = ("Later", "Later", "Contacted", "Waiting", "Open", "Junk", "Spam", None)
RATINGS = ("Cold", "Hot", None)
HOURS = (-30, -2, 0, 1, 7, 50)
KINDS = (ActivityKind.CALL, ActivityKind.EMAIL, ActivityKind.MEETING, ActivityKind.NOTE)
DOERS = (Actor.PERSON, Actor.PERSON, Actor.AUTOMATION, Actor.UNKNOWN)
JUMPS = (-7200, -90, 90, 7200, 3650 * 86_400)
MORE = ("activities", "write.fields", "write.members", "write.scores", "joined", "members_of")


class RightClock(ManualClock):
    """The CRMs' clock; time that passes for it passes for the daemon's, too."""

    def __init__(self, ours: ManualClock) -> None:
        super().__init__()
        self._ours = ours

    def advance(self, by: timedelta | float) -> datetime:
        self._ours.advance(by)
        return super().advance(by)


class TimedWorld(WideWorld):
    """Moves of reps, buyers and time over policies of `timed_policies`.

    `number` is the first policy's; with `alone` it stays in force, and runs as the shadow, too.
    """

    reps = REPS
    calls = (*CALLS, *MORE)
    points = (*POINTS, *(f"{call}:{when}" for call in MORE for when in ("before", "after")))

    def __init__(self, number: int, *, alone: bool) -> None:
        self.alone = alone
        self.first_policy = timed_policy(number)
        self.policies = tuple(timed_policy(n) for n in (range(FAMILY) if not alone else (number,)))
        self._folder = tempfile.TemporaryDirectory()
        if alone:
            self.shadow = Path(self._folder.name) / "policy.yaml"
            self.shadow.write_text(self.first_policy)
        self.meddled: set[Ref] = set()
        super().__init__()

    def clocks(self) -> tuple[ManualClock, ManualClock]:
        ours = ManualClock()
        return RightClock(ours), ours

    def furnish(self) -> None:
        self.nurture = {c.name: c.add_queue("Nurture") for c in self.crms}
        for crm in self.crms:
            crm.add_user(MONA)
            for groups in (LATER, EVENTS):
                crm.groups.create(f"group {groups[crm.name]}", id=groups[crm.name])
        super().furnish()

    # -- leads --------------------------------------------------------------------------------

    def new_lead(self, crm: int, email: int, *, big: bool = False, late: int = 0) -> None:
        fake = self._crm(crm)
        n = len(self.leads)
        who = f"lead{email % 6}@acme{email % 6}.test" if late % 4 == 3 else f"x{n}@b{n}.test"
        fields = {"email": who, "employees": 5000 if big else 10, "status": "New"}
        fields["country"] = PLACES[email % len(PLACES)]
        ref = fake.create_lead(fields, commits_after=float(late % 600))
        self.leads.append((fake, ref))

    def edit_field(self, lead: int, which: int) -> None:
        kind, n = which % 5, which // 5
        at = (self.clock.now() + timedelta(hours=HOURS[n % len(HOURS)])).isoformat()

        def change(crm: FakeCrm, ref: Ref) -> None:
            sf = crm.name == "salesforce"
            fields: dict[str, Any] = (
                {"country": PLACES[n % len(PLACES)]}, {"employees": 10 + n % 3 * 2000},
                {"rating": RATINGS[n % len(RATINGS)]},
                {"Call_At__c" if sf else "call_at": at},
                {"Seen_At__c" if sf else "seen_at": at},
            )[kind]  # fmt: skip
            crm.update(ref, **fields)

        self._on(lead, change)

    def status(self, lead: int, which: int, *, tool: bool) -> None:
        """Somebody, or a flow, moves the status."""
        actor = Actor.AUTOMATION if tool else Actor.PERSON
        value = STATUSES[which % len(STATUSES)]
        self._on(lead, lambda crm, ref: crm.update(ref, actor=actor, status=value))

    def activity(self, lead: int, which: int, minutes: int) -> None:
        """Something is done with a lead, by somebody or by the buyer; some of it logged later."""
        kind, actor = KINDS[which % 4], DOERS[which // 4 % 4]
        at = self.clock.now() - timedelta(minutes=minutes % 90 if minutes % 3 == 0 else 0)

        def log(crm: FakeCrm, ref: Ref) -> None:
            owner = crm.owner_of(ref) if actor is Actor.PERSON else None
            incoming = actor is Actor.UNKNOWN
            crm.activities.log(ref, kind, by=owner, actor=actor, at=at, incoming=incoming)
            if which % 3:
                crm.update(ref, actor=actor)  # most CRMs stamp the lead, too

        self._on(lead, log)

    def join(self, lead: int, which: int) -> None:
        """The lead is invited to an event, comes to it, or is taken off its list."""

        def do(crm: FakeCrm, ref: Ref) -> None:
            group = EVENTS[crm.name]
            if which % 4 == 3:
                crm.groups.remove(ref, group)
            elif crm.groups.has(ref, group):
                crm.groups.set_status(ref, group, "Attended")
            else:
                crm.groups.add(ref, group, "Attended" if which % 2 else "Sent")

        self._on(lead, do)

    def meddle(self, lead: int) -> None:
        """Somebody takes a lead into the list of the recycled, or out of it."""

        def do(crm: FakeCrm, ref: Ref) -> None:
            group = LATER[crm.name]
            if crm.groups.has(ref, group):
                crm.groups.remove(ref, group)
            else:
                crm.groups.add(ref, group)
            self.meddled.add(ref)

        self._on(lead, do)

    def close_task(self, crm: int, which: int) -> None:
        fake = self._crm(crm)
        open_ = [m for m, t in fake.tasks.items() if t.open]
        if open_:
            fake.close_task(open_[which % len(open_)])

    def lag_of(self, crm: int, seconds: int) -> None:
        fake = self._crm(crm)
        lag = timedelta(seconds=seconds % 90)
        fake.feed_lag = fake.groups.lag = fake.activities.lag = lag

    # -- the daemon ---------------------------------------------------------------------------

    def advance(self, seconds: int) -> None:
        """What the CRMs do meanwhile happens in its time, not at the end of it."""
        for part in (600, 90, 90):
            self.clock.advance(min(part, seconds))
            seconds -= min(part, seconds)
            for crm in self.crms:
                crm.settle()
        self.clock.advance(seconds)

    def sweep(self, crm: int) -> None:
        self._guarded(self.house.sweeps[self._crm(crm).name].tick)

    def signals(self, crm: int) -> None:
        joining = self.house.joinings[self._crm(crm).name]
        self._guarded(lambda: _until_false(joining.tick))

    def rescore(self, crm: int) -> None:
        self._guarded(self.house.ingests[self._crm(crm).name].rescore_due)

    def work(self, crm: int) -> None:
        """One reader's whole turn and its writer's, as the threads take them."""
        for part in (self.poll, self.release_held, self.rescore, self.sweep, self.step_of,
                     self.signals, self.deliver):  # fmt: skip
            part(crm)

    def step_of(self, crm: int) -> None:
        self._guarded(self.house.batches[self._crm(crm).name].step)

    def jump(self, which: int, crm: int) -> None:
        """The machine's clock is wrong for a moment."""
        self.ours.set(self.clock.now() + timedelta(seconds=JUMPS[which % len(JUMPS)]))
        self.sweep(crm)
        self.ours.set(self.clock.now())

    def change_policy(self, number: int) -> None:
        if not self.alone:
            super().change_policy(number)

    # -- the end ------------------------------------------------------------------------------

    def heal(self) -> None:
        """No more trouble: everybody is there, and what is due is done."""
        self._fuse = None
        self._strikes.clear()
        self.clear_faults()
        for n, crm in enumerate(self.crms):
            self.lag_of(n, 0)
            assert crm.groups.lag == timedelta(0)
        for rep in range(len(self.reps)):
            self.rep_back(rep)
        World.heal(self)
        rounds = 0
        while rounds < 2 or self._restless() or self._due():
            rounds += 1
            assert rounds < 40, f"never at rest: {self._restless()} {self._due()}"
            self.round()
            if self._restless():
                self.advance(31)

    def round(self) -> None:
        for n in range(len(self.crms)):
            self.work(n)
        for n in range(len(self.crms)):
            self.deliver(n)

    def _due(self) -> list[str]:
        now = self.ours.now()
        found: list[str] = []
        for name, sweep in self.house.sweeps.items():
            found += [f"sweep {r}" for r in sweep._due(now)]
            found += [f"follow-up {r.ref}" for r in sweep.following.due()]
            found += [f"round {r}" for r in sweep.coming_back.due()]
            found += [f"signal {r}" for r in signals.due(self.house.db, name, now, 9)]
        return found

    def close(self) -> None:
        super().close()
        self._folder.cleanup()


def _until_false(do: Callable[[], bool]) -> None:
    turns = 0
    while do():
        turns += 1
        assert turns < 100, "a turn that never ends"

"""I14: a CRM that was down for hours and comes back slow: fresh leads first, no storm, all done."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from daemon.house import House, an_org, owner_email, user_id
from daemon.test_clocks import DANA, MONA, POLICY
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fairlead.core.types import Ref
from fairlead.errors import RateLimited, RetryLater, Unavailable
from fairlead.spi.connector import Capabilities
from fairlead.store import journal, outbox
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

BATCH = 4
"""Writes of one kind in a call, so that a small backlog takes many."""
ALL_DAY = POLICY.replace("{calendar: office}", "{}")
NO_REASSIGNING = ALL_DAY.replace("      - {after: 10m, reassign: next}\n", "")
"""Else the clocks of the backlog would make new writes faster than a tenth of the calls takes."""
DOWN = timedelta(hours=8)
MINUTE = timedelta(minutes=1)


class Slow:
    """A CRM that is down, or answers so many calls in a minute and refuses the others."""

    def __init__(self, fake: FakeCrm, clock: ManualClock) -> None:
        self.clock = clock
        self.down = False
        self.most: int | None = None
        self._spent: Counter[datetime] = Counter()
        fake.on_call = self._called

    def _called(self, what: str) -> None:
        if not what.endswith(":before"):
            return
        if self.down:
            raise Unavailable("down", after=60.0)
        minute = self.clock.now().replace(second=0, microsecond=0)
        if self.most is not None and self._spent[minute] >= self.most:
            raise RateLimited("slow", after=60.0)
        self._spent[minute] += 1


class World:
    """A house that looks once a minute, beside a CRM that fails as a whole."""

    def __init__(self, policy: str = ALL_DAY) -> None:
        self.clock = ManualClock()
        self.fake = an_org(self.clock, "salesforce")
        for email in (MONA, DANA):
            self.fake.add_user(email)
        self.house = House(
            None, [self.fake], self.clock, policy=policy,
            capabilities={"salesforce": Capabilities(
                queues=True, owner_history=True, carries_poll=True, audit_field=True,
                task_marker=True, max_effects=BATCH, lead_objects=("Lead",),
            )},
        )  # fmt: skip
        self.house.start()
        self.slow = Slow(self.fake, self.clock)
        self.came: dict[Ref, datetime] = {}
        self.owned: dict[Ref, datetime] = {}

    def arrive(self) -> Ref:
        n = len(self.came)
        ref = self.fake.create_lead(email=f"x{n}@acme{n}.test", status="New")
        self.came[ref] = self.clock.now()
        return ref

    def minute(self) -> None:
        """Time goes on, and each loop does one step, as it does between two backoffs."""
        self.clock.advance(MINUTE)
        for step in (self.house.poll, self.house.sweep, self.house.deliver):
            try:
                step()
            except RetryLater:
                continue
        for ref in self.came:
            if ref not in self.owned and owner_email(self.fake, ref) is not None:
                self.owned[ref] = self.clock.now()

    def told(self, email: str) -> int:
        owner = user_id(self.fake, email)
        tasks = self.fake.tasks.values()
        return sum(t.owner_id == owner and t.subject.startswith("Answer time") for t in tasks)


@settings(max_examples=4, phases=(Phase.explicit, Phase.generate))
@given(
    before=st.integers(1, 6), during=st.integers(10, 40), capacity=st.integers(9, 12),
    every=st.integers(2, 5),
)  # fmt: skip
def test_I14_after_eight_hours_down_and_at_a_tenth_of_its_calls_fresh_leads_do_not_queue(
    before: int, during: int, capacity: int, every: int
) -> None:
    world = World(NO_REASSIGNING)
    try:
        old = [world.arrive() for _ in range(before)]
        world.minute()
        assert set(old) <= set(world.owned)
        world.slow.down = True
        for _ in range(during):
            world.arrive()
            world.clock.advance(DOWN / during)
        world.minute()
        assert len(world.owned) == before, "nothing comes through"
        world.slow.down, world.slow.most = False, capacity
        fresh: list[Ref] = []
        for n in range(90):
            if n % every == 0 and n < 45:
                fresh.append(world.arrive())
            world.minute()
        waits = [world.owned[r] - world.came[r] for r in fresh if r in world.owned]
        assert len(waits) == len(fresh), "I22: every fresh lead has its owner"
        assert max(waits) <= 5 * MINUTE, "I14: the freshest do not wait for the backlog"
        assert set(world.came) == set(world.owned), "I14: the backlog finishes"
        for ref in world.came:
            fired = [j for j in journal.of_lead(world.house.db, ref) if j.event == "clock.fired"]
            steps = Counter((j.detail["clock"], j.detail["step"]) for j in fired)
            assert set(steps.values()) <= {1}, "I6: fired twice"
        world.slow.most = None
        world.minute()
        assert outbox.open_rows(world.house.db) == []
    finally:
        world.house.close()


@settings(max_examples=4, phases=(Phase.explicit, Phase.generate))
@given(leads=st.integers(2, 25), hours=st.integers(2, 40))
def test_I14_clocks_that_came_due_while_the_crm_was_down_bring_one_digest_to_each_owner(
    leads: int, hours: int
) -> None:
    world = World()
    try:
        for _ in range(leads):
            world.arrive()
        world.minute()
        world.slow.down = True
        for _ in range(hours * 4):
            world.clock.advance(15 * MINUTE - MINUTE)
            world.minute()
        assert (world.told(MONA), world.told(DANA)) == (0, 0)
        world.slow.down = False
        world.minute()
        world.minute()
        assert world.told(MONA) == 1, "one digest to the manager, however many leads"
        assert world.told(DANA) == 1
    finally:
        world.house.close()

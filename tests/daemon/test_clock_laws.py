"""Laws of firing (I5, I6, I14) over random histories: crashes, wrong clocks, sleep, days off,
changes of summer time in both hemispheres, calendars exchanged under running clocks.

`test_outage_laws` has those of a CRM that is down and comes back slow.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta

from daemon.house import House, an_org, user_id
from daemon.test_clocks import ANNA, BEN, CARLA, DANA, MONA, POLICY
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.core.activity import ActivityKind
from fairlead.core.types import Ref
from fairlead.store import clocks, journal, outbox
from fairlead.testing.clock import START, ManualClock
from fairlead.testing.fake_crm import FakeCrm

WAITS = (1, 5, 10, 17, 25, 60, 24 * 60, 4 * 24 * 60)
IN_HOURS = POLICY.replace("hours: always", "hours: rep")
SOUTH = IN_HOURS.replace("Europe/London", "Australia/Sydney")
POLICIES = {"always": POLICY, "in hours": IN_HOURS, "in the south": SOUTH}
SWAPPED = ("timezone: America/New_York", "timezone: Europe/London, holidays: GB-ENG")
"""What the table of calendars says after it was exchanged under running clocks."""
STARTS = (
    datetime(2026, 3, 27, 8, tzinfo=UTC),
    datetime(2026, 10, 2, 8, tzinfo=UTC),
    datetime(2026, 10, 23, 8, tzinfo=UTC),
    datetime(2026, 12, 23, 8, tzinfo=UTC),
    datetime(2027, 4, 1, 8, tzinfo=UTC),
)
"""Days before clocks change in the north or the south, and before Christmas and Easter."""

ACTIONS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from(WAITS)),
    st.tuples(st.just("lead"), st.just(0)),
    st.tuples(st.just("status"), st.sampled_from(("New", "Waiting", "Contacted"))),
    st.tuples(st.just("call"), st.just(0)),
    st.tuples(st.just("given"), st.sampled_from((ANNA, BEN, CARLA))),
    st.tuples(st.just("dies"), st.integers(0, 5)),
    st.tuples(st.just("jump"), st.sampled_from((-3600, 3600, -7200, 3650 * 86_400))),
    st.tuples(st.just("suspend"), st.just(3)),
    st.tuples(st.just("swap"), st.sampled_from(SWAPPED)),
)


class Died(BaseException):
    """The process is killed here."""


class World:
    """A house whose process can die at any commit, beside a CRM whose clock is right."""

    def __init__(self, policy: str, start: datetime = START) -> None:
        self.right, self.ours = ManualClock(start), ManualClock(start)
        self.fake: FakeCrm = an_org(self.right, "salesforce")
        for email in (MONA, DANA):
            self.fake.add_user(email)
        self.house = House(None, [self.fake], self.ours, policy=policy)
        self.house.start()
        self.pass_time(timedelta(seconds=1))
        self.refs: list[Ref] = []
        self.dies_in: int | None = None
        self.house.on_commit = self._commit

    def pass_time(self, by: timedelta) -> None:
        self.right.advance(by)
        self.ours.advance(by)

    def _commit(self, _when: str) -> None:
        if self.dies_in is not None:
            self.dies_in -= 1
            if self.dies_in < 0:
                self.dies_in = None
                raise Died

    def work(self) -> None:
        """A round of the daemon; one that dies begins again with what was committed."""
        while True:
            try:
                self.house.poll()
                self.house.sweep()
                self.house.deliver()
                return
            except Died:
                self.house.restart()

    def do(self, what: str, value: object) -> None:
        if what == "wait":
            assert isinstance(value, int)
            self.pass_time(timedelta(minutes=value))
        elif what == "dies":
            assert isinstance(value, int)
            self.dies_in = value
        elif what == "jump":
            assert isinstance(value, int)
            self.ours.set(self.right.now() + timedelta(seconds=value))
            self.house.sweep()
            self.ours.set(self.right.now())
        elif what == "suspend":
            assert isinstance(value, int)
            self.right.advance(timedelta(days=value))
            self.ours.set(self.right.now())  # asleep: the monotonic clock stood
        elif what == "swap":
            assert isinstance(value, str)
            self.house.policy = re.sub(r"timezone: [\w/]+", value, POLICIES["in hours"], count=1)
            self.house.restart()
        elif what == "lead":
            n = len(self.refs)
            self.refs.append(self.fake.create_lead(email=f"x{n}@acme{n}.test", status="New"))
        elif self.refs and what == "status":
            self.fake.update(self.refs[-1], status=value)
        elif self.refs and what == "call":
            self.fake.activities.log(self.refs[-1], ActivityKind.CALL)
        elif self.refs and what == "given":
            self.fake.person_sets_owner(self.refs[-1], user_id(self.fake, str(value)))
        self.work()

    def settle(self) -> None:
        self.dies_in = None
        for _ in range(4):
            self.pass_time(timedelta(minutes=3))
            self.work()


@settings(max_examples=40)
@given(
    st.lists(ACTIONS, min_size=3, max_size=14),
    st.sampled_from(tuple(POLICIES)),
    st.sampled_from(STARTS),
)
def test_I5_I6_each_step_fires_once_not_early_and_none_is_lost(
    actions: list[tuple[str, object]], policy: str, start: datetime
) -> None:
    world = World(POLICIES[policy], start)
    try:
        world.do("lead", 0)
        for what, value in actions:
            world.do(what, value)
        world.settle()
        db, now = world.house.db, world.ours.now()
        for ref in world.refs:
            told = [j for j in journal.of_lead(db, ref) if j.event == "clock.fired"]
            times = Counter((j.detail["clock"], j.detail["step"]) for j in told)
            assert set(times.values()) <= {1}, "I6: fired twice"
            for clock in clocks.of_lead(db, ref):
                for step in clocks.steps_of(db, clock.id):
                    if step.fired_at is not None:
                        assert step.due_at is not None
                        assert step.fired_at >= step.due_at, "I6: fired early"
                    elif clock.ended_at is None:
                        late = step.due_at is not None and step.due_at <= now
                        assert not late, "I5: due and not fired"
                    else:
                        raise AssertionError("I5: a step outlives its clock")
        assert outbox.open_rows(db) == [], "every effect reaches the CRM"
        told_to = [t for t in world.fake.tasks.values() if t.subject.startswith("Answer time")]
        assert len({t.marker for t in told_to}) == len(told_to)
    finally:
        world.house.on_commit = lambda _: None
        world.house.close()


@settings(max_examples=15)
@given(st.integers(2, 30), st.integers(2, 9))
def test_I14_days_off_bring_one_task_to_each_person_however_many_leads_wait(
    leads: int, days: int
) -> None:
    world = World(POLICY)
    try:
        for _ in range(leads):
            world.do("lead", 0)
        world.pass_time(timedelta(days=days))
        world.work()
        for email in (MONA, DANA):
            owner = user_id(world.fake, email)
            tasks = [t for t in world.fake.tasks.values() if t.owner_id == owner]
            assert len(tasks) == 1, "I14: one digest"
            assert tasks[0].subject == f"Answer time of {leads} leads"
    finally:
        world.house.close()

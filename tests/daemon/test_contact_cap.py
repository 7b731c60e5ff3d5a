"""The contact cap counts what was done with a person in both CRMs, where both know them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from daemon.house import House, an_org
from daemon.test_recycling import GROUP, POLICY

from fairlead.core.activity import ActivityKind
from fairlead.core.types import LeadState, Ref
from fairlead.errors import Unavailable
from fairlead.store import recyclings
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

CAPPED = "the contact cap is reached"
AT_ONCE = "\n".join(
    line
    for line in POLICY.replace("cool_down: 2d", "cool_down: 0d").splitlines()
    if not line.lstrip().startswith(("set:", "set_back:", "join:", "owner:"))
)
"""Whoever is recycled may come back at once, and nothing is written for it."""


class Both:
    """One person with a record in each CRM, of which the one in `here` is recycled."""

    def __init__(self, here: str) -> None:
        self.clock = ManualClock()
        self.crms = {name: an_org(self.clock, name) for name in ("salesforce", "hubspot")}
        self.crms["salesforce"].groups.create("Later", id=GROUP)
        self.crms["hubspot"].groups.create("Later", id="42")
        self.house = House(None, list(self.crms.values()), self.clock, policy=POLICY)
        self.house.start()
        self.clock.advance(1)
        self.here = self.crms[here]
        self.there = next(c for n, c in self.crms.items() if n != here)
        self.two = self.lead(self.there)
        self.one = self.lead(self.here)
        self.clock.advance(60)
        self.here.update(self.one, status="Later", rating="Cold")
        self.work()
        assert self.house.state(self.one) is LeadState.RECYCLED

    def lead(self, crm: FakeCrm) -> Ref:
        ref = crm.create_lead(email="a@acme.test", status="New")
        self.work()
        return ref

    def work(self) -> None:
        for _ in range(2):
            self.house.poll()
            for name, sweep in self.house.sweeps.items():
                try:
                    sweep.tick()
                except Unavailable:
                    assert name == self.there.name
            self.house.deliver()

    def later(self, **time: int) -> None:
        self.clock.advance(timedelta(**time))
        self.work()
        self.clock.advance(timedelta(minutes=2))
        self.work()

    @property
    def waits(self) -> str:
        return recyclings.of_lead(self.house.db, self.one)[-1].waits

    def back(self) -> bool:
        return self.house.state(self.one) is LeadState.ASSIGNED


@pytest.fixture(params=["salesforce", "hubspot"])
def both(request: pytest.FixtureRequest) -> Iterator[Both]:
    both = Both(request.param)
    yield both
    both.house.close()


def test_contacts_in_the_other_crm_count_and_then_are_old_enough(both: Both) -> None:
    both.later(days=28)
    both.there.activities.log(both.two, ActivityKind.CALL)
    both.there.activities.log(both.two, ActivityKind.EMAIL)
    both.there.activities.log(both.two, ActivityKind.EMAIL, incoming=True)
    both.here.activities.log(both.one, ActivityKind.MESSAGE)
    both.later(days=3)
    assert both.waits == CAPPED
    assert not both.back()
    both.later(days=8)
    assert both.back()


def test_few_contacts_in_both_keep_nobody(both: Both) -> None:
    both.later(days=28)
    both.there.activities.log(both.two, ActivityKind.CALL)
    both.here.activities.log(both.one, ActivityKind.CALL)
    both.later(days=3)
    assert both.back()


def test_what_was_done_there_since_the_last_answer_counts_too(both: Both) -> None:
    both.later(days=28)
    for _ in range(3):
        both.there.activities.log(both.two, ActivityKind.CALL)
    both.later(days=3)
    assert both.waits == CAPPED
    both.later(days=5)
    for _ in range(3):
        both.there.activities.log(both.two, ActivityKind.CALL)
    both.later(days=3)
    assert both.waits == CAPPED
    assert not both.back()
    both.later(days=8)
    assert both.back()


def test_a_crm_that_does_not_answer_is_waited_for_a_day(both: Both) -> None:
    for _ in range(3):
        both.there.activities.log(both.two, ActivityKind.CALL)
    both.clock.advance(timedelta(days=29))
    both.work()
    both.there.faults.fail_next("activities", Unavailable("down"), times=1000)
    both.later(days=1, hours=1)
    assert both.waits == f"{both.there.name} has yet to tell how often the person was contacted"
    both.later(hours=20)
    assert not both.back()
    both.later(hours=6)
    assert both.back()


def test_a_crash_loses_neither_the_question_nor_the_answer(both: Both) -> None:
    both.later(days=28)
    for _ in range(3):
        both.there.activities.log(both.two, ActivityKind.CALL)
    both.clock.advance(timedelta(days=3))
    both.house.sweeps[both.here.name].tick()
    both.house.restart()
    both.house.sweeps[both.there.name].tick()
    both.house.restart()
    both.house.sweeps[both.here.name].tick()
    assert both.waits == CAPPED


def test_an_answer_counts_however_late_the_next_look_comes(both: Both) -> None:
    """With little quota left a CRM is looked at hours apart."""
    both.later(days=28)
    for _ in range(4):
        both.clock.advance(timedelta(hours=20))
        both.house.sweeps[both.here.name].tick()
        both.house.sweeps[both.there.name].tick()
    assert both.back()


def test_who_is_recycled_within_a_look_waits_for_one_that_asks_for_their_contacts() -> None:
    clock = ManualClock()
    crm = an_org(clock)
    house = House(None, [crm], clock, policy=AT_ONCE)
    house.start()
    clock.advance(1)
    ref = crm.create_lead(email="a@acme.test", status="New")
    house.round()
    for _ in range(3):
        crm.activities.log(ref, ActivityKind.CALL)
    clock.advance(60)
    crm.update(ref, status="Later", rating="Hot")
    with house.db.transaction():
        recyclings.look_at(house.db, ref, clock.now())
    for _ in range(2):
        house.sweep()
        assert house.state(ref) is LeadState.RECYCLED
    assert recyclings.of_lead(house.db, ref)[-1].waits == CAPPED
    house.close()

"""The daemon's time: it does not follow a wall clock that jumps before a CRM has confirmed it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from daemon.house import House, an_org, owner_email
from daemon.test_clocks import DANA, MONA, POLICY, fired, told
from hypothesis import given
from hypothesis import strategies as st

from fairlead.daemon.steady_clock import CLOSE, TRUSTED, SteadyClock
from fairlead.errors import RetryLater
from fairlead.store import clocks
from fairlead.testing.clock import START, ManualClock
from fairlead.testing.fake_crm import FakeCrm

YEARS = timedelta(days=3650)
HOUR = timedelta(hours=1)
jumps = st.timedeltas(-YEARS, YEARS)
waits = st.timedeltas(timedelta(0), timedelta(days=30))


@given(st.lists(st.tuples(jumps, waits), max_size=8))
def test_whatever_the_wall_clock_does_time_goes_on_by_itself(
    history: list[tuple[timedelta, timedelta]],
) -> None:
    machine = ManualClock()
    steady = SteadyClock(machine)
    at = START
    for jump, wait in history:
        try:
            machine.set(machine.now() + jump)
        except OverflowError:
            return
        small = abs(jump) <= timedelta(seconds=1)
        at += jump if small else timedelta(0)
        assert steady.now() == at
        machine.advance(wait)
        at += wait
        assert steady.now() == at


@given(jumps, jumps)
def test_once_a_crm_has_told_its_time_ours_is_its_time(wrong: timedelta, skew: timedelta) -> None:
    machine = ManualClock()
    steady = SteadyClock(machine)
    machine.set(START + wrong)
    right = START + skew / 1000
    assert steady.confirm("salesforce", right)
    assert not steady.doubted
    assert abs(steady.now() - right) <= TRUSTED


def test_the_wall_clock_is_used_again_as_soon_as_it_is_right() -> None:
    machine = ManualClock()
    steady = SteadyClock(machine)
    machine.set(START + YEARS)
    assert steady.doubted
    assert steady.confirm("salesforce", START)
    machine.set(START + CLOSE / 2)
    assert steady.confirm("salesforce", START)
    assert steady.now() == machine.now()


def test_a_second_crm_that_disagrees_does_not_move_our_time() -> None:
    steady = SteadyClock(ManualClock())
    assert steady.confirm("salesforce", START)
    assert not steady.confirm("hubspot", START + 2 * TRUSTED)
    assert steady.now() == START


def test_for_a_decision_a_clock_that_has_just_jumped_is_not_good_enough() -> None:
    machine = ManualClock()
    steady = SteadyClock(machine)
    assert steady.sure() == START
    machine.set(START + HOUR)
    with pytest.raises(RetryLater):
        steady.sure()
    steady.confirm("salesforce", START + HOUR)
    assert steady.sure() == START + HOUR


# -- in a running house ----------------------------------------------------------------------------


@pytest.fixture
def right(clock: ManualClock) -> ManualClock:
    return clock


@pytest.fixture
def ours() -> ManualClock:
    return ManualClock()


@pytest.fixture
def fake(right: ManualClock) -> FakeCrm:
    org = an_org(right, "salesforce")
    for email in (MONA, DANA):
        org.add_user(email)
    return org


@pytest.fixture
def house(fake: FakeCrm, ours: ManualClock) -> Iterator[House]:
    made = House(None, [fake], ours, policy=POLICY)
    made.start()
    yield made
    made.close()


@pytest.mark.parametrize("wrong", [YEARS, -YEARS, HOUR, -HOUR])
def test_a_lead_that_comes_while_the_clock_is_wrong_has_its_clock_by_the_crms_time(
    house: House, fake: FakeCrm, right: ManualClock, ours: ManualClock, wrong: timedelta
) -> None:
    """An hour slow, it would breach at once when the clock is set; years ahead, it never would."""
    pass_time(right, ours, timedelta(seconds=1))
    ours.set(ours.now() + wrong)
    ref = fake.create_lead(email="x@acme.test", status="New")
    house.round()
    assert owner_email(fake, ref) is not None
    [kept] = clocks.open_of(house.db, ref)
    assert abs(kept.since - right.now()) <= timedelta(seconds=2)
    pass_time(right, ours, timedelta(minutes=19))
    ours.set(right.now())
    look(house)
    assert "due" not in fired(house, ref)
    assert told(fake, MONA) == []
    pass_time(right, ours, timedelta(minutes=2))
    look(house)
    assert "due" in fired(house, ref)
    assert len(told(fake, MONA)) == 1


def test_a_daemon_that_starts_with_a_wrong_clock_goes_by_the_crms(
    house: House, fake: FakeCrm, right: ManualClock, ours: ManualClock
) -> None:
    pass_time(right, ours, timedelta(seconds=1))
    ref = fake.create_lead(email="x@acme.test", status="New")
    house.round()
    ours.set(right.now() + YEARS)
    house.restart()
    house.ingests["salesforce"].first_contact()
    look(house)
    assert fired(house, ref) == []
    pass_time(right, ours, timedelta(minutes=21))
    look(house)
    assert "due" in fired(house, ref)
    assert house.ingests["salesforce"].trust.lost


def pass_time(right: ManualClock, ours: ManualClock, by: timedelta) -> None:
    right.advance(by)
    ours.advance(by)


def look(house: House) -> None:
    house.poll()
    house.sweep()
    house.deliver()

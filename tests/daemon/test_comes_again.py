"""Who comes again gets the same rep for as long as the policy says, in either CRM."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from daemon.house import POLICY, House, owner_email

from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

DAY = 86_400


@pytest.fixture
def sticky(clock: ManualClock, sf: FakeCrm, hs: FakeCrm) -> Iterator[House]:
    house = House(None, [sf, hs], clock, POLICY.replace("reps:\n", "sticky: 30d\nreps:\n"))
    house.start()
    clock.advance(1)
    yield house
    house.close()


def test_within_the_time_another_record_goes_to_the_same_rep(
    sticky: House, sf: FakeCrm, hs: FakeCrm, clock: ManualClock
) -> None:
    first = sf.create_lead(email="x@acme.test")
    sticky.round()
    clock.advance(30 * DAY - 60)
    again = hs.create_lead(email="x@acme.test")
    sticky.round()
    assert owner_email(hs, again) == owner_email(sf, first)
    [why] = [w for w in sticky.commands.why("x@acme.test") if w["lead"] == str(again)]
    assert why["decision"]["recomputed_equal"]
    assert why["decision"]["rule"] in (None, "")


def test_after_it_the_rules_decide_and_a_turn_is_paid(
    sticky: House, sf: FakeCrm, clock: ManualClock
) -> None:
    sf.create_lead(email="x@acme.test")
    sticky.round()
    clock.advance(30 * DAY)
    again = sf.create_lead(email="x@acme.test")
    sticky.round()
    [why] = [w for w in sticky.commands.why("x@acme.test") if w["lead"] == str(again)]
    assert why["decision"]["recomputed_equal"]
    assert why["decision"]["rule"] == "Everybody"
    assert any("decided 30 days ago" in line for line in why["decision"]["text"])

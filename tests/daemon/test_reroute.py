"""A lead that we gave away moves when what the policy lists has changed, and people win as ever."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import pytest
from daemon.house import POLICY, House, an_org, owner_email, user_id
from daemon.ordering import order

from fairlead.core.pools import beside
from fairlead.core.types import LeadState, Ref
from fairlead.store import decisions, journal
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

ANNA, BEN, CARLA = "anna@example.com", "ben@example.com", "carla@example.com"
REROUTE = POLICY + "reroute_on: [employees, country]\n"


@pytest.fixture
def sf(clock: ManualClock) -> FakeCrm:
    return an_org(clock, "salesforce")


@pytest.fixture
def house(sf: FakeCrm, clock: ManualClock) -> Iterator[House]:
    house = House(None, [sf], clock, policy=REROUTE)
    house.start()
    clock.advance(1)
    yield house
    house.close()


def small_lead_of(house: House, sf: FakeCrm, rep: str) -> Ref:
    """A lead of a small company that the rotation gave to this rep."""
    for i in range(8):
        ref = sf.create_lead(email=f"x{i}@acme{i}.test", employees=10)
        house.round()
        if owner_email(sf, ref) == rep:
            return ref
    raise AssertionError(f"{rep} got none of eight leads")


def change(house: House, sf: FakeCrm, clock: ManualClock, ref: Ref, **fields: object) -> None:
    clock.advance(60)
    sf.update(ref, **fields)
    house.round()


def balance(house: House, rep: str) -> Fraction:
    """What the rep is owed, in the rotation and beside it."""
    held = decisions.balances(house.db)
    accounts = (held.get(name, {}) for name in ("team:inbound", beside("team:inbound")))
    return sum((account.get(rep, Fraction(0)) for account in accounts), Fraction(0))


def test_a_lead_whose_company_turns_out_big_goes_to_the_seniors_and_the_turn_is_given_back(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = small_lead_of(house, sf, ANNA)
    before = balance(house, ANNA)
    change(house, sf, clock, ref, employees=5000)
    assert owner_email(sf, ref) == CARLA
    assert house.state(ref) is LeadState.ASSIGNED
    assert balance(house, ANNA) > before
    [told] = [j for j in journal.of_lead(house.db, ref) if j.event == "lead.rerouted"]
    assert told.detail["reason"] == "employees changed"


def test_each_change_is_answered_once(house: House, sf: FakeCrm, clock: ManualClock) -> None:
    ref = small_lead_of(house, sf, BEN)
    change(house, sf, clock, ref, employees=5000)
    change(house, sf, clock, ref, city="Berlin")
    change(house, sf, clock, ref, employees=6000)
    events = [j.event for j in journal.of_lead(house.db, ref)]
    assert events.count("lead.rerouted") == 1
    assert owner_email(sf, ref) == CARLA


@pytest.mark.parametrize("fields", [{"employees": 20}, {"city": "Berlin"}, {"country": "DE"}])
def test_a_change_that_leads_to_the_same_rule_or_is_not_listed_moves_nothing(
    house: House, sf: FakeCrm, clock: ManualClock, fields: dict[str, object]
) -> None:
    ref = small_lead_of(house, sf, ANNA)
    owed = balance(house, ANNA)
    change(house, sf, clock, ref, **fields)
    assert owner_email(sf, ref) == ANNA
    assert balance(house, ANNA) == owed


@pytest.mark.parametrize("through", [[BEN], [BEN, ANNA]], ids=["another", "back to ours"])
def test_who_was_given_the_lead_by_a_person_keeps_it(
    house: House, sf: FakeCrm, clock: ManualClock, through: list[str]
) -> None:
    ref = small_lead_of(house, sf, ANNA)
    for email in through:
        clock.advance(60)
        sf.person_sets_owner(ref, user_id(sf, email))
        house.round()
    change(house, sf, clock, ref, employees=5000)
    assert owner_email(sf, ref) == through[-1]


def test_who_was_given_the_lead_by_hand_keeps_it(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = small_lead_of(house, sf, ANNA)
    order(house, "override", lead=str(ref), to=BEN, reason="knows them")
    house.round()
    assert owner_email(sf, ref) == BEN
    change(house, sf, clock, ref, employees=5000)
    assert owner_email(sf, ref) == BEN


def test_without_reroute_on_nothing_moves(sf: FakeCrm, clock: ManualClock) -> None:
    house = House(None, [sf], clock)
    house.start()
    clock.advance(1)
    ref = small_lead_of(house, sf, ANNA)
    change(house, sf, clock, ref, employees=5000)
    assert owner_email(sf, ref) == ANNA
    house.close()


def test_while_nobody_of_the_new_team_can_take_it_it_stays_where_it_is(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = small_lead_of(house, sf, ANNA)
    sf.deactivate(user_id(sf, CARLA))
    house.ingests["salesforce"].refresh_owners()
    change(house, sf, clock, ref, employees=5000)
    assert owner_email(sf, ref) == ANNA
    sf.activate(user_id(sf, CARLA))
    house.ingests["salesforce"].refresh_owners()
    change(house, sf, clock, ref, city="Berlin")
    assert owner_email(sf, ref) == CARLA

"""What runs for a lead runs for who has it now: found by random histories, each case by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from daemon.house import House, an_org, owner_email, user_id

from fairlead.core.types import LeadState, Ref
from fairlead.store import cadences, clocks, journal, leads
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

ANNA, BEN, CARLA, DANA = (f"{n}@example.com" for n in ("anna", "ben", "carla", "dana"))
POLICY = """\
version: 1
sources: {sf: {crm: salesforce}}
closed_when: status == "Junk"
reps: {anna@example.com: {}, ben@example.com: {}, carla@example.com: {}}
teams:
  inbound: {members: [anna@example.com, ben@example.com]}
  rescue: {members: [carla@example.com]}
  offered:
    members: [ben@example.com, carla@example.com]
    method: {claim: {queue: Offered, unclaimed_after: 10m}}
    backup: {team: rescue}
cadences: {standard: [1d]}
slas:
  hot:
    respond_within: 20m
    hours: always
    on_breach: [{notify: rep}, {after: 10m, reassign: next}, {after: 60m, notify: dana@example.com}]
decay:
  - {name: cold, after: {silence: 8h}, do: [{notify: rep}, {reassign: {team: rescue}}]}
rules: [{name: Everybody, to: {team: inbound}, sla: hot, cadence: standard}]
otherwise: {to: {team: rescue}}
"""
OFFERING = POLICY.replace("on_breach: [{notify: rep}, {after: 10m, reassign: next}",
                          "on_breach: [{after: 10m, reassign: {team: offered}}")  # fmt: skip
WARM = POLICY.replace("silence: 8h", "silence: 9d")
COLD = POLICY.replace(", sla: hot, cadence: standard", "")


@pytest.fixture
def sf(clock: ManualClock) -> FakeCrm:
    fake = an_org(clock, "salesforce")
    fake.add_user(DANA)
    fake.add_queue("Offered")
    return fake


@pytest.fixture
def house(sf: FakeCrm, clock: ManualClock) -> Iterator[House]:
    house = House(None, [sf], clock, policy=POLICY)
    house.start()
    clock.advance(1)
    yield house
    house.close()


def under(house: House, clock: ManualClock, policy: str) -> None:
    house.policy = policy
    house.restart()
    clock.advance(1)


def a_lead(house: House, sf: FakeCrm, **fields: str) -> Ref:
    ref = sf.create_lead(email="x@acme.test", status=fields.pop("status", "New"), **fields)
    house.round()
    return ref


def sweep(house: House, clock: ManualClock, minutes: float) -> None:
    clock.advance(timedelta(minutes=minutes))
    house.poll()
    house.sweep()


def running(house: House, ref: Ref) -> list[tuple[str, str | None, str | None]]:
    return [(c.rep_id or c.owner_id, c.after, c.upto) for c in clocks.open_of(house.db, ref)]


def test_a_lead_that_is_closed_when_it_is_given_has_no_clock_and_no_follow_up(
    house: House, sf: FakeCrm
) -> None:
    ref = a_lead(house, sf, status="Junk")
    assert house.state(ref) is LeadState.ASSIGNED
    assert clocks.of_lead(house.db, ref) == []
    assert cadences.of_lead(house.db, ref) == []


def test_the_path_goes_on_with_whoever_gets_it_when_the_next_cannot_own_it(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    """ANNA's time is over, BEN is refused: who has it in the end has the time meant for BEN."""
    ref = a_lead(house, sf)
    assert owner_email(sf, ref) == ANNA
    sf.faults.bad_owner(user_id(sf, BEN))
    sweep(house, clock, 31)
    house.deliver()
    assert owner_email(sf, ref) == CARLA
    assert running(house, ref) == [(ANNA, "step 2", None), (CARLA, None, "step 2")]
    house.poll()
    row = leads.get_lead(house.db, ref)
    assert row is not None
    assert not row.by_person


def test_a_reassignment_to_a_claim_queue_has_no_clock_before_somebody_has_the_lead(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    under(house, clock, OFFERING)
    ref = a_lead(house, sf)
    sweep(house, clock, 31)
    house.deliver()
    assert house.reason(ref).startswith("queue Offered")
    assert running(house, ref) == []
    clock.advance(601)
    for ingest in house.ingests.values():
        ingest.release_held()
    house.deliver()
    assert owner_email(sf, ref) == CARLA
    assert running(house, ref) == [(CARLA, None, None)]


def test_whoever_a_person_gave_it_to_while_we_reassigned_has_their_own_time(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, sf)
    sweep(house, clock, 31)
    sf.person_sets_owner(ref, user_id(sf, DANA))
    house.deliver()
    assert house.reason(ref) == "the owner changed before we wrote"
    dana = user_id(sf, DANA)
    assert running(house, ref) == [(dana, None, None)]
    assert [c.owner_id for c in cadences.open_of(house.db, ref)] == []
    house.poll()
    assert house.reason(ref) == "the owner changed before we wrote"


def test_a_word_to_the_former_owner_that_cannot_be_written_leaves_the_lead_where_it_is(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    under(house, clock, COLD)
    ref = a_lead(house, sf)
    before = owner_email(sf, ref)
    assert before is not None
    sf.faults.bad_owner(user_id(sf, before))
    sweep(house, clock, 8 * 60 + 1)
    house.deliver()
    clock.advance(61)
    house.deliver()
    assert owner_email(sf, ref) == CARLA
    assert house.state(ref) is LeadState.ASSIGNED
    assert "effect.bad_owner" not in {j.event for j in journal.of_lead(house.db, ref)}
    assert house.open_writes() == 0


def test_a_follow_up_that_cannot_be_written_does_not_take_the_lead_away(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    """The assignment was complete long ago; what cannot be written waits for a person."""
    under(house, clock, WARM)
    ref = a_lead(house, sf)
    owner = sf.owner_of(ref)
    assert owner is not None
    sf.update(ref, status="Contacted")
    sweep(house, clock, 1)
    sweep(house, clock, 24 * 60)
    sf.faults.bad_owner(owner)
    house.deliver()
    assert sf.owner_of(ref) == owner
    assert house.state(ref) is LeadState.ASSIGNED
    assert [d["stage"] for d in house.commands.dead_letters()] == ["deliver"]

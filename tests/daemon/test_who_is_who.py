"""Duplicates, merges, corrected addresses, and what was there before us."""

from __future__ import annotations

from datetime import timedelta

import pytest
from daemon.house import REPS, House, an_org, owner_email, user_id

from fairlead.core.types import Kind, LeadState
from fairlead.store import leads
from fairlead.testing.builders import a_record
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm


def nobody_free(house: House, fake: FakeCrm) -> None:
    for r in REPS:
        fake.deactivate(user_id(fake, r))
    house.ingests[fake.name].refresh_owners()


def test_a_duplicate_follows_a_write_that_is_still_on_its_way(house: House, sf: FakeCrm) -> None:
    sf.faults.applied_later(60, "write.owners")
    first = sf.create_lead(email="same@acme.test")
    house.round()
    assert sf.owner_of(first) is None
    second = sf.create_lead(email="same@acme.test")
    house.round()
    house.clock.advance(121)
    house.round()
    assert sf.owner_of(first) == sf.owner_of(second) is not None


def test_a_duplicate_does_not_follow_an_owner_whom_the_crm_refused(
    house: House, sf: FakeCrm
) -> None:
    first = sf.create_lead(email="same@acme.test")
    sf.faults.refuse(first)
    house.round()
    second = sf.create_lead(email="same@acme.test")
    house.round()
    [why] = house.commands.why(str(second))
    assert why["decision"]["reason"] == "next in team inbound: a lead is owed"


def test_held_duplicates_in_the_same_crm_go_with_the_first_that_is_assigned(
    house: House, sf: FakeCrm, hs: FakeCrm
) -> None:
    nobody_free(house, sf)
    first = sf.create_lead(email="same@acme.test")
    second = sf.create_lead(email="same@acme.test")
    taken = sf.create_lead(email="same@acme.test")
    stranger = sf.create_lead(email="other@acme.test")
    house.round()
    assert house.state(second) is LeadState.HELD
    dana = sf.add_user("dana@example.com")
    sf.person_sets_owner(taken, dana)
    house.clock.advance(1)
    house.poll()
    anna = user_id(sf, "anna@example.com")
    sf.activate(anna)
    house.ingests["salesforce"].refresh_owners()
    house.ingests["salesforce"].look_again([first])
    assert house.state(second) is LeadState.ASSIGNED
    assert house.state(stranger) is LeadState.HELD
    house.deliver()
    assert sf.owner_of(first) == sf.owner_of(second) == anna
    assert sf.owner_of(taken) == dana
    assert len(sf.tasks) == 2
    [why] = house.commands.why(str(second))
    assert why["decision"]["recomputed_equal"]


@pytest.mark.parametrize("done", [False, True])
def test_the_survivor_of_a_merge_follows_the_loser_without_a_second_task(
    house: House, hs: FakeCrm, done: bool
) -> None:
    """HubSpot gives the survivor an id of its own."""
    loser = hs.create_lead(email="same@acme.test")
    house.poll()
    if done:
        house.deliver()
    row = leads.get_lead(house.db, loser)
    assert row is not None
    given = row.owner_id
    survivor = hs.create_lead(email="same@acme.test")
    hs.merge(loser, survivor)
    house.clock.advance(5)
    for _ in range(3):
        house.round()
    assert house.state(loser) is LeadState.GONE
    assert "merged into" in house.reason(loser)
    assert hs.owner_of(survivor) == given
    assert len(hs.tasks) == 1
    assert house.open_writes() == 0


def test_who_comes_with_the_address_of_a_merged_one_follows_the_survivor(
    house: House, sf: FakeCrm
) -> None:
    a = sf.create_lead(email="private@acme.test")
    b = sf.create_lead(email="work@acme.test")
    house.round()
    assert sf.owner_of(a) != sf.owner_of(b)
    house.clock.advance(1)
    sf.merge(a, b)
    house.round()
    new = sf.create_lead(email="private@acme.test")
    house.round()
    assert sf.owner_of(new) == sf.owner_of(b)


def test_an_address_that_another_person_has_is_never_taken_over(house: House, sf: FakeCrm) -> None:
    a = sf.create_lead(email="a@acme.test")
    b = sf.create_lead(email="b@acme.test")
    house.round()
    owners = (sf.owner_of(a), sf.owner_of(b))
    assert owners[0] != owners[1]
    house.clock.advance(1)
    sf.update(b, email="a@acme.test")
    house.round()
    assert (sf.owner_of(a), sf.owner_of(b)) == owners
    third = sf.create_lead(email="a@acme.test")
    house.round()
    assert sf.owner_of(third) == owners[0]


def test_a_corrected_address_is_known_from_then_on(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="tpyo@acme.test")
    house.round()
    sf.update(lead, email="typo@acme.test")
    house.clock.advance(1)
    house.round()
    new = sf.create_lead(email="typo@acme.test")
    house.round()
    assert sf.owner_of(new) == sf.owner_of(lead)


def test_a_row_mended_later_is_the_person_it_turns_out_to_be(house: House, sf: FakeCrm) -> None:
    first = sf.create_lead(email="same@acme.test")
    house.round()
    second = sf.create_lead(email="same@acme.test")
    sf.corrupt(second)
    house.round()
    assert house.state(second) is LeadState.DEAD_LETTER
    house.clock.advance(1)
    sf.mend(second)
    house.round()
    assert sf.owner_of(second) == sf.owner_of(first)
    assert house.commands.dead_letters() == [], "it has answered itself"


def test_a_lead_that_breaks_after_it_was_assigned_stays_assigned(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.round()
    house.clock.advance(1)
    sf.corrupt(lead)
    house.round()
    assert house.state(lead) is LeadState.ASSIGNED
    sf.mend(lead)
    house.clock.advance(1)
    house.round()
    assert house.state(lead) is LeadState.ASSIGNED
    assert len(sf.our_writes("owner")) == 1


def test_an_old_row_that_was_unreadable_at_first_is_old_when_mended(
    clock: ManualClock, sf: FakeCrm
) -> None:
    old = sf.create_lead(email="old@acme.test")
    sf.corrupt(old)
    clock.advance(60)
    house = House(None, [sf], clock)
    house.start()
    assert len(house.commands.dead_letters()) == 1
    clock.advance(1)
    sf.mend(old)
    house.round()
    assert house.state(old) is LeadState.PRE_EXISTING
    assert house.commands.dead_letters() == []
    assert not sf.our_writes()
    house.close()


def test_a_lead_from_before_the_baseline_that_shows_after_it_is_old(
    clock: ManualClock, sf: FakeCrm
) -> None:
    late = sf.create_lead(email="late@acme.test", commits_after=30.0)
    clock.advance(10)
    house = House(None, [sf], clock)
    house.start()
    clock.advance(60)
    house.round()
    assert house.state(late) is LeadState.PRE_EXISTING
    assert not sf.our_writes()
    house.close()


def test_a_lead_without_an_age_is_old_if_the_first_reading_finds_it_and_new_otherwise(
    house: House, sf: FakeCrm
) -> None:
    ingest = house.ingests["salesforce"]
    router_snap = ingest.router().snapshot(house.clock.now())
    states = []
    for first_reading in (True, False):
        ref = f"Lead{first_reading}"
        record = a_record(
            sf.create_lead(email=f"{ref}@acme.test"), at=house.clock.now() - timedelta(days=9)
        )
        from dataclasses import replace

        with house.db.transaction():
            states.append(
                ingest.router().observe(
                    replace(record, created_at=None),
                    ingest.feed,
                    router_snap,
                    house.clock.now(),
                    baseline=house.clock.now(),
                    first_reading=first_reading,
                    ready=not first_reading,
                )
            )
    assert states == [LeadState.PRE_EXISTING, LeadState.ASSIGNED]


def test_a_new_connector_does_not_unsettle_the_leads_of_the_other(
    clock: ManualClock, sf: FakeCrm
) -> None:
    alone = House(None, [sf], clock)
    alone.start()
    clock.advance(1)
    lead = sf.create_lead(email="x@acme.test")
    alone.poll()
    image = alone.db.committed()
    alone.close()
    hs = an_org(clock, "hubspot")
    both = House(None, [sf, hs], clock)
    both.db.close()
    both._open(image)
    sf.update(lead, company="Acme Two")
    clock.advance(1)
    both.ingests["salesforce"].cycle()
    assert both.state(lead) is LeadState.ASSIGNED
    both.deliver()
    assert owner_email(sf, lead) in REPS
    both.close()


def test_leads_that_came_during_the_first_reading_go_out_as_soon_as_it_ends(
    clock: ManualClock, sf: FakeCrm, hs: FakeCrm
) -> None:
    house = House(None, [sf, hs], clock)
    for ingest in house.ingests.values():
        ingest.first_contact()
    assert house.ingests["salesforce"].read_existing(lambda: False)
    clock.advance(1)
    lead = sf.create_lead(email="x@acme.test")
    house.ingests["salesforce"].cycle()
    assert house.ingests["salesforce"].release_held() == 0
    assert house.state(lead) is LeadState.HELD
    assert house.ingests["hubspot"].read_existing(lambda: False)
    house.ingests["salesforce"].release_held()
    house.deliver()
    assert owner_email(sf, lead) in REPS
    house.close()


def test_held_leads_have_their_turn_by_priority_and_age_and_none_starves(
    house: House, sf: FakeCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fairlead.daemon.ingest.HELD_BATCH", 3)
    nobody_free(house, sf)
    refs = []
    for i in range(9):
        big = 5000 if i in (5, 7) else 1
        refs.append(sf.create_lead(email=f"x{i}@acme{i}.test", employees=big))
        house.clock.advance(1)
        house.poll()
    house.clock.advance(61)
    looked: list[list[str]] = []
    connector = house.ingests["salesforce"].connector
    read = connector.read
    monkeypatch.setattr(
        connector, "read", lambda asked: looked.append([r.id for r in asked]) or read(asked)
    )
    for _ in range(6):
        house.ingests["salesforce"].release_held()
        house.clock.advance(25)
    assert looked[0] == [refs[5].id, refs[7].id, refs[0].id]
    assert {i for page in looked[:3] for i in page} == {r.id for r in refs}


def test_a_lead_that_is_deleted_while_held_is_gone(house: House, sf: FakeCrm) -> None:
    nobody_free(house, sf)
    lead = sf.create_lead(email="x@acme.test")
    house.round()
    sf.delete(lead)
    house.clock.advance(61)
    assert house.ingests["salesforce"].release_held() == 1
    assert house.state(lead) is LeadState.GONE
    assert sf.rows(Kind.LEAD)[0].deleted

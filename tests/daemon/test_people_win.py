"""What people do to a lead stands, whenever they do it and however the CRM answers us meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from daemon.house import REPS, House, owner_email, user_id

from fairlead.core.types import LeadState, Ref
from fairlead.store import journal, leads
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_connector import FAKE_CAPABILITIES
from fairlead.testing.fake_crm import FakeCrm


def once_at(sf: FakeCrm, where: str, do: Callable[[], None]) -> None:
    """Do something at the next such point of a call."""

    def strike(call: str) -> None:
        if call == where:
            sf.on_call = lambda _: None
            do()

    sf.on_call = strike


def other_rep(sf: FakeCrm, owner_id: str | None) -> str:
    return next(i for r in REPS if (i := user_id(sf, r)) != owner_id)


def chosen(house: House, ref: Ref) -> str:
    row = leads.get_lead(house.db, ref)
    assert row is not None
    assert row.owner_id is not None
    return row.owner_id


def settle(house: House) -> None:
    for _ in range(8):
        house.clock.advance(130)
        house.round()


def test_a_person_who_takes_the_owner_away_is_not_answered_with_a_new_one(
    house: House, hs: FakeCrm
) -> None:
    lead = hs.create_lead(email="x@acme.test")
    house.round()
    hs.person_sets_owner(lead, None)
    settle(house)
    hs.update(lead, company="Acme Two")
    settle(house)
    assert hs.owner_of(lead) is None
    assert house.state(lead) is LeadState.LEFT
    row = leads.get_lead(house.db, lead)
    assert row is not None
    assert row.owner_id is None, "a duplicate would follow an owner who has not got it"


def test_a_lead_whose_owner_comes_back_counts_as_assigned_again(house: House, hs: FakeCrm) -> None:
    lead = hs.create_lead(email="x@acme.test")
    house.round()
    hs.person_sets_owner(lead, None)
    settle(house)
    anna = user_id(hs, "anna@example.com")
    hs.person_sets_owner(lead, anna)
    settle(house)
    assert house.state(lead) is LeadState.ASSIGNED
    assert chosen(house, lead) == anna


def test_an_ambiguous_write_that_a_person_took_back_is_not_sent_again(
    house: House, sf: FakeCrm
) -> None:
    lead = sf.create_lead(email="x@acme.test")
    sf.faults.timeout_applied("write.owners")
    house.round()
    assert sf.owner_of(lead) is not None
    sf.person_sets_owner(lead, None)
    settle(house)
    assert sf.owner_of(lead) is None
    assert len(sf.our_writes("owner")) == 1


def test_automation_that_always_puts_the_old_owner_back_is_not_fought(
    house: House, sf: FakeCrm
) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.poll()

    def flow(call: str) -> None:
        if call == "write.owners:after":
            sf.automation_sets_owner(lead, None)

    sf.on_call = flow
    house.deliver()
    settle(house)
    assert len(sf.our_writes("owner")) == 1
    assert house.state(lead) is LeadState.LEFT


@pytest.mark.parametrize("when", [None, "before we wrote", "while we wrote"])
def test_who_chooses_the_very_owner_that_we_are_about_to_write_has_chosen(
    house: House, sf: FakeCrm, when: str | None
) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.poll()
    ours = chosen(house, lead)
    if when == "before we wrote":
        sf.person_sets_owner(lead, ours)
    elif when == "while we wrote":
        once_at(sf, "write.owners:before", lambda: sf.person_sets_owner(lead, ours))
    house.deliver()
    settle(house)
    row = leads.get_lead(house.db, lead)
    assert row is not None
    assert (row.owner_id, row.by_person) == (ours, when is not None)


def test_a_choice_of_a_queue_is_put_back_and_no_task_goes_to_a_queue(
    house: House, sf: FakeCrm
) -> None:
    queue = sf.add_queue("Partners")
    house.ingests["salesforce"].refresh_owners()
    lead = sf.create_lead(email="x@acme.test")
    house.poll()
    once_at(sf, "write.owners:before", lambda: sf.person_sets_owner(lead, queue))
    house.deliver()
    settle(house)
    assert sf.owner_of(lead) == queue
    assert house.state(lead) is LeadState.LEFT
    assert queue not in {t.owner_id for t in sf.tasks.values()}


def test_a_choice_of_somebody_unknown_to_us_is_put_back(house: House, sf: FakeCrm) -> None:
    new_hire = sf.add_user("new@example.com")
    lead = sf.create_lead(email="x@acme.test")
    house.poll()
    once_at(sf, "write.owners:before", lambda: sf.person_sets_owner(lead, new_hire))
    house.deliver()
    assert sf.owner_of(lead) == new_hire
    assert house.state(lead) is LeadState.ASSIGNED
    assert house.commands.dead_letters() == []


def test_a_second_change_of_mind_during_the_put_back_stands(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.poll()
    ours = chosen(house, lead)
    first, second = [i for r in REPS if (i := user_id(sf, r)) != ours]
    writes = 0

    def strike(call: str) -> None:
        nonlocal writes
        if call == "write.owners:before":
            writes += 1
            if writes < 3:
                sf.person_sets_owner(lead, (first, second)[writes - 1])

    sf.on_call = strike
    house.deliver()
    settle(house)
    assert writes == 3
    assert sf.owner_of(lead) == second


def test_who_chooses_our_owner_after_all_is_not_put_back_to_their_first_idea(
    house: House, sf: FakeCrm
) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.poll()
    ours = chosen(house, lead)
    other = other_rep(sf, ours)
    once_at(sf, "write.owners:before", lambda: sf.person_sets_owner(lead, other))
    deliver = house.delivers["salesforce"]
    deliver.turn()
    assert house.open_writes() > 0, "the put-back waits"
    sf.person_sets_owner(lead, other, person="x")
    sf.person_sets_owner(lead, ours)
    house.deliver()
    settle(house)
    assert sf.owner_of(lead) == ours


@pytest.mark.parametrize("back_to_ours", [False, True])
def test_edits_within_one_second_are_told_apart(
    house: House, sf: FakeCrm, back_to_ours: bool
) -> None:
    sf.stamp_resolution = timedelta(seconds=1)
    lead = sf.create_lead(email="x@acme.test")
    house.poll()
    ours = chosen(house, lead)
    a, b = [i for r in REPS if (i := user_id(sf, r)) != ours]

    def quick_fingers() -> None:
        for owner in (a, None, a, b):
            sf.person_sets_owner(lead, owner)
        if back_to_ours:
            sf.person_sets_owner(lead, None)
            sf.person_sets_owner(lead, ours)

    sf.person_sets_owner(lead, a)
    sf.person_sets_owner(lead, None)
    once_at(sf, "write.owners:before", quick_fingers)
    house.deliver()
    settle(house)
    assert sf.owner_of(lead) == (ours if back_to_ours else b)


def test_a_tool_that_moves_the_lead_to_another_queue_first_does_not_lose_it(
    house: House, sf: FakeCrm
) -> None:
    inbound, other = sf.add_queue("A"), sf.add_queue("B")
    house.ingests["salesforce"].refresh_owners()
    lead = sf.create_lead(email="x@acme.test", owner_id=inbound)
    house.poll()
    sf.automation_sets_owner(lead, other)
    house.poll()
    house.deliver()
    assert owner_email(sf, lead) in REPS
    assert len(sf.tasks) == 1


def test_an_owner_outside_the_roster_keeps_the_lead_and_gets_the_task(
    house: House, sf: FakeCrm
) -> None:
    dana = sf.add_user("dana@example.com")
    house.ingests["salesforce"].refresh_owners()
    lead = sf.create_lead(email="x@acme.test")
    house.poll()
    once_at(sf, "write.owners:before", lambda: sf.person_sets_owner(lead, dana))
    house.deliver()
    assert sf.owner_of(lead) == dana
    assert {t.owner_id for t in sf.tasks.values()} == {dana}


def test_a_person_whose_choice_has_left_is_not_overruled(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.poll()
    ours = chosen(house, lead)
    sf.person_sets_owner(lead, ours)
    sf.deactivate(ours)
    house.deliver()
    settle(house)
    assert sf.owner_of(lead) == ours
    assert [d.stage for d in journal.dead_letters(house.db)] == ["deliver"]


class TestWithoutOwnerHistory:
    """Where the CRM keeps no history only the value decides."""

    @pytest.fixture
    def blind(self, sf: FakeCrm, clock: ManualClock) -> House:
        none = replace(FAKE_CAPABILITIES, owner_history=False)
        house = House(None, [sf], clock, capabilities={"salesforce": none})
        house.start()
        clock.advance(1)
        return house

    def test_our_value_is_done(self, blind: House, sf: FakeCrm) -> None:
        lead = sf.create_lead(email="x@acme.test")
        blind.round()
        assert blind.open_writes() == 0
        assert owner_email(sf, lead) in REPS
        blind.close()

    def test_another_value_is_theirs(self, blind: House, sf: FakeCrm) -> None:
        lead = sf.create_lead(email="x@acme.test")
        blind.poll()
        other = other_rep(sf, chosen(blind, lead))
        once_at(sf, "write.owners:after", lambda: sf.person_sets_owner(lead, other))
        blind.deliver()
        settle(blind)
        assert sf.owner_of(lead) == other
        assert len(sf.our_writes("owner")) == 1
        assert {t.owner_id for t in sf.tasks.values()} == {other}
        blind.close()

    def test_the_old_value_is_written_once_more_and_then_given_to_a_person(
        self, blind: House, sf: FakeCrm
    ) -> None:
        lead = sf.create_lead(email="x@acme.test")
        blind.poll()

        def flow(call: str) -> None:
            if call == "write.owners:after":
                sf.automation_sets_owner(lead, None)

        sf.on_call = flow
        for _ in range(60):
            blind.deliver()
            blind.clock.advance(3)
        assert len(sf.our_writes("owner")) == 2
        assert blind.open_writes() == 0
        assert blind.state(lead) is LeadState.DEAD_LETTER
        blind.close()


def test_changes_there_and_back_within_one_stamp_are_seen_in_the_end(
    sf: FakeCrm, clock: ManualClock
) -> None:
    """The same stamp and the same values again: only what was read between tells them apart."""
    plain = replace(FAKE_CAPABILITIES, carries_poll=False)
    house = House(None, [sf], clock, capabilities={"salesforce": plain})
    queue, ben = sf.add_queue("Partners"), user_id(sf, "ben@example.com")
    house.start()
    clock.advance(1)
    sf.stamp_resolution = timedelta(minutes=10)
    lead = sf.create_lead(email="x@acme.test", at=clock.now() + timedelta(minutes=10))
    house.poll()
    sf.person_sets_owner(lead, queue)
    house.poll()
    sf.automation_sets_owner(lead, ben)
    house.deliver()
    sf.automation_sets_owner(lead, queue)
    settle(house)
    row = leads.get_lead(house.db, lead)
    assert row is not None
    assert (row.owner_id, row.state) == (queue, LeadState.LEFT)
    house.close()


def test_an_older_sighting_tells_nothing(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="x@acme.test")
    ingest = house.ingests["salesforce"]
    asked = ingest.cursors()
    stale = ingest.connector.changes(asked)
    house.clock.advance(1)
    sf.person_sets_owner(lead, user_id(sf, "ben@example.com"))
    house.poll()
    assert house.state(lead) is LeadState.LEFT
    ingest.take(stale, asked)
    house.deliver()
    assert house.state(lead) is LeadState.LEFT
    assert not sf.our_writes()


def test_a_lead_is_not_decided_again_while_its_write_is_open(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="x@acme.test")
    sf.faults.applied_later(60, "write.owners")
    house.round()
    before = chosen(house, lead)
    house.ingests["salesforce"].look_again([lead])
    assert chosen(house, lead) == before
    assert house.db.rows("SELECT count(*) n FROM decisions")[0]["n"] == 1
    settle(house)
    assert sf.owner_of(lead) == before
    assert len(sf.our_writes("owner")) == 1


@pytest.mark.parametrize("where", ["read:before", "read:after"])
def test_a_pause_in_the_middle_of_a_turn_stops_its_write(
    house: House, sf: FakeCrm, where: str
) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.poll()
    once_at(sf, where, lambda: house.allow(False))
    house.deliver()
    assert not sf.our_writes()
    house.allow(True)
    house.clock.advance(2)
    house.deliver()
    assert owner_email(sf, lead) in REPS

"""A lead created in either CRM gets its owner and one task; people win; nothing is done twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from daemon.house import REPS, House, owner_email, user_id

from fairlead.core.types import Actor, LeadState
from fairlead.errors import PermissionMissing, Unavailable
from fairlead.spi.connector import Finding
from fairlead.store import journal
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm


def test_a_new_lead_gets_its_owner_and_one_task_and_why_explains_it(
    house: House, sf: FakeCrm
) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.round()
    assert owner_email(sf, lead) in REPS
    assert [t.owner_id for t in sf.tasks.values()] == [sf.owner_of(lead)]
    assert house.open_writes() == 0
    [why] = house.commands.why("x@acme.test")
    assert why["state"] == "assigned"
    assert why["decision"]["recomputed_equal"]
    assert any("Everybody" in line for line in why["decision"]["text"])
    assert [e["state"] for e in why["effects"]] == ["done", "done"]


def test_shares_follow_the_weights(house: House, sf: FakeCrm) -> None:
    refs = [sf.create_lead(email=f"x{i}@acme{i}.test") for i in range(40)]
    house.round()
    got = Counter(owner_email(sf, r) for r in refs)
    assert got == {"anna@example.com": 10, "ben@example.com": 10, "carla@example.com": 20}


def test_a_duplicate_follows_across_the_crms(house: House, sf: FakeCrm, hs: FakeCrm) -> None:
    first = sf.create_lead(email="Same@acme.test")
    house.round()
    second = hs.create_lead(email="same@ACME.test")
    third = sf.create_lead(email="same@acme.test")
    house.round()
    owners = {owner_email(sf, first), owner_email(hs, second), owner_email(sf, third)}
    assert len(owners) == 1
    assert owners <= set(REPS)


def test_two_duplicates_in_one_page_go_together(house: House, sf: FakeCrm) -> None:
    a = sf.create_lead(email="twin@acme.test")
    b = sf.create_lead(email="twin@acme.test")
    house.round()
    assert owner_email(sf, a) == owner_email(sf, b) is not None


def test_leads_older_than_the_first_start_are_never_touched(
    clock: ManualClock, sf: FakeCrm
) -> None:
    old = sf.create_lead(email="old@acme.test")
    clock.advance(60)
    house = House(None, [sf], clock)
    house.start()
    clock.advance(60)
    sf.update(old, company="Changed")
    house.round()
    assert house.state(old) is LeadState.PRE_EXISTING
    assert sf.owner_of(old) is None
    assert not sf.our_writes()
    house.close()


def test_a_new_lead_follows_the_owner_of_an_old_one(clock: ManualClock, sf: FakeCrm) -> None:
    ben = user_id(sf, "ben@example.com")
    sf.create_lead(email="old@acme.test", owner_id=ben)
    clock.advance(60)
    house = House(None, [sf], clock)
    house.start()
    clock.advance(60)
    new = sf.create_lead(email="old@acme.test")
    house.round()
    assert sf.owner_of(new) == ben
    house.close()


def test_a_lead_that_a_person_owns_is_left_alone(house: House, sf: FakeCrm) -> None:
    anna = user_id(sf, "anna@example.com")
    lead = sf.create_lead(email="mine@acme.test", owner_id=anna)
    house.round()
    assert house.state(lead) is LeadState.LEFT
    assert sf.owner_of(lead) == anna
    assert not sf.our_writes()


def test_a_lead_reassigned_by_a_person_stays_theirs(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.round()
    other = next(user_id(sf, r) for r in REPS if user_id(sf, r) != sf.owner_of(lead))
    sf.person_sets_owner(lead, other)
    house.clock.advance(30)
    house.round()
    sf.update(lead, company="Acme Two")
    house.clock.advance(30)
    house.round()
    assert sf.owner_of(lead) == other


def test_a_person_who_is_faster_than_our_write_wins(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.poll()
    ben = user_id(sf, "ben@example.com")
    sf.person_sets_owner(lead, ben)
    house.deliver()
    assert sf.owner_of(lead) == ben
    assert not sf.our_writes("owner")
    assert [t.owner_id for t in sf.tasks.values()] in ([], [ben])


def test_a_person_who_races_our_write_gets_their_choice_put_back(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.poll()
    ours = house.delivers["salesforce"]
    wanted = next(
        user_id(sf, r)
        for r in REPS
        if user_id(sf, r) != house.db.row("SELECT owner_id FROM leads")["owner_id"]
    )

    def person_strikes(call: str) -> None:
        if call == "write.owners:before":
            sf.on_call = lambda _: None
            sf.person_sets_owner(lead, wanted)

    sf.on_call = person_strikes
    while ours.turn():
        pass
    assert sf.owner_of(lead) == wanted
    assert house.open_writes() == 0
    assert {t.owner_id for t in sf.tasks.values()} == {wanted}


def test_an_owner_the_crm_refuses_is_replaced_by_the_next(house: House, sf: FakeCrm) -> None:
    anna = user_id(sf, "anna@example.com")
    sf.faults.bad_owner(anna)
    refs = [sf.create_lead(email=f"x{i}@acme{i}.test") for i in range(4)]
    house.round()
    house.clock.advance(10)
    house.round()
    assert anna not in {sf.owner_of(r) for r in refs}
    assert all(owner_email(sf, r) in REPS for r in refs)


def test_a_rep_deactivated_between_decision_and_write_is_skipped(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.poll()
    chosen = house.db.row("SELECT owner_id FROM leads")["owner_id"]
    sf.deactivate(chosen)
    house.ingests["salesforce"].refresh_owners()
    house.deliver()
    assert sf.owner_of(lead) not in (None, chosen)


def test_one_unreadable_record_never_stops_the_others(house: House, sf: FakeCrm) -> None:
    bad = sf.create_lead(email="bad@acme.test")
    sf.corrupt(bad)
    good = sf.create_lead(email="good@acme.test")
    house.round()
    assert owner_email(sf, good) in REPS
    assert house.state(bad) is LeadState.DEAD_LETTER
    [letter] = house.commands.dead_letters()
    assert letter["lead"] == str(bad)
    sf.mend(bad)
    house.commands.retry(letter["id"])
    house.ingests["salesforce"].release_held()
    house.deliver()
    assert owner_email(sf, bad) in REPS
    assert house.commands.dead_letters() == []


def test_a_refused_write_is_a_dead_letter_and_the_rest_goes_on(house: House, sf: FakeCrm) -> None:
    bad = sf.create_lead(email="bad@acme.test")
    sf.faults.refuse(bad)
    good = sf.create_lead(email="good@acme.test")
    house.round()
    assert owner_email(sf, good) in REPS
    assert house.state(bad) is LeadState.DEAD_LETTER
    assert [d.stage for d in journal.dead_letters(house.db)] == ["deliver"]


def test_a_timeout_that_was_applied_is_not_repeated(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="x@acme.test")
    sf.faults.timeout_applied("write.owners")
    house.round()
    assert house.open_writes() == 1
    house.deliver()
    assert len(sf.our_writes("owner")) == 1
    house.clock.advance(121)
    house.deliver()
    assert house.open_writes() == 0
    assert len(sf.our_writes("owner")) == 1
    assert len(sf.tasks) == 1
    assert house.state(lead) is LeadState.ASSIGNED


def test_a_timeout_that_was_not_applied_is_sent_after_the_quiet_period(
    house: House, sf: FakeCrm
) -> None:
    lead = sf.create_lead(email="x@acme.test")
    sf.faults.timeout_not_applied("write.owners")
    house.round()
    assert sf.owner_of(lead) is None
    house.clock.advance(60)
    house.deliver()
    assert sf.owner_of(lead) is None, "the quiet period has not passed"
    house.clock.advance(61)
    house.deliver()
    assert owner_email(sf, lead) in REPS
    assert len(sf.tasks) == 1


def test_a_crm_that_is_down_is_tried_again(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.poll()
    sf.faults.fail_next("write", Unavailable("down", after=5.0))
    with pytest.raises(Unavailable):
        house.deliver()
    house.clock.advance(6)
    house.deliver()
    assert owner_email(sf, lead) in REPS


def test_nothing_is_written_while_stopped_and_all_of_it_afterwards(
    house: House, sf: FakeCrm
) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.allowed = False
    house.round()
    assert sf.owner_of(lead) is None
    house.allowed = True
    house.round()
    assert owner_email(sf, lead) in REPS


def test_nobody_free_holds_the_lead_until_somebody_is(house: House, sf: FakeCrm) -> None:
    users = [user_id(sf, r) for r in REPS]
    for u in users:
        sf.deactivate(u)
    house.ingests["salesforce"].refresh_owners()
    lead = sf.create_lead(email="x@acme.test")
    house.round()
    assert house.state(lead) is LeadState.HELD
    sf.activate(users[1])
    house.ingests["salesforce"].refresh_owners()
    house.ingests["salesforce"].release_held()
    house.deliver()
    assert sf.owner_of(lead) == users[1]


def test_automation_that_overrules_us_is_not_fought(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.poll()
    ben = user_id(sf, "ben@example.com")

    def flow(call: str) -> None:
        if call == "write.owners:after":
            sf.on_call = lambda _: None
            sf.automation_sets_owner(lead, ben)

    sf.on_call = flow
    house.deliver()
    for _ in range(5):
        house.clock.advance(130)
        house.round()
    assert sf.owner_of(lead) == ben
    assert len(sf.our_writes("owner")) <= 1


def test_a_lead_merged_or_deleted_before_the_write_is_gone(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.poll()
    sf.delete(lead)
    house.deliver()
    assert house.state(lead) is LeadState.GONE
    assert house.open_writes() == 0
    assert not sf.our_writes()


def test_every_lead_seen_is_in_exactly_one_state(house: House, sf: FakeCrm, hs: FakeCrm) -> None:
    for i in range(30):
        (sf if i % 2 else hs).create_lead(email=f"x{i % 7}@acme.test")
    house.round()
    counts = house.commands.status()["leads"]
    assert sum(n for states in counts.values() for n in states.values()) == 30


def test_owner_history_of_the_fake_tells_who(sf: FakeCrm, house: House) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.round()
    assert sf.row(lead).history[-1].actor is Actor.US
    assert house.clock.now() - sf.row(lead).history[-1].at < timedelta(minutes=1)


def test_a_crm_that_lacks_what_is_needed_stops_with_the_remedy_before_anything_is_stored(
    clock: ManualClock, sf: FakeCrm
) -> None:
    house = House(None, [sf], clock)
    connector = house.ingests["salesforce"].connector
    probe = connector.probe()
    lacking = Finding("our user", False, "not known", "grant View Setup")
    connector.probe = lambda: replace(probe, findings=(lacking,))  # type: ignore[method-assign]
    with pytest.raises(PermissionMissing, match="our user: not known") as stopped:
        house.ingests["salesforce"].first_contact()
    assert stopped.value.remedy == "grant View Setup"
    assert house.commands.status()["connectors"] == {}
    house.close()

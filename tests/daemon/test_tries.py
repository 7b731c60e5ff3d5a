"""Refusals, locks and bad owners: each concerns one lead, ends some day, and costs no turn."""

from __future__ import annotations

from fractions import Fraction

from daemon.house import REPS, House, owner_email, user_id

from fairlead.core.types import Kind, LeadState, Ref
from fairlead.errors import Ambiguous, NeedsOperator, Unavailable
from fairlead.store import decisions, journal, outbox
from fairlead.testing.fake_crm import FakeCrm


def received(house: House) -> int:
    return sum(n for _, _, _, n in decisions.received(house.db))


def test_a_row_that_stays_locked_becomes_a_dead_letter_alone(house: House, sf: FakeCrm) -> None:
    stuck = sf.create_lead(email="stuck@acme.test")
    sf.faults.lock(stuck, 10_000)
    other = sf.create_lead(email="other@acme.test")
    house.round()
    assert owner_email(sf, other) in REPS
    for _ in range(60):
        house.clock.advance(300)
        house.deliver()
    assert house.state(stuck) is LeadState.DEAD_LETTER
    assert house.open_writes() == 0
    [letter] = house.commands.dead_letters()
    assert letter["stage"] == "deliver"
    assert "row locked" in letter["reason"]
    assert "tries" in letter["reason"]


def test_a_row_that_is_locked_for_minutes_is_written_in_the_end(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="x@acme.test")
    sf.faults.lock(lead, 9)
    for _ in range(60):
        house.round()
        house.clock.advance(15)
    assert owner_email(sf, lead) in REPS
    assert len(sf.tasks) == 1
    assert house.commands.dead_letters() == []


def test_an_outage_of_hours_is_no_reason_to_give_a_lead_up(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.poll()
    sf.faults.fail_next("write", Unavailable("down", after=60.0), times=100)
    for _ in range(100):
        try:
            house.deliver()
        except Unavailable:
            house.clock.advance(61)
    sf.faults.lock(lead, 1)
    house.deliver()
    house.clock.advance(61)
    house.deliver()
    assert owner_email(sf, lead) in REPS


def test_a_refused_lead_gives_the_turn_back_and_a_retry_takes_one(
    house: House, sf: FakeCrm
) -> None:
    lead = sf.create_lead(email="x@acme.test")
    sf.faults.refuse(lead)
    house.round()
    assert received(house) == 0
    owed = decisions.balances(house.db)["beside team:inbound"]
    assert owed == {"carla@example.com": 1, "(outside)": -1}
    sf.faults.clear()
    house.commands.retry(None)
    house.ingests["salesforce"].release_held()
    house.deliver()
    assert owner_email(sf, lead) in REPS
    assert received(house) == 1
    assert house.commands.dead_letters() == []


def test_a_dropped_lead_stays_dropped_whatever_is_edited(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="x@acme.test")
    sf.faults.refuse(lead)
    house.round()
    [letter] = house.commands.dead_letters()
    house.commands.drop(letter["id"])
    sf.faults.clear()
    house.clock.advance(5)
    sf.update(lead, country="FR")
    house.round()
    assert house.state(lead) is LeadState.TERMINAL
    assert sf.owner_of(lead) is None


def test_a_refused_task_is_made_on_retry(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.poll()

    def refuse_after_owner(call: str) -> None:
        if call == "write.owners:after":
            sf.faults.refuse(lead)

    sf.on_call = refuse_after_owner
    house.deliver()
    assert house.state(lead) is LeadState.ASSIGNED
    assert len(house.commands.dead_letters()) == 1
    sf.on_call = lambda _: None
    sf.faults.clear()
    house.commands.retry(None)
    house.deliver()
    assert [t.owner_id for t in sf.tasks.values()] == [sf.owner_of(lead)]
    assert house.commands.dead_letters() == []


def test_everybody_refused_is_no_verdict_for_ever(house: House, sf: FakeCrm) -> None:
    for r in REPS:
        sf.faults.bad_owner(user_id(sf, r))
    lead = sf.create_lead(email="x@acme.test")
    house.round()
    house.clock.advance(10)
    house.deliver()
    assert house.state(lead) is LeadState.HELD
    assert received(house) == 0
    sf.faults.clear()
    house.clock.advance(16 * 60)
    house.ingests["salesforce"].release_held()
    house.deliver()
    assert owner_email(sf, lead) in REPS
    assert len(sf.tasks) == 1


def test_a_queue_that_cannot_own_is_passed_over_too(sf: FakeCrm, house: House) -> None:
    policy = house.policy.replace("otherwise: {to: {team: inbound}}", "otherwise: {to: {queue: Q}}")
    policy = policy.replace(
        "    to: {team: inbound}\n", '    when: country == "FR"\n    to: {team: inbound}\n'
    )
    queue = sf.add_queue("Q")
    sf.faults.bad_owner(queue)
    own = House(None, [sf], house.clock, policy=policy)
    own.start()
    own.clock.advance(1)
    lead = sf.create_lead(email="x@acme.test")
    own.poll()
    own.deliver()
    assert own.state(lead) is LeadState.HELD
    assert own.open_writes() == 0
    own.close()


def test_a_person_races_and_the_rep_gets_the_turn_back(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.poll()
    sf.person_sets_owner(lead, user_id(sf, "ben@example.com"))
    house.deliver()
    assert received(house) == 0


def test_a_deleted_lead_gives_the_turn_back_even_in_the_page_of_the_next(
    house: House, sf: FakeCrm
) -> None:
    gone = sf.create_lead(email="gone@acme.test")
    house.poll()
    house.clock.advance(1)
    sf.delete(gone)
    house.clock.advance(1)
    sf.create_lead(email="next@acme.test")
    house.poll()
    sums: dict[str, dict[str, Fraction]] = {}
    for r in house.db.rows("SELECT pool, rep_id, delta FROM ledger"):
        held = sums.setdefault(r["pool"], {})
        held[r["rep_id"]] = held.get(r["rep_id"], Fraction(0)) + Fraction(r["delta"])
    assert decisions.balances(house.db) == sums
    assert [sum(held.values()) for held in sums.values()] == [0, 0]
    assert received(house) == 1


def test_a_record_that_nobody_foresaw_is_a_dead_letter_and_not_a_crash(
    house: House, sf: FakeCrm
) -> None:
    odd = sf.create_lead(email="odd@acme.test", company="half a pair \ud83d")
    good = sf.create_lead(email="good@acme.test")
    house.round()
    assert owner_email(sf, good) in REPS
    assert house.state(odd) in (LeadState.ASSIGNED, LeadState.DEAD_LETTER)


def test_a_row_that_cannot_be_read_waits_with_its_write(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.poll()
    sf.corrupt(lead)
    house.round()
    assert sf.owner_of(lead) is None
    assert house.state(lead) is LeadState.ASSIGNED
    sf.mend(lead)
    house.clock.advance(5)
    house.round()
    assert owner_email(sf, lead) in REPS


def test_a_lost_look_for_tasks_puts_all_of_the_batch_back(house: House, sf: FakeCrm) -> None:
    sf.create_lead(email="x@acme.test")
    sf.faults.timeout_applied("write.tasks")
    house.round()
    house.clock.advance(121)
    sf.create_lead(email="y@acme.test")
    house.poll()
    sf.faults.fail_next("find_tasks", Unavailable("down", after=2.0))
    try:
        house.deliver()
        raise AssertionError("the look for tasks did not fail")
    except Unavailable:
        house.clock.advance(3)
    house.deliver()
    assert house.open_writes() == 0
    assert len(sf.tasks) == 2


def test_a_write_of_unknown_fate_is_not_overtaken_by_a_new_payload(
    house: House, sf: FakeCrm
) -> None:
    """A task that may still arrive and the one that follows the lead to a person must not race."""
    lead = sf.create_lead(email="x@acme.test")
    house.poll()
    sf.faults.applied_later(60, "write.tasks")
    row = house.db.row("SELECT owner_id FROM leads")
    assert row is not None
    ben = next(i for r in REPS if (i := user_id(sf, r)) != row["owner_id"])

    def strike(call: str) -> None:
        if call == "write.owners:before":
            sf.on_call = lambda _: None
            sf.person_sets_owner(lead, ben)

    sf.on_call = strike
    for _ in range(20):
        house.deliver()
        house.clock.advance(10)
    assert sf.owner_of(lead) == ben
    assert [t.owner_id for t in sf.tasks.values()] == [ben]
    assert house.open_writes() == 0


def test_a_call_that_needs_an_operator_puts_the_rows_back(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.poll()
    for error in (NeedsOperator("log in"), Ambiguous("reset")):
        sf.faults.fail_next("read", error)
        try:
            house.deliver()
            raise AssertionError("the call did not fail")
        except (NeedsOperator, Ambiguous):
            house.clock.advance(10)
    house.deliver()
    assert owner_email(sf, lead) in REPS


def test_an_effect_key_is_the_same_for_the_same_decision(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.poll()
    keys = [o.key for o in outbox.of_lead(house.db, lead)]
    again = House(None, [sf], house.clock)
    again.start()
    with again.db.transaction():
        again.db.execute("UPDATE connectors SET baseline = '2020-01-01T00:00:00+00:00'")
        again.db.execute("DELETE FROM leads")
        again.db.execute("DELETE FROM cursors")
    again.poll()
    assert [o.key for o in outbox.of_lead(again.db, lead)] == keys
    again.close()


def test_refused_events_reach_the_journal(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="x@acme.test")
    sf.faults.refuse(lead, "needs a phone number")
    house.round()
    events = [j.event for j in journal.of_lead(house.db, lead)]
    assert "effect.refused" in events
    assert Ref("salesforce", "Lead", lead.id) == lead
    assert sf.kind_of(lead) is Kind.LEAD


def test_a_retry_of_a_put_back_sends_the_put_back_again(house: House, sf: FakeCrm) -> None:
    lead = sf.create_lead(email="x@acme.test")
    house.poll()
    ours = house.db.row("SELECT owner_id FROM leads")
    assert ours is not None
    wanted = next(user_id(sf, r) for r in REPS if user_id(sf, r) != ours["owner_id"])

    def person_strikes(call: str) -> None:
        if call == "write.owners:before":
            sf.on_call = lambda _: None
            sf.person_sets_owner(lead, wanted)

    sf.on_call = person_strikes
    house.delivers["salesforce"].turn()
    sf.faults.refuse(lead)
    house.deliver()
    assert [d["stage"] for d in house.commands.dead_letters()] == ["deliver"]
    sf.faults.clear()
    house.commands.retry(None)
    house.deliver()
    assert sf.owner_of(lead) == wanted

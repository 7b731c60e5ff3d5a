"""A field or a membership is written once, never over what somebody else has done since."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta

import pytest
from daemon.house import House, an_org

from fairlead.core.effects import Effect, SetField, SetMember, SetScore
from fairlead.core.types import LeadState, Ref
from fairlead.daemon.dry_run import _told
from fairlead.errors import PermissionMissing, RetryLater
from fairlead.store import journal, leads, outbox
from fairlead.store.outbox import OutboxState
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm
from fairlead.testing.fake_faults import FakeFaults

QUIET = 121


@pytest.fixture(params=["salesforce", "hubspot"])
def crm(request: pytest.FixtureRequest, clock: ManualClock) -> FakeCrm:
    return an_org(clock, str(request.param))


@pytest.fixture
def house(crm: FakeCrm, clock: ManualClock) -> Iterator[House]:
    house = House(None, [crm], clock)
    house.start()
    clock.advance(1)
    yield house
    house.close()


@pytest.fixture
def ref(house: House, crm: FakeCrm) -> Ref:
    """A lead that was given away, with nothing left to write."""
    ref = crm.create_lead(email="jo@acme.test", status="Working")
    house.round()
    assert house.open_writes() == 0
    return ref


@pytest.fixture
def group(crm: FakeCrm) -> str:
    return crm.groups.create("Nurture")


def intend(house: House, *effects: Effect) -> None:
    row = leads.get_lead(house.db, effects[0].ref)
    assert row is not None
    assert row.decision_id is not None
    with house.db.transaction():
        for effect in effects:
            now = house.clock.now()
            outbox.add(house.db, effect, decision_id=row.decision_id, urgent=False, now=now)


def state(house: House, key: str) -> OutboxState:
    row = outbox.get(house.db, key)
    assert row is not None
    return row.state


def moves(crm: FakeCrm, op: str) -> list[tuple[str | None, str | None]]:
    """What our writes of one kind really changed."""
    return [(a.old, a.new) for a in crm.our_writes(op) if a.old != a.new]


def drain(house: House, clock: ManualClock, times: int = 12) -> None:
    for _ in range(times):
        with contextlib.suppress(RetryLater):
            house.round()
        clock.advance(31)


def status(ref: Ref, value: str, expected: str | None = "Working", key: str = "f1") -> SetField:
    return SetField(key, ref, "status", value, expected)


def test_a_field_is_written_read_back_and_told(house: House, crm: FakeCrm, ref: Ref) -> None:
    intend(house, status(ref, "Nurture"))
    house.deliver()
    assert crm.row(ref).fields["status"] == "Nurture"
    assert state(house, "f1") is OutboxState.DONE
    assert [j.event for j in journal.of_lead(house.db, ref)].count("field.written") == 1


def test_a_field_that_somebody_changed_since_is_left_alone(
    house: House, crm: FakeCrm, ref: Ref
) -> None:
    crm.update(ref, status="Closed")
    intend(house, status(ref, "Nurture"))
    house.deliver()
    assert crm.row(ref).fields["status"] == "Closed"
    assert state(house, "f1") is OutboxState.SUPERSEDED
    assert moves(crm, "field") == []
    assert house.state(ref) is LeadState.ASSIGNED


def test_a_field_that_shows_the_value_already_is_done_without_a_write(
    house: House, crm: FakeCrm, ref: Ref
) -> None:
    crm.update(ref, status="Nurture")
    intend(house, status(ref, "Nurture", expected="Working"))
    house.deliver()
    assert state(house, "f1") is OutboxState.DONE
    assert crm.calls["write.fields"] == 0


@pytest.mark.parametrize("empty", [None, ""])
def test_nothing_is_expected_of_an_empty_field_and_nothing_clears_one(
    house: House, crm: FakeCrm, ref: Ref, empty: str | None
) -> None:
    intend(house, SetField("f1", ref, "rating", "Cold", empty))
    house.deliver()
    assert crm.row(ref).fields["rating"] == "Cold"
    intend(house, SetField("f2", ref, "rating", "", "Cold"))
    house.deliver()
    assert crm.row(ref).fields["rating"] is None
    assert state(house, "f2") is OutboxState.DONE


def test_a_person_who_changes_it_right_after_us_keeps_theirs(
    house: House, crm: FakeCrm, clock: ManualClock, ref: Ref
) -> None:
    crm.on_call = lambda call: (
        crm.update(ref, status="Theirs") if call == "write.fields:after" else None
    )
    intend(house, status(ref, "Nurture"))
    house.deliver()
    crm.on_call = lambda _: None
    drain(house, clock)
    assert crm.row(ref).fields["status"] == "Theirs"
    assert state(house, "f1") is OutboxState.SUPERSEDED
    assert moves(crm, "field") == [("Working", "Nurture")]


def test_two_values_of_one_field_go_one_after_the_other(
    house: House, crm: FakeCrm, clock: ManualClock, ref: Ref
) -> None:
    crm.faults.lock(ref)
    intend(house, status(ref, "Nurture"), status(ref, "Back", "Nurture", "f2"))
    house.deliver()
    assert crm.row(ref).fields["status"] == "Working", "the second waits for the first"
    drain(house, clock)
    assert moves(crm, "field") == [("Working", "Nurture"), ("Nurture", "Back")]


def test_what_waits_for_an_earlier_write_asks_for_no_attention(
    house: House, crm: FakeCrm, clock: ManualClock, ref: Ref
) -> None:
    crm.faults.lock(ref)
    intend(house, status(ref, "Nurture"), status(ref, "Back", "Nurture", "f2"))
    house.deliver()
    due = outbox.next_due(house.db, crm.name)
    assert due is not None
    assert due > clock.now()


def test_other_fields_of_the_lead_and_scores_do_not_wait(
    house: House, crm: FakeCrm, ref: Ref
) -> None:
    intend(house, status(ref, "Nurture"), SetField("f2", ref, "rating", "Cold", None))
    intend(house, SetScore("s1", ref, "points", 7))
    house.deliver()
    fields = crm.row(ref).fields
    assert (fields["status"], fields["rating"], fields["points"]) == ("Nurture", "Cold", 7)


def test_a_field_that_is_refused_is_a_dead_letter_and_can_be_tried_again(
    house: House, crm: FakeCrm, clock: ManualClock, ref: Ref
) -> None:
    crm.faults.refuse(ref, "validation rule")
    intend(house, status(ref, "Nurture"))
    house.deliver()
    assert state(house, "f1") is OutboxState.REFUSED
    assert house.state(ref) is LeadState.ASSIGNED, "its owner stands"
    [letter] = journal.dead_letters(house.db)
    crm.faults.clear()
    house.commands.retry(letter.id)
    drain(house, clock, 2)
    assert crm.row(ref).fields["status"] == "Nurture"
    assert journal.dead_letters(house.db) == []


def test_a_lead_waits_for_a_person_once_for_each_field_and_group(
    house: House, crm: FakeCrm, clock: ManualClock, ref: Ref, group: str
) -> None:
    crm.faults.refuse(ref, "validation rule")
    intend(house, status(ref, "Nurture"), SetMember("m1", ref, group, True))
    house.deliver()
    stages = {d.stage for d in journal.dead_letters(house.db)}
    assert stages == {"deliver field status", f"deliver group {group}"}
    crm.faults.clear()
    house.commands.retry(None)
    drain(house, clock, 2)
    assert crm.row(ref).fields["status"] == "Nurture"
    assert crm.groups.has(ref, group)


# -- memberships ---------------------------------------------------------------------------


def test_a_lead_is_put_in_and_taken_out_and_both_are_told(
    house: House, crm: FakeCrm, ref: Ref, group: str
) -> None:
    intend(house, SetMember("m1", ref, group, True))
    house.deliver()
    assert crm.groups.has(ref, group)
    intend(house, SetMember("m2", ref, group, False))
    house.deliver()
    assert not crm.groups.has(ref, group)
    assert [state(house, k) for k in ("m1", "m2")] == [OutboxState.DONE] * 2
    told = [j for j in journal.of_lead(house.db, ref) if j.event == "member.written"]
    assert [(t.detail["group"], t.detail["member"]) for t in told] == [
        (group, True),
        (group, False),
    ]


def test_in_and_out_of_one_group_keep_their_order(
    house: House, crm: FakeCrm, clock: ManualClock, ref: Ref, group: str
) -> None:
    crm.faults.lock(ref)
    intend(house, SetMember("m1", ref, group, True), SetMember("m2", ref, group, False))
    drain(house, clock)
    assert moves(crm, "member") == [("out", "in"), ("in", "out")]
    assert not crm.groups.has(ref, group)


def test_a_membership_that_shows_late_is_waited_for(
    house: House, crm: FakeCrm, clock: ManualClock, ref: Ref, group: str
) -> None:
    crm.groups.lag = timedelta(seconds=8)
    intend(house, SetMember("m1", ref, group, True))
    house.deliver()
    assert state(house, "m1") is OutboxState.SENT
    for _ in range(4):
        clock.advance(3)
        house.deliver()
    assert state(house, "m1") is OutboxState.DONE
    assert crm.calls["write.members"] == 1


def test_a_person_who_takes_the_lead_out_again_wins(
    house: House, crm: FakeCrm, clock: ManualClock, ref: Ref, group: str
) -> None:
    crm.on_call = lambda call: (
        crm.groups.remove(ref, group) if call == "write.members:after" else None
    )
    intend(house, SetMember("m1", ref, group, True))
    house.deliver()
    crm.on_call = lambda _: None
    drain(house, clock)
    assert not crm.groups.has(ref, group)
    assert state(house, "m1") is OutboxState.SUPERSEDED
    assert crm.calls["write.members"] == 1


def test_a_group_that_is_not_there_is_a_dead_letter_and_stops_nothing_else(
    house: House, crm: FakeCrm, ref: Ref, group: str
) -> None:
    intend(house, SetMember("m1", ref, "nowhere", True), SetMember("m2", ref, group, True))
    house.deliver()
    assert state(house, "m1") is OutboxState.REFUSED
    assert [d.effect_key for d in journal.dead_letters(house.db)] == ["m1"]
    assert crm.groups.has(ref, group)


def test_a_lead_that_goes_takes_its_writes_with_it(
    house: House, crm: FakeCrm, ref: Ref, group: str
) -> None:
    crm.convert(ref)
    intend(house, SetMember("m1", ref, group, True), status(ref, "Nurture"))
    house.deliver()
    assert [state(house, k) for k in ("m1", "f1")] == [OutboxState.GONE] * 2
    assert moves(crm, "member") == []


@pytest.mark.parametrize("fault", ["timeout_applied", "timeout_not_applied", "applied_later"])
@pytest.mark.parametrize("call", ["write.fields", "write.members"])
def test_without_an_answer_it_is_looked_up_and_written_once(
    house: House, crm: FakeCrm, clock: ManualClock, ref: Ref, group: str, call: str, fault: str
) -> None:
    strike = getattr(crm.faults, fault)
    strike(60, call) if fault == "applied_later" else strike(call)
    intend(house, status(ref, "Nurture"), SetMember("m1", ref, group, True))
    house.deliver()
    assert house.open_writes() == 1, "the other one is done"
    clock.advance(QUIET)
    drain(house, clock)
    assert house.open_writes() == 0
    assert moves(crm, "field") == [("Working", "Nurture")]
    assert moves(crm, "member") == [("out", "in")]
    sends = crm.calls[call]
    assert sends == (2 if fault == "timeout_not_applied" else 1)


def test_a_look_at_memberships_that_fails_loses_nothing(
    house: House, crm: FakeCrm, clock: ManualClock, ref: Ref, group: str
) -> None:
    crm.faults.fail_next("members_of", RetryLater("later", after=1.0), times=3)
    intend(house, SetMember("m1", ref, group, True))
    drain(house, clock)
    assert state(house, "m1") is OutboxState.DONE
    assert moves(crm, "member") == [("out", "in")]


def test_a_write_that_nobody_may_make_goes_back_for_later(
    house: House, crm: FakeCrm, clock: ManualClock, ref: Ref, group: str
) -> None:
    error = PermissionMissing("no right", remedy="give it")
    crm.faults.fail_next("write.members", error)
    intend(house, SetMember("m1", ref, group, True))
    with pytest.raises(PermissionMissing):
        house.deliver()
    drain(house, clock)
    assert state(house, "m1") is OutboxState.DONE


def test_a_plan_names_field_and_group(ref: Ref) -> None:
    assert _told(status(ref, "Nurture")) == ("field", "status = Nurture")
    assert _told(SetMember("m", ref, "g1", True)) == ("member", "into g1")
    assert _told(SetMember("m", ref, "g1", False)) == ("member", "out of g1")


# -- kill -9 -------------------------------------------------------------------------------


class Killed(BaseException):
    """The process dies here."""


def a_day(at: int | None, strike: str | None) -> int:
    """Two values of a field, a membership in and another out, killed at the n-th point."""
    clock, count = ManualClock(), 0
    crm = an_org(clock)
    house = House(None, [crm], clock)
    house.start()
    ref = crm.create_lead(email="jo@acme.test", status="Working")
    house.round()
    one, two = crm.groups.create("One"), crm.groups.create("Two")
    crm.groups.add(ref, two)
    faults: FakeFaults = crm.faults
    if strike is not None:
        getattr(faults, strike)("write.fields")
        getattr(faults, strike)("write.members")
    intend(
        house,
        status(ref, "Nurture"),
        status(ref, "Back", "Nurture", "f2"),
        SetMember("m1", ref, one, True),
        SetMember("m2", ref, two, False),
    )

    def point(_: str) -> None:
        nonlocal count
        count += 1
        if count == at:
            raise Killed

    crm.on_call = house.on_commit = point
    for _ in range(30):
        try:
            house.round()
        except Killed:
            house.restart()
            continue
        except RetryLater:
            pass
        if not house.open_writes():
            break
        clock.advance(31)
    assert house.open_writes() == 0, "the outbox does not drain"
    assert moves(crm, "field") == [("Working", "Nurture"), ("Nurture", "Back")], at
    assert sorted(moves(crm, "member")) == [("in", "out"), ("out", "in")], at
    assert (crm.groups.has(ref, one), crm.groups.has(ref, two)) == (True, False)
    keys = ("f1", "f2", "m1", "m2")
    assert {state(house, k) for k in keys} == {OutboxState.DONE}, at
    house.close()
    return count


@pytest.mark.parametrize("strike", [None, "timeout_applied", "timeout_not_applied"])
def test_a_crash_at_any_point_writes_each_once(strike: str | None) -> None:
    whole = a_day(None, strike)
    assert whole > 15
    for n in range(1, whole + 1):
        a_day(n, strike)

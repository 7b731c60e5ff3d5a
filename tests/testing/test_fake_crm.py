"""What the house's tests may rely on in the fake CRM, beyond the connector contract."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from fairlead.core.activity import ActivityKind
from fairlead.core.effects import SetOwner, UpsertTask
from fairlead.core.types import Actor, Kind, Record, Ref
from fairlead.errors import Ambiguous, AuthFailed, RateLimited, Unavailable
from fairlead.spi.connector import ActivitiesOf, Outcome
from fairlead.testing import FakeConnector, FakeCrm, ManualClock
from fairlead.testing.fake_connector import FAKE_CAPABILITIES


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def crm(clock: ManualClock) -> FakeCrm:
    return FakeCrm(clock, name="hubspot", lead_object="contacts")


@pytest.fixture
def connector(crm: FakeCrm) -> FakeConnector:
    return FakeConnector(crm)


def set_owner(ref: Ref, owner_id: str, key: str = "k1") -> SetOwner:
    return SetOwner(key, ref, owner_id, expected_owner_id=None)


def a_task(ref: Ref, owner_id: str, clock: ManualClock, key: str = "t1") -> UpsertTask:
    return UpsertTask(key, ref, f"marker-{key}", owner_id, "Call", "Please", clock.now())


def seen(connector: FakeConnector) -> list[Ref]:
    start = connector.start_cursor(Kind.LEAD, since=None)
    return [r.ref for r in connector.changes({Kind.LEAD: start})[Kind.LEAD].records]


def test_refs_carry_the_crm_s_name_and_lead_object(crm: FakeCrm) -> None:
    ref = crm.create_lead()
    assert (ref.crm, ref.object) == ("hubspot", "contacts")


def test_a_write_is_audited_as_ours_with_its_key(crm: FakeCrm, connector: FakeConnector) -> None:
    anna, lead = crm.add_user("anna@example.com"), crm.create_lead()
    connector.write([set_owner(lead, anna)])
    [entry] = crm.our_writes("owner")
    assert (entry.ref, entry.old, entry.new, entry.key) == (lead, None, anna, "k1")


def test_history_names_person_automation_and_us(crm: FakeCrm, connector: FakeConnector) -> None:
    anna, ben = crm.add_user("anna@example.com"), crm.add_user("ben@example.com")
    lead = crm.create_lead()
    connector.write([set_owner(lead, anna)])
    crm.automation_sets_owner(lead, ben)
    crm.person_sets_owner(lead, anna, person=ben)
    record = connector.read([lead])[lead]
    assert isinstance(record, Record)
    assert record.owner_history is not None
    changes = [(h.owner_id, h.actor) for h in record.owner_history]
    assert changes == [(anna, Actor.US), (ben, Actor.AUTOMATION), (anna, Actor.PERSON)]


def test_a_timeout_that_was_applied_is_ambiguous(crm: FakeCrm, connector: FakeConnector) -> None:
    anna, lead = crm.add_user("anna@example.com"), crm.create_lead()
    crm.faults.timeout_applied()
    [receipt] = connector.write([set_owner(lead, anna)]).receipts
    assert receipt.outcome is Outcome.AMBIGUOUS
    assert crm.owner_of(lead) == anna


def test_a_timeout_that_was_not_applied_is_ambiguous_too(
    crm: FakeCrm, connector: FakeConnector
) -> None:
    anna, lead = crm.add_user("anna@example.com"), crm.create_lead()
    crm.faults.timeout_not_applied()
    [receipt] = connector.write([set_owner(lead, anna)]).receipts
    assert receipt.outcome is Outcome.AMBIGUOUS
    assert crm.owner_of(lead) is None


def test_a_write_may_land_long_after_its_timeout(
    crm: FakeCrm, connector: FakeConnector, clock: ManualClock
) -> None:
    anna, lead = crm.add_user("anna@example.com"), crm.create_lead()
    crm.faults.applied_later(90)
    connector.write([set_owner(lead, anna)])
    clock.advance(89)
    assert crm.owner_of(lead) is None
    clock.advance(1)
    assert crm.owner_of(lead) == anna


def test_only_the_tasks_of_a_write_can_break(
    crm: FakeCrm, connector: FakeConnector, clock: ManualClock
) -> None:
    anna, lead = crm.add_user("anna@example.com"), crm.create_lead()
    crm.faults.fail_next("write.tasks", Unavailable("down", after=5))
    written = connector.write([a_task(lead, anna, clock), set_owner(lead, anna)])
    assert [r.outcome for r in written.receipts] == [Outcome.RETRY, Outcome.APPLIED]
    assert written.receipts[0].after == 5


def test_scripted_errors_leave_as_they_are_and_have_no_effect(
    crm: FakeCrm, connector: FakeConnector
) -> None:
    anna, lead = crm.add_user("anna@example.com"), crm.create_lead()
    for error in (Unavailable("down"), AuthFailed("revoked"), Ambiguous("cut")):
        crm.faults.fail_next("write", error)
        with pytest.raises(type(error)):
            connector.write([set_owner(lead, anna)])
    assert crm.our_writes() == []


@pytest.mark.parametrize("applied", [True, False])
def test_a_row_can_come_back_without_result(
    crm: FakeCrm, connector: FakeConnector, applied: bool
) -> None:
    anna, one, two = crm.add_user("anna@example.com"), crm.create_lead(), crm.create_lead()
    crm.faults.no_result(one, applied=applied)
    written = connector.write([set_owner(one, anna, "k1"), set_owner(two, anna, "k2")])
    assert [r.outcome for r in written.receipts] == [Outcome.AMBIGUOUS, Outcome.APPLIED]
    assert (crm.owner_of(one) == anna) is applied


def test_single_records_can_be_refused_locked_or_given_a_bad_owner(
    crm: FakeCrm, connector: FakeConnector
) -> None:
    anna, ben = crm.add_user("anna@example.com"), crm.add_user("ben@example.com")
    one, two, three = crm.create_lead(), crm.create_lead(), crm.create_lead()
    crm.faults.refuse(one)
    crm.faults.lock(two)
    crm.faults.bad_owner(ben)
    effects = [
        set_owner(one, anna, "k1"),
        set_owner(two, anna, "k2"),
        set_owner(three, ben, "k3"),
    ]
    outcomes = [r.outcome for r in connector.write(effects).receipts]
    assert outcomes == [Outcome.REFUSED, Outcome.RETRY, Outcome.BAD_OWNER]
    assert connector.write([set_owner(two, anna)]).receipts[0].outcome is Outcome.APPLIED


def test_the_hook_stands_before_and_after_each_remote_call(
    crm: FakeCrm, connector: FakeConnector, clock: ManualClock
) -> None:
    anna, lead = crm.add_user("anna@example.com"), crm.create_lead()
    heard: list[str] = []
    crm.on_call = heard.append
    cursor = connector.start_cursor(Kind.LEAD, since=clock.now())
    connector.write([set_owner(lead, anna), a_task(lead, anna, clock)], {Kind.LEAD: cursor})
    calls = ["write.owners", "write.tasks", "write.poll"]
    assert heard == [f"{c}:{side}" for c in calls for side in ("before", "after")]


def test_a_person_can_act_and_the_process_can_die_in_the_hook(
    crm: FakeCrm, connector: FakeConnector
) -> None:
    class Crash(BaseException):
        pass

    anna, ben = crm.add_user("anna@example.com"), crm.add_user("ben@example.com")
    lead = crm.create_lead()

    def act(point: str) -> None:
        if point == "write.owners:before":
            crm.person_sets_owner(lead, ben)
        if point == "write.owners:after":
            raise Crash

    crm.on_call = act
    with pytest.raises(Crash):
        connector.write([set_owner(lead, anna)])
    assert [(a.actor, a.new) for a in crm.audit if a.op == "owner"] == [
        (Actor.PERSON, ben),
        (Actor.US, anna),
    ]


def test_with_feed_lag_the_feed_is_late_and_reading_by_id_is_not(
    crm: FakeCrm, connector: FakeConnector, clock: ManualClock
) -> None:
    crm.feed_lag = timedelta(seconds=30)
    lead = crm.create_lead()
    assert seen(connector) == []
    assert isinstance(connector.read([lead])[lead], Record)
    clock.advance(30)
    assert seen(connector) == [lead]


def test_an_open_transaction_is_seen_by_nobody_until_it_commits(
    crm: FakeCrm, connector: FakeConnector, clock: ManualClock
) -> None:
    lead = crm.create_lead(commits_after=30)
    assert not isinstance(connector.read([lead])[lead], Record)
    clock.advance(30)
    record = connector.read([lead])[lead]
    assert isinstance(record, Record)
    assert record.modified_at == clock.now() - timedelta(seconds=30)


def test_stamps_can_be_cut_to_whole_seconds(clock: ManualClock) -> None:
    crm = FakeCrm(clock)
    crm.stamp_resolution = timedelta(seconds=1)
    clock.advance(0.75)
    assert crm.row(crm.create_lead()).modified_at == clock.now() - timedelta(seconds=0.75)


def test_the_day_s_calls_can_be_spent(crm: FakeCrm, connector: FakeConnector) -> None:
    crm.daily_limit = 1
    connector.owners()
    assert connector.budget.daily_remaining == 0
    with pytest.raises(RateLimited) as caught:
        connector.owners()
    assert caught.value.daily


def test_without_queues_or_history_the_fake_gives_none(crm: FakeCrm) -> None:
    bare = replace(FAKE_CAPABILITIES, queues=False, owner_history=False)
    connector = FakeConnector(crm, capabilities=bare)
    crm.add_queue("Inbound")
    anna, lead = crm.add_user("anna@example.com"), crm.create_lead()
    assert [o.id for o in connector.owners()] == [anna]
    record = connector.read([lead])[lead]
    assert isinstance(record, Record)
    assert record.owner_history is None


def test_activities_show_when_the_lag_is_over_and_hidden_kinds_never() -> None:
    clock = ManualClock()
    crm = FakeCrm(clock)
    connector, lead, since = FakeConnector(crm), crm.create_lead(), clock.now()
    crm.activities.lag = timedelta(seconds=10)
    crm.activities.hidden.add(ActivityKind.NOTE)
    clock.advance(5)
    late = crm.activities.log(lead, ActivityKind.CALL, by="anna", at=since + timedelta(seconds=1))
    crm.activities.log(lead, ActivityKind.NOTE, by="anna")
    assert connector.activities([ActivitiesOf(lead, since)])[lead] == ()
    clock.advance(10)
    assert connector.activities([ActivitiesOf(lead, since)])[lead] == (late,)
    assert ActivityKind.NOTE not in connector.capabilities.activities
    assert crm.calls["activities"] == 2

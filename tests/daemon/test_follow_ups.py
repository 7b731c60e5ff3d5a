"""Follow-ups in a running house: what is told of them, and what moves or ends them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from daemon.house import House, an_org, user_id

from fairlead.core.types import Ref
from fairlead.reports.human import human_why
from fairlead.store import cadences, journal
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

POLICY = """\
version: 1
sources: {sf: {crm: salesforce}}
calendars: {london: {timezone: Europe/London, hours: {mon-fri: ["09:00-17:00"]}}}
reps: {anna@example.com: {calendar: london}}
teams: {inbound: {members: [anna@example.com]}}
cadences:
  standard: [1d, {after: 3d, subject: Send the price list, body: It is in the shared folder.}]
rules: [{name: Everybody, to: {team: inbound}, cadence: standard}]
otherwise: {to: {team: inbound}}
"""
WITHOUT = POLICY.replace(", cadence: standard", "").replace("  standard:", "  other:")
MONDAY = datetime(2027, 1, 4, 10, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(MONDAY - timedelta(seconds=1))


@pytest.fixture
def fake(clock: ManualClock) -> FakeCrm:
    return an_org(clock)


@pytest.fixture
def house(fake: FakeCrm, clock: ManualClock) -> Iterator[House]:
    made = House(None, [fake], clock, policy=POLICY)
    made.start()
    clock.advance(1)
    yield made
    made.close()


@pytest.fixture
def ref(house: House, fake: FakeCrm) -> Ref:
    found = fake.create_lead(email="x@acme.test", status="New")
    house.round()
    return found


def go(house: House, clock: ManualClock, to: datetime) -> None:
    clock.set(to)
    house.poll()
    house.sweep()
    house.deliver()


def subjects(fake: FakeCrm) -> list[str]:
    return [t.subject for t in fake.tasks.values()]


def test_why_tells_how_far_they_are(house: House, ref: Ref, clock: ManualClock) -> None:
    (told,) = house.commands.why(str(ref))
    line = "follow-up standard of anna@example.com: 0 made, running; looked at 2027-01-05T10:00:00Z"
    assert f"  {line}" in list(human_why([told]))
    go(house, clock, MONDAY + timedelta(days=1))
    (told,) = house.commands.why(str(ref))
    (kept,) = told["cadences"]
    assert (kept["made"], kept["made_at"]) == (1, (MONDAY + timedelta(days=1)).isoformat())


def test_a_missed_one_goes_on_in_the_same_task_with_the_next_one_s_words(
    house: House, ref: Ref, fake: FakeCrm, clock: ManualClock
) -> None:
    go(house, clock, MONDAY + timedelta(days=1))
    assert subjects(fake) == ["Contact this new lead", "Follow up"]
    go(house, clock, MONDAY + timedelta(days=3))
    assert subjects(fake) == ["Contact this new lead", "Send the price list"]
    task = list(fake.tasks.values())[-1]
    assert task.body.splitlines() == [
        "It is in the shared folder.",
        "fairlead: follow-up 2 of 2, cadence standard.",
        "The one before was not done; this task stands for both.",
    ]
    assert task.owner_id == user_id(fake, "anna@example.com")


def test_a_task_that_has_not_reached_the_crm_is_neither_done_nor_missed(
    house: House, ref: Ref, fake: FakeCrm, clock: ManualClock
) -> None:
    house.allow(False)
    go(house, clock, MONDAY + timedelta(days=1))
    go(house, clock, MONDAY + timedelta(days=3))
    events = [j.event for j in journal.of_lead(house.db, ref) if j.event.startswith("cadence.")]
    assert events == ["cadence.begun", "cadence.task"]
    house.allow(True)
    go(house, clock, MONDAY + timedelta(days=3, minutes=5))
    assert subjects(fake).count("Follow up") == 1


def test_leave_that_is_told_today_moves_what_is_to_come(
    house: House, ref: Ref, clock: ManualClock
) -> None:
    house.commands.rep_away("anna@example.com", "2027-01-06", "ill")
    house.poll()
    go(house, clock, MONDAY + timedelta(days=1))
    (row,) = cadences.of_lead(house.db, ref)
    assert (row.made, row.look_at) == (0, datetime(2027, 1, 7, 9, 0, tzinfo=UTC))


def test_a_cadence_that_the_policy_has_no_more_ends(
    house: House, ref: Ref, clock: ManualClock
) -> None:
    house.policy = WITHOUT
    house.restart()
    go(house, clock, MONDAY + timedelta(hours=1))
    go(house, clock, MONDAY + timedelta(days=2))
    (row,) = cadences.of_lead(house.db, ref)
    assert (row.how, row.made) == ("the policy has no such cadence any more", 0)


def test_a_lead_that_is_gone_is_not_followed_up(
    house: House, ref: Ref, fake: FakeCrm, clock: ManualClock
) -> None:
    fake.delete(ref)
    go(house, clock, MONDAY + timedelta(days=2))
    (row,) = cadences.of_lead(house.db, ref)
    assert row.ended_at is not None
    assert subjects(fake) == ["Contact this new lead"]


def test_they_are_counted(house: House, ref: Ref, clock: ManualClock) -> None:
    for day in (1, 3, 4):
        go(house, clock, MONDAY + timedelta(days=day, hours=1))

    def count(how: str) -> float | None:
        labels = {"cadence": "standard", "how": how}
        return house.metrics.registry.get_sample_value("fairlead_follow_ups_total", labels)

    assert (count("made"), count("missed"), count("done")) == (2, 2, None)

"""The seven times of each assignment, each kept once, and the report of the steps between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlite_utils
from daemon.house import House, an_org, user_id

from fairlead.core.activity import ActivityKind
from fairlead.core.types import Ref
from fairlead.errors import ConfigError
from fairlead.reports.clocks import human_sla
from fairlead.reports.human import human_why
from fairlead.reports.times import human_times_report
from fairlead.store import times
from fairlead.store.migrations import MIGRATIONS
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

POLICY = """\
version: 1
sources: {sf: {crm: salesforce}}
reps: {anna@example.com: {}, ben@example.com: {}}
teams:
  one: {members: [anna@example.com]}
  two: {members: [ben@example.com]}
slas:
  hot:
    respond_within: 1h
    hours: always
    on_breach: [{after: 1h, reassign: {team: two}}]
    tighten: [{from: 2199-01-01, respond_within: 30m}]
rules:
  - {name: Plain, when: country == "AT", to: {team: two}}
  - {name: Hot, to: {team: one}, sla: hot}
otherwise: {to: {team: one}}
"""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


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


def go(house: House, clock: ManualClock, minutes: int) -> None:
    clock.advance(timedelta(minutes=minutes))
    house.poll()
    house.sweep()
    house.deliver()


def lead(fake: FakeCrm, house: House, country: str = "DE", name: str = "x") -> Ref:
    ref = fake.create_lead(email=f"{name}@{name}.test", status="New", country=country)
    house.round()
    return ref


def test_an_owner_write_that_was_overruled_is_told_beside_the_decision(
    house: House, fake: FakeCrm, clock: ManualClock
) -> None:
    ref = fake.create_lead(email="x@acme.test", status="New")
    house.poll()
    fake.person_sets_owner(ref, user_id(fake, "carla@example.com"))
    house.round()
    (row,) = times.of_lead(house.db, ref)
    assert (row.result, row.wrote, row.assigned_at) == ("assign", "superseded", None)
    (told,) = house.commands.why(str(ref))
    (assignment,) = told["assignments"]
    assert (assignment["decision_result"], assignment["write_result"]) == ("assign", "superseded")
    assert "owner write superseded" in "\n".join(human_why([told]))


def test_each_assignment_has_its_own_times_and_the_first_stays_as_it_was(
    house: House, fake: FakeCrm, clock: ManualClock
) -> None:
    ref = lead(fake, house)
    (first,) = times.of_lead(house.db, ref)
    go(house, clock, 61)
    go(house, clock, 60)
    fake.activities.log(ref, ActivityKind.CALL, by=user_id(fake, "ben@example.com"))
    go(house, clock, 61)
    kept, second = times.of_lead(house.db, ref)
    assert kept == first
    assert (second.rep_id, second.captured_at) == ("ben@example.com", first.captured_at)
    assert second.eligible_at == first.eligible_at
    assert second.assigned_at is not None
    assert second.assigned_at >= second.decided_at > first.decided_at
    assert second.notified_at is not None
    assert second.responded_at == second.accepted_at
    assert second.responded_at is not None
    assert second.proof.startswith("salesforce:Activity:")


def test_a_status_that_somebody_else_than_this_owner_moves_accepts_nothing(
    house: House, fake: FakeCrm, clock: ManualClock
) -> None:
    ref = lead(fake, house, "AT")
    fake.person_sets_owner(ref, user_id(fake, "anna@example.com"))
    go(house, clock, 5)
    fake.update(ref, status="Contacted")
    go(house, clock, 5)
    (row,) = times.of_lead(house.db, ref)
    assert row.accepted_at is None


def test_the_times_survive_a_restart(house: House, fake: FakeCrm, clock: ManualClock) -> None:
    ref = lead(fake, house)
    before = times.of_lead(house.db, ref)
    house.restart()
    go(house, clock, 1)
    assert times.of_lead(house.db, ref) == before


def test_times_are_told_by_rule_team_and_rep(
    house: House, fake: FakeCrm, clock: ManualClock
) -> None:
    started = clock.now()
    for n, minutes in enumerate((10, 20, 30)):
        ref = lead(fake, house, name=f"n{n}")
        go(house, clock, minutes)
        fake.update(ref, status="Contacted")
        go(house, clock, 0)
    lead(fake, house, "AT", "at")
    told = house.commands.times("7d")
    assert told["assignments"] == 4
    speed = {"count": 3, "median": 1200.0, "p90": 1800.0}
    assert told["rules"]["Hot"]["speed_to_lead"] == speed
    assert told["reps"]["anna@example.com"]["assigned_to_accepted"] == speed
    assert told["teams"]["two"]["speed_to_lead"] == {"count": 0, "median": None, "p90": None}
    assert told["all"]["decided_to_assigned"]["count"] == 4
    lines = list(human_times_report(told))
    assert lines[0] == f"4 assignments since {told['since'][:19]}Z"
    assert "rule Hot:" in lines
    assert any("captured to first response" in x and "median 20m" in x for x in lines)
    clock.advance(timedelta(days=8))
    assert house.commands.times("7d")["assignments"] == 0
    assert house.commands.times(started.isoformat())["assignments"] == 4
    with pytest.raises(ConfigError):
        house.commands.times("soon")


def test_the_steps_between_are_measured(house: House, fake: FakeCrm, clock: ManualClock) -> None:
    ref = lead(fake, house)
    go(house, clock, 10)
    fake.update(ref, status="Contacted")
    go(house, clock, 1)

    def value(step: str, what: str) -> float | None:
        name = f"fairlead_lead_step_seconds_{what}"
        return house.metrics.registry.get_sample_value(name, {"step": step})

    for step in ("captured_to_decided", "decided_to_assigned"):
        assert (value(step, "count"), value(step, "sum")) == (1, 0)
    for step in ("assigned_to_accepted", "speed_to_lead"):
        assert (value(step, "count"), value(step, "sum")) == (1, 600)


def test_a_state_file_from_before_is_told_as_far_as_it_knows(
    house: House, fake: FakeCrm, clock: ManualClock
) -> None:
    ref = lead(fake, house)
    go(house, clock, 10)
    fake.update(ref, status="Contacted")
    go(house, clock, 1)
    (now,) = times.of_lead(house.db, ref)
    for table in ("times", "cadences"):
        house.db.execute(f"DROP TABLE {table}")
    house.db.execute("DELETE FROM _sqlite_migrations WHERE name = '0018_times'")
    MIGRATIONS.apply(sqlite_utils.Database(house.db._conn))
    (told,) = times.of_lead(house.db, ref)
    assert told == replace(now, team=None, status=None)
    assert None not in (told.assigned_at, told.notified_at, told.accepted_at, told.responded_at)


def test_the_list_of_clocks_tells_what_is_promised_later(house: House) -> None:
    told = house.commands.routes()["sla"]({})
    later = [{"from": "2199-01-01", "respond_within": "30m"}]
    assert told["promises"] == [{"sla": "hot", "respond_within": "1h", "tighter": later}]
    assert "hot: 1h now, 30m from 2199-01-01" in list(human_sla(told))


def test_how_fast_a_lead_was_given_is_told_of_its_first_owner_only(
    house: House, fake: FakeCrm, clock: ManualClock
) -> None:
    """Who gets a lead later, by an SLA, is not slow in getting it."""
    lead(fake, house)
    go(house, clock, 61)
    first_two_hours = clock.now()
    go(house, clock, 60)
    told = house.commands.times("7d")
    assert told["assignments"] == 2
    assert told["reps"]["anna@example.com"]["captured_to_decided"]["count"] == 1
    assert told["reps"]["ben@example.com"]["captured_to_decided"]["count"] == 0
    assert told["reps"]["ben@example.com"]["decided_to_assigned"]["count"] == 1
    assert set(told["rules"]) == {"Hot", "SLA hot"}
    late = house.commands.times(first_two_hours.isoformat())
    assert (late["assignments"], late["all"]["captured_to_decided"]["count"]) == (1, 0)

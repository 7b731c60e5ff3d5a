"""`fairlead sla --staffing` in a running house: arrivals, hours and handling times as they were."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from daemon.house import House, an_org, user_id

from fairlead.core.activity import ActivityKind
from fairlead.errors import ConfigError
from fairlead.reports.answering import human_staffing
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

ANNA, BEN, CARLA = "anna@example.com", "ben@example.com", "carla@example.com"
MONDAY = datetime(2027, 1, 4, tzinfo=UTC)
POLICY = """\
version: 1
sources: {src: {crm: CRM}}
calendars:
  office: {timezone: Europe/London, hours: {mon-fri: ["09:00-17:00"]}}
reps:
  anna@example.com: {calendar: office}
  ben@example.com: {calendar: office}
  carla@example.com: {}
teams:
  inbound: {members: [anna@example.com, ben@example.com]}
  rescue: {members: [carla@example.com]}
slas: {hot: {respond_within: 20m, hours: rep}}
rules:
  - {name: Everybody, to: {team: inbound}, sla: hot, if_away: {hold: until_free}}
otherwise: {to: {team: rescue}}
"""


@pytest.fixture(params=["salesforce", "hubspot"])
def crm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(MONDAY - timedelta(hours=1))


@pytest.fixture
def fake(clock: ManualClock, crm: str) -> FakeCrm:
    return an_org(clock, crm)


@pytest.fixture
def house(fake: FakeCrm, clock: ManualClock, crm: str) -> Iterator[House]:
    house = House(None, [fake], clock, policy=POLICY.replace("CRM", crm))
    house.start()
    yield house
    house.close()


def come(house: House, fake: FakeCrm, clock: ManualClock, every: timedelta, hours: int) -> int:
    """Leads at equal distances from nine on, five days; how many."""
    count = 0
    for day in range(5):
        at = MONDAY + timedelta(days=day, hours=9)
        ends = at + timedelta(hours=hours)
        while at < ends:
            clock.advance(max(timedelta(0), at - clock.now()))
            fake.create_lead(email=f"x{count}@a{count}.test", status="New")
            house.poll()
            count += 1
            at += every
    clock.advance(MONDAY + timedelta(weeks=1) - clock.now())
    return count


def ask(house: House, **asked: Any) -> dict[str, Any]:
    answer: dict[str, Any] = house.commands.routes()["sla-staffing"](asked)
    [told] = answer["teams"]
    assert any(told["team"] in line for line in human_staffing(answer))
    return dict(told)


def test_two_reps_meet_five_minutes_while_little_comes(
    house: House, fake: FakeCrm, clock: ManualClock
) -> None:
    count = come(house, fake, clock, timedelta(minutes=60), 8)
    told = ask(house, within="5m", handling="6m")
    assert told["team"] == "inbound"
    assert told["arrivals"] == count == 40
    assert told["per_week"] == pytest.approx(40, rel=0.02)
    assert told["people"] == [ANNA, BEN]
    assert told["meets"]
    assert told["in_time"] > 0.97
    assert told["needed_more"] == 0
    assert told["closed"] == 0
    assert {h["when"][4:] for h in told["hours"]} == {f"{n:02d}:00" for n in range(9, 17)}
    assert any("only 40 leads" in note for note in told["notes"])


def test_when_more_comes_than_they_can_do_it_says_how_many_more_are_needed(
    house: House, fake: FakeCrm, clock: ManualClock
) -> None:
    come(house, fake, clock, timedelta(minutes=5), 8)
    told = ask(house, within="5m", handling="12m", team="inbound")
    # Twelve leads of twelve minutes an hour are 2.4 hours of work for two people.
    assert not told["meets"]
    assert told["in_time"] < 0.5
    assert told["in_turns"] <= told["in_time"] + 0.02
    assert told["in_time"] < told["one_more"]
    assert told["needed_more"] in (2, 3)
    assert told["busy"] == pytest.approx(1.2, rel=0.1)
    assert told["worst"]
    assert all(h["needed"] > h["people"] for h in told["worst"])


def test_leave_to_come_counts(house: House, fake: FakeCrm, clock: ManualClock) -> None:
    come(house, fake, clock, timedelta(minutes=20), 8)
    before = ask(house, handling="12m")
    house.commands.rep_away(BEN, "2027-02-28", "parental leave")
    after = ask(house, handling="12m")
    assert after["in_time"] < before["in_time"]
    assert after["hours"][0]["people"] == pytest.approx(1)


def test_leads_at_night_wait_for_the_morning_by_the_clock_on_the_wall(
    house: House, fake: FakeCrm, clock: ManualClock
) -> None:
    for n in range(60):
        clock.advance(MONDAY + timedelta(days=n // 12, hours=20, minutes=n % 12) - clock.now())
        fake.create_lead(email=f"n{n}@n{n}.test", status="New")
        house.poll()
    clock.advance(timedelta(days=3))
    told = ask(house, handling="1m")
    assert told["arrivals"] == 60
    assert told["waiting_now"] > 0
    assert told["closed"] == 1
    assert told["by_the_wall"] == 0


def test_nothing_came_is_all_in_time(house: House, clock: ManualClock) -> None:
    clock.advance(timedelta(days=3))
    told = ask(house, team="inbound")
    assert (told["arrivals"], told["in_time"], told["in_turns"], told["one_more"]) == (0, 1, 1, 1)
    assert "no leads came in this time" in told["notes"]


def test_handling_is_measured_where_answers_tell_it_and_a_guess_elsewhere(
    house: House, fake: FakeCrm, clock: ManualClock
) -> None:
    clock.advance(MONDAY + timedelta(hours=9) - clock.now())
    for n in range(20):
        ref = fake.create_lead(email=f"x{n}@a{n}.test", status="New")
        house.poll()
        house.deliver()
        clock.advance(timedelta(minutes=2))
        fake.activities.log(ref, ActivityKind.CALL, by=fake.owner_of(ref), seconds=300)
        clock.advance(timedelta(minutes=19))
        house.sweep()
        if n == 10:
            clock.advance(timedelta(days=1))
            assert ask(house)["handling_from"].startswith("a guess: only 11 answers")
            assert ask(house)["handling_seconds"] == 720
    told = ask(house)
    assert told["handling_seconds"] == 300
    assert told["handling_from"].startswith("the mean length of 20 calls and meetings")


def test_odd_questions_are_refused_with_what_to_write(house: House, clock: ManualClock) -> None:
    with pytest.raises(ConfigError, match="less than a day"):
        ask(house)
    clock.advance(timedelta(days=2))
    with pytest.raises(ConfigError, match="did you mean inbound"):
        ask(house, team="inbund")
    with pytest.raises(ConfigError, match="--within 'soon'"):
        ask(house, within="soon")
    with pytest.raises(ConfigError, match="--weeks is from 1 to 26"):
        ask(house, weeks=99)
    assert user_id(house.fakes[0], ANNA)

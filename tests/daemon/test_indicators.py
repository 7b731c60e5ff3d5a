"""`fairlead sla --indicators`: how answers came is kept, counted and compared, and never judged."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from daemon.house import House, an_org

from fairlead.core.activity import ActivityKind
from fairlead.core.types import Actor, Ref
from fairlead.reports.answering import human_indicators
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

ANNA, BEN = "anna@example.com", "ben@example.com"
POLICY = """\
version: 1
sources: {src: {crm: CRM}}
reps: {anna@example.com: {}, ben@example.com: {}}
teams: {inbound: {members: [anna@example.com, ben@example.com]}}
slas:
  hot: {respond_within: 20m, hours: always, on_breach: [{after: 1h, escalate: anna@example.com}]}
rules: [{name: Everybody, to: {team: inbound}, sla: hot}]
otherwise: {to: {team: inbound}}
"""
JUDGING = ("cheat", "fraud", "guilty", "dishonest", "faked", "abuse", "suspicious", "misconduct")


@pytest.fixture(params=["salesforce", "hubspot"])
def fake(request: pytest.FixtureRequest, clock: ManualClock) -> FakeCrm:
    return an_org(clock, str(request.param))


@pytest.fixture
def house(fake: FakeCrm, clock: ManualClock) -> Iterator[House]:
    house = House(None, [fake], clock, policy=POLICY.replace("CRM", fake.name))
    house.start()
    clock.advance(1)
    yield house
    house.close()


def lead(house: House, fake: FakeCrm, n: int) -> Ref:
    ref = fake.create_lead(email=f"x{n}@a{n}.test", status="New")
    house.round()
    return ref


def pass_by(house: House, clock: ManualClock, by: timedelta) -> None:
    clock.advance(by)
    house.poll()
    house.sweep()
    house.deliver()


def owner(house: House, fake: FakeCrm, ref: Ref) -> str:
    found = fake.owner(str(fake.owner_of(ref)))
    assert found is not None
    return str(found.email)


def told(house: House, since: str = "30d") -> dict[str, Any]:
    answer: dict[str, Any] = house.commands.routes()["sla-indicators"]({"since": since})
    return answer


def people(answer: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    [one] = [i for i in answer["indicators"] if i["name"] == name]
    return {p["who"]: p for p in one["people"]}


def test_touches_in_the_last_minute_are_counted_beside_those_of_the_others(
    house: House, fake: FakeCrm, clock: ManualClock
) -> None:
    for n in range(60):
        ref = lead(house, fake, n)
        late = owner(house, fake, ref) == ANNA and n < 30
        clock.advance(timedelta(minutes=19, seconds=30) if late else timedelta(minutes=5))
        fake.activities.log(ref, ActivityKind.EMAIL, by=fake.owner_of(ref))
        pass_by(house, clock, timedelta(minutes=16))
    found = people(told(house), "last_minute")
    assert (found[ANNA]["count"], found[ANNA]["answers"]) == (15, 30)
    assert (found[BEN]["count"], found[BEN]["answers"]) == (0, 30)
    assert found[ANNA]["others"] == 0
    assert found[ANNA]["compared"] == "more often"
    assert found[BEN]["compared"] == "less often"
    assert len(found[ANNA]["evidence"]) == 15
    first = found[ANNA]["evidence"][0]
    assert "Activity:" in first["record"]
    assert first["lead"].startswith(fake.name)
    assert first["seconds_before_due"] == 30
    assert found[ANNA]["share_low"] < 0.5 < found[ANNA]["share_high"]


def test_calls_of_only_seconds_are_counted_where_the_crm_tells_how_long_they_took(
    house: House, fake: FakeCrm, clock: ManualClock
) -> None:
    for n, seconds in enumerate([3, 14, 15, 240, None]):
        ref = lead(house, fake, n)
        clock.advance(timedelta(minutes=2))
        fake.activities.log(ref, ActivityKind.CALL, by=fake.owner_of(ref), seconds=seconds)
        pass_by(house, clock, timedelta(minutes=19))
    found = people(told(house), "short_call")
    assert sum(p["count"] for p in found.values()) == 2
    assert sum(p["answers"] for p in found.values()) == 4
    assert {p["compared"] for p in found.values()} == {"too few"}


def test_a_status_moved_without_any_activity_shows_a_day_later_and_one_with_a_call_does_not(
    house: House, fake: FakeCrm, clock: ManualClock
) -> None:
    alone, called, tool = (lead(house, fake, n) for n in range(3))
    clock.advance(timedelta(minutes=5))
    for ref in (alone, called, tool):
        fake.update(ref, status="Working")
    house.round()
    house.sweep()
    assert told(house)["not_looked_at"] == 3
    clock.advance(timedelta(hours=3))
    fake.activities.log(called, ActivityKind.CALL, by=fake.owner_of(called), seconds=200)
    fake.activities.log(tool, ActivityKind.EMAIL, actor=Actor.AUTOMATION)
    pass_by(house, clock, timedelta(days=1))
    answer = told(house)
    assert answer["not_looked_at"] == 0
    found = people(answer, "change_alone")
    shown = {e["lead"] for p in found.values() for e in p["evidence"]}
    assert shown == {str(alone), str(tool)}
    assert sum(p["answers"] for p in found.values()) == 3
    before = fake.calls["activities"]
    pass_by(house, clock, timedelta(days=1))
    assert fake.calls["activities"] == before


def test_where_calls_and_mail_cannot_be_read_nothing_is_said_of_their_absence(
    house: House, fake: FakeCrm, clock: ManualClock
) -> None:
    fake.activities.hidden = {ActivityKind.CALL, ActivityKind.EMAIL}
    ref = lead(house, fake, 0)
    clock.advance(timedelta(minutes=5))
    fake.update(ref, status="Working")
    house.round()
    house.sweep()
    pass_by(house, clock, timedelta(days=2))
    assert told(house)["not_looked_at"] == 0
    assert people(told(house), "change_alone") == {}


def test_answers_are_kept_over_a_restart_and_only_those_asked_for_are_told(
    house: House, fake: FakeCrm, clock: ManualClock
) -> None:
    ref = lead(house, fake, 0)
    clock.advance(timedelta(minutes=2))
    fake.activities.log(ref, ActivityKind.EMAIL, by=fake.owner_of(ref))
    pass_by(house, clock, timedelta(minutes=20))
    house.restart()
    assert told(house)["answers"] == 1
    clock.advance(timedelta(days=8))
    assert told(house, "7d")["answers"] == 0


def test_it_speaks_of_indicators_with_their_innocent_reasons_and_of_nobodys_guilt(
    house: House, fake: FakeCrm, clock: ManualClock
) -> None:
    for n in range(2):
        ref = lead(house, fake, n)
        clock.advance(timedelta(minutes=19, seconds=30))
        fake.activities.log(ref, ActivityKind.CALL, by=fake.owner_of(ref), seconds=2)
        pass_by(house, clock, timedelta(minutes=16))
    answer = told(house)
    lines = "\n".join(human_indicators(answer)).lower()
    assert not [word for word in JUDGING if word in lines or word in str(answer).lower()]
    assert "indicators, not verdicts" in lines
    assert "too few to compare" in lines
    assert all(i["can_also_mean"] for i in answer["indicators"])

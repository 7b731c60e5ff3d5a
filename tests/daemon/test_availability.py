"""Hours, leave and capacity in a running house: held leads come out in order, at the right hour."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from daemon.house import House, an_org, owner_email, user_id

from fairlead.core.types import LeadState, Ref
from fairlead.errors import ConfigError
from fairlead.store import leads
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

ANNA, BEN, CARLA = "anna@example.com", "ben@example.com", "carla@example.com"
POLICY = """\
version: 1
sources: {sf: {crm: salesforce}}
closed_when: status == "Disqualified"
calendars:
  berlin: {timezone: Europe/Berlin, hours: {mon-fri: ["09:00-17:00"]}}
reps:
  anna@example.com: {calendar: berlin}
  ben@example.com: {capacity: {open: 2}}
  carla@example.com: {capacity: {per_day: 3}}
teams:
  hours: {members: [anna@example.com]}
  open: {members: [ben@example.com]}
  daily: {members: [carla@example.com]}
rules:
  - name: Hours urgent
    when: country == "DE" and employees > 100
    to: {team: hours}
    priority: high
  - {name: Hours, when: country == "DE", to: {team: hours}}
  - {name: Open, when: country == "FR", to: {team: open}}
  - {name: Two teams, when: country == "IT", to: {team: daily}, if_away: {team: open}}
  - {name: Daily, when: country == "SE", to: {team: daily}}
otherwise: {to: {queue: Nowhere}}
"""
SATURDAY = datetime(2026, 6, 6, 10, 0, tzinfo=UTC)
MONDAY = datetime(2026, 6, 8, 7, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SATURDAY)


@pytest.fixture
def sf(clock: ManualClock) -> FakeCrm:
    return an_org(clock, "salesforce")


@pytest.fixture
def house(sf: FakeCrm, clock: ManualClock) -> Iterator[House]:
    house = House(None, [sf], clock, POLICY)
    house.start()
    clock.advance(1)
    yield house
    house.close()


def new(sf: FakeCrm, number: int, **fields: object) -> Ref:
    return sf.create_lead(email=f"x{number}@acme{number}.test", **fields)


def tick(house: House) -> None:
    """What the daemon does every few seconds: a poll, held leads that are due, writes."""
    for ingest in house.ingests.values():
        while ingest.cycle().more:
            pass
        ingest.release_held()
    house.deliver()


def until(house: House, at: datetime) -> None:
    house.clock.advance((at - house.clock.now()).total_seconds())


def row(house: House, ref: Ref) -> leads.LeadRow:
    found = leads.get_lead(house.db, ref)
    assert found is not None
    return found


def test_a_lead_of_the_weekend_waits_for_monday_morning_and_is_not_looked_at_before(
    house: House, sf: FakeCrm
) -> None:
    lead = new(sf, 1, country="DE")
    tick(house)
    assert row(house, lead).state is LeadState.HELD
    assert row(house, lead).retry_at == MONDAY
    until(house, MONDAY - timedelta(seconds=1))
    assert house.ingests["salesforce"].release_held() == 0
    until(house, MONDAY)
    tick(house)
    assert owner_email(sf, lead) == ANNA


def test_held_leads_come_out_by_priority_then_age_and_no_newer_one_overtakes(
    house: House, sf: FakeCrm
) -> None:
    old = [new(sf, i, country="DE") for i in range(3)]
    tick(house)
    house.clock.advance(60)
    urgent = new(sf, 10, country="DE", employees=5000)
    tick(house)
    until(house, MONDAY)
    newest = new(sf, 20, country="DE")
    house.clock.advance(1)
    house.poll()
    assert house.reason(newest) == "older leads that wait for the same team or rep go first"
    assert house.ingests["salesforce"].release_due
    for _ in range(3):
        house.ingests["salesforce"].release_held()
    decided = [
        r["lead_id"]
        for r in house.db.rows(
            "SELECT lead_id FROM journal WHERE event = 'lead.decided'"
            " AND json_extract(detail, '$.state') = 'assigned' ORDER BY seq"
        )
    ]
    assert decided == [urgent.id, *[r.id for r in old], newest.id]


def test_an_urgent_newcomer_does_not_wait_for_older_leads(house: House, sf: FakeCrm) -> None:
    new(sf, 1, country="DE")
    tick(house)
    until(house, MONDAY)
    urgent = new(sf, 2, country="DE", employees=5000)
    house.clock.advance(1)
    house.poll()
    assert house.state(urgent) is LeadState.ASSIGNED


def test_open_leads_count_until_they_are_closed_and_then_the_held_one_follows(
    house: House, sf: FakeCrm
) -> None:
    first, second, third = (new(sf, i, country="FR") for i in range(3))
    tick(house)
    assert [owner_email(sf, r) for r in (first, second, third)] == [BEN, BEN, None]
    [why] = house.commands.why("x2@acme2.test")
    assert {"rep": BEN, "reason": "has 2 open leads of 2"} in why["decision"]["passed"]
    assert why["decision"]["recomputed_equal"]
    house.clock.advance(10)
    sf.update(first, status="Disqualified")
    house.clock.advance(1)
    tick(house)
    assert owner_email(sf, third) == BEN


def test_a_person_who_takes_a_lead_away_frees_the_place(house: House, sf: FakeCrm) -> None:
    first, _, third = (new(sf, i, country="FR") for i in range(3))
    tick(house)
    house.clock.advance(10)
    sf.person_sets_owner(first, user_id(sf, ANNA))
    house.clock.advance(1)
    tick(house)
    assert owner_email(sf, third) == BEN


def test_a_converted_lead_frees_the_place(house: House, sf: FakeCrm) -> None:
    first, _, third = (new(sf, i, country="FR") for i in range(3))
    tick(house)
    house.clock.advance(10)
    sf.convert(first)
    house.clock.advance(1)
    tick(house)
    assert owner_email(sf, third) == BEN


def test_a_full_day_passes_over_and_midnight_brings_the_rest(house: House, sf: FakeCrm) -> None:
    refs = [new(sf, i, country="SE") for i in range(5)]
    tick(house)
    assert [owner_email(sf, r) for r in refs] == [CARLA] * 3 + [None] * 2
    midnight = datetime(2026, 6, 7, tzinfo=UTC)
    assert row(house, refs[3]).retry_at == midnight
    until(house, midnight)
    tick(house)
    assert [owner_email(sf, r) for r in refs] == [CARLA] * 5


def test_a_turn_given_back_does_not_fill_the_day(house: House, sf: FakeCrm) -> None:
    taken = new(sf, 1, country="SE")
    house.poll()
    sf.person_sets_owner(taken, user_id(sf, ANNA))
    house.clock.advance(1)
    tick(house)
    refs = [new(sf, i, country="SE") for i in range(2, 5)]
    house.clock.advance(1)
    tick(house)
    assert [owner_email(sf, r) for r in refs] == [CARLA] * 3


def test_a_lead_that_waits_for_two_teams_goes_before_a_newer_one_to_either(
    house: House, sf: FakeCrm
) -> None:
    house.commands.rep_away(CARLA, "2026-07-01", "")
    house.commands.rep_away(BEN, "2026-07-01", "")
    waiting = new(sf, 1, country="IT")
    tick(house)
    assert row(house, waiting).waits_for == ("team:daily", "team:open")
    house.commands.rep_back(BEN)
    newer = new(sf, 2, country="FR")
    house.clock.advance(1)
    house.poll()
    assert house.state(newer) is LeadState.HELD
    tick(house)
    assert owner_email(sf, waiting) == owner_email(sf, newer) == BEN


# -- rep away, rep back ----------------------------------------------------------------------------


def test_away_takes_effect_at_once_and_is_shown_and_back_ends_it(house: House, sf: FakeCrm) -> None:
    done = house.commands.rep_away("Carla@example.com", "2026-06-10", "parental leave")
    assert done == {"rep": CARLA, "until": "2026-06-10"}
    lead = new(sf, 1, country="SE")
    house.clock.advance(1)
    tick(house)
    assert row(house, lead).retry_at == datetime(2026, 6, 11, tzinfo=UTC)
    assert house.commands.status()["away"] == [
        {"rep": CARLA, "until": "2026-06-10", "reason": "parental leave"}
    ]
    [why] = house.commands.why("x1@acme1.test")
    assert {"rep": CARLA, "reason": "away until 2026-06-10"} in why["decision"]["passed"]
    assert why["decision"]["recomputed_equal"]
    assert "tzdata" in why["decision"]["time_data"]
    assert house.commands.rep_back(CARLA) == {"rep": CARLA, "was_away": True}
    tick(house)
    assert owner_email(sf, lead) == CARLA
    assert house.commands.status()["away"] == []
    events = [r["event"] for r in house.db.rows("SELECT event FROM journal ORDER BY seq")]
    assert [e for e in events if e.startswith("rep.")] == ["rep.away", "rep.back"]


def test_away_outlives_a_restart_and_ends_by_itself(house: House, sf: FakeCrm) -> None:
    house.commands.rep_away(CARLA, "2026-06-06T13:00+02:00", "")
    lead = new(sf, 1, country="SE")
    house.clock.advance(1)
    house.restart()
    tick(house)
    assert house.state(lead) is LeadState.HELD
    until(house, SATURDAY + timedelta(hours=1))
    tick(house)
    assert owner_email(sf, lead) == CARLA


@pytest.mark.parametrize(
    ("rep", "day", "message"),
    [
        ("carla@exmple.com", "2026-06-10", "is not in the roster; did you mean carla@example.com"),
        (CARLA, "next week", "expected a day or an instant"),
        (CARLA, "2026-06-05", "has passed"),
    ],
)
def test_what_cannot_be_is_refused(house: House, rep: str, day: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        house.commands.rep_away(rep, day, "")


def test_who_was_not_away_is_told_so(house: House) -> None:
    assert house.commands.rep_back(CARLA)["was_away"] is False

"""Peak plans, covers, presence, waiting and lanes in a running house."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from daemon.house import House, an_org, owner_email, user_id
from daemon.test_availability import MONDAY, new, row, tick, until

from fairlead.core.types import Availability, LeadState, Ref
from fairlead.daemon.gauges import set_gauges
from fairlead.errors import ConfigError
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

ANNA, BEN, CARLA = "anna@example.com", "ben@example.com", "carla@example.com"
POLICY = """\
version: 1
sources: {sf: {crm: salesforce}}
closed_when: status == "Disqualified"
availability: {from_crm: [out_of_office, presence]}
calendars:
  days: {timezone: UTC, hours: {mon-fri: ["09:00-17:00"]}}
reps:
  anna@example.com: {capacity: {open: 1}}
  ben@example.com: {cover: carla@example.com}
  carla@example.com: {}
teams:
  busy: {members: [anna@example.com], peak: {team: helpers, above: 3, below: 2}, manager: carla@example.com}
  helpers: {members: [carla@example.com]}
  bens: {members: [ben@example.com]}
rules:
  - {name: Urgent, when: country == "DE" and employees > 100, to: {team: busy}, priority: high}
  - {name: Busy, when: country == "DE", to: {team: busy}}
  - {name: Ben's, when: country == "FR", to: {rep: ben@example.com}}
  - {name: Ben's team, when: country == "SE", to: {team: bens}}
  - {name: Patient, when: country == "IT", to: {team: busy}, if_away: {hold: 30m, manager: true}}
otherwise: {to: {queue: Nowhere}}
"""  # noqa: E501


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(MONDAY)


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


def events(house: House, prefix: str) -> list[str]:
    rows = house.db.rows("SELECT event FROM journal ORDER BY seq")
    return [r["event"] for r in rows if r["event"].startswith(prefix)]


def peak_gauges(house: House) -> tuple[float | None, float | None]:
    metrics = house.metrics
    set_gauges(house.db, metrics, house.clock)
    labels = {"team": "busy"}
    return (
        metrics.registry.get_sample_value("fairlead_leads_waiting", labels),
        metrics.registry.get_sample_value("fairlead_peak", labels),
    )


def test_a_peak_begins_helps_and_ends(house: House, sf: FakeCrm) -> None:
    leads = [new(sf, n, country="DE") for n in range(4)]
    house.clock.advance(1)
    tick(house)
    assert owner_email(sf, leads[0]) == ANNA
    assert [house.state(r) for r in leads[1:]] == [LeadState.HELD] * 3
    assert (events(house, "peak."), peak_gauges(house)) == ([], (3.0, None))
    leads.append(new(sf, 4, country="DE"))
    house.clock.advance(1)
    tick(house)
    tick(house)
    tick(house)
    assert [owner_email(sf, r) for r in leads] == [ANNA, CARLA, CARLA, CARLA, CARLA]
    assert events(house, "peak.") == ["peak.began", "peak.ended"]
    assert peak_gauges(house) == (None, None)
    [why] = house.commands.why("x1@acme1.test")
    assert why["decision"]["recomputed_equal"]
    assert (
        "team helpers joins team busy: its peak plan is on, 4 leads wait"
        in (why["decision"]["notes"])
    )
    late = new(sf, 5, country="DE")
    house.clock.advance(1)
    tick(house)
    assert house.state(late) is LeadState.HELD


def test_a_plan_outlives_a_restart_and_ends_when_the_policy_drops_it(
    house: House, sf: FakeCrm
) -> None:
    house.commands.rep_away(CARLA, "2026-07-01", "")
    leads = [new(sf, n, country="DE") for n in range(6)]
    house.clock.advance(1)
    tick(house)
    tick(house)
    assert events(house, "peak.") == ["peak.began"]
    house.restart()
    tick(house)
    assert events(house, "peak.") == ["peak.began"]
    assert [house.state(r) for r in leads[1:]] == [LeadState.HELD] * 5
    house.policy = POLICY.replace("peak: {team: helpers, above: 3, below: 2}, ", "")
    house.restart()
    tick(house)
    assert events(house, "peak.") == ["peak.began", "peak.ended"]


def test_high_priority_jumps_the_held_queue(house: House, sf: FakeCrm) -> None:
    first = new(sf, 1, country="DE")
    house.clock.advance(1)
    tick(house)
    old = new(sf, 2, country="DE")
    house.clock.advance(60)
    tick(house)
    urgent = new(sf, 3, country="DE", employees=500)
    house.clock.advance(1)
    tick(house)
    assert (house.state(old), house.state(urgent)) == (LeadState.HELD, LeadState.HELD)
    for gone, next_one in ((first, urgent), (urgent, old)):
        sf.update(gone, status="Disqualified")
        house.clock.advance(1)
        tick(house)
        assert owner_email(sf, next_one) == ANNA


def test_it_waits_half_an_hour_and_is_then_escalated(house: House, sf: FakeCrm) -> None:
    new(sf, 1, country="DE")
    house.clock.advance(1)
    tick(house)
    lead = new(sf, 2, country="IT")
    house.clock.advance(1)
    tick(house)
    seen = row(house, lead).first_seen_at
    assert row(house, lead).retry_at == seen + timedelta(minutes=30)
    until(house, seen + timedelta(minutes=29))
    tick(house)
    assert house.state(lead) is LeadState.HELD
    until(house, seen + timedelta(minutes=30))
    tick(house)
    assert owner_email(sf, lead) == CARLA


def test_who_waits_gets_the_first_free_place_and_no_manager(house: House, sf: FakeCrm) -> None:
    first = new(sf, 1, country="DE")
    house.clock.advance(1)
    tick(house)
    lead = new(sf, 2, country="IT")
    house.clock.advance(60)
    tick(house)
    sf.update(first, status="Disqualified")
    house.clock.advance(1)
    tick(house)
    assert owner_email(sf, lead) == ANNA


# -- covers and the CRM's word ---------------------------------------------------------------------


def test_the_policy_s_cover_and_one_named_for_a_leave(house: House, sf: FakeCrm) -> None:
    done = house.commands.rep_away(BEN, "2026-06-10", "")
    assert done == {"rep": BEN, "until": "2026-06-10", "cover": CARLA}
    lead, turn = new(sf, 1, country="FR"), new(sf, 2, country="SE")
    house.clock.advance(1)
    tick(house)
    assert (owner_email(sf, lead), house.state(turn)) == (CARLA, LeadState.HELD)
    [why] = house.commands.why("x1@acme1.test")
    assert why["decision"]["recomputed_equal"]
    assert f"{BEN} is away until 2026-06-10, {CARLA} covers" in why["decision"]["reason"]
    house.commands.rep_away(BEN, "2026-06-10", "", "Anna@example.com")
    again = new(sf, 3, country="FR")
    house.clock.advance(1)
    tick(house)
    assert owner_email(sf, again) == ANNA
    assert house.commands.status()["away"] == [
        {"rep": BEN, "until": "2026-06-10", "reason": "", "cover": ANNA}
    ]
    house.commands.rep_back(BEN)
    assert house.commands.rep_away(BEN, "2026-06-12", "")["cover"] == CARLA


def test_a_cover_is_somebody_else_of_the_roster(house: House) -> None:
    with pytest.raises(ConfigError, match="did you mean carla"):
        house.commands.rep_away(BEN, "2026-06-10", "", "karla@example.com")
    with pytest.raises(ConfigError, match="nobody covers for themselves"):
        house.commands.rep_away(BEN, "2026-06-10", "", BEN)


def tell(house: House, sf: FakeCrm, email: str, told: Availability | None) -> None:
    sf.tell_availability(user_id(sf, email), told)
    house.clock.advance(1)
    for ingest in house.ingests.values():
        ingest.refresh_owners()


def test_who_is_away_in_the_crm_is_passed_over_until_that_changes(
    house: House, sf: FakeCrm
) -> None:
    rosters = "SELECT count(*) n FROM rosters"
    before = house.db.row(rosters)
    tell(house, sf, BEN, Availability(present=False))
    lead = new(sf, 1, country="SE")
    house.clock.advance(1)
    tick(house)
    assert house.state(lead) is LeadState.HELD
    [why] = house.commands.why("x1@acme1.test")
    assert {"rep": BEN, "reason": "away in salesforce now"} in why["decision"]["passed"]
    assert why["decision"]["recomputed_equal"]
    assert house.commands.status()["away"] == [
        {"rep": BEN, "until": "", "reason": "away in salesforce now"}
    ]
    after = house.db.row(rosters)
    assert before is not None
    assert after is not None
    assert after["n"] == before["n"]
    tell(house, sf, BEN, Availability(present=True))
    tick(house)
    assert owner_email(sf, lead) == BEN


def test_out_of_office_is_leave_with_a_cover_and_rep_back_ends_it(
    house: House, sf: FakeCrm
) -> None:
    now = house.clock.now()
    tell(house, sf, BEN, Availability(off=((now, now + timedelta(days=2)),)))
    lead = new(sf, 1, country="FR")
    house.clock.advance(1)
    tick(house)
    assert owner_email(sf, lead) == CARLA
    [away] = house.commands.status()["away"]
    assert away["reason"] == "out of office in salesforce"
    assert house.commands.rep_back(BEN) == {"rep": BEN, "was_away": True}
    mine: Ref = new(sf, 2, country="FR")
    house.clock.advance(1)
    tick(house)
    assert owner_email(sf, mine) == BEN


# -- in seconds ------------------------------------------------------------------------------------


def test_leads_have_their_owners_one_look_after_they_are_made(house: House, sf: FakeCrm) -> None:
    """Distribution in seconds: a poll and its deliveries, however many came."""
    refs = [new(sf, n, country="SE") for n in range(40)]
    house.clock.advance(1)
    began = house.clock.now()
    tick(house)
    assert {owner_email(sf, r) for r in refs} == {BEN}
    assert house.clock.now() - began < timedelta(seconds=5)

"""A signal seen anywhere brings the person's leads round: once for each occurrence, and in time."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from daemon.house import House, an_org, owner_email, user_id

from fairlead.core.activity import ActivityKind
from fairlead.core.types import Actor, Ref
from fairlead.daemon.explaining import replay_decision
from fairlead.errors import Unavailable
from fairlead.store import decisions, journal, leads, scores, signals
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_connector import FakeConnector
from fairlead.testing.fake_crm import FakeCrm

WEBINAR, OTHER = "701000000000001AAA", "701000000000002AAA"
POLICY = f"""\
version: 1
fields:
  last_click: {{type: instant, salesforce: last_click, hubspot: last_click}}
  demo_at: {{type: instant, salesforce: demo_at, hubspot: demo_at}}
sources:
  sf: {{crm: salesforce}}
  hs: {{crm: hubspot, object: contacts}}
owner_authority: sf
reps:
  anna@example.com: {{}}
  ben@example.com: {{}}
  carla@example.com: {{}}
teams:
  inbound: {{members: [anna@example.com, ben@example.com]}}
  specialists: {{members: [carla@example.com]}}
signals:
  demo_requested: {{at: demo_at, when: form contains "demo"}}
  email_clicked: {{at: last_click}}
  webinar_attended:
    salesforce: {{campaign: {WEBINAR}, status: Attended}}
    hubspot: {{list: 42}}
  called_us: {{activity: [call, email], incoming: true}}
slas:
  answer: {{respond_within: 1h, hours: always, warn_at: [50%]}}
scoring:
  groups:
    engagement:
      points:
        - {{when: 'signal("email_clicked", within: 7d)', points: 30}}
        - {{when: 'signal("called_us")', points: 25}}
        - {{when: 'signal("webinar_attended")', points: 10, at: signal.webinar_attended,
            half_life: 2d}}
  bands: {{warm: 20, hot: 50}}
reroute_on: [country, signal(demo_requested), signal(webinar_attended)]
rules:
  - name: Demos
    when: 'signal("demo_requested", within: 1d)'
    to: {{team: specialists}}
  - name: Webinar guests
    when: 'signal("webinar_attended", within: 2d)'
    to: {{team: specialists}}
  - name: Everybody
    to: {{team: inbound}}
    sla: answer
otherwise: {{to: {{team: inbound}}}}
"""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def sf(clock: ManualClock) -> FakeCrm:
    fake = an_org(clock)
    for id in (WEBINAR, OTHER):
        fake.groups.create("Webinar", id=id)
    return fake


@pytest.fixture
def hs(clock: ManualClock) -> FakeCrm:
    fake = an_org(clock, "hubspot")
    fake.groups.create("Webinar guests", id="42")
    return fake


@pytest.fixture
def house(sf: FakeCrm, hs: FakeCrm, clock: ManualClock) -> Iterator[House]:
    house = House(None, [sf, hs], clock, policy=POLICY)
    house.start()
    clock.advance(1)
    yield house
    house.close()


def goes_on(house: House, seconds: float = 61) -> None:
    """Time passes, and everything that is due is done."""
    house.clock.advance(seconds)
    house.round()
    house.signals()
    house.round()


def told(house: House, ref: Ref) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = house.commands.why(str(ref))[0]["signals"]
    return found


def events(house: House, ref: Ref) -> list[str]:
    return [j.event for j in journal.of_lead(house.db, ref)]


def a_lead(house: House, fake: FakeCrm, **fields: Any) -> Ref:
    ref = fake.create_lead(**fields)
    house.round()
    return ref


# -- a date of the lead's own ----------------------------------------------------------------------


def test_a_date_that_moves_is_one_more_occurrence_and_the_same_date_is_none(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, sf)
    assert told(house, ref) == []

    first = clock.now()
    sf.update(ref, last_click=first.isoformat())
    goes_on(house)
    sf.update(ref, city="Oslo")
    goes_on(house)
    assert [s["at"] for s in told(house, ref)] == [first.isoformat()]
    assert events(house, ref).count("signal.seen") == 1

    second = clock.now()
    sf.update(ref, last_click=second.isoformat())
    goes_on(house)
    assert [s["at"] for s in told(house, ref)] == [first.isoformat(), second.isoformat()]
    [row] = leads.find_leads(house.db, str(ref))
    assert signals.of_person(house.db, row.person_id, clock.now()) == {"email_clicked": second}


def test_a_click_raises_the_grade_and_time_takes_it_down_again(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, sf)
    assert scores.get(house.db, ref).grade == "poor"  # type: ignore[union-attr]
    sf.update(ref, last_click=clock.now().isoformat())
    goes_on(house)
    kept = scores.get(house.db, ref)
    assert kept is not None
    assert (kept.score, kept.grade) == (30, "warm")
    assert kept.due_at is not None

    clock.advance(max(timedelta(0), kept.due_at - clock.now()))
    for ingest in house.ingests.values():
        ingest.rescore_due()
    kept = scores.get(house.db, ref)
    assert kept is not None
    assert (kept.score, kept.grade) == (0, "poor")


def test_what_lies_ahead_is_seen_when_it_comes(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    at = clock.now() + timedelta(hours=2)
    ref = a_lead(house, sf, form="Book a demo", demo_at=at.isoformat())
    assert owner_email(sf, ref) != "carla@example.com"
    goes_on(house, 3600)
    assert owner_email(sf, ref) != "carla@example.com"
    goes_on(house, 3601)
    assert owner_email(sf, ref) == "carla@example.com"


# -- re-routing ------------------------------------------------------------------------------------


def test_a_demo_requested_later_has_the_lead_routed_again(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, sf)
    assert owner_email(sf, ref) == "anna@example.com"
    sf.update(ref, form="Book a demo", demo_at=clock.now().isoformat())
    goes_on(house)
    assert owner_email(sf, ref) == "carla@example.com"
    [again] = [j for j in journal.of_lead(house.db, ref) if j.event == "lead.rerouted"]
    assert again.detail["reason"] == "signal(demo_requested) was seen"


@pytest.mark.parametrize("seen_in", ["salesforce", "hubspot"])
def test_both_records_of_the_person_are_routed_again_to_one_rep(
    house: House, sf: FakeCrm, hs: FakeCrm, clock: ManualClock, seen_in: str
) -> None:
    here = a_lead(house, sf, email="x@acme.example")
    there = a_lead(house, hs, email="x@acme.example")
    assert owner_email(sf, here) == owner_email(hs, there) == "anna@example.com"
    fake, ref = (sf, here) if seen_in == "salesforce" else (hs, there)
    fake.update(ref, form="Book a demo", demo_at=clock.now().isoformat())
    goes_on(house)
    goes_on(house)
    assert owner_email(sf, here) == owner_email(hs, there) == "carla@example.com"
    for ref in (here, there):
        assert events(house, ref).count("lead.rerouted") == 1
        [row] = leads.find_leads(house.db, str(ref))
        assert row.decision_id is not None
        assert replay_decision(house.db, row.decision_id)["equal"]


def test_the_decision_keeps_the_instants_it_saw_and_is_taken_again_alike(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    at = clock.now()
    ref = a_lead(house, sf, form="Book a demo", demo_at=at.isoformat())
    [row] = leads.find_leads(house.db, str(ref))
    assert row.decision_id is not None
    kept = decisions.get_decision(house.db, row.decision_id)
    assert kept is not None
    assert b"signal.demo_requested" in kept.inputs
    assert replay_decision(house.db, row.decision_id)["equal"]
    clock.advance(7 * 86400)
    [why] = house.commands.why(str(ref))
    assert why["decision"]["recomputed_equal"]


def test_an_old_occurrence_of_a_new_signal_moves_nobody(
    sf: FakeCrm, clock: ManualClock, tmp_path: Path
) -> None:
    before = POLICY.replace("demo_requested: {at: demo_at", "demo_requested: {at: created_at")
    house = House(None, [sf], clock, policy=before.replace('"demo"}', '"no such form"}'))
    house.start()
    clock.advance(1)
    ref = a_lead(house, sf, form="Book a demo", demo_at=clock.now().isoformat())
    held = owner_email(sf, ref)
    house.policy = POLICY
    house.restart()
    sf.update(ref, city="Oslo")
    goes_on(house)
    assert [s["signal"] for s in told(house, ref)] == ["demo_requested"]
    assert owner_email(sf, ref) == held == "anna@example.com"
    house.close()


# -- campaigns and lists ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("crm", "group", "status"), [("salesforce", WEBINAR, "Attended"), ("hubspot", "42", "")]
)
def test_who_attended_is_routed_again_though_the_lead_itself_has_not_changed(
    house: House, sf: FakeCrm, hs: FakeCrm, crm: str, group: str, status: str
) -> None:
    fake = {"salesforce": sf, "hubspot": hs}[crm]
    ref = a_lead(house, fake)
    house.signals()
    assert owner_email(fake, ref) == "anna@example.com"
    fake.groups.add(ref, group, status)
    goes_on(house)
    assert owner_email(fake, ref) == "carla@example.com"
    [one] = told(house, ref)
    assert one["signal"] == "webinar_attended"
    assert one["evidence"].startswith(f"{'campaign' if crm == 'salesforce' else 'list'} {group}")


def test_another_status_or_another_campaign_is_no_signal(house: House, sf: FakeCrm) -> None:
    ref = a_lead(house, sf)
    sf.groups.add(ref, WEBINAR, "Registered")
    sf.groups.add(ref, OTHER, "Attended")
    goes_on(house)
    assert told(house, ref) == []


def test_the_same_webinar_seen_twice_counts_once(
    house: House, sf: FakeCrm, hs: FakeCrm, clock: ManualClock
) -> None:
    first, second = a_lead(house, sf), a_lead(house, sf)
    assert house.commands.why(str(first))[0]["same_person"] == [str(second)]
    at = clock.now()
    sf.groups.add(first, WEBINAR, "Attended")
    goes_on(house)
    sf.groups.add(second, WEBINAR, "Attended")
    sf.groups.set_status(first, WEBINAR, "Attended")
    goes_on(house)
    [one] = told(house, first)
    assert (one["at"], one["seen_on"]) == (at.isoformat(), sorted([str(first), str(second)]))
    assert (events(house, first) + events(house, second)).count("signal.seen") == 1
    assert events(house, first).count("lead.rerouted") == 1


@pytest.mark.parametrize(("days", "times"), [(0, 1), (2, 2)])
def test_a_list_joined_again_on_another_day_is_another_occurrence(
    house: House, hs: FakeCrm, days: int, times: int
) -> None:
    ref = a_lead(house, hs)
    hs.groups.add(ref, "42")
    goes_on(house)
    hs.groups.remove(ref, "42")
    goes_on(house, 61 + 86400 * days)
    hs.groups.add(ref, "42")
    goes_on(house)
    assert len(told(house, ref)) == times


def test_both_records_of_one_person_have_the_signal_of_either(
    house: House, sf: FakeCrm, hs: FakeCrm
) -> None:
    here, there = (
        a_lead(house, sf, email="x@acme.example"),
        a_lead(house, hs, email="x@acme.example"),
    )
    hs.groups.add(there, "42")
    goes_on(house)
    assert told(house, here) == told(house, there) != []
    assert scores.get(house.db, here) is not None
    for ref in (here, there):
        kept = scores.get(house.db, ref)
        assert kept is not None
    assert kept.score == 10


def test_a_member_nobody_has_seen_yet_has_the_signal_when_the_lead_comes(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    house.signals()
    ref = sf.create_lead(commits_after=300)
    sf.groups.add(ref, WEBINAR, "Attended")
    goes_on(house)
    assert leads.get_lead(house.db, ref) is None
    goes_on(house, 300)
    assert owner_email(sf, ref) == "carla@example.com"
    [row] = leads.find_leads(house.db, str(ref))
    assert row.decision_id is not None


def test_groups_are_asked_at_their_own_slow_rhythm(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    house.signals()
    assert sf.calls["joined"] == 1
    for _ in range(11):
        clock.advance(5)
        house.signals()
    assert sf.calls["joined"] == 1
    clock.advance(5)
    house.signals()
    assert sf.calls["joined"] == 2


def test_every_page_is_read_and_a_crash_between_them_loses_none(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    refs = [a_lead(house, sf, email=f"x{n}@acme{n}.example") for n in range(5)]
    connector = house.ingests["salesforce"].connector
    assert isinstance(connector, FakeConnector)
    connector.page_size = 2
    for ref in refs:
        sf.groups.add(ref, WEBINAR, "Attended")
        clock.advance(1)
    sf.faults.fail_next("joined", Unavailable("down"))
    with pytest.raises(Unavailable):
        house.signals()
    house.joinings["salesforce"].tick()
    house.restart()
    goes_on(house)
    assert [len(told(house, ref)) for ref in refs] == [1] * 5
    assert {owner_email(sf, ref) for ref in refs} == {"carla@example.com"}


def test_a_group_named_later_is_read_from_its_beginning(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, sf)
    sf.groups.add(ref, OTHER, "Attended")
    goes_on(house)
    goes_on(house)
    assert told(house, ref) == []
    house.policy = POLICY.replace(f"campaign: {WEBINAR}", f"campaign: [{WEBINAR}, {OTHER}]")
    house.restart()
    goes_on(house)
    assert [s["evidence"] for s in told(house, ref)] == [f"campaign {OTHER} Attended"]


def test_two_days_later_the_specialist_does_not_get_them(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    two_days = timedelta(days=2).total_seconds()
    late = sf.create_lead(email="x@acme.example", commits_after=two_days)
    soon = sf.create_lead(email="y@other.example", commits_after=two_days)
    sf.groups.add(late, WEBINAR, "Attended")
    clock.advance(600)
    sf.groups.add(soon, WEBINAR, "Attended")
    house.signals()
    goes_on(house, two_days - 300)
    assert owner_email(sf, late) == "anna@example.com"
    assert owner_email(sf, soon) == "carla@example.com"


# -- activities ------------------------------------------------------------------------------------


def test_a_call_of_the_buyers_is_seen_where_a_clock_runs(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, sf)
    sf.activities.log(ref, ActivityKind.CALL, incoming=True)
    sf.activities.log(ref, ActivityKind.CALL, incoming=False, actor=Actor.AUTOMATION)
    clock.advance(1801)
    house.sweep()
    goes_on(house)
    [one] = told(house, ref)
    assert one["signal"] == "called_us"
    assert one["evidence"].startswith("call ")
    kept = scores.get(house.db, ref)
    assert kept is not None
    assert kept.score == 25


# -- records that leave ----------------------------------------------------------------------------


def test_a_merge_hands_the_signals_over_to_the_survivor(house: House, sf: FakeCrm) -> None:
    loser = a_lead(house, sf, email="x@acme.example")
    survivor = a_lead(house, sf, email="y@other.example")
    sf.groups.add(loser, WEBINAR, "Attended")
    goes_on(house)
    assert owner_email(sf, survivor) != "carla@example.com"
    sf.merge(loser, survivor)
    goes_on(house)
    assert [s["signal"] for s in told(house, survivor)] == ["webinar_attended"]


def test_a_lead_that_a_person_gave_to_somebody_stays_there(house: House, sf: FakeCrm) -> None:
    ref = a_lead(house, sf)
    sf.person_sets_owner(ref, user_id(sf, "ben@example.com"))
    goes_on(house)
    sf.groups.add(ref, WEBINAR, "Attended")
    goes_on(house)
    assert owner_email(sf, ref) == "ben@example.com"


def test_the_dates_of_a_signal_stand_in_the_answer_of_why(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    from fairlead.reports.human import human_why

    at: datetime = clock.now()
    ref = a_lead(house, sf, form="Book a demo", demo_at=at.isoformat())
    text = "\n".join(human_why(house.commands.why(str(ref))))
    assert f"signal demo_requested: {at.isoformat()[:19]}Z, by demo_at {at.isoformat()}" in text
    assert 'signal("demo_requested", within: 1d)' in text

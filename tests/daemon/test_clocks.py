"""SLA clocks in a running house: begun with the lead, paused, stopped, fired once, handed on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from daemon.house import House, an_org, owner_email, user_id

from fairlead.core.activity import ActivityKind
from fairlead.core.types import Actor, Ref
from fairlead.reports.clocks import human_sla
from fairlead.reports.human import human_why
from fairlead.store import clocks, journal, loads, outbox
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm, FakeTask

ANNA, BEN, CARLA = "anna@example.com", "ben@example.com", "carla@example.com"
MONA, DANA = "mona@example.com", "dana@example.com"

POLICY = """\
version: 1
sources: {sf: {crm: salesforce}}
calendars:
  office: {timezone: Europe/London, hours: {mon-fri: ["09:00-17:00"]}}
reps:
  anna@example.com: {calendar: office}
  ben@example.com: {calendar: office}
  carla@example.com: {calendar: office}
teams:
  inbound: {members: [anna@example.com, ben@example.com], manager: mona@example.com}
  rescue: {members: [carla@example.com]}
slas:
  hot:
    respond_within: 20m
    hours: always
    warn_at: [50%, 5m]
    paused_when: status == "Waiting"
    on_breach:
      - {notify: manager}
      - {after: 10m, reassign: next}
      - {after: 60m, escalate: dana@example.com}
rules:
  - {name: Everybody, to: {team: inbound}, sla: hot}
otherwise: {to: {team: rescue}}
"""


@pytest.fixture
def sf(clock: ManualClock) -> FakeCrm:
    fake = an_org(clock, "salesforce")
    fake.add_user(MONA)
    fake.add_user(DANA)
    return fake


@pytest.fixture
def house(sf: FakeCrm, clock: ManualClock) -> Iterator[House]:
    house = a_house(sf, clock, POLICY)
    yield house
    house.close()


def a_house(sf: FakeCrm, clock: ManualClock, policy: str) -> House:
    house = House(None, [sf], clock, policy=policy)
    house.start()
    clock.advance(1)
    return house


def a_lead(house: House, sf: FakeCrm, n: int = 0) -> Ref:
    ref = sf.create_lead(email=f"x{n}@acme{n}.test", status="New")
    house.round()
    return ref


def wait(house: House, clock: ManualClock, by: timedelta) -> None:
    """Let time pass, then poll, sweep and deliver, as the daemon does."""
    clock.advance(by)
    house.poll()
    house.sweep()
    house.deliver()


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


def fired(house: House, ref: Ref) -> list[str]:
    events = journal.of_lead(house.db, ref)
    return [str(j.detail["step"]) for j in events if j.event == "clock.fired"]


def told(sf: FakeCrm, email: str) -> list[FakeTask]:
    """The tasks by which a clock told this person something."""
    tasks = [t for t in sf.tasks.values() if t.subject.startswith("Answer time")]
    return [t for t in tasks if t.owner_id == user_id(sf, email)]


def other(rep: str | None) -> str:
    return BEN if rep == ANNA else ANNA


def test_the_clock_begins_with_the_decision_and_is_there_with_it(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    began = clock.now()
    ref = a_lead(house, sf)
    [kept] = clocks.open_of(house.db, ref)
    assert (kept.sla, kept.rep_id, kept.since) == ("hot", owner_email(sf, ref), began)
    assert [(s.step, (s.due_at or began) - began) for s in clocks.steps_of(house.db, kept.id)] == [
        ("warning 50%", minutes(10)),
        ("warning 5m before", minutes(15)),
        ("due", minutes(20)),
        ("step 1", minutes(20)),
        ("step 2", minutes(30)),
        ("step 3", minutes(80)),
    ]


def test_warning_breach_reassignment_and_escalation_come_in_their_turn(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, sf)
    first = owner_email(sf, ref)
    assert first is not None
    wait(house, clock, minutes(9))
    assert fired(house, ref) == []
    wait(house, clock, minutes(1))
    assert fired(house, ref) == ["warning 50%"]
    assert len(told(sf, first)) == 1
    wait(house, clock, minutes(5))
    wait(house, clock, minutes(5))
    assert fired(house, ref)[1:] == ["warning 5m before", "due", "step 1"]
    assert len(told(sf, MONA)) == 1
    assert owner_email(sf, ref) == first
    wait(house, clock, minutes(10))
    assert owner_email(sf, ref) == other(first)
    assert told(sf, DANA) == []
    wait(house, clock, minutes(50))
    [escalated] = told(sf, DANA)
    assert escalated.high_priority


def test_the_next_owner_has_the_whole_time_and_then_nobody_is_left(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, sf)
    first = owner_email(sf, ref)
    for _ in range(6):
        wait(house, clock, minutes(5))
    second = owner_email(sf, ref)
    assert second == other(first)
    [rest, theirs] = clocks.open_of(house.db, ref)
    assert (rest.rep_id, rest.after) == (first, "step 2")
    assert (theirs.rep_id, theirs.since, theirs.upto) == (second, clock.now(), "step 2")
    assert [s.step for s in clocks.steps_of(house.db, theirs.id)][-1] == "step 2"
    for _ in range(6):
        wait(house, clock, minutes(5))
    # Both of the team have had it, and 'otherwise' is not the same rule: it stays, and is told.
    assert owner_email(sf, ref) == second
    assert any("nobody else can take it" in t.body for t in told(sf, MONA))
    assert fired(house, ref).count("step 2") == 2


def test_a_moved_status_is_the_answer_and_nothing_fires_after_it(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, sf)
    clock.advance(minutes(12))
    sf.update(ref, status="Contacted")
    wait(house, clock, timedelta(days=3))
    [kept] = clocks.of_lead(house.db, ref)
    assert (kept.how, kept.late) == (clocks.ANSWERED, False)
    assert kept.accepted_at == kept.ended_at == kept.since + minutes(12)
    assert fired(house, ref) == []


def test_a_logged_call_of_a_person_is_the_answer_and_is_kept_as_proof(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, sf)
    clock.advance(minutes(3))
    call = sf.activities.log(ref, ActivityKind.CALL, by=sf.owner_of(ref))
    at = clock.now()
    wait(house, clock, minutes(30))
    [kept] = clocks.of_lead(house.db, ref)
    assert (kept.how, kept.late, kept.ended_at) == (clocks.ANSWERED, False, at)
    assert fired(house, ref) == []
    [told_] = [j for j in journal.of_lead(house.db, ref) if j.event == "clock.answered"]
    assert (told_.detail["proof"], told_.detail["by"]) == (str(call.ref), sf.owner_of(ref))


def test_what_a_tool_did_what_the_buyer_wrote_and_a_note_are_no_answer(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, sf)
    sf.activities.log(ref, ActivityKind.EMAIL, actor=Actor.AUTOMATION)
    sf.activities.log(ref, ActivityKind.EMAIL, actor=Actor.US)
    sf.activities.log(ref, ActivityKind.EMAIL, incoming=True)
    sf.activities.log(ref, ActivityKind.NOTE)
    wait(house, clock, minutes(20))
    assert fired(house, ref) == ["due", "step 1"]


def test_an_answer_after_the_time_is_late(house: House, sf: FakeCrm, clock: ManualClock) -> None:
    ref = a_lead(house, sf)
    wait(house, clock, minutes(21))
    sf.update(ref, status="Contacted")
    wait(house, clock, minutes(1))
    assert [(c.how, c.late) for c in clocks.of_lead(house.db, ref)] == [(clocks.ANSWERED, True)]


def test_while_the_buyer_is_waited_for_the_clock_stands(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, sf)
    wait(house, clock, minutes(8))
    sf.update(ref, status="Waiting")
    wait(house, clock, timedelta(days=1))
    assert fired(house, ref) == []
    sf.update(ref, status="New")
    back = clock.now()
    wait(house, clock, minutes(1))
    [kept] = clocks.open_of(house.db, ref)
    due = {s.step: s.due_at for s in clocks.steps_of(house.db, kept.id)}
    assert due["due"] == back + minutes(12)
    wait(house, clock, minutes(1))
    assert fired(house, ref) == ["warning 50%"]


def test_the_policys_own_condition_says_what_an_answer_is(sf: FakeCrm, clock: ManualClock) -> None:
    text = POLICY.replace("hours: always", 'hours: always\n    responded_when: rating == "Hot"')
    house = a_house(sf, clock, text)
    ref = a_lead(house, sf)
    sf.update(ref, status="Contacted")
    wait(house, clock, minutes(1))
    assert [c.how for c in clocks.of_lead(house.db, ref)] == [clocks.RUNNING]
    sf.update(ref, rating="Hot")
    wait(house, clock, minutes(1))
    assert [c.how for c in clocks.of_lead(house.db, ref)] == [clocks.ANSWERED]
    house.close()


def test_after_days_off_each_clock_fires_once_and_a_person_reads_one_digest(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    refs = [a_lead(house, sf, n) for n in range(6)]
    sf.update(refs[0], status="Contacted")
    house.restart()
    wait(house, clock, timedelta(days=4))
    assert fired(house, refs[0]) == []
    for ref in refs[1:]:
        steps = fired(house, ref)
        assert "warning 50%" not in steps
        assert len(steps) == len(set(steps))
    assert len(told(sf, MONA)) == 1
    assert len(told(sf, DANA)) == 1
    assert "5 leads" in told(sf, DANA)[0].subject
    before = [fired(house, ref) for ref in refs]
    house.sweep()
    assert [fired(house, ref) for ref in refs] == before


def test_a_person_who_gives_the_lead_on_begins_the_time_anew_and_we_take_nothing_from_them(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, sf)
    wait(house, clock, minutes(15))
    sf.person_sets_owner(ref, user_id(sf, CARLA))
    wait(house, clock, minutes(1))
    [kept] = clocks.open_of(house.db, ref)
    assert (kept.rep_id, kept.since) == (CARLA, clock.now())
    for _ in range(8):
        wait(house, clock, minutes(5))
    assert owner_email(sf, ref) == CARLA
    assert any("a person gave it" in t.body for t in told(sf, MONA))


def test_with_override_people_the_path_takes_it_all_the_same(
    sf: FakeCrm, clock: ManualClock
) -> None:
    house = a_house(sf, clock, POLICY.replace("hot:\n", "hot:\n    override_people: true\n"))
    ref = a_lead(house, sf)
    first = owner_email(sf, ref)
    sf.person_sets_owner(ref, user_id(sf, CARLA))
    wait(house, clock, minutes(1))
    for _ in range(7):
        wait(house, clock, minutes(5))
    assert owner_email(sf, ref) == other(first)
    house.close()


def test_a_rep_who_misses_it_gets_no_new_leads_for_a_while(sf: FakeCrm, clock: ManualClock) -> None:
    text = POLICY.replace("{notify: manager}", "{set_away: {for: 4h}}")
    house = a_house(sf, clock, text)
    ref = a_lead(house, sf)
    rep = owner_email(sf, ref)
    wait(house, clock, minutes(20))
    [switch] = loads.switches(house.db)
    assert (switch.rep_id, switch.away_since) == (rep, clock.now())
    assert {owner_email(sf, a_lead(house, sf, n)) for n in range(1, 5)} == {other(rep)}
    house.close()


def test_a_step_can_raise_the_priority_and_give_the_lead_to_another_team(
    sf: FakeCrm, clock: ManualClock
) -> None:
    text = POLICY.replace("{notify: manager}", "{raise: priority}")
    house = a_house(sf, clock, text.replace("reassign: next", "reassign: {team: rescue}"))
    ref = a_lead(house, sf)
    [task] = sf.tasks.values()
    assert not task.high_priority
    wait(house, clock, minutes(20))
    own = next(t for t in sf.tasks.values() if t.id == task.id)
    assert own.high_priority
    wait(house, clock, minutes(10))
    assert owner_email(sf, ref) == CARLA
    house.close()


def test_a_clock_in_the_reps_hours_does_not_run_at_night(sf: FakeCrm, clock: ManualClock) -> None:
    house = a_house(sf, clock, POLICY.replace("hours: always", "hours: rep"))
    clock.advance(timedelta(hours=7, minutes=49) - timedelta(seconds=1))
    ref = a_lead(house, sf)
    wait(house, clock, minutes(11))
    wait(house, clock, timedelta(hours=15))
    assert fired(house, ref) == ["warning 50%"]
    wait(house, clock, timedelta(hours=1, minutes=9))
    assert fired(house, ref) == ["warning 50%", "due", "step 1"]
    house.close()


def test_leave_said_today_moves_what_has_not_fired(sf: FakeCrm, clock: ManualClock) -> None:
    house = a_house(sf, clock, POLICY.replace("hours: always", "hours: rep"))
    ref = a_lead(house, sf)
    rep = owner_email(sf, ref)
    wait(house, clock, minutes(10))
    house.commands.rep_away(str(rep), "2027-01-05", "ill")
    wait(house, clock, timedelta(days=1))
    assert fired(house, ref) == ["warning 50%"]
    [kept] = clocks.open_of(house.db, ref)
    steps = {s.step: s for s in clocks.steps_of(house.db, kept.id)}
    assert steps["due"].due_at is not None
    assert steps["due"].due_at.isoformat() == "2027-01-06T09:10:00+00:00"
    assert steps["warning 50%"].fired_at is not None
    house.close()


def test_nothing_fires_while_the_machines_clock_is_wrong(sf: FakeCrm, clock: ManualClock) -> None:
    ours = ManualClock()
    fake = an_org(clock, "salesforce")
    fake.add_user(MONA)
    house = a_house(fake, ours, POLICY)
    clock.advance(1)
    ref = a_lead(house, fake)
    right = ours.now()
    ours.set(right + timedelta(days=3650))
    assert house.sweep() == 0
    assert fired(house, ref) == []
    ours.set(right)
    both(ours, clock, minutes(20))
    house.sweep()
    assert fired(house, ref) == ["due", "step 1"]
    house.close()


def both(one: ManualClock, other: ManualClock, by: timedelta) -> None:
    one.advance(by)
    other.advance(by)


def test_a_lead_that_is_gone_has_no_clock(house: House, sf: FakeCrm, clock: ManualClock) -> None:
    ref = a_lead(house, sf)
    sf.delete(ref)
    wait(house, clock, minutes(25))
    assert clocks.open_of(house.db, ref) == []
    assert told(sf, MONA) == []


def test_nothing_fires_for_an_owner_who_is_not_written_yet(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = sf.create_lead(email="x@acme.test", status="New")
    house.poll()
    house.allow(False)
    clock.advance(minutes(25))
    house.sweep()
    assert fired(house, ref) == []
    house.allow(True)
    house.deliver()
    clock.advance(minutes(1))
    house.sweep()
    assert fired(house, ref) == ["due", "step 1"]


def test_a_policy_without_the_sla_ends_its_clocks(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, sf)
    start, _, rest = POLICY.partition("slas:\n")
    without = start + rest[rest.index("rules:") :].replace(", sla: hot", "")
    house.policy = without
    house.restart()
    wait(house, clock, minutes(30))
    assert [c.how for c in clocks.of_lead(house.db, ref)] == ["the policy has no such SLA any more"]
    assert fired(house, ref) == []


def test_the_tellings_of_a_clock_are_tasks_of_their_own(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, sf)
    wait(house, clock, minutes(10))
    own = outbox.task_of(house.db, ref)
    assert own is not None
    assert own.effect.owner_id == sf.owner_of(ref)
    assert len(sf.tasks) == 2


def test_the_running_clocks_are_listed_with_what_comes_next_and_a_forecast(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    refs = [a_lead(house, sf, n) for n in range(3)]
    first = owner_email(sf, refs[0])
    sf.update(refs[1], status="Waiting")
    wait(house, clock, minutes(12))
    told_ = house.commands.routes()["sla"]({"hours": 2})
    assert (told_["running"], told_["paused"], told_["over"]) == (2, 1, 0)
    soonest = told_["clocks"][0]
    assert (soonest["lead"], soonest["owner"]) == (str(refs[0]), first)
    assert (soonest["next"], soonest["next_does"]) == ("warning 5m before", "tell the rep")
    assert [(h["due"], h["by"]) for h in told_["forecast"]] == [(2, {first: 2}), (0, {})]
    lines = "\n".join(human_sla(told_))
    assert "2 clocks run, 1 stands, 0 are over and unanswered" in lines
    assert f"(2 {first})" in lines
    assert "rest of a path" not in lines
    (told_["clocks"][0]["rest_of_path"], told_["rest"]) = (True, 1)
    assert next(human_sla(told_)).endswith(", 1 is the rest of a path")


def test_the_seven_times_of_a_lead_are_kept_apart(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = sf.create_lead(email="x@acme.test", status="New")
    created = clock.now()
    clock.advance(1)
    house.poll()
    clock.advance(1)
    house.deliver()
    clock.advance(minutes(4))
    sf.update(ref, status="Contacted")
    wait(house, clock, minutes(1))
    [told_] = house.commands.why(str(ref))
    since = {n: datetime.fromisoformat(at) - created for n, at in told_["times"].items()}
    second = timedelta(seconds=1)
    assert since == {
        "captured": timedelta(0),
        "eligible": second,
        "decided": second,
        "assigned": 2 * second,
        "notified": 2 * second,
        "accepted": minutes(4) + 2 * second,
        "first_response": minutes(4) + 2 * second,
    }
    assert any("clock hot of" in line for line in human_why([told_]))


def test_a_corrected_calendar_plans_anew_what_has_not_fired(
    sf: FakeCrm, clock: ManualClock
) -> None:
    text = POLICY.replace("hours: always", "hours: rep")
    house = a_house(sf, clock, text)
    ref = a_lead(house, sf)
    wait(house, clock, minutes(10))
    house.policy = text.replace('"09:00-17:00"', '"08:00-09:05", "11:00-17:00"')
    house.restart()
    wait(house, clock, minutes(50))
    assert fired(house, ref) == ["warning 50%"]
    [kept] = clocks.open_of(house.db, ref)
    due = {s.step: s.due_at for s in clocks.steps_of(house.db, kept.id)}
    # Five minutes were worked by the corrected hours, of which the first second was gone.
    assert due["due"] == datetime.fromisoformat("2027-01-04T11:15:01+00:00")
    assert due["warning 50%"] == kept.since + minutes(10)
    house.close()

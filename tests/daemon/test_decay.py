"""Decay in a running house: what its levels do, what is told of them, and what is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction

import pytest
from daemon.house import House, owner_email, the_policy, user_id
from daemon.test_clocks import ANNA, BEN, CARLA, DANA, MONA, a_house, a_lead, an_org, wait

from fairlead.core.activity import ActivityKind
from fairlead.core.types import Actor, LeadState, Ref
from fairlead.reports.decay import human_decay
from fairlead.reports.human import human_why
from fairlead.store import clocks, decays, decisions, journal, leads
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

POLICY = f"""\
version: 1
sources: {{sf: {{crm: salesforce}}}}
reps: {{{ANNA}: {{}}, {BEN}: {{}}, {CARLA}: {{}}}}
teams:
  inbound: {{members: [{ANNA}, {BEN}], manager: {MONA}}}
  rescue: {{members: [{CARLA}]}}
credit_back: {{when: status == "Junk", within: 30d}}
scoring:
  groups:
    fit: {{points: [{{when: employees >= 10, points: 20}}]}}
    cold: {{points: [{{when: decay == "cold", points: -15, because: nobody works on it}}]}}
decay:
  - {{name: cooling, after: {{silence: 3d}}, do: [{{raise: priority}}]}}
  - {{name: cold, after: {{silence: 7d}}, critical: true, do: [{{notify: manager}}]}}
  - {{name: lost, after: {{age: 30d}}, do: [{{reassign: next}}]}}
rules:
  - {{name: Cold ones, when: decay == "lost", to: {{team: rescue}}}}
  - {{name: Everybody, to: {{team: inbound}}}}
otherwise: {{to: {{team: inbound}}}}
"""


def days(n: float) -> timedelta:
    return timedelta(days=n)


@pytest.fixture
def sf(clock: ManualClock) -> FakeCrm:
    fake = an_org(clock, "salesforce")
    for email in (MONA, DANA):
        fake.add_user(email)
    return fake


@pytest.fixture
def house(sf: FakeCrm, clock: ManualClock) -> Iterator[House]:
    house = a_house(sf, clock, POLICY)
    yield house
    house.close()


def reached(house: House, ref: Ref) -> list[str]:
    events = journal.of_lead(house.db, ref)
    return [str(j.detail["level"]) for j in events if j.event == "lead.decayed"]


def balances(house: House) -> dict[str, Fraction]:
    return decisions.balances(house.db).get("team:inbound", {})


def test_the_levels_are_planned_with_the_assignment_in_its_transaction(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    came = clock.now()
    ref = a_lead(house, sf)
    due = {n.level: n.due_at for n in decays.levels_of(house.db, ref, 0)}
    assert due == {"cooling": came + days(3), "cold": came + days(7), "lost": came + days(30)}


def test_why_tells_no_instant_of_a_level_that_stands(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    """Whoever reads it would wait for a level that will not come while nobody has the lead."""
    ref = a_lead(house, sf)

    def told() -> list[str]:
        (why,) = house.commands.why(str(ref))
        return list(human_decay(why["decay"]))

    assert [line.split(":")[0] for line in told()[1:]] == [
        "  cooling",
        "  cold (critical)",
        "  lost",
    ]
    sf.person_sets_owner(ref, None)
    wait(house, clock, days(4))
    (line,) = told()
    assert line.endswith("stands: nobody of ours has it")


def test_what_was_done_meanwhile_plans_the_level_anew(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, sf)
    wait(house, clock, days(2))
    called = clock.now()
    sf.activities.log(ref, ActivityKind.CALL, by=sf.owner_of(ref))
    wait(house, clock, days(2))
    assert reached(house, ref) == []
    assert decays.levels_of(house.db, ref, 0)[0].due_at == called + days(3)
    wait(house, clock, days(1))
    assert reached(house, ref) == ["cooling"]


@pytest.mark.parametrize(
    ("kind", "actor", "incoming", "alive"),
    [
        (ActivityKind.NOTE, Actor.PERSON, False, True),
        (ActivityKind.STATUS_CHANGE, Actor.PERSON, False, True),
        (ActivityKind.EMAIL, Actor.UNKNOWN, True, True),
        (ActivityKind.EMAIL, Actor.AUTOMATION, False, False),
        (ActivityKind.STATUS_CHANGE, Actor.AUTOMATION, False, False),
        (ActivityKind.TASK_DONE, Actor.US, False, False),
    ],
)
def test_only_the_buyer_and_people_break_the_silence(
    house: House,
    sf: FakeCrm,
    clock: ManualClock,
    kind: ActivityKind,
    actor: Actor,
    incoming: bool,
    alive: bool,
) -> None:
    ref = a_lead(house, sf)
    wait(house, clock, days(2))
    sf.activities.log(ref, kind, actor=actor, incoming=incoming)
    wait(house, clock, days(1.5))
    assert reached(house, ref) == ([] if alive else ["cooling"])


def test_a_critical_level_warns_and_is_counted(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, sf)
    wait(house, clock, days(3))
    wait(house, clock, days(4))
    assert reached(house, ref) == ["cooling", "cold"]
    [task] = [t for t in sf.tasks.values() if t.owner_id == user_id(sf, MONA)]
    assert task.subject == "Decay of this lead"
    assert "nobody did anything for 7d" in task.body
    page, _ = house.metrics.render()
    counted = [line for line in page.decode().splitlines() if "decay_levels_total{" in line]
    assert counted == [
        'fairlead_decay_levels_total{critical="no",level="cooling"} 1.0',
        'fairlead_decay_levels_total{critical="yes",level="cold"} 1.0',
    ]


def test_rules_and_replay_see_the_level_that_was_reached(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, sf)
    wait(house, clock, days(30))
    wait(house, clock, timedelta(minutes=1))
    assert reached(house, ref) == ["cooling", "cold", "lost"]
    assert owner_email(sf, ref) == CARLA
    [told] = house.commands.why(str(ref))
    assert told["decision"]["recomputed_equal"]
    assert told["decay"]["level"] == "lost"
    assert house.commands.routes()["replay"]({"decision": told["decision"]["id"]})["equal"]
    text = "\n".join(human_why([told]))
    assert 'yes: decay == "lost"' in text
    assert "decay: at level lost" in text
    assert "a level of decay had it routed" in text


def test_points_go_by_the_level_at_once(house: House, sf: FakeCrm, clock: ManualClock) -> None:
    ref = sf.create_lead(email="x@acme.example", employees=50)
    house.round()
    wait(house, clock, days(7))
    told = [j for j in journal.of_lead(house.db, ref) if j.event == "lead.scored"]
    assert [j.detail["score"] for j in told] == [20, 5]


def test_the_turn_stays_with_whoever_let_it_lie(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, sf)
    charged = balances(house)
    wait(house, clock, days(31))
    assert owner_email(sf, ref) == CARLA
    assert balances(house) == charged
    assert not [j for j in journal.of_lead(house.db, ref) if j.event == "turn.credited"]


def test_who_was_given_the_lead_by_a_person_keeps_it_be_it_the_one_we_chose(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, sf)
    chosen = owner_email(sf, ref)
    assert chosen is not None
    for email in (CARLA, chosen):
        clock.advance(60)
        sf.person_sets_owner(ref, user_id(sf, email))
        house.round()
    wait(house, clock, days(31))
    assert reached(house, ref)[-1] == "lost"
    assert owner_email(sf, ref) == chosen
    events = journal.of_lead(house.db, ref)
    assert "stays: a person gave it to its owner" in str(
        [j.detail["did"] for j in events if j.event == "lead.decayed"][-1]
    )


def test_a_lead_goes_on_where_it_was_after_a_restart_and_a_change_of_the_policy(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, sf)
    wait(house, clock, days(3))
    house.policy = POLICY.replace("{silence: 7d}", "{silence: 5d}").replace("cooling", "tepid")
    house.restart()
    wait(house, clock, timedelta(0))
    assert {n.level for n in decays.levels_of(house.db, ref, 0)} == {
        "cooling", "tepid", "cold", "lost",
    }  # fmt: skip
    wait(house, clock, days(2))
    assert reached(house, ref) == ["cooling", "tepid", "cold"]
    house.policy = (
        house.policy.partition("scoring:")[0] + house.policy[house.policy.index("rules:") :]
    )
    house.policy = house.policy.replace(
        '  - {name: Cold ones, when: decay == "lost", to: {team: rescue}}\n', ""
    )
    assert the_policy(house.policy).policy.decay == ()
    house.restart()
    wait(house, clock, days(60))
    assert reached(house, ref) == ["cooling", "tepid", "cold"]


RECYCLING = """\
recycling:
  cool_down: 1d
  tracks: {later: {when: status == "Recycle", after: 40d, set_back: {salesforce: {status: Open}}}}
"""


def test_a_recycled_lead_rests_and_begins_its_levels_anew_when_it_is_back(
    sf: FakeCrm, clock: ManualClock
) -> None:
    house = a_house(sf, clock, POLICY.replace("rules:", f"{RECYCLING}rules:"))
    try:
        ref = a_lead(house, sf)
        wait(house, clock, days(3))
        sf.update(ref, status="Recycle")
        wait(house, clock, days(0))
        wait(house, clock, days(39))
        row = leads.get_lead(house.db, ref)
        assert row is not None
        assert row.state is LeadState.RECYCLED
        assert reached(house, ref) == ["cooling"]
        wait(house, clock, days(1))
        row = leads.get_lead(house.db, ref)
        assert row is not None
        assert row.state is LeadState.ASSIGNED
        wait(house, clock, days(3))
        assert reached(house, ref) == ["cooling", "cooling"]
    finally:
        house.close()


def test_a_deleted_lead_reaches_nothing(house: House, sf: FakeCrm, clock: ManualClock) -> None:
    ref = a_lead(house, sf)
    sf.delete(ref)
    wait(house, clock, days(40))
    assert reached(house, ref) == []
    assert decays.due(house.db, "salesforce", clock.now(), 10) == []


def test_a_second_record_of_a_person_has_no_levels_of_its_own(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    first = a_lead(house, sf)
    second = a_lead(house, sf)
    assert owner_email(sf, first) == owner_email(sf, second)
    wait(house, clock, days(3))
    assert (reached(house, first), reached(house, second)) == (["cooling"], [])


def test_a_clock_that_has_jumped_reaches_nothing(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, sf)
    wait(house, clock, days(3))
    assert reached(house, ref) == ["cooling"]
    right = clock.now()
    other = ManualClock(right)
    sf.clock = other
    clock.set(right + days(365))
    house.sweep()
    assert reached(house, ref) == ["cooling"]


# -- levels that are not for every lead ------------------------------------------------------------


def test_a_level_that_is_not_for_a_lead_costs_no_look_until_news_makes_it_so(
    sf: FakeCrm, clock: ManualClock
) -> None:
    policy = POLICY.replace("{name: cooling, ", "{name: cooling, when: employees >= 100, ")
    house = a_house(sf, clock, policy.replace("silence: 7d", "silence: 70d"))
    try:
        small = sf.create_lead(email="a@small.example", status="New", employees=5)
        large = sf.create_lead(email="b@large.example", status="New", employees=500)
        house.round()
        wait(house, clock, days(4))
        assert reached(house, large) == ["cooling"]
        assert reached(house, small) == []
        [level] = [n for n in decays.levels_of(house.db, small, 0) if n.level == "cooling"]
        assert level.look_at is None
        assert level.due_at is not None
        assert level.due_at < clock.now()
        sf.update(small, employees=300)
        wait(house, clock, timedelta(minutes=1))
        assert reached(house, small) == ["cooling"]
    finally:
        house.close()


# -- who moved a status, and who took a lead up ----------------------------------------------------

WITH_SLA = POLICY.replace(
    "decay:\n", "slas: {hot: {respond_within: 2h, hours: always, when: score >= 20}}\ndecay:\n"
)


@pytest.fixture
def quick(sf: FakeCrm, clock: ManualClock) -> Iterator[House]:
    house = a_house(sf, clock, WITH_SLA)
    yield house
    house.close()


def moved(
    house: House, sf: FakeCrm, ref: Ref, clock: ManualClock, to: str, actor: Actor | None
) -> datetime:
    wait(house, clock, timedelta(minutes=5))
    at = clock.now()
    if actor is not None:
        sf.activities.log(
            ref, ActivityKind.STATUS_CHANGE, by=sf.owner_of(ref), actor=actor, detail=f"x > {to}"
        )
    sf.update(ref, status=to)
    wait(house, clock, timedelta(minutes=1))
    return at


@pytest.mark.parametrize(
    ("actor", "answers"),
    [
        (Actor.PERSON, True),
        (Actor.UNKNOWN, True),
        (None, True),
        (Actor.AUTOMATION, False),
        (Actor.US, False),
    ],
)
def test_a_moved_status_answers_unless_its_history_shows_a_tool(
    quick: House, sf: FakeCrm, clock: ManualClock, actor: Actor | None, answers: bool
) -> None:
    ref = sf.create_lead(email="x@acme.example", status="New", employees=50)
    quick.round()
    at = moved(quick, sf, ref, clock, "Contacted", actor)
    [kept] = clocks.of_lead(quick.db, ref)
    assert (kept.how, kept.ended_at) == (("answered", at) if answers else ("running", None))
    assert (kept.accepted_at == at) is answers
    assert kept.moved_at is None, "nothing is left to find out"
    moved(quick, sf, ref, clock, "Qualified", Actor.PERSON)
    assert clocks.of_lead(quick.db, ref)[0].how == "answered"


def test_the_crm_s_clock_may_be_ahead_of_ours(
    quick: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = sf.create_lead(email="x@acme.example", status="New", employees=50)
    quick.round()
    wait(quick, clock, timedelta(minutes=5))
    ahead = clock.now() + timedelta(seconds=20)
    sf.activities.log(
        ref, ActivityKind.STATUS_CHANGE, actor=Actor.AUTOMATION, at=ahead, detail="New > Routed"
    )
    sf.update(ref, status="Routed")
    wait(quick, clock, timedelta(0))
    [kept] = clocks.of_lead(quick.db, ref)
    assert (kept.how, kept.status) == ("running", "Routed")


def test_accepted_is_the_first_thing_its_owner_did(
    quick: House, sf: FakeCrm, clock: ManualClock
) -> None:
    ref = sf.create_lead(email="x@acme.example", status="New", employees=50)
    quick.round()
    wait(quick, clock, timedelta(minutes=5))
    noted = clock.now()
    sf.activities.log(ref, ActivityKind.NOTE, by=sf.owner_of(ref))
    moved(quick, sf, ref, clock, "Contacted", Actor.PERSON)
    [kept] = clocks.of_lead(quick.db, ref)
    assert kept.accepted_at is not None
    assert kept.ended_at is not None
    assert noted <= kept.accepted_at <= kept.ended_at


def test_a_lead_below_the_tier_has_no_clock(quick: House, sf: FakeCrm) -> None:
    small = sf.create_lead(email="x@small.example", employees=2)
    large = sf.create_lead(email="x@large.example", employees=50)
    quick.round()
    assert [len(clocks.of_lead(quick.db, ref)) for ref in (small, large)] == [0, 1]

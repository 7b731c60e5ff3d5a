"""Replay of a period: the same policy changes nothing; a candidate shows what it alone changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from daemon.house import QUIET, REPS, House, an_org, owner_email, the_policy, user_id
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fairlead.core.types import LeadState, Ref
from fairlead.daemon.replaying import replay_period
from fairlead.errors import ConfigError
from fairlead.store import outbox
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

ANNA, BEN, CARLA = REPS
PLAIN = """\
version: 1
sources:
  sf: {crm: salesforce}
  hs: {crm: hubspot, object: contacts}
owner_authority: sf
reps:
  anna@example.com: {}
  ben@example.com: {}
  carla@example.com: {weight: 2}
teams:
  inbound: {members: [anna@example.com, ben@example.com, carla@example.com]}
  vip: {members: [carla@example.com]}
rules:
  - name: Big ones
    when: employees >= 1000
    to: {team: vip}
  - name: Everybody
    to: {team: inbound}
otherwise: {to: {queue: Inbound}}
"""
LIMITED = PLAIN.replace(
    "  ben@example.com: {}", "  ben@example.com: {capacity: {per_hour: 2}}"
).replace("carla@example.com: {weight: 2}", "carla@example.com: {capacity: {open: 3}}")
HOURS = LIMITED.replace(
    "reps:\n  anna@example.com: {}",
    'calendars:\n  day: {timezone: Europe/Berlin, hours: {mon-sun: ["09:00-17:00"]}}\n'
    "reps:\n  anna@example.com: {calendar: day}",
)
CLOSED = LIMITED.replace("otherwise:", "closed_when: 'status == \"Done\"'\notherwise:")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def sf(clock: ManualClock) -> FakeCrm:
    return an_org(clock, "salesforce")


@pytest.fixture
def house(sf: FakeCrm, clock: ManualClock) -> Iterator[House]:
    house = House(None, [sf], clock, PLAIN)
    house.start()
    clock.advance(1)
    yield house
    house.close()


def replayed(house: House, candidate: str) -> dict[str, Any]:
    now = house.clock.now() + timedelta(seconds=1)
    policy = the_policy(candidate).policy
    return replay_period(house.db, policy, now - timedelta(days=30), now)


def some_leads(house: House, sf: FakeCrm, count: int, *, big: int = 3) -> list[Ref]:
    """Every `big`-th lead is from a large company; each arrives a second after the other."""
    refs = []
    for n in range(count):
        employees = 5000 if n % big == 0 else 10
        refs.append(sf.create_lead(email=f"x{n}@acme{n}.test", employees=employees))
        house.round()
        house.clock.advance(1)
    return refs


def test_the_policy_in_force_changes_nothing_and_reproduces_all(house: House, sf: FakeCrm) -> None:
    some_leads(house, sf, 12)
    found = replayed(house, PLAIN)
    assert (found["leads"], found["same"], found["changed"]) == (12, 12, [])
    assert (found["reproduced"], found["checked"], found["not_replayed"]) == (12, 12, {})


def test_another_rule_is_direct_and_the_shifted_rotation_a_cascade(
    house: House, sf: FakeCrm
) -> None:
    refs = some_leads(house, sf, 12)
    found = replayed(house, PLAIN.replace(">= 1000", ">= 9000"))
    direct = [c["lead"] for c in found["changed"] if c["kind"] == "direct"]
    assert direct == [str(r) for r in refs[::3]]
    assert {c["would"]["rule"] for c in found["changed"]} == {"Everybody"}
    cascade = [c for c in found["changed"] if c["kind"] == "cascade"]
    assert cascade
    assert all(c["was"]["rule"] == "Everybody" for c in cascade)
    assert found["same"] + found["direct"] + found["cascade"] == 12
    assert found["rules"] == {
        "Big ones": {"was": 4, "would": 0},
        "Everybody": {"was": 8, "would": 12},
    }
    assert found["reps"][CARLA]["would"] == 6


def test_a_rep_who_leaves_the_team_is_a_cascade(house: House, sf: FakeCrm) -> None:
    some_leads(house, sf, 12, big=99)
    found = replayed(house, PLAIN.replace("[anna@example.com, ben", "[ben"))
    assert found["direct"] == 0
    assert found["reps"][ANNA]["would"] == 0
    was_hers = {c["lead"] for c in found["changed"] if c["was"]["rep"] == ANNA}
    assert len(was_hers) == found["reps"][ANNA]["was"] > 0


def test_a_rule_sent_to_another_team_is_direct(house: House, sf: FakeCrm) -> None:
    some_leads(house, sf, 4, big=1)
    found = replayed(house, PLAIN.replace("to: {team: vip}", "to: {queue: Inbound}"))
    assert (found["direct"], found["cascade"]) == (4, 0)
    assert {c["would"]["rep"] for c in found["changed"]} == {None}


def test_who_is_full_in_the_candidate_only_passes_leads_on(house: House, sf: FakeCrm) -> None:
    some_leads(house, sf, 6, big=1)
    full = PLAIN.replace("weight: 2}", "capacity: {per_day: 2}}")
    found = replayed(house, full)
    assert found["reps"][CARLA] == {"was": 6, "would": 2}
    assert found["ends"]["assigned"]["would"] == 6
    ends = {c["would"]["place"] for c in found["changed"]}
    assert ends == {f"owner:{outbox_owner(house, 'Inbound')}"}


def outbox_owner(house: House, name: str) -> str:
    from fairlead.store import directory

    return next(o.id for o in directory.get_owners(house.db) if o.name == name)


def test_held_leads_go_out_when_the_candidate_s_hours_begin(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    [ref, *_] = some_leads(house, sf, 1, big=1)
    opens = (clock.now() + timedelta(hours=2)).strftime("%H:%M")
    closes = (clock.now() + timedelta(hours=3)).strftime("%H:%M")
    hours = f'calendars:\n  c: {{timezone: UTC, hours: {{mon-sun: ["{opens}-{closes}"]}}}}\n'
    candidate = hours.join(PLAIN.split("version: 1\n"))
    candidate = "version: 1\n" + candidate.replace("{weight: 2}", "{weight: 2, calendar: c}")
    candidate = candidate.replace(
        "otherwise: {to: {queue: Inbound}}", "otherwise: {to: {team: vip}}"
    )
    [change] = replayed(house, candidate)["changed"]
    assert (change["lead"], change["kind"]) == (str(ref), "direct")
    assert change["would"]["state"] == "held"
    clock.advance(timedelta(hours=4))
    found = replayed(house, candidate)
    assert found["reps"][CARLA] == {"was": 1, "would": 1}
    assert (found["same"], found["changed"]) == (1, [])


def test_a_turn_given_back_is_given_back_in_the_replay(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    for n in range(6):
        ref = sf.create_lead(email=f"x{n}@acme{n}.test")
        house.poll()
        if n % 2:
            sf.person_sets_owner(ref, user_id(sf, ANNA))
        house.deliver()
        clock.advance(QUIET + timedelta(seconds=1))
        house.round()
    found = replayed(house, PLAIN)
    assert (found["reproduced"], found["checked"], found["changed"]) == (6, 6, [])


def reproduces(house: House, policy: str = PLAIN) -> None:
    found = replayed(house, policy)
    assert (found["not_reproduced"], found["not_replayed"], found["changed"]) == ([], {}, [])
    assert found["checked"]


def test_a_refused_lead_that_goes_to_somebody_else_when_it_is_tried_again_is_reproduced(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    """Its first turn cost nothing, since nobody else could have had it."""
    for email in (BEN, CARLA):
        sf.deactivate(user_id(sf, email))
    house.ingests["salesforce"].refresh_owners()
    refused = sf.create_lead(email="x@acme.test")
    sf.faults.refuse(refused)
    house.round()
    for email in (BEN, CARLA):
        sf.activate(user_id(sf, email))
    house.ingests["salesforce"].refresh_owners()
    sf.faults.clear()
    clock.advance(60)
    some_leads(house, sf, 1, big=99)
    house.commands.retry(None)
    house.ingests["salesforce"].release_held()
    house.deliver()
    first, second = (
        r["rep_id"]
        for r in house.db.rows(
            "SELECT rep_id FROM decisions WHERE lead_id = ? ORDER BY attempt", (refused.id,)
        )
    )
    assert first != second
    reproduces(house)


def test_a_turn_given_back_counts_from_when_it_was_and_not_from_its_decision(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    """All of it in one second: two leads, then the first is junk."""
    policy = PLAIN.replace("reps:", 'credit_back: {when: status == "Junk"}\nreps:', 1)
    house.policy = policy
    house.restart()
    one = sf.create_lead(email="a@acme.test")
    house.poll()
    some = [sf.create_lead(email=f"b{n}@acme{n}.test") for n in range(2)]
    house.round()
    sf.update(one, status="Junk")
    house.round()
    clock.advance(1)
    some.append(sf.create_lead(email="c@acme.test"))
    house.round()
    assert journaled(house, "turn.credited") == 1
    reproduces(house, policy)


def test_the_turn_of_a_rerouted_lead_is_given_back_after_its_new_one(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    policy = PLAIN.replace("reps:", "reroute_on: [employees]\nreps:", 1)
    house.policy = policy
    house.restart()
    refs = [sf.create_lead(email=f"b{n}@beta{n}.test", employees=10) for n in range(4)]
    house.round()
    clock.advance(60)
    small = [r for r in refs if owner_email(sf, r) != CARLA]
    for n, ref in enumerate(small):
        sf.update(ref, employees=5000)
        house.round()
        sf.create_lead(email=f"z{n}@zeta{n}.test")
        house.round()
    assert journaled(house, "turn.refunded") == len(small) == 2
    clock.advance(1)
    some_leads(house, sf, 3, big=99)
    reproduces(house, policy)


def test_what_was_held_over_a_standstill_goes_where_it_went_when_it_was_looked_at(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    """Its wait was over long before the daemon was there again."""
    policy = PLAIN.replace(
        "  - name: Everybody\n    to: {team: inbound}\n",
        "  - name: Everybody\n    to: {team: inbound}\n    if_away: {hold: 20m}\n",
    ).replace("{queue: Inbound}", "{team: vip}")
    house.policy = policy
    house.restart()
    for rep in REPS[:2]:
        house.commands.rep_away(rep, (clock.now() + timedelta(hours=5)).isoformat(), "a test")
    house.commands.rep_away(CARLA, (clock.now() + timedelta(minutes=30)).isoformat(), "a test")
    held = sf.create_lead(email="x@acme.test")
    house.round()
    assert house.state(held) is LeadState.HELD
    clock.advance(timedelta(hours=6))
    for n in range(2):
        sf.create_lead(email=f"n{n}@acme{n}.test")
    house.poll()
    house.ingests["salesforce"].release_held()
    house.round()
    assert house.state(held) is LeadState.ASSIGNED
    reproduces(house, policy)


def journaled(house: House, event: str) -> int:
    found = house.db.row("SELECT count(*) n FROM journal WHERE event = ?", (event,))
    assert found is not None
    return int(found["n"])


def test_a_replay_writes_nothing(house: House, sf: FakeCrm) -> None:
    some_leads(house, sf, 4)
    before = house.db.committed()
    open_rows = len(outbox.open_rows(house.db))
    replayed(house, PLAIN.replace(">= 1000", ">= 9000"))
    assert len(outbox.open_rows(house.db)) == open_rows
    assert house.db.committed() == before


def test_a_period_without_decisions_is_refused(house: House) -> None:
    with pytest.raises(ConfigError, match="no decision was taken from"):
        replayed(house, PLAIN)


def test_what_cannot_be_read_is_named(house: House, sf: FakeCrm) -> None:
    some_leads(house, sf, 2)
    house.db.execute("UPDATE decisions SET inputs = x'7b7d' WHERE rule = 'Everybody'")
    found = replayed(house, PLAIN)
    assert list(found["not_replayed"].values()) == [
        "its inputs are of a form that this version cannot read"
    ]
    assert found["leads"] == 1


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("lead"), st.integers(1, 3000)),
        st.tuples(st.just("same person"), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.sampled_from([1, 600, 3600, 8 * 3600])),
        st.tuples(st.just("person"), st.integers(0, 9)),
        st.tuples(st.just("done"), st.integers(0, 9)),
        st.tuples(st.just("away"), st.sampled_from(REPS)),
        st.tuples(st.just("back"), st.sampled_from(REPS)),
    ),
    min_size=1,
    max_size=25,
)


MANY = settings(
    max_examples=12, deadline=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
"""Without shrinking: a history is played in tenths of a second."""


def play(house: House, sf: FakeCrm, steps: list[tuple[str, Any]]) -> None:
    refs: list[Ref] = []
    for n, (step, value) in enumerate(steps):
        if step == "lead":
            refs.append(sf.create_lead(email=f"y{n}@other{n}.test", employees=value))
        elif step == "same person":
            refs.append(sf.create_lead(email=f"same{value}@acme.test", employees=5))
        elif step == "wait":
            house.clock.advance(value)
        elif step == "person" and refs:
            sf.person_sets_owner(refs[value % len(refs)], user_id(sf, ANNA))
        elif step == "done" and refs:
            sf.update(refs[value % len(refs)], status="Done")
        elif step == "away":
            until = (house.clock.now() + timedelta(hours=5)).isoformat()
            house.commands.rep_away(value, until, "")
        elif step == "back":
            house.commands.rep_back(value)
        house.clock.advance(6)
        house.round()
        for ingest in house.ingests.values():
            ingest.release_held()
        house.deliver()


@pytest.mark.parametrize("policy", [PLAIN, LIMITED, HOURS, CLOSED])
@MANY
@given(steps=STEPS)
def test_law_a_policy_replayed_on_its_own_history_changes_nothing(
    policy: str, steps: list[tuple[str, Any]]
) -> None:
    clock = ManualClock()
    sf = an_org(clock, "salesforce")
    house = House(None, [sf], clock, policy)
    try:
        house.start()
        clock.advance(1)
        some_leads(house, sf, 1)
        play(house, sf, steps)
        found = replayed(house, policy)
        assert found["changed"] == []
        assert found["not_reproduced"] == []
    finally:
        house.close()


@MANY
@given(steps=STEPS)
def test_law_a_changed_rule_is_direct_for_the_leads_it_took_and_no_others(
    steps: list[tuple[str, Any]],
) -> None:
    clock = ManualClock()
    sf = an_org(clock, "salesforce")
    house = House(None, [sf], clock, PLAIN)
    try:
        house.start()
        clock.advance(1)
        some_leads(house, sf, 1)
        play(house, sf, steps)
        found = replayed(house, PLAIN.replace("employees >= 1000", "employees >= 9000"))
        direct = {c["lead"] for c in found["changed"] if c["kind"] == "direct"}
        rows = house.db.rows("SELECT crm, object, lead_id, inputs, rule FROM decisions")
        big = {
            f"{r['crm']}:{r['object']}:{r['lead_id']}": r["rule"]
            for r in rows
            if orjson.loads(r["inputs"])["lead"]["values"].get("employees", 0) >= 1000
        }
        assert {lead for lead, rule in big.items() if rule == "Big ones"} <= direct <= set(big)
        assert found["same"] + found["direct"] + found["cascade"] == found["leads"]
    finally:
        house.close()

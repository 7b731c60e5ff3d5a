"""A decision can be taken again, bit for bit, from what was stored."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import orjson
import pytest
from core.deciding import HEAD, HS, NOW, SF, case, lead, policy, queue, rep, user, world
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.core.decide import decide
from fairlead.core.decision import Case, Known, Load, Match, Order, World
from fairlead.core.ramp import Ramp
from fairlead.core.snapshot import (
    freeze_inputs,
    freeze_roster,
    order_in,
    roster_hash,
    thaw_inputs,
)
from fairlead.core.types import Account, Capacity, Ref, Value
from fairlead.core.worktime import Calendar
from fairlead.core.zones import VERSION

NAMES = ("anna", "ben", "carla", "dora")
HELPED = (
    "manager: dora@example.com, coverage: {team: b, below: 2}, peak: {team: b, above: 2, below: 1}"
)
SKILLS = "{language: de, industry: fintech}"
CALENDARS = """calendars:
  days: {timezone: Europe/Berlin, hours: {mon-fri: ["09:00-12:30", "13:30-18:00"]}, holidays: DE}
  nights: {timezone: Asia/Kathmandu, hours: {sat-sun: ["22:00-06:00"]}}
"""
RULES = policy(
    """
  - name: Customers
    when: account is not null
    to: {account_owner: true, parent: true}
    if_away: {team: b}
  - name: Europe
    when: country in ["DE", "FR"] and not (employees < 10)
    rules:
      - {name: Fresh, when: created_at >= 2026-01-01, to: {team: a}, priority: high}
      - {name: Table, when: t is not null, to: {team: t.team}}
  - name: Skilled
    when: country == "IT"
    to: {team: a}
    if_away: {queue: Inbound}
    need: {language: lead.language}
    prefer: {industry: fintech}
    relax_after: 30m
    hold_until: {field: employees, at_most: 10m}
  - {name: Patient, when: employees == 10.5, to: {team: a}, if_away: {hold: 20m, manager: true}}
  - {name: Clock, when: employees == 5, to: {team: b}, need: {timezone: 2h}, if_away: {hold: 1h}}
  - name: Queue
    when: country == "US"
    to: {queue: Inbound}
    if_away: {rep: ben@example.com}
    sticky: 3d
""",
    head=HEAD.replace("anna@example.com: {}", f"anna@example.com: {{skills: {SKILLS}}}").replace(
        "ben@example.com]}", f"ben@example.com], {HELPED}}}"
    )
    + CALENDARS
    + "owner_authority: hs\nsticky: 60d\n"
    + "tables: {t: {csv: t.csv, key: [country]}}\ntask: {due_in: 1h}\n",
    t="country,team\nDE,b\n",
)

INSTANTS = st.integers(-(10**7), 10**7).map(lambda s: NOW + timedelta(seconds=s))
BALANCES = st.fractions(-3, 3, max_denominator=60)
VALUES: st.SearchStrategy[Value] = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    st.integers(),
    st.floats(allow_nan=False),
    st.booleans(),
    INSTANTS,
    st.lists(st.text("ab", max_size=2), max_size=2).map(tuple),
    st.none(),
)
COUNTS = st.integers(0, 3)
LIMITS = st.none() | st.integers(1, 3)
CRMS = st.sampled_from([SF, HS])
TOLD = st.sampled_from(["", HS])
RAMPS = st.builds(
    Ramp, st.dates(date(2026, 5, 1), date(2026, 6, 9)), st.integers(1, 5), st.just(Fraction(1, 3))
)
HOURS = Calendar("of hubspot", "Europe/Paris", (((480, 720), (780, 1080)),) * 5 + ((), ()))
OWNER_IDS = st.sampled_from([None, "salesforce-anna", "hubspot-ben", "salesforce-q-inbound", "x"])


@st.composite
def worlds(draw: st.DrawFn) -> World:
    reps = [
        rep(
            name,
            *draw(st.lists(CRMS, min_size=1, unique=True)),
            weight=draw(st.fractions(Fraction(1, 3), 5, max_denominator=6)),
            inactive=tuple(draw(st.lists(CRMS, unique=True))),
            away_until=draw(st.none() | INSTANTS),
            language=tuple(draw(st.lists(st.sampled_from(["de", "fr"]), unique=True))),
            industry=draw(st.sampled_from([(), ("fintech",)])),
            calendar=draw(st.sampled_from([None, "days", "nights"])),
            capacity=draw(st.builds(Capacity, LIMITS, LIMITS, LIMITS, LIMITS)),
        )
        for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    ]
    pools = st.sampled_from(["team:a", "team:b", "company"])
    ids = st.sampled_from([f"{n}@example.com" for n in NAMES])
    balances = draw(st.dictionaries(pools, st.dictionaries(ids, BALANCES)))
    loads = draw(st.dictionaries(ids, st.builds(Load, COUNTS, COUNTS, COUNTS, COUNTS)))
    others = (user("zoe"), queue("Closed", active=False))
    people = [
        replace(
            r,
            ramp=draw(st.none() | RAMPS),
            cover=draw(st.sampled_from(["", *(f"{n}@example.com" for n in NAMES)])),
            crm_hours=draw(st.sampled_from([None, HOURS])),
            off=tuple(
                replace(o, cover=draw(st.sampled_from(["", "ben@example.com"])), crm=draw(TOLD))
                for o in r.off
            ),
        )
        for r in reps
    ]
    return replace(
        world(*people, others=others, balances=balances, loads=loads),
        time_data=VERSION,
        absent=draw(st.dictionaries(ids, CRMS, max_size=2)),
        waiting={"a": draw(COUNTS)},
        peaks=draw(st.sampled_from([frozenset(), frozenset({"a"})])),
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    values = draw(st.dictionaries(st.text("xyz", min_size=1, max_size=3), VALUES, max_size=3))
    values["country"] = draw(st.sampled_from(["DE", "FR", "US", "IT", None]))
    values["employees"] = draw(st.sampled_from([5, 10.5, None]))
    values["created_at"] = draw(INSTANTS)
    values["timezone"] = draw(st.sampled_from(["Europe/London", "Asia/Kolkata", None]))
    values["language"] = draw(st.sampled_from(["de", "fr", None]))
    of = lead(draw(CRMS), owner_id=draw(OWNER_IDS), **values)
    account = Account(Ref(draw(CRMS), "Account", "a"), "Acme", ("acme.example",), draw(OWNER_IDS))
    known = draw(
        st.lists(
            st.builds(
                Known,
                st.builds(Ref, CRMS, st.just("Lead"), st.sampled_from(["1", "2", "3"])),
                OWNER_IDS,
                st.none() | st.sampled_from([f"{n}@example.com" for n in NAMES]),
                st.just("email"),
                st.none() | INSTANTS,
            ),
            max_size=2,
        )
    )
    above = replace(account, ref=Ref(account.ref.crm, "Account", "b"), owner_id=draw(OWNER_IDS))
    family = draw(st.sampled_from([(), (above,)]))
    match = Match(draw(st.sampled_from([None, account])), "because", tuple(known), family)
    excluded = draw(st.lists(st.sampled_from([f"{n}@example.com" for n in NAMES]), max_size=2))
    waited = timedelta(minutes=draw(st.sampled_from([0, 9, 10, 29, 30])))
    found = case(of, match, excluded=tuple(excluded), rerun=draw(st.booleans()), waited=waited)
    order = draw(st.none() | st.builds(
        Order,
        st.sampled_from(["backfill", "reassign", "override"]),
        st.just("dana"),
        st.sampled_from(["", "met at the fair"]),
        OWNER_IDS,
        st.frozensets(st.sampled_from([f"{n}@example.com" for n in NAMES]), max_size=2),
        st.none() | st.sampled_from([f"{n}@example.com" for n in NAMES]),
        st.none() | st.sampled_from(["a", "nowhere"]),
        st.booleans(),
    ))  # fmt: skip
    return replace(found, order=order)


@settings(max_examples=80, deadline=None)
@given(cases(), worlds())
def test_deciding_on_what_was_thawed_is_deciding_on_what_was_frozen(of: Case, seen: World) -> None:
    decision = decide(of, seen, RULES, NOW, explain=True)
    roster = freeze_roster(seen)
    for read in (None, decision):
        frozen = freeze_inputs(of, seen, read)
        again, then = thaw_inputs(frozen, roster)
        assert again == of
        assert order_in(frozen) == of.order
        assert decide(again, then, RULES, NOW, explain=True) == decision


@settings(max_examples=80, deadline=None)
@given(cases(), worlds())
def test_explaining_changes_nothing_but_the_rules_shown(of: Case, seen: World) -> None:
    short = decide(of, seen, RULES, NOW)
    long = decide(of, seen, RULES, NOW, explain=True)
    assert short == replace(long, trace=replace(long.trace, rules=()))


@settings(max_examples=80, deadline=None)
@given(cases(), worlds())
def test_every_case_ends_in_a_state_with_a_reason_and_a_balanced_ledger(
    of: Case, seen: World
) -> None:
    decision = decide(of, seen, RULES, NOW)
    assert decision.reason
    assert sum(e.delta for e in decision.ledger) == 0
    assert (decision.owner_id is not None) == (decision.state == "assigned")
    if decision.retry_at is not None:
        assert decision.state == "held"
        assert decision.retry_at > NOW
    if decision.rep_id is not None:
        winner = seen.reps[decision.rep_id]
        assert winner.usable_in(of.lead.ref.crm)
        assert winner.id not in of.excluded
        assert all(o.end <= NOW for o in winner.off)


def test_what_was_frozen_before_there_were_skills_and_waits_is_still_read() -> None:
    of, seen = case(lead(country="DE")), world()
    old = orjson.loads(freeze_inputs(of, seen))
    del old["first_seen"], old["parents"], old["loads"], old["time_data"]
    old["format"] = 1
    roster = orjson.loads(freeze_roster(seen))
    roster["format"] = 1
    roster["reps"] = [[*rep[:5], None] for rep in roster["reps"]]
    again, then = thaw_inputs(orjson.dumps(old), orjson.dumps(roster))
    assert again == replace(of, first_seen_at=None)
    assert then == seen


def test_skills_and_measured_weights_come_back() -> None:
    anna = replace(rep("anna", language=("de", "en")), weights={"a": Fraction(3, 2)})
    _, then = thaw_inputs(freeze_inputs(case(), world(anna)), freeze_roster(world(anna)))
    assert dict(then.reps["anna@example.com"].skills) == {"language": ("de", "en")}
    assert dict(then.reps["anna@example.com"].weights) == {"a": Fraction(3, 2)}


def test_a_roster_from_before_weights_were_measured_is_read() -> None:
    seen = world(rep("anna", language=("de",)))
    roster = orjson.loads(freeze_roster(seen))
    roster["reps"] = [parts[:9] for parts in roster["reps"]]
    _, then = thaw_inputs(freeze_inputs(case(), seen), orjson.dumps(roster))
    assert then == seen


def test_the_same_inputs_are_the_same_bytes_whatever_the_order_they_came_in() -> None:
    one = case(lead(country="DE", city="Berlin"), excluded=("b", "a"))
    other = case(lead(city="Berlin", country="DE"), excluded=("a", "b"))
    assert freeze_inputs(one, world()) == freeze_inputs(other, world())


def test_a_text_that_looks_like_an_instant_stays_a_text() -> None:
    of = case(lead(title="2026-06-01T09:00:00+00:00", created_at=NOW))
    again, _ = thaw_inputs(freeze_inputs(of, world()), freeze_roster(world()))
    assert again.lead.values == of.lead.values
    assert type(again.lead.values["title"]) is str


@pytest.mark.parametrize("number", [2**70, -(2**63) - 1, 2**63, 0.1, math.inf, -math.inf, 1e308])
def test_numbers_come_back_exactly(number: float) -> None:
    again, _ = thaw_inputs(freeze_inputs(case(lead(n=number)), world()), freeze_roster(world()))
    assert again.lead.values["n"] == number
    assert type(again.lead.values["n"]) is type(number)


def test_only_what_the_decision_read_is_kept() -> None:
    owed = {"team:a": {"anna@example.com": Fraction(1, 3)}, "team:b": {"x": Fraction(1)}}
    has = {f"{name}@example.com": Load(1, 2, 3, 4) for name in NAMES}
    seen = world(balances=owed, loads=has)
    of = case(lead(country="PT"))
    frozen = freeze_inputs(of, seen, decide(of, seen, RULES, NOW))
    _, then = thaw_inputs(frozen, freeze_roster(world()))
    assert then.balances == {"team:a": {"anna@example.com": Fraction(1, 3)}}
    assert set(then.loads) == {"anna@example.com", "ben@example.com"}


def test_a_snapshot_of_the_first_format_is_read() -> None:
    of = case()
    roster = freeze_roster(world()).replace(b'"format":2', b'"format":1')
    inputs = freeze_inputs(of, world()).replace(b'"format":2', b'"format":1')
    people = json.loads(roster)
    people["reps"] = [[*r[:5], None] for r in people["reps"]]
    again, then = thaw_inputs(inputs, json.dumps(people).encode())
    assert again == of
    assert then == world()


def test_a_roster_is_named_by_what_it_holds() -> None:
    same, other = freeze_roster(world()), freeze_roster(world(rep("anna")))
    assert roster_hash(same) == roster_hash(freeze_roster(world()))
    assert roster_hash(same) != roster_hash(other)
    assert len(roster_hash(same)) == 64


def test_balances_are_not_part_of_the_roster() -> None:
    owed: Mapping[str, Mapping[str, Fraction]] = {"team:a": {"x": Fraction(1)}}
    assert freeze_roster(world()) == freeze_roster(world(balances=dict(owed)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"[]", "not a snapshot of format 2"),
        (b'{"format": 99}', "not a snapshot of format 2"),
        (b"not json", "unexpected|expected"),
    ],
)
def test_bytes_of_another_format_are_refused(text: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        thaw_inputs(text, freeze_roster(world()))


def test_a_value_of_no_known_type_is_refused_when_freezing() -> None:
    with pytest.raises(TypeError):
        freeze_inputs(case(lead(n=timedelta(1))), world())  # type: ignore[arg-type]


def test_a_rep_named_by_hand_who_is_away_by_the_crm_s_word_is_away_again_when_replayed() -> None:
    named = Order("override", "dana", to="anna@example.com")
    of = replace(case(lead()), order=named, rerun=True)
    seen = replace(world(rep("anna")), absent={"anna@example.com": "salesforce"})
    decision = decide(of, seen, RULES, NOW)
    assert decision.state == "held"
    again, then = thaw_inputs(freeze_inputs(of, seen, decision), freeze_roster(seen))
    assert decide(again, then, RULES, NOW) == decision

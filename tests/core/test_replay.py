"""The parts of a replay: what counts as which change, what is decided once more, who has what."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest
from core.deciding import NOW, case, lead, policy, rep, world

from fairlead.core.decision import SLA, Order, OutcomeKind
from fairlead.core.policy import Policy
from fairlead.core.replay import Kind, Replay, kind_of
from fairlead.core.replay_events import (
    Ended,
    Given,
    Look,
    Stored,
    TakenBack,
    asks_again,
    fitting,
    still_refused,
)
from fairlead.core.replay_loads import Loads
from fairlead.core.types import Capacity, LeadState, Ref

ANNA, BEN, CARLA = "anna@example.com", "ben@example.com", "carla@example.com"
TO_A = policy()
TO_B = policy(otherwise="{team: b}")
HEAD = """version: 1
sources:
  sf: {crm: salesforce}
reps:
  anna@example.com: {capacity: {open: 1}}
  ben@example.com: {}
teams:
  a: {members: [anna@example.com]}
"""


def to(
    rep_id: str | None, rule: str = "r", place: str = "team:a", outcome: str = "assign"
) -> Given:
    state = LeadState.ASSIGNED if outcome == "assign" else LeadState.HELD
    return Given(OutcomeKind(outcome), state, rule, place, rep_id, rep_id, "", NOW)


@pytest.mark.parametrize(
    ("was", "would", "direct", "kind"),
    [
        (to(ANNA), to(ANNA), True, Kind.SAME),
        (to(ANNA), to(BEN), False, Kind.CASCADE),
        (to(ANNA), to(BEN), True, Kind.CASCADE),
        (to(ANNA), to(ANNA, rule="other"), True, Kind.DIRECT),
        (to(ANNA), to(ANNA, place="team:b"), True, Kind.DIRECT),
        (to(ANNA), to(CARLA, place="team:b"), False, Kind.CASCADE),
        (to(ANNA), to(None, place="", outcome="hold"), True, Kind.DIRECT),
        (to(ANNA), to(None, place="", outcome="hold"), False, Kind.CASCADE),
    ],
)
def test_kinds_of_change(was: Given, would: Given, direct: bool, kind: Kind) -> None:
    assert kind_of(was, would, direct=direct) is kind


def test_a_settled_lead_is_decided_again_only_for_what_holds_here_too() -> None:
    assert not asks_again(to(ANNA), case())
    assert asks_again(to(ANNA), case(excluded=(ANNA,)))
    assert not asks_again(to(BEN), case(excluded=(ANNA,)))
    assert asks_again(to(BEN), case(rerun=True))
    assert not asks_again(to(BEN), case(rerun=True, excluded=(ANNA,)))
    assert asks_again(to(None, outcome="hold"), case())


def test_whom_the_crm_would_not_take_is_asked_again_and_whom_an_order_leaves_is_not() -> None:
    refused = case(excluded=(ANNA,))
    assert still_refused(refused, NOW, NOW + timedelta(minutes=14)) is refused
    assert still_refused(refused, NOW, NOW + timedelta(minutes=15)).excluded == frozenset()
    leaving = Order(SLA, "SLA hot", "", None, frozenset({BEN}))
    both = replace(case(excluded=(ANNA, BEN)), order=leaving)
    assert still_refused(both, NOW, NOW + timedelta(hours=1)).excluded == {BEN}


def test_a_value_that_was_read_as_another_type_is_missing() -> None:
    head = TO_A_HEAD.replace(
        "sources:", "fields:\n  size: {type: number, salesforce: S__c}\nsources:"
    )
    typed = policy(head=head)
    assert fitting(case(lead(size="big")), typed).lead.values == {}
    assert fitting(case(lead(size=3)), typed).lead.values == {"size": 3}


TO_A_HEAD = """version: 1
sources:
  sf: {crm: salesforce}
reps:
  anna@example.com: {}
teams:
  a: {members: [anna@example.com]}
"""


def look(n: int, *, person: str = "") -> Look:
    """The n-th lead, a minute after the one before; what was stored of it does not matter here."""
    at = NOW + timedelta(minutes=n)
    about = case(lead(id=str(n)), person=person or f"p{n}")
    stored = Stored(f"d{n}", TO_A.hash, "assign", "otherwise", None, None)
    return Look(at, about, "roster", world().owners, (), "", {}, stored)


def run(active: Policy, candidate: Policy) -> Replay:
    return Replay(active, candidate, {}, {}, {})


def test_pools_that_nobody_knew_start_at_zero_and_are_named() -> None:
    replay = Replay(TO_A, TO_B, {"team:a": {ANNA: Fraction(1, 2)}}, {}, {})
    replay.take(look(1))
    found = replay.outcome()
    assert found.fresh_pools == ("team:b",)
    assert found.leads[0].was.rep_id == ANNA
    assert found.leads[0].kind is Kind.DIRECT


def test_balances_go_on_from_where_they_were() -> None:
    owed = {"team:a": {ANNA: Fraction(-1, 2), BEN: Fraction(1, 2)}}
    replay = Replay(TO_A, TO_A, owed, {}, {})
    for n in range(3):
        replay.take(look(n))
    assert [c.was.rep_id for c in replay.outcome().leads] == [BEN, ANNA, BEN]


def test_a_turn_given_back_is_given_back_on_both_sides() -> None:
    replay = run(TO_A, TO_A)
    replay.take(look(0))
    replay.take(TakenBack(NOW + timedelta(seconds=5), Ref("salesforce", "Lead", "0")))
    replay.take(look(1))
    assert [c.would.rep_id for c in replay.outcome().leads] == [ANNA, ANNA]


def test_an_owner_that_the_crm_refused_costs_only_who_had_chosen_the_same() -> None:
    replay = run(TO_A, TO_B)
    replay.take(look(0))
    refused = TakenBack(NOW + timedelta(seconds=5), Ref("salesforce", "Lead", "0"), ANNA)
    replay.take(refused)
    assert replay.would.balances["team:b"] == {CARLA: 0}
    turn = replay.was.balances["team:a"]
    assert replay.was.balances["beside team:a"] == {rep: -owed for rep, owed in turn.items()}
    assert replay.outcome().leads[0].would.rep_id == CARLA


def test_the_turn_of_an_earlier_generation_is_given_back_though_the_lead_went_on() -> None:
    replay = run(TO_A, TO_B)
    first = look(0)
    replay.take(first)
    again = replace(
        look(1), case=replace(first.case, generation=2, rerun=True),
        stored=replace(first.stored, id="again"),
    )  # fmt: skip
    replay.take(again)
    replay.take(TakenBack(NOW + timedelta(minutes=2), first.ref, None, 1))
    assert replay.was.balances["beside team:a"] != {}
    replay.take(TakenBack(NOW + timedelta(minutes=3), first.ref, None, 2))
    replay.take(look(2))
    assert [c.was.rep_id for c in replay.outcome().leads] == [ANNA, BEN, ANNA]


def test_a_place_that_comes_free_goes_to_the_oldest_who_waits() -> None:
    limited = policy(head=HEAD)
    replay = run(limited, limited)
    for n in range(3):
        replay.take(look(n))
    assert [c.would.state for c in replay.outcome().leads] == [
        LeadState.ASSIGNED, LeadState.HELD, LeadState.HELD,
    ]  # fmt: skip
    replay.take(Ended(NOW + timedelta(hours=1), Ref("salesforce", "Lead", "0")))
    replay.end(NOW + timedelta(hours=2))
    found = replay.outcome()
    assert [c.would.rep_id for c in found.leads] == [ANNA, ANNA, None]
    assert found.leads[1].would.at == NOW + timedelta(hours=1)
    assert found.uncounted == (ANNA,)


def test_records_of_a_person_that_wait_go_along() -> None:
    limited = policy(head=HEAD)
    replay = run(limited, limited)
    replay.take(look(0))
    replay.take(look(1, person="same"))
    replay.take(look(2, person="same"))
    replay.take(Ended(NOW + timedelta(hours=1), Ref("salesforce", "Lead", "0")))
    replay.end(NOW + timedelta(hours=2))
    ends = replay.outcome().leads
    assert [c.would.rep_id for c in ends] == [ANNA, ANNA, ANNA]
    assert ends[2].would.followed


def test_loads_are_what_was_counted_without_what_went_elsewhere_here() -> None:
    loads = Loads(policy(head=HEAD), {}, {})
    anna = replace(rep("anna"), capacity=Capacity(open=9, per_day=9))
    loads.counted({ANNA: 5})
    one = Ref("salesforce", "Lead", "1")
    loads.really_given(one, ANNA)
    assert loads.of({ANNA: anna}, TO_A, NOW)[ANNA].open == 5
    loads.give(one, ANNA, NOW)
    assert loads.of({ANNA: anna}, TO_A, NOW)[ANNA] == replace(
        loads.of({ANNA: anna}, TO_A, NOW)[ANNA], open=6, day=1
    )
    loads.counted({ANNA: 6})
    loads.really_ended(one)
    loads.take(one)
    assert loads.of({ANNA: anna}, TO_A, NOW)[ANNA].open == 5
    assert loads.freed() == {ANNA: 1}

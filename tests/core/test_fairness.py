"""The ledger's promises: exact, bounded, and blind to those who are not there."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.core.fairness import after, bound, charge
from fairlead.core.policy import Place, Team
from fairlead.core.pools import pool_of

WEIGHTS = st.fractions(min_value=Fraction(1, 9), max_value=9, max_denominator=9)


def play(turns: list[list[tuple[str, Fraction]]]) -> tuple[list[str], list[dict[str, Fraction]]]:
    balances: dict[str, Fraction] = {}
    winners, history = [], []
    for eligible in turns:
        winner, entries = charge("team:t", eligible, balances)
        balances = after(balances, entries)
        winners.append(winner)
        history.append(balances)
    return winners, history


def smooth_weighted_round_robin(weights: dict[str, int], turns: int) -> list[str]:
    """The rule nginx documents: everybody's current grows by weight, the highest pays the total."""
    current = dict.fromkeys(weights, 0)
    result = []
    for _ in range(turns):
        for name, weight in weights.items():
            current[name] += weight
        best = max(sorted(current), key=lambda n: current[n])
        current[best] -= sum(weights.values())
        result.append(best)
    return result


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[list[tuple[str, Fraction]]]]:
    members = [f"r{i}" for i in range(draw(st.integers(1, 6)))]
    turns = draw(
        st.lists(
            st.dictionaries(st.sampled_from(members), WEIGHTS, min_size=1), min_size=1, max_size=30
        )
    )
    return len(members), [list(t.items()) for t in turns]


def test_five_one_one_is_spread_as_a_a_b_a_c_a_a() -> None:
    eligible = [("a", Fraction(5)), ("b", Fraction(1)), ("c", Fraction(1))]
    winners, history = play([eligible] * 14)
    assert "".join(winners) == "aabacaa" * 2
    assert set(history[6].values()) == {Fraction(0)}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_with_nobody_absent_it_is_smooth_weighted_round_robin(weights: list[int]) -> None:
    named = {f"r{i}": w for i, w in enumerate(weights)}
    winners, _ = play([[(n, Fraction(w)) for n, w in named.items()]] * 40)
    assert winners == smooth_weighted_round_robin(named, 40)


@settings(max_examples=60, deadline=None)
@given(histories())
def test_nobody_is_ever_further_from_their_share_than_half_of_the_others(
    history: tuple[int, list[list[tuple[str, Fraction]]]],
) -> None:
    members, turns = history
    for balances in play(turns)[1]:
        assert all(abs(b) <= bound(members) for b in balances.values())
        assert sum(balances.values()) == 0


@settings(max_examples=60, deadline=None)
@given(histories())
def test_a_balance_is_exactly_entitlement_minus_received(
    history: tuple[int, list[list[tuple[str, Fraction]]]],
) -> None:
    _, turns = history
    winners, balances = play(turns)
    for rep, balance in balances[-1].items():
        entitled = sum(
            (dict(t)[rep] / sum(dict(t).values()) for t in turns if rep in dict(t)), Fraction(0)
        )
        assert balance == entitled - winners.count(rep)


@settings(max_examples=60, deadline=None)
@given(histories())
def test_the_order_in_which_the_eligible_are_named_does_not_matter(
    history: tuple[int, list[list[tuple[str, Fraction]]]],
) -> None:
    _, turns = history
    assert play(turns) == play([list(reversed(t)) for t in turns])


def test_who_is_absent_gains_nothing_and_meets_no_flood_on_return() -> None:
    both, one = [("a", Fraction(1)), ("b", Fraction(1))], [("b", Fraction(1))]
    winners, history = play([both] * 2 + [one] * 30 + [both] * 4)
    assert history[1] == history[31]
    assert winners[32:] == ["a", "b", "a", "b"]


def test_ties_go_to_the_first_rep_id() -> None:
    winner, entries = charge("p", [("b", Fraction(1)), ("a", Fraction(1))], {})
    assert winner == "a"
    assert [(e.pool, e.rep_id, e.delta, e.reason) for e in entries] == [
        ("p", "a", Fraction(1, 2), "share"),
        ("p", "b", Fraction(1, 2), "share"),
        ("p", "a", Fraction(-1), "turn"),
    ]


def test_the_argument_of_after_is_left_alone() -> None:
    held = {"a": Fraction(1, 3)}
    _, entries = charge("p", [("a", Fraction(1))], held)
    assert after(held, entries) == held
    assert held == {"a": Fraction(1, 3)}


def test_an_empty_pool_has_no_room_for_unfairness() -> None:
    assert bound(0) == bound(1) == 0
    assert bound(4) == Fraction(3, 2)


@pytest.mark.parametrize(("scope", "pool"), [("team", "team:emea"), ("company", "company")])
def test_the_scope_of_a_team_names_its_ledger(scope: str, pool: str) -> None:
    assert pool_of(Team("emea", (), "round_robin", scope, None, Place("p", 1, 1))) == pool

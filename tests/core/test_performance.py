"""Measured weights: small numbers do not swing them, steps and limits hold, nobody falls to 0."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from fairlead.core.performance import Evidence, weigh
from fairlead.core.policy import Weighing

TERMS = Weighing(
    timedelta(days=90), Fraction(1, 2), Fraction(2), Fraction(1, 4), timedelta(days=7), 20, False
)
WIDE = Weighing(
    timedelta(days=90), Fraction(1, 9), Fraction(9), Fraction(9), timedelta(days=7), 20, False
)


def by_rep(found: tuple[Evidence, ...]) -> dict[str, Evidence]:
    return {e.rep: e for e in found}


def test_one_lucky_lead_moves_less_than_a_long_record() -> None:
    results = {"lucky": (1, 1), "proven": (100, 60), "rest": (200, 60)}
    found = by_rep(weigh(list(results), results, {}, WIDE))
    assert found["lucky"].rate < found["proven"].rate
    team = Fraction(121, 301)
    assert found["lucky"].rate == (1 + 20 * team) / 21


def test_who_has_no_leads_yet_is_taken_for_the_team_s_average() -> None:
    found = by_rep(weigh(["new", "old"], {"old": (50, 10)}, {}, TERMS))
    assert (found["new"].rate, found["new"].next) == (Fraction(1, 5), 1)
    assert found["old"].next == 1, "who is the whole team is its average"


def test_without_any_success_everybody_keeps_what_they_have() -> None:
    now = {"a": Fraction(3, 2)}
    found = by_rep(weigh(["a", "b"], {"a": (9, 0)}, now, TERMS))
    assert (found["a"].next, found["b"].next) == (Fraction(3, 2), 1)


def test_a_weight_moves_by_steps_and_ends_at_its_limits() -> None:
    results, now = {"good": (100, 90), "bad": (100, 2)}, dict[str, Fraction]()
    seen = []
    for _ in range(8):
        now = {e.rep: e.next for e in weigh(["good", "bad"], results, now, TERMS)}
        seen.append((now["good"], now["bad"]))
    assert seen[:2] == [(Fraction(5, 4), Fraction(3, 4)), (Fraction(3, 2), Fraction(1, 2))]
    assert seen[-1] == (Fraction(9, 5), Fraction(1, 2)), "the ratio of rates, and the floor"


RESULTS = st.dictionaries(
    st.sampled_from("abcd"),
    st.integers(0, 50).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
)
NOW = st.dictionaries(st.sampled_from("abcd"), st.fractions(Fraction(1, 2), 2, max_denominator=100))


@given(RESULTS, NOW)
def test_every_factor_is_within_its_limits_and_a_step_away_at_most(
    results: dict[str, tuple[int, int]], now: dict[str, Fraction]
) -> None:
    for e in weigh("abcd", results, now, TERMS):
        assert TERMS.floor <= e.next <= TERMS.ceiling
        assert abs(e.next - e.now) <= TERMS.step + Fraction(1, 200)
        assert weigh("abcd", results, now, TERMS) == weigh("dcba", results, now, TERMS)

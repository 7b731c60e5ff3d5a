"""AUC is the share of pairs in order; a chance is good when it comes true that often."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.core.judging import (
    BINS,
    auc,
    auc_gain,
    brier,
    ranks,
    reliability,
    share,
)

# Few different scores, so that ties are common.
scored = st.lists(
    st.tuples(st.integers(-4, 4).map(float), st.booleans()), min_size=2, max_size=60
).filter(lambda rows: len({w for _, w in rows}) == 2)
Rows = list[tuple[float, bool]]


def apart(rows: Rows) -> tuple[list[float], list[bool]]:
    return [s for s, _ in rows], [w for _, w in rows]


@given(scored)
def test_auc_is_the_share_of_pairs_in_order_and_ties_are_half(rows: Rows) -> None:
    won, lost = [s for s, w in rows if w], [s for s, w in rows if not w]
    pairs = sum((a > b) + 0.5 * (a == b) for a in won for b in lost)
    assert auc(*apart(rows)).value == pytest.approx(pairs / (len(won) * len(lost)))


@given(scored)
def test_the_other_way_round_it_is_one_minus_it(rows: Rows) -> None:
    scores, won = apart(rows)
    found = auc(scores, won)
    turned = auc([-s for s in scores], won)
    swapped = auc(scores, [not w for w in won])
    for other in (turned, swapped):
        assert other.value == pytest.approx(1 - found.value)
        assert (other.low, other.high) == pytest.approx((1 - found.high, 1 - found.low))


@given(scored)
def test_only_the_order_of_the_scores_counts(rows: Rows) -> None:
    scores, won = apart(rows)
    for bent in (math.exp, lambda s: s**3 + 2 * s, lambda s: 1 / (1 + math.exp(-s))):
        assert auc([bent(s) for s in scores], won) == auc(scores, won)


@given(scored, st.randoms(use_true_random=False))
def test_the_order_of_the_leads_does_not_count(rows: Rows, random: Random) -> None:
    mixed = list(rows)
    random.shuffle(mixed)
    one, other = auc(*apart(rows)), auc(*apart(mixed))
    assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))


@given(scored)
def test_the_interval_is_around_the_value_and_within_bounds(rows: Rows) -> None:
    found = auc(*apart(rows))
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1


def test_the_interval_holds_the_truth_in_19_of_20_samples() -> None:
    # Won leads are exponential with twice the mean of lost ones: the true AUC is 2 / 3.
    random, held = Random(3), 0
    for _ in range(400):
        won = [-2 * math.log(1 - random.random()) for _ in range(60)]
        lost = [-math.log(1 - random.random()) for _ in range(90)]
        found = auc([*won, *lost], [True] * 60 + [False] * 90)
        held += found.low <= 2 / 3 <= found.high
    assert 0.92 * 400 <= held <= 0.98 * 400


def test_a_perfect_order_of_a_few_leads_is_not_called_certain() -> None:
    few = auc([2, 2, 1, 1], [True, True, False, False])
    many = auc([2] * 200 + [1] * 200, [True] * 200 + [False] * 200)
    assert (few.value, few.high, many.value, many.high) == (1, 1, 1, 1)
    assert few.low < 0.3
    assert 0.98 < many.low < 1


@given(scored)
def test_a_score_gains_nothing_over_itself(rows: Rows) -> None:
    scores, won = apart(rows)
    found = auc_gain(scores, scores, won)
    assert (found.value, found.low, found.high) == (0, 0, 0)


@given(scored, st.randoms(use_true_random=False))
def test_the_gain_is_the_difference_of_both(rows: Rows, random: Random) -> None:
    scores, won = apart(rows)
    other = [random.random() for _ in scores]
    found = auc_gain(scores, other, won)
    assert found.value == pytest.approx(auc(other, won).value - auc(scores, won).value)


def test_the_same_leads_make_a_small_gain_visible() -> None:
    random = Random(8)
    won = [random.random() < 0.4 for _ in range(800)]
    before = [w + 4 * random.random() for w in won]
    after = [b + 0.25 * w for b, w in zip(before, won, strict=True)]
    one, other, gain = auc(before, won), auc(after, won), auc_gain(before, after, won)
    assert other.low < one.high
    assert gain.low > 0


@given(st.lists(st.booleans(), min_size=1, max_size=80))
def test_a_perfect_prophet_has_no_error(won: list[bool]) -> None:
    told = [float(w) for w in won]
    found = reliability(told, won)
    assert (found.error, found.by_luck, brier(told, won)) == (0, 0, 0)


@given(scored)
def test_bins_hold_every_lead_once_and_never_part_equal_chances(rows: Rows) -> None:
    chances = [(s + 5) / 10 for s, _ in rows]
    found = reliability(chances, [w for _, w in rows])
    assert sum(b.count for b in found.bins) == len(rows)
    assert len(found.bins) <= min(BINS, len(set(chances)))
    said = [b.said for b in found.bins]
    assert all(a < b for a, b in pairwise(said))


def test_bins_are_equally_full_without_ties() -> None:
    found = reliability([i / 143 for i in range(143)], [i % 3 == 0 for i in range(143)])
    assert {b.count for b in found.bins} == {14, 15}
    assert len(found.bins) == BINS


def test_true_chances_err_as_much_as_luck_says_and_false_ones_more() -> None:
    random, errors, luck, false = Random(4), 0.0, 0.0, 0.0
    for _ in range(40):
        chances = [random.random() for _ in range(500)]
        won = [random.random() < p for p in chances]
        found = reliability(chances, won)
        errors, luck = errors + found.error, luck + found.by_luck
        false += reliability([0.5 + 0.5 * p for p in chances], won).error
    assert errors == pytest.approx(luck, rel=0.15)
    assert false > 4 * luck


def test_the_error_is_the_distance_of_said_and_come_true() -> None:
    found = reliability(
        [0.2] * 10 + [0.8] * 10, [True] * 3 + [False] * 7 + [True] * 8 + [False] * 2
    )
    assert [b.came.value for b in found.bins] == [0.3, 0.8]
    assert found.error == pytest.approx(0.05)


def test_ranks_of_equals_are_their_middle() -> None:
    assert ranks([5.0, 1.0, 5.0, 3.0]) == [3.5, 1.0, 3.5, 2.0]


def test_a_share_of_none_or_all_has_an_open_end() -> None:
    assert (share(0, 10).low, share(10, 10).high) == (0, 1)
    assert share(0, 10).high == pytest.approx(0.2775, abs=1e-4)
    assert share(0, 1000).high < 0.01


@pytest.mark.parametrize("won", [[True, True], [False, False], []])
def test_one_outcome_has_no_order(won: list[bool]) -> None:
    with pytest.raises(ValueError, match="both outcomes"):
        auc([1.0] * len(won), won)

"""The fit finds the one minimum there is: known weights, scikit-learn's weights, a flat slope."""

from __future__ import annotations

import json
import math
from pathlib import Path
from random import Random

import pytest
from calibration.made_leads import bell, chance, leads
from hypothesis import given
from hypothesis import strategies as st

from fairlead.core import logistic
from fairlead.core.logistic import Column, Dense, Ones, fit, log_odds

ORACLE = json.loads(
    (Path(__file__).parents[1] / "calibration" / "oracle.json").read_text(encoding="utf-8")
)


def ones(rows: list[bool]) -> Ones:
    return Ones(tuple(i for i, one in enumerate(rows) if one))


def slope(columns: list[Column], outcomes: list[bool], fitted: logistic.Fit) -> list[float]:
    """The gradient of the objective, written out the long way."""
    n = len(outcomes)
    table = [
        list(c.values) if isinstance(c, Dense) else [float(i in c.rows) for i in range(n)]
        for c in columns
    ]
    left = []
    for i in range(n):
        z = fitted.intercept + sum(w * col[i] for w, col in zip(fitted.weights, table, strict=True))
        left.append(logistic.chance(z) - outcomes[i])
    return [
        sum(left),
        *(
            sum(r * x for r, x in zip(left, col, strict=True)) + w
            for col, w in zip(table, fitted.weights, strict=True)
        ),
    ]


def test_the_weights_are_scikit_learn_s() -> None:
    rows = leads("plain", 400)
    columns = [
        Dense(tuple(float(r["visits"]) / 6 for r in rows)),
        Dense(tuple(float(r["weather"]) for r in rows)),
        ones([r["asked_for_demo"] == "yes" for r in rows]),
    ]
    found = fit(columns, [r["outcome"] == "won" for r in rows])
    wanted = ORACLE["weights"]
    assert found.converged
    assert found.intercept == pytest.approx(wanted["intercept"], abs=2e-4)
    assert found.weights == pytest.approx(wanted["weights"], abs=2e-4)


def test_known_weights_are_found_again() -> None:
    random = Random(5)
    true = (-0.7, 1.1, -0.6, 0.9)
    rows = [(bell(random), bell(random), random.random() < 0.4) for _ in range(20_000)]
    odds = [true[0] + true[1] * a + true[2] * b + true[3] * c for a, b, c in rows]
    won = [random.random() < chance(z) for z in odds]
    columns = [
        Dense(tuple(a for a, _, _ in rows)),
        Dense(tuple(b for _, b, _ in rows)),
        ones([c for _, _, c in rows]),
    ]
    found = fit(columns, won)
    assert (found.intercept, *found.weights) == pytest.approx(true, abs=0.08)


small = st.floats(-5, 5).map(lambda x: round(x, 3))


@given(st.lists(st.tuples(small, small, st.booleans(), st.booleans()), min_size=4, max_size=40))
def test_at_the_end_the_slope_is_flat(rows: list[tuple[float, float, bool, bool]]) -> None:
    won = [w for *_, w in rows]
    if len(set(won)) < 2:
        won[0] = not won[0]
    columns: list[Column] = [
        Dense(tuple(a for a, *_ in rows)),
        Dense(tuple(b for _, b, *_ in rows)),
        ones([c for _, _, c, _ in rows]),
    ]
    found = fit(columns, won)
    assert found.converged
    assert max(map(abs, slope(columns, won, found))) < 1e-5 * len(rows)


def test_a_column_that_separates_gets_a_finite_weight() -> None:
    won = [True] * 50 + [False] * 50
    found = fit([ones(won), Dense(tuple(1e3 * w for w in won))], won)
    assert found.converged
    assert all(map(math.isfinite, found.weights))


def test_without_columns_everybody_has_the_share_of_all() -> None:
    found = fit([], [True] * 30 + [False] * 70)
    assert logistic.chance(found.intercept) == pytest.approx(0.3)
    assert log_odds([], 2, found) == [found.intercept] * 2


def test_where_rounding_ends_the_search_it_is_at_the_bottom(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = leads("plain", 300)
    columns: list[Column] = [Dense(tuple(float(r["visits"]) for r in rows))]
    won = [r["outcome"] == "won" for r in rows]
    usual = fit(columns, won)
    monkeypatch.setattr(logistic, "_TOLERANCE", 0.0)
    found = fit(columns, won)
    assert found.converged
    assert found.steps < 100
    assert found.weights == pytest.approx(usual.weights, abs=1e-4)


def test_a_search_that_is_cut_short_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logistic, "LIMIT", 1)
    rows = leads("plain", 300)
    found = fit(
        [Dense(tuple(float(r["visits"]) for r in rows))], [r["outcome"] == "won" for r in rows]
    )
    assert (found.converged, found.steps) == (False, 1)


@pytest.mark.parametrize("outcomes", [[], [True] * 3, [False] * 3])
def test_one_outcome_alone_is_no_evidence(outcomes: list[bool]) -> None:
    with pytest.raises(ValueError, match="both outcomes"):
        fit([], outcomes)


def test_it_tells_each_step() -> None:
    rows = leads("plain", 200)
    heard: list[int] = []
    found = fit(
        [Dense(tuple(float(r["visits"]) for r in rows))],
        [r["outcome"] == "won" for r in rows],
        heard.append,
    )
    assert heard == list(range(1, found.steps + 1))

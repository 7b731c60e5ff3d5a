"""What each column is, the earlier leads say; what is no evidence is left out and told."""

from __future__ import annotations

import pytest

from fairlead.core.evidence import EMPTY_CELL, OTHER, RARE, Kind, Reading, design, learn, read
from fairlead.core.leakage import leaks
from fairlead.core.logistic import Dense, Fit, Ones
from fairlead.core.points import points_of

N = 200


def learned(cells: list[str], name: str = "column") -> Reading:
    [reading] = learn({name: tuple(cells)}, len(cells)).readings
    return reading


def refused(cells: list[str], name: str = "column") -> str:
    found = learn({name: tuple(cells)}, len(cells))
    assert found.readings == ()
    [left_out] = found.left_out
    assert left_out.column == name
    return left_out.why


def cycle(*words: str) -> list[str]:
    return [words[i % len(words)] for i in range(N)]


def test_numbers_are_standardised_and_a_missing_one_is_at_the_mean() -> None:
    cells = cycle("1", "2", "3", "", "6")
    reading = learned(cells)
    assert (reading.kind, reading.values, reading.mean) == (Kind.NUMBER, (EMPTY_CELL,), 3.0)
    assert reading.spread == pytest.approx(3.5**0.5)
    numbers, empty = design([read(reading, cells[:5])])
    assert isinstance(numbers, Dense)
    assert numbers.values == pytest.approx([-2 / 3.5**0.5, -1 / 3.5**0.5, 0, 0, 3 / 3.5**0.5])
    assert empty == Ones((3,))


def test_cells_that_are_no_number_count_as_empty() -> None:
    cells = [*(str(i % 7) for i in range(N)), *["many"] * (RARE // 4)]
    reading = learned(cells)
    assert (reading.kind, reading.values) == (Kind.NUMBER, ())
    assert design([read(reading, ["many", "3"])])[0].values[0] == 0  # type: ignore[union-attr]


def test_yes_or_no_is_one_column() -> None:
    reading = learned(cycle("Yes", "no", "NO", ""))
    assert (reading.kind, reading.values) == (Kind.YES_NO, ("yes", EMPTY_CELL))
    assert design([read(reading, ["no", "yes", "", "YES"])]) == [Ones((1, 3)), Ones((2,))]


def test_words_are_one_column_each_and_rare_ones_are_pooled() -> None:
    cells = [*["DE"] * 90, *["NA"] * 60, *["AT"] * (RARE - 1), *["CH"] * (RARE - 1), *[""] * RARE]
    reading = learned(cells)
    assert (reading.kind, reading.values) == (Kind.WORDS, ("DE", "NA", OTHER, EMPTY_CELL))
    later = design([read(reading, ["AT", "NA", "XX", "", "DE"])])
    assert later == [Ones((4,)), Ones((1,)), Ones((0, 2)), Ones((3,))]


def test_a_word_never_seen_has_no_weight_when_nothing_was_pooled() -> None:
    reading = learned(cycle("DE", "FR", "IT"))
    assert [c.rows for c in design([read(reading, ["XX", "FR"])])] == [(), (1,), ()]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("cells", "name", "why"),
    [
        (["x"] * N, "a", "the same in all earlier leads"),
        ([""] * (N - 3) + ["x"] * 3, "a", f"filled in 3 of {N} earlier leads"),
        (["x"] * (N - 3) + ["y"] * 3, "a", "nearly the same"),
        ([f"x{i}@a.example" for i in range(N)], "mail", "identifier or free text"),
        ([f"please call {i % 90}" for i in range(N)], "note", "identifier or free text"),
        ([f"2026-01-{1 + i % 28:02}" for i in range(N)], "seen", "a date"),
        ([f"{i % 3}e-300" for i in range(N)], "a", "without a measurable spread"),
        ([str(5000 + i) for i in range(N)], "a", "numbers that identify"),
        ([str(i * 7919 % 9973) for i in range(N)], "Lead ID", "numbers that identify"),
        ([str(i * 7919 % 9973) for i in range(N)], "leadId", "numbers that identify"),
        ([str(4930000000 + i * 7919 % 9973) for i in range(N)], "tel", "numbers that identify"),
        ([f"0{1000 + i * 7 % 9973}" for i in range(N)], "a", "identifier or free text"),
        ([f"{10000 + i * 7 % 9973}" for i in range(N)], "zip", "identifier or free text"),
    ],
)  # fmt: skip
def test_what_is_no_evidence_is_left_out_and_told(cells: list[str], name: str, why: str) -> None:
    assert why in refused(cells, name)


def test_different_amounts_are_no_identifier() -> None:
    assert learned([str(i * 7919 % 9973) for i in range(N)], "revenue").kind is Kind.NUMBER
    assert learned([f"{i * 7919 % 9973}.5" for i in range(N)], "paid").kind is Kind.NUMBER


def test_nothing_is_learned_from_later_leads() -> None:
    earlier = {"a": cycle("DE", "FR"), "b": [str(i % 9) for i in range(N)], "c": ["x"] * N}
    later = {"a": ["XX"] * 500, "b": ["10000"] * 500, "c": ["y"] * 500}
    with_them = {name: tuple(earlier[name] + later[name]) for name in earlier}
    without = {name: tuple(cells) for name, cells in earlier.items()}
    assert learn(with_them, N) == learn(without, N)


def test_points_are_told_against_the_most_frequent_word_and_keep_the_chance() -> None:
    cells = cycle("DE", "DE", "FR", "")
    column = read(learned(cells), cells)
    assert column.reading.values == ("DE", "FR", EMPTY_CELL)
    won = [True, False] * (N // 2)
    found = points_of([column], Fit(-1.0, (0.5, 0.5 + 0.6931471805599453, 0.0), 1, True), won)
    [told] = found.columns
    assert {v.value: round(v.points, 3) for v in told.values} == {
        "FR": 20, "DE": 0, EMPTY_CELL: -14.427,
    }  # fmt: skip
    assert {v.value: (v.leads, v.won) for v in told.values}["FR"] == (N // 4, N // 4)
    assert found.base == pytest.approx(1 / (1 + 2.718281828459045**0.5))


def test_points_of_numbers_are_for_a_round_step_above_the_average() -> None:
    cells = [str(100 + 37 * (i % 11)) for i in range(N)]
    column = read(learned(cells), cells)
    assert 100 < column.reading.spread < 200
    [told] = points_of([column], Fit(0.0, (1.0,), 1, True), [True] * N).columns
    assert (told.step, told.average) == (100, column.reading.mean)
    assert told.points == pytest.approx(20 / 0.6931471805599453 * 100 / column.reading.spread)
    assert told.moves == pytest.approx(20 / 0.6931471805599453)


def test_of_yes_or_no_the_no_has_none() -> None:
    column = read(learned(cycle("yes", "no", "no")), cycle("yes", "no", "no"))
    [told] = points_of([column], Fit(0.0, (0.6931471805599453,), 1, True), [False] * N).columns
    assert [(v.value, round(v.points), v.leads) for v in told.values] == [
        ("yes", 20, 67), ("no", 0, 133),
    ]  # fmt: skip


OUTCOMES = [i % 3 == 0 for i in range(600)]


def suspected(cells: list[str]) -> list[str]:
    reading = learned(cells)
    return [leak.why for leak in leaks([read(reading, cells)], OUTCOMES)]


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ([("" if w else "no budget") for w in OUTCOMES], "AUC 1.00"),
        ([str(5 + w * 9 - i % 5) for i, w in enumerate(OUTCOMES)], "AUC 1.00"),
        ([str(-5 - w * 9 + i % 5) for i, w in enumerate(OUTCOMES)], "AUC 1.00"),
        ([(str(i % 9) if w else "") for i, w in enumerate(OUTCOMES)], "AUC 1.00"),
        ([("1" if w else "0") for w in OUTCOMES], "AUC 1.00"),
        (["ref" if w and i % 2 else "a" for i, w in enumerate(OUTCOMES)],
         "all 100 leads with ref are won"),
        (["spam" if not w and i % 2 else "a" for i, w in enumerate(OUTCOMES)],
         "none of the 200 leads with spam is won"),
    ],
)  # fmt: skip
def test_a_column_that_knows_the_outcome_is_suspect(cells: list[str], why: str) -> None:
    [told] = suspected(cells)
    assert why in told


def test_a_strong_but_honest_column_is_not() -> None:
    assert suspected(["good" if w or i % 4 == 0 else "bad" for i, w in enumerate(OUTCOMES)]) != []
    honest = ["good" if w == (i % 5 != 0) else "bad" for i, w in enumerate(OUTCOMES)]
    assert suspected(honest) == []

"""Numbers, yes and no, and times as exports write them; what is not sure is not guessed."""

from __future__ import annotations

import pytest

from fairlead.core.evidence_times import DayOrder, are_dates, day_order, instant
from fairlead.core.evidence_values import (
    are_numbers,
    are_yes_no,
    decimal_comma,
    is_empty,
    number,
)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("12", 12), ("-3.5", -3.5), ("1,234", 1234), ("1,234,567.8", 1234567.8), (".5", 0.5),
        ("$1,200", 1200), ("€ 5", 5), ("40%", 40), ("1e3", 1000), ("+7", 7), ("5.", 5),
        ("", None), ("-", None), ("1,23", None), ("12 seats", None), ("1_000", None),
        ("inf", None), ("nan", None), ("1e999", None), (".", None), ("e5", None), ("--1", None),
    ],
)  # fmt: skip
def test_numbers_with_a_point(cell: str, value: float | None) -> None:
    assert number(cell) == value


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1,5", 1.5), ("1.234,5", 1234.5), ("1 234", 1234), ("12", 12), ("7 €", 7),
        ("-0,25", -0.25), ("1.5", None), ("1,2,3", None),
    ],
)  # fmt: skip
def test_numbers_with_a_comma(cell: str, value: float | None) -> None:
    assert number(cell, comma=True) == value


@pytest.mark.parametrize(
    ("cells", "delimiter", "comma"),
    [
        (["1,5", "2"], ";", True), (["1.5", "2"], ";", False), (["1.234", "2,5"], "\t", True),
        (["1,234", "5"], ",", False), (["1,5"], ",", True), ([], ",", False),
    ],
)  # fmt: skip
def test_one_cell_tells_how_a_column_is_written(
    cells: list[str], delimiter: str, comma: bool
) -> None:
    assert decimal_comma(cells, delimiter) is comma


def test_namibia_and_none_say_something() -> None:
    assert [c for c in ("", "NULL", "NaN", "n/a", "NA", "None", "0", "-") if not is_empty(c)] == [
        "NA", "None", "0", "-",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "cells", "yes"),
    [
        ("employees", ["10", "2000", "35"], True),
        ("employees", ["10"] * 96 + ["many"] * 4, True),
        ("employees", ["10"] * 90 + ["many"] * 10, False),
        ("area", ["01067", "80331"], False),
        ("Postal Code", ["94105", "10001"], False),
        ("MobilePhone", ["4155550100", "4155550101"], False),
    ],
)
def test_numbers_that_name_something_are_words(name: str, cells: list[str], yes: bool) -> None:
    assert are_numbers(name, cells, comma=False) is yes


def test_yes_and_no_are_two_words_of_either_kind() -> None:
    assert are_yes_no(["Yes", "no", "YES"])
    assert are_yes_no(["1", "0"])
    assert not are_yes_no(["yes", "true"])
    assert not are_yes_no(["yes", "no", "maybe"])


@pytest.mark.parametrize(
    ("cell", "order", "utc"),
    [
        ("2026-01-31", DayOrder.UNKNOWN, "2026-01-31T00:00:00"),
        ("2026-01-31 09:30", DayOrder.UNKNOWN, "2026-01-31T09:30:00"),
        ("2026-01-31T09:30:15.250Z", DayOrder.UNKNOWN, "2026-01-31T09:30:15.250000"),
        ("2026-01-31T09:30:00.000+0000", DayOrder.UNKNOWN, "2026-01-31T09:30:00"),
        ("2026-01-31 09:30:00 +02:00", DayOrder.UNKNOWN, "2026-01-31T07:30:00"),
        ("2026-01-31 09:30:00 UTC", DayOrder.UNKNOWN, "2026-01-31T09:30:00"),
        ("31.01.2026", DayOrder.DAY_FIRST, "2026-01-31T00:00:00"),
        ("31.1.2026 9:05", DayOrder.DAY_FIRST, "2026-01-31T09:05:00"),
        ("1/31/2026 12:05 AM", DayOrder.MONTH_FIRST, "2026-01-31T00:05:00"),
        ("1/31/2026, 1:05:09 PM", DayOrder.MONTH_FIRST, "2026-01-31T13:05:09"),
        ("1769851800", DayOrder.UNKNOWN, "2026-01-31T09:30:00"),
        ("1769851800250", DayOrder.UNKNOWN, "2026-01-31T09:30:00.250000"),
    ],
)
def test_times_as_exports_write_them(cell: str, order: DayOrder, utc: str) -> None:
    found = instant(cell, order)
    assert found is not None
    assert found.isoformat() == utc + "+00:00"


@pytest.mark.parametrize(
    "cell",
    ["", "soon", "2026-02-30", "2026-13-01", "31/31/2026", "1/2/2026 13:00 PM", "20260131", "12",
     "2026-01-31T25:00", "0001-01-01T00:00+14:00"],
)  # fmt: skip
def test_what_is_no_time_is_none(cell: str) -> None:
    assert instant(cell, DayOrder.MONTH_FIRST) is None


def test_the_column_shows_whether_the_day_comes_first() -> None:
    assert day_order(["01/02/2026", "13/02/2026"]) is DayOrder.DAY_FIRST
    assert day_order(["01/02/2026", "02/13/2026"]) is DayOrder.MONTH_FIRST
    assert day_order(["01.02.2026"]) is DayOrder.DAY_FIRST
    assert day_order(["01/02/2026", "2026-01-31"]) is DayOrder.UNKNOWN
    assert instant("01/02/2026", DayOrder.UNKNOWN) is None


def test_dates_are_known_in_any_order() -> None:
    assert are_dates(["2026-01-31", "01/02/2026 09:00", "1769851800250"])
    assert not are_dates(["2026-01-31", "soon"])
    assert not are_dates(["1769851800"])

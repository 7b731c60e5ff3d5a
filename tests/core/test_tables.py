"""Look-up tables find the row that an admin would point at, fast, whatever the key's form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.core.policy import Policy
from fairlead.core.policy_file import load_policy
from fairlead.core.tables import Table
from fairlead.core.types import Value

HEAD = "version: 1\nsources: {sf: {crm: salesforce}}\notherwise: {to: {queue: Inbound}}\n"


def table(key: str, csv: str) -> Table:
    return loaded(f"tables: {{t: {{csv: t.csv, key: {key}}}}}\n", csv).tables["t"]


def loaded(text: str, csv: str) -> Policy:
    return load_policy({"p.yaml": HEAD + text, "t.csv": csv}, "p.yaml")


AREAS = table(
    "[country, {prefix: postal_code}]",
    "country,postal_code,team\nDE,1,east\nDE,10,berlin\nDE,109,kreuzberg\nAT,1,vienna\nGB,SW1A,hq\n",
)


@pytest.mark.parametrize(
    ("country", "postal_code", "team"),
    [
        ("DE", "10999", "kreuzberg"),
        ("de", "10 999", "berlin"),
        ("DE", "109", "kreuzberg"),
        ("DE", "19055", "east"),
        ("DE", "20095", None),
        ("DE", "", None),
        ("DE", None, None),
        (None, "10999", None),
        ("AT", "1090", "vienna"),
        ("FR", "1090", None),
        ("GB", " sw1a 1aa ", "hq"),
        ("GB", "SW1", None),
        ("DE", 10999, None),
    ],
)
def test_the_longest_prefix_of_its_country_wins(
    country: Value, postal_code: Value, team: str | None
) -> None:
    row = AREAS.find({"country": country, "postal_code": postal_code})
    assert (row and row["team"]) == team


SIZES = table(
    "{range: employees, from: low, to: high}",
    "low,high,team\n100,999,mid\n,9,tiny\n10,99.5,small\n5000,,giant\n",
)


@pytest.mark.parametrize(
    ("employees", "team"),
    [
        (-5, "tiny"), (0, "tiny"), (9, "tiny"), (9.5, None), (10, "small"), (99.5, "small"),
        (99.6, None), (100, "mid"), (999, "mid"), (1000, None), (4999.9, None), (5000, "giant"),
        (2**70, "giant"), (float("inf"), "giant"), (float("-inf"), "tiny"), (float("nan"), None),
        (None, None), ("100", None), (True, None),
    ],
)  # fmt: skip
def test_a_number_is_in_the_range_that_holds_it_ends_included(
    employees: Value, team: str | None
) -> None:
    row = SIZES.find({"employees": employees})
    assert (row and row["team"]) == team


def test_ranges_of_different_exact_keys_may_overlap() -> None:
    found = table(
        "[country, {range: employees, from: low, to: high}]",
        "country,low,high,team\nDE,,99,a\nDE,100,,b\nFR,,499,c\nFR,500,,d\n",
    )
    seen = [
        found.find({"country": country, "employees": employees})
        for country, employees in [("DE", 99), ("DE", 100), ("FR", 100), ("FR", 500), ("ES", 1)]
    ]
    assert [row and row["team"] for row in seen] == ["a", "b", "c", "d", None]


@given(st.lists(st.text("abAB", min_size=1, max_size=4), unique_by=str.casefold), st.text("abAB"))
def test_prefixes_agree_with_the_plain_reading(prefixes: list[str], text: str) -> None:
    rows = "".join(f"{p},{p}\n" for p in prefixes)
    found = table("{prefix: city}", f"city,team\n{rows}").find({"city": text})
    fitting = [p for p in prefixes if text.casefold().startswith(p.casefold())]
    assert (found and found["team"]) == max(fitting, key=len, default=None)


@given(st.lists(st.integers(-50, 50), unique=True, min_size=2), st.integers(-60, 60))
def test_ranges_agree_with_the_plain_reading(ends: list[int], value: int) -> None:
    ends.sort()
    pairs = list(zip(ends[::2], ends[1::2], strict=False))
    rows = "".join(f"{low},{high},{low}\n" for low, high in reversed(pairs))
    found = table("{range: employees, from: a, to: b}", f"a,b,team\n{rows}")
    row = found.find({"employees": value})
    fitting = [str(low) for low, high in pairs if low <= value <= high]
    assert [row["team"]] == fitting if row else fitting == []


def test_each_of_ten_thousand_lines_is_found() -> None:
    lines = "".join(f"DE,{n:05d},t{n}\n" for n in range(10_000))
    ranges = "".join(f"{n * 10},{n * 10 + 9},s{n}\n" for n in range(10_000))
    text = (
        "tables:\n"
        "  t: {csv: t.csv, key: [country, {prefix: postal_code}]}\n"
        "  s: {csv: s.csv, key: {range: employees, from: low, to: high}}\n"
    )
    files = {"t.csv": f"country,postal_code,team\n{lines}", "s.csv": f"low,high,seg\n{ranges}"}
    tables = load_policy({"p.yaml": HEAD + text, **files}, "p.yaml").tables
    for n in range(10_000):
        place = tables["t"].find({"country": "DE", "postal_code": f"{n:05d}x"})
        size = tables["s"].find({"employees": n * 10 + 5})
        assert (place, size) == ({"team": f"t{n}"}, {"seg": f"s{n}"})

"""SOQL is built in one place, and no value can leave its quotes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.errors import Bug
from fairlead_salesforce import soql

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "'plain'"),
        ("O'Neil", r"'O\'Neil'"),
        ("a\\", r"'a\\'"),
        ("x' OR Name != '", r"'x\' OR Name != \''"),
        ("line\nbreak", r"'line\nbreak'"),
        (True, "true"),
        (7, "7"),
        (NINE, "2026-03-02T09:00:00Z"),
        (NINE.replace(microsecond=250_000), "2026-03-02T09:00:00.250Z"),
        (NINE.astimezone(timezone(timedelta(hours=2))), "2026-03-02T09:00:00Z"),
    ],
)
def test_a_value_becomes_one_literal(value: str | bool | int | datetime, text: str) -> None:
    assert soql.literal(value) == text


@settings(deadline=None)
@given(st.text())
def test_no_text_ends_its_own_literal(value: str) -> None:
    inner = soql.literal(value)[1:-1]
    position = 0
    while position < len(inner):
        assert inner[position] != "'"
        position += 2 if inner[position] == "\\" else 1
    assert position == len(inner), "the closing quote would be escaped"


def test_naive_instants_and_strange_names_are_refused() -> None:
    with pytest.raises(Bug, match="naive"):
        soql.literal(datetime(2026, 3, 2))  # noqa: DTZ001
    with pytest.raises(Bug, match="name"):
        soql.select(("Id", "Name FROM User --"), "Lead")
    with pytest.raises(Bug, match="IN list of 201"):
        soql.one_of("Id", ["x"] * 201)
    with pytest.raises(Bug, match="IN list of 0"):
        soql.one_of("Id", [])


def test_the_keyset_stays_inside_an_indexed_bound() -> None:
    assert soql.after(NINE, "00Q1") == (
        "SystemModstamp >= 2026-03-02T09:00:00Z AND (SystemModstamp > 2026-03-02T09:00:00Z OR "
        "(SystemModstamp = 2026-03-02T09:00:00Z AND Id > '00Q1'))"
    )
    assert soql.after(NINE, "") == "SystemModstamp >= 2026-03-02T09:00:00Z"


def test_a_query_of_a_full_in_list_fits_a_url() -> None:
    ids = [f"00Q{i:012d}AAA" for i in range(soql.IN_LIST)]
    url = soql.url(
        "67.0", soql.select(("Id",), "Lead", where=soql.one_of("Id", ids)), deleted_too=True
    )
    assert len(url) < 8_000
    assert url.startswith("/services/data/v67.0/queryAll?q=")
    assert "+" not in url
    assert ids[-1] in unquote(url)


def test_in_lists_hold_every_value_once() -> None:
    values = [str(i) for i in range(450)]
    lists = list(soql.in_lists(values))
    assert [len(part) for part in lists] == [200, 200, 50]
    assert [v for part in lists for v in part] == values

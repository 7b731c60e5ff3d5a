"""Lint looks through look-up tables: prefixes, ranges, several keys; its leads have real keys."""

from __future__ import annotations

from core.deciding import HEAD, NOW, policy
from core.test_lint import findings, only, rule

from fairlead.core.examples import with_rows
from fairlead.core.lint import lint

AREA = HEAD + "tables:\n  area: {csv: t.csv, key: [country, {prefix: postal_code}]}\n"
AREAS = "country,postal_code,team,region\nDE,1,a,EMEA\nDE,10,b,CITY\nAT,1,b,EMEA\nUS,9,a,WEST\n"
SIZE = HEAD + "tables:\n  size: {csv: t.csv, key: {range: employees, from: low, to: high}}\n"
SIZES = "low,high,segment\n,99,small\n100,999,mid\n1000,,large\n"
EMEA = rule("EMEA", 'area.region == "EMEA"')


def test_an_example_has_a_key_that_is_in_the_table() -> None:
    rules = EMEA + rule("Ones", 'country in ["DE", "US"] and postal_code >= "0"', "{team: b}")
    found = only(rules, "overlap", AREA, t=AREAS)
    assert found.example is not None
    tables = policy(rules, head=AREA, t=AREAS)
    assert with_rows(found.example, tables)["area.region"] == "EMEA"
    assert found.outcome == "goes to 'EMEA'"


def test_the_longest_prefix_wins_so_a_longer_one_is_no_overlap() -> None:
    city = 'area.region == "CITY"'
    inner = 'country == "DE" and starts_with(postal_code, "10")'
    assert findings(rule("City", city) + EMEA, "unreachable", AREA, t=AREAS) == []
    hidden = only(rule("In", inner) + rule("City", city, "{team: b}"), "unreachable", AREA, t=AREAS)
    assert "'In' (line 15) takes every lead" in hidden.message
    assert hidden.example is not None
    assert hidden.example["country"] == "DE"
    assert str(hidden.example["postal_code"]).startswith("10")


def test_a_country_that_no_line_has_contradicts_the_table() -> None:
    found = only(rule("No", 'country == "FR" and area is not null'), "unreachable", AREA, t=AREAS)
    assert "never hold" in found.message


def test_ranges_are_numbers_to_the_conditions() -> None:
    rules = rule("Big", "employees >= 500") + rule("Large", 'size.segment == "large"', "{team: b}")
    found = only(rules, "unreachable", SIZE, t=SIZES)
    assert found.example == {"employees": 1000}
    mid = rule("Big", "employees >= 500") + rule("Mid", 'size.segment == "mid"', "{team: b}")
    assert findings(mid, "unreachable", SIZE, t=SIZES) == []
    assert only(mid, "overlap", SIZE, t=SIZES).example is not None
    some = rule("Sizes", "size is not null") + rule("Few", "employees <= 50", "{team: b}")
    assert only(some, "unreachable", SIZE, t=SIZES).example == {"employees": 50}


def test_gaps_between_ranges_have_a_lead_and_touching_ones_are_none() -> None:
    asks = rule("Size", "size is not null")
    found = only(asks, "table-gap", SIZE, t="low,high,segment\n,99,small\n200,,large\n")
    assert (found.example, found.severity) == ({"employees": 100}, "info")
    assert "'100..199'" in found.message
    tenths = "low,high,segment\n0,0.9,small\n1.0,2,mid\n"
    assert findings(asks, "table-gap", SIZE, t=tenths) == []
    assert findings(asks, "table-gap", SIZE, t=SIZES) == []


def test_digits_forgotten_among_prefixes() -> None:
    asks = rule("Area", "area is not null")
    lines = "".join(f"DE,{digit},a,R{digit}\n" for digit in "0123456789" if digit != "7")
    found = only(asks, "table-gap", AREA, t="country,postal_code,team,region\n" + lines)
    assert found.example == {"country": "DE", "postal_code": "70000"}
    few = "country,postal_code,team,region\nDE,1,a,X\nDE,2,a,Y\n"
    assert findings(asks, "table-gap", AREA, t=few) == []


def test_a_prefix_that_says_what_a_shorter_one_says() -> None:
    asks = rule("Area", "area is not null")
    same = "country,postal_code,team,region\nDE,1,a,X\nDE,10,a,X\nDE,11,b,X\n"
    found = only(asks, "idle-line", AREA, t=same)
    assert "'de/10'" in found.message
    assert "'de/11'" not in found.message


def test_lines_of_prefixes_and_ranges_that_nobody_reaches() -> None:
    rules = rule("City", 'country == "DE" and starts_with(postal_code, "10")', "{team: b}")
    found = only(rules + rule("Area", "area is not null"), "dead-lines", AREA, t=AREAS)
    assert "1 of 4 lines of table 'area' are never used ('de/10')" in found.message
    assert found.outcome == "goes to 'City'"
    big = rule("Big", "employees > 900") + rule("Size", "size is not null", "{team: b}")
    assert "('1000..')" in only(big, "dead-lines", SIZE, t=SIZES).message


def test_a_table_of_too_many_combinations_is_left_open_and_nothing_is_made_up() -> None:
    head = HEAD + "tables:\n  t: {csv: t.csv, key: [city, company, {prefix: postal_code}]}\n"
    lines = "".join(f"city {n},company {n},{n},a\n" for n in range(400))
    rules = rule("A", 't.team == "a"') + rule("B", "t is not null", "{team: b}")
    found = lint(policy(rules, head=head, t="city,company,postal_code,team\n" + lines), NOW)
    assert [f.message for f in found if f.severity == "error"] == []

"""A line of a decision table is a rule: its filled cells are conditions, the first line wins."""

from __future__ import annotations

import pytest
from core.deciding import HEAD, NOW, case, lead, policy, world

from fairlead.core.decide import decide
from fairlead.core.explain import explain
from fairlead.core.policy import Place, ToQueue, ToRep, ToTeam
from fairlead.core.policy_cells import condition_of
from fairlead.core.policy_file import load_policy, referenced_files
from fairlead.core.schema import FieldType
from fairlead.core.types import Value

CSV = """name,country,employees,team,rep,queue,priority
Large DACH,DE|AT,>=1000,a,,,high
Mid DACH,DE|AT,100..999,b,,,normal
Not the US,!US,,,carla@example.com,,
Tiny,*,..9,,,Inbound,
"""
RULES = policy(
    "  - {name: Partners, when: source is not null, to: {team: b}}\n  - {csv: r.csv}", r=CSV
)


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"country": "DE", "employees": 1000}, "Large DACH"),
        ({"country": "at", "employees": 999}, "Mid DACH"),
        ({"country": "DE", "employees": 99}, "Not the US"),
        ({"country": "US", "employees": 9}, "Tiny"),
        ({"country": "US", "employees": 10}, "otherwise"),
        ({"employees": 3}, "Tiny"),
        ({}, "otherwise"),
        ({"country": "DE", "employees": 5000, "source": "x"}, "Partners"),
    ],
)
def test_the_first_line_that_fits_takes_the_lead(values: dict[str, Value], rule: str) -> None:
    assert decide(case(lead(**values)), world(), RULES, NOW).rule == rule


def test_a_line_becomes_the_rule_one_would_have_written() -> None:
    found = RULES.rules[1:]
    assert [r.name for r in found] == ["Large DACH", "Mid DACH", "Not the US", "Tiny"]
    assert [r.when.text if r.when else None for r in found] == [
        'country in ["DE", "AT"] and employees >= 1000',
        'country in ["DE", "AT"] and employees >= 100 and employees <= 999',
        'country != "US"',
        "employees <= 9",
    ]
    destinations = [ToTeam("a"), ToTeam("b"), ToRep("carla@example.com"), ToQueue("Inbound")]
    assert [r.to for r in found] == destinations
    assert [r.high_priority for r in found] == [True, False, False, False]
    assert [r.place for r in found] == [Place("r.csv", line, 1) for line in (2, 3, 4, 5)]


def test_why_shows_the_cells_that_did_not_fit() -> None:
    of = case(lead(country="DE", employees=50))
    lines = explain(of, decide(of, world(), RULES, NOW, explain=True), RULES)
    assert any(x.strip() == "no: employees >= 1000   [employees is 50]" for x in lines)
    assert "  [x] Not the US (r.csv:4)" in lines


@pytest.mark.parametrize(
    ("kind", "cell", "condition"),
    [
        ("text", "", None),
        ("text", "*", None),
        ("text", "New York", 'f == "New York"'),
        ("text", "a | b", 'f in ["a", "b"]'),
        ("text", "!a", 'f != "a"'),
        ("text", "!a|b", 'f not in ["a", "b"]'),
        ("text", '5" \\ disk', 'f == "5\\" \\\\ disk"'),
        ("number", "5", "f == 5"),
        ("number", "-1.5|2", "f in [-1.5, 2]"),
        ("number", "!0", "f != 0"),
        ("number", ">= 100", "f >= 100"),
        ("number", "<-3", "f < -3"),
        ("number", "10..99", "f >= 10 and f <= 99"),
        ("number", "-2 .. 2.5", "f >= -2 and f <= 2.5"),
        ("number", "10..", "f >= 10"),
        ("bool", "TRUE", "f == true"),
        ("bool", "false", "f == false"),
        ("instant", ">=2026-01-01", "f >= 2026-01-01"),
        ("instant", "<2026-04-01T00:00:00+02:00", "f < 2026-04-01T00:00:00+02:00"),
        ("list", "a", 'f contains "a"'),
        ("list", "a|b", '(f contains "a" or f contains "b")'),
        ("list", "!a|b", 'f is not null and not (f contains "a") and not (f contains "b")'),
    ],
)
def test_what_a_cell_asks(kind: str, cell: str, condition: str | None) -> None:
    assert condition_of("f", FieldType(kind), cell) == condition
    if condition is not None:
        head = HEAD + f"fields: {{f: {{type: {kind}, hubspot: f}}}}\n"
        quoted = '"' + cell.replace('"', '""') + '"'
        table = f"name,f,team\nr,{quoted},a\n"
        (rule,) = policy("  - {csv: r.csv}", head=head, r=table).rules
        assert rule.when is not None
        assert rule.when.text == condition


def test_a_column_may_be_a_table_s_or_name_its_team_by_one() -> None:
    head = HEAD + "tables: {t: {csv: t.csv, key: country}}\n"
    rules = policy(
        "  - {csv: r.csv}",
        head=head,
        t="country,segment,team\nDE,big,b\n",
        r="name,t.segment,team\nBig,big,t.team\n",
    )
    decision = decide(case(lead(country="DE")), world(), rules, NOW)
    assert (decision.rule, decision.rep_id) == ("Big", "carla@example.com")


def test_a_file_of_rules_may_stand_in_a_group_and_is_named_among_the_files() -> None:
    text = "  - {name: G, when: free_mail, rules: [{csv: r.csv}, {name: Z, to: {queue: Inbound}}]}"
    rules = policy(text, r="name,country,team\nDE,DE,b\n")
    inside = decide(case(lead(free_mail=True, country="DE")), world(), rules, NOW)
    assert inside.rule == "DE"
    other = decide(case(lead(free_mail=True)), world(), rules, NOW)
    assert other.rule == "Z"
    assert referenced_files(f"rules:\n{text}\n  - {{csv: other.csv}}\n") == ("other.csv", "r.csv")


def test_every_changed_line_changes_the_policy_s_hash() -> None:
    text = f"{HEAD}rules: [{{csv: r.csv}}]\notherwise: {{to: {{team: a}}}}\n"
    one = load_policy({"p.yaml": text, "r.csv": CSV}, "p.yaml")
    other = load_policy({"p.yaml": text, "r.csv": CSV.replace("1000", "900")}, "p.yaml")
    assert one.hash != other.hash

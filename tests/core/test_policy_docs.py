"""docs/policy.md tells the truth: its examples load, and it names everything there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from fairlead.core.conditions import FUNCTIONS, OPERATORS, compile_condition
from fairlead.core.distribute import METHODS
from fairlead.core.policy import Policy
from fairlead.core.policy_file import PolicyError, load_policy, policy_json_schema
from fairlead.core.schema import (
    LEAD_SCHEMA,
    NO_LEVELS,
    NOT_FILLED,
    NOT_RECYCLED,
    NOT_SCORED,
    FieldType,
)

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
CSV = {name: body for kind, name, body in BLOCKS if kind == "csv"}
TEAMS = re.findall(r"^```yaml method\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
YAML = [body for kind, name, body in BLOCKS if kind == "yaml" and not name]
EXAMPLES = [body for kind, name, body in BLOCKS if kind == "yaml" and name == "example"]


def test_the_examples_make_one_policy() -> None:
    text = "version: 1\n" + "".join(YAML)
    policy = load_policy({"p.yaml": text, **CSV}, "p.yaml")
    assert len(policy.rules) == 8
    assert policy.teams["enterprise"].scope == "company"


@pytest.mark.parametrize("lines", EXAMPLES)
def test_an_example_of_a_rule_s_keys_fits_into_a_rule(lines: str) -> None:
    head = (
        "version: 1\nsources: {hs: {crm: hubspot}}\notherwise: {to: {queue: x}}\n"
        "reps: {a@example.com: {skills: {language: de, certification: [aws, security],"
        " industry: x}}}\nteams: {a: {members: [a@example.com], manager: m@example.com}}\n"
        "rules:\n  - name: r\n    to: {team: a}\n"
    )
    rule = head + "".join(f"    {line}\n" for line in lines.splitlines())
    assert len(load_policy({"p.yaml": rule}, "p.yaml").rules) == 1


@pytest.mark.parametrize("lines", TEAMS)
def test_an_example_of_a_method_fits_into_a_team(lines: str) -> None:
    head = (
        "version: 1\nsources: {sf: {crm: salesforce}}\notherwise: {to: {team: t}}\n"
        "reps: {a@example.com: {}, b@example.com: {}}\n"
        "teams:\n  a: {members: [a@example.com]}\n  t:\n"
    )
    members = "" if "group" in lines else "    members: [a@example.com]\n"
    text = head + members + "".join(f"    {line}\n" for line in lines.splitlines())
    policy = load_policy({"p.yaml": text}, "p.yaml")
    assert policy.teams["t"].method in lines


def test_every_method_has_its_row() -> None:
    table = TEXT.split("| `method` | who gets the lead |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(METHODS)


def test_the_roster_file_says_the_same_as_the_reps() -> None:
    text = "version: 1\n" + "".join(YAML)
    reps = next(block for block in YAML if block.startswith("reps:"))
    inline = load_policy({"p.yaml": text, **CSV}, "p.yaml")
    file = load_policy({"p.yaml": text.replace(reps, "roster: reps.csv\n"), **CSV}, "p.yaml")

    def told(policy: Policy) -> list[tuple[object, ...]]:
        reps = policy.roster.values()
        return [
            (r.id, r.weight, r.crm_ids, r.calendar, r.away, r.capacity, r.skills, r.ramp, r.cover)
            for r in reps
        ]

    assert told(inline) == told(file)


@pytest.mark.parametrize(
    "line", [x for kind, _, body in BLOCKS if kind == "condition" for x in body.splitlines()]
)
def test_every_example_of_a_condition_compiles_bare_in_yaml(line: str) -> None:
    arms = {"arm": FieldType.NAMESPACE, "arm.q3_test": FieldType.TEXT}
    compile_condition(line, LEAD_SCHEMA.extended(arms))
    assert yaml.safe_load(f"when: {line}") == {"when": line}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_has_a_row_with_an_example_that_compiles(name: str) -> None:
    row = re.search(rf"^\| `{name}\([^`]*\)` \| .* \| `(.*)` \|$", TEXT, re.MULTILINE)
    assert row is not None
    assert name in compile_condition(row[1], LEAD_SCHEMA).text


def test_no_function_or_operator_is_described_that_does_not_exist() -> None:
    rows = re.findall(r"^\| `(\w+)\(", TEXT, re.MULTILINE)
    assert sorted(rows) == sorted(FUNCTIONS)
    table = TEXT.split("| operator | takes |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE) == list(OPERATORS)


def test_every_field_has_its_row_and_type() -> None:
    table = TEXT.split("| name | type | Salesforce |")[1].split("\n\n")[0]
    rows = [line.split(" | ") for line in table.splitlines()[2:]]
    documented = {n: row[1] for row in rows for n in re.findall(r"`([a-z_.]+)`", row[0])}
    wanted = {n: str(t) for n, t in LEAD_SCHEMA.types.items() if n not in NOT_FILLED}
    assert documented == wanted
    kept = re.search(r"(?m)^(.*) are kept names: nothing fills them", TEXT)
    assert kept is not None
    there = re.search(r"(?m)^(.*) are there in a policy with \[`scoring`\]", TEXT)
    assert there is not None
    assert set(re.findall(r"`(\w+)`", there[1])) == set(NOT_SCORED)
    rounds = TEXT[TEXT.index("In one with [`recycling`]") :].partition("\n`decay` (text)")[0]
    named = set(re.findall(r"`(\w+)`", rounds)) - {"recycling"}
    assert named == set(NOT_RECYCLED)
    left = set(NOT_FILLED) - set(NOT_SCORED) - set(NOT_RECYCLED) - set(NO_LEVELS)
    assert set(re.findall(r"`(\w+)`", kept[1])) == left
    assert "`decay` (text), the highest level reached, is there in one with [`decay`]" in TEXT


def test_every_key_is_described() -> None:
    schema = policy_json_schema()
    shapes = [schema, *schema["$defs"].values()]
    keys = {key for shape in shapes for key in shape["properties"]}
    missing = [k for k in sorted(keys) if f"`{k}`" not in TEXT and f"{{{k}: " not in TEXT]
    assert missing == []


def test_the_error_shown_is_the_error_given() -> None:
    shown = next(body for kind, _, body in BLOCKS if kind == "console")
    path = ROOT / "fixtures" / "policies" / "broken" / "rules.yaml"
    with pytest.raises(PolicyError) as caught:
        load_policy({"broken/rules.yaml": path.read_text(encoding="utf-8")}, "broken/rules.yaml")
    assert shown.rstrip("\n") in str(caught.value)

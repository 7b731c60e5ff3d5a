"""The complete policy is complete and good, and on its page word for word, each key explained."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from docs.pages import DOCS, ROOT, blocks, text_of

from fairlead.core.lint import lint
from fairlead.core.lint_finding import Severity
from fairlead.core.policy_file import load_policy, policy_json_schema, referenced_files
from fairlead.core.policy_problem import SourceText
from fairlead.core.policy_yaml import data_of, read_yaml

FOLDER = ROOT / "fixtures" / "policies"
TEXT = (FOLDER / "complete.yaml").read_text(encoding="utf-8")
FILES = {n: (FOLDER / n).read_text(encoding="utf-8") for n in referenced_files(TEXT)}
SCHEMA = policy_json_schema()
NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
PARTS = [b for b in blocks(DOCS / "policy.md") if b.kind == "yaml" and b.name == "complete"]
SECTION = text_of("docs/policy.md").split("\n## A complete policy, line by line\n")[1]

NOT_THERE = {
    ("PolicyShape", "reps"): "a policy has reps or a roster; the roster's columns are reps' keys",
}
NOT_SAID = {
    ("PolicyShape", "task", "none"): "a policy has tasks or none",
    ("TeamShape", "make_up", "none"): "the default, written out",
    ("RuleShape", "priority", "normal"): "the default, written out",
}
Found = tuple[str, str]


def of(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every alternative that a schema node stands for."""
    if "$ref" in node:
        yield SCHEMA["$defs"][node["$ref"].rpartition("/")[2]]
    for form in node.get("anyOf", []):
        yield from of(form)
    if "anyOf" not in node and "$ref" not in node:
        yield node


def named(shape: Mapping[str, Any]) -> str:
    return "PolicyShape" if shape is SCHEMA else str(shape.get("title", ""))


def words(node: Mapping[str, Any]) -> set[object]:
    """The words that a node allows, where it allows only some."""
    return {w for form in of(node) for w in [*form.get("enum", []), form.get("const")] if w} | {
        w for form in of(node) for w in form.get("items", {}).get("enum", [])
    }


def walk(node: Mapping[str, Any], data: object, keys: set[Found], said: set[object]) -> None:
    """Notes each key of a shape that the data uses, and each word it says there."""
    for form in of(node):
        if isinstance(data, dict):
            for name, value in data.items():
                below = form.get("properties", {}).get(name)
                if below is not None:
                    keys.add((named(form), name))
                    items = value if isinstance(value, list) else [value]
                    said |= {(named(form), name, v) for v in items if isinstance(v, str | int)}
                    walk(below, value, keys, said)
                else:
                    others = [
                        form.get("additionalProperties"),
                        *form.get("patternProperties", {}).values(),
                    ]
                    for other in others:
                        if isinstance(other, dict):
                            walk(other, value, keys, said)
        elif isinstance(data, list) and "items" in form:
            for item in data:
                walk(form["items"], item, keys, said)


def used() -> tuple[set[Found], set[object]]:
    keys: set[Found] = set()
    said: set[object] = set()
    node, problems = read_yaml(SourceText("complete.yaml", TEXT))
    assert node is not None
    assert not problems
    walk(SCHEMA, data_of(node), keys, said)
    keys |= {("MethodShape", str(v)) for s, k, v in said if (s, k) == ("TeamShape", "method")}
    for row in csv.DictReader(io.StringIO(FILES["complete-roster.csv"])):
        keys |= {("RepShape", column.partition(".")[0]) for column, cell in row.items() if cell}
        keys |= {("CapacityShape", word) for word in re.findall(r"(\w+) \d", row["capacity"])}
        keys |= {("RampShape", word) for word in re.findall(r"(\w+) \d", row["ramp"])}
    return keys, said


KEYS, SAID = used()
SHAPES = {named(shape): shape["properties"] for shape in (SCHEMA, *SCHEMA["$defs"].values())}


@pytest.mark.parametrize(
    ("shape", "key"),
    [(s, k) for s, keys in SHAPES.items() for k in keys if (s, k) not in NOT_THERE],
)
def test_every_key_of_every_shape_is_used(shape: str, key: str) -> None:
    assert (shape, key) in KEYS


def test_every_word_that_a_key_may_say_is_said() -> None:
    allowed = {
        (shape, key, word)
        for shape, keys in SHAPES.items()
        for key, node in keys.items()
        for word in words(node)
        if (shape, key) != ("TeamShape", "method") and (shape, key) not in NOT_THERE
    }
    assert allowed - SAID == set(NOT_SAID)


def test_what_is_left_out_is_in_the_schema_and_left_out() -> None:
    assert all(key in SHAPES[shape] for shape, key in NOT_THERE)
    assert not set(NOT_THERE) & KEYS


def test_the_decision_table_uses_every_kind_of_place() -> None:
    rows = list(csv.DictReader(io.StringIO(FILES["complete-specialists.csv"])))
    assert all(any(row[c] for row in rows) for c in ("name", "team", "rep", "queue", "priority"))


def test_it_loads_and_check_has_no_complaint() -> None:
    policy = load_policy({"complete.yaml": TEXT, **FILES}, "complete.yaml")
    found = list(lint(policy, NOW))
    assert {f.kind for f in found} == {"uncovered-hours", "one-specialist", "gap"}
    assert {f.severity for f in found} == {Severity.INFO}


def test_the_page_has_it_word_for_word() -> None:
    assert "\n".join(part.text for part in PARTS) == TEXT
    shown = {b.name: b.text for b in blocks(DOCS / "policy.md") if b.kind == "csv"}
    assert {name: shown.get(name) for name in FILES} == FILES


def test_each_key_is_explained_where_it_first_appears() -> None:
    known = {key for keys in SHAPES.values() for key in keys} | {"salesforce", "hubspot"}
    after = re.split(r"(?ms)^```yaml complete\n.*?^```$", SECTION)[1:]
    told: set[str] = set()
    for part, explained in zip(PARTS, after, strict=True):
        told |= set(re.findall(r"`(\w+)[`:]", explained))
        lines = re.sub(r"(?m)#.*$|\"[^\"]*\"", "", part.text)
        here = set(re.findall(r"(?<![\w.@])(\w+):(?=\s)", lines)) & known
        assert here <= told, f"{part}: {sorted(here - told)}"

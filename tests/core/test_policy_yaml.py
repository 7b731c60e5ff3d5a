"""Strict YAML 1.2: what a scalar is, what is refused, where things stand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead.core.policy_problem import SourceText
from fairlead.core.policy_yaml import Mapping, Scalar, data_of, place_in_scalar, read_yaml


def read(text: str) -> object:
    node, problems = read_yaml(SourceText("p.yaml", text))
    assert not problems
    assert node is not None
    return data_of(node)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("1:30", "1:30"),
        ("12:30:45", "12:30:45"),
        ("010", "010"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        ("2026-01-01", "2026-01-01"),
        ("<<", "<<"),
        ("5", 5),
        ("-5", -5),
        ("+5", 5),
        ("0", 0),
        ("1.50", Decimal("1.50")),
        ("9" * 30, "9" * 30),
        ("'5'", "5"),
        ('"true"', "true"),
    ],
)
def test_scalars(text: str, value: object) -> None:
    found = read(f"key: {text}")
    assert found == {"key": value}
    assert isinstance(found, dict)
    assert type(found["key"]) is type(value)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a: 1\nb: 2\na: 3", "3:1", "duplicate key 'a'; the first is in line 1"),
        ('a: 1\n"a": 3', "2:1", "duplicate key 'a'"),
        ("a: {b: 1, b: 2}", "1:11", "duplicate key 'b'"),
        ("1: x", "1:1", "a key must be text"),
        ("true: x", "1:1", "a key must be text"),
        ("? [a]\n: x", "1:3", "a key must be text"),
        ("a: &b 1", "1:4", "anchors"),
        ("a: *b", "1:4", "aliases"),
        ("a: !!int 5", "1:4", "tags"),
        ("a: !python/object:x 5", "1:4", "tags"),
        ("a: 1\n---\nb: 2", "2:1", "one document"),
        ("%YAML 1.1\n---\na: 1", "1:1", "directives"),
        ("a: [1", "1:6", "this is not YAML"),
        ("\ta: 1", "1:1", "this is not YAML"),
        ("a: b\u2028c", "1:5", "invisible character U+2028"),
        ("a: \u0000", "1:4", "invisible character U+0000"),
        ("a: \ufeffb", "1:4", "invisible character U+FEFF"),
        ("a: \ud800", "1:4", "invisible character U+D800"),
        ("[" * 60, "1:42", "nested deeper than 40"),
        ("a: x" + "x" * 2_000_000, "1:1", "longer than"),
    ],
)
def test_what_is_refused_is_told_at_its_place(text: str, place: str, message: str) -> None:
    _, problems = read_yaml(SourceText("p.yaml", text))
    assert len(problems) == 1
    assert str(problems[0].place) == f"p.yaml:{place}"
    assert message in problems[0].message


def test_a_billion_laughs_is_refused() -> None:
    lines = ["a0: &a0 [x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40))]
    node, problems = read_yaml(SourceText("p.yaml", "\n".join(lines)))
    assert len(problems) == 40 + 78
    assert node is not None


def test_windows_line_ends_count_once() -> None:
    _, problems = read_yaml(SourceText("p.yaml", "a: 1\r\nb: 2\r\na: 3\r\n"))
    assert str(problems[0].place) == "p.yaml:3:1"
    assert problems[0].caret == "a: 3\n^"


@pytest.mark.parametrize(
    "text",
    [
        "k: abc X def",
        "k: 'it''s ''X'' here'",
        'k: "a \\"b\\" \\\\ X"',
        "k: >\n  folded text\n  and X\n",
        "k: |\n  literal text\n    and X\n",
        "k: plain text\n  over two\n\n  lines X end",
        "k: 'quoted\n  over lines X'",
        "k: >-\n\n  X\n",
        "k: ä€😀 X",
    ],
)
def test_a_place_inside_a_text_is_found(text: str) -> None:
    source = SourceText("p.yaml", text)
    root, _ = read_yaml(source)
    assert isinstance(root, Mapping)
    node = root.get("k")
    assert isinstance(node, Scalar)
    assert isinstance(node.value, str)
    at = place_in_scalar(source, node, node.value.index("X"))
    assert at == text.index("X")


def test_a_place_behind_an_escape_is_not_guessed() -> None:
    source = SourceText("p.yaml", 'k: "\\u00e4 X"')
    root, _ = read_yaml(source)
    assert isinstance(root, Mapping)
    node = root.get("k")
    assert isinstance(node, Scalar)
    assert place_in_scalar(source, node, 2) is None


def test_the_end_of_a_text_has_a_place() -> None:
    source = SourceText("p.yaml", "k: abc")
    root, _ = read_yaml(source)
    assert isinstance(root, Mapping)
    node = root.get("k")
    assert isinstance(node, Scalar)
    assert place_in_scalar(source, node, 3) == 6


def test_a_condition_with_a_list_between_braces_is_told_to_need_quotes() -> None:
    text = """sources: {sf: {crm: salesforce, pick_up: country in ["DE", "AT"]}}"""
    _, (problem,) = read_yaml(SourceText("p.yaml", text))
    assert problem.message.endswith("that holds any of , [ ] { } needs quotes")
    mended = text.replace("country in", "'country in").replace('"]', "\"]'")
    assert read_yaml(SourceText("p.yaml", mended))[1] == ()

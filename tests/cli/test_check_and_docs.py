"""`check` and `policy docs` as somebody types them: what is printed, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from fairlead.cli import main

HEAD = """version: 1
sources:
  sf: {crm: salesforce}
reps:
  anna@example.com: {}
  ben@example.com: {}
teams:
  a: {members: [anna@example.com, ben@example.com]}
rules:
"""
LAST = "otherwise: {to: {team: a}}\n"
GOOD = '  - {name: DE, when: country == "DE", to: {team: a}}\n'
WARNS = '  - {name: DE, when: not (country == "DE"), to: {team: a}}\n'
WRONG = '  - {name: DE, when: country == "Germany", to: {team: a}}\n'


def check(folder: Path, rules: str, *more: str) -> tuple[int, str]:
    file = folder / "policy.yaml"
    file.write_text(HEAD + rules + LAST, encoding="utf-8")
    result = CliRunner().invoke(main, ["check", str(file), *more])
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("rules", "more", "code"),
    [
        (GOOD, ["--strict"], 0), (WARNS, [], 0), (WARNS, ["--strict"], 78), (WRONG, [], 78),
    ],
)  # fmt: skip
def test_the_exit_code_follows_the_worst_finding(
    tmp_path: Path, rules: str, more: list[str], code: int
) -> None:
    assert check(tmp_path, rules, *more)[0] == code


def test_a_finding_is_told_with_place_example_and_remedy(tmp_path: Path) -> None:
    _, output = check(tmp_path, WARNS)
    assert "policy.yaml:10:5: warning: rule 'DE': not (country == \"DE\") also holds" in output
    assert "    example: a lead without any of these fields -> the condition holds\n" in output
    assert "    remedy: add 'country is not null and'" in output
    assert "0 errors, 1 warning, " in output


def test_json_has_every_finding_with_its_example(tmp_path: Path) -> None:
    code, output = check(tmp_path, WRONG, "--json")
    found = json.loads(output)
    assert (code, found["ok"]) == (78, False)
    [value] = [f for f in found["findings"] if f["kind"] == "impossible-value"]
    assert (value["line"], value["severity"], value["example"]) == (10, "error", {"country": "DE"})


def test_control_characters_of_a_name_do_not_reach_the_terminal(tmp_path: Path) -> None:
    rules = '  - {name: "a\\e[2Jb\\nc", when: not (country == "DE"), to: {team: a}}\n'
    _, output = check(tmp_path, rules)
    assert "\x1b" not in output
    assert "\\x1b[2Jb" in output


def test_the_page_is_printed_in_both_forms(tmp_path: Path) -> None:
    check(tmp_path, GOOD)
    file = str(tmp_path / "policy.yaml")
    page = CliRunner().invoke(main, ["policy", "docs", file])
    assert page.output.startswith("# Lead routing: policy.yaml\n")
    whole = CliRunner().invoke(main, ["policy", "docs", "--html", file])
    assert whole.output.startswith("<!DOCTYPE html>")
    assert "<script" not in whole.output
    assert [page.exit_code, whole.exit_code] == [0, 0]

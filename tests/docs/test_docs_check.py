"""docs/check.md tells the truth: every finding is there, and each example brings about its own."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from docs.pages import text_of

from fairlead.core import lint as lint_module
from fairlead.core.lint import lint
from fairlead.core.lint_finding import LintFinding
from fairlead.core.policy_file import load_policy

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
PAGE = text_of("docs/check.md")
SECTIONS = {
    kind: text for kind, text in re.findall(r"(?ms)^### `([a-z-]+)`\n(.*?)(?=^### |\Z)", PAGE)
}
BASE = {
    "version": "version: 1\n",
    "sources": "sources: {sf: {crm: salesforce}, hs: {crm: hubspot}}\n",
    "reps": (
        "reps:\n  anna@example.com: {skills: {language: de}}\n"
        "  ben@example.com:\n  carla@example.com:\n"
    ),
    "teams": (
        "teams:\n  emea: {members: [anna@example.com, ben@example.com]}\n"
        "  us: {members: [ben@example.com, carla@example.com]}\n"
    ),
    "otherwise": "otherwise: {to: {team: emea}}\n",
}


def findings(section: str) -> list[LintFinding]:
    """What check finds in the example of a section, put into an ordinary policy."""
    (part,) = re.findall(r"(?ms)^```yaml finding\n(.*?)^```$", section)
    keys = {m[1]: m[0] for m in re.finditer(r"(?ms)^([a-z]+):.*?(?=^[a-z]|\Z)", part)}
    files = dict(re.findall(r"(?ms)^```csv (\S+)\n(.*?)^```$", section))
    text = "".join({**BASE, **keys}.values())
    return list(lint(load_policy({"p.yaml": text, **files}, "p.yaml"), NOW))


def test_every_finding_is_on_the_page_and_no_other() -> None:
    core = Path(lint_module.__file__).parent
    source = "".join(p.read_text(encoding="utf-8") for p in core.glob("lint*.py"))
    kinds = re.findall(r'LintFinding\(\s*"([a-z-]+)"', source)
    assert set(SECTIONS) == set(kinds)
    assert len(kinds) == len(set(kinds)), "each kind is made in one place"


@pytest.mark.parametrize("kind", [k for k, s in SECTIONS.items() if "```yaml" in s])
def test_the_example_brings_about_its_finding(kind: str) -> None:
    section = SECTIONS[kind]
    found = [f for f in findings(section) if f.kind == kind]
    assert found, f"the example of {kind} does not show it"
    severities = re.search(r"(?m)^Severity: ([a-z, ]+)\.", section)
    assert severities is not None
    assert {f.severity.value for f in found} <= set(severities[1].split(", "))
    assert re.search(r"(?m)^Remedy: \S", section)


def test_only_what_was_given_up_has_no_example() -> None:
    assert [k for k, s in SECTIONS.items() if "```yaml" not in s] == ["not-analysed"]


def test_the_keys_of_a_finding_in_json_are_those_of_the_page() -> None:
    (finding, *_) = findings(SECTIONS["unreachable"])
    table = PAGE.split("## JSON")[1].split("## Findings")[0]
    named = [
        n for row in re.findall(r"(?m)^\| (`.*?) \|", table) for n in re.findall("`(.*?)`", row)
    ]
    assert set(named) == set(finding.as_json())

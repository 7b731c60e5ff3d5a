"""docs/decay.md is true: its policy loads, is found in order, and its lead goes as told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from docs.pages import ROOT, blocks, text_of

from fairlead.core.decay import due_at
from fairlead.core.lint import lint
from fairlead.core.policy import Policy
from fairlead.core.policy_file import load_policy
from fairlead.reports.policy_docs import markdown

HEAD = """\
version: 1
sources: {sf: {crm: salesforce}, hs: {crm: hubspot}}
reps: {a@example.com: {}, b@example.com: {}}
teams:
  inbound: {members: [a@example.com], manager: m@example.com}
  second_chance: {members: [b@example.com], manager: m@example.com}
otherwise: {to: {team: inbound}}
"""


def the_policy() -> Policy:
    found = blocks(ROOT / "docs" / "decay.md")
    text = HEAD + "".join(b.text for b in found if b.kind == "yaml")
    return load_policy({"p.yaml": text}, "p.yaml")


def test_the_policy_of_the_page_loads_and_check_finds_nothing_wrong_with_its_levels() -> None:
    policy = the_policy()
    assert [n.name for n in policy.decay] == ["cooling", "critical", "lost"]
    kinds = {f.kind for f in lint(policy, datetime(2027, 1, 1, tzinfo=UTC))}
    assert not [k for k in kinds if k.startswith("decay-")]


def test_the_lead_of_the_page_goes_as_told() -> None:
    monday = datetime(2027, 1, 4, 10, tzinfo=UTC)
    instants = [due_at(level, monday, None) for level in the_policy().decay]
    assert instants == [monday + timedelta(days=n) for n in (3, 7, 30)]
    assert instants[0] is not None
    assert f"{instants[0]:%A}" == "Thursday"


def test_the_page_of_a_policy_tells_its_levels() -> None:
    page = markdown(the_policy(), "Leads")
    assert "Leads that go cold" in page
    assert "nothing done with it for 3 days" in page
    assert "reassign to team second\\_chance" in page


def test_the_page_points_at_the_keys() -> None:
    assert "](policy.md#decay)" in text_of("docs/decay.md")
    assert "### decay\n" in text_of("docs/policy.md")

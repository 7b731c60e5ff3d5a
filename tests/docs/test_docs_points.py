"""docs/scoring.md tells the truth of points: its policy loads, its example is what `why` shows."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from docs.pages import ROOT, blocks, text_of

from fairlead.core.lint import lint
from fairlead.core.policy import Policy
from fairlead.core.policy_file import load_policy
from fairlead.core.scored import score_lines
from fairlead.core.scoring import score
from fairlead.core.types import Value
from fairlead.reports.policy_docs import markdown

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
BLOCKS = [b for b in blocks(ROOT / "docs" / "scoring.md") if b.kind in ("yaml", "")]
LEAD: dict[str, Value] = {
    "employees": 300,
    "web_visits": 5,
    "last_visit_at": NOW,
    "downloads": 1,
    "last_download_at": datetime(2026, 5, 2, 9, tzinfo=UTC),
}


def the_policy() -> Policy:
    head = (
        "version: 1\nsources: {sf: {crm: salesforce}, hs: {crm: hubspot}}\n"
        "reps: {a@example.com: {}, b@example.com: {}}\n"
        "teams: {senior: {members: [a@example.com]}, inside: {members: [b@example.com]}}\n"
    )
    text = head + "".join(b.text for b in BLOCKS if b.kind == "yaml" and b.name != "moving")
    [moving] = [b.text for b in BLOCKS if b.name == "moving"]
    found = re.fullmatch(r"fields: \{(.*)\}\n(.*\n)", moving)
    assert found is not None
    text = text.replace("fields:\n", f"fields:\n  {found[1]}\n") + found[2]
    return load_policy({"p.yaml": text}, "p.yaml")


def test_the_policy_of_the_page_loads_and_check_finds_nothing_wrong_with_its_points() -> None:
    policy = the_policy()
    assert policy.rules[0].name == "Poor leads are filtered out"
    assert policy.reroute_on == ("written_score",)
    kinds = {f.kind for f in lint(policy, NOW)}
    assert not kinds & {"pointless", "unused-cap", "unreachable-band", "impossible-value"}, kinds


def test_the_lines_shown_are_those_of_such_a_lead() -> None:
    card = the_policy().scoring
    assert card is not None
    [shown] = [b.text for b in BLOCKS if not b.kind]
    assert shown.splitlines() == list(score_lines(score(card, LEAD, NOW)))


def test_the_page_of_a_policy_tells_its_points() -> None:
    page = markdown(the_policy(), "Leads")
    assert "What gives a lead points" in page
    assert "half of it each 30 days since last visit at" in page
    assert (
        "Grades: cold from 20 points, mql from 40 points, sql from 70 points; below that poor"
        in page
    )
    assert "The most that a group counts, up or down: fit 50, engagement 40." in page


def test_the_page_points_at_the_keys() -> None:
    assert "](policy.md#scoring)" in text_of("docs/scoring.md")
    assert "### scoring\n" in text_of("docs/policy.md")

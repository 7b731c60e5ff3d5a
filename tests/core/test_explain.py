"""`fairlead why` says in words what was decided, and the data behind it says the same."""

from __future__ import annotations

import json
from fractions import Fraction

from core.deciding import HEAD, HS, NOW, SF, case, lead, policy, rep, user, world

from fairlead.core.decide import decide
from fairlead.core.decision import Case, Known, Match, World
from fairlead.core.explain import explain, explain_json
from fairlead.core.policy import Policy
from fairlead.core.types import Account, Ref

RULES = policy(
    """
  - name: Big
    when: employees >= 1000 and industry in ["fintech"]
    to: {team: b}
  - {name: Old, when: created_at < 2026-01-01, to: {team: b}}
  - {name: Rest, to: {team: a}}
""",
    head=HEAD + "fields: {tags: {type: list, salesforce: Tags__c}}\n",
)


def lines(of: Case, rules: Policy = RULES, seen: World | None = None) -> list[str]:
    return explain(of, decide(of, seen or world(), rules, NOW, explain=True), rules)


def test_the_whole_story_of_an_assignment() -> None:
    owed = {"team:a": {"anna@example.com": Fraction(-1, 3), "ben@example.com": Fraction(1, 3)}}
    seen = world(rep("anna"), rep("ben"), balances=owed)
    assert lines(case(lead(employees=50, created_at=NOW)), seen=seen) == [
        "salesforce:Lead:1 (generation 1): assigned",
        "  why: next in team a",
        "  rule: Rest",
        "  owner: ben@example.com (salesforce id salesforce-ben)",
        "rules tried, in order:",
        "  [x] source sf (pick_up)",
        "  [ ] Big",
        '      no: employees >= 1000 and industry in ["fintech"]',
        "        no: employees >= 1000   [employees is 50]",
        '        not needed: industry in ["fintech"]',
        "  [ ] Old",
        "      no: created_at < 2026-01-01   [created_at is 2026-06-01T09:00:00+00:00]",
        "  [x] Rest",
        "balances in team:a (what each is owed), before -> after:",
        "  anna@example.com: -0.33 (-1/3) -> +0.17 (1/6)",
        "  ben@example.com: +0.33 (1/3) -> -0.17 (-1/6)  <- chosen",
        f"policy: {RULES.hash}",
    ]


def test_who_was_passed_over_and_what_was_noted() -> None:
    found = lines(case(lead(HS)), seen=world(rep("anna", SF), rep("ben", inactive=(HS,))))
    assert "passed over:" in found
    assert "  anna@example.com: has no hubspot user" in found
    assert "  ben@example.com: inactive in hubspot" in found
    assert "  Rest: nobody in team a can take it" in found
    assert found[0].endswith(": held")


def test_a_turn_that_passes_for_a_charged_lead_is_not_called_the_choice() -> None:
    head = HEAD.replace("ben@example.com]}", "ben@example.com], charge: [named]}")
    ahead = {"anna@example.com": Fraction(-1), "(outside)": Fraction(1)}
    seen = world(rep("anna"), rep("ben"), balances={"beside team:a": ahead})
    found = lines(case(), policy(head=head), seen)
    assert "  owner: ben@example.com (salesforce id salesforce-ben)" in found
    assert [line for line in found if "<- chosen" in line] == [
        "  ben@example.com: +0.00 (0) -> +0.00 (0)  <- chosen"
    ]


def test_missing_values_and_texts_are_told_apart() -> None:
    found = lines(case(lead(employees=2000, industry='a "b"')))
    assert any('[industry is "a \\"b\\""]' in line for line in found)
    assert any("[employees is missing]" in line for line in lines(case()))


def test_an_owner_outside_the_roster_is_named_as_such() -> None:
    rules = policy("  - {name: R, to: {account_owner: true}}")
    of = case(match=Match(Account(Ref(SF, "Account", "1"), "Acme", (), "salesforce-zoe"), "found"))
    found = lines(of, rules, world(others=(user("zoe"),)))
    assert "  owner: not a rep of the roster (salesforce id salesforce-zoe)" in found


def test_a_decision_made_without_explaining_still_tells_who_and_why() -> None:
    short = explain(case(), decide(case(), world(), RULES, NOW), RULES)
    assert "rules tried, in order:" not in short
    assert short[1] == "  why: next in team a"


def test_the_data_holds_everything_and_is_json() -> None:
    of = case(lead(employees=50, created_at=NOW))
    data = explain_json(of, decide(of, world(), RULES, NOW, explain=True), RULES)
    assert json.loads(json.dumps(data)) == data
    assert (data["state"], data["rule"], data["rep"]) == ("assigned", "Rest", "anna@example.com")
    assert data["rules"][1]["verdict"]["parts"][0] == {
        "text": "employees >= 1000",
        "result": False,
        "seen": {"employees": 50},
        "parts": [],
    }
    assert data["rules"][2]["verdict"]["seen"] == {"created_at": NOW.isoformat()}
    assert data["rules"][3]["verdict"] is None
    assert data["balances"]["anna@example.com"] == {"before": "0", "after": "-1/2"}
    assert data["ledger"][-1]["delta"] == "-1"
    assert data["follows"] is None


def test_the_data_names_whom_a_duplicate_follows() -> None:
    known = Known(Ref(SF, "Lead", "2"), "salesforce-ben", "ben@example.com", "email", NOW)
    of = case(lead(HS), Match(known=(known,)))
    data = explain_json(of, decide(of, world(), RULES, NOW, explain=True), RULES)
    assert data["follows"] == "salesforce:Lead:2"
    assert lines(of)[1:3] == [
        "  why: follows the owner of a duplicate (email)",
        "  owner: ben@example.com (hubspot id hubspot-ben)",
    ]
    assert (data["rule"], data["pool"], data["passed"]) == (None, None, [])

"""Shares of leads are the same everywhere and always, exact in the long run, and shown by `why`."""

from __future__ import annotations

from collections import Counter

import pytest
from core.deciding import HEAD, NOW, case, lead, policy, world

from fairlead.core.decide import decide
from fairlead.core.decision import Decision, Known, Match
from fairlead.core.explain import explain, explain_json
from fairlead.core.policy import Policy
from fairlead.core.types import Ref

SPLITS = """splits:
  q3_test: {by: lead, arms: {control: 50%, fast: 30%, slow: 20%}}
  desk: {by: account, arms: {old: 50%, new: 50%}}
"""
RULES = policy('  - {name: Fast, when: arm.q3_test == "fast", to: {team: b}}', head=HEAD + SPLITS)


def pilot(share: str) -> Policy:
    return policy(head=f"{HEAD}safety: {{pilot: {share}}}\n")


def routed(number: int, rules: Policy, domain: str | None = None) -> Decision:
    of = case(lead(domain=domain), person=f"person-{number}")
    return decide(of, world(), rules, NOW, explain=True)


def test_the_arms_get_their_shares() -> None:
    arms = Counter(routed(n, RULES).arms["q3_test"] for n in range(2000))
    assert set(arms) == {"control", "fast", "slow"}
    for arm, share in {"control": 1000, "fast": 600, "slow": 400}.items():
        assert abs(arms[arm] - share) < 80


def test_a_lead_is_in_the_same_arm_for_ever() -> None:
    found = [routed(n, RULES).arms["q3_test"] for n in range(8)]
    assert found == ["control", "control", "slow", "control", "fast", "fast", "control", "slow"]


def test_whoever_is_in_the_arm_is_routed_by_it() -> None:
    for n in range(50):
        decision = routed(n, RULES)
        assert (decision.rule == "Fast") is (decision.arms["q3_test"] == "fast")


def test_colleagues_are_in_one_arm_of_a_split_by_account() -> None:
    acme = {routed(n, RULES, "acme.example").arms["desk"] for n in range(30)}
    assert len(acme) == 1
    companies = {routed(1, RULES, f"c{n}.example").arms["desk"] for n in range(30)}
    assert companies == {"old", "new"}


@pytest.mark.parametrize("domain", [None, "gmail.com"])
def test_who_has_no_company_domain_is_split_alone(domain: str | None) -> None:
    assert {routed(n, RULES, domain).arms["desk"] for n in range(30)} == {"old", "new"}


def test_two_splits_are_independent() -> None:
    pairs = Counter(tuple(routed(n, RULES).arms.values()) for n in range(1200))
    assert len(pairs) == 6
    assert min(pairs.values()) > 80


def test_why_shows_the_arms() -> None:
    of = case(lead(), person="person-4")
    decision = decide(of, world(), RULES, NOW, explain=True)
    assert any(
        line.startswith("  arms: q3_test is fast, desk is ")
        for line in explain(of, decision, RULES)
    )
    assert explain_json(of, decision, RULES)["arms"]["q3_test"] == "fast"


def test_outside_the_pilot_a_lead_is_left_and_why_says_where_it_stands() -> None:
    rules = pilot("20%")
    decisions = [routed(n, rules) for n in range(1000)]
    left = [d for d in decisions if d.state == "left"]
    assert 740 < len(left) < 860
    assert {d.reason for d in left} == {"outside the pilot"}
    assert all("the pilot ends at 20%" in d.trace.notes[0] for d in left)
    assert {d.state for d in decisions} == {"left", "assigned"}


def test_a_growing_pilot_keeps_whom_it_had_and_ends_with_everybody() -> None:
    inside: set[int] = set()
    for share in ("5%", "20%", "50%", "100%"):
        now = {n for n in range(300) if routed(n, pilot(share)).state == "assigned"}
        assert inside < now
        inside = now
    assert inside == set(range(300))


def test_colleagues_are_in_the_pilot_together() -> None:
    for company in range(20):
        states = {routed(n, pilot("50%"), f"c{company}.example").state for n in range(5)}
        assert len(states) == 1


def test_outside_the_pilot_nobody_follows_either_but_who_is_sent_is_routed() -> None:
    known = Known(Ref("salesforce", "Lead", "2"), "salesforce-ben", "ben@example.com", "email", NOW)
    outside = next(n for n in range(50) if routed(n, pilot("20%")).state == "left")
    person = f"person-{outside}"
    of = case(lead(), Match(known=(known,)), person=person)
    assert decide(of, world(), pilot("20%"), NOW).state == "left"
    sent = case(lead(), person=person, rerun=True)
    assert decide(sent, world(), pilot("20%"), NOW).state == "assigned"

"""A lead waits for a field that something else fills in, and never for ever."""

from __future__ import annotations

from datetime import timedelta

import pytest
from core.deciding import HEAD, NOW, case, lead, policy, rep, world

from fairlead.core.decide import decide
from fairlead.core.decision import Decision, Known, Match
from fairlead.core.types import Ref, Value

HOLD = "hold_until: {field: country, at_most: 15m}"
IN_SOURCE = policy(head=HEAD.replace("{crm: salesforce}", f"{{crm: salesforce, {HOLD}}}"))
IN_RULE = policy(
    f"  - {{name: By country, when: employees > 10, to: {{team: b}}, {HOLD}}}\n"
    "  - {name: Rest, when: source is not null, to: {queue: Inbound}}"
)
IN_GROUP = policy(
    f"  - name: Group\n    when: employees > 10\n    {HOLD}\n    rules:\n"
    '      - {name: Inside, when: country == "DE", to: {team: b}}'
)


def after(rules: object, minutes: int, **values: Value) -> Decision:
    of = case(lead(**values), waited=timedelta(minutes=minutes))
    return decide(of, world(), rules, NOW, explain=True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rules", "rule"), [(IN_SOURCE, ""), (IN_RULE, "By country"), (IN_GROUP, "Group")]
)
def test_it_is_held_for_the_field_until_the_time_is_over(rules: object, rule: str) -> None:
    decision = after(rules, 14, employees=50)
    assert (decision.state, decision.reason) == ("held", "waits for country")
    assert decision.rule == rule
    assert decision.retry_at == NOW + timedelta(minutes=1)
    assert decision.ledger == ()


@pytest.mark.parametrize(("rules", "rule"), [(IN_SOURCE, "otherwise"), (IN_RULE, "By country")])
def test_then_the_rules_go_on(rules: object, rule: str) -> None:
    decision = after(rules, 15, employees=50)
    assert (decision.state, decision.rule) == ("assigned", rule)


def test_a_filled_field_is_not_waited_for() -> None:
    assert after(IN_SOURCE, 0, country="DE").state == "assigned"
    assert after(IN_RULE, 0, country="DE", employees=50).rule == "By country"
    assert after(IN_GROUP, 0, country="DE", employees=50).rule == "Inside"
    assert after(IN_GROUP, 0, country="FR", employees=50).rule == "otherwise"


def test_a_lead_that_the_rule_does_not_take_does_not_wait_for_it() -> None:
    assert after(IN_RULE, 0, employees=5, source="x").rule == "Rest"


def test_who_follows_a_duplicate_s_owner_does_not_wait() -> None:
    known = Known(Ref("salesforce", "Lead", "2"), "salesforce-ben", "ben@example.com", "email", NOW)
    of = case(lead(), Match(known=(known,)))
    decision = decide(of, world(rep("anna"), rep("ben")), IN_SOURCE, NOW)
    assert decision.rep_id == "ben@example.com"


def test_a_source_s_wait_is_its_own() -> None:
    assert decide(case(lead("hubspot")), world(), IN_SOURCE, NOW).state == "assigned"

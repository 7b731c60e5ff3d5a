"""The text of the task by which a rep learns of a lead: all that is known, plain and bounded."""

from __future__ import annotations

from dataclasses import replace

import pytest
from core.deciding import HEAD, NOW, SF, case, lead, policy, world

from fairlead.core.decide import decide
from fairlead.core.decision import Order
from fairlead.core.effects import SetOwner
from fairlead.core.explain import explain, explain_json
from fairlead.core.handover import BODY, LINE, MOST_LINES, Handover, handover
from fairlead.core.plan import plan
from fairlead.core.types import Ref
from fairlead.core.why_not import why_not

POLICY = policy("  - {name: Hot, to: {team: a}}", head=HEAD)
LEAD = {
    "first_name": "Jo",
    "last_name": "Miller",
    "title": "CFO",
    "company": "Acme",
    "url": "https://crm.test/1",
}


def told(known: Handover, ref: Ref | None = None, **values: str) -> list[str]:
    of = case(lead(**{**LEAD, **values}))
    return handover(of, decide(of, world(), POLICY, NOW), POLICY, known, ref).split("\n")


def test_it_says_who_why_by_when_what_was_before_and_where() -> None:
    known = Handover(
        due="2027-01-04 10:05 Europe/Berlin (SLA hot)",
        duplicates=("salesforce:Lead:2, owner ben@example.com, assigned",),
        before=("ben@example.com since 2027-01-01 09:00 UTC: next in team a",),
        done=("2027-01-02 09:00 UTC: call by ben@example.com",),
    )
    assert told(known) == [
        "fairlead gave you this lead: Jo Miller, CFO, Acme",
        "Rule: Hot",
        "Why: next in team a",
        "Please answer by: 2027-01-04 10:05 Europe/Berlin (SLA hot)",
        "Had it before:",
        "- ben@example.com since 2027-01-01 09:00 UTC: next in team a",
        "Done so far:",
        "- 2027-01-02 09:00 UTC: call by ben@example.com",
        "Other records of this person:",
        "- salesforce:Lead:2, owner ben@example.com, assigned",
        "Record: https://crm.test/1",
        f"Policy: {POLICY.hash[:12]}",
    ]


def test_what_is_not_known_is_left_out() -> None:
    of = case()
    found = handover(of, decide(of, world(), POLICY, NOW), POLICY)
    assert found.startswith("fairlead gave you this lead.\nRule: Hot\nWhy: ")
    assert found.count("\n") == 3


def test_a_value_stays_on_its_line_and_the_text_within_its_length() -> None:
    many = tuple(f"rep{n}@example.com " + "x" * 300 for n in range(40))
    lines = told(Handover(before=many, done=many, duplicates=many), company="A\nRule: Evil\r\nInc")
    assert lines[0] == "fairlead gave you this lead: Jo Miller, CFO, A Rule: Evil Inc"
    assert all(len(line) <= LINE for line in lines)
    assert len("\n".join(lines)) <= BODY
    there = [line for line in lines if line.startswith("- rep")]
    assert there[0].startswith("- rep35@"), "of more than a few the newest are told"
    assert len(there) <= 3 * MOST_LINES


def test_the_link_is_that_of_the_record_the_task_hangs_on() -> None:
    assert not any(x.startswith("Record:") for x in told(Handover(), Ref(SF, "Lead", "2")))


def test_a_lead_that_was_recycled_once_says_why() -> None:
    assert "It was recycled before: no budget" in told(Handover(), recycle_reason="no budget")


@pytest.mark.parametrize(("kind", "by"), [("sla", "SLA hot"), ("decay", "decay lost")])
def test_what_a_step_of_the_policy_gave_to_a_team_was_given_by_no_hand(kind: str, by: str) -> None:
    order = Order(kind, by, "not answered in 5m", team="a")
    of = replace(case(lead(**LEAD)), rerun=True, order=order)
    decision = decide(of, world(), POLICY, NOW)
    assert f"\nRule: {by}\n" in handover(of, decision, POLICY)
    assert f"  rule: {by}" in explain(of, decision, POLICY)
    assert explain_json(of, decision, POLICY)["rule"] == by
    (write, *_) = plan(of, decision, POLICY, NOW)
    assert isinstance(write, SetOwner)
    assert write.audit.startswith(f"{by}: ")
    found = why_not(of, world(), POLICY, NOW, "nobody@example.com")
    assert found.reasons == (f"{by} gave it to a: not answered in 5m",)


def test_what_a_person_gave_to_a_team_was_given_by_hand() -> None:
    order = Order("reassign", "dana", "she left", team="a")
    of = replace(case(lead(**LEAD)), rerun=True, order=order)
    assert "\nRule: by hand\n" in handover(of, decide(of, world(), POLICY, NOW), POLICY)

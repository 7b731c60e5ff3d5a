"""A decision becomes few writes, named so that deciding twice plans them once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from core.deciding import HEAD, HS, NOW, SF, case, lead, policy, world

from fairlead.core.decide import decide
from fairlead.core.decision import Case, Known, Match
from fairlead.core.effects import Effect, SetOwner, UpsertTask
from fairlead.core.plan import AUDIT_LIMIT, FollowerRecord, plan, task_when_claimed
from fairlead.core.policy import Policy
from fairlead.core.types import Ref

RULES = '  - {name: Hot, when: country == "DE", to: {team: a}, priority: high}'
POLICY = policy(RULES, head=HEAD + "task: {subject: Say hello, due_in: 15m}\n")


def effects(of: Case, rules: Policy = POLICY, **more: object) -> tuple[Effect, ...]:
    decision = decide(of, world(), rules, NOW)
    return plan(of, decision, rules, NOW, **more)  # type: ignore[arg-type]


def test_an_assignment_is_an_owner_write_and_then_a_task() -> None:
    of = case(lead(country="DE", owner_id="salesforce-q-inbound"))
    owner, task = effects(of)
    assert isinstance(owner, SetOwner)
    assert isinstance(task, UpsertTask)
    assert (owner.owner_id, owner.expected_owner_id) == ("salesforce-anna", "salesforce-q-inbound")
    assert owner.audit == "Hot: next in team a"
    assert (task.subject, task.due_at) == ("Say hello", NOW + timedelta(minutes=15))
    assert (task.owner_id, task.high_priority) == ("salesforce-anna", True)
    assert "Rule: Hot" in task.body
    assert task.marker == f"fl-{task.key}"


def test_deciding_twice_plans_the_same_writes() -> None:
    assert effects(case()) == effects(case())


def test_another_owner_for_the_same_case_moves_the_same_task() -> None:
    first, second = effects(case()), effects(case(excluded=("anna@example.com",)))
    assert [e.key for e in first] == [e.key for e in second]
    assert [e.owner_id for e in first] != [e.owner_id for e in second]


def test_another_generation_is_another_task() -> None:
    now, then = effects(case()), effects(case(generation=2))
    assert {e.key for e in now}.isdisjoint(e.key for e in then)


def test_an_owner_that_is_right_already_is_not_written() -> None:
    of = case(lead(owner_id="salesforce-anna"), rerun=True)
    (task,) = effects(of)
    assert isinstance(task, UpsertTask)


def test_a_queue_gets_no_task() -> None:
    rules = policy(otherwise="{queue: Inbound}")
    (owner,) = effects(case(), rules)
    assert owner.owner_id == "salesforce-q-inbound"
    assert effects(case(lead(owner_id="salesforce-q-inbound")), rules) == ()


def test_a_policy_without_tasks_writes_none() -> None:
    (owner,) = effects(case(), policy(head=HEAD + "task: none\n"))
    assert isinstance(owner, SetOwner)


def test_a_duplicate_that_follows_gets_its_owner_and_a_task_that_says_so() -> None:
    known = Known(Ref(SF, "Lead", "2"), "salesforce-ben", "ben@example.com", "email", NOW)
    owner, task = effects(case(lead(HS), Match(known=(known,))))
    assert isinstance(owner, SetOwner)
    assert owner.owner_id == "hubspot-ben"
    assert owner.audit == "follows the owner of a duplicate (email)"
    assert isinstance(task, UpsertTask)
    assert (task.ref.crm, task.owner_id) == (HS, "hubspot-ben")
    assert "salesforce:Lead:2" in task.body


def test_records_that_follow_this_decision_get_the_owner_and_a_task_each() -> None:
    followers = (
        FollowerRecord(Ref(SF, "Lead", "2"), None),
        FollowerRecord(Ref(SF, "Lead", "3"), "salesforce-anna"),
        FollowerRecord(Ref(HS, "contacts", "4"), None, "hubspot-anna"),
        FollowerRecord(Ref(HS, "contacts", "5"), None),
    )
    found = effects(case(), followers=followers)
    assert [(e.ref.id, e.owner_id) for e in found if isinstance(e, SetOwner)] == [
        ("1", "salesforce-anna"),
        ("2", "salesforce-anna"),
        ("4", "hubspot-anna"),
    ]
    assert [(e.ref.id, e.owner_id) for e in found if isinstance(e, UpsertTask)] == [
        ("1", "salesforce-anna"),
        ("2", "salesforce-anna"),
        ("3", "salesforce-anna"),
        ("4", "hubspot-anna"),
    ]
    assert len({e.key for e in found}) == len(found)


GROUP = (
    "  g: {method: {group: {roles: [{role: AE, members: [anna@example.com]},"
    " {role: SE, members: [ben@example.com, carla@example.com]}]}}}\n"
)


def test_the_others_of_a_group_get_a_task_each_that_moves_with_the_role() -> None:
    rules = policy(otherwise="{team: g}", head=HEAD + GROUP)
    owner, own, beside = effects(case(), rules)
    assert isinstance(own, UpsertTask)
    assert isinstance(beside, UpsertTask)
    assert (owner.owner_id, own.owner_id, beside.owner_id) == (
        "salesforce-anna", "salesforce-anna", "salesforce-ben",
    )  # fmt: skip
    assert (own.role, beside.role) == ("", "SE")
    assert beside.body.startswith(
        "fairlead asks you onto this lead as SE; anna@example.com owns it.\nRule: "
    )
    *_, again = effects(case(excluded=("ben@example.com",)), rules)
    assert (again.key, again.owner_id) == (beside.key, "salesforce-carla")
    none = policy(otherwise="{team: g}", head=HEAD + GROUP + "task: none\n")
    assert [type(e) for e in effects(case(), none)] == [SetOwner]


def test_the_task_of_a_claim_waits_for_its_owner_under_the_usual_key() -> None:
    head = HEAD.replace("teams:\n", "teams:\n  c: {members: [anna@example.com], method: CLAIM}\n")
    rules = policy(otherwise="{team: c}", head=head.replace("CLAIM", "{claim: {queue: Inbound}}"))
    of = case()
    decision = decide(of, world(), rules, NOW)
    assert [type(e) for e in plan(of, decision, rules, NOW)] == [SetOwner]
    task = task_when_claimed(of, decision, rules, NOW)
    assert task is not None
    assert (task.key, task.owner_id) == (effects(of)[1].key, "")
    assert task_when_claimed(of, decide(of, world(), POLICY, NOW), rules, NOW) is None


@pytest.mark.parametrize("owner_id", ["salesforce-ben", "unknown"])
def test_a_lead_that_is_left_gets_no_write(owner_id: str) -> None:
    assert effects(case(lead(owner_id=owner_id))) == ()


def test_the_audit_text_fits_the_field_and_holds_no_lead_data() -> None:
    name = "A rule with a very long name, " * 12
    rules = policy(f"  - {{name: '{name}', to: {{team: a}}}}")
    of = case(lead(email="jo@acme.example", company="Acme Secrets"))
    (owner, _) = effects(of, rules)
    assert isinstance(owner, SetOwner)
    assert len(owner.audit) == AUDIT_LIMIT
    assert owner.audit.endswith("…")
    assert "acme" not in owner.audit.lower()

"""Campaigns and lists over real HTTP: what doctor says of them, and what a missing right costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from contract.crm_hubspot import HubSpotUnderTest
from contract.crm_salesforce import SalesforceUnderTest
from contract.sandboxed import TOKEN

from fairlead.core.effects import Effect, SetField, SetMember, SetOwner
from fairlead.core.types import Kind, Ref
from fairlead.errors import RateLimited
from fairlead.spi.connector import Connector, Direction, Finding, Outcome, Wanted
from fairlead.testing.promises.groups import drain_joined, saved
from fairlead.testing.promises.under_test import Breakage
from fairlead_hubspot.connector import FACTORY as HUBSPOT
from fairlead_salesforce.connector import FACTORY as SALESFORCE

Crm = SalesforceUnderTest | HubSpotUnderTest


@pytest.fixture(params=["salesforce", "hubspot"])
def crm(request: pytest.FixtureRequest) -> Iterator[Crm]:
    crm: Crm = SalesforceUnderTest() if request.param == "salesforce" else HubSpotUnderTest()
    yield crm
    crm.close()


@pytest.fixture
def hubspot() -> Iterator[HubSpotUnderTest]:
    crm = HubSpotUnderTest()
    yield crm
    crm.close()


@pytest.fixture
def salesforce() -> Iterator[SalesforceUnderTest]:
    crm = SalesforceUnderTest()
    yield crm
    crm.close()


def connect(crm: Crm, *groups: str, watched: tuple[str, ...] = ()) -> Connector:
    secret = crm.sandbox.secret("token-for-groups", TOKEN)
    wanted = Wanted(groups=groups, watched=watched, writes=(crm.abilities.text_written,))
    settings: dict[str, Any]
    if isinstance(crm, SalesforceUnderTest):
        settings = {"login": "token", "token_file": secret, "instance_url": crm.sandbox.url}
        return SALESFORCE.build(SALESFORCE.settings_model(**settings), Direction.WRITE, wanted)
    settings = {"token_file": secret, "base_url": crm.sandbox.url, "burst_per_10s": 10_000}
    return HUBSPOT.build(HUBSPOT.settings_model(**settings), Direction.WRITE, wanted)


def forbid(crm: Crm, what: str) -> None:
    """Our user may not `write` memberships, may not `see` them, or may do both again (`none`)."""
    if isinstance(crm, SalesforceUnderTest):
        rights = {"write": {"CampaignMember": "r"}, "see": {"CampaignMember": ""}, "none": {}}
        crm.sandbox.tune(permissions=rights[what])
    else:
        scopes = {
            "write": ["crm.lists.write"],
            "see": ["crm.lists.read", "crm.lists.write"],
            "none": [],
        }
        crm.sandbox.tune(missing_scopes=scopes[what])


def a_lead(crm: Crm, number: int = 0) -> Ref:
    return crm.create_lead({"email": f"jo{number}@acme.example", "last_name": "Jo", "company": "A"})


def about(connector: Connector, word: str) -> list[Finding]:
    return [f for f in connector.probe().findings if word in f.check]


def outcomes(connector: Connector, *effects: Effect) -> list[Outcome]:
    return [r.outcome for r in connector.write(effects).receipts]


def test_a_policy_without_groups_costs_no_call_and_no_finding(crm: Crm) -> None:
    connector = connect(crm)
    assert about(connector, "list") + about(connector, "campaign") == []
    assert connector.capabilities.groups
    connector.close()


def test_doctor_says_of_each_group_whether_it_is_there(crm: Crm) -> None:
    there, missing = crm.create_group("Nurture"), crm.missing_group()
    connector = connect(crm, there, watched=(missing,))
    [good], [bad] = about(connector, f" {there}"), about(connector, f" {missing}")
    assert (good.ok, bad.ok) == (True, False)
    assert "Nurture" in good.detail
    assert bad.remedy
    assert not bad.fatal
    connector.close()


def test_a_group_by_its_name_instead_of_its_id_is_a_finding(crm: Crm) -> None:
    connector = connect(crm, "Nurture")
    [bad] = about(connector, "Nurture")
    assert (bad.ok, bad.fatal) == (False, False)
    assert outcomes(connector, SetMember("m", a_lead(crm), "Nurture", True)) == [Outcome.REFUSED]
    assert drain_joined(connector, ["Nurture"])[0] == []
    connector.close()


def test_who_may_not_write_memberships_still_reads_who_joins(crm: Crm) -> None:
    group, ref, anna = crm.create_group("N"), a_lead(crm), crm.add_user("anna@example.com")
    crm.join([ref], group)
    forbid(crm, "write")
    connector = connect(crm, group)
    effects: list[Effect] = [
        SetMember("m1", a_lead(crm, 1), group, True),
        SetMember("m2", ref, group, False),
        SetOwner("o", ref, anna, None),
        SetField("f", ref, crm.abilities.text_written, "Nurture", None),
    ]
    refused, applied = Outcome.REFUSED, Outcome.APPLIED
    assert outcomes(connector, *effects) == [refused, refused, applied, applied]
    assert crm.owner_of(ref) == anna
    assert [m.ref for m in drain_joined(connector, [group])[0]] == [ref]
    assert connector.capabilities.groups
    connector.close()


def test_who_may_not_see_groups_is_told_so_and_loses_nothing_else(crm: Crm) -> None:
    group, ref, anna = crm.create_group("N"), a_lead(crm), crm.add_user("anna@example.com")
    crm.join([ref], group)
    forbid(crm, "see")
    connector = connect(crm, group)
    findings = [f for f in connector.probe().findings if "list" in f.check or "campaign" in f.check]
    assert findings
    assert {(f.ok, f.fatal) for f in findings} == {(False, False)}
    assert all(f.remedy for f in findings)
    assert connector.capabilities.groups is False
    assert connector.members_of([(ref, group)]) == {(ref, group): False}
    members, cursor = drain_joined(connector, [group])
    assert members == []
    member, owner = SetMember("m", ref, group, True), SetOwner("o", ref, anna, None)
    assert outcomes(connector, member, owner) == [Outcome.REFUSED, Outcome.APPLIED]
    forbid(crm, "none")
    members, _ = drain_joined(connector, [group], saved(cursor))
    assert [m.ref for m in members] == [ref], "with the right back, nobody was missed"
    assert connector.capabilities.groups
    connector.close()


def test_a_group_that_goes_while_we_run_is_refused(crm: Crm) -> None:
    group, ref = crm.create_group("N"), a_lead(crm)
    connector = connect(crm, group)
    assert outcomes(connector, SetMember("m1", ref, group, True)) == [Outcome.APPLIED]
    _, cursor = drain_joined(connector, [group])
    if isinstance(crm, SalesforceUnderTest):
        crm.sandbox.act(op="delete", object="Campaign", id=group)
    else:
        crm.sandbox.act(op="delete_list", list=group)
    other = a_lead(crm, 1)
    assert outcomes(connector, SetMember("m2", other, group, True)) == [Outcome.REFUSED]
    assert outcomes(connector, SetMember("m3", other, group, True)) == [Outcome.REFUSED]
    assert drain_joined(connector, [group], saved(cursor))[0] == []
    connector.close()


def test_members_go_behind_owners_and_a_write_of_members_alone_carries_the_poll_too(
    crm: Crm,
) -> None:
    group, anna = crm.create_group("N"), crm.add_user("anna@example.com")
    connector, ref = connect(crm, group), a_lead(crm)
    cursor = connector.start_cursor(Kind.LEAD, since=None)
    crm.wait_visible(ref)
    effects: list[Effect] = [SetMember("m", ref, group, True), SetOwner("o", ref, anna, None)]
    written = connector.write(effects)
    assert [r.key for r in written.receipts] == ["m", "o"]
    assert list(crm.took_effect()) == [("owner", ref.id), ("member", ref.id)]
    alone = connector.write([SetMember("m", ref, group, False)], then_poll={Kind.LEAD: cursor})
    assert [r.outcome for r in alone.receipts] == [Outcome.APPLIED]
    assert [r.ref for r in alone.pages[Kind.LEAD].records] == [ref]
    connector.close()


def test_a_spent_quota_stops_members_before_they_are_sent(crm: Crm) -> None:
    group, ref = crm.create_group("N"), a_lead(crm)
    connector = connect(crm, group)
    connector.write([SetMember("m0", a_lead(crm, 1), group, True)])
    crm.break_calls(Breakage.RATE_LIMITED)
    with pytest.raises(RateLimited):
        connector.write([SetMember("m", ref, group, True)])
    crm.heal()
    assert ref not in crm.members(group)
    connector.close()


def test_many_memberships_take_few_calls(crm: Crm) -> None:
    group, refs = crm.create_group("N"), list(crm.create_twins(150))
    connector = connect(crm, group)
    connector.write([SetMember("m0", refs[0], group, True)])
    before = crm.calls()
    connector.write([SetMember(f"m{n}", r, group, True) for n, r in enumerate(refs)])
    assert crm.calls() - before <= 2
    before = crm.calls(), connector.budget.calls_made
    assert set(connector.members_of([(r, group) for r in refs]).values()) == {True}
    assert crm.calls() - before[0] == connector.budget.calls_made - before[1] <= 2
    connector.close()


def test_a_converted_lead_s_membership_is_still_the_lead_s(salesforce: SalesforceUnderTest) -> None:
    group, ref = salesforce.create_group("Webinar"), a_lead(salesforce)
    salesforce.join([ref], group)
    salesforce.convert(ref)
    contact = salesforce.sandbox.act(op="create", object="Contact", fields={"LastName": "Contact"})[
        "id"
    ]
    fields = {"CampaignId": group, "ContactId": contact}
    salesforce.sandbox.act(op="create", object="CampaignMember", fields=fields)
    connector = connect(salesforce)
    members, _ = drain_joined(connector, [group])
    assert [m.ref for m in members] == [ref], "a contact is no lead"
    connector.close()


def test_a_campaign_s_short_id_is_the_same_campaign(salesforce: SalesforceUnderTest) -> None:
    group, ref = salesforce.create_group("Webinar"), a_lead(salesforce)
    connector = connect(salesforce, group[:15])
    assert outcomes(connector, SetMember("m", ref, group[:15], True)) == [Outcome.APPLIED]
    assert connector.members_of([(ref, group[:15])]) == {(ref, group[:15]): True}
    [member] = drain_joined(connector, [group[:15]])[0]
    assert (member.ref, member.group) == (ref, group[:15])
    connector.close()


def test_a_value_that_its_field_cannot_be_is_refused_alone(salesforce: SalesforceUnderTest) -> None:
    ref = a_lead(salesforce)
    connector = connect(salesforce)
    fields = [
        SetField("f1", ref, "Score__c", "many", None),
        SetField("f2", ref, "DoNotCall", "perhaps", None),
        SetField("f3", ref, "Title", "@{p0.id}", None),
        SetField("f4", ref, "DoNotCall", "true", "false"),
        SetField("f5", ref, "Score__c", "12.0", None),
        SetField("f6", ref, "Title", "x" * 200, None),
        SetField("f7", ref, "Rating", "Cold", None),
    ]
    found = outcomes(connector, *fields)
    assert found == [Outcome.REFUSED] * 3 + [Outcome.APPLIED] * 2 + [
        Outcome.REFUSED,
        Outcome.APPLIED,
    ]
    held = salesforce.sandbox.row("Lead", ref.id).fields
    assert (held["DoNotCall"], held["Score__c"], held["Rating"]) == (True, 12, "Cold")
    connector.close()


def test_a_dynamic_list_is_a_finding_where_leads_go_in_and_none_where_they_are_watched(
    hubspot: HubSpotUnderTest,
) -> None:
    group, ref = hubspot.create_group("All", dynamic=True), a_lead(hubspot)
    hubspot.join([ref], group)
    connector = connect(hubspot, group)
    [bad] = about(connector, f"list {group}")
    assert (bad.ok, bad.fatal) == (False, False)
    assert "DYNAMIC" in bad.detail
    before = hubspot.calls()
    assert outcomes(connector, SetMember("m", ref, group, True)) == [Outcome.REFUSED]
    asked = [r.path for r in hubspot.sandbox.org.requests[before:]]
    assert not any("memberships" in path for path in asked), "it was known beforehand"
    connector.close()
    watching = connect(hubspot, watched=(group,))
    [good] = about(watching, f"list {group}")
    assert good.ok
    assert [m.ref for m in drain_joined(watching, [group])[0]] == [ref]
    watching.close()


def test_a_list_of_companies_takes_no_leads(hubspot: HubSpotUnderTest) -> None:
    made = hubspot.sandbox.act(op="create_list", name="Firms", object="companies")
    group, connector = str(made["id"]), connect(hubspot, str(made["id"]))
    [bad] = about(connector, f"list {group}")
    assert "other records" in bad.detail
    assert outcomes(connector, SetMember("m", a_lead(hubspot), group, True)) == [Outcome.REFUSED]
    connector.close()


def test_a_list_of_many_pages_costs_one_call_once_it_is_known(hubspot: HubSpotUnderTest) -> None:
    group = hubspot.create_group("Big")
    refs = sorted(hubspot.create_twins(600), key=lambda r: int(r.id))
    hubspot.join(refs, group)
    hubspot.pass_time(120)
    connector = connect(hubspot)
    cursor = None
    for _ in range(3):
        _, cursor = drain_joined(connector, [group], cursor)
    before = hubspot.calls()
    members, cursor = drain_joined(connector, [group], saved(cursor) if cursor else None)
    assert hubspot.calls() - before == 1
    assert {m.ref for m in members} == set(refs[500:])
    hubspot.leave(refs[0], group)
    late = a_lead(hubspot, 7)
    hubspot.join([late], group)
    seen, cursor = drain_joined(connector, [group], saved(cursor))
    assert {m.ref for m in seen} == {*refs[1:], late}, "somebody left: the list is read again"
    connector.close()


def test_joining_again_is_another_joining(hubspot: HubSpotUnderTest) -> None:
    group, ref = hubspot.create_group("Webinar"), a_lead(hubspot)
    connector = connect(hubspot)
    hubspot.join([ref], group)
    [first], cursor = drain_joined(connector, [group])
    hubspot.leave(ref, group)
    hubspot.pass_time(timedelta(hours=1).total_seconds())
    hubspot.join([ref], group)
    [second], _ = drain_joined(connector, [group], saved(cursor))
    assert (first.ref, first.row != second.row) == (second.ref, True)
    connector.close()

"""Campaigns of the sandbox: one membership per person, statuses with what follows from them."""

from __future__ import annotations

from typing import Any

import pytest
from salesforce_sandbox.sf_face import Client


def campaign(sf: Client, name: str = "Webinar") -> str:
    id: str = sf.act("create", object="Campaign", fields={"Name": name})["id"]
    return id


def put_in(sf: Client, campaign_id: str, lead: str, **more: Any) -> Any:
    body = {"CampaignId": campaign_id, "LeadId": lead, **more}
    return sf.call("POST", "sobjects/CampaignMember", body)


def member(sf: Client, id: str) -> dict[str, Any]:
    return sf.get("CampaignMember", id)


def test_a_person_is_in_a_campaign_once(sf: Client) -> None:
    webinar, lead = campaign(sf), sf.lead()
    assert put_in(sf, webinar, lead).status == 201
    again = put_in(sf, webinar, lead)
    assert (again.status, again.code) == (400, "DUPLICATE_VALUE")
    assert again.json[0]["message"] == "Already a campaign member."
    assert put_in(sf, campaign(sf, "Another"), lead).status == 201
    assert len(sf.values("SELECT Id FROM CampaignMember")) == 2


def test_who_was_taken_out_can_join_again_as_a_new_member(sf: Client) -> None:
    webinar, lead = campaign(sf), sf.lead()
    first = put_in(sf, webinar, lead).json["id"]
    assert sf.call("DELETE", f"sobjects/CampaignMember/{first}").status == 204
    second = put_in(sf, webinar, lead).json["id"]
    assert second != first
    rows = sf.rows("SELECT Id, IsDeleted FROM CampaignMember", all_rows=True)
    assert {(r["Id"], r["IsDeleted"]) for r in rows} == {(first, True), (second, False)}


def test_a_member_is_a_lead_or_a_contact_and_of_a_campaign(sf: Client) -> None:
    webinar, lead = campaign(sf), sf.lead()
    nobody = sf.call("POST", "sobjects/CampaignMember", {"CampaignId": webinar})
    assert (nobody.status, nobody.code) == (400, "FIELD_INTEGRITY_EXCEPTION")
    nowhere = sf.call("POST", "sobjects/CampaignMember", {"LeadId": lead})
    assert nowhere.code == "REQUIRED_FIELD_MISSING"
    moved = put_in(sf, webinar, lead).json["id"]
    other = {"CampaignId": campaign(sf, "Another")}
    assert sf.call("PATCH", f"sobjects/CampaignMember/{moved}", other).status == 400


def test_statuses_belong_to_the_campaign_and_the_first_response_stays(sf: Client) -> None:
    webinar = campaign(sf)
    statuses = "SELECT Label, HasResponded FROM CampaignMemberStatus ORDER BY SortOrder"
    assert [(r["Label"], r["HasResponded"]) for r in sf.rows(statuses)] == [
        ("Sent", False),
        ("Responded", True),
    ]
    attended = {"CampaignId": webinar, "Label": "Attended", "HasResponded": True, "SortOrder": 3}
    sf.act("create", object="CampaignMemberStatus", fields=attended)
    id = put_in(sf, webinar, sf.lead()).json["id"]
    assert (member(sf, id)["Status"], member(sf, id)["HasResponded"]) == ("Sent", False)
    sf.advance(86_400)
    sf.act("update", object="CampaignMember", id=id, fields={"Status": "Attended"})
    first = member(sf, id)["FirstRespondedDate"]
    assert (member(sf, id)["HasResponded"], first) == (True, "2026-11-24")
    sf.advance(86_400)
    sf.act("update", object="CampaignMember", id=id, fields={"Status": "Sent"})
    sf.act("update", object="CampaignMember", id=id, fields={"Status": "Responded"})
    assert member(sf, id)["FirstRespondedDate"] == first


def test_a_status_that_the_campaign_does_not_have_becomes_its_default(sf: Client) -> None:
    id = put_in(sf, campaign(sf), sf.lead(), Status="Attended").json["id"]
    assert member(sf, id)["Status"] == "Sent"


def test_a_change_of_status_moves_the_stamp_and_leaves_the_lead_s_alone(sf: Client) -> None:
    lead = sf.lead()
    id = put_in(sf, campaign(sf), lead).json["id"]
    before = member(sf, id)["SystemModstamp"], sf.get("Lead", lead)["SystemModstamp"]
    sf.advance(60)
    sf.act("update", object="CampaignMember", id=id, fields={"Status": "Responded"})
    assert member(sf, id)["SystemModstamp"] > before[0]
    assert sf.get("Lead", lead)["SystemModstamp"] == before[1]


def test_a_member_that_commits_late_shows_late_with_its_old_stamp(sf: Client) -> None:
    webinar, lead = campaign(sf), sf.lead()
    fields = {"CampaignId": webinar, "LeadId": lead}
    made = sf.act("create", object="CampaignMember", fields=fields, commit_delay_seconds=300)
    assert sf.values("SELECT Id FROM CampaignMember") == []
    sf.advance(301)
    [row] = sf.rows("SELECT Id, CreatedDate FROM CampaignMember")
    assert (row["Id"], row["CreatedDate"]) == (made["id"], made["stamp"])


def test_a_converted_lead_keeps_its_membership_beside_the_contact(sf: Client) -> None:
    lead = sf.lead()
    id = put_in(sf, campaign(sf), lead).json["id"]
    contact = sf.act("convert", id=lead)["contact"]
    assert (member(sf, id)["LeadId"], member(sf, id)["ContactId"]) == (lead, contact)


def test_members_follow_a_merge_and_a_second_one_ends(sf: Client) -> None:
    webinar, other = campaign(sf), campaign(sf, "Another")
    winner, loser = sf.lead(), sf.lead()
    put_in(sf, webinar, winner)
    put_in(sf, webinar, loser)
    put_in(sf, other, loser)
    sf.act("merge", object="Lead", id=winner, losers=[loser])
    rows = sf.rows("SELECT CampaignId, LeadId FROM CampaignMember")
    assert {(r["CampaignId"], r["LeadId"]) for r in rows} == {(webinar, winner), (other, winner)}
    assert len(rows) == 2


@pytest.mark.parametrize("gone", ["Lead", "Campaign"])
def test_members_go_with_the_lead_and_with_the_campaign(sf: Client, gone: str) -> None:
    webinar, lead = campaign(sf), sf.lead()
    put_in(sf, webinar, lead)
    sf.act("delete", object=gone, id=lead if gone == "Lead" else webinar)
    assert sf.values("SELECT Id FROM CampaignMember") == []


def test_without_the_right_members_are_only_looked_at(sf: Client) -> None:
    webinar, lead = campaign(sf), sf.lead()
    sf.face.tune({"permissions": {"CampaignMember": "r"}})
    refused = put_in(sf, webinar, lead)
    assert (refused.status, refused.code) == (403, "INSUFFICIENT_ACCESS_OR_READONLY")
    described = sf.call("GET", "sobjects/CampaignMember/describe").json
    assert (described["createable"], described["deletable"]) == (False, False)

"""Property definitions: what exists, what can be made, what is switched off."""

from __future__ import annotations

from typing import Any

import pytest
from hubspot_sandbox.calls import Account

KEY = {
    "groupName": "task",
    "name": "fairlead_key",
    "label": "fairlead key",
    "type": "string",
    "fieldType": "text",
    "hasUniqueValue": True,
}


@pytest.mark.parametrize("prefix", ["/crm/v3/properties", "/crm/properties/2026-09"])
def test_definitions_are_listed_and_read_one_by_one(account: Account, prefix: str) -> None:
    listed = {p["name"]: p for p in account.get(f"{prefix}/contacts").body["results"]}
    design = (
        "email phone mobilephone firstname lastname jobtitle company website hs_email_domain "
        "country state zip city hs_timezone hs_language industry hs_analytics_source "
        "hs_analytics_source_data_1 recent_conversion_event_name hs_analytics_first_url "
        "numemployees annualrevenue hs_lead_status lifecyclestage createdate lastmodifieddate "
        "hubspot_owner_id hs_email_optout fairlead_reason product_interest"
    )
    assert set(design.split()) <= set(listed)
    assert listed["fairlead_reason"]["hubspotDefined"] is False
    owner = account.get(f"{prefix}/0-1/hubspot_owner_id").body
    assert owner == listed["hubspot_owner_id"]
    assert (owner["type"], owner["externalOptions"], owner["referencedObjectType"]) == (
        "enumeration",
        True,
        "OWNER",
    )
    stages = [o["value"] for o in listed["lifecyclestage"]["options"]]
    assert stages[:3] == ["subscriber", "lead", "marketingqualifiedlead"]
    firms = {p["name"] for p in account.get(f"{prefix}/companies").body["results"]}
    assert {"name", "domain", "numberofemployees", "type", "industry"} <= firms
    missing = account.get(f"{prefix}/contacts/nope")
    assert (missing.status, missing.body["category"]) == (404, "OBJECT_NOT_FOUND")


def test_a_batch_read_of_definitions_names_the_missing(account: Account) -> None:
    body = {"inputs": [{"name": "email"}, {"name": "nope"}]}
    read = account.post("/crm/v3/properties/contacts/batch/read", body)
    assert read.status == 207
    assert [p["name"] for p in read.body["results"]] == ["email"]
    assert read.body["errors"][0]["context"] == {"name": ["nope"]}


def test_a_field_that_is_switched_off_does_not_exist_anywhere(account: Account) -> None:
    account.tune(fields_missing=["tasks.fairlead_key"])
    assert account.get("/crm/v3/properties/tasks/fairlead_key").status == 404
    refused = account.post(
        "/crm/v3/objects/tasks", {"properties": {"hs_timestamp": "1", "fairlead_key": "k"}}
    )
    assert refused.body["errors"][0]["code"] == "PROPERTY_DOESNT_EXIST"
    assert account.get("/crm/v3/objects/tasks/k?idProperty=fairlead_key").status == 400
    id = account.make("tasks", hs_timestamp="1")
    read = account.get(f"/crm/v3/objects/tasks/{id}?properties=fairlead_key").body
    assert "fairlead_key" not in read["properties"]


def test_a_property_is_made_once(account: Account) -> None:
    account.tune(fields_missing=["tasks.fairlead_key"])
    made = account.post("/crm/v3/properties/tasks", KEY)
    assert (made.status, made.body["hasUniqueValue"]) == (201, True)
    assert account.post("/crm/v3/properties/tasks", KEY).status == 409
    account.make("tasks", hs_timestamp="1", fairlead_key="k")
    again = account.post(
        "/crm/v3/objects/tasks", {"properties": {"hs_timestamp": "1", "fairlead_key": "k"}}
    )
    assert again.status == 409


def test_a_new_enumeration_checks_its_options(account: Account) -> None:
    tier = {
        "groupName": "contactinformation",
        "name": "tier",
        "label": "Tier",
        "type": "enumeration",
        "fieldType": "select",
        "options": [{"label": "Gold", "value": "gold"}, {"label": "Tin", "value": "tin"}],
    }
    assert account.post("/crm/v3/properties/contacts", tier).status == 201
    account.make("contacts", tier="gold")
    refused = account.post("/crm/v3/objects/contacts", {"properties": {"tier": "Gold"}})
    assert refused.body["errors"][0]["code"] == "INVALID_OPTION"


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Upper Case"},
        {"type": "text"},
        {"fieldType": "number"},
        {"groupName": "nowhere"},
        {"label": ""},
        {"colour": "red"},
        {"type": "enumeration", "fieldType": "select"},
        {"type": "bool", "fieldType": "booleancheckbox"},
        {"options": [{"label": "A", "value": "a"}]},
    ],
)
def test_a_definition_that_makes_no_sense_is_refused(
    account: Account, change: dict[str, Any]
) -> None:
    refused = account.post("/crm/v3/properties/tasks", {**KEY, "name": "other_key", **change})
    assert (refused.status, refused.body["category"]) == (400, "VALIDATION_ERROR")


def test_a_type_has_at_most_ten_custom_unique_properties(account: Account) -> None:
    statuses = [
        account.post("/crm/v3/properties/tasks", {**KEY, "name": f"key_{n}"}).status
        for n in range(10)
    ]
    assert statuses == [201] * 9 + [400]


def test_groups_can_be_listed_and_added(account: Account) -> None:
    group = {"name": "fairlead", "label": "fairlead"}
    assert account.post("/crm/v3/properties/tasks/groups", group).status == 201
    assert account.post("/crm/v3/properties/tasks/groups", group).status == 409
    listed = account.get("/crm/v3/properties/tasks/groups").body["results"]
    assert {g["name"] for g in listed} == {"task", "fairlead"}
    made = {**KEY, "name": "k2", "groupName": "fairlead"}
    assert account.post("/crm/v3/properties/tasks", made).status == 201

"""What a write may not contain, in HubSpot's own words and codes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hubspot_sandbox.calls import Account, tie


@pytest.mark.parametrize(
    ("kind", "name", "value", "code"),
    [
        ("contacts", "shoe_size", "44", "PROPERTY_DOESNT_EXIST"),
        ("contacts", "createdate", "1767600000000", "READ_ONLY_VALUE"),
        ("contacts", "num_contacted_notes", "3", "READ_ONLY_VALUE"),
        ("contacts", "hs_lead_status", "new", "INVALID_OPTION"),
        ("contacts", "lifecyclestage", "Lead", "INVALID_OPTION"),
        ("contacts", "email", "not-an-address", "INVALID_EMAIL"),
        ("contacts", "hubspot_owner_id", "anna", "INVALID_LONG"),
        ("contacts", "hubspot_owner_id", "12345", "INVALID_LONG"),
        ("contacts", "annualrevenue", "much", "INVALID_DOUBLE"),
        ("contacts", "annualrevenue", " 12", "INVALID_VALUE"),
        ("tasks", "hs_timestamp", "tomorrow", "INVALID_LONG"),
        ("contacts", "message", "x" * 65_537, "PROPERTY_VALUE_TOO_LONG"),
    ],
)
def test_a_bad_value_is_named_in_message_and_in_errors(
    account: Account, kind: str, name: str, value: str, code: str
) -> None:
    given = {"hs_timestamp": "1767600000000"} if kind == "tasks" else {}
    refused = account.post(f"/crm/v3/objects/{kind}", {"properties": {**given, name: value}})
    assert (refused.status, refused.body["category"]) == (400, "VALIDATION_ERROR")
    prefix = "Property values were not valid: "
    embedded = json.loads(refused.body["message"].removeprefix(prefix))
    assert [(e["isValid"], e["error"], e["name"]) for e in embedded] == [(False, code, name)]
    assert refused.body["errors"][0]["code"] == code
    assert refused.body["errors"][0]["context"] == {"propertyName": [name]}
    assert account.get(f"/crm/v3/objects/{kind}").body["results"] == []


def test_a_deactivated_owner_may_not_be_given_records_but_keeps_theirs(account: Account) -> None:
    ben = account.owner("ben@example.com")
    id = account.make("contacts", email="a@acme.example", hubspot_owner_id=ben)
    account.act(op="deactivate_owner", id="ben@example.com")
    other = account.post("/crm/v3/objects/contacts", {"properties": {"hubspot_owner_id": ben}})
    assert other.body["errors"][0]["code"] == "INVALID_LONG"
    read = account.get(f"/crm/v3/objects/contacts/{id}?properties=hubspot_owner_id").body
    assert read["properties"]["hubspot_owner_id"] == ben
    account.act(op="activate_owner", id=ben)
    assert account.make("contacts", hubspot_owner_id=ben)


def test_a_queue_can_own_a_record(account: Account) -> None:
    queue = account.act(op="create_queue", name="Inbound")["id"]
    id = account.make("contacts", email="a@acme.example", hubspot_owner_id=queue)
    read = account.get(f"/crm/v3/objects/contacts/{id}?properties=hubspot_owner_id").body
    assert read["properties"]["hubspot_owner_id"] == queue


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"properties": None},
        {"properties": {"city": None}},
        {"properties": {"city": ["Oslo"]}},
        {"properties": {"city": "Oslo"}, "colour": "red"},
    ],
)
def test_a_body_of_another_shape_is_refused(account: Account, body: Any) -> None:
    refused = account.post("/crm/v3/objects/contacts", body)
    assert refused.status == 400
    assert "nvalid" in refused.body["message"]
    assert account.get("/crm/v3/objects/contacts").body["results"] == []


def test_a_body_that_is_not_json_is_refused(account: Account) -> None:
    refused = account.call("POST", "/crm/v3/objects/contacts", raw=b"{oops")
    assert refused.body["message"].startswith("Invalid input JSON on line 1")


def test_an_email_belongs_to_one_contact(account: Account) -> None:
    first = account.make("contacts", email="a@acme.example")
    again = account.post("/crm/v3/objects/contacts", {"properties": {"email": "A@ACME.example"}})
    assert again.status == 409
    assert again.body["message"] == f"Contact already exists. Existing ID: {first}"
    assert again.body["category"] == "CONFLICT"
    second = account.make("contacts", email="b@acme.example")
    moved = account.patch(f"/crm/v3/objects/contacts/{second}", email="a@acme.example")
    assert moved.status == 409
    account.patch(f"/crm/v3/objects/contacts/{first}", email="c@acme.example")
    assert account.patch(f"/crm/v3/objects/contacts/{second}", email="a@acme.example").status == 200


def test_the_email_of_an_archived_contact_is_free_again(account: Account) -> None:
    first = account.make("contacts", email="a@acme.example")
    account.call("DELETE", f"/crm/v3/objects/contacts/{first}")
    account.make("contacts", email="a@acme.example")
    with pytest.raises(ValueError, match="already exists"):
        account.act(op="restore", object="contacts", id=first)


@pytest.mark.parametrize("status", [409, 400])
def test_a_unique_value_belongs_to_one_record(account: Account, status: int) -> None:
    account.tune(unique_conflict_status=status)
    first = account.make("tasks", hs_timestamp="1767600000000", fairlead_key="k-1")
    again = account.post(
        "/crm/v3/objects/tasks",
        {"properties": {"hs_timestamp": "1767600000000", "fairlead_key": "k-1"}},
    )
    assert again.status == status
    assert again.body["message"].endswith(f"{first} already has that value.")
    assert again.body["category"] == ("CONFLICT" if status == 409 else "VALIDATION_ERROR")


def test_the_lifecycle_stage_only_moves_forward(account: Account) -> None:
    id = account.make("contacts", email="a@acme.example", lifecyclestage="opportunity")
    path = f"/crm/v3/objects/contacts/{id}"
    back = account.patch(path, lifecyclestage="lead")
    assert back.status == 200
    assert back.body["properties"]["lifecyclestage"] == "opportunity"
    account.patch(path, lifecyclestage="")
    assert account.patch(path, lifecyclestage="lead").body["properties"]["lifecyclestage"] == "lead"


def test_a_leading_semicolon_adds_to_several_values(account: Account) -> None:
    a, b = account.owner("anna@example.com"), account.owner("ben@example.com")
    id = account.make("deals", dealname="D", hs_all_collaborator_owner_ids=a)
    path = f"/crm/v3/objects/deals/{id}"
    body = account.patch(path, hs_all_collaborator_owner_ids=f";{b}").body
    assert body["properties"]["hs_all_collaborator_owner_ids"] == f"{a};{b}"
    body = account.patch(path, hs_all_collaborator_owner_ids=b).body
    assert body["properties"]["hs_all_collaborator_owner_ids"] == b


@pytest.mark.parametrize("kind", ["tasks", "calls", "notes", "meetings", "emails"])
def test_an_activity_needs_its_time(account: Account, kind: str) -> None:
    refused = account.post(f"/crm/v3/objects/{kind}", {"properties": {}})
    assert refused.status == 400
    assert refused.body["context"] == {"properties": ["hs_timestamp"]}


def test_a_lead_needs_a_name_and_its_primary_contact(account: Account) -> None:
    contact = account.make("contacts", email="a@acme.example")
    path = "/crm/v3/objects/leads"
    named = {"hs_lead_name": "Ann"}
    assert account.post(path, {"properties": named}).status == 400
    loose = account.post(path, {"properties": named, "associations": [tie(contact, 608)]})
    assert loose.status == 400
    nameless = account.post(path, {"properties": {}, "associations": [tie(contact, 578)]})
    assert nameless.body["context"] == {"properties": ["hs_lead_name"]}
    ghost = account.post(path, {"properties": named, "associations": [tie("999", 578)]})
    assert ghost.body["context"]["INVALID_OBJECT_IDS"] == ["CONTACT=999 is not valid"]
    made = account.post(path, {"properties": named, "associations": [tie(contact, 578)]})
    assert made.status == 201

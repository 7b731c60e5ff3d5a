"""How the sandbox keeps work with a contact, and what it calculates from it, late and forgetful."""

from __future__ import annotations

from typing import Any

import pytest
from hubspot_sandbox.calls import Account, eq, where

FACTS = (
    "notes_last_contacted,num_contacted_notes,hs_first_outreach_date,hs_sa_first_engagement_date,"
    "hs_first_engagement_object_id,hs_time_to_first_engagement,hs_is_unworked"
)


def facts(account: Account, contact: str) -> dict[str, Any]:
    read = account.get(f"/crm/v3/objects/contacts/{contact}?properties={FACTS}")
    return dict(read.body["properties"])


def owned(account: Account, email: str) -> str:
    owner = account.owner(email)
    fields = {"hubspot_owner_id": owner}
    id: str = account.act(op="create", object="contacts", fields=fields)["id"]
    account.pass_seconds(30)
    return id


def show(account: Account, kind: str, id: str, names: str) -> dict[str, Any]:
    return dict(account.get(f"/crm/v3/objects/{kind}/{id}?properties={names}").body["properties"])


def test_a_call_names_who_made_it_and_for_which_owner(account: Account) -> None:
    contact = owned(account, "anna@example.com")
    order = {"op": "log", "object": "calls", "contact": contact, "user": "anna@example.com"}
    call = account.act(**order, seconds=12)["id"]
    names = "hs_call_duration,hubspot_owner_id,hs_created_by_user_id,hs_object_source"
    properties = show(account, "calls", call, names)
    owners = account.get("/crm/v3/owners?email=anna@example.com").body["results"]
    assert properties["hs_call_duration"] == "12000"
    assert properties["hubspot_owner_id"] == owners[0]["id"]
    assert properties["hs_created_by_user_id"] == str(owners[0]["userId"])
    assert properties["hs_object_source"] == "CRM_UI"


def test_work_is_logged_with_a_contact_that_is_named_by_its_address(account: Account) -> None:
    contact = owned(account, "anna@example.com")
    named = {"op": "update", "object": "contacts", "id": contact}
    account.act(**named, fields={"email": "x@acme.example"})
    order = {"op": "log", "object": "calls", "contact": "X@acme.example"}
    account.act(**order, user="anna@example.com")
    account.pass_seconds(10)
    assert facts(account, contact)["notes_last_contacted"] is not None


def test_logged_work_shows_on_the_contact_some_seconds_later(account: Account) -> None:
    contact = owned(account, "anna@example.com")
    order = {"op": "log", "object": "calls", "contact": contact, "user": "anna@example.com"}
    call = account.act(**order)["id"]
    assert facts(account, contact)["notes_last_contacted"] is None
    account.pass_seconds(10)
    shown = facts(account, contact)
    assert shown["notes_last_contacted"] == "2026-01-05T09:00:30Z"
    assert shown["hs_first_outreach_date"] == shown["hs_sa_first_engagement_date"]
    assert shown["hs_first_engagement_object_id"] == call
    assert shown["hs_time_to_first_engagement"] == "30000"
    assert shown["hs_is_unworked"] == "false"


def test_a_new_owner_erases_the_first_engagement_but_not_the_last_contact(
    account: Account,
) -> None:
    contact = owned(account, "anna@example.com")
    account.act(op="log", object="calls", contact=contact, user="anna@example.com")
    account.pass_seconds(10)
    ben = account.owner("ben@example.com")
    account.act(op="update", object="contacts", id=contact, fields={"hubspot_owner_id": ben})
    account.pass_seconds(10)
    shown = facts(account, contact)
    assert shown["hs_sa_first_engagement_date"] == ""
    assert shown["hs_first_engagement_object_id"] == ""
    assert shown["hs_first_outreach_date"] == "2026-01-05T09:00:30Z"
    assert shown["notes_last_contacted"] == "2026-01-05T09:00:30Z"


def test_work_of_somebody_else_is_no_engagement_of_the_owner(account: Account) -> None:
    contact = owned(account, "anna@example.com")
    account.owner("ben@example.com")
    account.act(op="log", object="calls", contact=contact, user="ben@example.com")
    account.pass_seconds(10)
    shown = facts(account, contact)
    assert shown["hs_sa_first_engagement_date"] is None
    assert shown["hs_first_outreach_date"] == "2026-01-05T09:00:30Z"


def test_work_logged_after_the_fact_keeps_its_own_time_and_not_the_last(account: Account) -> None:
    contact = owned(account, "anna@example.com")
    log = {"op": "log", "object": "calls", "contact": contact}
    account.act(**log)
    late = account.act(**log, at="2026-01-04T09:00:00Z")["id"]
    account.pass_seconds(10)
    properties = show(account, "calls", late, "hs_timestamp,hs_createdate")
    assert properties["hs_timestamp"] < properties["hs_createdate"]
    assert facts(account, contact)["notes_last_contacted"] == "2026-01-05T09:00:30Z"


@pytest.mark.parametrize("kind", ["notes", "emails"])
def test_notes_and_received_mail_are_no_contact_made(account: Account, kind: str) -> None:
    contact = owned(account, "anna@example.com")
    more = {"incoming": True} if kind == "emails" else {}
    account.act(op="log", object=kind, contact=contact, **more)
    account.pass_seconds(10)
    assert facts(account, contact)["notes_last_contacted"] is None


def test_the_index_shows_logged_work_later_than_its_associations(account: Account) -> None:
    contact = owned(account, "anna@example.com")
    account.tune(search_lag_seconds=30)
    call = account.act(op="log", object="calls", contact=contact)["id"]
    body = {"inputs": [{"id": contact}]}
    read = account.post("/crm/v4/associations/contacts/calls/batch/read", body).body
    assert [t["toObjectId"] for t in read["results"][0]["to"]] == [int(call)]
    filters = eq("associations.contact", contact), where("hs_timestamp", "GTE", value="1")
    assert account.found("calls", *filters) == []
    account.pass_seconds(31)
    assert account.found("calls", *filters) == [call]


def test_captured_mail_is_no_record(account: Account) -> None:
    contact = owned(account, "anna@example.com")
    order = {"op": "log", "object": "emails", "contact": contact}
    assert account.act(**order, captured=True) == {"id": None}
    assert account.get("/crm/v3/objects/emails").body["results"] == []


def test_without_the_mail_scope_all_but_the_direction_of_mail_is_hidden(account: Account) -> None:
    contact = owned(account, "anna@example.com")
    order = {"op": "log", "object": "emails", "contact": contact, "incoming": True}
    mail = account.act(**order, fields={"hs_email_subject": "Hello"}, sequence="7")["id"]
    names = "hs_email_subject,hs_email_status,hs_email_direction"
    assert show(account, "emails", mail, names)["hs_email_subject"] == "Hello"
    account.tune(missing_scopes=["sales-email-read"])
    properties = show(account, "emails", mail, names)
    assert properties["hs_email_direction"] == "INCOMING_EMAIL"
    assert (properties["hs_email_subject"], properties["hs_email_status"]) == (None, None)


def test_a_completed_task_names_when_and_an_opened_one_forgets(account: Account) -> None:
    due = {"hs_timestamp": "1767603600000"}
    task = account.act(op="create", object="tasks", fields=due)["id"]
    account.pass_seconds(5)
    done = {"hs_task_status": "COMPLETED"}
    account.act(op="update", object="tasks", id=task, fields=done)
    shown = show(account, "tasks", task, "hs_task_completion_date")
    assert shown["hs_task_completion_date"] == "2026-01-05T09:00:05Z"
    account.act(op="update", object="tasks", id=task, fields={"hs_task_status": "WAITING"})
    shown = show(account, "tasks", task, "hs_task_completion_date")
    assert shown["hs_task_completion_date"] == ""


def test_a_lead_s_work_is_logged_with_its_primary_contact(account: Account) -> None:
    contact = owned(account, "anna@example.com")
    kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 578}
    lead = account.act(
        op="create",
        object="leads",
        fields={"hs_lead_name": "A lead"},
        associations=[{"to": {"id": contact}, "types": [kind]}],
    )["id"]
    call = account.act(op="log", object="calls", lead=lead)["id"]
    ties = account.get(f"/crm/v4/objects/calls/{call}/associations/contacts").body["results"]
    assert [t["toObjectId"] for t in ties] == [int(contact)]


def test_many_associations_of_one_record_come_in_pages(account: Account) -> None:
    contact = owned(account, "anna@example.com")
    tie = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}
    items = [{"hs_timestamp": "1767603600000"}] * 501
    ties = [{"to": {"id": contact}, "types": [tie]}]
    account.act(op="create", object="notes", items=items, associations=ties, settled=True)
    path = "/crm/v4/associations/contacts/notes/batch/read"
    [first] = account.post(path, {"inputs": [{"id": contact}]}).body["results"]
    after = first["paging"]["next"]["after"]
    [rest] = account.post(path, {"inputs": [{"id": contact, "after": after}]}).body["results"]
    ids = [t["toObjectId"] for t in (*first["to"], *rest["to"])]
    assert (len(first["to"]), len(set(ids)), "paging" in rest) == (500, 501, False)
    assert account.post(path, {"inputs": [{"id": contact, "after": "x"}]}).status == 400


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"object": "tasks"}, "object: one of"),
        ({"object": "faxes"}, "object: one of"),
        ({"object": "calls", "contact": None, "lead": "1"}, "there is no lead"),
        ({"object": "calls", "contact": "1"}, "no live contact"),
        ({"object": "calls", "lead": "1"}, "a contact or a lead"),
        ({"object": "notes", "incoming": True}, "have no direction"),
        ({"object": "emails", "seconds": 3}, "have no duration"),
        ({"object": "calls", "sequence": "7"}, "not sent by sequences"),
        ({"object": "calls", "captured": True}, "only e-mails"),
        ({"object": "calls", "at": "yesterday"}, "at is not an instant"),
        ({"object": "calls", "owner": "9"}, "400"),
        ({"object": "calls", "loud": True}, "does not take loud"),
    ],
)
def test_orders_that_make_no_sense_are_refused(
    account: Account, order: dict[str, Any], words: str
) -> None:
    known = {"contact": owned(account, "anna@example.com")}
    order = {k: v for k, v in {**known, **order}.items() if v is not None}
    with pytest.raises(ValueError, match=words):
        account.act(op="log", **order)
    assert account.get("/crm/v3/objects/calls").body["results"] == []

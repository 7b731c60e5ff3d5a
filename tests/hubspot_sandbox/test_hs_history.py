"""Who changed what: the history of a property names its source."""

from __future__ import annotations

from typing import Any

import pytest
from hubspot_sandbox.calls import Account

from fairlead_hubspot.sandbox.portal import APP_ID, OTHER_APP_ID


def owner_history(account: Account, id: str) -> list[dict[str, Any]]:
    read = account.post(
        "/crm/v3/objects/contacts/batch/read",
        {"inputs": [{"id": id}], "propertiesWithHistory": ["hubspot_owner_id"]},
    )
    entries: list[dict[str, Any]] = read.body["results"][0]["propertiesWithHistory"][
        "hubspot_owner_id"
    ]
    return entries


def test_each_actor_leaves_its_own_mark_newest_first(account: Account) -> None:
    made = [account.act(op="create_owner", email=f"{n}@example.com") for n in "abcd"]
    owners = [m["id"] for m in made]
    id = account.make("contacts", email="x@acme.example", hubspot_owner_id=owners[0])
    for actor, owner in zip(("person", "tool", "workflow"), owners[1:], strict=True):
        account.pass_seconds(1)
        user = {"user": "a@example.com"} if actor == "person" else {}
        account.act(
            as_=actor,
            op="update",
            object="contacts",
            id=id,
            fields={"hubspot_owner_id": owner},
            **user,
        )
    history = owner_history(account, id)
    assert [h["value"] for h in history] == [owners[3], owners[2], owners[1], owners[0]]
    assert [h["timestamp"] for h in history] == sorted(
        (h["timestamp"] for h in history), reverse=True
    )
    user_id = int(made[0]["user_id"])
    marks = [{k: v for k, v in h.items() if k not in ("value", "timestamp")} for h in history]
    assert marks[0]["sourceType"] == "AUTOMATION_PLATFORM"
    assert marks[1:] == [
        {"sourceType": "INTEGRATION", "sourceId": OTHER_APP_ID},
        {
            "sourceType": "CRM_UI",
            "sourceId": f"userId:{user_id}",
            "updatedByUserId": user_id,
        },
        {"sourceType": "INTEGRATION", "sourceId": APP_ID},
    ]


def test_the_user_of_a_change_is_found_among_the_owners(account: Account) -> None:
    account.owner("a@example.com")
    id = account.make("contacts", email="x@acme.example")
    ben = account.owner("ben@example.com")
    account.act(op="update", object="contacts", id=id, user=ben, fields={"hubspot_owner_id": ben})
    user_id = owner_history(account, id)[0]["updatedByUserId"]
    found = account.get(f"/crm/v3/owners/{user_id}?idProperty=userId").body
    assert found["id"] == ben


def test_clearing_and_never_set_differ_in_history(account: Account) -> None:
    ben = account.owner("ben@example.com")
    id = account.make("contacts", email="x@acme.example")
    assert owner_history(account, id) == []
    account.patch(f"/crm/v3/objects/contacts/{id}", hubspot_owner_id=ben)
    account.pass_seconds(1)
    account.patch(f"/crm/v3/objects/contacts/{id}", hubspot_owner_id="")
    assert [h["value"] for h in owner_history(account, id)] == ["", ben]


def test_the_assigned_date_follows_the_owner(account: Account) -> None:
    ben = account.owner("ben@example.com")
    id = account.make("contacts", email="x@acme.example")
    account.pass_seconds(30)
    path = f"/crm/v3/objects/contacts/{id}"
    body = account.patch(path, hubspot_owner_id=ben).body
    assert body["properties"]["hubspot_owner_assigneddate"] == "2026-01-05T09:00:30Z"
    account.pass_seconds(30)
    account.patch(path, hubspot_owner_id=ben)
    read = account.get(f"{path}?properties=hubspot_owner_assigneddate").body
    assert read["properties"]["hubspot_owner_assigneddate"] == "2026-01-05T09:00:30Z"


@pytest.mark.parametrize("bumps", [False, True])
def test_whether_a_write_of_the_same_value_bumps_is_a_knob(account: Account, bumps: bool) -> None:
    account.tune(noop_bumps=bumps)
    id = account.make("deals", dealname="Same")
    account.pass_seconds(5)
    before = account.get(f"/crm/v3/objects/deals/{id}").body["updatedAt"]
    after = account.patch(f"/crm/v3/objects/deals/{id}", dealname="Same").body["updatedAt"]
    assert (after > before) is bumps


def test_a_workflow_can_answer_every_assignment_of_ours(account: Account) -> None:
    ben, carla = account.owner("ben@example.com"), account.owner("carla@example.com")
    id = account.make("contacts", email="x@acme.example")
    account.tune(workflow_owner=carla)
    account.patch(f"/crm/v3/objects/contacts/{id}", hubspot_owner_id=ben)
    history = owner_history(account, id)
    assert [h["value"] for h in history] == [carla, ben]
    assert history[0]["sourceType"] == "AUTOMATION_PLATFORM"


def test_the_audit_knows_the_actor_and_the_request(account: Account) -> None:
    with account.org.lock:
        seq = account.org.begin_request()
        id = account.make("contacts", email="x@acme.example")
        account.org.end_request(seq, "POST", "/crm/v3/objects/contacts", 201, "app")
    [write] = [w for w in account.org.writes if w.table == "contacts"]
    assert (write.op, write.id, write.who.kind, write.request) == (
        "create",
        id,
        "integration",
        seq,
    )

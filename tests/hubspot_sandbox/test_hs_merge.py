"""Merges make a third record; the two old ids lead to it, except where they do not."""

from __future__ import annotations

from typing import Any

import pytest
from hubspot_sandbox.calls import Account, tie


@pytest.fixture
def merged(account: Account) -> tuple[Account, str, str, str]:
    ben = account.owner("ben@example.com")
    a = account.make("contacts", email="a@acme.example", city="Oslo")
    account.pass_seconds(60)
    b = account.make("contacts", email="b@acme.example", city="Rome", hubspot_owner_id=ben)
    body = {"primaryObjectId": a, "objectIdToMerge": b}
    done = account.post("/crm/v3/objects/contacts/merge", body)
    assert done.status == 200
    return account, a, b, done.body["id"]


Merged = tuple[Account, str, str, str]


def test_the_survivor_has_a_new_id_and_the_primarys_values(merged: Merged) -> None:
    account, a, b, c = merged
    assert c not in (a, b)
    names = "email,city,hubspot_owner_id,hs_merged_object_ids,hs_calculated_merged_vids"
    body = account.get(f"/crm/v3/objects/contacts/{c}?properties={names},hs_additional_emails").body
    values = body["properties"]
    assert (values["email"], values["city"]) == ("a@acme.example", "Oslo")
    assert values["hubspot_owner_id"]
    assert values["hs_merged_object_ids"] == f"{a};{b}"
    assert values["hs_calculated_merged_vids"] == f"{a}:1767603660000;{b}:1767603660000"
    assert values["hs_additional_emails"] == "b@acme.example"
    assert body["createdAt"] == "2026-01-05T09:00:00Z"


@pytest.mark.parametrize("which", [1, 2])
def test_old_ids_lead_to_the_survivor_on_get_patch_and_batch_read(
    merged: Merged, which: int
) -> None:
    account, c, old = merged[0], merged[3], str(merged[which])
    path = f"/crm/v3/objects/contacts/{old}"
    assert account.get(path).body["id"] == c
    assert account.patch(path, city="Bergen").body["id"] == c
    read = account.post("/crm/v3/objects/contacts/batch/read", {"inputs": [{"id": old}]})
    assert read.status == 200
    assert [r["id"] for r in read.body["results"]] == [c]


def test_both_addresses_lead_to_the_survivor(merged: Merged) -> None:
    account, _, _, c = merged
    for email in ("a@acme.example", "b@acme.example"):
        assert account.get(f"/crm/v3/objects/contacts/{email}?idProperty=email").body["id"] == c
    again = account.post("/crm/v3/objects/contacts", {"properties": {"email": "b@acme.example"}})
    assert again.status == 409


@pytest.mark.parametrize(("knob", "status"), [("left_out", 200), ("error", 207)])
def test_a_batch_update_does_nothing_for_an_old_id(merged: Merged, knob: str, status: int) -> None:
    account, a, _, c = merged
    account.tune(merged_in_batch_update=knob)
    inputs: list[dict[str, Any]] = [{"id": a, "properties": {"city": "Bergen"}}]
    done = account.post("/crm/v3/objects/contacts/batch/update", {"inputs": inputs})
    assert (done.status, done.body["results"]) == (status, [])
    read = account.get(f"/crm/v3/objects/contacts/{c}?properties=city").body
    assert read["properties"]["city"] == "Oslo"


def test_neither_old_record_is_listed_or_found(merged: Merged) -> None:
    account, _, _, c = merged
    account.pass_seconds(60)
    assert account.found("contacts") == [c]
    for query in ("", "?archived=true"):
        listed = account.get(f"/crm/v3/objects/contacts{query}").body["results"]
        assert [r["id"] for r in listed] == ([] if query else [c])


def test_history_and_associations_move_along(account: Account) -> None:
    ben = account.owner("ben@example.com")
    a, b = (account.make("contacts", email=f"{n}@acme.example") for n in "ab")
    account.act(op="update", object="contacts", id=b, fields={"hubspot_owner_id": ben})
    task = account.post(
        "/crm/v3/objects/tasks",
        {"properties": {"hs_timestamp": "1767600000000"}, "associations": [tie(b, 204)]},
    ).body["id"]
    c = account.act(op="merge", object="contacts", id=b, into=a)["id"]
    body = account.get(
        f"/crm/v3/objects/contacts/{c}?associations=tasks&propertiesWithHistory=hubspot_owner_id"
    ).body
    assert body["associations"]["tasks"]["results"][0]["id"] == task
    assert body["propertiesWithHistory"]["hubspot_owner_id"][0]["sourceType"] == "CRM_UI"


def test_a_chain_of_merges_leads_to_the_last(merged: Merged) -> None:
    account, a, _, c = merged
    d = account.make("contacts", email="d@acme.example")
    body = {"primaryObjectId": d, "objectIdToMerge": c}
    e = account.post("/crm/v3/objects/contacts/merge", body).body["id"]
    assert account.get(f"/crm/v3/objects/contacts/{a}").body["id"] == e
    ids = account.get(f"/crm/v3/objects/contacts/{e}?properties=hs_merged_object_ids").body
    assert set(ids["properties"]["hs_merged_object_ids"].split(";")) == {
        d,
        c,
        *merged[1:3],
    }


def test_leads_cannot_be_merged_nor_a_record_with_itself(account: Account) -> None:
    a = account.make("contacts", email="a@acme.example")
    body = {"primaryObjectId": a, "objectIdToMerge": a}
    assert account.post("/crm/v3/objects/contacts/merge", body).status == 400
    assert account.post("/crm/v3/objects/leads/merge", body).status == 404
    missing = {"primaryObjectId": a, "objectIdToMerge": "999"}
    assert account.post("/crm/v3/objects/contacts/merge", missing).status == 404


def test_the_audit_calls_it_a_merge(merged: Merged) -> None:
    account, a, b, c = merged
    assert [(w.id, w.changes["merged_into"][1]) for w in account.org.writes if w.op == "merge"] == [
        (a, c),
        (b, c),
    ]

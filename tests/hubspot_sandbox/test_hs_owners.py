"""Owners: people and queues, active and archived."""

from __future__ import annotations

import pytest
from hubspot_sandbox.calls import Account


@pytest.mark.parametrize("path", ["/crm/v3/owners", "/crm/v3/owners/", "/crm/owners/2026-09"])
def test_owners_are_listed_under_all_paths(account: Account, path: str) -> None:
    account.owner("ben@example.com")
    queue = account.act(op="create_queue", name="Inbound")["id"]
    owners = {o["email"] or o["firstName"]: o for o in account.get(path).body["results"]}
    assert set(owners) == {"admin@example.com", "ben@example.com", "Inbound"}
    ben = owners["ben@example.com"]
    assert (ben["type"], ben["archived"], ben["firstName"]) == ("PERSON", False, "Ben")
    assert ben["userId"] == ben["userIdIncludingInactive"] != int(ben["id"])
    inbound = owners["Inbound"]
    assert (inbound["id"], inbound["type"], inbound["userId"]) == (queue, "QUEUE", None)


def test_an_owner_is_read_by_owner_id_or_user_id(account: Account) -> None:
    made = account.act(op="create_owner", email="ben@example.com", team="EMEA")
    by_id = account.get(f"/crm/v3/owners/{made['id']}").body
    by_user = account.get(f"/crm/v3/owners/{made['user_id']}?idProperty=userId").body
    assert by_id == by_user
    assert by_id["teams"][0]["name"] == "EMEA"
    assert account.get(f"/crm/v3/owners/{made['user_id']}").status == 404
    assert account.get(f"/crm/v3/owners/{made['id']}?idProperty=email").status == 400


def test_a_deactivated_owner_is_only_among_the_archived(account: Account) -> None:
    made = account.act(op="create_owner", email="ben@example.com")
    account.act(op="deactivate_owner", id=made["id"])
    live = account.get("/crm/v3/owners").body["results"]
    assert [o["email"] for o in live] == ["admin@example.com"]
    [gone] = account.get("/crm/v3/owners?archived=true").body["results"]
    assert (gone["archived"], gone["userId"]) == (True, None)
    assert gone["userIdIncludingInactive"] == int(made["user_id"])
    assert account.get(f"/crm/v3/owners/{made['id']}").status == 404
    assert account.get(f"/crm/v3/owners/{made['id']}?archived=true").status == 200
    users = account.get("/crm/v3/objects/users?properties=hs_email,hs_deactivated").body["results"]
    flags = {u["properties"]["hs_email"]: u["properties"]["hs_deactivated"] for u in users}
    assert flags == {"admin@example.com": "false", "ben@example.com": "true"}


def test_owners_are_filtered_and_paged(account: Account) -> None:
    for n in range(4):
        account.owner(f"rep{n}@example.com")
    found = account.get("/crm/v3/owners?email=REP2@example.com").body["results"]
    assert [o["email"] for o in found] == ["rep2@example.com"]
    seen: list[str] = []
    target = "/crm/v3/owners/?limit=2"
    while target:
        page = account.get(target).body
        seen += [o["email"] for o in page["results"]]
        link = page.get("paging", {}).get("next", {}).get("link", "")
        target = link.removeprefix("http://127.0.0.1:4010")
    assert sorted(seen) == ["admin@example.com", *(f"rep{n}@example.com" for n in range(4))]
    assert account.get("/crm/v3/owners?limit=501").status == 400
    assert account.get("/crm/v3/owners?team=EMEA").status == 400

"""Two stores: the index trails, values are live, dates bump twice."""

from __future__ import annotations

import pytest
from hubspot_sandbox.calls import Account, eq, where


def modified(account: Account, kind: str, id: str) -> str:
    text: str = account.get(f"/crm/v3/objects/{kind}/{id}").body["updatedAt"]
    return text


def test_a_new_record_is_found_only_after_the_lag(account: Account) -> None:
    account.tune(search_lag_seconds=5)
    id = account.make("contacts", email="a@acme.example")
    assert account.get(f"/crm/v3/objects/contacts/{id}").status == 200
    account.pass_seconds(4.9)
    assert account.found("contacts", eq("email", "a@acme.example")) == []
    account.pass_seconds(0.2)
    assert account.found("contacts", eq("email", "a@acme.example")) == [id]


def test_the_lag_is_drawn_between_two_and_ten_seconds(account: Account) -> None:
    ids = {account.make("companies", name=f"C{n}") for n in range(40)}
    account.pass_seconds(1.9)
    assert account.found("companies", limit=100) == []
    account.pass_seconds(4)
    half = account.found("companies", limit=100)
    assert 0 < len(half) < 40
    account.pass_seconds(4.2)
    assert set(account.found("companies", limit=100)) == ids


def test_search_matches_the_old_value_and_shows_the_new(account: Account) -> None:
    account.tune(search_lag_seconds=5)
    id = account.make("contacts", email="a@acme.example")
    account.pass_seconds(30)
    account.patch(f"/crm/v3/objects/contacts/{id}", email="b@acme.example")
    stale = account.search("contacts", eq("email", "a@acme.example")).body["results"]
    assert [r["properties"]["email"] for r in stale] == ["b@acme.example"]
    assert account.found("contacts", eq("email", "b@acme.example")) == []
    account.pass_seconds(6)
    assert account.found("contacts", eq("email", "a@acme.example")) == []
    assert account.found("contacts", eq("email", "b@acme.example")) == [id]


def test_an_archived_record_is_gone_from_search_at_once(account: Account) -> None:
    account.tune(search_lag_seconds=5)
    id = account.make("contacts", email="a@acme.example")
    account.pass_seconds(30)
    account.call("DELETE", f"/crm/v3/objects/contacts/{id}")
    assert account.found("contacts") == []
    account.act(op="restore", object="contacts", id=id)
    assert account.found("contacts") == []
    account.pass_seconds(6)
    assert account.found("contacts") == [id]


def test_a_record_archived_before_it_was_indexed_never_appears(account: Account) -> None:
    id = account.make("contacts", email="a@acme.example")
    account.call("DELETE", f"/crm/v3/objects/contacts/{id}")
    account.pass_seconds(60)
    assert account.found("contacts") == []


def test_two_changes_of_one_record_are_indexed_in_order(account: Account) -> None:
    account.tune(search_lag_seconds=[1, 60])
    id = account.make("companies", name="One")
    for n in range(20):
        account.pass_seconds(0.1)
        account.patch(f"/crm/v3/objects/companies/{id}", name=f"Name {n}")
    account.pass_seconds(100)
    assert account.found("companies", eq("name", "name 19")) == [id]


@pytest.mark.parametrize(
    ("kind", "earliest", "latest"), [("contacts", 1.8, 25.0), ("companies", 0.7, 4.8)]
)
def test_the_modified_date_bumps_once_more_after_a_create(
    account: Account, kind: str, earliest: float, latest: float
) -> None:
    id = account.make(kind)
    created = modified(account, kind, id)
    account.pass_seconds(earliest - 0.1)
    assert modified(account, kind, id) == created
    account.pass_seconds(latest - earliest + 0.2)
    bumped = modified(account, kind, id)
    assert bumped > created
    account.pass_seconds(600)
    assert modified(account, kind, id) == bumped
    assert account.get(f"/crm/v3/objects/{kind}/{id}").body["createdAt"] == created


def test_tasks_and_deals_do_not_bump(account: Account) -> None:
    for kind, given in (("tasks", {"hs_timestamp": "1767600000000"}), ("deals", {})):
        id = account.make(kind, **given)
        created = modified(account, kind, id)
        account.pass_seconds(600)
        assert modified(account, kind, id) == created


def test_a_poller_by_modified_date_meets_a_new_contact_twice(account: Account) -> None:
    account.tune(search_lag_seconds=2, bump_seconds=20)
    id = account.make("contacts", email="a@acme.example")
    seen = set()
    for _ in range(40):
        account.pass_seconds(1)
        for r in account.search("contacts", where("lastmodifieddate", "GTE", value="0")).body[
            "results"
        ]:
            seen.add((r["id"], r["updatedAt"]))
    assert {i for i, _ in seen} == {id}
    assert len(seen) == 2


def test_calculated_values_change_without_a_new_modified_date(account: Account) -> None:
    id = account.make("contacts", email="a@acme.example")
    account.pass_seconds(60)
    before = modified(account, "contacts", id)
    account.act(op="create", object="calls", fields={"hs_timestamp": "1767603650000"})
    call = account.make("calls", hs_timestamp="1767603650000")
    path = f"/crm/v4/objects/calls/{call}/associations/default/contacts/{id}"
    assert account.call("PUT", path).status == 200
    account.pass_seconds(11)
    read = account.get(
        f"/crm/v3/objects/contacts/{id}?properties=notes_last_contacted,num_contacted_notes"
    ).body
    assert read["properties"]["notes_last_contacted"] == "2026-01-05T09:00:50Z"
    assert read["properties"]["num_contacted_notes"] == "1"
    assert read["updatedAt"] == before


def test_incoming_mail_notes_and_tasks_are_no_outreach(account: Account) -> None:
    id = account.make("contacts", email="a@acme.example")
    at = {"hs_timestamp": "1767600000000"}
    mail = account.make("emails", hs_email_direction="INCOMING_EMAIL", **at)
    for kind, act in (("emails", mail), ("tasks", account.make("tasks", **at))):
        account.call("PUT", f"/crm/v4/objects/{kind}/{act}/associations/default/contacts/{id}")
    account.pass_seconds(60)
    read = account.get(f"/crm/v3/objects/contacts/{id}?properties=notes_last_contacted").body
    assert read["properties"]["notes_last_contacted"] is None


def test_old_data_can_be_laid_down_settled(account: Account) -> None:
    made = account.act(
        as_="system",
        op="create",
        object="contacts",
        fields={"email": "old@acme.example"},
        at="2024-03-01T08:00:00Z",
        settled=True,
    )
    assert account.found("contacts", eq("email", "old@acme.example")) == [made["id"]]
    body = account.get(f"/crm/v3/objects/contacts/{made['id']}").body
    assert body["createdAt"] == body["updatedAt"] == "2024-03-01T08:00:00Z"


def test_the_index_can_go_blind_and_its_paging_can_go_wrong(account: Account) -> None:
    account.tune(search_lag_seconds=None, search_per_second=100)
    for n in range(3):
        account.make("companies", name=f"C{n}")
    account.tune(search_blind=True)
    assert account.search("companies").body == {"total": 0, "results": []}
    account.tune(search_blind=False, search_paging="empty_next")
    empty = account.search("companies").body
    assert (empty["results"], empty["paging"]) == ([], {"next": {"after": "10"}})
    account.tune(search_paging="no_next")
    assert "paging" not in account.search("companies", limit=1).body
    account.tune(search_paging="repeat")
    first = account.found("companies", limit=2, sorts=["name"])
    assert account.found("companies", limit=2, after=2, sorts=["name"]) == first


def test_reads_by_id_can_trail_too(account: Account) -> None:
    id = account.make("contacts", email="a@acme.example", city="Oslo")
    account.pass_seconds(60)
    account.tune(read_lag_seconds=10)
    account.patch(f"/crm/v3/objects/contacts/{id}", city="Bergen")
    account.pass_seconds(9)
    path = f"/crm/v3/objects/contacts/{id}?properties=city"
    assert account.get(path).body["properties"]["city"] == "Oslo"
    account.pass_seconds(2)
    assert account.get(path).body["properties"]["city"] == "Bergen"

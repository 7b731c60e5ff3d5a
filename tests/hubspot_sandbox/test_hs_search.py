"""The search contract: operators, limits, paging, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hubspot_sandbox.calls import Account, eq, tie, where

SEARCH = "/crm/v3/objects/contacts/search"


@pytest.fixture
def people(account: Account) -> Account:
    account.tune(search_lag_seconds=None, bump_seconds=None, search_per_second=10_000)
    account.make("contacts", email="a@acme.example", city="Oslo", annualrevenue="9")
    account.make("contacts", email="b@acme.example", city="oslo", annualrevenue="10")
    account.make("contacts", email="c@beta.example", city="Bergen", lifecyclestage="lead")
    account.make("contacts", email="d@beta.example", firstname="Dora Lee")
    return account


def emails(account: Account, *filters: dict[str, Any]) -> str:
    found = account.search("contacts", *filters, properties=["email"])
    assert found.status == 200, found.body
    assert found.body["total"] == len(found.body["results"])
    return "".join(sorted(r["properties"]["email"][0] for r in found.body["results"]))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (where("city", "EQ", value="OSLO"), "ab"),
        (where("city", "NEQ", value="oslo"), "c"),
        (where("city", "IN", values=["oslo", "bergen"]), "abc"),
        (where("city", "IN", values=["Oslo"]), ""),
        (where("city", "NOT_IN", values=["oslo"]), "c"),
        (where("city", "HAS_PROPERTY"), "abc"),
        (where("city", "NOT_HAS_PROPERTY"), "d"),
        (where("annualrevenue", "GT", value="9"), "b"),
        (where("annualrevenue", "GTE", value="9"), "ab"),
        (where("annualrevenue", "LT", value="10"), "a"),
        (where("annualrevenue", "LTE", value="10"), "ab"),
        (where("annualrevenue", "BETWEEN", value="9.5", highValue="11"), "b"),
        (where("email", "CONTAINS_TOKEN", value="*@beta.example"), "cd"),
        (where("email", "CONTAINS_TOKEN", value="acme"), "ab"),
        (where("email", "NOT_CONTAINS_TOKEN", value="acme"), "cd"),
        (where("firstname", "CONTAINS_TOKEN", value="lee"), "d"),
        (where("lifecyclestage", "EQ", value="lead"), "c"),
        (where("lifecyclestage", "EQ", value="LEAD"), ""),
        (where("lifecyclestage", "IN", values=["lead", "customer"]), "c"),
        (where("createdate", "GTE", value="1767603600000"), "abcd"),
        (where("createdate", "GT", value="1767603600000"), ""),
        (where("lastmodifieddate", "LTE", value="1767603600000"), "abcd"),
        (where("hs_lastmodifieddate", "GTE", value="0"), ""),
    ],
)
def test_operators(people: Account, given: dict[str, Any], expected: str) -> None:
    assert emails(people, given) == expected


def test_groups_are_ored_and_filters_are_anded(people: Account) -> None:
    assert emails(people, eq("city", "oslo"), where("annualrevenue", "GT", value="9")) == "b"
    groups = [{"filters": [eq("city", "bergen")]}, {"filters": [eq("email", "d@beta.example")]}]
    assert people.post(SEARCH, {"filterGroups": groups}).body["total"] == 2
    assert people.post(SEARCH, {"filters": [eq("city", "bergen")]}).body["total"] == 1
    assert people.post(SEARCH, {"query": "dora"}).body["total"] == 1
    assert people.post(SEARCH, {"query": "beta.example dora"}).body["total"] == 1
    assert people.post(SEARCH, {}).body["total"] == 4


def test_a_cleared_value_counts_as_none(people: Account) -> None:
    [id] = people.found("contacts", eq("city", "bergen"))
    people.patch(f"/crm/v3/objects/contacts/{id}", city="")
    assert emails(people, where("city", "NOT_HAS_PROPERTY")) == "cd"


def test_the_task_of_a_contact_is_found_over_the_pseudo_property(people: Account) -> None:
    [contact] = people.found("contacts", eq("email", "a@acme.example"))
    made = people.post(
        "/crm/v3/objects/tasks",
        {"properties": {"hs_timestamp": "1767600000000"}, "associations": [tie(contact, 204)]},
    )
    people.make("tasks", hs_timestamp="1767600000000")
    assert people.found("tasks", eq("associations.contact", contact)) == [made.body["id"]]
    assert people.found("tasks", eq("associations.contact", "999")) == []
    refused = people.search("tasks", where("associations.contact", "GT", value="1"))
    assert refused.status == 400


def test_default_and_asked_properties(people: Account) -> None:
    plain = people.search("contacts", limit=1).body["results"][0]["properties"]
    assert set(plain) == {
        "createdate",
        "email",
        "firstname",
        "hs_object_id",
        "lastmodifieddate",
        "lastname",
    }
    asked = people.search("contacts", limit=1, properties=["city", "nope"]).body["results"][0]
    assert set(asked["properties"]) == {"city", "createdate", "hs_object_id", "lastmodifieddate"}


def test_one_sort_either_way_and_pages_until_the_last_has_no_paging(people: Account) -> None:
    sorts = [{"propertyName": "email", "direction": "DESCENDING"}]
    first = people.search("contacts", sorts=sorts, limit=3, properties=["email"]).body
    assert [r["properties"]["email"][0] for r in first["results"]] == ["d", "c", "b"]
    assert (first["total"], first["paging"]) == (4, {"next": {"after": "3"}})
    last = people.search("contacts", sorts=sorts, limit=3, after="3", properties=["email"]).body
    assert [r["properties"]["email"][0] for r in last["results"]] == ["a"]
    assert "paging" not in last
    up = people.search("contacts", sorts=["email"], after=0, properties=["email"]).body
    assert [r["properties"]["email"][0] for r in up["results"]] == ["a", "b", "c", "d"]


def test_an_unsorted_search_is_only_roughly_by_id(people: Account) -> None:
    orders = [people.found("contacts") for _ in range(60)]
    in_order = sum(ids == sorted(ids, key=int) for ids in orders)
    assert 30 < in_order < 60


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"limit": -1},
        {"limit": "many"},
        {"after": "abc"},
        {"after": 10_000},
        {"after": "9990", "limit": 20},
        {"sorts": [{"propertyName": "email"}, {"propertyName": "city"}]},
        {"sorts": [{"propertyName": "nope"}]},
        {"sorts": [{"propertyName": "email", "direction": "UP"}]},
        {"filterGroups": [{"filters": []}]},
        {"filterGroups": [{"filters": [eq("city", "x")] * 7}]},
        {"filterGroups": [{"filters": [eq("city", "x")]}] * 6},
        {"filterGroups": [{"filters": [eq("city", "x")] * 5}] * 4},
        {"filters": [{"propertyName": "city"}]},
        {"filters": [where("city", "LIKE", value="x")]},
        {"filters": [where("city", "EQ")]},
        {"filters": [where("city", "IN", value="x")]},
        {"filters": [where("city", "EQ", values=["x"])]},
        {"filters": [where("annualrevenue", "BETWEEN", value="1")]},
        {"filters": [where("annualrevenue", "GT", value="much")]},
        {"filters": [where("createdate", "GT", value="2026-01-05T09:00:00Z")]},
        {"filters": [eq("shoe_size", "44")]},
        {"filters": [eq("associations.starship", "1")]},
        {"filters": [{**eq("city", "x"), "negate": True}]},
        {"properties": "email"},
        {"colour": "red"},
        {"query": "x" * 3_001},
    ],
)
def test_what_is_not_understood_is_refused(people: Account, body: dict[str, Any]) -> None:
    refused = people.post(SEARCH, body)
    assert refused.status == 400
    assert refused.body["status"] == "error"
    assert refused.body["message"]


def test_the_ten_thousandth_result_is_the_last_that_can_be_reached(account: Account) -> None:
    account.tune(search_lag_seconds=None)
    items = [{} for _ in range(10_050)]
    account.act(as_="system", op="create", object="companies", items=items, settled=True)
    page = {"limit": 200, "sorts": ["hs_object_id"]}
    last = account.search("companies", after="9800", **page).body
    assert last["total"] == 10_050
    assert len(last["results"]) == 200
    assert last["paging"] == {"next": {"after": "10000"}}
    beyond = account.search("companies", after="10000", **page)
    assert (beyond.status, beyond.body["category"]) == (400, "VALIDATION_ERROR")


def test_many_records_of_one_instant_are_walked_by_id(account: Account) -> None:
    account.tune(search_per_second=1000)
    items = [{} for _ in range(450)]
    made = account.act(as_="system", op="create", object="companies", items=items, settled=True)
    seen: list[str] = []
    floor = "0"
    while True:
        page = account.found(
            "companies",
            eq("hs_lastmodifieddate", "1767603600000"),
            where("hs_object_id", "GT", value=floor),
            sorts=["hs_object_id"],
            limit=200,
        )
        if not page:
            break
        seen += page
        floor = page[-1]
    assert seen == sorted(made["ids"], key=int)

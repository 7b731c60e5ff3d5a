"""Lists of the sandbox: three types, two orders of members, and every read some seconds behind."""

from __future__ import annotations

from typing import Any

import pytest
from hubspot_sandbox.calls import Account, Answer

LISTS = "/crm/lists/2026-09"


def a_list(account: Account, name: str = "Webinar", processing: str = "MANUAL", **more: Any) -> str:
    given = {"name": name, "objectTypeId": "0-1", "processingType": processing, **more}
    made = account.post(f"{LISTS}/", given)
    assert made.status == 200, made.body
    id: str = made.body["list"]["listId"]
    return id


def contacts(account: Account, count: int) -> list[str]:
    return [account.make("contacts", email=f"c{n}@acme.example") for n in range(count)]


def put(account: Account, list_id: str, verb: str, body: Any) -> Answer:
    return account.call("PUT", f"{LISTS}/{list_id}/memberships/{verb}", body)


def members(account: Account, list_id: str, order: str = "/join-order", **params: Any) -> list[str]:
    query = "&".join(f"{k}={v}" for k, v in params.items())
    answer = account.get(f"{LISTS}/{list_id}/memberships{order}?{query}")
    assert answer.status == 200, answer.body
    return [r["recordId"] for r in answer.body["results"]]


@pytest.fixture
def prompt(account: Account) -> Account:
    """An account whose lists do not trail."""
    account.tune(list_lag_seconds=None)
    return account


def test_records_are_put_in_and_taken_out_with_the_spelling_of_hubspot(prompt: Account) -> None:
    list_id, (ann, ben) = a_list(prompt), contacts(prompt, 2)
    added = put(prompt, list_id, "add", [ann, "999"])
    assert (added.status, added.body) == (
        200,
        {"recordsIdsAdded": [ann], "recordIdsMissing": ["999"]},
    )
    assert put(prompt, list_id, "add", [ann]).body == {}, "who is in already is ignored"
    both = put(
        prompt, list_id, "add-and-remove", {"recordIdsToAdd": [ben], "recordIdsToRemove": [ann]}
    )
    assert both.body == {"recordsIdsAdded": [ben], "recordIdsRemoved": [ann]}
    assert members(prompt, list_id) == [ben]
    assert put(prompt, list_id, "remove", [ben]).body == {"recordIdsRemoved": [ben]}
    assert members(prompt, list_id) == []


@pytest.mark.parametrize("verb", ["add", "remove", "add-and-remove"])
def test_a_dynamic_list_takes_nobody_over_the_api(prompt: Account, verb: str) -> None:
    list_id = a_list(prompt, processing="DYNAMIC", filterBranch={"filterBranchType": "OR"})
    [ann] = contacts(prompt, 1)
    body: Any = [ann] if verb != "add-and-remove" else {"recordIdsToAdd": [ann]}
    refused = put(prompt, list_id, verb, body)
    assert (refused.status, refused.body["category"]) == (400, "VALIDATION_ERROR")
    prompt.act(op="join", list=list_id, ids=[ann])
    assert members(prompt, list_id) == [ann], "its filters let them in"


def test_join_order_and_id_order_differ_and_pages_are_positions(prompt: Account) -> None:
    list_id, made = a_list(prompt), contacts(prompt, 6)
    joined = sorted(made, key=int, reverse=True)
    for id in joined:
        prompt.act(op="join", list=list_id, ids=[id])
        prompt.pass_seconds(1)
    assert members(prompt, list_id) == joined
    assert members(prompt, list_id, order="") == sorted(made, key=int)
    page = prompt.get(f"{LISTS}/{list_id}/memberships/join-order?limit=2")
    assert page.body["total"] == 6
    after = page.body["paging"]["next"]["after"]
    prompt.act(op="leave", list=list_id, ids=joined[:1])
    assert members(prompt, list_id, after=after, limit=2) == joined[3:5], "they moved up by one"
    assert "paging" not in prompt.get(f"{LISTS}/{list_id}/memberships?limit=250").body


def test_every_read_trails(account: Account) -> None:
    account.tune(list_lag_seconds=5)
    list_id, [ann] = a_list(account), contacts(account, 1)
    put(account, list_id, "add", [ann])
    assert members(account, list_id) == []
    assert lists_of(account, ann) == []
    account.pass_seconds(6)
    assert members(account, list_id) == [ann]
    assert lists_of(account, ann) == [list_id]
    put(account, list_id, "remove", [ann])
    assert members(account, list_id) == [ann], "still shown"
    account.pass_seconds(6)
    assert members(account, list_id) == []


def lists_of(account: Account, *ids: str) -> list[str]:
    inputs = [{"objectTypeId": "0-1", "recordId": i} for i in ids]
    answer = account.post(f"{LISTS}/records/memberships/batch/read", {"inputs": inputs})
    return [m["listId"] for r in answer.body["results"] for m in r["recordListMemberships"]]


def test_a_record_names_its_lists_and_a_missing_one_is_an_error_of_its_own(prompt: Account) -> None:
    one, two, [ann] = a_list(prompt), a_list(prompt, "Two"), contacts(prompt, 1)
    put(prompt, one, "add", [ann])
    put(prompt, two, "add", [ann])
    assert lists_of(prompt, ann) == [one, two]
    alone = prompt.get(f"{LISTS}/records/0-1/{ann}/memberships")
    assert [m["listId"] for m in alone.body["results"]] == [one, two]
    inputs = [{"objectTypeId": "0-1", "recordId": i} for i in (ann, "999")]
    both = prompt.post(f"{LISTS}/records/memberships/batch/read", {"inputs": inputs})
    assert (both.status, both.body["errors"][0]["context"]) == (207, {"ids": ["999"]})


def test_archived_records_are_in_no_list_and_merged_ones_under_their_new_id(
    prompt: Account,
) -> None:
    list_id, (ann, ben, cleo) = a_list(prompt), contacts(prompt, 3)
    put(prompt, list_id, "add", [ann, ben])
    prompt.act(op="archive", object="contacts", id=ben)
    assert members(prompt, list_id) == [ann]
    new = prompt.act(op="merge", object="contacts", id=ann, into=cleo)["id"]
    assert members(prompt, list_id) == [new]
    assert put(prompt, list_id, "add", [ben]).body == {"recordIdsMissing": [ben]}


def test_lists_are_found_by_id_by_name_and_by_a_part_of_it(prompt: Account) -> None:
    one, two = a_list(prompt, "Webinar May"), a_list(prompt, "Webinar June", "SNAPSHOT")
    prompt.act(op="delete_list", list=two)
    three = prompt.act(op="create_list", name="Trade fair", object="contacts")["id"]
    assert prompt.get(f"{LISTS}/{one}").body["list"]["processingType"] == "MANUAL"
    assert prompt.get(f"/crm/v3/lists/{two}").status == 404
    several = prompt.get(f"{LISTS}?listIds={one}&listIds={two}&listIds={three}").body["lists"]
    assert [r["listId"] for r in several] == [one, three]
    named = prompt.get(f"{LISTS}/object-type-id/0-1/name/trade fair")
    assert named.body["list"]["listId"] == three
    found = prompt.post(f"{LISTS}/search", {"query": "webinar"}).body
    assert ([r["listId"] for r in found["lists"]], found["hasMore"]) == ([one], False)


def test_what_is_not_understood_is_refused(prompt: Account) -> None:
    list_id = a_list(prompt)
    twin = {"name": "Webinar", "objectTypeId": "0-1", "processingType": "MANUAL"}
    wrong: list[tuple[str, str, Any, int]] = [
        ("POST", LISTS, twin, 400),
        ("POST", LISTS, {**twin, "name": "B", "processingType": "STATIC"}, 400),
        ("POST", LISTS, {**twin, "name": "B", "processingType": "DYNAMIC"}, 400),
        ("POST", LISTS, {**twin, "name": "B", "colour": "red"}, 400),
        ("GET", f"{LISTS}/{list_id}/memberships?limit=251", None, 400),
        ("GET", f"{LISTS}/{list_id}/memberships/join-order?after=xx", None, 400),
        ("GET", f"{LISTS}/{list_id}/memberships/join-order?before=MTA=", None, 400),
        ("PUT", f"{LISTS}/{list_id}/memberships/add", {"ids": ["1"]}, 400),
        ("PUT", f"{LISTS}/999/memberships/add", ["1"], 404),
        ("POST", f"{LISTS}/search", {"count": 501}, 400),
    ]
    for method, path, body, status in wrong:
        assert prompt.call(method, path, body).status == status, (method, path, body)


def test_each_way_wants_its_scope(prompt: Account) -> None:
    list_id = a_list(prompt)
    prompt.tune(missing_scopes=["crm.lists.write"])
    assert put(prompt, list_id, "add", []).status == 403
    assert members(prompt, list_id) == []
    prompt.tune(missing_scopes=["crm.lists.read"])
    assert prompt.get(f"{LISTS}/{list_id}/memberships").status == 403

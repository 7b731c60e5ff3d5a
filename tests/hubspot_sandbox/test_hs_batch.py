"""Batch calls: all or nothing, except where HubSpot answers 207."""

from __future__ import annotations

from typing import Any

import pytest
from hubspot_sandbox.calls import Account

BATCH = "/crm/v3/objects/contacts/batch"


def many(account: Account, n: int) -> list[str]:
    inputs = [{"properties": {"email": f"p{i}@acme.example"}} for i in range(n)]
    made = account.post(f"{BATCH}/create", {"inputs": inputs})
    assert made.status == 201
    return [r["id"] for r in made.body["results"]]


def test_a_batch_create_makes_all_and_shuffles_the_answer(account: Account) -> None:
    inputs = [{"properties": {"email": f"p{i:02}@acme.example"}} for i in range(20)]
    made = account.post(f"{BATCH}/create", {"inputs": inputs})
    assert (made.status, made.body["status"]) == (201, "COMPLETE")
    emails = [r["properties"]["email"] for r in made.body["results"]]
    assert emails != sorted(emails)
    assert sorted(emails) == [i["properties"]["email"] for i in inputs]


def test_one_bad_input_refuses_a_whole_create(account: Account) -> None:
    inputs = [{"properties": {"email": "a@acme.example"}}, {"properties": {"email": "nope"}}]
    assert account.post(f"{BATCH}/create", {"inputs": inputs}).status == 400
    twice = [{"properties": {"email": "a@acme.example"}}] * 2
    assert account.post(f"{BATCH}/create", {"inputs": twice}).status == 400
    account.make("contacts", email="b@acme.example")
    taken = [{"properties": {"email": f"{n}@acme.example"}} for n in "ab"]
    assert account.post(f"{BATCH}/create", {"inputs": taken}).status == 409
    assert len(account.get("/crm/v3/objects/contacts").body["results"]) == 1


def test_a_traced_create_fails_input_by_input(account: Account) -> None:
    inputs = [
        {"objectWriteTraceId": "one", "properties": {"email": "a@acme.example"}},
        {"objectWriteTraceId": "two", "properties": {"email": "nope"}},
        {"objectWriteTraceId": "three", "properties": {"email": "a@acme.example"}},
    ]
    made = account.post(f"{BATCH}/create", {"inputs": inputs})
    assert (made.status, made.body["numErrors"]) == (207, 2)
    assert [r["objectWriteTraceId"] for r in made.body["results"]] == ["one"]
    traces = {e["context"]["objectWriteTraceId"][0]: e for e in made.body["errors"]}
    assert set(traces) == {"two", "three"}
    assert traces["two"]["errors"][0]["code"] == "INVALID_EMAIL"


def test_a_batch_read_names_what_is_missing(account: Account) -> None:
    ids = many(account, 3)
    whole = account.post(f"{BATCH}/read", {"inputs": [{"id": i} for i in ids]})
    assert whole.status == 200
    assert "numErrors" not in whole.body
    partly = account.post(
        f"{BATCH}/read",
        {"inputs": [{"id": ids[0]}, {"id": "999"}, {"id": "998"}], "properties": ["email"]},
    )
    assert (partly.status, partly.body["numErrors"]) == (207, 1)
    assert [r["id"] for r in partly.body["results"]] == [ids[0]]
    [error] = partly.body["errors"]
    assert (error["category"], error["context"]) == ("OBJECT_NOT_FOUND", {"ids": ["999", "998"]})


def test_a_batch_read_goes_by_a_unique_property(account: Account) -> None:
    task = account.make("tasks", hs_timestamp="1767600000000", fairlead_key="k-1")
    read = account.post(
        "/crm/objects/2026-09/tasks/batch/read",
        {"idProperty": "fairlead_key", "inputs": [{"id": "k-1"}, {"id": "k-2"}]},
    )
    assert read.status == 207
    assert [r["id"] for r in read.body["results"]] == [task]
    assert read.body["errors"][0]["context"]["ids"] == ["k-2"]


def test_batches_are_at_most_100_and_50_with_history(account: Account) -> None:
    ids = [{"id": str(i)} for i in range(101)]
    assert account.post(f"{BATCH}/read", {"inputs": ids}).status == 400
    assert account.post(f"{BATCH}/read", {"inputs": ids[:100]}).status == 207
    asked = {"inputs": ids[:51], "propertiesWithHistory": ["email"]}
    refused = account.post(f"{BATCH}/read", asked)
    assert refused.status == 400
    assert refused.body["message"].startswith(
        "The maximum number of inputs supported in a batch request for property histories is 50"
    )
    update = [{"id": str(i), "properties": {"city": "Oslo"}} for i in range(101)]
    assert account.post(f"{BATCH}/update", {"inputs": update}).status == 400
    assert account.post(f"{BATCH}/read", {"inputs": []}).status == 400


def test_a_batch_update_changes_all_and_echoes_traces(account: Account) -> None:
    ids = many(account, 5)
    inputs = [{"id": i, "properties": {"city": "Oslo"}, "objectWriteTraceId": f"t{i}"} for i in ids]
    done = account.post(f"{BATCH}/update", {"inputs": inputs})
    assert done.status == 200
    assert {r["id"]: r["objectWriteTraceId"] for r in done.body["results"]} == {
        i: f"t{i}" for i in ids
    }
    assert set(done.body["results"][0]["properties"]) == {"city", "lastmodifieddate"}


def test_one_bad_input_refuses_a_whole_update(account: Account) -> None:
    ids = many(account, 2)
    inputs: list[dict[str, Any]] = [
        {"id": ids[0], "properties": {"city": "Oslo"}},
        {"id": ids[1], "properties": {"hs_lead_status": "nope"}},
    ]
    assert account.post(f"{BATCH}/update", {"inputs": inputs}).status == 400
    cities = account.get("/crm/v3/objects/contacts?properties=city").body["results"]
    assert [r["properties"]["city"] for r in cities] == [None, None]
    twice = [{"id": ids[0], "properties": {"city": "Oslo"}}] * 2
    refused = account.post(f"{BATCH}/update", {"inputs": twice})
    assert refused.body["message"].startswith("Duplicate IDs found in batch input")


def test_an_update_of_a_missing_id_is_207_and_the_others_are_done(account: Account) -> None:
    [id] = many(account, 1)
    inputs = [
        {"id": id, "properties": {"city": "Oslo"}},
        {"id": "999", "properties": {"city": "Oslo"}, "objectWriteTraceId": "lost"},
    ]
    done = account.post(f"{BATCH}/update", {"inputs": inputs})
    assert done.status == 207
    assert [r["id"] for r in done.body["results"]] == [id]
    assert done.body["errors"][0]["context"] == {"ids": ["999"], "objectWriteTraceId": ["lost"]}


@pytest.mark.parametrize("name", ["email", "hs_object_id", "firstname"])
def test_an_update_goes_by_custom_unique_properties_only(account: Account, name: str) -> None:
    many(account, 1)
    inputs = [{"id": "p0@acme.example", "idProperty": name, "properties": {"city": "Oslo"}}]
    refused = account.post(f"{BATCH}/update", {"inputs": inputs})
    assert refused.status == 400
    assert refused.body["message"].startswith(
        f"Unable to perform update/upsert by non-unique 0-1 property {name}"
    )
    task = account.make("tasks", hs_timestamp="1767600000000", fairlead_key="k-1")
    by_key = {"id": "k-1", "idProperty": "fairlead_key", "properties": {"hs_task_subject": "S"}}
    done = account.post("/crm/v3/objects/tasks/batch/update", {"inputs": [by_key]})
    assert [r["id"] for r in done.body["results"]] == [task]


def test_an_upsert_says_what_was_new(account: Account) -> None:
    path = "/crm/v3/objects/tasks/batch/upsert"
    old = account.make("tasks", hs_timestamp="1767600000000", fairlead_key="k-1")
    inputs = [
        {
            "id": key,
            "idProperty": "fairlead_key",
            "properties": {"hs_timestamp": "1767600000000", "hs_task_subject": "S"},
        }
        for key in ("k-1", "k-2")
    ]
    done = account.post(path, {"inputs": inputs})
    assert done.status == 200
    assert {r["id"]: r["new"] for r in done.body["results"] if r["id"] == old} == {old: False}
    [made] = [r for r in done.body["results"] if r["new"]]
    assert made["properties"]["fairlead_key"] == "k-2"
    by_email = {"id": "a@acme.example", "idProperty": "email", "properties": {"city": "Oslo"}}
    assert account.post(f"{BATCH}/upsert", {"inputs": [by_email]}).body["results"][0]["new"]
    assert (
        account.post(f"{BATCH}/upsert", {"inputs": [{"id": "1", "properties": {}}]}).status == 400
    )


def test_a_batch_archive_is_204_whatever_the_ids(account: Account) -> None:
    ids = many(account, 2)
    done = account.post(f"{BATCH}/archive", {"inputs": [{"id": i} for i in [*ids, "999"]]})
    assert (done.status, done.body) == (204, None)
    assert account.get("/crm/v3/objects/contacts").body["results"] == []

"""Ties between records: inline, default, typed, listed, removed."""

from __future__ import annotations

import pytest
from hubspot_sandbox.calls import Account, tie

V4 = "/crm/v4/objects"


@pytest.fixture
def ends(account: Account) -> tuple[Account, str, str]:
    contact = account.make("contacts", email="a@acme.example")
    return account, contact, account.make("tasks", hs_timestamp="1767600000000")


@pytest.mark.parametrize("prefix", ["/crm/v4/objects", "/crm/objects/2026-09"])
def test_the_default_tie_goes_both_ways(ends: tuple[Account, str, str], prefix: str) -> None:
    account, contact, task = ends
    path = f"{prefix}/tasks/{task}/associations/default/contacts/{contact}"
    done = account.call("PUT", path)
    assert done.status == 200
    assert [r["associationSpec"]["associationTypeId"] for r in done.body["results"]] == [204, 203]
    there = account.get(f"{prefix}/tasks/{task}/associations/contacts").body["results"]
    back = account.get(f"{prefix}/contact/{contact}/associations/0-27").body["results"]
    assert there[0]["toObjectId"] == int(contact)
    assert back == [
        {
            "toObjectId": int(task),
            "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": 203, "label": None}],
        }
    ]


def test_the_first_company_becomes_the_primary_one(account: Account) -> None:
    contact = account.make("contacts", email="a@acme.example")
    firms = [account.make("companies", name=n) for n in ("Acme", "Beta")]
    for firm in firms:
        account.call("PUT", f"{V4}/contacts/{contact}/associations/default/companies/{firm}")
    listed = account.get(f"{V4}/contacts/{contact}/associations/companies").body["results"]
    types = {r["toObjectId"]: [t["typeId"] for t in r["associationTypes"]] for r in listed}
    assert types == {int(firms[0]): [1, 279], int(firms[1]): [279]}
    other = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}]
    path = f"{V4}/contacts/{contact}/associations/companies/{firms[1]}"
    assert account.call("PUT", path, other).status == 201
    listed = account.get(f"{V4}/contacts/{contact}/associations/companies").body["results"]
    types = {r["toObjectId"]: [t["typeId"] for t in r["associationTypes"]] for r in listed}
    assert types == {int(firms[0]): [279], int(firms[1]): [1, 279]}


def test_ties_do_not_move_the_modified_date(ends: tuple[Account, str, str]) -> None:
    account, contact, task = ends
    account.pass_seconds(60)
    before = account.get(f"/crm/v3/objects/contacts/{contact}").body["updatedAt"]
    account.call("PUT", f"{V4}/tasks/{task}/associations/default/contacts/{contact}")
    assert account.get(f"/crm/v3/objects/contacts/{contact}").body["updatedAt"] == before


@pytest.mark.parametrize("type_id", [203, 578, 9999, 192])
def test_an_inline_type_must_lead_from_a_task_to_that_record(
    ends: tuple[Account, str, str], type_id: int
) -> None:
    account, contact, _ = ends
    body = {
        "properties": {"hs_timestamp": "1767600000000"},
        "associations": [tie(contact, type_id)],
    }
    refused = account.post("/crm/v3/objects/tasks", body)
    assert (refused.status, refused.body["category"]) == (400, "VALIDATION_ERROR")
    assert len(account.get("/crm/v3/objects/tasks").body["results"]) == 1


@pytest.mark.parametrize(
    ("kind", "type_id", "given"),
    [
        ("tasks", 204, {"hs_timestamp": "1"}),
        ("notes", 202, {"hs_timestamp": "1"}),
        ("calls", 194, {"hs_timestamp": "1"}),
        ("emails", 198, {"hs_timestamp": "1"}),
        ("meetings", 200, {"hs_timestamp": "1"}),
        ("leads", 578, {"hs_lead_name": "L"}),
        ("deals", 3, {"dealname": "D"}),
        ("companies", 280, {"name": "C"}),
    ],
)
def test_inline_ties_to_a_contact(
    account: Account, kind: str, type_id: int, given: dict[str, str]
) -> None:
    contact = account.make("contacts", email="a@acme.example")
    body = {"properties": given, "associations": [tie(contact, type_id)]}
    made = account.post(f"/crm/v3/objects/{kind}", body)
    assert made.status == 201, made.body
    back = account.get(f"{V4}/contacts/{contact}/associations/{kind}").body["results"]
    assert [r["toObjectId"] for r in back] == [int(made.body["id"])]


def test_a_task_can_hang_on_a_lead(account: Account) -> None:
    contact = account.make("contacts", email="a@acme.example")
    lead = account.post(
        "/crm/v3/objects/leads",
        {"properties": {"hs_lead_name": "L"}, "associations": [tie(contact, 578)]},
    ).body["id"]
    body = {"properties": {"hs_timestamp": "1"}, "associations": [tie(lead, 647)]}
    assert account.post("/crm/v3/objects/tasks", body).status == 201
    back = account.get(f"{V4}/leads/{lead}/associations/tasks").body["results"]
    assert back[0]["associationTypes"][0]["typeId"] == 646


def test_a_lead_without_its_primary_contact_is_archived(account: Account) -> None:
    contact = account.make("contacts", email="a@acme.example")
    lead = account.post(
        "/crm/v3/objects/leads",
        {"properties": {"hs_lead_name": "L"}, "associations": [tie(contact, 578)]},
    ).body["id"]
    path = f"{V4}/leads/{lead}/associations/contacts/{contact}"
    assert account.call("DELETE", path).status == 204
    assert account.get(f"/crm/v3/objects/leads/{lead}").status == 404


def test_ties_to_nothing_or_between_strangers_are_refused(ends: tuple[Account, str, str]) -> None:
    account, contact, task = ends
    ghost = account.call("PUT", f"{V4}/tasks/{task}/associations/default/contacts/999")
    assert (ghost.status, ghost.body["context"]["objectId"]) == (400, ["999"])
    odd = account.call("PUT", f"{V4}/users/1/associations/default/contacts/{contact}")
    assert odd.status == 400


def test_a_batch_read_of_ties_names_those_without(ends: tuple[Account, str, str]) -> None:
    account, contact, task = ends
    account.call("PUT", f"{V4}/tasks/{task}/associations/default/contacts/{contact}")
    lonely = account.make("contacts", email="b@acme.example")
    read = account.post(
        "/crm/v4/associations/contacts/tasks/batch/read",
        {"inputs": [{"id": contact}, {"id": lonely}]},
    )
    assert read.status == 207
    assert [(r["from"]["id"], r["to"][0]["toObjectId"]) for r in read.body["results"]] == [
        (contact, int(task))
    ]
    assert read.body["errors"][0]["context"] == {"fromObjectId": [lonely]}


def test_ties_are_listed_in_pages(account: Account) -> None:
    contact = account.make("contacts", email="a@acme.example")
    tasks = []
    for _ in range(5):
        body = {"properties": {"hs_timestamp": "1"}, "associations": [tie(contact, 204)]}
        tasks.append(int(account.post("/crm/v3/objects/tasks", body).body["id"]))
    path = f"{V4}/contacts/{contact}/associations/tasks?limit=2"
    seen, after = [], ""
    while True:
        page = account.get(path + after).body
        seen += [r["toObjectId"] for r in page["results"]]
        if "paging" not in page:
            break
        after = f"&after={page['paging']['next']['after']}"
    assert seen == sorted(tasks)

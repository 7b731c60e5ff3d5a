"""Single records on the wire: names, shapes, values, errors."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hubspot_sandbox.calls import START, Account, tie


@pytest.mark.parametrize(
    "path",
    [
        "/crm/v3/objects/contacts",
        "/crm/v3/objects/CONTACT",
        "/crm/v3/objects/Contacts",
        "/crm/v3/objects/0-1",
        "/crm/objects/2026-03/contacts",
        "/crm/objects/2026-09/contact",
        "/crm/objects/2026-09/0-1",
    ],
)
def test_a_type_answers_to_all_its_names_under_all_versions(account: Account, path: str) -> None:
    id = account.make("contacts", email="a@acme.example")
    assert account.get(f"{path}/{id}").body["properties"]["email"] == "a@acme.example"


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("contacts", "0-1"),
        ("companies", "0-2"),
        ("deals", "0-3"),
        ("tickets", "0-5"),
        ("communications", "0-18"),
        ("tasks", "0-27"),
        ("notes", "0-46"),
        ("meetings", "0-47"),
        ("calls", "0-48"),
        ("emails", "0-49"),
        ("users", "0-115"),
        ("leads", "0-136"),
    ],
)
def test_every_type_is_known_by_its_id(account: Account, name: str, id: str) -> None:
    assert (
        account.get(f"/crm/objects/2026-09/{id}").body
        == account.get(f"/crm/v3/objects/{name}").body
    )


def test_an_unknown_type_or_path_is_refused(account: Account) -> None:
    refused = account.get("/crm/v3/objects/prospects")
    assert refused.status == 400
    assert refused.body["message"] == "Unable to infer object type from: prospects"
    assert account.get("/crm/objects/2025-01/contacts").status == 404
    assert account.get("/crm/v3/objects/contacts/1/notes").status == 404
    assert account.call("PUT", "/crm/v3/objects/contacts").status == 405


def test_a_create_answers_all_values_as_text_with_sorted_names(account: Account) -> None:
    made = account.post(
        "/crm/v3/objects/contacts",
        {"properties": {"firstname": "Ann", "email": "Ann@Acme.example", "annualrevenue": 12}},
    )
    assert made.status == 201
    properties = made.body["properties"]
    assert list(properties) == sorted(properties)
    assert all(isinstance(v, str) for v in properties.values())
    assert properties["email"] == "ann@acme.example"
    assert properties["hs_email_domain"] == "acme.example"
    assert properties["annualrevenue"] == "12"
    assert properties["hs_object_id"] == made.body["id"]
    assert made.body["archived"] is False
    assert "archivedAt" not in made.body


def test_never_set_is_null_cleared_is_empty_and_unknown_is_left_out(account: Account) -> None:
    id = account.make("contacts", email="a@acme.example", city="Oslo")
    account.patch(f"/crm/v3/objects/contacts/{id}", city="")
    read = account.get(f"/crm/v3/objects/contacts/{id}?properties=city,state,no_such_thing")
    assert read.body["properties"]["city"] == ""
    assert read.body["properties"]["state"] is None
    assert "no_such_thing" not in read.body["properties"]
    assert {"createdate", "hs_object_id", "lastmodifieddate"} <= set(read.body["properties"])


def test_the_fraction_of_a_time_goes_when_it_is_zero(account: Account) -> None:
    id = account.make("tasks", hs_timestamp="2026-01-06T10:00:00.000Z")
    account.clock.advance(timedelta(milliseconds=1250, microseconds=999))
    body = account.patch(f"/crm/v3/objects/tasks/{id}", hs_task_subject="Call").body
    assert body["createdAt"] == "2026-01-05T09:00:00Z"
    assert body["updatedAt"] == "2026-01-05T09:00:01.250Z"
    read = account.get(f"/crm/v3/objects/tasks/{id}?properties=hs_timestamp").body
    assert read["properties"]["hs_timestamp"] == "2026-01-06T10:00:00Z"


def test_contacts_and_the_rest_name_the_modified_date_differently(account: Account) -> None:
    contact = account.make("contacts", email="a@acme.example")
    company = account.make("companies", name="Acme")
    asked = "?properties=lastmodifieddate,hs_lastmodifieddate"
    person = account.get(f"/crm/v3/objects/contacts/{contact}{asked}").body
    assert person["properties"]["lastmodifieddate"] == person["updatedAt"]
    assert person["properties"]["hs_lastmodifieddate"] is None
    firm = account.get(f"/crm/v3/objects/companies/{company}{asked}").body
    assert firm["properties"]["hs_lastmodifieddate"] == firm["updatedAt"]
    assert "lastmodifieddate" not in firm["properties"]


def test_an_update_answers_only_what_it_changed(account: Account) -> None:
    id = account.make("contacts", email="a@acme.example", firstname="Ann")
    account.pass_seconds(60)
    body = account.patch(f"/crm/v3/objects/contacts/{id}", email="b@beta.example").body
    assert body["properties"] == {
        "email": "b@beta.example",
        "hs_email_domain": "beta.example",
        "lastmodifieddate": "2026-01-05T09:01:00Z",
    }
    assert body["updatedAt"] == "2026-01-05T09:01:00Z"


def test_a_record_is_found_by_email_and_by_a_unique_property(account: Account) -> None:
    id = account.make("contacts", email="a@acme.example")
    by = account.get("/crm/v3/objects/contacts/A@Acme.example?idProperty=email")
    assert by.body["id"] == id
    task = account.make("tasks", hs_timestamp="1767600000000", fairlead_key="k-1")
    assert account.get("/crm/v3/objects/tasks/k-1?idProperty=fairlead_key").body["id"] == task
    refused = account.get("/crm/v3/objects/contacts/Ann?idProperty=firstname")
    assert (refused.status, refused.body["category"]) == (400, "VALIDATION_ERROR")


def test_what_does_not_exist_is_404_in_two_wordings(account: Account) -> None:
    numeric = account.get("/crm/v3/objects/contacts/999").body
    assert numeric["message"] == "resource not found"
    odd = account.get("/crm/v3/objects/contacts/abc").body
    assert odd["message"] == "Object not found.  objectId are usually numeric."
    assert odd["category"] == "OBJECT_NOT_FOUND"
    assert odd["context"] == {"id": ["abc"]}


def test_an_archived_record_is_seen_only_by_asking_for_archived(account: Account) -> None:
    id = account.make("contacts", email="a@acme.example")
    assert account.call("DELETE", f"/crm/v3/objects/contacts/{id}").status == 204
    assert account.call("DELETE", f"/crm/v3/objects/contacts/{id}").status == 204
    assert account.get(f"/crm/v3/objects/contacts/{id}").status == 404
    assert account.patch(f"/crm/v3/objects/contacts/{id}", city="Oslo").status == 404
    gone = account.get(f"/crm/v3/objects/contacts/{id}?archived=true").body
    assert gone["archived"] is True
    assert gone["archivedAt"] == "2026-01-05T09:00:00Z"
    assert account.get("/crm/v3/objects/contacts").body["results"] == []
    listed = account.get("/crm/v3/objects/contacts?archived=true").body["results"]
    assert [r["id"] for r in listed] == [id]


def test_an_archived_record_can_be_restored_for_ninety_days(account: Account) -> None:
    first, second = (account.make("contacts", email=f"{n}@acme.example") for n in "ab")
    for id in (first, second):
        account.call("DELETE", f"/crm/v3/objects/contacts/{id}")
    account.act(op="restore", object="contacts", id=first)
    assert account.get(f"/crm/v3/objects/contacts/{first}").status == 200
    account.pass_seconds(91 * 86_400)
    with pytest.raises(ValueError, match="90 days"):
        account.act(op="restore", object="contacts", id=second)
    assert account.get("/crm/v3/objects/contacts?archived=true").body["results"] == []


def test_listing_goes_page_by_page_over_a_link_to_this_server(account: Account) -> None:
    ids = {account.make("companies", name=f"C{n}") for n in range(5)}
    seen: list[str] = []
    target = "/crm/v3/objects/companies?limit=2&properties=name"
    while target:
        page = account.get(target).body
        seen += [r["id"] for r in page["results"]]
        link = page.get("paging", {}).get("next", {}).get("link", "")
        assert link == "" or link.startswith("http://127.0.0.1:4010/crm/v3/objects/companies?")
        target = link.removeprefix("http://127.0.0.1:4010")
    assert len(seen) == 5
    assert set(seen) == ids


@pytest.mark.parametrize(
    "query",
    [
        "limit=101",
        "limit=0",
        "limit=x",
        "after=x",
        "archived=maybe",
        "colour=red",
        "limit=51&propertiesWithHistory=email",
    ],
)
def test_a_list_query_that_is_not_understood_is_refused(account: Account, query: str) -> None:
    refused = account.get(f"/crm/v3/objects/contacts?{query}")
    assert (refused.status, refused.body["category"]) == (400, "VALIDATION_ERROR")


def test_asked_associations_come_with_a_record(account: Account) -> None:
    contact = account.make("contacts", email="a@acme.example")
    made = account.post(
        "/crm/v3/objects/companies",
        {"properties": {"name": "Acme"}, "associations": [tie(contact, 280)]},
    )
    for path in (f"/{contact}?", "?limit=5&"):
        body = account.get(f"/crm/v3/objects/contacts{path}associations=companies,deals").body
        record = body if "id" in body else body["results"][0]
        assert record["associations"] == {
            "companies": {"results": [{"id": made.body["id"], "type": "contact_to_company"}]}
        }


def test_a_url_too_long_is_414(account: Account) -> None:
    names = ",".join(f"property_{n}" for n in range(900))
    assert account.get(f"/crm/v3/objects/contacts?properties={names}").status == 414


def test_error_bodies_carry_the_id_of_the_header(account: Account) -> None:
    for answer in (
        account.get("/crm/v3/objects/contacts/999"),
        account.post("/crm/v3/objects/contacts", {"properties": {"nope": "1"}}),
        account.call("GET", "/crm/v3/objects/contacts", token="wrong"),
    ):
        assert answer.headers["X-HubSpot-Correlation-Id"] == answer.body["correlationId"]
        assert answer.headers["Content-Type"] == "application/json;charset=utf-8"


def test_ids_do_not_follow_time(account: Account) -> None:
    account.tune(burst_limit=1000)
    ids = [int(account.make("companies", name=f"C{n}")) for n in range(60)]
    below_an_earlier_one = sum(id < max(ids[:n]) for n, id in enumerate(ids) if n)
    assert len(set(ids)) == 60
    assert below_an_earlier_one > 20


def test_users_are_records_that_only_have_some_writable_properties(account: Account) -> None:
    owner = account.owner("ben@example.com")
    users = account.get(
        "/crm/v3/objects/users?properties=hs_email,hubspot_owner_id,hs_internal_user_id,"
        "hs_availability_status,hs_working_hours,hs_standard_time_zone,hs_out_of_office_hours"
    ).body["results"]
    ben = next(u for u in users if u["properties"]["hs_email"] == "ben@example.com")
    assert ben["properties"]["hubspot_owner_id"] == owner
    assert ben["id"] not in (owner, ben["properties"]["hs_internal_user_id"])
    assert ben["properties"]["hs_availability_status"] is None
    assert ben["properties"]["hs_working_hours"] is None
    path = f"/crm/v3/objects/users/{ben['id']}"
    assert account.patch(path, hs_availability_status="away").status == 200
    assert account.patch(path, hs_email="x@example.com").status == 400
    assert account.post("/crm/v3/objects/users", {"properties": {}}).status == 405


def test_the_account_and_the_token_say_who_they_are(account: Account) -> None:
    for version in ("v3", "2026-03"):
        details = account.get(f"/account-info/{version}/details").body
        assert details["timeZone"] == "UTC"
    info = account.post(
        "/oauth/v2/private-apps/get/access-token-info", {"tokenKey": "pat-eu1-sandbox"}
    ).body
    assert info["hubId"] == details["portalId"]
    id = account.make("contacts", email="a@acme.example")
    read = account.get(f"/crm/v3/objects/contacts/{id}?propertiesWithHistory=email").body
    assert read["propertiesWithHistory"]["email"][0]["sourceId"] == str(info["appId"])
    other = {"tokenKey": "someone-else"}
    assert account.post("/oauth/v2/private-apps/get/access-token-info", other).status == 404


def test_the_clock_of_the_org_is_the_clock_of_the_service(account: Account) -> None:
    account.clock.advance(timedelta(days=-2))
    id = account.make("companies", name="Acme")
    created = account.get(f"/crm/v3/objects/companies/{id}").body["createdAt"]
    assert created == (START - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")

"""Orders, knobs and faults: what a test may do to an account."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hubspot_sandbox.calls import Account, where

from fairlead_hubspot.sandbox.faults import KINDS


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"op": "explode"},
        {"op": "create", "object": "starships"},
        {"op": "create", "object": "contacts", "colour": "red"},
        {"op": "create", "object": "contacts", "fields": {"nope": "1"}},
        {"op": "create", "object": "contacts", "as": "ghost"},
        {"op": "create", "object": "contacts", "user": "nobody@example.com"},
        {"op": "create", "object": "contacts", "at": "yesterday"},
        {"op": "create", "object": "users", "fields": {}},
        {"op": "create", "object": "contacts", "fields": {"createdate": "1767600000000"}},
        {"op": "update", "object": "contacts", "id": "999", "fields": {}},
        {"op": "restore", "object": "contacts", "id": "999"},
        {"op": "merge", "object": "contacts", "id": "1", "into": "2"},
        {"op": "associate", "object": "users", "id": "1", "to_object": "tasks", "to_id": "2"},
        {"op": "corrupt", "object": "contacts", "id": "999"},
        {"op": "create_owner"},
        {"op": "create_queue"},
        {"op": "deactivate_owner", "id": "nobody@example.com"},
    ],
)
def test_a_bad_order_is_refused(account: Account, order: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        account.face.act(order)


@pytest.mark.parametrize(
    "knobs",
    [
        {"colour": "red"},
        {"search_lag_seconds": [10, 2]},
        {"search_lag_seconds": "slow"},
        {"burst_limit": "many"},
        {"burst_limit": True},
        {"search_paging": "sideways"},
        {"unique_conflict_status": 418},
        {"fields_missing": "tasks.fairlead_key"},
        {"shuffle_batches": 1},
    ],
)
def test_an_impossible_knob_is_refused_and_nothing_turned(
    account: Account, knobs: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        account.tune(daily_limit=1, **knobs)
    assert account.face.portal.knobs.daily_limit == 625_000


def test_many_records_are_made_at_once(account: Account) -> None:
    items = [{"email": f"p{n}@acme.example"} for n in range(300)]
    ids = account.act(op="create", object="contacts", items=items)["ids"]
    assert len(set(ids)) == 300
    assert account.face.portal.limits.used_today == 0


def test_a_contact_and_a_user_go_by_their_address(account: Account) -> None:
    account.owner("ben@example.com")
    account.make("contacts", email="a@acme.example")
    account.act(op="update", object="contacts", id="a@acme.example", fields={"city": "Oslo"})
    account.act(
        op="update",
        object="users",
        id="ben@example.com",
        fields={"hs_availability_status": "away"},
    )
    users = account.get("/crm/v3/objects/users?properties=hs_email,hs_availability_status").body
    away = [u for u in users["results"] if u["properties"]["hs_availability_status"] == "away"]
    assert [u["properties"]["hs_email"] for u in away] == ["ben@example.com"]


@pytest.mark.parametrize(
    ("name", "top"), [("lastmodifieddate", "updatedAt"), ("createdate", "createdAt")]
)
def test_a_corrupted_record_is_garbage_on_the_wire_and_meets_every_poller(
    account: Account, name: str, top: str
) -> None:
    account.tune(search_lag_seconds=1)
    id = account.make("contacts", email="a@acme.example")
    account.pass_seconds(100)
    account.act(op="corrupt", object="contacts", id=id, property=name)
    account.pass_seconds(2)
    [found] = account.search(
        "contacts", where("lastmodifieddate", "GT", value="1767603690000")
    ).body["results"]
    read = account.get(f"/crm/v3/objects/contacts/{id}").body
    for body in (found, read):
        assert body["properties"][name] == "not-a-date"
        assert body[top] == "not-a-date"
        assert body["properties"]["email"] == "a@acme.example"


@pytest.mark.parametrize("kind", KINDS)
def test_every_fault_answers_with_its_status(account: Account, kind: str) -> None:
    answer = account.face.fault(kind, {})
    assert str(answer.status) in kind
    if "html" in kind:
        assert answer.headers["Content-Type"].startswith("text/html")
    elif kind not in ("redirect_302", "garbage_200"):
        body = json.loads(answer.body or b"")
        assert body["correlationId"] == answer.headers["X-HubSpot-Correlation-Id"]


def test_faults_take_parameters(account: Account) -> None:
    migrating = account.face.fault("migrating_477", {"retry_after": 86_400})
    assert migrating.headers["Retry-After"] == "86400"
    newer = json.loads(account.face.fault("secondly_429", {"form": "error_type"}).body or b"")
    assert ("category" in newer, newer["errorType"]) == (False, "RATE_LIMIT")
    with pytest.raises(ValueError, match="unknown fault"):
        account.face.fault("meteor", {})


def test_the_same_seed_gives_the_same_account() -> None:
    def story() -> list[Any]:
        account = Account()
        made = [account.make("contacts", email=f"p{n}@acme.example") for n in range(5)]
        account.pass_seconds(5)
        return [made, account.search("contacts").body, account.get("/crm/v3/owners").body]

    assert story() == story()

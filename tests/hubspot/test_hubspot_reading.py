"""Reading by id: an answer for every ref, survivors of merges, owner history, tasks by key."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from fairlead.core.types import Actor, Gone, Kind, OwnerKind, Record, Ref
from fairlead.errors import Bug
from fairlead.spi.connector import TaskFound, Wanted
from fairlead_hubspot.connector import HubSpotConnector

Connect = Callable[..., HubSpotConnector]
CHANGED = {"lastmodifieddate": "2026-11-02T09:00:00Z", "createdate": "2026-11-01T09:00:00Z"}


def contact(rid: str) -> Ref:
    return Ref("hubspot", "contacts", rid)


def row(rid: str, **properties: Any) -> dict[str, Any]:
    return {"id": rid, "properties": {**CHANGED, **properties}}


def test_every_ref_has_an_answer_missing_and_merged_ones_too(
    connect: Connect, wire: Any, payload: Any
) -> None:
    wire.on("read", payload("read-with-history"), status=207)
    asked = [contact(i) for i in ("7301", "7400", "7010")]
    found = connect(app_id=424242).read(asked)
    assert set(found) == set(asked)
    assert isinstance(found[contact("7400")], Gone)
    survivor = found[contact("7010")]
    assert isinstance(survivor, Record)
    assert survivor.ref == contact("9100")
    lead = found[contact("7301")]
    assert isinstance(lead, Record)
    assert lead.owner_history is not None
    assert [c.actor for c in lead.owner_history] == [Actor.AUTOMATION, Actor.US, Actor.PERSON]
    (body,) = wire.asked("read")
    assert body["propertiesWithHistory"] == ["hubspot_owner_id"]
    assert {"hs_merged_object_ids", "lastmodifieddate", "email"} <= set(body["properties"])


def test_a_survivor_that_does_not_name_its_old_ids_is_asked_for_alone(
    connect: Connect, wire: Any
) -> None:
    def respond(body: dict[str, Any]) -> tuple[int, Any]:
        new = {"10": "90", "11": "91", "12": "12"}
        return 200, {"results": [row(new[i["id"]]) for i in reversed(body["inputs"])]}

    wire.answer("read", respond)
    asked = [contact(i) for i in ("10", "11", "12")]
    found = connect().read(asked)
    assert [getattr(found[r], "ref", None) for r in asked] == [
        contact("90"), contact("91"), contact("12"),
    ]  # fmt: skip


def test_history_is_read_fifty_at_a_time_and_matched_by_id(connect: Connect, wire: Any) -> None:
    def respond(body: dict[str, Any]) -> tuple[int, Any]:
        ids = [i["id"] for i in body["inputs"]]
        assert len(ids) <= 50
        return 200, {"results": [row(i, email=f"{i}@example.com") for i in sorted(ids)[::-1]]}

    wire.answer("read", respond)
    refs = [contact(str(i)) for i in range(1, 121)]
    found = connect().read([*refs, refs[0]])
    assert len(wire.asked("read")) == 3
    assert all(getattr(found[r], "fields", {})["email"] == f"{r.id}@example.com" for r in refs)


def test_what_is_no_record_id_is_gone_without_a_call(connect: Connect, wire: Any) -> None:
    ref = contact("00Q000000000001")
    assert isinstance(connect().read([ref])[ref], Gone)
    assert not wire.mock.calls


def test_an_object_that_is_not_ours_is_a_bug(connect: Connect) -> None:
    with pytest.raises(Bug):
        connect().read([Ref("hubspot", "deals", "1")])


def test_an_answer_without_the_only_record_is_gone(connect: Connect, wire: Any) -> None:
    wire.on("read", {"status": "COMPLETE", "results": []})
    found = connect().read([contact("1"), contact("2")])
    assert all(isinstance(g, Gone) for g in found.values())


def test_owners_are_read_to_the_last_page_and_archived_ones_too(
    connect: Connect, wire: Any, payload: Any
) -> None:
    last = {"results": [{"id": "502", "email": "ben@example.com", "type": "PERSON"}]}
    archived = {"results": [{"id": "503", "email": "old@example.com", "type": "PERSON"}]}
    for body in (payload("owners"), last, archived):
        wire.on("/crm/owners/2026-09", body)
    wire.users()
    owners = {o.id: o for o in connect().owners()}
    assert {i: o.active for i, o in owners.items()} == {
        "501": True, "601": True, "502": True, "503": False,
    }  # fmt: skip
    assert owners["601"].kind is OwnerKind.QUEUE
    asked = [c.request.url.partition("?") for c in wire.mock.calls]
    queries = [query for path, _, query in asked if "/owners/" in path]
    assert [sorted(q.split("&")) for q in queries] == [
        ["archived=false", "limit=500"],
        ["after=601", "archived=false", "limit=500"],
        ["archived=true", "limit=500"],
    ]


def test_tasks_are_found_by_their_key_and_never_by_search(connect: Connect, wire: Any) -> None:
    wire.schema()
    wire.on(
        "read",
        {
            "results": [
                {"id": "31", "properties": {"fairlead_key": "m1", "hubspot_owner_id": "501",
                                            "hs_task_status": "NOT_STARTED"}},
                {"id": "32", "properties": {"fairlead_key": "m2", "hubspot_owner_id": "",
                                            "hs_task_status": "COMPLETED"}},
            ],
            "errors": [{"category": "OBJECT_NOT_FOUND", "context": {"ids": ["m3"]}}],
        },
        kind="tasks",
        status=207,
    )  # fmt: skip
    found = connect().find_tasks(["m1", "m2", "m3"])
    assert found == {
        "m1": TaskFound("m1", "31", "501", open=True),
        "m2": TaskFound("m2", "32", None, open=False),
    }
    (body,) = wire.asked("read", "tasks")
    assert body["idProperty"] == "fairlead_key"
    assert [i["id"] for i in body["inputs"]] == ["m1", "m2", "m3"]


def test_asking_for_no_task_asks_nobody(connect: Connect, wire: Any) -> None:
    assert connect().find_tasks([]) == {}
    assert not wire.mock.calls


def test_without_the_marker_property_no_task_is_claimed_to_be_known(
    connect: Connect, wire: Any
) -> None:
    wire.schema(marker=False)
    connector = connect()
    assert connector.find_tasks(["m1"]) == {}
    assert not connector.capabilities.task_marker


# -- Lead objects -------------------------------------------------------------------------------

LEAD_ROWS = [
    {"id": "1", "properties": {"hs_lastmodifieddate": "2026-11-02T09:00:00Z",
                               "hs_createdate": "2026-11-02T08:00:00Z",
                               "hs_pipeline_stage": "new-stage-id", "hubspot_owner_id": "501"}},
    {"id": "2", "properties": {"hs_lastmodifieddate": "2026-11-02T09:01:00Z"}},
]  # fmt: skip
LINKS = {
    "results": [
        {"from": {"id": "1"},
         "to": [{"toObjectId": 70, "associationTypes": [{"typeId": 608}]},
                {"toObjectId": 71, "associationTypes": [{"typeId": 608}, {"typeId": 578}]}]},
    ]
}  # fmt: skip


def test_a_lead_object_carries_its_primary_contact_s_properties(
    connect: Connect, wire: Any
) -> None:
    wire.on("search", {"results": LEAD_ROWS}, kind="leads")
    wire.on("/crm/associations/2026-09/leads/contacts/batch/read", LINKS)
    wire.on(
        "read",
        {"results": [row("71", email="ada@north.example", hubspot_owner_id="999", score="7")]},
    )
    connector = connect(wanted=Wanted("leads", ("contact.score", "hs_priority")))
    cursor = connector.start_cursor(Kind.LEAD, since=datetime(2026, 11, 1, tzinfo=UTC))
    first, second = connector.changes({Kind.LEAD: cursor})[Kind.LEAD].records
    assert first.ref == Ref("hubspot", "leads", "1")
    assert first.owner_id == "501", "the lead's owner, not the contact's"
    assert first.fields["contact.id"] == "71"
    assert first.fields["contact.score"] == "7"
    (source,) = connector.field_map.sources("email")
    assert first.fields[source] == "ada@north.example"
    assert second.unreadable is None
    assert source not in second.fields
    assert first.url is not None
    assert first.url.endswith("/record/0-136/1")
    assert "hs_priority" in wire.asked("search", "leads")[0]["properties"]
    assert "score" in wire.asked("read")[0]["properties"]


def test_lead_objects_offer_the_contact_s_fields_as_well(connect: Connect, wire: Any) -> None:
    wire.on("properties", {"results": [{"name": "hs_lead_name", "type": "string"}]}, kind="leads")
    wire.on("properties", {"results": [{"name": "email", "type": "string"}]})
    fields = connect(lead_object="leads").fields()
    assert [f.name for f in fields] == ["hs_lead_name", "contact.email"]


def test_addresses_need_no_call_and_no_guess(connect: Connect) -> None:
    connector = connect(portal_id="77")
    url = connector.record_url(contact("5"))
    assert url == "https://app.hubspot.com/contacts/77/record/0-1/5"
    assert connect(portal_id=None, app_id="1").record_url(contact("5")) == ""


def test_the_body_is_plain_json(connect: Connect, wire: Any) -> None:
    wire.on("read", {"results": [row("1")]})
    connect().read([contact("1")])
    (call,) = wire.mock.calls
    assert call.request.headers["Content-Type"] == "application/json"
    assert json.loads(call.request.body)["inputs"] == [{"id": "1"}]

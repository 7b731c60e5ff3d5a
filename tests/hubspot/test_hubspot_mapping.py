"""Wire to values: dates in both forms, missing in both forms, and rows that make no sense."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fairlead.core.schema import LEAD_SCHEMA
from fairlead.core.types import Actor, Kind, OwnerKind, Ref
from fairlead_hubspot import mapping
from fairlead_hubspot.names import CONTACT_FIELDS, CONTACTS, LEAD_FIELDS


def row(**properties: Any) -> dict[str, Any]:
    base = {"createdate": "2026-11-02T09:00:00Z", "lastmodifieddate": "2026-11-02T09:00:01.5Z"}
    return {"id": "7", "properties": {**base, **properties}}


def record(raw: dict[str, Any], **options: Any) -> Any:
    return mapping.record(CONTACTS, raw, **{"app_id": "42", "url": None, **options})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2022-02-17T19:25:29Z", datetime(2022, 2, 17, 19, 25, 29, tzinfo=UTC)),
        ("2022-02-17T19:25:29.014Z", datetime(2022, 2, 17, 19, 25, 29, 14000, tzinfo=UTC)),
        ("2022-02-17T20:25:29+01:00", datetime(2022, 2, 17, 19, 25, 29, tzinfo=UTC)),
        ("1645125929014", datetime(2022, 2, 17, 19, 25, 29, 14000, tzinfo=UTC)),
        (1645125929014, datetime(2022, 2, 17, 19, 25, 29, 14000, tzinfo=UTC)),
    ],
)
def test_instants_come_in_several_forms(text: Any, expected: datetime) -> None:
    assert mapping.instant(text) == expected
    assert mapping.from_ms(mapping.to_ms(expected)) == expected


@pytest.mark.parametrize("bad", ["soon", "", None, True, {}, "9" * 30])
def test_what_is_no_instant_is_refused(bad: Any) -> None:
    with pytest.raises(ValueError, match=r"instant|isoformat|too large"):
        mapping.instant(bad)


def test_null_and_empty_are_the_same_missing_value() -> None:
    read = record(row(city="", country=None, state="Berlin", hubspot_owner_id=""))
    assert (read.fields["city"], read.fields["country"]) == (None, None)
    assert read.fields["state"] == "Berlin"
    assert read.owner_id is None
    assert read.unreadable is None


def test_a_page_with_a_broken_row_keeps_its_other_rows(payload: Any) -> None:
    first, second, broken = (record(r) for r in payload("search-contacts")["results"])
    assert first.ref == Ref("hubspot", "contacts", "7301")
    assert first.kind is Kind.LEAD
    assert first.created_at == datetime(2026, 11, 2, 9, 14, 7, tzinfo=UTC)
    assert (first.owner_id, second.owner_id) == (None, "501")
    assert second.unreadable is None
    assert broken.ref.id == "7305"
    assert broken.unreadable == "createdate is not a date"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"id": "7"}, "properties are missing"),
        ({"id": "7", "properties": []}, "properties are missing"),
        (row(lastmodifieddate="yesterday"), "lastmodifieddate is not a date"),
        (row(email=["x@broken.example"]), "property email is not a plain value"),
        (row(lastmodifieddate=None, createdate=None), "no modification date"),
    ],
)
def test_an_unreadable_row_says_why_without_its_values(raw: Any, reason: str) -> None:
    read = record(raw)
    assert reason in read.unreadable
    assert "broken.example" not in read.unreadable
    assert read.ref.id == "7"
    assert read.version == record(raw).version, "one version, however often it is seen"


def test_an_archived_row_is_deleted() -> None:
    assert record({**row(), "archived": True}).deleted


def test_owner_history_is_newest_last_and_names_the_actor(payload: Any) -> None:
    raw = payload("read-with-history")["results"][0]
    changes = record(raw, app_id="424242").owner_history
    assert [(c.owner_id, c.actor) for c in changes] == [
        (None, Actor.AUTOMATION),
        ("501", Actor.US),
        ("502", Actor.PERSON),
    ]
    assert changes[-1].actor_id == "9001"
    assert changes[0].at < changes[1].at < changes[2].at


def test_equal_instants_keep_the_order_of_the_wire() -> None:
    entries = [
        {"value": v, "timestamp": "2026-11-02T09:00:00Z", "sourceType": "CRM_UI"} for v in "321"
    ]
    raw = {**row(), "propertiesWithHistory": {"hubspot_owner_id": entries}}
    assert [c.owner_id for c in record(raw).owner_history] == ["1", "2", "3"]


def test_a_history_that_cannot_be_read_makes_the_row_unreadable() -> None:
    entries = [{"value": "1", "timestamp": "once", "sourceType": "CRM_UI"}]
    raw = {**row(), "propertiesWithHistory": {"hubspot_owner_id": entries}}
    assert "owner history" in record(raw).unreadable


def test_no_history_asked_is_none_and_an_empty_one_is_empty() -> None:
    assert record(row()).owner_history is None
    empty = {**row(), "propertiesWithHistory": {"hubspot_owner_id": []}}
    assert record(empty).owner_history == ()


@pytest.mark.parametrize(
    ("entry", "app_id", "expected"),
    [
        ({"sourceType": "INTEGRATION", "sourceId": "42"}, "42", Actor.US),
        ({"sourceType": "INTEGRATION", "sourceId": "43"}, "42", Actor.AUTOMATION),
        ({"sourceType": "INTEGRATION", "sourceId": "42"}, None, Actor.UNKNOWN),
        ({"sourceType": "INTEGRATION"}, "42", Actor.UNKNOWN),
        ({"sourceType": "CRM_UI", "sourceId": "userId:9"}, "42", Actor.PERSON),
        ({"sourceType": "MOBILE_IOS"}, "42", Actor.PERSON),
        ({"sourceType": "NEW_SCREEN", "updatedByUserId": 9}, "42", Actor.PERSON),
        ({"sourceType": "AUTOMATION_PLATFORM", "sourceId": "1"}, "42", Actor.AUTOMATION),
        ({"sourceType": "IMPORT", "sourceId": "userId:9"}, "42", Actor.AUTOMATION),
        ({"sourceType": "MERGE_OBJECTS"}, "42", Actor.UNKNOWN),
        ({}, "42", Actor.UNKNOWN),
    ],
)
def test_who_changed_it(entry: Any, app_id: str | None, expected: Actor) -> None:
    assert mapping.actor(entry, app_id)[0] is expected


def test_owners_are_people_or_queues_with_a_lower_case_e_mail(payload: Any) -> None:
    anna, inbound = (mapping.owner(r, archived=False) for r in payload("owners")["results"])
    assert anna is not None
    assert inbound is not None
    assert (anna.kind, anna.name, anna.email) == (OwnerKind.REP, "Anna Berg", "anna@example.com")
    assert (anna.active, anna.fields["teams"]) == (True, ("EMEA",))
    assert (inbound.kind, inbound.name, inbound.email) == (OwnerKind.QUEUE, "Inbound", None)
    gone = mapping.owner(payload("owners")["results"][0], archived=True)
    assert gone is not None
    assert not gone.active
    assert mapping.owner({"email": "x@example.com"}, archived=False) is None


@pytest.mark.parametrize(
    ("definition", "type_", "custom"),
    [
        ({"name": "a", "type": "string", "hubspotDefined": True}, "text", False),
        ({"name": "a", "type": "number"}, "number", True),
        ({"name": "a", "type": "bool"}, "bool", True),
        ({"name": "a", "type": "datetime"}, "instant", True),
        ({"name": "a", "type": "date"}, "instant", True),
        ({"name": "a", "type": "enumeration", "fieldType": "select"}, "text", True),
        ({"name": "a", "type": "enumeration", "fieldType": "checkbox"}, "list", True),
    ],
)
def test_properties_have_one_of_our_types(definition: Any, type_: str, custom: bool) -> None:
    found = mapping.remote_field(definition)
    assert found is not None
    assert (found.type, found.custom, found.label) == (type_, custom, "a")


def test_a_property_s_options_are_its_values() -> None:
    found = mapping.remote_field(
        {"name": "p", "label": "P", "type": "enumeration", "options": [{"value": "x"}, {}, 3]}
    )
    assert found is not None
    assert found.options == ("x",)


@pytest.mark.parametrize("field_map", [CONTACT_FIELDS, LEAD_FIELDS])
def test_the_field_map_speaks_of_names_that_rules_know(field_map: Any) -> None:
    for_matching = {"account.domain", "account.website"}
    assert set(field_map.names()) - for_matching <= set(LEAD_SCHEMA.types)
    assert all(field_map.sources(n) for n in field_map.names())
    assert field_map.sources("nonsense") == ()


def test_merged_ids_are_read_from_both_properties() -> None:
    raw = row(hs_merged_object_ids="1;2", hs_calculated_merged_vids="2:1700000000000;3:17")
    assert mapping.merged_ids(raw) == {"1", "2", "3"}
    assert mapping.merged_ids({"id": "1"}) == frozenset()

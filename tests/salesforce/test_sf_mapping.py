"""Rows become values without ever raising, and values become rows that Salesforce takes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from salesforce.wire_sf import ANNA, BEN, INBOUND, ROBOT, fixture, lead

from fairlead.core.effects import SetOwner, UpsertTask
from fairlead.core.types import Kind, OwnerKind, Ref
from fairlead_salesforce import mapping
from fairlead_salesforce.people import NOBODY, People, owners

LEAD = Ref("salesforce", "Lead", "00Q000000000001AAA")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("001000000000000", "001000000000000AAA"),
        ("00Qd0000001Abcd", "00Qd0000001AbcdEAC"),
        ("a0123456789ABCD", "a0123456789ABCDAA4"),
        ("ZZZZZZZZZZZZZZZ", "ZZZZZZZZZZZZZZZ555"),
    ],
)
def test_an_id_of_15_characters_gets_its_case_suffix(short: str, full: str) -> None:
    assert mapping.to_18(short) == full
    assert mapping.to_18(full) == full


@pytest.mark.parametrize("bad", ["", "00Q", "00Q00000000000!", "00Q0000000000011", "x" * 19])
def test_what_is_no_id_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="not a Salesforce id"):
        mapping.to_18(bad)


def test_a_lead_row_becomes_a_record() -> None:
    record = mapping.record(Kind.LEAD, "Lead", fixture("lead"), "https://acme.my.salesforce.com")
    assert record is not None
    assert record.ref == LEAD
    assert record.modified_at == datetime(2026, 3, 2, 9, 0, 1, tzinfo=UTC)
    assert record.created_at == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert record.owner_id == INBOUND
    assert record.fields["Company"] == "Voss Shipping"
    assert "attributes" not in record.fields
    assert record.unreadable is None
    assert record.url == ("https://acme.my.salesforce.com/lightning/r/Lead/00Q000000000001AAA/view")


def test_deleted_merged_and_converted_show() -> None:
    row = lead(1, IsDeleted=True, MasterRecordId="00Q000000000002", IsConverted=True)
    record = mapping.record(Kind.LEAD, "Lead", row, "")
    assert record is not None
    assert (record.deleted, record.converted) == (True, True)
    assert record.merged_into == Ref("salesforce", "Lead", "00Q000000000002EAA")


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("SystemModstamp", "yesterday", "SystemModstamp"),
        ("SystemModstamp", None, "SystemModstamp is not a text"),
        ("SystemModstamp", "2026-03-02T09:00:00", "without a time zone"),
        ("CreatedDate", 7, "CreatedDate is not a text"),
        ("OwnerId", {"Id": 1}, "OwnerId is not an id"),
        ("IsDeleted", "no", "IsDeleted is not true or false"),
        ("MasterRecordId", "?", "MasterRecordId is not an id"),
    ],
)
def test_a_row_that_cannot_be_read_says_why(field: str, value: Any, reason: str) -> None:
    record = mapping.record(Kind.LEAD, "Lead", lead(1, **{field: value}), "")
    assert record is not None
    assert record.unreadable is not None
    assert reason in record.unreadable


def test_a_row_without_a_stamp_has_one_version_for_ever() -> None:
    first = mapping.record(Kind.LEAD, "Lead", lead(1, SystemModstamp="?"), "")
    again = mapping.record(Kind.LEAD, "Lead", lead(1, SystemModstamp="??"), "")
    assert first is not None
    assert again is not None
    assert first.version == again.version


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(fixture("lead"))), JSON))
def test_no_row_whatever_raises(changes: dict[str, Any]) -> None:
    record = mapping.record(Kind.LEAD, "Lead", {**fixture("lead"), **changes}, "")
    usable_id = isinstance(changes.get("Id", LEAD.id), str) and len(changes.get("Id", LEAD.id)) > 14
    assert record is not None or not usable_id or "Id" in changes


def test_users_and_queues_become_owners() -> None:
    found = owners(fixture("users")["records"], fixture("queues")["records"], frozenset({INBOUND}))
    by_id = {owner.id: owner for owner in found}
    assert by_id[ANNA].email == "anna@example.com"
    assert by_id[ANNA].kind is OwnerKind.REP
    assert by_id["005000000000005AAA"].kind is OwnerKind.UNKNOWN
    assert by_id[INBOUND].kind is OwnerKind.QUEUE
    assert by_id[INBOUND].active
    assert not by_id["00G000000000002AAA"].active, "a queue without leads cannot be given one"


def people() -> People:
    found = owners(fixture("users")["records"], fixture("queues")["records"], frozenset({INBOUND}))
    return People.of(found, [ROBOT], ["Dialer@acme.example"])


def task(**changes: Any) -> UpsertTask:
    values = {
        "key": "k",
        "ref": LEAD,
        "marker": "m1",
        "owner_id": ANNA,
        "subject": "Call Ida",
        "body": "now",
        "due_at": datetime(2026, 3, 2, 2, 30, tzinfo=UTC),
    }
    return UpsertTask(**{**values, **changes})


def test_a_task_is_due_on_the_owners_calendar_day() -> None:
    due = task().due_at
    assert people().local_date(due, ANNA) == "2026-03-02"
    assert people().local_date(due, BEN) == "2026-03-01", "still the evening before in New York"
    assert NOBODY.local_date(due, BEN) == "2026-03-02"


def test_a_task_row_carries_marker_reminder_and_no_status() -> None:
    row = mapping.task_row(task(high_priority=True), "2026-03-02", marker=True)
    assert row == {
        "attributes": {"type": "Task"},
        "WhoId": LEAD.id,
        "OwnerId": ANNA,
        "Subject": "Call Ida",
        "Description": "now",
        "ActivityDate": "2026-03-02",
        "Priority": "High",
        "IsReminderSet": True,
        "ReminderDateTime": "2026-03-02T02:30:00Z",
        "Fairlead_Key__c": "m1",
    }


def test_without_the_marker_field_the_text_carries_the_marker() -> None:
    row = mapping.task_row(task(body="x" * 40_000), "2026-03-02", marker=False)
    assert "Fairlead_Key__c" not in row
    assert row["Description"].endswith("fairlead: m1")
    assert len(row["Description"]) == 32_000


def test_lead_data_cannot_become_a_composite_reference() -> None:
    row = mapping.task_row(task(subject="Call @{p0.id}", body="@{p1.x}"), "2026-03-02", marker=True)
    owner = SetOwner("k", LEAD, ANNA, None, audit="@{p0.id}")
    assert "@{" not in row["Subject"] + row["Description"]
    assert "@{" not in mapping.owner_row(owner, audit_length=120)["Fairlead_Reason__c"]


def test_the_reason_is_cut_to_the_field_and_left_out_without_one() -> None:
    effect = SetOwner("k", LEAD, ANNA, INBOUND, audit="r" * 300)
    assert len(mapping.owner_row(effect, audit_length=120)["Fairlead_Reason__c"]) == 120
    assert mapping.owner_row(effect, audit_length=0) == {
        "attributes": {"type": "Lead"},
        "id": LEAD.id,
        "OwnerId": ANNA,
    }


def test_the_field_map_covers_what_the_design_promises() -> None:
    field_map = mapping.SalesforceFieldMap()
    assert field_map.sources("country") == ("CountryCode", "Country")
    assert field_map.sources("employees") == ("NumberOfEmployees",)
    assert field_map.sources("lifecycle_stage") == ()
    assert field_map.sources("account.website") == ("Website",)
    assert field_map.sources("account.parent") == ("ParentId",)
    read = mapping.FEEDS[Kind.ACCOUNT].fields
    of_account = [n for n in field_map.names() if n.startswith("account.")]
    assert of_account
    assert all(set(field_map.sources(n)) <= set(read) for n in of_account)
    assert all(field_map.sources(name) for name in field_map.names())


def test_remote_fields_have_our_types() -> None:
    found = {f.name: f for f in mapping.remote_fields(fixture("describe_lead")["fields"])}
    assert "Address" not in found
    assert found["NumberOfEmployees"].type == "number"
    assert found["CreatedDate"].type == "instant"
    assert found["IsConverted"].type == "bool"
    assert found["Product_Interest__c"].type == "list"
    assert found["Product_Interest__c"].options == ("Cranes", "Winches")
    assert found["Product_Interest__c"].custom
    assert found["Industry"].options == ("Banking",), "inactive values are not offered"

"""Salesforce rows to the house's values and back; pure, no I/O, and it never raises for a bad row.

A row that cannot be understood becomes a `Record` with `unreadable` set, so that it turns into a
dead letter while its page goes on. Wire facts: docs/connectors-salesforce.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from fairlead.core.effects import SetOwner, UpsertTask
from fairlead.core.types import Kind, Record, Ref
from fairlead.spi.connector import RemoteField, TaskFound

CRM = "salesforce"
MARKER_FIELD = "Fairlead_Key__c"
AUDIT_FIELD = "Fairlead_Reason__c"
SUBJECT_LENGTH = 255
BODY_LENGTH = 32_000
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""The version of a row whose own stamp cannot be read: fixed, so that it is reported once."""

_ID = re.compile(r"[a-zA-Z0-9]{15}(?:[a-zA-Z0-9]{3})?")
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

LEAD_FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "id": ("Id",),
        "email": ("Email",),
        "phone": ("Phone",),
        "mobile": ("MobilePhone",),
        "first_name": ("FirstName",),
        "last_name": ("LastName",),
        "title": ("Title",),
        "company": ("Company",),
        "website": ("Website",),
        "country": ("CountryCode", "Country"),
        "state": ("StateCode", "State"),
        "postal_code": ("PostalCode",),
        "city": ("City",),
        "industry": ("Industry",),
        "source": ("LeadSource",),
        "employees": ("NumberOfEmployees",),
        "revenue": ("AnnualRevenue",),
        "status": ("Status",),
        "rating": ("Rating",),
        "created_at": ("CreatedDate",),
        "modified_at": ("SystemModstamp",),
        "is_converted": ("IsConverted",),
        "opted_out": ("HasOptedOutOfEmail",),
    }
)
"""Our lead field names and the Lead fields that fill them, in the order to try."""


ACCOUNT_FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "account.name": ("Name",),
        "account.website": ("Website",),
        "account.owner": ("OwnerId",),
        "account.type": ("Type",),
        "account.industry": ("Industry",),
        "account.employees": ("NumberOfEmployees",),
        "account.parent": ("ParentId",),
    }
)


class SalesforceFieldMap:
    """Where our names live on Lead, and those beginning `account.` on Account; custom fields come
    from the policy."""

    def sources(self, name: str) -> tuple[str, ...]:
        return LEAD_FIELDS.get(name) or ACCOUNT_FIELDS.get(name, ())

    def names(self) -> tuple[str, ...]:
        return (*LEAD_FIELDS, *ACCOUNT_FIELDS)


@dataclass(frozen=True, slots=True)
class Feed:
    """How one kind is read: its object, the fields asked for, and those it cannot do without."""

    object: str
    fields: tuple[str, ...]
    needed: tuple[str, ...]
    where: str = ""
    described: bool = True


_COMMON = ("Id", "SystemModstamp")

FEEDS: Mapping[Kind, Feed] = MappingProxyType(
    {
        Kind.LEAD: Feed(
            "Lead",
            (
                *dict.fromkeys(f for names in LEAD_FIELDS.values() for f in names),
                "OwnerId",
                "IsDeleted",
                "MasterRecordId",
                "ConvertedAccountId",
                "ConvertedContactId",
            ),
            (*_COMMON, "OwnerId", "IsDeleted", "CreatedDate"),
        ),
        Kind.CONTACT: Feed(
            "Contact",
            (
                *_COMMON,
                *("FirstName", "LastName", "Email", "Phone", "MobilePhone", "AccountId"),
                *("OwnerId", "CreatedDate", "IsDeleted", "MasterRecordId"),
            ),
            (*_COMMON, "OwnerId", "IsDeleted"),
        ),
        Kind.ACCOUNT: Feed(
            "Account",
            (
                *_COMMON,
                *("Name", "Website", "Type", "Industry", "NumberOfEmployees", "ParentId"),
                *("OwnerId", "CreatedDate", "IsDeleted", "MasterRecordId"),
            ),
            (*_COMMON, "Name", "OwnerId", "IsDeleted"),
        ),
        # Users and groups are never deleted, so they have no IsDeleted to select.
        Kind.REP: Feed(
            "User",
            (
                *_COMMON,
                *("Name", "Email", "Username", "IsActive", "UserType", "TimeZoneSidKey"),
                *("LocaleSidKey", "ManagerId", "CreatedDate"),
            ),
            _COMMON,
            described=False,
        ),
        Kind.QUEUE: Feed(
            "Group",
            (*_COMMON, "Name", "DeveloperName", "Email", "CreatedDate"),
            _COMMON,
            where="Type = 'Queue'",
            described=False,
        ),
    }
)


def to_18(text: str) -> str:
    """The 18-character form of a record id; raises ValueError for anything that is not an id."""
    if _ID.fullmatch(text) is None:
        raise ValueError("not a Salesforce id")
    if len(text) == 18:
        return text
    suffix = ""
    for start in (0, 5, 10):
        bits = sum(1 << i for i, c in enumerate(text[start : start + 5]) if "A" <= c <= "Z")
        suffix += _CHECK[bits]
    return text + suffix


def stamp(text: Any) -> datetime:
    """An instant as Salesforce writes it; raises ValueError, without the value, when it is none."""
    if not isinstance(text, str):
        raise ValueError("not a text")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("no instant") from None
    if at.tzinfo is None:
        raise ValueError("without a time zone")
    return at.astimezone(UTC)


def record(kind: Kind, obj: str, row: Mapping[str, Any], base_url: str) -> Record | None:
    """One row as a `Record`; None only for a row without a usable id, which nobody can address."""
    try:
        ref = Ref(CRM, obj, to_18(row["Id"]))
    except (KeyError, ValueError, TypeError):
        return None
    wrong: list[str] = []

    def flag(name: str) -> bool:
        value = row.get(name, False)
        if not isinstance(value, bool):
            wrong.append(f"{name} is not true or false")
            return False
        return value

    def link(name: str) -> str | None:
        value = row.get(name)
        if value is None:
            return None
        try:
            return to_18(value)
        except (ValueError, TypeError):
            wrong.append(f"{name} is not an id")
            return None

    modified_at = NEVER
    created_at: datetime | None = None
    try:
        modified_at = stamp(row.get("SystemModstamp"))
    except ValueError as e:
        wrong.append(f"SystemModstamp is {e}")
    if row.get("CreatedDate") is not None:
        try:
            created_at = stamp(row["CreatedDate"])
        except ValueError as e:
            wrong.append(f"CreatedDate is {e}")
    owner_id = link("OwnerId")
    master = link("MasterRecordId")
    deleted, converted = flag("IsDeleted"), flag("IsConverted")
    return Record(
        ref=ref,
        kind=kind,
        modified_at=modified_at,
        created_at=created_at,
        fields={k: v for k, v in row.items() if k != "attributes"},
        owner_id=owner_id,
        deleted=deleted,
        merged_into=Ref(CRM, obj, master) if master is not None else None,
        converted=converted,
        unreadable="; ".join(wrong) or None,
        url=page_url(base_url, obj, ref.id),
    )


def page_url(base_url: str, obj: str, record_id: str) -> str:
    """Where a person opens the record in Lightning."""
    return f"{base_url}/lightning/r/{obj}/{record_id}/view"


def _harmless(text: str, length: int) -> str:
    # "@{name.field}" inside a composite body is a reference to another part's answer.
    return text.replace("@{", "@ {")[:length]


def owner_row(effect: SetOwner, *, audit_length: int) -> dict[str, Any]:
    """A Collections row that gives a record its owner; `audit_length` 0 leaves the reason out."""
    row = {
        "attributes": {"type": effect.ref.object},
        "id": effect.ref.id,
        "OwnerId": effect.owner_id,
    }
    if audit_length and effect.audit and effect.ref.object == "Lead":
        row[AUDIT_FIELD] = _harmless(effect.audit, audit_length)
    return row


def task_row(effect: UpsertTask, due_on: str, *, marker: bool) -> dict[str, Any]:
    """A Collections row that makes or updates a task.

    `due_on` is the day in the owner's zone. Status is left to the org's default. Without the
    marker field the marker stands in the text.
    """
    body = effect.body
    if not marker:
        tail = f"\n\nfairlead: {effect.marker}"
        body = body[: BODY_LENGTH - len(tail)] + tail
    row: dict[str, Any] = {
        "attributes": {"type": "Task"},
        "WhoId" if effect.ref.object in ("Lead", "Contact") else "WhatId": effect.ref.id,
        "OwnerId": effect.owner_id,
        "Subject": _harmless(effect.subject, SUBJECT_LENGTH),
        "Description": _harmless(body, BODY_LENGTH),
        "ActivityDate": due_on,
        "Priority": "High" if effect.high_priority else "Normal",
        "IsReminderSet": True,
        "ReminderDateTime": effect.due_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if marker:
        row[MARKER_FIELD] = effect.marker
    return row


def task_found(row: Mapping[str, Any]) -> TaskFound | None:
    """A Task row of ours; one that a person deleted counts as there and closed."""
    try:
        marker, task_id = row[MARKER_FIELD], to_18(row["Id"])
        owner = row.get("OwnerId")
        owner_id = to_18(owner) if owner is not None else None
    except (KeyError, ValueError, TypeError):
        return None
    if not isinstance(marker, str):
        return None
    is_open = row.get("IsClosed") is not True and row.get("IsDeleted") is not True
    return TaskFound(marker, task_id, owner_id, is_open)


_TYPES = {
    "boolean": "bool",
    "int": "number",
    "double": "number",
    "currency": "number",
    "percent": "number",
    "long": "number",
    "date": "instant",
    "datetime": "instant",
    "multipicklist": "list",
}
_NOT_FIELDS = {"address", "location", "base64", "anyType", "complexvalue"}


def remote_fields(described: Iterable[Mapping[str, Any]]) -> tuple[RemoteField, ...]:
    """Describe's fields for `init` and `check`; compound ones are left out."""
    found = []
    for field in described:
        kind = str(field.get("type"))
        if kind in _NOT_FIELDS:
            continue
        options = tuple(
            str(option["value"])
            for option in field.get("picklistValues") or ()
            if option.get("active", True) and option.get("value") is not None
        )
        found.append(
            RemoteField(
                name=str(field["name"]),
                label=str(field.get("label") or field["name"]),
                type=_TYPES.get(kind, "text"),
                custom=field.get("custom") is True,
                options=options,
            )
        )
    return tuple(found)

"""Wire to values: HubSpot's rows become the house's records, owners and fields. Pure.

HubSpot sends every value as text, a cleared one as "" and a never set one as null: both are None
here. Instants come with or without a fraction; they are compared as instants, never as text.
Reasons of unreadable rows name properties, never values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from fairlead.core.types import Actor, CrmOwner, OwnerChange, OwnerKind, Record, Ref
from fairlead.spi.connector import RemoteField
from fairlead_hubspot.names import CONTACT_PREFIX, CRM, OWNER, ObjectType

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_BY_PERSON = frozenset(
    {"CRM_UI", "CRM_UI_BULK_ACTION", "CONTACTS_WEB", "MOBILE_IOS", "MOBILE_ANDROID"}
)
_BY_MACHINE = frozenset({"AUTOMATION_PLATFORM", "WORKFLOWS", "IMPORT", "API", "FORM", "MIGRATION"})
_TYPES: Mapping[str, str] = {
    "number": "number",
    "bool": "bool",
    "date": "instant",
    "datetime": "instant",
}


def instant(value: object) -> datetime:
    """An aware UTC instant from ISO text or epoch milliseconds; raises ValueError for others."""
    if isinstance(value, str):
        if value.lstrip("-").isdigit():
            return from_ms(int(value))
        read = datetime.fromisoformat(value)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    if isinstance(value, int) and not isinstance(value, bool):
        return from_ms(value)
    raise ValueError("not an instant")


def from_ms(ms: int) -> datetime:
    """The instant of an epoch-millisecond count; raises ValueError when out of range."""
    try:
        return EPOCH + timedelta(milliseconds=ms)
    except OverflowError as e:
        raise ValueError("not an instant") from e


def to_ms(at: datetime) -> int:
    """Whole epoch milliseconds, rounded down."""
    return (at - EPOCH) // timedelta(milliseconds=1)


def row_id(row: object) -> str | None:
    """The row's record id, or None when there is none to speak of."""
    rid = row.get("id") if isinstance(row, Mapping) else None
    return str(rid) if isinstance(rid, str | int) and str(rid).isdigit() else None


def key(row: Mapping[str, Any], kind: ObjectType) -> tuple[int, int | None]:
    """Id and modification instant in epoch milliseconds (None when unreadable) of a row with id."""
    rid = int(row_id(row) or 0)
    properties = row.get("properties")
    try:
        value = properties.get(kind.modified) if isinstance(properties, Mapping) else None
        return rid, to_ms(instant(value or row.get("updatedAt")))
    except ValueError:
        return rid, None


def record(
    kind: ObjectType,
    row: Mapping[str, Any],
    *,
    app_id: str | None,
    url: str | None,
    contact: Mapping[str, Any] | None = None,
) -> Record:
    """One row as a record; never raises for a row that has an id.

    `contact` is the row of a Lead object's primary contact. A row that cannot be understood comes
    out `unreadable`, with the best modification instant there is, so that it keeps one version.
    """
    problems: list[str] = []
    fields = _values(row.get("properties"), "", problems)
    if contact is not None:
        fields |= _values(contact.get("properties"), CONTACT_PREFIX, problems)
        fields[CONTACT_PREFIX + "id"] = row_id(contact)
    modified = _first_instant(
        (kind.modified, fields.get(kind.modified)), ("updatedAt", row.get("updatedAt")), problems
    )
    created = _first_instant(
        (kind.created, fields.get(kind.created)), ("createdAt", row.get("createdAt")), problems
    )
    if modified is None:
        problems.append("no modification date")
    history = None
    if "propertiesWithHistory" in row:
        history = _history(row["propertiesWithHistory"], app_id, problems)
    owner = fields.get(OWNER)
    return Record(
        ref=Ref(CRM, kind.name, row_id(row) or ""),
        kind=kind.kind,
        modified_at=modified or created or EPOCH,
        created_at=created,
        fields=fields,
        owner_id=None if owner is None else str(owner),
        deleted=row.get("archived") is True,
        unreadable="; ".join(problems) or None,
        owner_history=history,
        url=url,
    )


def merged_ids(row: Mapping[str, Any]) -> frozenset[str]:
    """Ids of records that were merged into this one."""
    properties = row.get("properties")
    if not isinstance(properties, Mapping):
        return frozenset()
    plain = str(properties.get("hs_merged_object_ids") or "").split(";")
    timed = str(properties.get("hs_calculated_merged_vids") or "").split(";")
    return frozenset(i for i in (*plain, *(t.split(":")[0] for t in timed)) if i)


def actor(entry: Mapping[str, Any], app_id: str | None) -> tuple[Actor, str | None]:
    """Who made a change, and under which id, by HubSpot's source of it.

    An integration's change is ours only when it names our app; while our app is not known it is
    UNKNOWN, and the house compares values instead.
    """
    source, sid = entry.get("sourceType"), entry.get("sourceId")
    who = str(sid) if sid else None
    if source == "INTEGRATION":
        if app_id is None or who is None:
            return Actor.UNKNOWN, who
        return (Actor.US if who == app_id else Actor.AUTOMATION), who
    user = entry.get("updatedByUserId") or (who or "").partition("userId:")[2] or None
    if source in _BY_MACHINE:
        return Actor.AUTOMATION, who
    if source in _BY_PERSON or user is not None:
        return Actor.PERSON, str(user) if user is not None else who
    return Actor.UNKNOWN, who


def owner(row: Mapping[str, Any], *, archived: bool) -> CrmOwner | None:
    """One owner; None for a row without an id."""
    oid = row_id(row)
    if oid is None:
        return None
    email = str(row.get("email") or "").strip().lower() or None
    name = " ".join(str(row[k]).strip() for k in ("firstName", "lastName") if row.get(k))
    teams = row.get("teams")
    return CrmOwner(
        crm=CRM,
        id=oid,
        kind=OwnerKind.QUEUE if row.get("type") == "QUEUE" else OwnerKind.REP,
        name=name or email or oid,
        email=email,
        active=not (archived or row.get("archived") is True),
        fields={
            "userId": _text(row.get("userId") or row.get("userIdIncludingInactive")),
            "teams": tuple(
                str(t["name"])
                for t in (teams if isinstance(teams, list) else ())
                if isinstance(t, Mapping) and t.get("name")
            ),
        },
    )


def remote_field(row: Mapping[str, Any], prefix: str = "") -> RemoteField | None:
    """One property definition; None for one without a name."""
    name = row.get("name")
    if not isinstance(name, str) or not name:
        return None
    options = row.get("options")
    several = row.get("type") == "enumeration" and row.get("fieldType") == "checkbox"
    return RemoteField(
        name=prefix + name,
        label=str(row.get("label") or name),
        type="list" if several else _TYPES.get(str(row.get("type")), "text"),
        custom=row.get("hubspotDefined") is not True,
        options=tuple(
            str(o["value"])
            for o in (options if isinstance(options, list) else ())
            if isinstance(o, Mapping) and o.get("value") not in (None, "")
        ),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _values(properties: object, prefix: str, problems: list[str]) -> dict[str, Any]:
    if not isinstance(properties, Mapping):
        problems.append(f"{prefix}properties are missing")
        return {}
    values: dict[str, Any] = {}
    for name, value in properties.items():
        if value is None or value == "":
            values[prefix + name] = None
        elif isinstance(value, str | int | float):
            values[prefix + name] = value
        else:
            problems.append(f"property {prefix}{name} is not a plain value")
    return values


def _first_instant(
    own: tuple[str, object], spare: tuple[str, object], problems: list[str]
) -> datetime | None:
    for name, value in (own, spare):
        if value is None or value == "":
            continue
        try:
            return instant(value)
        except ValueError:
            problems.append(f"{name} is not a date")
    return None


def _history(
    histories: object, app_id: str | None, problems: list[str]
) -> tuple[OwnerChange, ...] | None:
    entries = histories.get(OWNER) if isinstance(histories, Mapping) else None
    if entries is None:
        return None
    if not isinstance(entries, list):
        problems.append("owner history is not a list")
        return None
    # Newest first on the wire; the sort is stable, so equal instants keep the wire's order.
    changes = _changes(reversed(entries), app_id, problems)
    return tuple(sorted(changes, key=lambda c: c.at))


def _changes(entries: Iterable[Any], app_id: str | None, problems: list[str]) -> list[OwnerChange]:
    changes: list[OwnerChange] = []
    for entry in entries:
        try:
            at = instant(entry.get("timestamp")) if isinstance(entry, Mapping) else None
        except ValueError:
            at = None
        if at is None:
            problems.append("an owner history entry has no date")
            continue
        who, who_id = actor(entry, app_id)
        changes.append(OwnerChange(at, _text(entry.get("value") or None), who, who_id))
    return changes

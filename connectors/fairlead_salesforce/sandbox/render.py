"""How a row looks: the value of each field, system and computed ones included, and its JSON.

Between `state` and everything that shows or compares rows. Instants are text in the vendor's one
form (UTC, whole seconds), which sorts as it should.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any

from fairlead.sandbox.org import Row
from fairlead_salesforce.sandbox.schema import FieldDef, ObjectDef
from fairlead_salesforce.sandbox.setup_objects import PEOPLE
from fairlead_salesforce.sandbox.state import Sandbox

Read = Callable[[Row], Any]


@lru_cache(maxsize=65_536)
def stamp(at: datetime) -> str:
    """`2013-05-07T22:07:19.000+0000`; the fraction is always zero."""
    return at.isoformat(timespec="seconds")[:19] + ".000+0000"


def full_name(row: Row) -> str | None:
    parts = (row.fields.get("FirstName"), row.fields.get("LastName"))
    return " ".join(str(p) for p in parts if p) or None


def _address(sb: Sandbox, row: Row) -> dict[str, Any] | None:
    f = row.fields
    names = ("City", "Country", "PostalCode", "State", "Street")
    out: dict[str, Any] = {n[0].lower() + n[1:]: f.get(n) for n in names}
    if sb.knobs.state_country_picklists:
        out |= {"countryCode": f.get("CountryCode"), "stateCode": f.get("StateCode")}
    if not any(out.values()):
        return None
    return {**out, "geocodeAccuracy": None, "latitude": None, "longitude": None}


def reader(sb: Sandbox, obj: ObjectDef, field: FieldDef) -> Read:
    """A function from row to the value of one field."""
    known: Read | None = sb.reads.get((obj.name, field.name))
    if known is None:
        known = sb.reads[obj.name, field.name] = _reader(sb, obj, field)
    return known


def _reader(sb: Sandbox, obj: ObjectDef, field: FieldDef) -> Read:
    name = field.name
    if obj.name == "Name":
        return _name_reader(sb, field)
    match name:
        case "Id":
            return lambda r: r.id
        case "IsDeleted":
            return lambda r: r.deleted
        case "MasterRecordId":
            return lambda r: r.merged_into
        case "CreatedDate":
            return lambda r: stamp(r.created_at)
        case "CreatedById":
            return lambda r: r.created_by.id
        case "SystemModstamp":
            return lambda r: stamp(r.modified_at)
        case "LastModifiedDate":
            return lambda r: stamp(last_edit(sb, r)[0])
        case "LastModifiedById":
            return lambda r: last_edit(sb, r)[1]
        case "Address":
            return lambda r: _address(sb, r)
        case "Name" if obj.name in PEOPLE:
            return full_name
        case "OutOfOfficeMessage":
            return lambda r: r.fields.get(name) or ""
    if field.type == "boolean":
        return lambda r: bool(r.fields.get(name, False))
    return lambda r: r.fields.get(name)


def last_edit(sb: Sandbox, row: Row) -> tuple[datetime, str]:
    """When and by whom a user last edited the row; system changes do not count."""
    kept = sb.last_edit.get(row.id)
    at, who = kept if kept else (row.modified_at, row.modified_by)
    return at, who.id


def _name_reader(sb: Sandbox, field: FieldDef) -> Read:
    """The polymorphic view: a field the concrete object lacks reads as null."""

    def read(row: Row) -> Any:
        if field.name == "Type":
            is_queue = row.table == "Group" and row.fields.get("Type") == "Queue"
            return "Queue" if is_queue else row.table
        obj = sb.schema.find(row.table)
        own = obj.find(field.name) if obj else None
        return reader(sb, obj, own)(row) if obj and own else None

    return read


def address(version: str, row: Row) -> str:
    """The row's own URL, as `attributes.url` has it."""
    return f"/services/data/v{version}/sobjects/{row.table}/{row.id}"


def attributes(version: str, obj: ObjectDef, row: Row) -> dict[str, str]:
    return {"type": obj.name, "url": address(version, row)}


def shown(sb: Sandbox, row: Row, field: FieldDef, value: Any) -> Any:
    """The value as it goes over the wire: garbage where a test corrupted the row."""
    garbage = sb.corrupt.get(row.id)
    return garbage[field.name] if garbage and field.name in garbage else value


def shower(
    sb: Sandbox, obj: ObjectDef, fields: Iterable[FieldDef], version: str
) -> Callable[[Row], dict[str, Any]]:
    """How GET and retrieve show a record, with its `attributes`."""
    read = [(field, reader(sb, obj, field)) for field in fields]

    def to_json(row: Row) -> dict[str, Any]:
        out: dict[str, Any] = {"attributes": attributes(version, obj, row)}
        if row.id in sb.corrupt:
            return out | {f.name: shown(sb, row, f, value(row)) for f, value in read}
        return out | {f.name: value(row) for f, value in read}

    return to_json

"""`/sobjects/{o}…`: one row by id or external id, and creating one.

Conditional requests compare LastModifiedDate in whole seconds (reference §4.3, §8: which stamp the
vendor compares is not settled).
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from fairlead.sandbox.org import Row
from fairlead.sandbox.wire import Response
from fairlead_salesforce.sandbox import rows
from fairlead_salesforce.sandbox.call import Call
from fairlead_salesforce.sandbox.errors import Refused, answer, no_such_column, not_found
from fairlead_salesforce.sandbox.render import shower
from fairlead_salesforce.sandbox.rules import modified_since
from fairlead_salesforce.sandbox.schema import FieldDef, ObjectDef
from fairlead_salesforce.sandbox.values import coerce


def create(call: Call, name: str) -> Response:
    """`POST /sobjects/{o}`: 201 with the id."""
    obj = rows.object_for(call.sb, name, call.who)
    id = rows.create(call.sb, obj, call.object(), call.save())
    where = f"/services/data/v{call.version}/sobjects/{obj.name}/{id}"
    return answer(201, {"id": id, "success": True, "errors": []}, {"Location": where})


def read(call: Call, name: str, id: str) -> Response:
    """`GET /sobjects/{o}/{id}?fields=`: 200, or 304 when not modified since."""
    obj = rows.object_for(call.sb, name, call.who)
    row = rows.row_for(call.sb, obj, id, call.who)
    return _show(call, obj, row)


def update(call: Call, name: str, id: str) -> Response:
    """`PATCH /sobjects/{o}/{id}`: 204, or 412 when modified since."""
    obj = rows.object_for(call.sb, name, call.who)
    row = rows.row_for(call.sb, obj, id, call.who)
    _unless_modified(call, row)
    rows.update(call.sb, obj, row, call.object(), call.save())
    return answer(204)


def delete(call: Call, name: str, id: str) -> Response:
    """`DELETE /sobjects/{o}/{id}`: 204."""
    obj = rows.object_for(call.sb, name, call.who)
    if {"if-unmodified-since", "if-match"} & set(call.headers):
        raise Refused("INVALID_HEADER", "conditional headers are not supported for DELETE")
    rows.delete(call.sb, obj, rows.row_for(call.sb, obj, id, call.who), call.save())
    return answer(204)


def read_external(call: Call, name: str, field: str, value: str) -> Response:
    """`GET /sobjects/{o}/{field}/{value}`."""
    obj = rows.object_for(call.sb, name, call.who)
    row = rows.find_by_external(call.sb, obj, field, value, call.who, call.version)
    if row is None:
        raise not_found()
    return _show(call, obj, row)


def upsert(call: Call, name: str, field: str, value: str) -> Response:
    """`PATCH /sobjects/{o}/{field}/{value}`: 201 created, 200 updated, 300 for several."""
    obj = rows.object_for(call.sb, name, call.who)
    row = rows.find_by_external(call.sb, obj, field, value, call.who, call.version)
    if row is not None:
        _unless_modified(call, row)
    id, created = rows.upsert(call.sb, obj, field, value, call.object(), call.save())
    body = {"id": id, "success": True, "errors": [], "created": created}
    return answer(201 if created else 200, body)


def delete_external(call: Call, name: str, field: str, value: str) -> Response:
    """`DELETE /sobjects/{o}/{field}/{value}`."""
    obj = rows.object_for(call.sb, name, call.who)
    row = rows.find_by_external(call.sb, obj, field, value, call.who, call.version)
    if row is None:
        raise not_found()
    rows.delete(call.sb, obj, row, call.save())
    return answer(204)


# -- parts ----------------------------------------------------------------------------------


def chosen(obj: ObjectDef, names: str | None) -> list[FieldDef]:
    """The fields of a `fields=` list; all of them without one."""
    if names is None:
        return list(obj.fields)
    out: dict[str, FieldDef] = {}
    for name in (n.strip() for n in names.split(",")):
        field = obj.find(name)
        if field is None:
            raise no_such_column(name, obj.name)
        out[field.name] = field
    # The vendor always adds the id.
    id_field = obj.find("Id")
    assert id_field is not None
    return list((out | {id_field.name: id_field}).values())


def _show(call: Call, obj: ObjectDef, row: Row) -> Response:
    params = call.params()
    if set(params) - {"fields"}:
        raise Refused("INVALID_PARAMETER", f"unknown parameter: {sorted(params)[0]}")
    fields = chosen(obj, params.get("fields"))
    since = _instant(call, "if-modified-since")
    if since is not None and not modified_since(call.sb, row, since):
        return answer(304)
    return answer(200, shower(call.sb, obj, fields, call.version)(row))


def _unless_modified(call: Call, row: Row) -> None:
    if "if-match" in call.headers or "if-none-match" in call.headers:
        raise Refused("INVALID_HEADER", f"entity tags are not supported for {row.table}")
    since = _instant(call, "if-unmodified-since")
    if since is not None and modified_since(call.sb, row, since):
        raise Refused(
            "ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE",
            "the record was modified after the date given",
            status=412,
            fields=[],
        )


def _instant(call: Call, header: str) -> datetime | None:
    text = call.headers.get(header)
    if text is None:
        return None
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        raise Refused("INVALID_HEADER", f"{header}: not an HTTP date") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def known_value(call: Call, field: FieldDef, value: object) -> str:
    """An external id value from a body as text."""
    stored = coerce(call.sb, field, value)
    if stored is None:
        raise Refused("MISSING_ARGUMENT", f"{field.name} not specified", fields=[field.name])
    return str(stored)

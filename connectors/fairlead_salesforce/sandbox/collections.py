"""`/composite/sobjects…`: up to 200 rows in one call, each with its own result, in order.

HTTP 200 says nothing about the rows. A run of rows of one type is a chunk; more than ten refuse the
call. With allOrNone one bad row takes all back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fairlead.sandbox.org import Row
from fairlead.sandbox.wire import Response
from fairlead_salesforce.sandbox import rows
from fairlead_salesforce.sandbox.call import Call
from fairlead_salesforce.sandbox.errors import Refused, answer, no_such_column
from fairlead_salesforce.sandbox.ids import canonical
from fairlead_salesforce.sandbox.records import chosen, known_value
from fairlead_salesforce.sandbox.render import shower
from fairlead_salesforce.sandbox.schema import ObjectDef

MAX_ROWS = 200
MAX_CHUNKS = 10
MAX_RETRIEVED = 2000
_ROLLED_BACK = {
    "statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "message": "Record rolled back because not all records were valid and the request was using "
    "AllOrNone header",
    "fields": [],
}
Job = Callable[[], dict[str, Any]]


class _Unsaid(Exception):
    """Carries the results out of a transaction that must be taken back."""

    def __init__(self, results: list[dict[str, Any]]) -> None:
        super().__init__()
        self.results = results


def create(call: Call) -> Response:
    """`POST /composite/sobjects`."""
    records, all_or_none = _records(call)
    save = call.save()

    def job(record: dict[str, Any]) -> Job:
        def do() -> dict[str, Any]:
            obj = _type(call, record)
            return _done(rows.create(call.sb, obj, record, save))

        return do

    return _answer(call, [job(r) for r in records], all_or_none)


def update(call: Call) -> Response:
    """`PATCH /composite/sobjects`: each record carries its id."""
    records, all_or_none = _records(call)
    save, seen = call.save(), set[str]()

    def job(record: dict[str, Any]) -> Job:
        def do() -> dict[str, Any]:
            obj = _type(call, record)
            given = next((v for k, v in record.items() if k.lower() == "id"), None)
            if given is None:
                raise Refused(
                    "MISSING_ARGUMENT", "Id not specified in an update call", fields=["Id"]
                )
            row = _row(call, obj, given)
            if row.id in seen:
                raise Refused("INVALID_ID_FIELD", f"duplicate id in list: {row.id}", fields=["Id"])
            seen.add(row.id)
            body = {k: v for k, v in record.items() if k.lower() != "id"}
            rows.update(call.sb, obj, row, body, save)
            return _done(row.id)

        return do

    return _answer(call, [job(r) for r in records], all_or_none)


def delete(call: Call) -> Response:
    """`DELETE /composite/sobjects?ids=…&allOrNone=…`."""
    params = call.params()
    _only(set(params), {"ids", "allOrNone"})
    ids = [i for i in params.get("ids", "").split(",") if i]
    if len(ids) > MAX_ROWS:
        raise _too_many()
    _check_chunks([i[:3] for i in ids])
    save = call.save()

    def job(given: str) -> Job:
        def do() -> dict[str, Any]:
            obj = call.sb.schema.of_id(given)
            if obj is None or not rows.allowed(call.sb, obj, "r", call.who):
                raise Refused("MALFORMED_ID", f"malformed id {given}", fields=[])
            row = _row(call, obj, given)
            rows.delete(call.sb, obj, row, save)
            return _done(row.id)

        return do

    return _answer(call, [job(i) for i in ids], _flag(params.get("allOrNone", "false")))


def upsert(call: Call, name: str, field_name: str) -> Response:
    """`PATCH /composite/sobjects/{o}/{field}`: the key stands in each record."""
    obj = rows.object_for(call.sb, name, call.who)
    field = obj.find(field_name)
    if field is None or not field.external:
        raise no_such_column(field_name, obj.name)
    records, all_or_none = _records(call)
    save = call.save()
    keys = [_key(call, field.name, r) for r in records]

    def job(record: dict[str, Any], key: str | None) -> Job:
        def do() -> dict[str, Any]:
            if _type(call, record).name != obj.name:
                raise Refused("INVALID_TYPE", f"record is not a {obj.name}", fields=[])
            value = known_value(call, field, key)
            if sum(k is not None and k.lower() == value.lower() for k in keys) > 1:
                raise Refused(
                    "DUPLICATE_VALUE",
                    f"Duplicate external id specified: {value}",
                    fields=[field.name],
                )
            body = {k: v for k, v in record.items() if k.lower() != field.name.lower()}
            id, created = rows.upsert(call.sb, obj, field.name, value, body, save)
            return {**_done(id), "created": created}

        return do

    jobs = [job(r, k) for r, k in zip(records, keys, strict=True)]
    return _answer(call, jobs, all_or_none)


def retrieve(call: Call, name: str) -> Response:
    """`POST /composite/sobjects/{o}` with ids and fields: rows in order, null for the unseen."""
    body = call.object()
    _only(set(body), {"ids", "fields"})
    return _retrieve(call, name, body.get("ids"), body.get("fields"))


def retrieve_get(call: Call, name: str) -> Response:
    """The same by `GET ?ids=…&fields=…`."""
    params = call.params()
    _only(set(params), {"ids", "fields"})
    ids, fields = params.get("ids"), params.get("fields")
    return _retrieve(call, name, ids and ids.split(","), fields and fields.split(","))


def _retrieve(call: Call, name: str, ids: Any, names: Any) -> Response:
    obj = rows.object_for(call.sb, name, call.who)
    for label, given in (("ids", ids), ("fields", names)):
        if not isinstance(given, list) or not given or any(not isinstance(x, str) for x in given):
            raise Refused("MISSING_ARGUMENT", f"{label}: a list of text is required")
    if len(ids) > MAX_RETRIEVED:
        raise Refused(
            "EXCEEDED_ID_LIMIT", f"record limit reached. cannot retrieve more than {MAX_RETRIEVED}"
        )
    show = shower(call.sb, obj, chosen(obj, ",".join(names)), call.version)
    out: list[dict[str, Any] | None] = []
    for given in ids:
        id = canonical(given)
        if id is None or id[:3] != obj.prefix:
            raise Refused("MALFORMED_ID", f"malformed id {given}")
        row = call.sb.org.get(obj.name, id)
        seen = row is not None and not row.deleted and rows.visible(call.sb, row, call.who)
        out.append(show(row) if row and seen else None)
    return answer(200, out)


# -- parts ----------------------------------------------------------------------------------


def _records(call: Call) -> tuple[list[dict[str, Any]], bool]:
    body = call.object()
    _only(set(body), {"records", "allOrNone"})
    records = body.get("records")
    if (
        not isinstance(records, list)
        or not records
        or any(not isinstance(r, dict) for r in records)
    ):
        raise Refused("JSON_PARSER_ERROR", "records: a list of objects is required")
    if len(records) > MAX_ROWS:
        raise _too_many()
    _check_chunks([_type_name(r) for r in records])
    return records, _flag(body.get("allOrNone", False))


def _too_many() -> Refused:
    return Refused(
        "EXCEEDED_ID_LIMIT",
        f"record limit reached. cannot submit more than {MAX_ROWS} records into this call",
    )


def _only(given: set[str], known: set[str]) -> None:
    if given - known:
        raise Refused("JSON_PARSER_ERROR", f"Unrecognized field: {sorted(given - known)[0]}")


def _flag(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if isinstance(value, bool):
        return value
    raise Refused("JSON_PARSER_ERROR", f"allOrNone: not a boolean: {value}")


def _check_chunks(types: list[str]) -> None:
    chunks = sum(1 for i, t in enumerate(types) if i == 0 or t != types[i - 1])
    if chunks > MAX_CHUNKS:
        raise Refused(
            "LIMIT_EXCEEDED",
            f"Cannot have more than {MAX_CHUNKS} chunks in a single operation. "
            "Please rearrange the data to reduce chunking.",
        )


def _type_name(record: dict[str, Any]) -> str:
    attributes = record.get("attributes")
    name = attributes.get("type") if isinstance(attributes, dict) else None
    return name.lower() if isinstance(name, str) else ""


def _type(call: Call, record: dict[str, Any]) -> ObjectDef:
    name = _type_name(record)
    obj = call.sb.schema.find(name) if name else None
    if obj is None or not obj.prefix or not rows.allowed(call.sb, obj, "r", call.who):
        raise Refused("INVALID_TYPE", f"sObject type '{name}' is not supported.", fields=[])
    return obj


def _row(call: Call, obj: ObjectDef, given: Any) -> Row:
    id = canonical(given)
    if id is None or id[:3] != obj.prefix:
        raise Refused(
            "MALFORMED_ID", f"{obj.label} ID: id value of incorrect type: {given}", fields=["Id"]
        )
    row = call.sb.org.get(obj.name, id)
    if row is None or not rows.visible(call.sb, row, call.who):
        raise Refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=[])
    if row.deleted:
        raise Refused("ENTITY_IS_DELETED", "entity is deleted", fields=[])
    return row


def _key(call: Call, name: str, record: dict[str, Any]) -> Any:
    return next((v for k, v in record.items() if k.lower() == name.lower()), None)


def _done(id: str) -> dict[str, Any]:
    return {"id": id, "success": True, "errors": []}


def _answer(call: Call, jobs: list[Job], all_or_none: bool) -> Response:
    if not all_or_none:
        return answer(200, [_attempt(j) for j in jobs])
    try:
        with call.sb.transaction():
            results = [_attempt(j) for j in jobs]
            if not all(r["success"] for r in results):
                raise _Unsaid(results)
    except _Unsaid as unsaid:
        return answer(
            200,
            [
                {"success": False, "errors": [_ROLLED_BACK]} if r["success"] else r
                for r in unsaid.results
            ],
        )
    return answer(200, results)


def _attempt(job: Job) -> dict[str, Any]:
    try:
        return job()
    except Refused as error:
        return {"success": False, "errors": [error.row()]}

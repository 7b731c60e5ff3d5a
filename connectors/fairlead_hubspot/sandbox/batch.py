"""Batch calls: up to 100 records at a time, answered in another order than asked.

One bad value refuses a whole batch (400) before anything is written, save for creates whose inputs
all carry `objectWriteTraceId`: those answer 207 with one error per bad input. An update of an id
that does not exist answers 207; of an id that was merged away, see the knob
`merged_in_batch_update`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.sandbox.org import Row
from fairlead.sandbox.wire import Request
from fairlead_hubspot.sandbox import asking, objects
from fairlead_hubspot.sandbox.errors import Refusal, bad_json, error, invalid
from fairlead_hubspot.sandbox.moments import wire_time
from fairlead_hubspot.sandbox.portal import PORTAL_ID, Portal
from fairlead_hubspot.sandbox.render import columns, record, written
from fairlead_hubspot.sandbox.types import ObjectType

Answer = tuple[int, Any]


def read(portal: Portal, kind: ObjectType, request: Request) -> Answer:
    """By id or unique value. Missing ones are named in `errors` of a 207."""
    params = asking.query(request, "archived")
    given = asking.body(request, "inputs", "properties", "propertiesWithHistory", "idProperty")
    history = asking.strings(given.get("propertiesWithHistory"), "propertiesWithHistory")
    names = asking.strings(given.get("properties"), "properties")
    asked = asking.inputs(given.get("inputs"))
    if history and len(asked) > asking.MAX_HISTORY_BATCH:
        raise invalid(
            "The maximum number of inputs supported in a batch request for property histories "
            f"is {asking.MAX_HISTORY_BATCH}, got {len(asked)}"
        )
    id_property = given.get("idProperty")
    archived = asking.flag(params, "archived")
    found: dict[str, Row] = {}
    missing: list[str] = []
    for one in asked:
        id = asking.text(asking.keys(one, "id").get("id"), "id")
        row = _find(portal, kind, id, id_property, archived)
        if row is None:
            missing.append(id)
        else:
            found[row.id] = row
    shown = columns(portal, kind, names, history)
    results = [record(portal, kind, row, shown, by_id=True) for row in found.values()]
    errors = [_not_found(kind, missing)] if missing else []
    return _answer(portal, results, errors, 200)


def _find(
    portal: Portal, kind: ObjectType, id: str, id_property: Any, archived: bool
) -> Row | None:
    if archived:
        row = portal.org.get(kind.plural, id)
        return row if row is not None and row.deleted else None
    if id_property:
        return portal.by_unique(kind, str(id_property), id)
    row = portal.survivor(kind, id)
    return None if row is None or row.deleted else row


def create(portal: Portal, kind: ObjectType, request: Request) -> Answer:
    asking.query(request)
    given = asking.inputs(asking.body(request, "inputs").get("inputs"))
    traced = all(isinstance(g.get("objectWriteTraceId"), str) for g in given)
    ready, errors = [], []
    taken: set[tuple[str, str]] = set()
    for one in given:
        asking.keys(one, "properties", "associations", "objectWriteTraceId")
        try:
            fields, ties = objects.prepare(portal, kind, one)
            _once(portal, kind, fields, taken)
        except Refusal as e:
            if not traced:
                raise
            errors.append(_traced(e, one))
            continue
        ready.append((fields, ties, one.get("objectWriteTraceId")))
    results = []
    for fields, ties, trace in ready:
        row = objects.add(portal, kind, fields, ties, portal.api)
        results.append(_with_trace(written(portal, kind, row), trace))
    return _answer(portal, results, errors, 201, shuffle=True)


def _once(
    portal: Portal, kind: ObjectType, fields: Mapping[str, str], taken: set[tuple[str, str]]
) -> None:
    """Refuse two inputs of one batch that want the same unique value."""
    for name, value in fields.items():
        prop = portal.schema.get(kind, name)
        if prop is not None and prop.unique and value:
            if (name, value) in taken:
                raise invalid(f"Duplicate {name} found in batch input: {value}")
            taken.add((name, value))


def update(portal: Portal, kind: ObjectType, request: Request) -> Answer:
    """By id, or by a custom unique property; not by e-mail."""
    asking.query(request)
    given = asking.inputs(asking.body(request, "inputs").get("inputs"))
    id_property = _id_property(given)
    if id_property is not None:
        _must_be_custom_unique(portal, kind, id_property)
    ready: list[tuple[Row, dict[str, str], dict[str, Any]]] = []
    errors: list[dict[str, Any]] = []
    seen: set[str] = set()
    for one in given:
        asking.keys(one, "id", "idProperty", "properties", "objectWriteTraceId")
        id = asking.text(one.get("id"), "id")
        if id in seen:
            raise invalid(f"Duplicate IDs found in batch input: [{id}]. id must be unique")
        seen.add(id)
        row = _find_exactly(portal, kind, id, id_property)
        fields = portal.read_values(kind, one.get("properties"), row)
        if row is not None:
            portal.check_unique(kind, fields, row.id)
            ready.append((row, fields, one))
        elif not (_merged(portal, kind, id) and portal.knobs.merged_in_batch_update == "left_out"):
            errors.append(_not_found(kind, [id], one.get("objectWriteTraceId")))
    results = []
    for row, fields, one in ready:
        done = portal.update(kind, row, fields, portal.api)
        names = {str(n).lower() for n in one["properties"]} | set(done)
        trace = one.get("objectWriteTraceId")
        results.append(_with_trace(written(portal, kind, row, names), trace))
    return _answer(portal, results, errors, 200, shuffle=True)


def upsert(portal: Portal, kind: ObjectType, request: Request) -> Answer:
    """Create or update by a unique property; each result says whether it is `new`."""
    asking.query(request)
    given = asking.inputs(asking.body(request, "inputs").get("inputs"))
    id_property = _id_property(given)
    if id_property is None:
        raise invalid("idProperty is required for upsert")
    prop = portal.schema.get(kind, id_property)
    if prop is None or not prop.unique or id_property == "hs_object_id":
        raise _non_unique(kind, id_property)
    ready: list[tuple[Row | None, dict[str, str], list[Any], dict[str, Any]]] = []
    seen: set[str] = set()
    for one in given:
        asking.keys(one, "id", "idProperty", "properties", "objectWriteTraceId")
        id = asking.text(one.get("id"), "id")
        if id in seen:
            raise invalid(f"Duplicate IDs found in batch input: [{id}]. id must be unique")
        seen.add(id)
        row = portal.by_unique(kind, id_property, id)
        if not isinstance(one.get("properties"), Mapping):
            raise bad_json("Some required fields were not set: [properties]")
        if row is None:
            full = {"properties": {**one["properties"], id_property: id}}
            fields, ties = objects.prepare(portal, kind, full)
        else:
            fields, ties = portal.read_values(kind, one["properties"], row), []
            portal.check_unique(kind, fields, row.id)
        ready.append((row, fields, ties, one))
    results = []
    for old, fields, ties, one in ready:
        if old is None:
            row = objects.add(portal, kind, fields, ties, portal.api)
            body = written(portal, kind, row)
        else:
            done = portal.update(kind, old, fields, portal.api)
            body = written(portal, kind, old, {*one["properties"], *done})
        body["new"] = old is None
        results.append(_with_trace(body, one.get("objectWriteTraceId")))
    return _answer(portal, results, [], 200, shuffle=True)


def archive(portal: Portal, kind: ObjectType, request: Request) -> Answer:
    """204 even for ids that do not exist."""
    asking.query(request)
    for one in asking.inputs(asking.body(request, "inputs").get("inputs")):
        id = asking.text(asking.keys(one, "id").get("id"), "id")
        if (row := portal.live(kind, id)) is not None:
            objects.archive(portal, kind, row, portal.api)
    return 204, None


def _find_exactly(portal: Portal, kind: ObjectType, id: str, id_property: str | None) -> Row | None:
    if id_property is not None:
        return portal.by_unique(kind, id_property, id)
    return portal.live(kind, id)


def _merged(portal: Portal, kind: ObjectType, id: str) -> bool:
    row = portal.org.get(kind.plural, id)
    return row is not None and row.merged_into is not None


def _id_property(given: Sequence[Mapping[str, Any]]) -> str | None:
    asked = {g.get("idProperty") for g in given}
    if len(asked) > 1:
        raise invalid("All inputs of a batch must have the same idProperty")
    name = asked.pop()
    return None if name is None else asking.text(name, "idProperty")


def _must_be_custom_unique(portal: Portal, kind: ObjectType, name: str) -> None:
    prop = portal.schema.get(kind, name)
    if prop is None or not prop.unique or prop.hubspot_defined:
        raise _non_unique(kind, name)


def _non_unique(kind: ObjectType, name: str) -> Refusal:
    return invalid(
        f"Unable to perform update/upsert by non-unique {kind.type_id} property {name} "
        f"in portal ID {PORTAL_ID}"
    )


def _not_found(kind: ObjectType, ids: list[str], trace: Any = None) -> dict[str, Any]:
    context = {"ids": ids}
    if trace is not None:
        context["objectWriteTraceId"] = [str(trace)]
    return error(
        f"Could not get some {kind.label} objects, they may be deleted or not exist. "
        "Check that ids are valid.",
        "OBJECT_NOT_FOUND",
        context=context,
    )


def _traced(refusal: Refusal, one: Mapping[str, Any]) -> dict[str, Any]:
    body = dict(refusal.body)
    context = dict(body.get("context", {}))
    body["context"] = {**context, "objectWriteTraceId": [one["objectWriteTraceId"]]}
    return body


def _with_trace(body: dict[str, Any], trace: Any) -> dict[str, Any]:
    return body if trace is None else {**body, "objectWriteTraceId": trace}


def _answer(
    portal: Portal,
    results: list[dict[str, Any]],
    errors: list[dict[str, Any]],
    status: int,
    *,
    shuffle: bool = False,
) -> Answer:
    if shuffle and portal.knobs.shuffle_batches:
        portal.org.rng.shuffle(results)
    now = wire_time(portal.now())
    body: dict[str, Any] = {
        "status": "COMPLETE",
        "results": results,
        "startedAt": now,
        "completedAt": now,
    }
    if not errors:
        return status, body
    return 207, {**body, "numErrors": len(errors), "errors": errors}

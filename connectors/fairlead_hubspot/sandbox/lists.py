"""Lists (segments) and who is in them: `/crm/v3/lists` and its dated paths.

A list holds records of one object type. MANUAL and SNAPSHOT lists are filled by hand; a DYNAMIC one
by HubSpot alone, here by order of `control`. Who joined or left shows in every read some time
later. Tokens of pages are positions, so that whoever leaves shifts those behind them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from fairlead.sandbox.org import Row, Who
from fairlead.sandbox.wire import Request
from fairlead_hubspot.sandbox import asking
from fairlead_hubspot.sandbox.errors import Refusal, bad_json, error, invalid
from fairlead_hubspot.sandbox.moments import to_ms, wire_time
from fairlead_hubspot.sandbox.objects import merged_ids, own_address
from fairlead_hubspot.sandbox.portal import Portal
from fairlead_hubspot.sandbox.types import ObjectType, find

LISTS, MEMBERSHIPS = "lists", "list_memberships"
BY_HAND = ("MANUAL", "SNAPSHOT")
TYPES = (*BY_HAND, "DYNAMIC")
MOST_MEMBERS, MOST_LISTS = 250, 500
Answer = tuple[int, Any]


# -- lists ----------------------------------------------------------------------------------


def create(portal: Portal, request: Request, _: tuple[str, ...]) -> Answer:
    """`POST /lists`."""
    asking.query(request)
    given = asking.body(
        request,
        *("name", "objectTypeId", "processingType", "filterBranch", "listFolderId"),
        *("customProperties", "listPermissions", "membershipSettings"),
    )
    name = asking.text(given.get("name"), "name").strip()
    kind = find(asking.text(given.get("objectTypeId"), "objectTypeId"))
    processing = asking.text(given.get("processingType"), "processingType")
    if not name:
        raise invalid("name must not be empty")
    if kind is None:
        raise _refused("objectTypeId is not valid for this portal", "INVALID_OBJECT_TYPE_FOR_LIST")
    if processing not in TYPES:
        raise invalid(f"processingType must be one of {', '.join(TYPES)}, was {processing}")
    if processing == "DYNAMIC" and not isinstance(given.get("filterBranch"), dict):
        raise invalid("A DYNAMIC list needs a filterBranch")
    return 200, {"list": wire(add(portal, name, kind, processing, portal.api))}


def add(portal: Portal, name: str, kind: ObjectType, processing: str, who: Who) -> Row:
    """Make a list; refuses a name that another list of the type has."""
    if any(r.fields["name"] == name and kind_of(r) == kind for r in _live(portal)):
        raise _refused(f"A list with the name {name} already exists.", "DUPLICATE_LIST_NAMES")
    n = portal.count(LISTS)
    fields = {"name": name, "objectTypeId": kind.type_id, "processingType": processing}
    return portal.org.create(LISTS, str(n), fields, who, stamp=portal.now())


def get(portal: Portal, request: Request, parts: tuple[str, ...]) -> Answer:
    """`GET /lists/{listId}`."""
    asking.query(request, "includeFilters")
    return 200, {"list": wire(must_find(portal, parts[0]))}


def several(portal: Portal, request: Request, _: tuple[str, ...]) -> Answer:
    """`GET /lists?listIds=…`: those that are there."""
    params = asking.query(request, "listIds", "includeFilters")
    ids = asking.names(params.get("listIds"))
    return 200, {"lists": [wire(r) for i in ids if (r := _find(portal, i)) is not None]}


def by_name(portal: Portal, request: Request, parts: tuple[str, ...]) -> Answer:
    """`GET /lists/object-type-id/{type}/name/{name}`."""
    asking.query(request, "includeFilters")
    kind, name = find(parts[0]), parts[1]
    for row in _live(portal):
        if kind_of(row) == kind and row.fields["name"].lower() == name.lower():
            return 200, {"list": wire(row)}
    raise Refusal(404, error(f"List does not exist with name {name}.", "OBJECT_NOT_FOUND"))


def search(portal: Portal, request: Request, _: tuple[str, ...]) -> Answer:
    """`POST /lists/search`: by a part of the name."""
    asking.query(request)
    given = asking.body(
        request,
        *("query", "offset", "count", "listIds", "processingTypes", "objectTypeId", "sort"),
        "additionalProperties",
    )
    count, offset = given.get("count", 20), given.get("offset", 0)
    if not isinstance(count, int) or not isinstance(offset, int) or not 0 < count <= MOST_LISTS:
        raise invalid(f"count must be between 1 and {MOST_LISTS}")
    wanted = str(given.get("query") or "").lower()
    rows = [
        r
        for r in _live(portal)
        if wanted in r.fields["name"].lower()
        and (not given.get("listIds") or r.id in map(str, given["listIds"]))
        and r.fields["processingType"] in (given.get("processingTypes") or TYPES)
        and given.get("objectTypeId") in (None, r.fields["objectTypeId"])
    ]
    page = rows[offset : offset + count]
    found = [
        {**wire(r), "additionalProperties": {"hs_list_size": str(len(shown(portal, r)))}}
        for r in page
    ]
    more = offset + len(page) < len(rows)
    body = {"total": len(rows), "offset": offset + len(page), "hasMore": more, "lists": found}
    return 200, body


def delete(portal: Portal, request: Request, parts: tuple[str, ...]) -> Answer:
    """`DELETE /lists/{listId}`."""
    asking.query(request)
    portal.org.delete(LISTS, must_find(portal, parts[0]).id, portal.api)
    return 204, None


def wire(row: Row) -> dict[str, Any]:
    return {
        "listId": row.id,
        "listVersion": 1,
        "name": row.fields["name"],
        "objectTypeId": row.fields["objectTypeId"],
        "processingType": row.fields["processingType"],
        "processingStatus": "COMPLETE",
        "createdAt": wire_time(row.created_at),
        "updatedAt": wire_time(row.modified_at),
    }


# -- memberships ----------------------------------------------------------------------------


def by_record(portal: Portal, request: Request, parts: tuple[str, ...]) -> Answer:
    """`GET /lists/{listId}/memberships`: in order of their record ids."""
    return _page(portal, request, parts[0], lambda m: (int(m[0]), 0))


def in_join_order(portal: Portal, request: Request, parts: tuple[str, ...]) -> Answer:
    """`GET /lists/{listId}/memberships/join-order`: whoever joined first comes first."""
    return _page(portal, request, parts[0], lambda m: (to_ms(m[1].created_at), int(m[0])))


def _page(portal: Portal, request: Request, list_id: str, order: Any) -> Answer:
    params = asking.query(request, "after", "before", "limit")
    if "before" in params:
        raise invalid("this sandbox has no pages backwards: before", parameter=["before"])
    limit = asking.count(params, default=100, most=MOST_MEMBERS)
    start = _position(params["after"]) if "after" in params else 0
    members = sorted(shown(portal, must_find(portal, list_id)), key=order)
    page = members[start : start + limit]
    results = [{"recordId": i, "membershipTimestamp": wire_time(m.created_at)} for i, m in page]
    body: dict[str, Any] = {"results": results, "total": len(members)}
    if start + limit < len(members):
        token = base64.b64encode(f"{start + limit}".encode()).decode()
        link = f"{own_address(portal, request)}{request.path}?after={token}&limit={limit}"
        body["paging"] = {"next": {"after": token, "link": link}}
    return 200, body


def _position(token: str) -> int:
    try:
        return int(base64.b64decode(token, validate=True))
    except (ValueError, binascii.Error):
        raise invalid(f"after is no token of ours: {token}") from None


def put_in(portal: Portal, request: Request, parts: tuple[str, ...]) -> Answer:
    """`PUT /lists/{listId}/memberships/add`."""
    asking.query(request)
    return _change(portal, parts[0], _ids(request), [])


def take_out(portal: Portal, request: Request, parts: tuple[str, ...]) -> Answer:
    """`PUT /lists/{listId}/memberships/remove`."""
    asking.query(request)
    return _change(portal, parts[0], [], _ids(request))


def put_and_take(portal: Portal, request: Request, parts: tuple[str, ...]) -> Answer:
    """`PUT /lists/{listId}/memberships/add-and-remove`."""
    asking.query(request)
    given = asking.body(request, "recordIdsToAdd", "recordIdsToRemove")
    ins, outs = (_texts(given.get(k, [])) for k in ("recordIdsToAdd", "recordIdsToRemove"))
    return _change(portal, parts[0], ins, outs)


def empty(portal: Portal, request: Request, parts: tuple[str, ...]) -> Answer:
    """`DELETE /lists/{listId}/memberships`."""
    asking.query(request)
    row = must_find(portal, parts[0])
    _must_take(row)
    for membership in _memberships(portal, row.id):
        leave(portal, row, membership.fields["record"], portal.api)
    return 204, None


def _change(portal: Portal, list_id: str, ins: Sequence[str], outs: Sequence[str]) -> Answer:
    row = must_find(portal, list_id)
    _must_take(row)
    kind, missing = kind_of(row), list[str]()
    added, removed = list[str](), list[str]()
    for id in ins:
        if portal.live(kind, id) is None:
            missing.append(id)
        elif join(portal, row, id, portal.api):
            added.append(id)
    for id in outs:
        if portal.live(kind, id) is None:
            missing.append(id)
        elif leave(portal, row, id, portal.api):
            removed.append(id)
    # The spelling is HubSpot's, and what is empty is left out.
    body = {
        "recordsIdsAdded": added,
        "recordIdsRemoved": removed,
        "recordIdsMissing": missing,
    }
    return 200, {k: v for k, v in body.items() if v}


def join(portal: Portal, row: Row, record: str, who: Who) -> bool:
    """Put a record into a list; False when it is in already."""
    if _membership(portal, row.id, record) is not None:
        return False
    n = portal.count(MEMBERSHIPS)
    fields = {"list": row.id, "record": record, "shows": _lagged(portal)}
    portal.org.create(MEMBERSHIPS, str(n), fields, who, stamp=portal.now())
    return True


def leave(portal: Portal, row: Row, record: str, who: Who) -> bool:
    """Take a record out of a list; False when it is not in."""
    membership = _membership(portal, row.id, record)
    if membership is None:
        return False
    membership.fields["hides"] = _lagged(portal)
    portal.org.delete(MEMBERSHIPS, membership.id, who)
    return True


def of_records(portal: Portal, request: Request, _: tuple[str, ...]) -> Answer:
    """`POST /lists/records/memberships/batch/read`: each record with the lists it is in."""
    asking.query(request)
    results, lacking = [], []
    for given in asking.inputs(asking.body(request, "inputs").get("inputs")):
        asked = asking.keys(given, "objectTypeId", "recordId")
        kind, id = find(str(asked.get("objectTypeId"))), str(asked.get("recordId"))
        if kind is None:
            raise invalid(f"objectTypeId is not valid: {asked.get('objectTypeId')}")
        if portal.live(kind, id) is None:
            lacking.append(id)
            continue
        entry = {"objectTypeId": kind.type_id, "recordId": id}
        results.append({**entry, "recordListMemberships": _lists_of(portal, kind, id)})
    body: dict[str, Any] = {"status": "COMPLETE", "results": results}
    if not lacking:
        return 200, body
    problem = error("Could not get some objects", "OBJECT_NOT_FOUND", context={"ids": lacking})
    return 207, {**body, "numErrors": len(lacking), "errors": [problem]}


def of_record(portal: Portal, request: Request, parts: tuple[str, ...]) -> Answer:
    """`GET /lists/records/{type}/{recordId}/memberships`."""
    asking.query(request)
    kind = find(parts[0])
    if kind is None or portal.live(kind, parts[1]) is None:
        raise Refusal(404, error("resource not found"))
    found = _lists_of(portal, kind, parts[1])
    return 200, {"results": found, "total": len(found)}


def _lists_of(portal: Portal, kind: ObjectType, id: str) -> list[Mapping[str, Any]]:
    record_now = portal.live(kind, id)
    ids = merged_ids(record_now) if record_now is not None else [id]
    own = portal.org.having(MEMBERSHIPS, "record", ids)
    return [
        {
            "listId": row.id,
            "listVersion": 1,
            "isPublicList": False,
            "firstAddedTimestamp": wire_time(m.created_at),
            "lastAddedTimestamp": wire_time(m.created_at),
        }
        for row in _live(portal)
        if kind_of(row) == kind
        for record, m in _shown(portal, row, own)
        if record == id
    ]


# -- parts ----------------------------------------------------------------------------------


def must_find(portal: Portal, list_id: str) -> Row:
    """The live list of an id; 404 when there is none."""
    row = _find(portal, list_id)
    if row is None:
        message = f"List does not exist with ID {list_id}."
        raise Refusal(404, error(message, "OBJECT_NOT_FOUND", subCategory="ListError.NOT_FOUND"))
    return row


def shown(portal: Portal, row: Row) -> list[tuple[str, Row]]:
    """Memberships as reads show them now, each with the id its record has by now."""
    return _shown(portal, row, portal.org.having(MEMBERSHIPS, "list", [row.id]))


def _shown(portal: Portal, row: Row, among: Sequence[Row]) -> list[tuple[str, Row]]:
    now, kind = portal.now(), kind_of(row)
    found: dict[str, Row] = {}
    for m in among:
        gone = m.deleted and now >= m.fields["hides"]
        if m.fields["list"] != row.id or gone or now < m.fields["shows"]:
            continue
        record = portal.survivor(kind, m.fields["record"])
        if record is not None and not record.deleted:
            found.setdefault(record.id, m)
    return list(found.items())


def _live(portal: Portal) -> list[Row]:
    return [r for r in portal.org.rows(LISTS) if not r.deleted]


def _find(portal: Portal, list_id: str) -> Row | None:
    row = portal.org.get(LISTS, list_id)
    return None if row is None or row.deleted else row


def kind_of(row: Row) -> ObjectType:
    """The type of the records that a list holds."""
    kind = find(row.fields["objectTypeId"])
    assert kind is not None
    return kind


def _memberships(portal: Portal, list_id: str) -> list[Row]:
    rows = portal.org.having(MEMBERSHIPS, "list", [list_id])
    return [m for m in rows if not m.deleted]


def _membership(portal: Portal, list_id: str, record: str) -> Row | None:
    rows = portal.org.having(MEMBERSHIPS, "record", [record])
    return next((m for m in rows if not m.deleted and m.fields["list"] == list_id), None)


def _must_take(row: Row) -> None:
    if row.fields["processingType"] not in BY_HAND:
        raise _refused(
            f"List {row.id} is not of processing type {' or '.join(BY_HAND)}.",
            "INVALID_PROCESSING_TYPE",
        )


def _refused(message: str, code: str) -> Refusal:
    return Refusal(400, error(message, "VALIDATION_ERROR", subCategory=f"ListError.{code}"))


def _lagged(portal: Portal) -> Any:
    return portal.now() + (portal.draw(portal.knobs.list_lag_seconds) or timedelta(0))


def _ids(request: Request) -> list[str]:
    try:
        return _texts(request.json())
    except (ValueError, UnicodeDecodeError) as e:
        raise bad_json(str(e)) from None


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(v, str | int) for v in value):
        raise bad_json("Cannot deserialize value of type ArrayList from something else")
    return [str(v) for v in value]

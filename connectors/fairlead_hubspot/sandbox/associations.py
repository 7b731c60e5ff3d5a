"""Associations: inline on create, the v4 endpoints, and the rules that leads add."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fairlead.sandbox.org import Row, Who
from fairlead.sandbox.wire import Request
from fairlead_hubspot.sandbox import asking
from fairlead_hubspot.sandbox.errors import Refusal, bad_json, error, invalid, not_found
from fairlead_hubspot.sandbox.moments import wire_time
from fairlead_hubspot.sandbox.portal import Portal
from fairlead_hubspot.sandbox.types import LINKS, TYPES, ObjectType, by_plural, find, pair_of

Tie = tuple[ObjectType, str, set[int]]
MAX_READ = 1000
PAGE = 500
LEAD_PRIMARY_CONTACT = 578


def inline(portal: Portal, kind: ObjectType, given: Any) -> list[Tie]:
    """The ties a create asks for, checked; leads must come with their contact."""
    ties: list[Tie] = []
    if given is not None and not isinstance(given, list):
        raise bad_json("associations must be a list")
    for entry in given or []:
        one = asking.keys(entry, "to", "types")
        to_id = asking.text(asking.keys(one.get("to"), "id").get("id"), "to.id")
        ids = _type_ids(one.get("types"))
        targets = {pair_of(kind.plural, i) for i in ids}
        if len(targets) != 1 or None in targets:
            raise _invalid_type(kind, ids)
        to = by_plural(str(targets.pop()))
        if portal.live(to, to_id) is None:
            raise _invalid_objects(to, to_id)
        ties.append((to, to_id, set(ids)))
    if kind.plural == "leads" and not any(LEAD_PRIMARY_CONTACT in t for _, _, t in ties):
        raise invalid(
            "Leads must be created with an association to a primary contact "
            f"(association type {LEAD_PRIMARY_CONTACT})"
        )
    return ties


def apply(portal: Portal, kind: ObjectType, row: Row, ties: Sequence[Tie]) -> None:
    for to, to_id, ids in ties:
        portal.link(kind, row.id, to, to_id, ids)


def _type_ids(given: Any) -> list[int]:
    if not isinstance(given, list) or not given:
        raise bad_json("Some required fields were not set: [types]")
    found = []
    for one in given:
        spec = asking.keys(one, "associationCategory", "associationTypeId")
        type_id = spec.get("associationTypeId")
        if not isinstance(type_id, int) or isinstance(type_id, bool):
            raise bad_json(
                "Some required fields were not set: [associationCategory, associationTypeId]"
            )
        if spec.get("associationCategory") != "HUBSPOT_DEFINED":
            raise invalid(f"No USER_DEFINED association type {type_id} in portal")
        found.append(type_id)
    return found


def _invalid_type(kind: ObjectType, ids: Sequence[int]) -> Refusal:
    return Refusal(
        400,
        error(
            "One or more association types are not valid for these objects",
            "VALIDATION_ERROR",
            context={"fromObjectType": [kind.label], "associationTypeId": [str(i) for i in ids]},
        ),
    )


def _invalid_objects(to: ObjectType, id: str) -> Refusal:
    return Refusal(
        400,
        error(
            "One or more associations are invalid",
            "VALIDATION_ERROR",
            context={
                "INVALID_OBJECT_IDS": [f"{to.label}={id} is not valid"],
                "objectId": [id],
                "objectType": [to.label],
            },
        ),
    )


def _ends(portal: Portal, parts: Sequence[str]) -> tuple[ObjectType, Row, ObjectType, Row]:
    kind, to = kind_named(parts[0]), kind_named(parts[2])
    if (kind.plural, to.plural) not in LINKS:
        raise invalid(f"{kind.label} and {to.label} cannot be associated")
    return kind, _end(portal, kind, parts[1]), to, _end(portal, to, parts[3])


def _end(portal: Portal, kind: ObjectType, id: str) -> Row:
    row = portal.survivor(kind, id)
    if row is None or row.deleted:
        raise _invalid_objects(kind, id)
    return row


def kind_named(name: str) -> ObjectType:
    kind = find(name)
    if kind is None:
        raise invalid(f"Unable to infer object type from: {name}")
    return kind


def put_default(portal: Portal, request: Request, parts: Sequence[str]) -> tuple[int, Any]:
    """`PUT .../{from}/{id}/associations/default/{to}/{id}`: the plain tie, and primary if first."""
    asking.query(request)
    kind, row, to, target = _ends(portal, parts)
    spec, back = LINKS[kind.plural, to.plural], LINKS[to.plural, kind.plural]
    ids = {spec.plain}
    known = portal.linked(kind, row.id, to)
    if spec.primary is not None and not any(spec.primary in t for t in known.values()):
        ids.add(spec.primary)
    portal.link(kind, row.id, to, target.id, ids)
    now = wire_time(portal.now())
    return 200, {
        "status": "COMPLETE",
        "results": [
            _default_result(row.id, target.id, spec.plain),
            _default_result(target.id, row.id, back.plain),
        ],
        "startedAt": now,
        "completedAt": now,
    }


def _default_result(from_id: str, to_id: str, type_id: int) -> dict[str, Any]:
    return {
        "from": {"id": from_id},
        "to": {"id": to_id},
        "associationSpec": {
            "associationCategory": "HUBSPOT_DEFINED",
            "associationTypeId": type_id,
        },
    }


def put_typed(portal: Portal, request: Request, parts: Sequence[str]) -> tuple[int, Any]:
    """`PUT .../{from}/{id}/associations/{to}/{id}` with a list of association types."""
    asking.query(request)
    if not request.body:
        raise invalid("Invalid JSON input: a request body was expected, but none found")
    try:
        ids = _type_ids(request.json())
    except ValueError as e:
        raise bad_json(str(e)) from None
    kind, row, to, target = _ends(portal, parts)
    if any(pair_of(kind.plural, i) != to.plural for i in ids):
        raise _invalid_type(kind, ids)
    portal.link(kind, row.id, to, target.id, set(ids))
    return 201, {
        "fromObjectTypeId": kind.type_id,
        "fromObjectId": int(row.id),
        "toObjectTypeId": to.type_id,
        "toObjectId": int(target.id),
        "labels": [],
    }


def remove(portal: Portal, request: Request, parts: Sequence[str], who: Who) -> tuple[int, Any]:
    """Drop every tie of two records; a lead without its primary contact is archived."""
    asking.query(request)
    kind, row, to, target = _ends(portal, parts)
    leads = [(kind, row, to, target), (to, target, kind, row)]
    orphans = [
        a_row
        for a, a_row, b, b_row in leads
        if a.plural == "leads"
        and LEAD_PRIMARY_CONTACT in portal.linked(a, a_row.id, b).get(b_row.id, set())
    ]
    portal.unlink(kind, row.id, to, target.id)
    for lead in orphans:
        portal.org.delete("leads", lead.id, who)
    return 204, None


def listing(portal: Portal, request: Request, parts: Sequence[str]) -> tuple[int, Any]:
    """`GET .../{from}/{id}/associations/{to}`: pages of up to 500, in order of id."""
    params = asking.query(request, "limit", "after")
    limit, after = asking.count(params, default=500, most=500), asking.after(params)
    kind, to = kind_named(parts[0]), kind_named(parts[2])
    row = portal.survivor(kind, parts[1])
    if row is None or row.deleted:
        raise not_found(parts[1])
    ties = [t for t in _ties(portal, kind, row.id, to) if t["toObjectId"] >= after]
    answer: dict[str, Any] = {"results": ties[:limit]}
    if len(ties) > limit:
        last = str(ties[limit]["toObjectId"])
        answer["paging"] = {"next": {"after": last}}
    return 200, answer


def batch_read(portal: Portal, request: Request, parts: Sequence[str]) -> tuple[int, Any]:
    """`POST /crm/v4/associations/{from}/{to}/batch/read`: 207 when some have none.

    A record with many ties has pages of its own, asked for by `after` beside its id.
    """
    kind, to = kind_named(parts[0]), kind_named(parts[1])
    given = asking.inputs(asking.body(request, "inputs").get("inputs"), MAX_READ)
    results, missing = [], []
    for one in given:
        keys = asking.keys(one, "id", "after")
        id, after = asking.text(keys.get("id"), "id"), str(keys.get("after") or "0")
        if not after.isdigit():
            raise invalid(f"after is not a key of this page: {after}")
        row = portal.survivor(kind, id)
        ties = [] if row is None or row.deleted else _ties(portal, kind, row.id, to)
        ties = [t for t in ties if t["toObjectId"] >= int(after)]
        if ties:
            result: dict[str, Any] = {"from": {"id": id}, "to": ties[:PAGE]}
            if len(ties) > PAGE:
                result["paging"] = {"next": {"after": str(ties[PAGE]["toObjectId"])}}
            results.append(result)
        else:
            missing.append(id)
    now = wire_time(portal.now())
    answer: dict[str, Any] = {
        "status": "COMPLETE",
        "results": results,
        "startedAt": now,
        "completedAt": now,
    }
    if not missing:
        return 200, answer
    answer["numErrors"] = len(missing)
    answer["errors"] = [
        {
            "status": "error",
            "category": "OBJECT_NOT_FOUND",
            "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
            "message": f"No {to.singular} is associated with {kind.singular} {id}.",
            "context": {"fromObjectId": [id]},
        }
        for id in missing
    ]
    return 207, answer


def _ties(portal: Portal, kind: ObjectType, id: str, to: ObjectType) -> list[dict[str, Any]]:
    spec = LINKS.get((kind.plural, to.plural))
    return [
        {
            "toObjectId": int(to_id),
            "associationTypes": [
                {
                    "category": "HUBSPOT_DEFINED",
                    "typeId": t,
                    "label": "Primary" if spec and t == spec.primary else None,
                }
                for t in sorted(types)
            ],
        }
        for to_id, types in sorted(portal.linked(kind, id, to).items(), key=lambda i: int(i[0]))
        if portal.live(to, to_id) is not None
    ]


def drop_all(portal: Portal, kind: ObjectType, id: str) -> None:
    """Forget every tie of a record that was merged away."""
    for to in TYPES:
        for to_id in list(portal.linked(kind, id, to)):
            portal.unlink(kind, id, to, to_id)

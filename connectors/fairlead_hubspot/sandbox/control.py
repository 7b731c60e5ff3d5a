"""Orders of `POST /_sandbox/act`: what people, other apps, workflows and HubSpot itself do.

They obey the same rules as the API does, but use none of its quota; what cannot be done raises
ValueError. `docs/sandbox-hubspot.md` lists the orders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from fairlead.sandbox.org import SYSTEM, Row, Who
from fairlead_hubspot.sandbox import associations, engagements, lists, objects, owners
from fairlead_hubspot.sandbox.errors import Refusal
from fairlead_hubspot.sandbox.moments import from_ms, instant_ms
from fairlead_hubspot.sandbox.portal import OTHER_APP_ID, Portal
from fairlead_hubspot.sandbox.types import LINKS, ObjectType, find

Order = Mapping[str, Any]
_KEYS = {
    "create": {"object", "fields", "properties", "items", "associations", "at", "settled"},
    "update": {"object", "id", "fields", "properties", "at"},
    "archive": {"object", "id"},
    "restore": {"object", "id"},
    "merge": {"object", "id", "into"},
    "associate": {"object", "id", "to_object", "to_id"},
    "log": {
        *("object", "contact", "lead", "at", "owner", "incoming", "seconds", "sequence"),
        *("captured", "fields"),
    },
    "create_list": {"name", "object", "processing"},
    "delete_list": {"list"},
    "join": {"list", "ids"},
    "leave": {"list", "ids"},
    "corrupt": {"object", "id", "property", "value"},
    "create_owner": {"email", "first_name", "last_name", "team", "time_zone"},
    "create_queue": {"name", "email"},
    "deactivate_owner": {"id"},
    "activate_owner": {"id"},
}


def act(portal: Portal, order: Order) -> dict[str, Any]:
    """Carry out one order; returns the ids it made or touched."""
    op = order.get("op")
    if op not in _KEYS:
        raise ValueError(f"unknown op {op!r}; known: {', '.join(_KEYS)}")
    if unknown := sorted(set(order) - _KEYS[op] - {"op", "as", "user"}):
        raise ValueError(f"{op} does not take {unknown[0]}")
    try:
        return _OPS[op](portal, order, _who(portal, order))
    except Refusal as e:
        raise ValueError(f"{e.status}: {e.body['message']}") from e


def _who(portal: Portal, order: Order) -> Who:
    match order.get("as", "person"):
        case "person":
            row = owners.find(portal, str(order.get("user") or "admin@example.com"))
            if not row.fields.get("userId"):
                raise ValueError(f"owner {row.id} is a queue, not a person")
            return Who("person", row.fields["userId"], row.fields.get("email") or "")
        case "tool":
            return Who("tool", str(order.get("user") or OTHER_APP_ID), "other app")
        case "workflow":
            return Who("system", "enrollmentId:1;actionExecutionIndex:0", "workflow")
        case "system":
            return SYSTEM
        case other:
            raise ValueError(f"unknown actor {other!r}: person, tool, workflow or system")


def _kind(order: Order, key: str = "object") -> ObjectType:
    kind = find(str(order.get(key, "")))
    if kind is None:
        raise ValueError(f"unknown object {order.get(key)!r}")
    return kind


def _row(portal: Portal, kind: ObjectType, id: Any) -> Row:
    """The live record an id names; contacts and users may be named by e-mail."""
    asked = str(id)
    field = {"contacts": "email", "users": "hs_email"}.get(kind.plural)
    if "@" in asked and field is not None:
        for row in portal.org.rows(kind.plural):
            if not row.deleted and row.fields.get(field) == asked.lower():
                return row
    row_or_none = portal.live(kind, asked)
    if row_or_none is None:
        raise ValueError(f"there is no live {kind.singular} {asked}")
    return row_or_none


def _values(portal: Portal, kind: ObjectType, given: Any, row: Row | None) -> dict[str, str]:
    """Checked values; read-only ones are allowed, as HubSpot sets them itself."""
    fields = portal.read_values(kind, given, row, privileged=True)
    if fixed := sorted({"hs_object_id", kind.created, kind.modified} & set(fields)):
        raise ValueError(f"{fixed[0]} follows from the record; use at to date a change")
    return fields


def _fields(order: Order) -> Any:
    return order.get("fields", order.get("properties", {}))


def _at(order: Order) -> datetime | None:
    if order.get("at") is None:
        return None
    ms = instant_ms(str(order["at"]))
    if ms is None:
        raise ValueError(f"at is not an instant: {order['at']!r}")
    return from_ms(ms)


def _create(portal: Portal, order: Order, who: Who) -> dict[str, Any]:
    kind = _kind(order)
    if kind.plural == "users":
        raise ValueError("make users with create_owner")
    items = order.get("items")
    ids = []
    ties = associations.inline(portal, kind, order.get("associations"))
    for given in [_fields(order)] if items is None else items:
        fields = _values(portal, kind, given, None)
        portal.check_unique(kind, fields, None)
        row = portal.create(kind, fields, who, stamp=_at(order), settled=bool(order.get("settled")))
        associations.apply(portal, kind, row, ties)
        ids.append(row.id)
    return {"ids": ids} if items is not None else {"id": ids[0]}


def _update(portal: Portal, order: Order, who: Who) -> dict[str, Any]:
    kind = _kind(order)
    row = _row(portal, kind, order.get("id"))
    fields = _values(portal, kind, _fields(order), row)
    portal.check_unique(kind, fields, row.id)
    calculated = {
        n: v
        for n, v in fields.items()
        if (prop := portal.schema.get(kind, n)) is not None and prop.calculated
    }
    plain = {n: v for n, v in fields.items() if n not in calculated}
    if plain:
        portal.update(kind, row, plain, who, stamp=_at(order))
    if calculated:
        portal.calculate(row, calculated, _at(order) or portal.now())
    return {"id": row.id}


def _archive(portal: Portal, order: Order, who: Who) -> dict[str, Any]:
    kind = _kind(order)
    row = _row(portal, kind, order.get("id"))
    objects.archive(portal, kind, row, who)
    return {"id": row.id}


def _restore(portal: Portal, order: Order, who: Who) -> dict[str, Any]:
    kind = _kind(order)
    row = portal.org.get(kind.plural, str(order.get("id")))
    if row is None or not row.deleted or row.merged_into is not None:
        raise ValueError(f"{kind.singular} {order.get('id')} is not archived")
    if row.deleted_at is not None and portal.now() - row.deleted_at > objects.RESTORE_WINDOW:
        raise ValueError("archived more than 90 days ago")
    portal.check_unique(kind, {k: v for k, v in row.fields.items() if v}, row.id)
    portal.org.undelete(kind.plural, row.id, who)
    return {"id": row.id}


def _merge(portal: Portal, order: Order, who: Who) -> dict[str, Any]:
    """`id` is merged into `into`, whose values win; the answer is a third id."""
    kind = _kind(order)
    row = objects.join(portal, kind, str(order.get("into")), str(order.get("id")), who)
    return {"id": row.id}


def _associate(portal: Portal, order: Order, who: Who) -> dict[str, Any]:
    kind, to = _kind(order), _kind(order, "to_object")
    spec = LINKS.get((kind.plural, to.plural))
    if spec is None:
        raise ValueError(f"{kind.plural} and {to.plural} cannot be associated")
    row, other = _row(portal, kind, order.get("id")), _row(portal, to, order.get("to_id"))
    portal.link(kind, row.id, to, other.id, set(spec.ids()))
    return {"id": row.id, "to_id": other.id}


def _create_list(portal: Portal, order: Order, who: Who) -> dict[str, Any]:
    kind, processing = _kind(order), str(order.get("processing", "MANUAL"))
    if not order.get("name") or processing not in lists.TYPES:
        raise ValueError("create_list needs a name, and MANUAL, SNAPSHOT or DYNAMIC as processing")
    return {"id": lists.add(portal, str(order["name"]), kind, processing, who).id}


def _delete_list(portal: Portal, order: Order, who: Who) -> dict[str, Any]:
    row = lists.must_find(portal, str(order.get("list")))
    portal.org.delete(lists.LISTS, row.id, who)
    return {"id": row.id}


def _join(portal: Portal, order: Order, who: Who) -> dict[str, Any]:
    """People fill a list by hand; for a DYNAMIC one it is its filters that let the records in."""
    row = lists.must_find(portal, str(order.get("list")))
    records = [_row(portal, lists.kind_of(row), i).id for i in order.get("ids", [])]
    return {"ids": [i for i in records if lists.join(portal, row, i, who)]}


def _leave(portal: Portal, order: Order, who: Who) -> dict[str, Any]:
    row = lists.must_find(portal, str(order.get("list")))
    records = [str(i) for i in order.get("ids", [])]
    return {"ids": [i for i in records if lists.leave(portal, row, i, who)]}


def _corrupt(portal: Portal, order: Order, who: Who) -> dict[str, Any]:
    """Put garbage in one property on the wire, and touch the record so that pollers meet it."""
    kind = _kind(order)
    row = _row(portal, kind, order.get("id"))
    name = str(order.get("property") or kind.modified)
    if portal.schema.get(kind, name) is None:
        raise ValueError(f"{kind.plural} have no property {name}")
    spoiled = portal.corrupt.setdefault((kind.plural, row.id), {})
    spoiled[name] = str(order.get("value", "not-a-date"))
    portal.org.update(kind.plural, row.id, {}, who, stamp=portal.now(), touch=True)
    return {"id": row.id}


def _create_owner(portal: Portal, order: Order, who: Who) -> dict[str, Any]:
    email = str(order.get("email") or "")
    if "@" not in email:
        raise ValueError("create_owner needs an email")
    row = owners.add(
        portal,
        kind="PERSON",
        email=email.lower(),
        first=str(order.get("first_name") or email.partition("@")[0].capitalize()),
        last=str(order.get("last_name") or ""),
        team=str(order.get("team") or ""),
        time_zone=str(order.get("time_zone") or "UTC"),
    )
    return {"id": row.id, "user_id": row.fields["userId"]}


def _create_queue(portal: Portal, order: Order, who: Who) -> dict[str, Any]:
    name = str(order.get("name") or "")
    if not name:
        raise ValueError("create_queue needs a name")
    row = owners.add(portal, kind="QUEUE", first=name, email=str(order.get("email") or ""))
    return {"id": row.id}


def _deactivate(portal: Portal, order: Order, who: Who) -> dict[str, Any]:
    row = owners.find(portal, str(order.get("id")))
    owners.set_active(portal, row, False)
    return {"id": row.id}


def _activate(portal: Portal, order: Order, who: Who) -> dict[str, Any]:
    row = owners.find(portal, str(order.get("id")))
    owners.set_active(portal, row, True)
    return {"id": row.id}


_OPS: dict[str, Callable[[Portal, Order, Who], dict[str, Any]]] = {
    "create": _create,
    "update": _update,
    "archive": _archive,
    "restore": _restore,
    "merge": _merge,
    "associate": _associate,
    "log": engagements.log,
    "create_list": _create_list,
    "delete_list": _delete_list,
    "join": _join,
    "leave": _leave,
    "corrupt": _corrupt,
    "create_owner": _create_owner,
    "create_queue": _create_queue,
    "deactivate_owner": _deactivate,
    "activate_owner": _activate,
}

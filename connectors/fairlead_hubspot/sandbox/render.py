"""Records as they leave: text values, sorted names, null for never set, history newest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fairlead.sandbox.org import Row, Who
from fairlead_hubspot.sandbox.moments import wire_time
from fairlead_hubspot.sandbox.outreach import redacted
from fairlead_hubspot.sandbox.portal import PORTAL_ID, Portal
from fairlead_hubspot.sandbox.types import ObjectType


def source(who: Who) -> dict[str, Any]:
    """Who changed a value, as the history shows it."""
    match who.kind:
        case "person":
            return {
                "sourceType": "CRM_UI",
                "sourceId": f"userId:{who.id}",
                "updatedByUserId": int(who.id),
            }
        case "integration" | "tool":
            return {"sourceType": "INTEGRATION", "sourceId": who.id}
        case _ if who.name == "workflow":
            return {"sourceType": "AUTOMATION_PLATFORM", "sourceId": who.id}
    return {"sourceType": "CALCULATED"}


@dataclass(frozen=True, slots=True)
class Shown:
    """Which properties of a type an answer shows, and of which the history; in order of name."""

    names: Sequence[str]
    history: Sequence[str]


def columns(
    portal: Portal, kind: ObjectType, names: Iterable[str] = (), history: Sequence[str] = ()
) -> Shown:
    """The properties asked for, or the default ones; unknown names are left out."""
    wanted = set(names) or {*kind.defaults}
    wanted |= {"hs_object_id", kind.created, kind.modified, *history}
    known = [n for n in sorted(wanted) if portal.schema.get(kind, n) is not None]
    return Shown(known, [n for n in sorted(history) if n in known])


def record(
    portal: Portal,
    kind: ObjectType,
    row: Row,
    shown: Shown,
    *,
    links: Iterable[ObjectType] = (),
    by_id: bool = False,
) -> dict[str, Any]:
    """One record with its properties.

    `by_id` marks the reads that the knob `read_lag_seconds` makes stale.
    """
    old: Mapping[str, str | None] = _stale(portal, row) if by_id else {}
    if "sales-email-read" in portal.knobs.missing_scopes:
        old = {**old, **{n: None for n in shown.names if redacted(kind.plural, n)}}
    body = envelope(portal, kind, row)
    body["properties"] = {
        name: old[name] if name in old else portal.value(kind, row, name) for name in shown.names
    }
    if shown.history:
        body["propertiesWithHistory"] = {
            name: _history(portal, kind, row, name) for name in shown.history
        }
    found = {to.plural: _links(portal, kind, row, to) for to in links}
    if any(v["results"] for v in found.values()):
        body["associations"] = {k: v for k, v in found.items() if v["results"]}
    return _spoil(portal, kind, body)


def written(
    portal: Portal, kind: ObjectType, row: Row, names: Iterable[str] | None = None
) -> dict[str, Any]:
    """A record as a write answers it: on create all values it has, else the changed ones."""
    body = envelope(portal, kind, row)
    if names is None:
        wanted = {n for n, v in row.fields.items() if v is not None}
        wanted |= {"hs_object_id", kind.created, kind.modified}
    else:
        wanted = {*names, kind.modified}
    body["properties"] = {
        n: portal.value(kind, row, n)
        for n in sorted(wanted)
        if portal.schema.get(kind, n) is not None
    }
    return _spoil(portal, kind, body)


def envelope(portal: Portal, kind: ObjectType, row: Row) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": row.id,
        "properties": {},
        "createdAt": wire_time(row.created_at),
        "updatedAt": wire_time(row.modified_at),
        "archived": row.deleted,
        "url": f"https://app.hubspot.com/contacts/{PORTAL_ID}/record/{kind.type_id}/{row.id}",
    }
    if row.deleted and row.deleted_at is not None:
        body["archivedAt"] = wire_time(row.deleted_at)
    return body


def _history(portal: Portal, kind: ObjectType, row: Row, name: str) -> list[dict[str, Any]]:
    if name in (kind.created, kind.modified, "hs_object_id"):
        at = row.modified_at if name == kind.modified else row.created_at
        who = row.modified_by if name == kind.modified else row.created_by
        value = portal.value(kind, row, name)
        return [{"value": value, "timestamp": wire_time(at), **source(who)}]
    return [
        {"value": change.new, "timestamp": wire_time(change.at), **source(change.who)}
        for change in reversed(row.history)
        if change.field == name
    ]


def _links(portal: Portal, kind: ObjectType, row: Row, to: ObjectType) -> dict[str, Any]:
    return {
        "results": [
            {"id": id, "type": f"{kind.singular}_to_{to.singular}"}
            for id in sorted(portal.linked(kind, row.id, to), key=int)
            if portal.live(to, id) is not None
        ]
    }


def _stale(portal: Portal, row: Row) -> Mapping[str, str | None]:
    """Values that a stale replica would still show, by undoing the newest changes."""
    if portal.knobs.read_lag_seconds <= 0:
        return {}
    edge = portal.now() - timedelta(seconds=portal.knobs.read_lag_seconds)
    old: dict[str, str | None] = {}
    for change in reversed(row.history):
        if change.at > edge and change.at > row.created_at:
            old[change.field] = change.old
    return old


def _spoil(portal: Portal, kind: ObjectType, body: dict[str, Any]) -> dict[str, Any]:
    """Put the garbage of a corrupted record on the wire."""
    for name, value in portal.corrupt.get((kind.plural, body["id"]), {}).items():
        if name in body["properties"]:
            body["properties"][name] = value
        if name == kind.modified:
            body["updatedAt"] = value
        if name == kind.created:
            body["createdAt"] = value
    return body

"""How work with a contact is logged: the orders for it. What follows from it is in `outreach`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fairlead.sandbox.org import Who
from fairlead_hubspot.sandbox import outreach
from fairlead_hubspot.sandbox.moments import from_ms, instant_ms, wire_time
from fairlead_hubspot.sandbox.portal import Portal
from fairlead_hubspot.sandbox.types import LINKS, by_plural, find

_KINDS = outreach.KINDS | {"notes"}
_INCOMING = {
    "calls": ("hs_call_direction", "INBOUND", "OUTBOUND"),
    "emails": ("hs_email_direction", "INCOMING_EMAIL", "EMAIL"),
}


def log(portal: Portal, order: Mapping[str, Any], who: Who) -> dict[str, Any]:
    """Something is done with a contact, or with a lead's contact, and logged now.

    `at` is when it happened, `owner` in whose name it is logged (default the person who acts).
    `captured` mail goes through a connected inbox that does not log: nothing is kept.
    """
    kind = find(str(order.get("object", "")))
    if kind is None or kind.plural not in _KINDS:
        raise ValueError(f"object: one of {', '.join(sorted(_KINDS))}, not {order.get('object')!r}")
    contact = _contact(portal, order)
    if order.get("captured"):
        if kind.plural != "emails":
            raise ValueError("only e-mails can be captured")
        return {"id": None}
    at = _instant(order.get("at")) or portal.now()
    given = {
        "hs_timestamp": wire_time(at),
        **_owner(portal, order, who),
        **_particulars(kind.plural, order),
    }
    given.update(order.get("fields", {}))
    fields = portal.read_values(kind, given, None, privileged=True)
    row = portal.create(kind, fields, who)
    portal.link(
        kind, row.id, by_plural("contacts"), contact, set(LINKS[kind.plural, "contacts"].ids())
    )
    return {"id": row.id}


def _particulars(plural: str, order: Mapping[str, Any]) -> dict[str, str]:
    """The values that an order's short words stand for."""
    given: dict[str, str] = {}
    if plural in _INCOMING:
        name, yes, no = _INCOMING[plural]
        given[name] = yes if order.get("incoming") else no
    elif "incoming" in order:
        raise ValueError(f"{plural} have no direction")
    if order.get("seconds") is not None:
        if plural != "calls":
            raise ValueError(f"{plural} have no duration")
        given["hs_call_duration"] = str(int(order["seconds"]) * 1000)
    if order.get("sequence") is not None:
        if plural != "emails":
            raise ValueError(f"{plural} are not sent by sequences")
        given["hs_sequence_id"] = str(order["sequence"])
    defaults = {
        "calls": {"hs_call_status": "COMPLETED"},
        "emails": {"hs_email_status": "SENT"},
        "meetings": {"hs_meeting_outcome": "SCHEDULED"},
        "communications": {"hs_communication_channel_type": "WHATS_APP"},
    }
    return {**defaults.get(plural, {}), **given}


def _contact(portal: Portal, order: Mapping[str, Any]) -> str:
    if ("contact" in order) == ("lead" in order):
        raise ValueError("log needs a contact or a lead")
    if "contact" in order:
        named, kind = str(order["contact"]), by_plural("contacts")
        row = portal.by_unique(kind, "email", named.lower()) if "@" in named else None
        row = row or portal.survivor(kind, named)
        if row is None or row.deleted:
            raise ValueError(f"there is no live contact {order['contact']!r}")
        return row.id
    ties = portal.linked(by_plural("leads"), str(order["lead"]), by_plural("contacts"))
    primary = LINKS["leads", "contacts"].primary
    for id, types in ties.items():
        if primary in types:
            return id
    raise ValueError(f"there is no lead {order['lead']!r} with a contact")


def _owner(portal: Portal, order: Mapping[str, Any], who: Who) -> dict[str, str]:
    if "owner" in order:
        return {"hubspot_owner_id": str(order["owner"])}
    for row in portal.org.rows("owners"):
        if who.kind == "person" and row.fields.get("userId") == who.id:
            return {"hubspot_owner_id": row.id}
    return {}


def _instant(given: Any) -> datetime | None:
    if given is None:
        return None
    ms = instant_ms(str(given))
    if ms is None:
        raise ValueError(f"at is not an instant: {given!r}")
    return from_ms(ms)

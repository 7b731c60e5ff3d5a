"""When people are not there: out-of-office entries and Omni-Channel presence, as they are made.

Orders for `acts`. An out-of-office entry is a row like any other; presence is one row per stretch
of time in one status, the current one marked, and nobody but the platform writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fairlead.sandbox.org import Row, Who
from fairlead_salesforce.sandbox import rows
from fairlead_salesforce.sandbox.people import Result, need, user_target
from fairlead_salesforce.sandbox.render import stamp
from fairlead_salesforce.sandbox.rows import Save
from fairlead_salesforce.sandbox.setup_objects import PRESENCE_STATUSES
from fairlead_salesforce.sandbox.state import Sandbox
from fairlead_salesforce.sandbox.values import parse_instant

STATES = {"available": False, "away": True, "offline": None}
"""What `set_presence` takes, and whether that is an away status; None: signed out."""


def out_of_office(sb: Sandbox, order: Mapping[str, Any], who: Who) -> Result:
    """A user's out-of-office entry: `start` and `end` are instants; `enabled` false hides it."""
    user = user_target(sb, order)
    obj = need(sb, "OutOfOffice")
    fields: dict[str, Any] = {
        "UserId": user.id,
        "StartDate": stamp(_instant(order, "start")),
        "EndDate": stamp(_instant(order, "end")),
        "Message": order.get("message", "Out of office"),
        "IsEnabled": bool(order.get("enabled", True)),
    }
    return {"id": rows.create(sb, obj, fields, Save(who=who))}


def presence(sb: Sandbox, order: Mapping[str, Any], who: Who) -> Result:
    """Somebody signs in to Omni-Channel, changes status or signs out; the old stretch ends."""
    user = user_target(sb, order)
    obj = need(sb, "UserServicePresence")
    state = order.get("state")
    if state not in STATES:
        raise ValueError(f"state: one of {', '.join(STATES)}, not {state!r}")
    now, away = sb.now(), STATES[str(state)]
    for row in sb.org.rows(obj.name):
        if row.fields["UserId"] == user.id and row.fields["IsCurrentState"]:
            _end(sb, row, now)
    if away is None:
        return {"id": None}
    id = sb.ids.new(obj.prefix)
    fields = {
        "Name": f"{len(sb.org.rows(obj.name)) + 1:08}",
        "UserId": user.id,
        "ServicePresenceStatusId": _status(sb, away),
        "IsAway": away,
        "IsCurrentState": True,
        "StatusStartDate": stamp(now),
        "ConfiguredCapacity": 5,
    }
    sb.insert(obj, id, fields, sb.robot, now)
    return {"id": id}


def _end(sb: Sandbox, row: Row, now: datetime) -> None:
    began = parse_instant(str(row.fields["StatusStartDate"]))
    assert began is not None
    ended = {
        "IsCurrentState": False,
        "StatusEndDate": stamp(now),
        "StatusDuration": int((now - began).total_seconds()),
    }
    sb.change(row, ended, sb.robot, now)


def _status(sb: Sandbox, away: bool) -> str:
    name, label, _ = next(s for s in PRESENCE_STATUSES if s[2] is away)
    for row in sb.org.rows("ServicePresenceStatus"):
        if row.fields["DeveloperName"] == name:
            return row.id
    obj = need(sb, "ServicePresenceStatus")
    id = sb.ids.new(obj.prefix)
    sb.insert(obj, id, {"DeveloperName": name, "MasterLabel": label}, sb.robot, sb.now())
    return id


def _instant(order: Mapping[str, Any], key: str) -> datetime:
    at = parse_instant(str(order.get(key)))
    if at is None:
        raise ValueError(f"{key}: not an instant with a zone: {order.get(key)!r}")
    return at

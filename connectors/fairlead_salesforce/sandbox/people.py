"""Users and queues, as an administrator keeps them: adding, stopping, freezing.

Used by `acts` for its orders and by `app` to furnish a new org.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fairlead.sandbox.org import Row, Who
from fairlead_salesforce.sandbox import rows
from fairlead_salesforce.sandbox.rows import Save
from fairlead_salesforce.sandbox.schema import ObjectDef
from fairlead_salesforce.sandbox.state import Sandbox

Result = dict[str, Any]


def need(sb: Sandbox, name: str) -> ObjectDef:
    """An object this org must have; raises ValueError when a knob hides it."""
    obj = sb.schema.find(name)
    if obj is None:
        raise ValueError(f"this org has no {name}")
    return obj


def user_target(sb: Sandbox, order: Mapping[str, Any]) -> Row:
    row = sb.find_user(str(order.get("id", "")))
    if row is None:
        raise ValueError(f"no user {order.get('id')!r}")
    return row


def activity(active: bool) -> Callable[[Sandbox, Mapping[str, Any], Who], Result]:
    def do(sb: Sandbox, order: Mapping[str, Any], who: Who) -> Result:
        row = user_target(sb, order)
        sb.change(row, {"IsActive": active}, who, sb.now())
        return {"id": row.id}

    return do


def freezing(frozen: bool) -> Callable[[Sandbox, Mapping[str, Any], Who], Result]:
    def do(sb: Sandbox, order: Mapping[str, Any], who: Who) -> Result:
        user = user_target(sb, order)
        login = next(r for r in sb.org.rows("UserLogin") if r.fields["UserId"] == user.id)
        sb.change(login, {"IsFrozen": frozen}, who, sb.now())
        return {"id": user.id}

    return do


def add_user(sb: Sandbox, id: str, fields: Mapping[str, Any], who: Who) -> None:
    """A User row and the UserLogin row that goes with it."""
    save = Save(who=who, privileged=True, id=id)
    rows.create(sb, need(sb, "User"), fields, save)
    sb.org.create(
        "UserLogin",
        sb.ids.new("0YW"),
        {"UserId": id, "IsFrozen": False, "IsPasswordLocked": False},
        who,
        stamp=sb.now(),
    )


def add_queue(sb: Sandbox, name: str, objects: list[str], who: Who) -> str:
    """A queue that may hold rows of these objects."""
    save = Save(who=who, privileged=True)
    group = {"Name": name, "DeveloperName": name.replace(" ", "_"), "Type": "Queue"}
    id = rows.create(sb, need(sb, "Group"), group, save)
    for kind in objects:
        link = {"QueueId": id, "SobjectType": kind}
        rows.create(sb, need(sb, "QueueSobject"), link, save)
    return id


def seed_people(sb: Sandbox, order: Mapping[str, Any], who: Who) -> Result:
    users: dict[str, str] = {}
    for person in order.get("people", []):
        unknown = set(person) - {"name", "email", "username", "active", "timezone", "manager"}
        if unknown:
            raise ValueError(f"people: unknown keys {sorted(unknown)}")
        users[person["email"]] = _seed_one(sb, person, who)
    queues: dict[str, str] = {}
    for queue in order.get("queues", []):
        known = sb.find_owner(queue["name"])
        queues[queue["name"]] = (
            known.id
            if known and known.table == "Group"
            else add_queue(sb, queue["name"], list(queue.get("objects", ["Lead"])), who)
        )
    return {"users": users, "queues": queues}


def _seed_one(sb: Sandbox, person: Mapping[str, Any], who: Who) -> str:
    username = str(person.get("username", person["email"]))
    known = next((r for r in sb.org.rows("User") if r.fields["Username"] == username), None)
    if known:
        return known.id
    first, _, last = str(person["name"]).rpartition(" ")
    manager = sb.find_user(str(person["manager"])) if person.get("manager") else None
    fields = {
        "FirstName": first,
        "LastName": last,
        "Username": username,
        "Email": person["email"],
        "IsActive": bool(person.get("active", True)),
        "TimeZoneSidKey": person.get("timezone", "GMT"),
        "ManagerId": manager.id if manager else None,
    }
    id = sb.ids.new("005")
    add_user(sb, id, fields, who)
    return id

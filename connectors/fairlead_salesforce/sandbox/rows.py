"""What a write means: create, update, upsert and delete of one row, with all that it sets off.

Between the REST faces (`records`, `collections`, `composite`) or `acts` and the org's data. Every
function either does the whole save or raises Refused and has done nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fairlead.sandbox.org import Row, Who
from fairlead_salesforce.sandbox import campaigns, rules
from fairlead_salesforce.sandbox.errors import Refused, Several, no_such_column, not_found
from fairlead_salesforce.sandbox.ids import canonical
from fairlead_salesforce.sandbox.render import address
from fairlead_salesforce.sandbox.schema import FieldDef, ObjectDef
from fairlead_salesforce.sandbox.setup_objects import DEFAULTS, TASK_STATUSES
from fairlead_salesforce.sandbox.state import Sandbox
from fairlead_salesforce.sandbox.values import coerce, settle_place

SETUP = frozenset({"User", "Group", "GroupMember", "QueueSobject", "OutOfOffice"})
_CLOSED = {name for name, _, closed in TASK_STATUSES if closed}


@dataclass(frozen=True, slots=True)
class Save:
    """How a write is made: by whom, with which rules, and (for acts) dated when.

    `privileged` writes may set read-only fields and may date the row: the test's own hand.
    """

    who: Who
    auto_assign: bool = False
    allow_save: bool = False
    details: bool = False
    version: str = "67.0"
    privileged: bool = False
    at: datetime | None = None
    id: str | None = None

    def stamp(self, sb: Sandbox) -> datetime:
        return (self.at or sb.now()).replace(microsecond=0)


# -- who may ------------------------------------------------------------------------------------


def allowed(sb: Sandbox, obj: ObjectDef, op: str, who: Who) -> bool:
    """Whether this actor has the object permission `op` (one of c, r, u, d)."""
    if op not in obj.ops:
        return False
    if who.kind in ("integration", "tool") and obj.name in SETUP and op != "r":
        return False
    if who.kind == "integration":
        return op in sb.knobs.permissions.get(obj.name, "crud")
    return True


def need(sb: Sandbox, obj: ObjectDef, op: str, save: Save) -> None:
    """Refuse a write without permission."""
    if save.privileged or allowed(sb, obj, op, save.who):
        return
    if op not in obj.ops:
        raise Refused(
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            f"entity type cannot be {'inserted' if op == 'c' else 'changed'}: {obj.label}",
            fields=[],
        )
    raise Refused(
        "INSUFFICIENT_ACCESS_OR_READONLY",
        "insufficient access rights on object id",
        status=403,
        fields=[],
    )


def visible(sb: Sandbox, row: Row, who: Who) -> bool:
    """Whether sharing shows the row; only the integration user is ever restricted."""
    if who.kind != "integration" or row.table in SETUP:
        return True
    if row.id in sb.knobs.hidden_ids or row.id[:15] in sb.knobs.hidden_ids:
        return False
    share = sb.knobs.hidden_share
    if not share or row.table != "Lead":
        return True
    return int(hashlib.sha256(row.id.encode()).hexdigest()[:8], 16) / 0xFFFFFFFF >= share


def object_for(sb: Sandbox, name: str, who: Who) -> ObjectDef:
    """The object of an address; one that may not be read is not there."""
    obj = sb.schema.find(name)
    if obj is None or not obj.prefix or not allowed(sb, obj, "r", who):
        raise not_found()
    return obj


def row_for(sb: Sandbox, obj: ObjectDef, text: str, who: Who) -> Row:
    """The live row of an id in an address; raises the vendor's 404s."""
    id = canonical(text)
    if id is None:
        raise not_found(f"Provided external ID field does not exist or is not accessible: {text}")
    row = sb.org.get(obj.name, id) if id[:3] == obj.prefix else None
    if row is None or not visible(sb, row, who):
        raise not_found()
    if row.deleted:
        raise Refused("ENTITY_IS_DELETED", "entity is deleted", status=404, fields=[])
    return row


# -- saving -------------------------------------------------------------------------------------


def read_body(
    sb: Sandbox, obj: ObjectDef, body: Mapping[str, Any], op: str, save: Save
) -> dict[str, Any]:
    """Field names in the vendor's spelling with stored values; refuses what may not be written."""
    named: list[tuple[FieldDef, Any]] = []
    for name, value in body.items():
        if name == "attributes":
            continue
        if name.lower() == "id":
            raise Refused(
                "INVALID_FIELD", "The Id field should not be specified in the sobject data."
            )
        field = obj.find(name)
        if field is None:
            raise no_such_column(name, obj.name)
        named.append((field, value))
    fixed = [f.name for f, _ in named if not (f.createable if op == "create" else f.updateable)]
    if fixed and not save.privileged:
        raise Refused(
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            f"Unable to create/update fields: {', '.join(fixed)}. Please check the security "
            "settings of this field and verify that it is read/write for your profile or "
            "permission set.",
            fields=fixed,
        )
    return {f.name: coerce(sb, f, value) for f, value in named}


def create(sb: Sandbox, obj: ObjectDef, body: Mapping[str, Any], save: Save) -> str:
    """Save a new row and give its id."""
    need(sb, obj, "c", save)
    given = read_body(sb, obj, body, "create", save)
    after = _with_defaults(obj, given, save.who)
    missing = [f.name for f in obj.fields if f.required and after.get(f.name) is None]
    if missing:
        raise Refused(
            "REQUIRED_FIELD_MISSING",
            f"Required fields are missing: [{', '.join(missing)}]",
            fields=missing,
        )
    changed = {k: v for k, v in after.items() if v is not None}
    _consider(sb, obj, None, {}, changed, after, save)
    id = save.id or sb.ids.new(obj.prefix)
    at = save.stamp(sb)
    row = sb.insert(obj, id, after, save.who, at)
    rules.add_history(sb, row, "created", None, None, save.who, at)
    _afterwards(sb, obj, row, save.who, at)
    return id


def update(sb: Sandbox, obj: ObjectDef, row: Row, body: Mapping[str, Any], save: Save) -> None:
    """Save an edit; the stamps move even when no value differs."""
    need(sb, obj, "u", save)
    given = read_body(sb, obj, body, "update", save)
    if row.deleted:
        raise Refused("ENTITY_IS_DELETED", "entity is deleted", status=404, fields=[])
    rules.check_lock(sb, row)
    if row.fields.get("IsConverted") and not save.privileged:
        raise Refused("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", fields=[])
    emptied = [n for n, v in given.items() if v is None and (f := obj.find(n)) and f.required]
    if emptied:
        raise Refused(
            "REQUIRED_FIELD_MISSING",
            f"Required fields are missing: [{', '.join(emptied)}]",
            fields=emptied,
        )
    after = {**row.fields, **given}
    changed = {k: v for k, v in given.items() if row.fields.get(k) != v}
    _consider(sb, obj, row, row.fields, changed, after, save)
    at = save.stamp(sb)
    before = dict(row.fields)
    sb.change(row, {k: v for k, v in after.items() if before.get(k) != v}, save.who, at)
    diff = {k: (before.get(k), v) for k, v in after.items() if before.get(k) != v}
    rules.write_history(sb, obj, row, diff, save.who, at)
    _afterwards(sb, obj, row, save.who, at)


def delete(sb: Sandbox, obj: ObjectDef, row: Row, save: Save) -> None:
    """Put a row, and a person's activities with it, into the recycle bin."""
    need(sb, obj, "d", save)
    if row.deleted:
        raise Refused("ENTITY_IS_DELETED", "entity is deleted", status=404, fields=[])
    rules.check_lock(sb, row)
    rules.refuse(sb, obj=obj, op="delete", id=row.id, changed={}, after=row.fields, who=save.who)
    at = save.stamp(sb)
    for child in children(sb, row.id):
        sb.remove(child, save.who, at)
    sb.remove(row, save.who, at)


def children(sb: Sandbox, id: str) -> list[Row]:
    """The live activities and campaign memberships of a person, or the members of a campaign."""
    if id[:3] not in ("00Q", "003", "701"):
        return []
    tables = () if id.startswith("701") else ("Task", "Event")
    done = [
        r for t in tables for r in sb.org.having(t, "WhoId", [id]) if r.fields.get("WhoId") == id
    ]
    return [*(r for r in done if not r.deleted), *campaigns.members(sb, id)]


def find_by_external(
    sb: Sandbox, obj: ObjectDef, name: str, value: str, who: Who, version: str
) -> Row | None:
    """The live row with an external id; raises when the field is none, or several rows have it."""
    field = obj.find(name)
    if field is None or not field.external:
        raise not_found(f"Provided external ID field does not exist or is not accessible: {name}")
    if not field.unique:
        same = [
            r
            for r in sb.org.rows(obj.name)
            if not r.deleted and str(r.fields.get(field.name) or "").lower() == value.lower()
        ]
        if len(same) > 1:
            raise Several([address(version, r) for r in same])
    row = sb.by_key(obj.name, field.name, value)
    return row if row and visible(sb, row, who) else None


def upsert(
    sb: Sandbox, obj: ObjectDef, name: str, value: str, body: Mapping[str, Any], save: Save
) -> tuple[str, bool]:
    """Create or update by external id; says which (True: created)."""
    field = obj.find(name)
    row = find_by_external(sb, obj, name, value, save.who, save.version)
    if any(k.lower() == name.lower() for k in body):
        raise Refused(
            "INVALID_FIELD",
            f"The {name} field should not be specified in the sobject data.",
        )
    if row is not None:
        update(sb, obj, row, body, save)
        return row.id, False
    assert field is not None
    return create(sb, obj, {**body, field.name: value}, save), True


# -- the parts of a save ------------------------------------------------------------------------


def _with_defaults(obj: ObjectDef, given: dict[str, Any], who: Who) -> dict[str, Any]:
    out: dict[str, Any] = {f.name: False for f in obj.fields if f.type == "boolean"}
    out.pop("IsDeleted", None)
    out |= {k: v for k, v in DEFAULTS.get(obj.name, {}).items() if obj.find(k)}
    if obj.find("OwnerId"):
        out["OwnerId"] = who.id
    out |= {k: v for k, v in given.items() if v is not None or k not in out}
    if obj.name == "User" and not out.get("Alias"):
        out["Alias"] = str(out.get("LastName") or "")[:8] or None
    return out


def _consider(
    sb: Sandbox,
    obj: ObjectDef,
    row: Row | None,
    before: Mapping[str, Any],
    changed: dict[str, Any],
    after: dict[str, Any],
    save: Save,
) -> None:
    """Everything between parsing and storing; completes `after` in place or refuses."""
    op = "create" if row is None else "update"
    id = row.id if row else None
    if obj.name == "Lead" and sb.knobs.state_country_picklists:
        settle_place(changed, dict(before))
        after |= changed
    if obj.find("OwnerId") and ("OwnerId" in changed or after.get("OwnerId") is None):
        rules.check_owner(sb, obj, after.get("OwnerId"))
    _check_unique(sb, obj, id, changed)
    _check_activity(sb, obj, row, changed, after)
    if obj.name == campaigns.MEMBER:
        campaigns.check(sb, row, after)
    facts = {"obj": obj, "op": op, "id": id, "changed": changed, "after": after, "who": save.who}
    after |= rules.automate(sb, **facts)
    if save.auto_assign and (owner := rules.assigned_owner(sb, obj)):
        after["OwnerId"] = owner
    if "Email" in changed:
        rules.check_duplicates(
            sb,
            obj,
            id,
            after,
            allow_save=save.allow_save,
            details=save.details,
            version=save.version,
        )
    rules.refuse(sb, **facts)
    _derive(sb, obj, before, after, save)


def _check_unique(sb: Sandbox, obj: ObjectDef, id: str | None, changed: dict[str, Any]) -> None:
    for name, value in changed.items():
        field = obj.find(name)
        if field is None or not field.unique or value is None:
            continue
        # One Activity field backs the same-named field of tasks and events.
        tables = ("Task", "Event") if obj.name in ("Task", "Event") else (obj.name,)
        for table in tables:
            other = sb.by_key(table, name, str(value))
            if other is not None and other.id != id:
                raise Refused(
                    "DUPLICATE_VALUE",
                    f"duplicate value found: {name} duplicates value on record with id: "
                    f"{other.id[:15]}",
                    fields=[],
                )
    if obj.name == "User" and "Username" in changed:
        twin = sb.find_user(str(changed["Username"]))
        if twin is not None and twin.id != id:
            raise Refused("DUPLICATE_USERNAME", "Duplicate Username.", fields=["Username"])


def _check_activity(
    sb: Sandbox, obj: ObjectDef, row: Row | None, changed: dict[str, Any], after: dict[str, Any]
) -> None:
    if obj.name not in ("Task", "Event"):
        return
    who_id = str(after.get("WhoId") or "")
    if who_id.startswith("00Q") and after.get("WhatId"):
        raise Refused(
            "FIELD_INTEGRITY_EXCEPTION",
            "Related To ID: cannot be set on an activity whose name is a lead",
            fields=["WhatId"],
        )
    found = sb.lookup(who_id) if "WhoId" in changed else None
    if found and found[1].fields.get("IsConverted"):
        raise Refused("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", fields=[])
    if obj.name == "Event" and row is None:
        start = after.get("StartDateTime") or after.get("ActivityDateTime")
        if not (start and (after.get("EndDateTime") or after.get("DurationInMinutes"))):
            raise Refused(
                "REQUIRED_FIELD_MISSING",
                "Required fields are missing: [DurationInMinutes, ActivityDateTime]",
                fields=["DurationInMinutes", "ActivityDateTime"],
            )


def _derive(
    sb: Sandbox, obj: ObjectDef, before: Mapping[str, Any], after: dict[str, Any], save: Save
) -> None:
    """Fields the org keeps by itself."""
    at = save.stamp(sb)
    if obj.name == "Task":
        closed = after.get("Status") in _CLOSED
        if closed != bool(before.get("IsClosed")) or not before:
            done = f"{at:%Y-%m-%dT%H:%M:%S}.000+0000" if closed else None
            after["CompletedDateTime"] = done
        after["IsClosed"] = closed
        after["IsHighPriority"] = after.get("Priority") == "High"
    if obj.name == "Event" and not before:
        start = after.get("StartDateTime") or after.get("ActivityDateTime")
        after["StartDateTime"] = after["ActivityDateTime"] = start
    if obj.name == "Lead" and before:
        if before.get("OwnerId") != after.get("OwnerId"):
            after["LastTransferDate"] = at.date().isoformat()
            after["IsUnreadByOwner"] = True
        elif save.who.id == after.get("OwnerId"):
            after["IsUnreadByOwner"] = False
    if obj.name == campaigns.MEMBER:
        campaigns.derive(sb, before, after, at)
    if obj.name == "Opportunity":
        after["IsClosed"] = str(after.get("StageName")).startswith("Closed")
        after["IsWon"] = after.get("StageName") == "Closed Won"


def _afterwards(sb: Sandbox, obj: ObjectDef, row: Row, who: Who, at: datetime) -> None:
    """A dated activity moves LastActivityDate of its person: a system change, not an edit."""
    if obj.name == "Campaign" and not campaigns.has_statuses(sb, row.id):
        campaigns.begin(sb, row, who, at)
    day = row.fields.get("ActivityDate")
    if obj.name not in ("Task", "Event") or not day:
        return
    found = sb.lookup(row.fields.get("WhoId"))
    if found and str(found[1].fields.get("LastActivityDate") or "") < str(day):
        sb.touch(found[1], {"LastActivityDate": day}, who, at)

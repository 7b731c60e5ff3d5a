"""What the org itself does on a save: owners it accepts, assignment and duplicate rules, history.

Below `rows`. Automations and refusals come from knobs, so that a test can play validation rules,
flows, locks and triggers for chosen rows (docs/sandbox-salesforce.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fairlead.sandbox.org import Row, Who
from fairlead_salesforce.sandbox.errors import Refused
from fairlead_salesforce.sandbox.ids import canonical
from fairlead_salesforce.sandbox.render import attributes, full_name, last_edit
from fairlead_salesforce.sandbox.schema import ObjectDef
from fairlead_salesforce.sandbox.state import Sandbox

HISTORY_OF = {"Lead": "LeadHistory"}
_LOCKED = "unable to obtain exclusive access to this record or 1 records"


def check_owner(sb: Sandbox, obj: ObjectDef, owner_id: str | None) -> None:
    """Refuse an owner who may not own rows of this object (codes: reference §2.5)."""
    if owner_id is None:
        raise Refused(
            "INVALID_CROSS_REFERENCE_KEY", "Owner ID: owner cannot be blank", fields=["OwnerId"]
        )
    found = sb.lookup(owner_id)
    if found is None:
        raise Refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=[])
    row = found[1]
    if row.table == "Group":
        _check_queue(sb, obj, row)
        return
    if row.fields.get("UserType") != "Standard":
        raise Refused(
            "OP_WITH_INVALID_USER_TYPE_EXCEPTION",
            "Operation not valid for this user type",
            fields=["OwnerId"],
        )
    if not row.fields.get("IsActive"):
        raise Refused(
            "INACTIVE_OWNER_OR_USER",
            f"operation performed with inactive user [{row.id[:15]}] as owner of "
            f"{obj.label.lower()}",
            fields=[],
        )
    if row.id in {canonical(str(i)) for i in sb.knobs.users_without_read}:
        raise Refused(
            "TRANSFER_REQUIRES_READ", "The new owner must have read permission", fields=[]
        )


def _check_queue(sb: Sandbox, obj: ObjectDef, group: Row) -> None:
    if group.fields.get("Type") != "Queue":
        raise Refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=[])
    supported = any(
        r.fields.get("QueueId") == group.id and r.fields.get("SobjectType") == obj.name
        for r in sb.org.rows("QueueSobject")
        if not r.deleted
    )
    if not supported:
        raise Refused("INVALID_OPERATION", "Queue not associated with this SObject type", fields=[])


def applies(
    entry: Mapping[str, Any],
    *,
    obj: ObjectDef,
    op: str,
    id: str | None,
    changed: Mapping[str, Any],
    after: Mapping[str, Any],
    who: Who,
) -> bool:
    """Whether a refusal or automation of the knobs concerns this save; absent keys match all."""
    if entry.get("object", obj.name) != obj.name or entry.get("op", op) != op:
        return False
    if "ids" in entry and id not in {canonical(i) for i in entry["ids"]}:
        return False
    if "changed" in entry and entry["changed"] not in changed:
        return False
    if entry.get("by", who.kind) != who.kind:
        return False
    return all(after.get(name) == value for name, value in entry.get("equals", {}).items())


def refuse(sb: Sandbox, **save: Any) -> None:
    """Raise the first refusal the knobs hold for this save; `times` counts it down."""
    for entry in sb.knobs.refusals:
        if entry.get("times") == 0 or not applies(entry, **save):
            continue
        if "times" in entry:
            entry["times"] -= 1
        raise Refused(
            str(entry.get("code", "FIELD_CUSTOM_VALIDATION_EXCEPTION")),
            str(entry.get("message", "refused by a rule of this org")),
            fields=list(entry.get("fields", [])),
        )


def automate(sb: Sandbox, **save: Any) -> dict[str, Any]:
    """The fields that flows of this org set in the same transaction."""
    out: dict[str, Any] = {}
    for entry in sb.knobs.automations:
        if applies(entry, **save):
            out |= dict(entry.get("set", {}))
    return out


def check_lock(sb: Sandbox, row: Row) -> None:
    """A row that an open transaction is changing cannot be written by another."""
    if sb.locked.get(row.id):
        raise Refused("UNABLE_TO_LOCK_ROW", f"{_LOCKED}: {row.id}", fields=[])


def assigned_owner(sb: Sandbox, obj: ObjectDef) -> str | None:
    """Who the active assignment rule gives this object's rows to; None without one."""
    if obj.name != "Lead" or sb.knobs.auto_assign_owner is None:
        return None
    row = sb.find_owner(sb.knobs.auto_assign_owner)
    return row.id if row else None


def check_duplicates(
    sb: Sandbox,
    obj: ObjectDef,
    id: str | None,
    after: Mapping[str, Any],
    *,
    allow_save: bool,
    details: bool,
    version: str,
) -> None:
    """The switchable duplicate rule: same e-mail on a live lead."""
    rule, email = sb.knobs.duplicate_rule, str(after.get("Email") or "").lower()
    if rule == "off" or obj.name != "Lead" or not email or (rule == "alert" and allow_save):
        return
    twins = [
        r
        for r in sb.org.rows("Lead")
        if not r.deleted and r.id != id and str(r.fields.get("Email") or "").lower() == email
    ]
    if not twins:
        return
    text = "Use one of these records?"
    matches = [
        {
            "additionalInformation": [],
            "fieldDiffs": [],
            "matchConfidence": 100.0,
            "record": {"attributes": attributes(version, obj, r), "Id": r.id}
            | ({"Name": full_name(r), "Email": r.fields.get("Email")} if details else {}),
        }
        for r in twins
    ]
    result = {
        "allowSave": rule == "alert",
        "duplicateRule": "Standard_Lead_Duplicate_Rule",
        "duplicateRuleEntityType": "Lead",
        "errorMessage": text,
        "matchResults": [
            {
                "entityType": "Lead",
                "errors": [],
                "matchEngine": "FuzzyMatchEngine",
                "matchRecords": matches,
                "rule": "Standard_Lead_Match_Rule_v1_0",
                "size": len(matches),
                "success": True,
            }
        ],
    }
    # The misspelt key is the vendor's.
    raise Refused("DUPLICATES_DETECTED", text, extra={"duplicateResut": result})


def write_history(
    sb: Sandbox,
    obj: ObjectDef,
    row: Row,
    diff: Mapping[str, tuple[Any, Any]],
    who: Who,
    at: datetime,
) -> None:
    """History rows for the tracked fields that changed; an owner change makes two."""
    table = HISTORY_OF.get(obj.name)
    history = sb.schema.find(table) if table else None
    if history is None or not sb.knobs.history_tracking:
        return
    for name, (old, new) in diff.items():
        if old == new or name not in sb.knobs.history_fields:
            continue
        if name == "OwnerId":
            add_history(sb, row, "Owner", owner_name(sb, old), owner_name(sb, new), who, at, "Text")
            add_history(sb, row, "Owner", old, new, who, at, "EntityId")
        else:
            add_history(sb, row, name, old, new, who, at, "Text")


def add_history(
    sb: Sandbox,
    row: Row,
    field: str,
    old: Any,
    new: Any,
    who: Who,
    at: datetime,
    kind: str = "Text",
) -> None:
    """One LeadHistory row, if this org tracks leads."""
    history = sb.schema.find(HISTORY_OF.get(row.table, ""))
    if history is None or not sb.knobs.history_tracking:
        return
    values = {
        "LeadId": row.id,
        "Field": field,
        "DataType": kind,
        "OldValue": old,
        "NewValue": new,
    }
    sb.insert(history, sb.ids.new(history.prefix), values, who, at)


def owner_name(sb: Sandbox, owner_id: str | None) -> str | None:
    """What the history shows for an owner id."""
    found = sb.lookup(owner_id)
    if found is None:
        return None
    row = found[1]
    return str(row.fields.get("Name")) if row.table == "Group" else full_name(row)


def modified_since(sb: Sandbox, row: Row, at: datetime) -> bool:
    """Whether a user edited the row after `at` (what conditional requests compare)."""
    return last_edit(sb, row)[0].replace(microsecond=0) > at

"""What `fairlead doctor` says about an org: rights, fields, history, queues and the daily quota.

Reads only. Each finding names what to do; docs/connectors-salesforce.md shows how.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from fairlead.core.types import CrmOwner, Kind, OwnerKind
from fairlead.errors import PermissionMissing, SchemaDrift
from fairlead.spi.connector import Finding
from fairlead_salesforce import soql
from fairlead_salesforce.client import Client
from fairlead_salesforce.mapping import AUDIT_FIELD, FEEDS, LEAD_FIELDS, MARKER_FIELD
from fairlead_salesforce.schema import ObjectShape, Schema
from fairlead_salesforce.staff import Staff

LOW_QUOTA = 0.1
MOST_SHOWN = 10
PICK_LISTS = ("picklist", "multipicklist")
_EVIDENCE = (
    ("Task", "calls and completed tasks", "give the user Read on Activities"),
    ("Event", "meetings", "give the user Read on Activities"),
    (
        "EmailMessageRelation",
        "e-mails",
        "turn on Enhanced Email and let our user read Email Messages; e-mails logged as tasks are "
        "read anyway",
    ),
)
_INSTEAD = {"CountryCode": "Country", "StateCode": "State"}


def findings(
    schema: Schema,
    limits: Any,
    ours: Sequence[str],
    everybody: Staff,
    history: bool | None,
    texts: Mapping[str, Sequence[str]],
) -> Iterator[Finding]:
    """All checks that need no call of their own. `history` is what `owner_history` found, `texts`
    what the policy writes by field."""
    owners = everybody.owners
    yield _user(ours, owners)
    yield _quota(limits)
    lead, task = schema.shape("Lead"), schema.shape("Task")
    needed = (*FEEDS[Kind.LEAD].needed, *schema.wanted)
    missing = [name for name in needed if name not in lead.fields]
    yield Finding(
        "lead fields",
        not missing,
        f"not readable: {', '.join(missing)}" if missing else "all needed fields are readable",
        "give read access to these fields, or correct their names in the policy" if missing else "",
    )
    mapped = {name for names in LEAD_FIELDS.values() for name in names}
    hidden = sorted(n for n in mapped - lead.fields.keys() if n not in _INSTEAD)
    yield Finding(
        "standard lead fields",
        not hidden,
        f"rules see these as missing: {', '.join(hidden)}" if hidden else "all are readable",
        "give read access if rules use them" if hidden else "",
        fatal=False,
    )
    for name in schema.writes:
        yield _writable(name, lead, texts.get(name, ()))
    may = lead.updateable and lead.may("OwnerId", "updateable")
    yield Finding(
        "change lead owner",
        may,
        "Lead.OwnerId can be edited" if may else "our user may not edit Lead.OwnerId",
        "" if may else "assign the permission set (Lead: Edit, Transfer Leads)",
    )
    may = task.createable and task.updateable
    yield Finding(
        "create tasks",
        may,
        "tasks can be created and edited" if may else "our user may not create and edit tasks",
        "" if may else "assign the permission set (Edit Tasks)",
        fatal=False,
    )
    marker = schema.has_marker()
    yield Finding(
        "task marker",
        marker,
        f"{MARKER_FIELD} is a unique external id"
        if marker
        else f"{MARKER_FIELD} is missing, not unique, or hidden: the marker goes into the task's "
        "text, and a task whose creation timed out may be made twice",
        "" if marker else "deploy Activity.Fairlead_Key__c and give edit access to it",
        fatal=False,
    )
    audit = schema.audit_length() > 0
    yield Finding(
        "audit field",
        audit,
        f"{AUDIT_FIELD} takes the reason" if audit else f"Lead has no {AUDIT_FIELD} we may edit",
        "" if audit else "deploy Lead.Fairlead_Reason__c to see reasons inside Salesforce",
        fatal=False,
    )
    yield _history(history)
    queues = [o for o in owners if o.kind is OwnerKind.QUEUE and o.active]
    yield Finding(
        "queues",
        bool(queues),
        f"{len(queues)} queues can own leads" if queues else "no queue can own leads",
        "" if queues else "make a queue for leads if the policy sends leads to one",
        fatal=False,
    )
    yield from _availability(everybody)


def _availability(everybody: Staff) -> Iterator[Finding]:
    absences = everybody.tells_absences
    yield Finding(
        "out of office",
        absences,
        "people's out-of-office entries are read"
        if absences
        else "the object OutOfOffice is hidden or missing: nobody counts as out of office for it",
        ""
        if absences
        else "allow out-of-office messages in Setup > Chatter Settings, or keep absences elsewhere",
        fatal=False,
    )
    # Most orgs have no Omni-Channel: that is no fault, and there is nothing to mend.
    yield Finding(
        "presence",
        True,
        "Omni-Channel tells who is away"
        if everybody.tells_presence
        else "not told: Omni-Channel is off, or our user may not read User Presence",
        fatal=False,
    )


def activities(hidden: Collection[str], status_history: bool | None) -> Iterator[Finding]:
    """What of people's work with leads can be read, to tell a first response; `hidden` objects."""
    for obj, what, right in _EVIDENCE:
        shown = obj not in hidden
        yield Finding(
            f"{what} as evidence",
            shown,
            f"{what} of leads are read"
            if shown
            else f"{obj} is hidden or missing: {what} of leads cannot be seen",
            "" if shown else right,
            fatal=False,
        )
    # Only a history that nobody may read is a fault; one without a move yet may be a new org's.
    yield Finding(
        "status moves as evidence",
        status_history is not False,
        "moves of the lead's status name who made them"
        if status_history
        else "history is readable but shows no move of the status yet; track it if it should count"
        if status_history is None
        else "no lead history: moves of the status cannot be seen",
        "" if status_history else "Set History Tracking: tick Lead Status",
        fatal=False,
    )


def owner_history(client: Client, field: str = "Owner") -> bool | None:
    """Whether the history shows changes of a field; None when it is readable but holds none yet."""
    where = f"Field = {soql.literal(field)}"
    query = soql.select(("Id",), "LeadHistory", where=where, limit=1)
    path = soql.url(client.settings.api_version, query, deleted_too=False)
    prefix = f"/services/data/v{client.settings.api_version}/"
    try:
        body = client.call("GET", path.removeprefix(prefix)).body
    except (SchemaDrift, PermissionMissing):
        return False
    rows = body.get("records") if isinstance(body, dict) else None
    return True if rows else None


def _writable(name: str, lead: ObjectShape, texts: Sequence[str]) -> Finding:
    may, there = lead.may(name, "updateable"), name in lead.fields
    refused = _refused(lead.fields[name], texts) if may else ""
    if refused:
        return Finding(
            f"field {name} to write",
            False,
            f"{refused}: Salesforce refuses the write, and each lead of it is a dead letter",
            f"add the value to the pick list {name} (Setup > Object Manager > Lead > Fields &"
            " Relationships), or correct it in the policy",
            fatal=False,
        )
    why = f"our user may not edit Lead.{name}" if there else f"Lead has no {name} that we may see"
    return Finding(
        f"field {name} to write",
        may,
        "takes what the policy writes"
        if may
        else f"{why}: nothing is written to it, leads are routed all the same",
        ""
        if may
        else f"give our user edit access to the field {name} of Lead (its permission set: Object"
        " Settings > Leads)"
        if there
        else f"make the field {name} on Lead ({_kind(texts)}) and give edit access to it, or"
        " correct its name in the policy",
        fatal=False,
    )


def _kind(texts: Sequence[str]) -> str:
    """What kind of field takes this."""
    return "a text, or a pick list with these values" if texts else "a number"


def _refused(field: Mapping[str, Any], texts: Sequence[str]) -> str:
    """Which texts a field cannot take, and why; "" when it takes all.

    A pick list that is not restricted takes any text.
    """
    if "" in texts and field.get("nillable") is False:
        return "the policy clears it, and it cannot be empty"
    if field.get("restrictedPicklist") is not True or field.get("type") not in PICK_LISTS:
        return ""
    options = {str(o.get("value")) for o in field.get("picklistValues") or () if o.get("active")}
    several = field.get("type") == "multipicklist"
    chosen = {p for t in texts for p in (t.split(";") if several else [t])}
    missing = sorted(chosen - options - {""})
    if not missing:
        return ""
    return f"its pick list has no {', '.join(map(repr, missing))}, only " + ", ".join(
        map(repr, sorted(options)[:MOST_SHOWN])
    )


def _user(ours: Sequence[str], owners: Sequence[CrmOwner]) -> Finding:
    mine = next((o for o in owners if o.id in ours), None)
    if not ours:
        return Finding(
            "our user",
            False,
            "Salesforce did not say which user the token belongs to",
            "set `username` in the settings to the integration user's name",
        )
    name = mine.name if mine is not None else "not visible to itself"
    return Finding("our user", True, f"{', '.join(ours)} ({name})")


def _quota(limits: Any) -> Finding:
    daily = limits.get("DailyApiRequests") if isinstance(limits, dict) else None
    most = daily.get("Max") if isinstance(daily, dict) else None
    left = daily.get("Remaining") if isinstance(daily, dict) else None
    if not isinstance(most, int) or not isinstance(left, int) or most <= 0:
        return Finding("API calls", False, "the daily limit is not visible", "", fatal=False)
    low = left < LOW_QUOTA * most
    return Finding(
        "API calls",
        not low,
        f"{left} of {most} calls are left in these 24 hours",
        "find what else calls the API so often, or poll less" if low else "",
        fatal=False,
    )


def _history(history: bool | None) -> Finding:
    remedy = "Setup > Object Manager > Lead > Fields > Set History Tracking: tick Lead Owner"
    if history is None:
        text = "history is readable but shows no owner change yet; make sure that it is tracked"
    elif history:
        text = "owner changes name the user who made them"
    else:
        text = (
            "no lead history: a person's change cannot be told from a flow's, so none is put back"
        )
    return Finding("owner history", history is True, text, "" if history else remedy, fatal=False)

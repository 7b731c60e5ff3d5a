"""What people and tools do with a lead, as the org keeps it: calls, mail, meetings, old records.

Orders for `acts`. A call is a completed task without an instant of its own; mail sent with Enhanced
Email is a message, its relation to the person and a task beside it; mail copied in by BCC is a task
alone; mail that Einstein Activity Capture shows is no record at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from fairlead.sandbox.org import Row, Who
from fairlead_salesforce.sandbox import rows
from fairlead_salesforce.sandbox.ids import canonical
from fairlead_salesforce.sandbox.people import Result, need
from fairlead_salesforce.sandbox.render import stamp
from fairlead_salesforce.sandbox.rows import Save
from fairlead_salesforce.sandbox.state import Sandbox
from fairlead_salesforce.sandbox.values import parse_instant

_SENT, _NEW, _DRAFT = "3", "0", "5"
_HOW = ("enhanced", "bcc", "captured")


def log_call(sb: Sandbox, order: Mapping[str, Any], who: Who) -> Result:
    """A call is logged now; `day` is when it was made, `owner` in whose name a dialer logs it."""
    now = sb.now()
    fields = {
        "WhoId": _person(sb, order),
        "OwnerId": _owner(sb, order, who),
        "Subject": "Call",
        "TaskSubtype": "Call",
        "Status": "Completed",
        "ActivityDate": order.get("day", now.date().isoformat()),
        "CallType": order.get("direction", "Outbound"),
        "CallDurationInSeconds": order.get("seconds"),
        "CallDisposition": order.get("disposition"),
    }
    return {"id": rows.create(sb, need(sb, "Task"), fields, _save(who))}


def log_email(sb: Sandbox, order: Mapping[str, Any], who: Who) -> Result:
    """Mail to or (`incoming`) from the person; `how` it came in decides what the org keeps."""
    how, incoming = order.get("how", "enhanced"), bool(order.get("incoming", False))
    if how not in _HOW:
        raise ValueError(f"how: one of {', '.join(_HOW)}, not {how!r}")
    person = _person(sb, order)
    if how == "captured":
        return {"id": None, "task": None}
    with sb.transaction():
        return _mail(sb, order, who, person, how=str(how), incoming=incoming)


def _mail(
    sb: Sandbox, order: Mapping[str, Any], who: Who, person: str, *, how: str, incoming: bool
) -> Result:
    task = {
        "WhoId": person,
        "OwnerId": _owner(sb, order, who),
        "Subject": "Email: Hello",
        "TaskSubtype": "Email",
        "Status": "Completed",
        "ActivityDate": sb.now().date().isoformat(),
    }
    draft = bool(order.get("draft", False))
    task_id = None if draft else rows.create(sb, need(sb, "Task"), task, _save(who))
    if how == "bcc":
        return {"id": task_id, "task": task_id}
    message = {
        "ActivityId": task_id,
        "Subject": "Hello",
        "Incoming": incoming,
        "Status": _DRAFT if draft else _NEW if incoming else _SENT,
        "MessageDate": stamp(_instant(order, "at") or sb.now()),
        "AutomationType": order.get("automation"),
    }
    mail = rows.create(sb, need(sb, "EmailMessage"), message, _save(who))
    relation = {
        "EmailMessageId": mail,
        "RelationId": person,
        "RelationType": "FromAddress" if incoming else "ToAddress",
    }
    rows.create(sb, need(sb, "EmailMessageRelation"), relation, _save(who))
    return {"id": mail, "task": task_id}


def log_meeting(sb: Sandbox, order: Mapping[str, Any], who: Who) -> Result:
    """A meeting is entered in the calendar, by default one that begins now."""
    start, minutes = _instant(order, "start") or sb.now(), int(order.get("minutes", 30))
    fields = {
        "WhoId": _person(sb, order),
        "OwnerId": _owner(sb, order, who),
        "Subject": "Meeting",
        "StartDateTime": stamp(start),
        "EndDateTime": stamp(start + timedelta(minutes=minutes)),
        "DurationInMinutes": minutes,
    }
    return {"id": rows.create(sb, need(sb, "Event"), fields, _save(who))}


def archive(sb: Sandbox, order: Mapping[str, Any], who: Who) -> Result:
    """The platform archives an old task or event: only `queryAll` shows it from then on."""
    name = order.get("object", "Task")
    if name not in ("Task", "Event"):
        raise ValueError(f"{name} is not archived")
    row = sb.org.get(name, canonical(order.get("id")) or "")
    if row is None or row.deleted:
        raise ValueError(f"no {name} {order.get('id')!r}")
    sb.touch(row, {"IsArchived": True}, sb.robot, sb.now())
    return {"id": row.id}


def archived(row: Row) -> bool:
    return row.fields.get("IsArchived") is True


def move_mail(sb: Sandbox, old: str, new: str, who: Who, at: datetime) -> None:
    """A person's mail follows them when they are converted or merged."""
    for row in sb.org.rows("EmailMessageRelation"):
        if not row.deleted and row.fields.get("RelationId") == old:
            sb.change(row, {"RelationId": new}, who, at)


def _save(who: Who) -> Save:
    return Save(who=who, allow_save=True)


def _person(sb: Sandbox, order: Mapping[str, Any]) -> str:
    id = canonical(order.get("id"))
    found = sb.lookup(id)
    if found is None or found[0].name not in ("Lead", "Contact") or found[1].deleted:
        raise ValueError(f"no lead or contact {order.get('id')!r}")
    return found[1].id


def _owner(sb: Sandbox, order: Mapping[str, Any], who: Who) -> str:
    if "owner" not in order:
        return who.id
    row = sb.find_user(str(order["owner"]))
    if row is None:
        raise ValueError(f"no user {order['owner']!r}")
    return row.id


def _instant(order: Mapping[str, Any], key: str) -> datetime | None:
    if key not in order:
        return None
    at = parse_instant(str(order[key]))
    if at is None:
        raise ValueError(f"{key}: not an instant with a zone: {order[key]!r}")
    return at

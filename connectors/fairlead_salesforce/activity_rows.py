"""Rows of tasks, events, e-mails and lead history as activities: what was done, when, by whom.

Pure, no I/O; a row that cannot be understood is left out, since it proves nothing. Salesforce keeps
no instant of a call: it counts when it was logged or completed, and `detail` names another day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.types import Actor, Ref
from fairlead_salesforce.mapping import CRM, MARKER_FIELD, stamp, to_18
from fairlead_salesforce.people import People

Row = Mapping[str, Any]
Read = Callable[[Row, People], Activity | None]

AT_ONCE = timedelta(seconds=2)
"""A task completed within this of its creation was logged, not planned and done later."""

_BY_SUBTYPE = {
    "Call": ActivityKind.CALL,
    "Email": ActivityKind.EMAIL,
    "ListEmail": ActivityKind.EMAIL,
    "LinkedIn": ActivityKind.MESSAGE,
}
_BY_TYPE = {"Call": ActivityKind.CALL, "Email": ActivityKind.EMAIL}
_DRAFT = "5"
_WHY = {
    Actor.US: "done by fairlead's own user",
    Actor.PERSON: "done by a standard user",
    Actor.AUTOMATION: "done by a user that is no person, or is listed in automation_users",
    Actor.UNKNOWN: "done by a user whom ours cannot see",
}


def task(row: Row, people: People) -> Activity | None:
    """A completed task. Who completed one later than it was made is only known as last editor."""
    try:
        ref, created = Ref(CRM, "Task", to_18(row["Id"])), stamp(row["CreatedDate"])
        done = stamp(row["CompletedDateTime"]) if row.get("CompletedDateTime") else created
        logged = done - created < AT_ONCE
        doer = to_18(row["CreatedById" if logged else "LastModifiedById"])
        owner = to_18(row["OwnerId"])
    except (KeyError, TypeError, ValueError):
        return None
    subtype = row.get("TaskSubtype")
    kind = _BY_SUBTYPE.get(str(subtype)) or _BY_TYPE.get(str(row.get("Type")))
    if kind is None:
        kind = ActivityKind.CALL if row.get("CallType") else ActivityKind.TASK_DONE
    actor, why = people.actor(doer), _WHY[people.actor(doer)]
    if row.get(MARKER_FIELD):
        actor, why = Actor.US, "fairlead's own task"
    elif subtype == "ListEmail":
        actor, why = Actor.AUTOMATION, "a list e-mail, sent to many at once"
    elif owner != doer and actor is Actor.PERSON:
        why = f"logged by the standard user {doer} in its owner's name"
    # A planned task's date is when it was due; only a logged one's says when it was.
    day = row.get("ActivityDate") if logged else None
    other_day = day is not None and day != people.local_date(done, owner)
    return Activity(
        ref,
        kind,
        at=done,
        logged_at=created if logged else done,
        by=owner if owner.startswith("005") else doer,
        actor=actor,
        why=why,
        incoming=row.get("CallType") == "Inbound",
        seconds=_seconds(row.get("CallDurationInSeconds")),
        detail=_codes(
            row.get("CallType"),
            row.get("CallDisposition") or row.get("Status"),
            f"dated {day}" if other_day else None,
        ),
    )


def event(row: Row, people: People) -> Activity | None:
    """A meeting in the calendar. Booked is not held: nothing says that it took place."""
    try:
        ref, at = Ref(CRM, "Event", to_18(row["Id"])), stamp(row["StartDateTime"])
        logged_at, doer = stamp(row["CreatedDate"]), to_18(row["CreatedById"])
        owner = to_18(row["OwnerId"])
    except (KeyError, TypeError, ValueError):
        return None
    actor, why = people.actor(doer), _WHY[people.actor(doer)]
    if row.get(MARKER_FIELD):
        actor, why = Actor.US, "fairlead's own event"
    elif owner != doer and actor is Actor.PERSON:
        why = f"entered by the standard user {doer} in its owner's name"
    minutes = _seconds(row.get("DurationInMinutes"))
    seconds = None if minutes is None else minutes * 60
    return Activity(ref, ActivityKind.MEETING, at, logged_at, owner, actor, why, seconds=seconds)


def message(row: Row, people: People) -> Activity | None:
    """An e-mail that a relation ties to the person; a draft is none."""
    mail = row.get("EmailMessage")
    if not isinstance(mail, Mapping) or str(mail.get("Status")) == _DRAFT:
        return None
    try:
        ref = Ref(CRM, "EmailMessage", to_18(row["EmailMessageId"]))
        logged_at, doer = stamp(mail["CreatedDate"]), to_18(mail["CreatedById"])
        at = stamp(mail["MessageDate"]) if mail.get("MessageDate") else logged_at
    except (KeyError, TypeError, ValueError):
        return None
    incoming = mail.get("Incoming") is True
    automation = mail.get("AutomationType")
    actor, why = people.actor(doer), _WHY[people.actor(doer)]
    if automation == "AiAssisted" and actor is Actor.PERSON:
        why = "sent by a standard user with an assistant's help"
    elif automation and actor is not Actor.US:
        actor, why = Actor.AUTOMATION, f"Salesforce marks it as {automation}"
    return Activity(
        ref,
        ActivityKind.EMAIL,
        at,
        logged_at,
        None if incoming else doer,
        actor,
        why,
        incoming,
        detail=_codes(automation),
    )


def status(row: Row, people: People) -> Activity | None:
    """A move of the lead's status, from its history."""
    try:
        ref, at = Ref(CRM, "LeadHistory", to_18(row["Id"])), stamp(row["CreatedDate"])
        doer = to_18(row["CreatedById"])
    except (KeyError, TypeError, ValueError):
        return None
    moved = f"{row.get('OldValue') or ''} > {row.get('NewValue') or ''}"
    actor = people.actor(doer)
    return Activity(ref, ActivityKind.STATUS_CHANGE, at, at, doer, actor, _WHY[actor], detail=moved)


def mail_task(row: Row) -> str | None:
    """The task that Salesforce made beside an e-mail: the same thing once more."""
    mail = row.get("EmailMessage")
    try:
        return to_18(mail["ActivityId"]) if isinstance(mail, Mapping) else None
    except (KeyError, TypeError, ValueError):
        return None


def user_ids(row: Row) -> set[str]:
    """The users who may have done what this row tells."""
    mail = row.get("EmailMessage")
    found = set()
    for part in (row, mail if isinstance(mail, Mapping) else MappingProxyType({})):
        for name in ("CreatedById", "LastModifiedById"):
            try:
                found.add(to_18(part[name]))
            except (KeyError, TypeError, ValueError):
                continue
    return found


def whole_second(at: datetime) -> datetime:
    """Cut down to the second, as Salesforce cuts its stamps: else what came after would be lost."""
    return at.replace(microsecond=0)


def _seconds(value: Any) -> int | None:
    fine = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if fine else None


def _codes(*parts: Any) -> str:
    return "; ".join(str(p) for p in parts if p)

"""Calls, e-mails, meetings, messages, notes and tasks as activities; moves of a status likewise.

Pure, no I/O; a row that cannot be understood is left out, since it proves nothing. Who made a
record is its `hs_object_source`; HubSpot's values of it are only partly documented
(docs/connectors-hubspot.md lists what is taken for what).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any

from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.types import Actor, Ref
from fairlead_hubspot import mapping
from fairlead_hubspot.names import CRM, MARKER, OWNER

Row = Mapping[str, Any]
OwnerOf = Callable[[str], str | None]
"""The owner id of a HubSpot user id."""

EVERY = (
    *("hs_timestamp", "hs_createdate", OWNER, "hs_created_by_user_id"),
    *("hs_object_source", "hs_object_source_id"),
)
TASK_STATUS = "hs_task_status"
AT_ONCE = timedelta(seconds=1)
_TOOLS = frozenset({"SEQUENCES", "MEETINGS", "BOT", "CHATFLOWS"})
_NOT_SENT = frozenset({"SCHEDULED", "SENDING", "FAILED"})


@dataclass(frozen=True, slots=True)
class Source:
    """One object type that tells activities. `outreach`: HubSpot counts it as a contact made;
    `of_leads`: it can be associated with a Lead object and not only with its contact.
    """

    name: str
    kind: ActivityKind
    properties: tuple[str, ...]
    outreach: bool = True
    of_leads: bool = True
    history: tuple[str, ...] = ()
    searched_by: str = "hs_timestamp"


SOURCES = (
    Source(
        "calls",
        ActivityKind.CALL,
        ("hs_call_direction", "hs_call_duration", "hs_call_disposition", "hs_call_status"),
    ),
    Source(
        "emails",
        ActivityKind.EMAIL,
        ("hs_email_direction", "hs_email_status", "hs_sequence_id"),
    ),
    Source(
        "meetings",
        ActivityKind.MEETING,
        ("hs_meeting_start_time", "hs_meeting_end_time", "hs_meeting_outcome"),
    ),
    Source(
        "communications",
        ActivityKind.MESSAGE,
        ("hs_communication_channel_type",),
        of_leads=False,
    ),
    Source("notes", ActivityKind.NOTE, (), outreach=False),
    Source(
        "tasks",
        ActivityKind.TASK_DONE,
        (TASK_STATUS, "hs_task_type", MARKER),
        outreach=False,
        history=(TASK_STATUS,),
        # A task's timestamp is when it is due.
        searched_by="hs_lastmodifieddate",
    ),
)


def of_row(source: Source, row: Row, *, app_id: str | None, owner_of: OwnerOf) -> Activity | None:
    """What one record of a source tells; None for what is only planned or cannot be read."""
    rid, properties = mapping.row_id(row), row.get("properties")
    if rid is None or not isinstance(properties, Mapping):
        return None
    if source.kind is ActivityKind.TASK_DONE and properties.get(TASK_STATUS) != "COMPLETED":
        return None
    p = {k: v for k, v in properties.items() if v not in (None, "")}
    entry: Mapping[str, Any] = {
        "sourceType": p.get("hs_object_source"),
        "sourceId": p.get("hs_object_source_id"),
        "updatedByUserId": p.get("hs_created_by_user_id"),
    }
    at = _instant(p.get("hs_timestamp"))
    created = _instant(p.get("hs_createdate")) or _instant(row.get("createdAt"))
    if source.kind is ActivityKind.TASK_DONE:
        done = _completion(row)
        if done is None:
            return None
        entry, at = done, _instant(done.get("timestamp"))
        created = at
    if at is None or (source.kind is ActivityKind.EMAIL and p.get("hs_email_status") in _NOT_SENT):
        return None
    actor, why, user = _doer(entry, app_id)
    if p.get(MARKER):
        actor, why = Actor.US, "fairlead's own task"
    elif actor is Actor.AUTOMATION and entry.get("sourceType") == "INTEGRATION":
        # A dialer or mail add-in writes down what its owner did; another app acts by itself.
        actor, why = Actor.UNKNOWN, why + ", for its owner or by itself"
    if p.get("hs_sequence_id") and actor is not Actor.US:
        actor, why = Actor.AUTOMATION, "sent by a sequence"
    incoming, known = _incoming(source.kind, p)
    if not known and actor is Actor.PERSON:
        actor, why = Actor.UNKNOWN, "HubSpot hides whether the e-mail was sent or received"
    owner = p.get(OWNER)
    by_doer = owner_of(user) if user is not None else None
    by = by_doer or owner if source.kind is ActivityKind.TASK_DONE else owner or by_doer
    if incoming and source.kind is ActivityKind.EMAIL:
        by = None
    return Activity(
        Ref(CRM, source.name, rid),
        source.kind,
        at,
        created,
        None if by is None else str(by),
        actor,
        why,
        incoming,
        _seconds(source.kind, p),
        _detail(source.kind, p),
    )


def moves(
    ref: Ref, row: Row, status: str, *, app_id: str | None, owner_of: OwnerOf
) -> list[Activity]:
    """The history of a lead's status property, newest first on the wire, as moves of it.

    What it had when it was made is no move. HubSpot keeps no record of a move: the lead's own
    stands for it.
    """
    histories = row.get("propertiesWithHistory")
    entries = histories.get(status) if isinstance(histories, Mapping) else None
    entries = entries if isinstance(entries, list) else []
    created = _instant(row.get("createdAt"))
    found = []
    for entry, older in zip_longest(entries, entries[1:]):
        at = _instant(entry.get("timestamp")) if isinstance(entry, Mapping) else None
        if at is None or (older is None and created is not None and at - created < AT_ONCE):
            continue
        actor, why, user = _doer(entry, app_id)
        before = older.get("value") if isinstance(older, Mapping) else None
        moved = f"{before or ''} > {entry.get('value') or ''}"
        by = owner_of(user) if user is not None else None
        found.append(
            Activity(ref, ActivityKind.STATUS_CHANGE, at, at, by, actor, why, detail=moved)
        )
    return found


def users_in(row: Row) -> set[str]:
    """The HubSpot user ids that a row or its history names."""
    properties, histories = row.get("properties"), row.get("propertiesWithHistory")
    found = set()
    if isinstance(properties, Mapping):
        found.add(str(properties.get("hs_created_by_user_id") or ""))
        found.add(str(properties.get("hs_object_source_id") or "").partition("userId:")[2])
    for entries in histories.values() if isinstance(histories, Mapping) else ():
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, Mapping):
                found.add(str(entry.get("updatedByUserId") or ""))
    return found - {""}


def _completion(row: Row) -> Mapping[str, Any] | None:
    """The entry of the status' history by which the task is completed now: newest first."""
    histories = row.get("propertiesWithHistory")
    entries = histories.get(TASK_STATUS) if isinstance(histories, Mapping) else None
    newest = entries[0] if isinstance(entries, list) and entries else None
    return newest if isinstance(newest, Mapping) else None


def _doer(entry: Mapping[str, Any], app_id: str | None) -> tuple[Actor, str, str | None]:
    """Who did it, what that rests on, and the user id where one is named."""
    source = entry.get("sourceType")
    actor, who = mapping.actor(entry, app_id)
    if actor is Actor.PERSON and source in _TOOLS:
        actor = Actor.AUTOMATION
    user = who if actor is Actor.PERSON else None
    user = None if user is None else user.removeprefix("userId:")
    match actor:
        case Actor.US:
            why = "made by fairlead"
        case Actor.PERSON:
            why = f"HubSpot names user {user}"
        case Actor.AUTOMATION:
            why = f"made by {source}" + (f" {who}" if source == "INTEGRATION" else "")
        case Actor.UNKNOWN if source == "INTEGRATION":
            why = f"made by app {who}; whether that is fairlead is not known yet"
        case Actor.UNKNOWN:
            why = "HubSpot does not say who made it"
    return actor, why, user


def _incoming(kind: ActivityKind, p: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether it came from the lead, and whether that is known."""
    if kind is ActivityKind.EMAIL:
        direction = p.get("hs_email_direction")
        return direction in ("INCOMING_EMAIL", "FORWARDED_EMAIL"), direction is not None
    return kind is ActivityKind.CALL and p.get("hs_call_direction") == "INBOUND", True


def _seconds(kind: ActivityKind, p: Mapping[str, Any]) -> int | None:
    if kind is ActivityKind.CALL:
        try:
            return int(float(p["hs_call_duration"])) // 1000
        except (KeyError, TypeError, ValueError, OverflowError):
            return None
    if kind is ActivityKind.MEETING:
        start, end = (
            _instant(p.get("hs_meeting_start_time")),
            _instant(p.get("hs_meeting_end_time")),
        )
        return int((end - start).total_seconds()) if start and end and end >= start else None
    return None


def _detail(kind: ActivityKind, p: Mapping[str, Any]) -> str:
    names = {
        ActivityKind.CALL: ("hs_call_direction", "hs_call_status", "hs_call_disposition"),
        ActivityKind.EMAIL: ("hs_email_direction", "hs_email_status"),
        ActivityKind.MEETING: ("hs_meeting_outcome",),
        ActivityKind.MESSAGE: ("hs_communication_channel_type",),
        ActivityKind.TASK_DONE: ("hs_task_type",),
    }.get(kind, ())
    return "; ".join(str(p[n]) for n in names if n in p)


def _instant(value: object) -> datetime | None:
    try:
        return mapping.instant(value)
    except ValueError:
        return None

"""What the org tells of when people are there: their zone, out-of-office entries, presence.

Pure. Two queries ride in the call that lists the users, so that they cost no call of their own.
`IsEnabled` cannot be filtered on and is looked at here; what ended is cut off by the query
[developer docs, OutOfOffice]. Where Omni-Channel is off its object does not exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fairlead.core.types import Availability
from fairlead_salesforce import soql
from fairlead_salesforce.mapping import stamp, to_18

ABSENCES = soql.select(
    ("UserId", "StartDate", "EndDate", "IsEnabled"),
    "OutOfOffice",
    # Two days, since an end at midnight means the whole day, in whatever zone.
    where=soql.since_days("EndDate", 2),
    order="StartDate",
)
PRESENCE = soql.select(
    ("UserId", "IsAway"), "UserServicePresence", where=f"IsCurrentState = {soql.literal(True)}"
)
ZONE = "TimeZoneSidKey"


@dataclass(frozen=True, slots=True)
class Told:
    """What the org told in one reading; None for rows that our user may not see."""

    absences: Iterable[Mapping[str, Any]] | None
    presence: Iterable[Mapping[str, Any]] | None


@dataclass(slots=True)
class _OfUser:
    off: list[tuple[datetime, datetime]] = field(default_factory=list)
    present: bool | None = None
    unreadable: set[str] = field(default_factory=set)


def of_users(users: Iterable[Mapping[str, Any]], told: Told) -> dict[str, Availability]:
    """Availability by user id, for every user of `users`.

    Somebody signed in to Omni-Channel twice is there if either says so; somebody who is not signed
    in is not told of, since Salesforce does not say who uses Omni-Channel at all.
    """
    zones, found = _zones(users)
    for row in told.absences or ():
        user_id = _user(row, found)
        if user_id is None or row.get("IsEnabled") is False:
            continue
        try:
            span = stamp(row["StartDate"]), _end(stamp(row["EndDate"]), zones[user_id])
        except (KeyError, TypeError, ValueError, OverflowError):
            found[user_id].unreadable.add("OutOfOffice")
            continue
        if span[0] < span[1]:
            found[user_id].off.append(span)
    for row in told.presence or ():
        user_id = _user(row, found)
        if user_id is None:
            continue
        away = row.get("IsAway")
        if not isinstance(away, bool):
            found[user_id].unreadable.add("UserServicePresence")
            continue
        found[user_id].present = bool(found[user_id].present) or not away
    return {
        user_id: Availability(
            off=tuple(sorted(set(one.off))),
            timezone=zone.key if (zone := zones[user_id]) is not None else None,
            present=one.present,
            unreadable=tuple(sorted(one.unreadable)),
        )
        for user_id, one in found.items()
    }


def _zones(
    users: Iterable[Mapping[str, Any]],
) -> tuple[dict[str, ZoneInfo | None], dict[str, _OfUser]]:
    zones: dict[str, ZoneInfo | None] = {}
    found: dict[str, _OfUser] = {}
    for row in users:
        user_id = to_18(row["Id"])
        found[user_id] = _OfUser()
        zones[user_id] = None
        name = row.get(ZONE)
        if not name:
            continue
        try:
            zones[user_id] = ZoneInfo(name)
        except (KeyError, TypeError, ValueError, OSError):
            found[user_id].unreadable.add(ZONE)
    return zones, found


def _user(row: object, known: Mapping[str, object]) -> str | None:
    """The user a row is about; None for a row about nobody we were shown."""
    try:
        user_id = to_18(row["UserId"])  # type: ignore[index]
    except (KeyError, TypeError, ValueError):
        return None
    return user_id if user_id in known else None


def _end(end: datetime, zone: ZoneInfo | None) -> datetime:
    """The first instant after the absence.

    The docs call EndDate "the date of the last day", in a field that has a time. An end at
    midnight, by the user's clock or in UTC, is taken for a date: that day is part of the absence.
    """
    for clock in (zone, UTC):
        local = end.astimezone(clock) if clock is not None else None
        if local is not None and local.timetz().replace(tzinfo=None) == time(0):
            return (local + timedelta(days=1)).astimezone(UTC)
    return end

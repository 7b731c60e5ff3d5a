"""What a user record says of when its person is there: zone, working hours, absences, presence.

Pure. Hours and absences are JSON kept as text [developer docs, Users API guide]. The vendor gives
one example of each and no schema, so a value of another shape is named as unreadable and counts as
not said; what can be understood of a list is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fairlead.core.types import Availability
from fairlead_hubspot.mapping import instant

STATUS = "hs_availability_status"
HOURS = "hs_working_hours"
ABSENCES = "hs_out_of_office_hours"
ZONE = "hs_standard_time_zone"
USER_ID = "hs_internal_user_id"
OWNER_ID = "hubspot_owner_id"
PROPERTIES = (USER_ID, OWNER_ID, STATUS, HOURS, ABSENCES, ZONE)

_WEEK = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_DAYS: Mapping[str, range] = {
    **{name: range(n, n + 1) for n, name in enumerate(_WEEK)},
    "MONDAY_TO_FRIDAY": range(5),
    "SATURDAY_SUNDAY": range(5, 7),
    "EVERY_DAY": range(7),
}
_PRESENT = {"available": True, "away": False}
_DAY = 24 * 60

Block = tuple[int, int, int]
Span = tuple[datetime, datetime]


def of_user(properties: Mapping[str, Any]) -> Availability:
    """One user's properties, understood as far as they can be."""
    unreadable: list[str] = []
    zone = _zone(properties, unreadable)
    hours = tuple(sorted(set(_hours(properties, unreadable))))
    if hours and zone is None:
        # Wall-clock times without a clock.
        unreadable.append(HOURS)
        hours = ()
    return Availability(
        off=tuple(sorted(set(_absences(properties, unreadable)))),
        hours=hours,
        timezone=zone,
        present=_present(properties, unreadable),
        unreadable=tuple(sorted(set(unreadable))),
    )


def _zone(properties: Mapping[str, Any], unreadable: list[str]) -> str | None:
    name = properties.get(ZONE)
    if name in (None, ""):
        return None
    try:
        return ZoneInfo(name).key
    except (KeyError, TypeError, ValueError, OSError):
        unreadable.append(ZONE)
        return None


def _present(properties: Mapping[str, Any], unreadable: list[str]) -> bool | None:
    status = properties.get(STATUS)
    if status in (None, ""):
        return None
    present = _PRESENT.get(str(status).strip().lower())
    if present is None:
        unreadable.append(STATUS)
    return present


def _hours(properties: Mapping[str, Any], unreadable: list[str]) -> Iterator[Block]:
    for entry in _entries(properties, HOURS, unreadable):
        days = _DAYS.get(str(entry.get("days")).upper())
        start, end = entry.get("startMinute"), entry.get("endMinute")
        if days is None or not _minutes(start, end):
            unreadable.append(HOURS)
            continue
        for day in days:
            yield day, int(start), int(end)  # type: ignore[arg-type]


def _minutes(start: object, end: object) -> bool:
    if isinstance(start, bool) or isinstance(end, bool):
        return False
    return isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= _DAY


def _absences(properties: Mapping[str, Any], unreadable: list[str]) -> Iterator[Span]:
    for entry in _entries(properties, ABSENCES, unreadable):
        try:
            span = instant(entry.get("startTimestamp")), instant(entry.get("endTimestamp"))
        except ValueError:
            span = None
        if span is None or span[0] >= span[1]:
            unreadable.append(ABSENCES)
            continue
        yield span


def _entries(
    properties: Mapping[str, Any], name: str, unreadable: list[str]
) -> Iterator[Mapping[str, Any]]:
    text = properties.get(name)
    if text in (None, ""):
        return
    try:
        listed = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        listed = None
    if not isinstance(listed, list):
        unreadable.append(name)
        return
    for entry in listed:
        if isinstance(entry, Mapping):
            yield entry
        else:
            unreadable.append(name)

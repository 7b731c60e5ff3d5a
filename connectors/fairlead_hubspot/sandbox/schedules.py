"""What a user's working hours, absences and time zone must look like; `values` asks.

Hours and absences are lists in JSON, kept as text. Hours need a time zone that is set already;
minutes run from 0 to 1440 and stretches of one day may not overlap.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

ZONE = "hs_standard_time_zone"
_WEEK = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_DAYS: Mapping[str, tuple[str, ...]] = {
    **{day: (day,) for day in _WEEK},
    "MONDAY_TO_FRIDAY": _WEEK[:5],
    "SATURDAY_SUNDAY": _WEEK[5:],
    "EVERY_DAY": _WEEK,
}


def problem(name: str, value: str, zone: str) -> str | None:
    """Why the value of a user's property is refused, or None; other properties are all fine.

    `zone` is the time zone the user has before this write, "" when none.
    """
    if name == ZONE:
        return None if value in available_timezones() else f"{value} is not a time zone"
    if name == "hs_working_hours":
        if not zone:
            return f"{ZONE} must be set before hs_working_hours"
        return _listed(value, ("days", "startMinute", "endMinute")) or _hours(json.loads(value))
    if name == "hs_out_of_office_hours":
        keys = ("startTimestamp", "endTimestamp")
        return _listed(value, keys) or _spans(json.loads(value))
    return None


def _listed(value: str, keys: tuple[str, ...]) -> str | None:
    try:
        entries = json.loads(value)
    except ValueError:
        return f"{value} is not JSON"
    if not isinstance(entries, list) or any(
        not isinstance(e, dict) or set(e) != set(keys) for e in entries
    ):
        return f"{value} is not a JSON list of {', '.join(keys)}"
    for entry in entries:
        for key in keys:
            if key != "days" and type(entry[key]) is not int:
                return f"{key} must be a whole number, was {entry[key]!r}"
    return None


def _hours(entries: list[dict[str, Any]]) -> str | None:
    taken: dict[str, list[tuple[int, int]]] = {}
    for entry in entries:
        if entry["days"] not in _DAYS:
            return f"days must be one of {', '.join(_DAYS)}, was {entry['days']}"
        start, end = entry["startMinute"], entry["endMinute"]
        if not 0 <= start < end <= 24 * 60:
            return f"{start} to {end} is no stretch of minutes between 0 and 1440"
        for day in _DAYS[entry["days"]]:
            if any(start < other_end and other < end for other, other_end in taken.get(day, [])):
                return f"working hours of {day} overlap"
            taken.setdefault(day, []).append((start, end))
    return None


def _spans(entries: list[dict[str, Any]]) -> str | None:
    for entry in entries:
        if entry["startTimestamp"] >= entry["endTimestamp"]:
            return "startTimestamp must be before endTimestamp"
    return None

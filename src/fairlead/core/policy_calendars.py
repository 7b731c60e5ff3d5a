"""Calendars, leave and capacity of the policy: from the admin's texts to values, mistakes located.

Called by policy_build (the YAML) and by the roster's reader (the same as cells of a CSV).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from fairlead.core.carets import nearest
from fairlead.core.holiday_days import regions
from fairlead.core.leave import Leave, read_leave
from fairlead.core.policy_document import Document, Path
from fairlead.core.policy_models import CalendarShape, CapacityShape
from fairlead.core.policy_values import whole_count
from fairlead.core.types import Capacity
from fairlead.core.worktime import Block, Calendar, overlapping
from fairlead.core.zones import zone_names

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LIMITS = ("open", "per_hour", "per_day", "per_week")
_BLOCK = re.compile(r"([0-9]{2}):([0-5][0-9])\s*-\s*([0-9]{2}):([0-5][0-9])")
_LIMIT = re.compile(r"([a-z_]+)[ =:]+(\S+)")


def read_calendars(document: Document, shapes: Mapping[str, CalendarShape]) -> dict[str, Calendar]:
    """The calendars by name; what is broken in one is told and left out of it."""
    found: dict[str, Calendar] = {}
    for name, shape in shapes.items():
        path: Path = ("calendars", name)
        if shape.timezone not in zone_names():
            document.unknown((*path, "timezone"), "time zone", shape.timezone, zone_names())
            continue
        hours = _hours(document, name, shape, path)
        names = shape.holidays or []
        for index, region in enumerate(names):
            if region not in regions():
                at: Path = (*path, "holidays")
                listed = document.node((*at, index))[1] is not document.node(at)[1]
                _unknown_region(document, (*at, index) if listed else at, region)
        buffer = shape.leave_buffer
        found[name] = Calendar(
            name, shape.timezone, hours, tuple(r for r in names if r in regions()),
            buffer.before if buffer else 0, buffer.after if buffer else 0,
        )  # fmt: skip
    return found


def _unknown_region(document: Document, path: Path, region: str) -> None:
    country = region.partition("-")[0].upper()
    near = [r for r in regions() if r == country or r.startswith(f"{country}-")]
    document.unknown(path, "holiday region", region, near, nearest(region.upper(), near))


def _hours(
    document: Document, name: str, shape: CalendarShape, path: Path
) -> tuple[tuple[Block, ...], ...]:
    week: dict[int, tuple[Block, ...]] = {}
    where: dict[int, Path] = {}
    for key, texts in shape.hours.items():
        at: Path = (*path, "hours", key)
        try:
            days = _days(key)
        except ValueError as error:
            document.report(at, str(error), key=True)
            continue
        if not texts and not document.lost(at):
            message = f"no hours on {key}; leave the key out for a day without work"
            document.report(at, message, key=True)
        blocks = _blocks(document, texts, at)
        for day in days:
            if day in week:
                document.report(at, f"{DAYS[day]} is given twice in these hours", key=True)
            week[day], where[day] = tuple(sorted(blocks)), at
    if not shape.hours and not document.lost((*path, "hours")):
        document.report((*path, "hours"), f"calendar {name!r} has no hours", key=True)
    hours = tuple(week.get(day, ()) for day in range(7))
    clash = overlapping(hours)
    if clash is not None:
        earlier, later = DAYS[clash[0]], DAYS[clash[1]]
        days_said = f"of {later}" if earlier == later else f"of {earlier} and {later}"
        document.report(where[clash[1]], f"blocks {days_said} overlap", key=True)
    return hours


def _days(key: str) -> list[int]:
    first, dash, last = key.strip().lower().partition("-")
    if first not in DAYS or (dash and last not in DAYS):
        raise ValueError(f"expected a day or days such as mon or mon-fri, found {key!r}")
    start = DAYS.index(first)
    count = (DAYS.index(last) - start) % 7 if dash else 0
    return [(start + step) % 7 for step in range(count + 1)]


def _blocks(document: Document, texts: Iterable[str], path: Path) -> list[Block]:
    found: list[Block] = []
    for index, text in enumerate(texts):
        read = _BLOCK.fullmatch(text)
        hours = [int(read[1]), int(read[3])] if read else [99, 99]
        if read is None or hours[0] > 23 or hours[1] > 24 or (hours[1] == 24 and read[4] != "00"):
            message = f'expected a block such as "09:00-12:30" or "22:00-06:00", found {text!r}'
            document.report((*path, index), message)
            continue
        start, end = hours[0] * 60 + int(read[2]), hours[1] * 60 + int(read[4])
        if start == end:
            document.report((*path, index), f"this block is empty: {text!r}")
            continue
        found.append((start, end if end > start else end + 1440))
    return found


def read_leaves(texts: Iterable[str]) -> tuple[list[Leave], list[tuple[int, str]]]:
    """The leaves, and which of the texts is none, with the reason."""
    found: list[Leave] = []
    wrong: list[tuple[int, str]] = []
    for index, text in enumerate(texts):
        try:
            found.append(read_leave(text))
        except ValueError as error:
            wrong.append((index, str(error)))
    return found, wrong


def capacity_of(shape: CapacityShape | None) -> Capacity:
    """What a rep can take, as the core uses it."""
    if shape is None:
        return Capacity()
    return Capacity(shape.open, shape.per_hour, shape.per_day, shape.per_week)


def read_capacity(text: str) -> Capacity:
    """A cell such as `open 40; per_day 10`; raises ValueError."""
    found: dict[str, int] = {}
    for part in text.split(";"):
        if not part.strip():
            continue
        read = _LIMIT.fullmatch(part.strip())
        if read is None or read[1] not in LIMITS or read[1] in found:
            known = ", ".join(LIMITS)
            raise ValueError(
                f"expected limits such as 'open 40; per_day 10' (each of {known} once), "
                f"found {part.strip()!r}"
            )
        found[read[1]] = whole_count(int(read[2]) if read[2].isdecimal() else read[2])
    return Capacity(**found)

"""Instants as CRMs and spreadsheets export them, read a column at a time.

ISO 8601 with or without a zone (without one it is UTC), 31.01.2026 and 31/01/2026 or 01/31/2026
with or without a time, and Unix seconds or milliseconds. Whether slashes put the day or the month
first is learned from the whole column; where it shows neither, nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?")
_WRITTEN = re.compile(
    r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})"
    r"(?:,? +(\d{1,2}):(\d{2})(?::(\d{2}))?(?: ?([AaPp])\.?[Mm]\.?)?)?"
)
_UNIX = re.compile(r"[1-9](\d{9}|\d{12})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DayOrder(StrEnum):
    """Which of the first two numbers of 01/02/2026 is the day."""

    DAY_FIRST = "day first"
    MONTH_FIRST = "month first"
    UNKNOWN = "unknown"


def day_order(cells: Sequence[str]) -> DayOrder:
    """What the dates with slashes or dashes of a column show; dots mean that the day is first."""
    found = [m for m in map(_WRITTEN.fullmatch, cells) if m]
    if any(int(m[1]) > 12 or m[2] == "." for m in found):
        return DayOrder.DAY_FIRST
    if any(int(m[3]) > 12 for m in found):
        return DayOrder.MONTH_FIRST
    return DayOrder.UNKNOWN


def instant(cell: str, order: DayOrder) -> datetime | None:
    """The instant in UTC, or None when the cell has none or the order of its days is unknown."""
    if _UNIX.fullmatch(cell):
        return _EPOCH + timedelta(milliseconds=int(cell) * (1 if len(cell) == 13 else 1000))
    try:
        if _ISO.fullmatch(cell):
            found = datetime.fromisoformat(cell.removesuffix(" UTC").replace(" +", "+"))
        elif (written := _WRITTEN.fullmatch(cell)) and order is not DayOrder.UNKNOWN:
            found = _as_written(written, order)
        else:
            return None
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def can_be_two_days(cell: str, order: DayOrder) -> bool:
    """Whether a cell has no instant only because the order of its days is unknown."""
    return order is DayOrder.UNKNOWN and _WRITTEN.fullmatch(cell) is not None


def are_dates(cells: Sequence[str]) -> bool:
    """Whether the filled cells of a column look like dates, in whichever order."""
    return all(_ISO.match(c) or _WRITTEN.fullmatch(c) or re.fullmatch(r"1\d{12}", c) for c in cells)


def _as_written(found: re.Match[str], order: DayOrder) -> datetime:
    one, other = int(found[1]), int(found[3])
    day, month = (one, other) if order is DayOrder.DAY_FIRST else (other, one)
    hour, minute, second = (int(found[n] or 0) for n in (5, 6, 7))
    if found[8]:
        if not 1 <= hour <= 12:
            raise ValueError(found[0])
        hour = hour % 12 + (12 if found[8] in "Pp" else 0)
    return datetime(int(found[4]), month, day, hour, minute, second, tzinfo=UTC)

"""Instants as HubSpot writes and reads them: milliseconds, UTC, no fraction when it is zero."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO = re.compile(r"(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:?\d{2})")


def to_ms(at: datetime) -> int:
    return (at - EPOCH) // timedelta(milliseconds=1)


def from_ms(ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=ms)


def wire_ms(ms: int) -> str:
    """`2022-02-17T19:25:29Z` or `2022-02-17T19:25:29.120Z`: the fraction goes when it is zero."""
    text = from_ms(ms).isoformat(timespec="seconds")[:19]
    return f"{text}.{ms % 1000:03d}Z" if ms % 1000 else f"{text}Z"


@lru_cache(maxsize=65_536)
def wire_time(at: datetime) -> str:
    return wire_ms(to_ms(at))


def instant_ms(text: str) -> int | None:
    """Milliseconds of an epoch-ms or ISO instant; None when it is neither."""
    if re.fullmatch(r"-?\d{1,15}", text):
        return int(text)
    if (found := _ISO.fullmatch(text)) is None:
        return None
    day, clock, fraction, zone = found.groups()
    try:
        at = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone == 'Z' else zone}")
    except ValueError:
        return None
    return to_ms(at) + int((fraction or "0").ljust(3, "0")[:3])


def day_ms(text: str) -> int | None:
    """Milliseconds of the midnight (UTC) a date names, as `2026-12-28` or epoch-ms."""
    try:
        return to_ms(datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC))
    except ValueError:
        ms = instant_ms(text)
        return ms if ms is not None and ms % 86_400_000 == 0 else None

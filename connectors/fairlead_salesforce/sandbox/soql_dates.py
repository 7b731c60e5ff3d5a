"""SOQL's date literals as half-open ranges of days, in the asking user's time zone.

Used by `soql` (which words exist) and `soql_bind` (what they mean). Weeks begin on Sunday, as in
the en_US locale of this org.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

PLAIN = frozenset(
    {"today", "yesterday", "tomorrow", "last_90_days", "next_90_days"}
    | {f"{step}_{span}" for step in ("last", "this", "next") for span in ("week", "month", "year")}
)
COUNTED = frozenset({"last_n_days", "next_n_days", "n_days_ago", "last_n_weeks", "last_n_months"})


def days(word: str, count: int | None, today: date) -> tuple[date, date]:
    """First day and the day after the last one that a literal means on `today`."""
    one = timedelta(days=1)
    n = count or 0
    if word in ("today", "yesterday", "tomorrow"):
        first = today + one * {"today": 0, "yesterday": -1, "tomorrow": 1}[word]
        return first, first + one
    if word in ("last_n_days", "last_90_days"):
        # The last n days count today as well.
        return today - one * (90 if word == "last_90_days" else n), today + one
    if word in ("next_n_days", "next_90_days"):
        return today + one, today + one * ((90 if word == "next_90_days" else n) + 1)
    if word == "n_days_ago":
        return today - one * n, today - one * (n - 1)
    if word.endswith("week") or word == "last_n_weeks":
        sunday = today - one * ((today.weekday() + 1) % 7)
        if word == "last_n_weeks":
            return sunday - one * 7 * n, sunday
        first = sunday + one * 7 * _step(word)
        return first, first + one * 7
    if word.endswith("month") or word == "last_n_months":
        if word == "last_n_months":
            return _month(today, -n), _month(today, 0)
        return _month(today, _step(word)), _month(today, _step(word) + 1)
    year = today.year + _step(word)
    return date(year, 1, 1), date(year + 1, 1, 1)


def _step(word: str) -> int:
    return {"last": -1, "this": 0, "next": 1}[word.split("_")[0]]


def _month(today: date, step: int) -> date:
    index = today.year * 12 + today.month - 1 + step
    return date(index // 12, index % 12 + 1, 1)


def midnight(day: date, zone: str) -> datetime:
    """The instant a day begins in a zone, as UTC."""
    return datetime.combine(day, time(), tzinfo=_zone(zone)).astimezone(UTC)


def local_day(now: datetime, zone: str) -> date:
    """The date it is in a zone."""
    return now.astimezone(_zone(zone)).date()


def _zone(name: str) -> ZoneInfo:
    return ZoneInfo("UTC" if name == "GMT" else name)

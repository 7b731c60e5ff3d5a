"""Quotas: a rolling window per token, the search endpoints' own limit, and a daily count.

Every request takes one off the day, refused ones too. Search answers carry no window headers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from fairlead_hubspot.sandbox.errors import daily_limit, rolling_limit, secondly_limit
from fairlead_hubspot.sandbox.knobs import Knobs


@dataclass(slots=True)
class Limits:
    """What has been used of each quota."""

    knobs: Knobs
    used_today: int = 0
    _day: date | None = None
    _windows: dict[str, deque[datetime]] = field(default_factory=dict)

    def take(self, bucket: str, now: datetime, request_id: str) -> None:
        """Charge one request to `bucket` (burst, search, associations); raises 429 `Refusal`."""
        today = now.astimezone(ZoneInfo(self.knobs.time_zone)).date()
        if today != self._day:
            self._day, self.used_today = today, 0
        self.used_today += 1
        if self.used_today > self.knobs.daily_limit:
            raise daily_limit(request_id)
        size, most = self._bucket(bucket)
        window = self._trim(bucket, now, size)
        if len(window) >= most:
            raise secondly_limit() if bucket == "search" else rolling_limit()
        window.append(now)

    def headers(self, bucket: str, now: datetime) -> Mapping[str, str]:
        daily = {
            "X-HubSpot-RateLimit-Daily": str(self.knobs.daily_limit),
            "X-HubSpot-RateLimit-Daily-Remaining": str(
                max(0, self.knobs.daily_limit - self.used_today)
            ),
        }
        if bucket == "search":
            return daily
        size, most = self._bucket(bucket)
        left = max(0, most - len(self._trim(bucket, now, size)))
        return {
            **daily,
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(int(size * 1000)),
            "X-HubSpot-RateLimit-Max": str(most),
            "X-HubSpot-RateLimit-Remaining": str(left),
        }

    def resets_at(self, now: datetime) -> datetime:
        """The next midnight of the account's time zone."""
        zone = ZoneInfo(self.knobs.time_zone)
        tomorrow = now.astimezone(zone).date() + timedelta(days=1)
        return datetime.combine(tomorrow, time.min, zone)

    def _bucket(self, bucket: str) -> tuple[float, int]:
        """The seconds of a quota's window, and how many requests it holds."""
        if bucket == "search":
            return 1.0, self.knobs.search_per_second
        if bucket == "associations":
            return self.knobs.burst_window, self.knobs.associations_limit
        return self.knobs.burst_window, self.knobs.burst_limit

    def _trim(self, bucket: str, now: datetime, size: float) -> deque[datetime]:
        window = self._windows.setdefault(bucket, deque())
        edge = now - timedelta(seconds=size)
        while window and window[0] <= edge:
            window.popleft()
        return window

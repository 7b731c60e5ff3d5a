"""The only place that reads the wall clock; everything else is told the time.

`Clock` is the seam: the daemon holds a `SystemClock`, tests and the simulator a `ManualClock`
(see `fairlead.testing`).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time: `now()` as an aware UTC datetime, `monotonic()` in seconds for intervals."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

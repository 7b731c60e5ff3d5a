"""A clock that only moves when told, for tests and the simulator; satisfies `clock.Clock`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
"""A Monday morning: inside everybody's working hours unless a test says otherwise."""


class ManualClock:
    """Wall clock and monotonic clock moved by hand.

    `advance` moves both, as time does. `set` moves only the wall, as an operator, NTP or a resumed
    machine does; it may go backwards. Instants are aware UTC.
    """

    def __init__(self, now: datetime = START) -> None:
        self._now = _utc(now)
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, by: timedelta | float) -> datetime:
        """Let time pass (a timedelta or seconds, not negative); returns the new now."""
        delta = by if isinstance(by, timedelta) else timedelta(seconds=by)
        if delta < timedelta(0):
            raise ValueError("time does not pass backwards; use set() to play a wrong clock")
        self._now += delta
        self._monotonic += delta.total_seconds()
        return self._now

    def set(self, now: datetime) -> None:
        """Put the wall clock to `now`, in either direction; intervals are not affected."""
        self._now = _utc(now)


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a naive datetime is no instant; give it a time zone")
    return at.astimezone(UTC)

"""The daemon's time: it goes on as time does, whatever becomes of the machine's wall clock.

Wraps the machine's clock for everything in `daemon`. A wall clock that jumps (set by hand, by NTP,
after a sleep of the machine) is not followed until a CRM's own clock agrees with it; one that is
wrong by every account is left alone, and the CRM's time is kept instead. So no clock begins, no
step fires and no wait is set by an hour that never was. `trust` compares it with the CRMs.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from fairlead.clock import Clock
from fairlead.errors import RetryLater

JUMP = timedelta(seconds=1)
"""What the wall clock may gain or lose between two looks beyond what time has passed."""
CLOSE = timedelta(seconds=5)
"""The CRM tells its time in whole seconds and some time ago: so near it is right."""
TRUSTED = timedelta(seconds=60)
"""How far our time may be from a CRM's to be the same."""


class SteadyClock:
    """A `Clock` over the machine's. Used by all threads.

    `doubted` is true from a jump of the wall clock until a CRM has told its time; meanwhile `now()`
    goes on from the instant before the jump.
    """

    def __init__(self, machine: Clock) -> None:
        self.machine = machine
        self._lock = threading.Lock()
        self._wall, self._passed = machine.now(), machine.monotonic()
        self._ahead = timedelta(0)
        """How far our time is ahead of the machine's."""
        self._doubted = False
        self._by: str | None = None
        """The CRM whose time settled ours."""

    def now(self) -> datetime:
        with self._lock:
            return self._look()

    def monotonic(self) -> float:
        return self.machine.monotonic()

    @property
    def doubted(self) -> bool:
        with self._lock:
            self._look()
            return self._doubted

    def sure(self) -> datetime:
        """Now, for a decision; raises RetryLater while the wall clock has just jumped."""
        with self._lock:
            now = self._look()
            if self._doubted:
                raise RetryLater("the machine's clock has jumped and no CRM has told the time yet")
            return now

    def confirm(self, crm: str, server_now: datetime) -> bool:
        """A CRM has told its time; whether ours is the same now.

        Of the wall clock and of what we have gone by since it jumped, the one that agrees is kept.
        When neither does, the CRM's time is taken; but not when another CRM has settled ours.
        """
        with self._lock:
            ours = self._look()
            wall = abs(self._wall - server_now)
            if wall <= max(CLOSE, abs(ours - server_now)) and wall <= TRUSTED:
                self._settle(crm, timedelta(0))
            elif abs(ours - server_now) <= TRUSTED:
                self._settle(crm, self._ahead)
            elif self._doubted or self._by in (None, crm):
                self._settle(crm, server_now - self._wall)
            else:
                return False
            return True

    def _look(self) -> datetime:
        wall, passed = self.machine.now(), self.machine.monotonic()
        jumped = (wall - self._wall) - timedelta(seconds=passed - self._passed)
        self._wall, self._passed = wall, passed
        if abs(jumped) > JUMP:
            self._ahead -= jumped
            self._doubted = self._doubted or self._ahead != timedelta(0)
        return wall + self._ahead

    def _settle(self, crm: str, ahead: timedelta) -> None:
        if self._doubted or self._by is None:
            self._by = crm
        self._ahead, self._doubted = ahead, False


def steady(clock: Clock) -> SteadyClock:
    """This clock, or what goes on steadily over it."""
    return clock if isinstance(clock, SteadyClock) else SteadyClock(clock)

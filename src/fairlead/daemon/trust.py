"""Whether the machine's clock can be believed: nothing fires by a clock that has jumped.

Used by `sweep` before it fires anything.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from fairlead.clock import Clock
from fairlead.spi.connector import Connector
from fairlead.telemetry import get_logger

log = get_logger()

TRUSTED = timedelta(seconds=60)
"""How far the wall clock may be from the monotonic one, or from the CRM's, to be trusted."""
ASK_AGAIN = 60.0


class Trust:
    """The clock beside the CRM's; used by one reader thread."""

    def __init__(self, connector: Connector, clock: Clock) -> None:
        self.connector = connector
        self.clock = clock
        self.lost = False
        """Whether the two disagreed when they were last compared; nothing fires while they do."""
        self._trusted_at: tuple[datetime, float] | None = None
        self._asked: float | None = None

    def holds(self) -> bool:
        """Whether the wall clock went as time does since the CRM last agreed with it.

        Raises what asking the CRM for its time raises.
        """
        now, passed = self.clock.now(), self.clock.monotonic()
        if self._trusted_at is not None:
            wall, monotonic = self._trusted_at
            went = timedelta(seconds=passed - monotonic)
            if abs((now - wall) - went) <= TRUSTED:
                return True
        if self._asked is not None and passed - self._asked < ASK_AGAIN:
            return False
        apart = abs(self.connector.probe().server_now - now)
        if apart <= TRUSTED:
            self._trusted_at, self._asked, self.lost = (now, passed), None, False
            return True
        self._asked, self.lost = passed, True
        log.warning(
            "clock.untrusted", crm=self.connector.name, seconds=int(apart.total_seconds()),
            remedy="set the machine's clock; nothing fires until it agrees with the CRM's",
        )  # fmt: skip
        return False

"""Whether our time is the CRM's: nothing fires by a clock that has jumped.

Told each CRM's time with each page that is read; asked by `sweep` before it fires anything.
"""

from __future__ import annotations

from datetime import datetime

from fairlead.daemon.steady_clock import TRUSTED, SteadyClock
from fairlead.spi.connector import Connector
from fairlead.telemetry import get_logger

log = get_logger()

ASK_AGAIN = 60.0


class Trust:
    """Our time beside one CRM's; used by the threads of that CRM."""

    def __init__(self, connector: Connector, clock: SteadyClock) -> None:
        self.connector = connector
        self.clock = clock
        self.lost = False
        """Whether the machine's clock and the CRM's disagreed when they were last compared."""
        self._agrees: bool | None = None
        self._asked: float | None = None

    def heard(self, server_now: datetime) -> bool:
        """The CRM has told its time; whether it is ours, or has become ours."""
        self._agrees = self.clock.confirm(self.connector.name, server_now)
        apart = self.clock.machine.now() - server_now
        wrong = abs(apart) > TRUSTED
        if wrong and not self.lost:
            log.warning(
                "clock.untrusted", crm=self.connector.name, seconds=int(apart.total_seconds()),
                remedy="set the machine's clock; until it agrees with the CRM's, the CRM's is used",
            )  # fmt: skip
        self.lost = wrong
        return self._agrees

    def holds(self) -> bool:
        """Whether our time is the CRM's, as far as we have heard since the last jump.

        Raises what asking the CRM for its time raises.
        """
        if self._agrees and not self.clock.doubted:
            return True
        passed = self.clock.monotonic()
        if self._agrees is False and self._asked is not None and passed - self._asked < ASK_AGAIN:
            return False
        self._asked = passed
        return self.heard(self.connector.probe().server_now)

"""The heartbeat: a thread that calls a URL while all is well, and does not when it is not.

Whoever watches the URL alarms when it is silent: also when the machine, its power or its network
is gone, of which nothing here could tell.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from fairlead.daemon.loops import Loop
from fairlead.errors import RetryLater
from fairlead.metrics import Metrics
from fairlead.notify.heart import Heart
from fairlead.telemetry import get_logger

log = get_logger()

SOONEST = 10.0
SAID_AT = 2
"""At which look in a row it is said: just after the start nothing has been read yet."""


class Heartbeat(Loop):
    """Calls as often as the settings say; `wrong` tells why not, nothing when all is well."""

    verb = "heartbeat"

    def __init__(
        self,
        heart: Heart,
        wrong: Callable[[], tuple[str, ...]],
        metrics: Metrics,
        stopping: threading.Event,
        crash: Callable[[BaseException], None],
    ) -> None:
        super().__init__("heartbeat", metrics, stopping, crash)
        self.heart = heart
        self.wrong = wrong
        self._withheld = 0

    def step(self) -> float:
        wrong = self.wrong()
        before, self._withheld = self._withheld, self._withheld + 1 if wrong else 0
        if self._withheld == SAID_AT:
            log.warning("heartbeat.withheld", reason="; ".join(wrong))
        if before >= SAID_AT and not wrong:
            log.info("heartbeat.resumed")
        if wrong:
            self.metrics.heartbeats_total.labels(outcome="withheld").inc()
            return min(self.heart.spec.every, SOONEST)
        try:
            self.heart.beat()
        except RetryLater:
            self.metrics.heartbeats_total.labels(outcome="failed").inc()
            raise
        self.metrics.heartbeats_total.labels(outcome="sent").inc()
        return self.heart.spec.every

"""The senders: threads that take messages out of the store and send them, whatever else goes on.

Each way out has one of its own, so that a server which hangs keeps no other waiting; one more gives
up what has no way, and forgets what is old.
A message is marked before it is sent and after; a crash between the two sends it again with the
same name. Each way out has a fuse: what is wrong with the whole way (no answer, no log-in) is said
once, the way rests a while, then one message tries it, and when that one goes, all go.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from fairlead.clock import Clock
from fairlead.daemon.loops import Loop
from fairlead.errors import (
    Ambiguous,
    BadRecord,
    ConfigError,
    FairleadError,
    NeedsOperator,
    RetryLater,
)
from fairlead.metrics import Metrics
from fairlead.notify.outgoing import Outgoing
from fairlead.notify.ways import MAIL, Ways
from fairlead.store import messages
from fairlead.store.db import Db
from fairlead.store.messages import MessageRow, MessageState
from fairlead.telemetry import StateChange, error_fields, get_logger

log = get_logger()

MOST_TRIES = 12
FIRST_WAIT, LONGEST_WAIT = 30.0, 4 * 3600.0
LONGEST_REST = 900.0
KEPT = timedelta(days=30)
"""How long what has gone is listed."""
TIDY_EVERY = 3600.0
BATCH = 20
NOWHERE = ""
"""Where there is no way out."""
TWICE = "a second copy is possible"
NO_WAY = (
    "no such channel is in the settings; add it to fairlead.toml, then: fairlead messages retry"
)
NO_MAIL = "there is no mail server; add [smtp] to fairlead.toml, then: fairlead messages retry"


@dataclass(slots=True)
class Fuse:
    """Whether a way out is in order; while it rests, nothing is tried before `until` (seconds)."""

    trouble: StateChange
    failures: int = 0
    until: float = 0.0


class Sender(Loop):
    """Sends what is due to one way, or what has none (NOWHERE).

    `jitter` gives numbers from 0 to 1.
    """

    verb = "send"

    def __init__(
        self,
        db: Db,
        way: str,
        ways: Ways,
        clock: Clock,
        metrics: Metrics,
        stopping: threading.Event,
        crash: Callable[[BaseException], None],
        jitter: Callable[[], float],
    ) -> None:
        super().__init__(f"messages-{way}" if way else "messages", metrics, stopping, crash)
        self.db = db
        self.way = way
        self.ways = ways
        self.clock = clock
        self.last_turn: float | None = None
        """When a turn last came to its end, by the monotonic clock."""
        self._jitter = jitter
        self._fuse = Fuse(StateChange(log, "channel.failed", "channel.healed"))
        self._tidied: float | None = None

    def step(self) -> float:
        return 0.0 if self.turn() else 1.0

    def turn(self) -> int:
        """Send what is due, a few at most; how many were tried."""
        self._tidy()
        tried = 0
        if targets := self._mine(messages.targets_due(self.db, self.clock.now())):
            tried = self._through(targets) if self.way else self._homeless(targets)
        self.last_turn = self.clock.monotonic()
        return tried

    def _mine(self, targets: Iterable[str]) -> list[str]:
        return [t for t in targets if (self.ways.of(t) or NOWHERE) == self.way]

    def _tidy(self) -> None:
        """First take up what was being sent when the daemon ended; forget old rows every hour."""
        passed = self.clock.monotonic()
        if self._tidied is not None and passed - self._tidied < TIDY_EVERY:
            return
        now = self.clock.now()
        with self.db.transaction():
            if self._tidied is None:
                messages.recover(self.db, self._mine(messages.waiting_targets(self.db)), now)
            if not self.way:
                messages.forget(self.db, now - KEPT)
        self._tidied = passed

    # -- one way ----------------------------------------------------------------------------

    def _homeless(self, targets: list[str]) -> int:
        now = self.clock.now()
        rows = messages.due_for(self.db, targets, now, BATCH)
        with self.db.transaction():
            for row in rows:
                self._failed(row, NO_MAIL if self.ways.to(row.target) else NO_WAY)
        return len(rows)

    def _through(self, targets: list[str]) -> int:
        fuse = self._fuse
        if fuse.failures and self.clock.monotonic() < fuse.until:
            return 0
        limit = 1 if fuse.failures else BATCH
        rows = messages.due_for(
            self.db, targets, self.clock.now(), limit, untried=bool(fuse.failures)
        )
        tried = 0
        for row in rows:
            if self.stopping.is_set():
                break
            tried += 1
            going = self._send(row)
            self.last_turn = self.clock.monotonic()
            if not going:
                break
        return tried

    def _send(self, row: MessageRow) -> bool:
        """Try one message; whether the way is in order."""
        with self.db.transaction():
            if not messages.claim(self.db, row.id):
                return True
        try:
            remark = self.ways.ways[self.way].send(self._outgoing(row))
        except BadRecord as e:
            with self.db.transaction():
                self._failed(row, str(e))
            self._mend()
            return True
        except (RetryLater, Ambiguous, NeedsOperator, ConfigError) as e:
            self._again(row, e)
            return False
        except Exception as e:
            # Nobody has thought of it. A message is no reason to stop routing.
            with self.db.transaction():
                self._failed(row, f"a mistake of fairlead, please report it: {type(e).__name__}", e)
            return True
        detail = remark or (f"sent more than once perhaps: {TWICE}" if row.maybe else "")
        with self.db.transaction():
            messages.settle(self.db, row.id, MessageState.SENT, detail, self.clock.now())
        log.info("message.sent", channel=_shown(row.target), message_id=row.id)
        self.metrics.messages_total.labels(channel=self.way, outcome="sent").inc()
        self._mend()
        return True

    def _outgoing(self, row: MessageRow) -> Outgoing:
        return Outgoing(
            row.key, row.event, row.subject, row.body, row.added_at, row.data, row.lead,
            self.ways.to(row.target),
        )  # fmt: skip

    # -- what came of it --------------------------------------------------------------------

    def _again(self, row: MessageRow, error: FairleadError) -> None:
        """The way is in trouble: it rests, and the message waits for its next try or is given
        up."""
        way, fuse = self.way, self._fuse
        maybe = isinstance(error, Ambiguous)
        tries = row.attempts + 1
        remedy = getattr(error, "remedy", "")
        why = "; ".join(x for x in (str(error), TWICE if maybe else "", remedy) if x)
        hint = min(getattr(error, "after", None) or 0.0, LONGEST_WAIT)
        wait = hint or self._pause(tries, LONGEST_WAIT)
        with self.db.transaction():
            if tries >= MOST_TRIES:
                self._failed(row, f"given up after {tries} tries: {why}")
            else:
                at = self.clock.now() + timedelta(seconds=wait)
                messages.later(self.db, row.id, at, why, maybe=maybe)
        self.metrics.messages_total.labels(channel=way, outcome="retry").inc()
        fuse.failures += 1
        fuse.until = self.clock.monotonic() + (hint or self._pause(fuse.failures, LONGEST_REST))
        fuse.trouble.fail(error, channel=way, remedy=remedy or _look(way))
        self.metrics.channel_up.labels(channel=way).set(0)

    def _failed(self, row: MessageRow, why: str, error: Exception | None = None) -> None:
        messages.settle(self.db, row.id, MessageState.FAILED, why, self.clock.now())
        more = {} if error is None else error_fields(error)
        log.warning(
            "message.failed", channel=_shown(row.target), message_id=row.id, reason=why,
            remedy="fairlead messages list", **more,
        )  # fmt: skip
        way = self.ways.of(row.target) or _shown(row.target)
        self.metrics.messages_total.labels(channel=way, outcome="failed").inc()

    def _mend(self) -> None:
        way, fuse = self.way, self._fuse
        self.metrics.channel_up.labels(channel=way).set(1)
        if not fuse.failures:
            return
        fuse.failures = 0
        fuse.trouble.heal(channel=way)
        mine = self._mine(messages.waiting_targets(self.db))
        with self.db.transaction():
            messages.hurry(self.db, mine, self.clock.now())

    def _pause(self, n: int, longest: float) -> float:
        """Longer each time, and not the same for all: half of it is left to chance."""
        whole = min(FIRST_WAIT * 2.0 ** min(n - 1, 30), longest)
        return whole * (0.5 + self._jitter() / 2)


class Senders:
    """One sender for each way, and one for what has none."""

    def __init__(
        self,
        db: Db,
        ways: Ways,
        clock: Clock,
        metrics: Metrics,
        stopping: threading.Event,
        crash: Callable[[BaseException], None],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.loops = [
            Sender(db, way, ways, clock, metrics, stopping, crash, jitter)
            for way in (NOWHERE, *ways.ways)
        ]

    @property
    def last_turn(self) -> float | None:
        """When the one that was longest away came round; None before all did."""
        turned = [loop.last_turn for loop in self.loops if loop.last_turn is not None]
        return min(turned) if len(turned) == len(self.loops) else None

    def turn(self) -> int:
        """A turn of each, one after another; how many messages were tried."""
        return sum(loop.turn() for loop in self.loops)


def _look(way: str) -> str:
    """What a person can do where the error itself does not say it."""
    if way == MAIL:
        return "see whether the mail server runs and can be reached from here: fairlead doctor"
    return f"see whether its receiver runs and can be reached from here: fairlead notify test {way}"


def _shown(target: str) -> str:
    """A target as logs and metrics may show it: an address is none of their business."""
    return "smtp" if "@" in target else target

"""The threads of one connector, a reader that polls and a writer that delivers; and the one that
watches the policy.

Each repeats one step and waits. What a step raises decides the wait: RetryLater backs off,
NeedsOperator stops this connector (said once) and tries again every minute until it heals,
anything else is a bug and ends the daemon so that its supervisor restarts it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

from fairlead.clock import Clock
from fairlead.daemon.deliver import Deliver
from fairlead.daemon.ingest import Ingest
from fairlead.daemon.pace import poll_interval
from fairlead.daemon.reload import Reloader
from fairlead.errors import Ambiguous, ConfigError, NeedsOperator, RetryLater
from fairlead.metrics import Metrics
from fairlead.store import outbox
from fairlead.telemetry import StateChange, get_logger

log = get_logger()

STOPPED_RETRY = 60.0
LONGEST_BACKOFF = 60.0
LOOK_AT_POLICY = 1.0
BETWEEN_PLANS = 0.05
"""Seconds in which others have the state between two transactions of a re-planning."""


class Loop:
    """A named thread that repeats `step` until told to stop."""

    def __init__(
        self,
        name: str,
        metrics: Metrics,
        stopping: threading.Event,
        crash: Callable[[BaseException], None],
    ) -> None:
        self.name = name
        self.metrics = metrics
        self.stopping = stopping
        self.stopped_for: str | None = None
        """Why a person must act, while they must."""
        self.beats = 0
        self._crash = crash
        self._wake = threading.Event()
        self._failures = 0
        self._trouble = StateChange(log, f"{self.verb}.failed", f"{self.verb}.healed")
        self._operator = StateChange(log, "connector.stopped", "connector.healed")
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    verb = "poll"

    def step(self) -> float:
        """Do one piece of work; the number of seconds to wait before the next."""
        raise NotImplementedError

    def wake(self) -> None:
        """End the current wait."""
        self._wake.set()

    def _run(self) -> None:
        try:
            while not self.stopping.is_set():
                self.beats += 1
                wait = self._guarded_step()
                if wait > 0:
                    self._wake.wait(wait)
                    self._wake.clear()
        except BaseException as e:
            self._crash(e)

    def _guarded_step(self) -> float:
        crm = self.name.split("-", 1)[0]
        try:
            wait = self.step()
        except (RetryLater, Ambiguous) as e:
            self._trouble.fail(e, crm=crm)
            self._failures += 1
            after = e.after if isinstance(e, RetryLater) else None
            return after or min(2.0 ** min(self._failures, 6), LONGEST_BACKOFF)
        except (NeedsOperator, ConfigError) as e:
            remedy = getattr(e, "remedy", "")
            self.stopped_for = f"{e}; {remedy}" if remedy else str(e)
            self.metrics.connector_up.labels(crm=crm).set(0)
            self._operator.fail(e, crm=crm, remedy=remedy or "fairlead doctor")
            return STOPPED_RETRY
        self._failures = 0
        self.stopped_for = None
        self._trouble.heal(crm=crm)
        self._operator.heal(crm=crm)
        return wait


class Reader(Loop):
    """First contact, then one poll after another; refreshes owners and held leads when asked."""

    verb = "poll"

    def __init__(
        self,
        ingest: Ingest,
        interval: float,
        clock: Clock,
        stopping: threading.Event,
        crash: Callable[[BaseException], None],
    ) -> None:
        super().__init__(f"{ingest.crm}-reader", ingest.metrics, stopping, crash)
        self.ingest = ingest
        self.interval = interval
        self.clock = clock
        self.last_poll: float | None = None
        self.owners_due = threading.Event()
        self.held_due = threading.Event()
        self.batch: Callable[[], bool] = lambda: False
        """Routes the next leads of a plan that is being applied; True while there are more."""
        self.sweep: Callable[[], int] = lambda: 0
        """Fires the clocks that are due; how many leads it looked at."""
        self.signals: Callable[[], bool] = lambda: False
        """Reads campaigns and lists, looks at leads with signals; True while there are more."""
        self._contacted = False
        self._calls_per_poll = 1
        self._owners_read = 0.0

    def step(self) -> float:
        if not self._contacted:
            self.ingest.first_contact()
            self._contacted = True
        if not self.ingest.read_existing(self.stopping.is_set):
            return 0.0
        if self._owners_wanted() and self.ingest.refresh_owners():
            self.held_due.set()
        before = self.ingest.connector.budget.calls_made
        seen = self.ingest.cycle()
        self._calls_per_poll = max(1, self.ingest.connector.budget.calls_made - before)
        if self.held_due.is_set() or self.ingest.release_due:
            self.held_due.clear()
            self.ingest.release_held()
            self.ingest.rescore_due()
        self.sweep()
        more = self.batch()
        more = self.signals() or more
        self.last_poll = self.clock.monotonic()
        self.metrics.connector_up.labels(crm=self.ingest.crm).set(1)
        return 0.0 if seen.more or more else self.wait()

    def wait(self) -> float:
        """Seconds to the next poll under the quota that is left."""
        budget = self.ingest.connector.budget
        return poll_interval(self.interval, budget, calls_per_poll=self._calls_per_poll)

    def _owners_wanted(self) -> bool:
        """Whether users and queues are due; with little quota left they wait as polls do."""
        now = self.clock.monotonic()
        if not self.owners_due.is_set() or now - self._owners_read < 2 * self.wait():
            return False
        self.owners_due.clear()
        self._owners_read = now
        return True


class Writer(Loop):
    """Delivers what is due; sleeps until the next row is due or new work is announced."""

    verb = "deliver"

    def __init__(
        self,
        deliver: Deliver,
        clock: Clock,
        stopping: threading.Event,
        crash: Callable[[BaseException], None],
        contacted: Callable[[], bool],
    ) -> None:
        super().__init__(f"{deliver.crm}-writer", deliver.metrics, stopping, crash)
        self.deliver = deliver
        self.clock = clock
        self._contacted = contacted

    def step(self) -> float:
        if not self._contacted():
            return 0.5
        # One question to an index, so that an idle daemon opens no transaction each second.
        due = outbox.next_due(self.deliver.db, self.deliver.crm)
        left = 1.0 if due is None else (due - self.clock.now()) / timedelta(seconds=1)
        if left > 0:
            return min(max(left, 0.05), 1.0)
        return 0.0 if self.deliver.turn() else 1.0


class PolicyWatcher(Loop):
    """Looks at the files of the policy and the settings; takes up what has changed."""

    verb = "reload"

    def __init__(
        self,
        reloader: Reloader,
        stopping: threading.Event,
        crash: Callable[[BaseException], None],
    ) -> None:
        super().__init__("policy", reloader.metrics, stopping, crash)
        self.reloader = reloader
        self.plan_more: Callable[[], bool] = lambda: False
        """Plans some more of what is stored after a change; True while there is more."""
        self._asked = threading.Event()

    def ask(self) -> None:
        """Read the policy now; safe from a signal handler."""
        self._asked.set()
        self.wake()

    def step(self) -> float:
        if self._asked.is_set():
            self._asked.clear()
            self.reloader.reload()
        else:
            self.reloader.look_at_settings()
            self.reloader.look()
        return BETWEEN_PLANS if self.plan_more() else LOOK_AT_POLICY

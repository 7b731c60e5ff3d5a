"""The composition root: builds every part, runs the threads, answers the commands, stops in time.

Threads: a reader and a writer per connector, one that watches the policy, one that sends messages,
one for the heartbeat, APScheduler for ticks (it only sets flags), the web server, the control
socket. All share one `Db`. Nothing here decides.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from fairlead import __version__
from fairlead.clock import Clock, SystemClock
from fairlead.daemon.acceptance import Fault, PolicyRefused
from fairlead.daemon.active_policy import ActivePolicy, wanted
from fairlead.daemon.alerting import Alerting
from fairlead.daemon.batch_apply import BatchApply
from fairlead.daemon.channels_known import unknown_channels
from fairlead.daemon.commands import Commands
from fairlead.daemon.connecting import Pair, try_build
from fairlead.daemon.control_socket import serve_control
from fairlead.daemon.deliver import Deliver
from fairlead.daemon.gauges import set_gauges
from fairlead.daemon.heartbeat import Heartbeat
from fairlead.daemon.in_force import InForce
from fairlead.daemon.ingest import Ingest
from fairlead.daemon.joining import Joining
from fairlead.daemon.leavers import set_gauge
from fairlead.daemon.loops import Loop, PolicyWatcher, Reader, Writer
from fairlead.daemon.orders import Orders
from fairlead.daemon.reload import Reloader
from fairlead.daemon.sdnotify import Notifier
from fairlead.daemon.sender import Senders
from fairlead.daemon.shadow import Shadow
from fairlead.daemon.steady_clock import SteadyClock
from fairlead.daemon.sweep import Sweep
from fairlead.daemon.weighing import apply_due
from fairlead.metrics import Metrics
from fairlead.notify.heart import Heart
from fairlead.notify.ways import build_ways
from fairlead.settings import Settings
from fairlead.spi.connector import Connector, Direction
from fairlead.spi.patience import patiently
from fairlead.store import directory, journal
from fairlead.store.db import Db
from fairlead.telemetry import error_fields, get_logger
from fairlead.web.app import build_app, serve_web
from fairlead.web.health import PollSign, Signs, judge

log = get_logger()

STOP_WITHIN = 6.0
"""Seconds given to threads at the end; what is still in flight then is parked and safe."""


SENDER_STUCK = 180.0
"""Seconds after which a sender that has not come round is not well."""


@dataclass(frozen=True, slots=True)
class Job:
    """One periodic tick: its name, its period, what it sets off."""

    name: str
    seconds: float
    run: Callable[[App], None]


class App:
    """One running daemon. `run()` blocks until `stop()`; `once()` does one round and returns."""

    def __init__(
        self,
        settings: Settings,
        active: ActivePolicy,
        connectors: Mapping[str, Pair],
        *,
        clock: Clock | None = None,
        notifier: Notifier | None = None,
        progress: Callable[[str, str, int], None] | None = None,
        db: Db | None = None,
        refused: tuple[Fault, ...] = (),
        settings_again: Callable[[], Settings] | None = None,
    ) -> None:
        self.settings = settings
        self.clock = SteadyClock(clock or SystemClock())
        self.metrics = Metrics()
        self.notifier = notifier or Notifier.from_environment()
        self.stopping = threading.Event()
        self.crashed: BaseException | None = None
        self.web_port: int | None = None
        unknown = unknown_channels(active.policy, settings)
        if unknown:
            raise PolicyRefused(unknown)
        self.ways = build_ways(settings.smtp, settings.channels, self.clock)
        self.heart = None if settings.heartbeat is None else Heart(settings.heartbeat)
        self.db: Db = db or Db(settings.state)
        self._kill_switch_seen = False
        self.shadow = Shadow(self.db, settings.shadow, self.clock, self.metrics)
        self.shadow.look()
        self.in_force = InForce(self.db, active, settings.policy, self.clock, self.metrics)
        self.reloader = Reloader(
            self.in_force, self.clock,
            served={name: wanted(active.policy, name) for name in connectors},
            try_build=partial(try_build, settings),
            settings=settings, settings_again=settings_again, on_swap=self._wake_all,
        )  # fmt: skip
        if refused:
            self.reloader.refuse(refused)
        self.watcher = PolicyWatcher(self.reloader, self.stopping, self._crash)
        self.watcher.plan_more = self.plan_more
        self.readers: dict[str, Reader] = {}
        self.writers: dict[str, Writer] = {}
        self.sweeps: dict[str, Sweep] = {}
        for name, pair in connectors.items():
            self._wire(name, pair, progress)
        self.orders = Orders(
            self.db, self.clock, {n: r.ingest for n, r in self.readers.items()}, self._connect,
            may_write=self.may_write, wake=self._wake_all, stopping=self.stopping.is_set,
        )  # fmt: skip
        self.commands = Commands(
            self.db, lambda: self.in_force.active, self.clock, wake=self._wake_all,
            signs=self.signs, reloader=self.reloader, orders=self.orders,
        )  # fmt: skip
        self._pairs = dict(connectors)
        self.senders = Senders(
            self.db, self.ways, self.clock, self.metrics, self.stopping, self._crash
        )
        self.heartbeat: Heartbeat | None = None
        if self.heart is not None:
            self.heartbeat = Heartbeat(
                self.heart, self.not_well, self.metrics, self.stopping, self._crash
            )
        self.alerting = Alerting(
            self.db, settings.alerts, self.clock, self.metrics, lambda: dict(self.signs().polls),
            lambda: [name for name, r in self.readers.items() if r.ingest.trust.lost],
            lambda: self.in_force.active.policy.calendars.values(),
        )  # fmt: skip

    def _wire(
        self, name: str, pair: Pair, progress: Callable[[str, str, int], None] | None
    ) -> None:
        ingest = Ingest(
            self.db, pair.reader, lambda: self.shadow.on(self.in_force.router), self.clock,
            self.metrics,
            all_ready=self._all_ready, on_work=self._wake_writers,
            progress=(lambda what, n: progress(name, what, n)) if progress else None,
        )  # fmt: skip
        deliver = Deliver(
            self.db, pair.writer, ingest, self.clock, self.metrics,
            quiet=timedelta(seconds=self.settings.quiet_period), may_write=self.may_write,
        )  # fmt: skip
        reader = Reader(ingest, self.settings.poll_interval, self.clock, self.stopping, self._crash)
        reader.batch = BatchApply(self.db, ingest, self.clock, self.may_write).step
        self.sweeps[name] = Sweep(self.db, ingest, self.clock, self.metrics)
        reader.sweep = self.sweeps[name].tick
        reader.signals = Joining(
            self.db, ingest, self.clock, self.settings.signal_interval
        ).tick  # fmt: skip
        self.readers[name] = reader
        self.writers[name] = Writer(
            deliver, self.clock, self.stopping, self._crash,
            contacted=lambda: directory.get_connector(self.db, name) is not None,
        )  # fmt: skip

    # -- running ----------------------------------------------------------------------------

    def run(self) -> None:
        """Run until `stop()`; raises what crashed a thread, if one did."""
        log.info(
            "daemon.starting",
            version=__version__,
            policy_hash=self.in_force.active.policy.hash[:12],
        )
        scheduler = BackgroundScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1}
        )
        for job in JOBS:
            scheduler.add_job(job.run, IntervalTrigger(seconds=job.seconds), [self], id=job.name)
        web = serve_web(build_app(self, self.metrics), self.settings.host, self.settings.port)
        self.web_port = web.port
        control = serve_control(self.settings.socket_path, self.commands.routes())
        loops = self._loops()
        for loop in loops:
            loop.thread.start()
        scheduler.start()
        log.info("daemon.ready", address=f"{self.settings.host}:{web.port}")
        self.notifier.ready(f"routing for {', '.join(self.readers)}")
        try:
            self._watch()
        finally:
            self.stopping.set()
            self.notifier.stopping()
            log.info("daemon.stopping")
            scheduler.shutdown(wait=False)
            control.close()
            web.close()
            self._join(loops)
            self.orders.close(STOP_WITHIN)
            self.close()
        if self.crashed is not None:
            raise self.crashed

    def _watch(self) -> None:
        """Wait for the end; tell systemd that all loops move, as long as they do."""
        period = min((self.notifier.watchdog_seconds or 2.0) / 2, 1.0)
        while not self.stopping.wait(period):
            if all(loop.thread.is_alive() for loop in self._loops()):
                self.notifier.watchdog()

    def once(self, patience: float = 60.0) -> None:
        """One round: first contact if needed, every page there is, every write that is due.

        Raises the first RetryLater or NeedsOperator. `patience` bounds the wait for writes whose
        time is near; those in their quiet period stay for the next round.
        """
        for reader in self.readers.values():
            patiently(reader.ingest.first_contact, stop=self.stopping)
            patiently(
                partial(reader.ingest.read_existing, self.stopping.is_set), stop=self.stopping
            )
        for reader in self.readers.values():
            while patiently(reader.ingest.cycle, stop=self.stopping).more:
                pass
            patiently(reader.ingest.release_held, stop=self.stopping)
            patiently(reader.ingest.rescore_due, stop=self.stopping)
            patiently(reader.sweep, stop=self.stopping)
            while patiently(reader.signals, stop=self.stopping):
                pass
        self._apply_plan()
        ends = self.clock.monotonic() + patience
        for writer in self.writers.values():
            while writer.deliver.turn() and self.clock.monotonic() < ends:
                pass
        self.alerting.tick()
        while self.senders.turn() and self.clock.monotonic() < ends:
            pass

    def _apply_plan(self) -> None:
        """Go on with a plan that a daemon has begun to apply."""
        while any(patiently(r.batch, stop=self.stopping) for r in self.readers.values()):
            for writer in self.writers.values():
                while writer.deliver.turn():
                    pass

    def _connect(self, crm: str) -> Connector:
        """A connector for one piece of work beside the loops; whoever asks for it closes it."""
        factory, model = self.settings.connector(crm)
        return factory.build(model, Direction.READ, wanted(self.in_force.active.policy, crm))

    def stop(self) -> None:
        """Ask for the end; safe from a signal handler and more than once."""
        self.stopping.set()
        for loop in self._loops():
            loop.wake()

    def close(self) -> None:
        """Close connectors and state. `run()` does it itself."""
        for pair in self._pairs.values():
            pair.reader.close()
            pair.writer.close()
        self.ways.close()
        if self.heart is not None:
            self.heart.close()
        self.db.close()
        log.info("daemon.stopped")

    # -- switches ---------------------------------------------------------------------------

    def may_write(self) -> bool:
        """Whether anything may be written now: not paused, no kill-switch file, not stopping."""
        return not (
            self.stopping.is_set()
            or self.settings.kill_switch_path.exists()
            or journal.get_switch(self.db, "paused") is not None
        )

    def look_at_kill_switch(self) -> None:
        """Say it once when the kill switch appears or goes."""
        there = self.settings.kill_switch_path.exists()
        if there != self._kill_switch_seen:
            self._kill_switch_seen = there
            log.warning("killswitch.set" if there else "killswitch.cleared")
            self.metrics.kill_switch.set(int(there))
            self._wake_writers()

    def reload(self) -> None:
        """Read the policy now; safe from a signal handler."""
        self.watcher.ask()

    def owners_due(self) -> None:
        for reader in self.readers.values():
            reader.owners_due.set()

    def held_due(self) -> None:
        for reader in self.readers.values():
            reader.held_due.set()

    def plan_more(self) -> bool:
        """Plan some more of what a changed policy or roster plans anew; whether there is more."""
        return self.in_force.router.plan_more(self.clock.now())

    def weights_due(self) -> None:
        apply_due(self.db, self.in_force.active.policy, self.clock.now())

    def signs(self) -> Signs:
        """What the health page judges."""
        now = self.clock.monotonic()
        polls = {
            name: PollSign(
                None if r.last_poll is None else now - r.last_poll,
                max(r.wait(), 5.0),
                r.stopped_for or self.writers[name].stopped_for,
            )
            for name, r in self.readers.items()
        }
        loops = {loop.name: loop.thread.is_alive() for loop in self._loops()}
        paused = journal.get_switch(self.db, "paused") is not None
        faults = self.reloader.faults
        refused = str(faults[0]) if faults else None
        return Signs(polls, loops, paused, self._kill_switch_seen, refused)

    def not_well(self) -> tuple[str, ...]:
        """Why the heartbeat is not sent; nothing while every CRM is polled and messages go out."""
        turned = self.senders.last_turn
        stuck = turned is not None and self.clock.monotonic() - turned > SENDER_STUCK
        wrong = judge(self.signs()).wrong
        return (*wrong, "messages: nothing was sent for long") if stuck else wrong

    # -- parts ------------------------------------------------------------------------------

    def _loops(self) -> list[Loop]:
        beside: list[Loop] = [] if self.heartbeat is None else [self.heartbeat]
        beside += self.senders.loops
        return [*self.readers.values(), *self.writers.values(), self.watcher, *beside]

    def _all_ready(self) -> bool:
        """Whether all that exists has been read, of every CRM that can be read at all."""
        for name, reader in self.readers.items():
            row = directory.get_connector(self.db, name)
            if (row is None or not row.ready) and reader.stopped_for is None:
                return False
        return True

    def _wake_writers(self) -> None:
        for writer in self.writers.values():
            writer.wake()

    def _wake_all(self) -> None:
        self.held_due()
        for loop in self._loops():
            loop.wake()

    def _crash(self, error: BaseException) -> None:
        if not self.stopping.is_set():
            self.crashed = error
            log.error("daemon.crashed", **error_fields(error))
        self.stop()

    def _join(self, loops: list[Loop]) -> None:
        ends = self.clock.monotonic() + STOP_WITHIN
        for loop in loops:
            loop.wake()
            loop.thread.join(max(0.1, ends - self.clock.monotonic()))


JOBS: tuple[Job, ...] = (
    Job("owners", 15.0, lambda app: app.owners_due()),
    Job("held", 5.0, lambda app: app.held_due()),
    Job("weights", 60.0, lambda app: app.weights_due()),
    Job("gauges", 5.0, lambda app: set_gauges(app.db, app.metrics, app.clock)),
    Job("leavers", 5.0, lambda app: set_gauge(app.db, app.in_force.active.policy, app.metrics)),
    Job("alerts", 15.0, lambda app: app.alerting.tick()),
    Job("shadow", 5.0, lambda app: app.shadow.look()),
    Job("switches", 0.5, lambda app: app.look_at_kill_switch()),
)

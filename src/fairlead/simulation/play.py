"""Play the two weeks: time goes from one event to the next, and the daemon does its rounds.

The daemon is whole (`daemon.app.App` with the connectors of a settings file); only its threads are
left out: its readers and writers are stepped here, so that nothing depends on the machine's speed.
It looks at a CRM where something changed or came due, `POLL` later at most, as polling would; looks
that would find nothing are what is skipped. The state is kept in memory: no crash is played here,
so that a disk would only cost time.
"""

from __future__ import annotations

import gc
import tempfile
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from fairlead.daemon.active_policy import read_policy
from fairlead.daemon.app import App
from fairlead.daemon.connecting import build_connectors
from fairlead.sandbox.in_process import faces_in_process
from fairlead.settings import load_settings
from fairlead.simulation.audit import audit
from fairlead.simulation.company import START, Company
from fairlead.simulation.counting import count
from fairlead.simulation.crms import SETTLES, TOKEN, UNLIMITED, Crms
from fairlead.simulation.findings import Finding
from fairlead.simulation.people import People
from fairlead.store import agenda, outbox
from fairlead.store.db import Db
from fairlead.testing.clock import ManualClock

POLL = timedelta(minutes=30)
STAFF_EVERY = timedelta(hours=6)
ENDS_WITHIN = timedelta(days=10)
"""After the last arrival, so that every clock comes to its end."""
WRITES_END_WITHIN = timedelta(hours=1)
ILL_FROM, ILL_FOR = timedelta(days=3, hours=6), 2
"""When one rep of each larger office is reported ill in the roster, and for how many days."""

Progress = Callable[[float, datetime, int], None]
"""Gets the share that is done, the simulated instant, and how many leads have arrived."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it; `ok` is the exit code's reason. `seconds` are those of the machine."""

    counts: dict[str, dict[str, int]]
    findings: tuple[Finding, ...]
    seconds: float
    calls: dict[str, int]

    @property
    def ok(self) -> bool:
        return all(f.ok for f in self.findings)


class Simulation:
    """One company's two weeks, under way or over. A context manager: it holds state and CRMs."""

    def __init__(self, *, leads: int, reps: int, days: int, seed: int) -> None:
        self.company = Company(leads=leads, reps=reps, days=days, seed=seed)
        self.clock = ManualClock(START - POLL)
        self._stack = ExitStack()
        try:
            self._build(seed)
        except BaseException:
            self._stack.close()
            raise

    def _build(self, seed: int) -> None:
        self.place = Path(self._stack.enter_context(tempfile.TemporaryDirectory("-fairlead")))
        served = self._stack.enter_context(
            faces_in_process(token=TOKEN, seed=seed, now=self.clock.now)
        )
        self.crms = Crms({name: face for name, (face, _) in served.items()}, self.company)
        self.people = People(self.crms, self.company, seed)
        self.clock.advance(POLL)
        self.policy = self.company.write_policy(self.place, self.crms.groups)
        config = self._write_config({name: url for name, (_, url) in served.items()})
        settings = load_settings(config)
        active = read_policy(self.policy)
        connectors = build_connectors(settings, active)
        self.app = App(settings, active, connectors, clock=self.clock, db=Db(None))
        self._stack.callback(self.app.close)
        self._arrivals = deque(self.company.arrivals)
        self._arrived = 0
        self._ill = False
        self._staff_at = START
        self._seen = dict.fromkeys(self.crms.faces, 0)
        self._settled_at: dict[str, datetime | None] = dict.fromkeys(self.crms.faces)

    def _write_config(self, urls: dict[str, str]) -> Path:
        token = self.place / "token"
        token.touch(mode=0o600)
        token.write_text(TOKEN, encoding="utf-8")
        config = self.place / "fairlead.toml"
        config.write_text(
            f"""\
state = "state.sqlite"
policy = "{self.policy.name}"
signal_interval = 3600

[salesforce]
login = "token"
instance_url = "{urls["salesforce"]}"
token_file = "token"

[hubspot]
base_url = "{urls["hubspot"]}"
token_file = "token"
burst_per_10s = {UNLIMITED}
search_per_second = {UNLIMITED}
""",
            encoding="utf-8",
        )
        return config

    def __enter__(self) -> Simulation:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    # -- time -------------------------------------------------------------------------------

    def play(self, progress: Progress) -> None:
        """From the first contact until every clock has come to its end."""
        for crm in self.app.readers:
            self._look_at(crm)
        whole = (self.company.ends - START) / timedelta(1)
        last = self.company.ends + ENDS_WITHIN
        while (at := self._next()) is not None and at <= last:
            now = self.clock.now()
            tick = now + POLL * max(1, -((now - at) // POLL))
            self._until(tick)
            self._round()
            done = (tick - START) / timedelta(1) / whole
            progress(min(1.0, done), tick, self._arrived)
        self._let_writes_end()

    def _let_writes_end(self) -> None:
        """The time may be over just after a write, which is looked up a little later."""
        last = self.clock.now() + WRITES_END_WITHIN
        for crm, writer in self.app.writers.items():
            while (due := outbox.next_due(self.app.db, crm)) is not None and due <= last:
                self._go_to(due)
                writer.step()

    def _next(self) -> datetime | None:
        coming = [
            self._arrivals[0].at if self._arrivals else None,
            self.people.next(),
            *(agenda.next_look(self.app.db, crm) for crm in self.app.readers),
            agenda.next_message(self.app.db),
            *self._settled_at.values(),
        ]
        return min((at for at in coming if at is not None), default=None)

    def _until(self, tick: datetime) -> None:
        """Everything that forms and people do until then, each at its own time."""
        while True:
            arrival = self._arrivals[0].at if self._arrivals else None
            at = min((t for t in (arrival, self.people.next()) if t is not None), default=None)
            if at is None or at > tick:
                break
            self._go_to(at)
            if at == arrival:
                self.people.arrived(self.crms.arrive(self._arrivals.popleft()), at)
                self._arrived += 1
            else:
                self.people.act(at)
            self._hear()
        self._go_to(tick)

    def _go_to(self, at: datetime) -> None:
        self.clock.advance(max(timedelta(0), at - self.clock.now()))

    def _hear(self) -> None:
        """Whose leads have become theirs, and who is to follow up, plan what to do."""
        moved, self.crms.moved = self.crms.moved, []
        for one in moved:
            self.people.told(one)
        asked, self.crms.asked = self.crms.asked, []
        for each in asked:
            self.people.asked(each)

    # -- the daemon -------------------------------------------------------------------------

    def _round(self) -> None:
        now = self.clock.now()
        if not self._ill and now >= START + ILL_FROM:
            self._ill = True
            self.company.fall_ill(now, ILL_FOR)
            self.company.write_policy(self.place, self.crms.groups)
            self.app.reloader.reload()
        if now >= self._staff_at + STAFF_EVERY:
            self._staff_at = now
            self.app.owners_due()
        for crm in self.app.readers:
            due, settled = agenda.next_look(self.app.db, crm), self._settled_at[crm]
            changed = len(self.crms.writes(crm)) != self._seen[crm]
            if changed or (settled is not None and settled <= now):
                self._look_at(crm)
            elif due is not None and due <= now:
                self._look_at(crm, polls=False)
        message = agenda.next_message(self.app.db)
        if message is not None and message <= now:
            self.app.senders.turn()
        self._hear()

    def _look_at(self, crm: str, *, polls: bool = True) -> None:
        """What the two threads of a connector do until there is nothing more to do now.

        A poll of a CRM in which nothing has changed would bring nothing and is left out.
        """
        reader, writer = self.app.readers[crm], self.app.writers[crm]
        while self.app.plan_more():
            continue
        if polls:
            reader.held_due.set()
            while reader.step() == 0.0:
                continue
        else:
            reader.ingest.release_held()
            reader.ingest.rescore_due()
            reader.sweep()
            while reader.signals():
                continue
        while writer.step() == 0.0:
            continue
        written = len(self.crms.writes(crm))
        changed, self._seen[crm] = written != self._seen[crm], written
        later = self.clock.now() + timedelta(seconds=SETTLES[crm])
        self._settled_at[crm] = later if changed and SETTLES[crm] else None


def simulate(
    *, leads: int, reps: int, days: int, seed: int, progress: Progress = lambda *_: None
) -> Outcome:
    """Play and judge it all. Raises ConfigError for numbers that make no company."""
    began = time.monotonic()
    # What is made here lives to the end; looking through it all for garbage is time lost.
    gc.disable()
    try:
        return _played(leads, reps, days, seed, progress, began)
    finally:
        gc.enable()


def _played(
    leads: int, reps: int, days: int, seed: int, progress: Progress, began: float
) -> Outcome:
    with Simulation(leads=leads, reps=reps, days=days, seed=seed) as run:
        run.play(progress)
        calls = {crm: len(face.org.requests) for crm, face in run.crms.faces.items()}
        return Outcome(
            count(run.app.db, run.crms, run.people),
            tuple(audit(run.app.db, run.crms, run.people, run.clock.now())),
            time.monotonic() - began,
            calls,
        )

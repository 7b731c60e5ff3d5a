"""A daemon's reading and writing sides over fake CRMs and a clock moved by hand; no threads."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from fairlead.core.policy_file import load_policy
from fairlead.core.types import LeadState, Ref
from fairlead.daemon.active_policy import ActivePolicy
from fairlead.daemon.batch_apply import BatchApply
from fairlead.daemon.commands import Commands
from fairlead.daemon.deliver import Deliver
from fairlead.daemon.in_force import InForce
from fairlead.daemon.ingest import Ingest
from fairlead.daemon.joining import Joining
from fairlead.daemon.orders import Orders
from fairlead.daemon.shadow import Shadow
from fairlead.daemon.steady_clock import SteadyClock
from fairlead.daemon.sweep import Sweep
from fairlead.metrics import Metrics
from fairlead.spi.connector import Capabilities
from fairlead.store import directory, journal, leads, outbox
from fairlead.store.db import Db
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_connector import FakeConnector
from fairlead.testing.fake_crm import FakeCrm

POLICY = """\
version: 1
sources:
  sf: {crm: salesforce}
  hs: {crm: hubspot, object: contacts}
owner_authority: sf
reps:
  anna@example.com: {}
  ben@example.com: {}
  carla@example.com: {weight: 2}
teams:
  inbound: {members: [anna@example.com, ben@example.com, carla@example.com]}
  vip: {members: [carla@example.com]}
rules:
  - name: Big ones
    when: employees >= 1000
    to: {team: vip}
    priority: high
  - name: Everybody
    to: {team: inbound}
otherwise: {to: {team: inbound}}
"""
REPS = ("anna@example.com", "ben@example.com", "carla@example.com")
QUIET = timedelta(seconds=120)


@cache
def the_policy(text: str) -> ActivePolicy:
    """A policy, read once per process."""
    return ActivePolicy(
        load_policy({"policy.yaml": text}, "policy.yaml"), {"policy.yaml": text}, "policy.yaml"
    )


class HookedDb(Db):
    """The state, telling before and after each commit, so that a test can crash there; and, by
    `on_statement`, before each statement, inside transactions and out of them.

    In memory it opens from an `image` of what another one had committed: a state file without disk.
    """

    def __init__(
        self, path: Path | None, hook: Callable[[str], None], image: bytes | None = None
    ) -> None:
        self.hook: Callable[[str], None] = lambda _: None
        self.on_statement: Callable[[], None] = lambda: None
        self._image = image
        super().__init__(path)
        self.hook = hook

    def _prepare(self) -> None:
        if self._image is None:
            super()._prepare()
        else:
            self._conn.deserialize(self._image)
            self._conn.execute("PRAGMA foreign_keys=ON")

    def execute(self, sql: str, args: Sequence[Any] | dict[str, Any] = ()) -> sqlite3.Cursor:
        self.on_statement()
        return super().execute(sql, args)

    def _commit(self) -> None:
        self.hook("commit:before")
        super()._commit()
        self.hook("commit:after")

    def committed(self) -> bytes:
        """What a process that dies now leaves behind."""
        if self._conn.in_transaction:
            self._conn.execute("ROLLBACK")
        return self._conn.serialize()


@cache
def empty_state() -> bytes:
    """A new state in memory, migrated once per process."""
    db = HookedDb(None, lambda _: None)
    image = db.committed()
    db.close()
    return image


class House:
    """One daemon on a state file, or in memory; `restart()` forgets all that is not in the state.

    Without a path the state lives in memory and outlives a restart all the same.
    """

    policy_path = Path("policy.yaml")

    def __init__(
        self,
        path: Path | None,
        fakes: Sequence[FakeCrm],
        clock: ManualClock,
        policy: str = POLICY,
        capabilities: Mapping[str, Capabilities] | None = None,
        shadow: Path | None = None,
    ) -> None:
        self.path = path
        self.fakes = list(fakes)
        self.clock = clock
        self.policy = policy
        self.capabilities = capabilities or {}
        self.shadow_path = shadow
        self.allowed = True
        self.metrics = Metrics()
        self.on_commit: Callable[[str], None] = lambda _: None
        self.on_statement: Callable[[], None] = lambda: None
        self._open(None if path is not None else empty_state())

    def _open(self, image: bytes | None) -> None:
        self.time = SteadyClock(self.clock)
        self.db = HookedDb(self.path, lambda when: self.on_commit(when), image)
        self.db.on_statement = lambda: self.on_statement()
        self.shadow = Shadow(self.db, self.shadow_path, self.time, self.metrics)
        self.shadow.look()
        self.in_force = InForce(
            self.db, self._first_policy(), self.policy_path, self.time, self.metrics
        )
        self.ingests: dict[str, Ingest] = {}
        self.delivers: dict[str, Deliver] = {}
        for fake in self.fakes:
            ingest = Ingest(
                self.db, self.connector(fake), lambda: self.shadow.on(self.in_force.router),
                self.time, self.metrics, all_ready=self._all_ready, on_work=lambda: None,
            )  # fmt: skip
            self.ingests[fake.name] = ingest
            self.delivers[fake.name] = Deliver(
                self.db, self.connector(fake), ingest, self.time, self.metrics,
                quiet=QUIET, may_write=self.may_write,
            )  # fmt: skip
        self.batches = {
            name: BatchApply(self.db, ingest, self.time, self.may_write)
            for name, ingest in self.ingests.items()
        }
        self.sweeps = {
            name: Sweep(self.db, ingest, self.time, self.metrics)
            for name, ingest in self.ingests.items()
        }
        self.joinings = {
            name: Joining(self.db, ingest, self.time, 60.0) for name, ingest in self.ingests.items()
        }
        by_name = {f.name: f for f in self.fakes}
        self.orders = Orders(
            self.db, self.time, self.ingests, lambda crm: self.connector(by_name[crm]),
            may_write=self.may_write, wake=lambda: None,
        )  # fmt: skip
        self.commands = Commands(
            self.db, lambda: self.in_force.active, self.time, orders=self.orders
        )

    def _first_policy(self) -> ActivePolicy:
        return the_policy(self.policy)

    def connector(self, fake: FakeCrm) -> FakeConnector:
        return FakeConnector(fake, capabilities=self.capabilities.get(fake.name))

    def may_write(self) -> bool:
        return self.allowed and journal.get_switch(self.db, "paused") is None

    def allow(self, writing: bool) -> None:
        """The kill switch, off and on again."""
        self.allowed = writing

    def _all_ready(self) -> bool:
        rows = [directory.get_connector(self.db, f.name) for f in self.fakes]
        return all(r is not None and r.ready for r in rows)

    def start(self) -> None:
        """First contact with every CRM, and everything that exists read."""
        for ingest in self.ingests.values():
            ingest.first_contact()
        for ingest in self.ingests.values():
            assert ingest.read_existing(lambda: False)

    def poll(self) -> None:
        for ingest in self.ingests.values():
            while ingest.cycle().more:
                pass

    def deliver(self) -> None:
        for deliver in self.delivers.values():
            while deliver.turn():
                pass

    def sweep(self) -> int:
        """Fire the clocks that are due; how many leads were looked at."""
        return sum(sweep.tick() for sweep in self.sweeps.values())

    def signals(self) -> None:
        """Read campaigns and lists if it is time, and look at the leads with signals."""
        for joining in self.joinings.values():
            while joining.tick():
                pass

    def round(self) -> None:
        self.poll()
        self.deliver()

    def restart(self, image: bytes | None = None) -> None:
        """What kill -9 leaves: the state as it was committed; or what a backup `image` holds."""
        if self.path is None and image is None:
            image = self.db.committed()
        self.db.close()
        self.on_commit, hook = lambda _: None, self.on_commit
        self.on_statement, inside = lambda: None, self.on_statement
        self._open(image)
        self.on_commit, self.on_statement = hook, inside

    def state(self, ref: Ref) -> LeadState | None:
        row = leads.get_lead(self.db, ref)
        return row.state if row else None

    def reason(self, ref: Ref) -> str:
        row = leads.get_lead(self.db, ref)
        assert row is not None
        return row.reason

    def open_writes(self) -> int:
        return len(outbox.open_rows(self.db))

    def close(self) -> None:
        self.db.close()


def an_org(clock: ManualClock, name: str = "salesforce") -> FakeCrm:
    """A fake CRM with the policy's reps and one queue."""
    fake = FakeCrm(clock, name=name, lead_object="Lead" if name == "salesforce" else "contacts")
    for email in REPS:
        fake.add_user(email)
    fake.add_queue("Inbound")
    return fake


def owner_email(fake: FakeCrm, ref: Ref) -> str | None:
    """The e-mail of a lead's owner in the fake."""
    owner_id = fake.owner_of(ref)
    owner = fake.owner(owner_id) if owner_id else None
    return owner.email if owner else None


def user_id(fake: FakeCrm, email: str) -> str:
    from fairlead.core.types import Kind

    return next(r.ref.id for r in fake.rows(Kind.REP) if r.fields["email"] == email)

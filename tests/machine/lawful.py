"""A world for the laws of time: both CRMs, and a daemon whose machine, process and lines all fail.

Histories are lists of moves. The CRMs' clock is right; the machine's jumps by any amount at any
input or output of the daemon and stays wrong; the process dies between statements, at commits and
at calls; either CRM or both are down for as long as it takes; the daemon sleeps or is off for days.
The CRM's side of it is kept as an auditor would see it: `LawfulWorld.seen` has what was written,
`touched` what people did, `turns` when the daemon looked, `rounds` those in which it finished all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.house import House, an_org, user_id
from machine.lawful_policy import ANNA, BEN, DANA, GROUPS, MONA, Terms

from fairlead.core.activity import ActivityKind
from fairlead.core.types import Actor, Ref
from fairlead.errors import Ambiguous, RetryLater, Unavailable
from fairlead.store import outbox
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm
from fairlead.testing.fake_rows import FakeTask

SOON = timedelta(seconds=1)


class Died(BaseException):
    """The process is killed here."""


@dataclass(frozen=True, slots=True)
class Written:
    """A task as the CRM got it. `again`: it was there already."""

    at: datetime
    task: FakeTask
    again: bool


@dataclass(frozen=True, slots=True)
class Touch:
    """What somebody did with a lead: `what` is given, answered, paused, closed, later or status."""

    at: datetime
    what: str


class LawfulWorld:
    """The moves; each takes a number and does nothing where there is nothing to do it with."""

    def __init__(self, terms: Terms, start: datetime) -> None:
        self.terms = terms
        self.right, self.ours = ManualClock(start), ManualClock(start)
        self.crms = (an_org(self.right, "salesforce"), an_org(self.right, "hubspot"))
        self.seen: dict[str, list[Written]] = {}
        self.down: set[str] = set()
        self.rounds: dict[str, list[datetime]] = {}
        self.turns: dict[str, list[tuple[datetime, bool]]] = {}
        for crm in self.crms:
            for email in (MONA, DANA):
                crm.add_user(email)
            crm.groups.create("Later", id=GROUPS[crm.name])
            self.seen[crm.name], self.rounds[crm.name], self.turns[crm.name] = [], [], []
            self._listen(crm)
        self.leads: list[tuple[FakeCrm, Ref]] = []
        self.touched: defaultdict[Ref, list[Touch]] = defaultdict(list)
        self._dies_in: int | None = None
        self._in_midst: tuple[int, Callable[[], None]] | None = None
        self._met: set[str] = set()
        self.house = House(None, self.crms, self.ours, policy=terms.text())
        self.house.start()
        self._met = {c.name for c in self.crms}
        self.house.on_commit = lambda _: self._point()
        self.house.on_statement = self._point
        self._pass(SOON)

    def _listen(self, crm: FakeCrm) -> None:
        put = crm.put_task

        def put_task(task: FakeTask) -> FakeTask:
            again = task.marker in crm.tasks
            self.seen[crm.name].append(Written(self.right.now(), task, again))
            return put(task)

        def called(what: str) -> None:
            self._point()
            if crm.name in self.down and what.endswith(":before"):
                raise Unavailable("down", after=60.0)

        crm.put_task = put_task  # type: ignore[method-assign]
        crm.on_call = called

    # -- trouble ------------------------------------------------------------------------------

    def _point(self) -> None:
        """Something goes in or out of the daemon: here it may die, sleep, or its clock jump."""
        if self._in_midst is not None:
            left, strike = self._in_midst
            self._in_midst = (left - 1, strike) if left > 0 else None
            if left <= 0:
                strike()
        if self._dies_in is not None:
            self._dies_in -= 1
            if self._dies_in < 0:
                self._dies_in = None
                raise Died

    def _wrong(self, by: timedelta) -> None:
        self.ours.set(self.right.now() + by)

    def _pass(self, by: timedelta) -> None:
        self.right.advance(by)
        self.ours.advance(by)

    # -- the daemon ---------------------------------------------------------------------------

    def work(self) -> None:
        """Each CRM's threads take two turns; who dies begins again with what was committed."""
        for _ in range(2):
            for crm in self.crms:
                began = self.right.now()
                done = self._turn(crm)
                rows = outbox.open_rows(self.house.db)
                done = done and not any(r.ref.crm == crm.name for r in rows)
                self.turns[crm.name].append((began, done))
                if done:
                    self.rounds[crm.name].append(began)

    def _turn(self, crm: FakeCrm) -> bool:
        """Whether everything was done that could be done, in one instant."""
        done, began = True, self.right.now()
        for step in (self._read, self._write):
            try:
                step(crm.name)
            except Died:
                self.house.restart()
                self._met.clear()
                done = False
            except (RetryLater, Ambiguous):
                done = False
        return done and began == self.right.now()

    def _read(self, crm: str) -> None:
        """What a reader does in its turn."""
        ingest = self.house.ingests[crm]
        if crm not in self._met:
            ingest.first_contact()
            self._met.add(crm)
        while ingest.cycle().more:
            pass
        ingest.release_held()
        ingest.rescore_due()
        for _ in range(3):
            if not self.house.sweeps[crm].tick():
                break
        self.house.joinings[crm].tick()

    def _write(self, crm: str) -> None:
        if crm in self._met:
            while self.house.delivers[crm].turn():
                pass

    # -- moves --------------------------------------------------------------------------------

    def do(self, what: str, n: int) -> None:
        self._pass(SOON)  # so that what comes before what can be told from the log
        getattr(self, f"move_{what}")(n)
        self.work()

    def move_wait(self, minutes: int) -> None:
        """Time passes, and the daemon looks now and then."""
        for _ in range(2):
            self._pass(timedelta(minutes=minutes) / 3)
            self.work()
        self._pass(timedelta(minutes=minutes) / 3)

    def move_off(self, minutes: int) -> None:
        """Time passes while the daemon is off; then it is started."""
        self._pass(timedelta(minutes=minutes))
        self.house.restart()
        self._met.clear()

    def move_sleep(self, minutes: int) -> None:
        """The machine sleeps: its wall clock knows afterwards, its monotonic one does not."""
        self.right.advance(timedelta(minutes=minutes))
        self.ours.set(self.ours.now() + timedelta(minutes=minutes))

    def move_jump(self, seconds: int) -> None:
        """The machine's clock is wrong by so much, from now on."""
        self._wrong(timedelta(seconds=seconds))

    def move_jumps(self, n: int) -> None:
        """The same in the midst of what the daemon does."""
        self._in_midst = (abs(n) % 211, lambda: self._wrong(timedelta(seconds=n)))

    def move_naps(self, minutes: int) -> None:
        """A sleep in the midst of what the daemon does, after hours in which much came due."""
        self._pass(timedelta(minutes=minutes % 719))
        self._in_midst = (minutes % 97, lambda: self.move_sleep(minutes))

    def move_clock_right(self, _: int) -> None:
        self._in_midst = None
        self._wrong(timedelta(0))

    def move_dies(self, n: int) -> None:
        self._dies_in = n

    def move_crashes(self, n: int) -> None:
        """It dies in the midst of doing what came due in hours."""
        self._pass(timedelta(minutes=13 * n % 1777))
        self._dies_in = n

    def move_down(self, n: int) -> None:
        """One CRM does not answer, or neither does."""
        names = [c.name for c in self.crms]
        self.down |= set(names) if n % 3 == 2 else {names[n % 3]}

    def move_up(self, _: int) -> None:
        self.down.clear()

    def move_lead(self, n: int) -> None:
        crm = self.crms[n % 2]
        kind = ("Web", "Ads", "Fair")[n // 2 % 3]
        i = len(self.leads)
        ref = crm.create_lead(email=f"x{i}@acme{i}.test", status="New", source=kind)
        self.leads.append((crm, ref))

    def move_call(self, n: int) -> None:
        self._touch(n, "answered", lambda crm, ref: _done(crm, ref, ActivityKind.CALL))

    def move_buyer(self, n: int) -> None:
        def write(crm: FakeCrm, ref: Ref) -> None:
            crm.activities.log(ref, ActivityKind.EMAIL, actor=Actor.UNKNOWN, incoming=True)

        self._touch(n, "buyer", write)

    def move_later(self, n: int) -> None:
        """One that has the status already is no news to anybody."""
        if self.leads:
            crm, ref = self.leads[n % len(self.leads)]
            known = crm.row(ref).fields["status"] == "Later"
            self._touch(
                n, "noted" if known else "later", lambda crm, ref: crm.update(ref, status="Later")
            )

    def move_waiting(self, n: int) -> None:
        self._touch(n, "paused", lambda crm, ref: crm.update(ref, status="Waiting"))

    def move_open(self, n: int) -> None:
        self._touch(n, "status", lambda crm, ref: crm.update(ref, status="Open"))

    def move_closed(self, n: int) -> None:
        self._touch(n, "closed", lambda crm, ref: crm.update(ref, status="Closed"))

    def move_given(self, n: int) -> None:
        if not self.leads:
            return
        crm, ref = self.leads[n // 2 % len(self.leads)]
        to = user_id(crm, (ANNA, BEN)[n % 2])
        if crm.owner_of(ref) != to:
            crm.person_sets_owner(ref, to)
            self.touched[ref].append(Touch(self.right.now(), "given"))

    def _touch(self, n: int, what: str, do: Callable[[FakeCrm, Ref], object]) -> None:
        if self.leads:
            crm, ref = self.leads[n % len(self.leads)]
            do(crm, ref)
            self.touched[ref].append(Touch(self.right.now(), what))

    # -- the end ------------------------------------------------------------------------------

    def heal(self, *, right: bool) -> None:
        """No more trouble; unless `right`, the machine's clock stays as wrong as it is."""
        self._dies_in = self._in_midst = None
        self.down.clear()
        if right:
            self.move_clock_right(0)
        for _ in range(12):
            self.work()
            if all(self.rounds[c.name][-1:] == [self.right.now()] for c in self.crms):
                break
            self._pass(timedelta(seconds=150))
        for _ in range(3):
            self._pass(timedelta(seconds=65))
            self.work()

    def close(self) -> None:
        self.house.close()


def _done(crm: FakeCrm, ref: Ref, kind: ActivityKind) -> None:
    crm.activities.log(ref, kind, by=crm.owner_of(ref))

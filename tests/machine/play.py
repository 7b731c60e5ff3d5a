"""A small world to play with: two fake CRMs, one daemon, people, tools, faults and crashes.

Every move is a method that takes whole numbers and always succeeds, so that Hypothesis and a seeded
generator can both make any history of them. `heal` ends the trouble and lets things settle;
`Verdict` in `judge.py` says whether every promise was kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from daemon.house import POLICY, REPS, House, an_org, the_policy, user_id

from fairlead.core.types import LeadState, Ref
from fairlead.errors import Ambiguous, FairleadError, RetryLater, Unavailable
from fairlead.store import journal, leads, outbox
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_connector import FAKE_CAPABILITIES
from fairlead.testing.fake_crm import FakeCrm

OUTSIDER = "dana@example.com"
EMAILS = tuple(f"lead{i}@acme{i}.test" for i in range(6))
CALLS = ("write.owners", "write.tasks", "read", "changes", "find_tasks", "owners", "write.poll")
POINTS = ("write.owners:before", "write.owners:after", "read:after", "write.tasks:before",
          "changes:after", "read:before", "write.tasks:after")  # fmt: skip


WRITES = ("write.owners", "write.tasks", "write.scores", "write.fields", "write.members")

POLICIES = tuple(POLICY.replace(">= 1000", f">= {n}") for n in (1000, 10, 100_000))


class Killed(BaseException):
    """The process dies here."""


class World:
    """Moves over the two CRMs and the daemon; counts in `seen` what really came to pass."""

    reps: tuple[str, ...] = REPS
    policies: tuple[str, ...] = POLICIES
    first_policy = POLICY
    calls = CALLS
    points = POINTS
    shadow: Path | None = None

    def __init__(self) -> None:
        self.clock, self.ours = self.clocks()
        self.crms = (an_org(self.clock, "salesforce"), an_org(self.clock, "hubspot"))
        self.crms[0].stamp_resolution = timedelta(seconds=1)
        for crm in self.crms:
            for email in self.reps[len(REPS) :]:
                crm.add_user(email)
        self.outsiders = {c.name: c.add_user(OUTSIDER) for c in self.crms}
        self.queues = {c.name: c.add_queue("Elsewhere") for c in self.crms}
        one_call = replace(FAKE_CAPABILITIES, carries_poll=False, lead_objects=("contacts",))
        self.furnish()
        self.house = House(
            None, self.crms, self.ours, self.first_policy, capabilities={"hubspot": one_call},
            shadow=self.shadow,
        )  # fmt: skip
        self.house.start()
        self.baseline = self.clock.now()
        self.clock.advance(5)
        self.leads: list[tuple[FakeCrm, Ref]] = []
        self.seen: Counter[str] = Counter()
        self.log: list[str] = []
        self._fuse: int | None = None
        self._strikes: list[tuple[str, Callable[[], None]]] = []
        self._paused_calls: int | None = None
        self.house.on_commit = self._point
        for crm in self.crms:
            crm.on_call = self._point
            self._watch_late_writes(crm)

    def clocks(self) -> tuple[ManualClock, ManualClock]:
        """The CRMs' clock and the daemon's; moving the first moves both."""
        clock = ManualClock()
        return clock, clock

    def furnish(self) -> None:
        """What else the org has before the daemon first sees it."""

    def _watch_late_writes(self, crm: FakeCrm) -> None:
        """Count writes of ours that take effect after their call was given up."""
        later = crm.later

        def watched(delay: timedelta, do: Callable[[], None]) -> None:
            def and_look() -> None:
                before = len(crm.our_writes())
                do()
                self.seen["late apply"] += len(crm.our_writes()) > before

            later(delay, and_look)

        crm.later = watched  # type: ignore[method-assign]

    # -- the process ------------------------------------------------------------------------

    def _point(self, where: str) -> None:
        for strike in list(self._strikes):
            if strike[0] == where:
                self._strikes.remove(strike)
                self.seen["struck inside a call"] += 1
                strike[1]()
        if self._fuse is not None:
            self._fuse -= 1
            if self._fuse <= 0:
                self._fuse = None
                self.seen[f"crash at {where}"] += 1
                raise Killed

    def _guarded(self, do: Callable[[], object]) -> None:
        try:
            do()
        except Killed:
            self._strikes.clear()
            self.house.restart()
        except (RetryLater, Ambiguous):
            self.seen["call failed"] += 1

    def crash_in(self, n: int) -> None:
        """The process dies at the n-th input/output point from here."""
        self._fuse = 1 + n

    def restart(self) -> None:
        self.house.restart()

    def change_policy(self, number: int) -> None:
        """Another threshold on disk, and in force unless the process dies on the way."""
        self.house.policy = self.policies[number % len(self.policies)]
        active = the_policy(self.house.policy)

        def swap() -> None:
            if active.policy.hash != self.house.in_force.active.policy.hash:
                self.house.in_force.swap(active)
                self.seen["policy changed"] += 1

        self._guarded(swap)

    def poll(self, crm: int) -> None:
        self._guarded(self.house.ingests[self._crm(crm).name].cycle)

    def deliver(self, crm: int) -> None:
        def all_that_is_due() -> None:
            deliver = self.house.delivers[self._crm(crm).name]
            turns = 0
            while deliver.turn():
                turns += 1
                assert turns < 100, "a turn that never ends"

        self._guarded(all_that_is_due)

    def refresh_owners(self, crm: int) -> None:
        self._guarded(self.house.ingests[self._crm(crm).name].refresh_owners)

    def release_held(self, crm: int) -> None:
        self._guarded(self.house.ingests[self._crm(crm).name].release_held)

    def advance(self, seconds: int) -> None:
        self.clock.advance(seconds)

    def pause(self) -> None:
        if self._paused_calls is None:
            self._guarded(lambda: self.house.commands.pause("a test"))
            if journal.get_switch(self.house.db, "paused") is not None:
                self._paused_calls = self.write_calls()

    def resume(self) -> None:
        self.check_pause()
        self._paused_calls = None
        self._guarded(self.house.commands.resume)
        if journal.get_switch(self.house.db, "paused") is not None:
            self._paused_calls = self.write_calls()

    def check_pause(self) -> None:
        if self._paused_calls is not None:
            assert self.write_calls() == self._paused_calls, "written while paused"

    def write_calls(self) -> int:
        return sum(n for c in self.crms for call, n in c.calls.items() if call in WRITES)

    def retry_dead_letters(self) -> None:
        self._guarded(lambda: self.house.commands.retry(None))

    def drop_dead_letter(self) -> None:
        waiting = self.house.commands.dead_letters()
        if waiting:
            self.seen["dropped"] += 1
            self._guarded(lambda: self.house.commands.drop(waiting[0]["id"]))

    # -- the org ----------------------------------------------------------------------------

    def new_lead(self, crm: int, email: int, *, big: bool = False, late: int = 0) -> None:
        fake = self._crm(crm)
        fields = {"email": EMAILS[email % len(EMAILS)], "employees": 5000 if big else 10}
        ref = fake.create_lead(fields, commits_after=float(late % 600))
        self.leads.append((fake, ref))

    def old_lead(self, crm: int, email: int) -> None:
        """One from before the first start that shows only now."""
        fake = self._crm(crm)
        fields = {"email": EMAILS[email % len(EMAILS)]}
        ref = fake.create_lead(fields, at=self.baseline - timedelta(minutes=1), commits_after=1.0)
        self.leads.append((fake, ref))

    def person_sets_owner(self, lead: int, who: int) -> None:
        self._on(lead, lambda crm, ref: crm.person_sets_owner(ref, self._owner(crm, who)))

    def person_strikes(self, point: int, lead: int, who: int) -> None:
        """A person sets the owner in the middle of one of our calls."""
        where = self.points[point % len(self.points)]
        self._strikes.append((where, lambda: self.person_sets_owner(lead, who)))

    def reader_strikes(self, point: int, crm: int) -> None:
        """The reading thread does its work in the middle of one of our calls."""
        where = self.points[point % len(self.points)]

        def read() -> None:
            ingest = self.house.ingests[self._crm(crm).name]
            try:
                ingest.cycle()
                ingest.release_held()
            except (RetryLater, Ambiguous):
                self.seen["call failed"] += 1

        if where.startswith("write"):
            self._strikes.append((where, read))

    def automation_sets_owner(self, lead: int, who: int) -> None:
        self._on(lead, lambda crm, ref: crm.automation_sets_owner(ref, self._owner(crm, who)))

    def automation_strikes(self, point: int, lead: int, who: int) -> None:
        where = self.points[point % len(self.points)]
        self._strikes.append((where, lambda: self.automation_sets_owner(lead, who)))

    def edit(self, lead: int) -> None:
        self._on(lead, lambda crm, ref: crm.update(ref, company=f"Acme {self.clock.now()}"))

    def delete(self, lead: int) -> None:
        self._on(lead, lambda crm, ref: crm.delete(ref))

    def convert(self, lead: int) -> None:
        self._on(lead, lambda crm, ref: crm.convert(ref))

    def merge(self, lead: int, survivor: int, *, third: bool = False) -> None:
        """Two leads of one CRM become one: the second, or (HubSpot's way) a third."""

        def do(crm: FakeCrm, ref: Ref) -> None:
            others = [r for c, r in self.leads if c is crm and r != ref and self._live(c, r)]
            if not others:
                return
            other = others[survivor % len(others)]
            if third:
                made = crm.create_lead(
                    dict(crm.row(ref).fields), owner_id=crm.owner_of(ref) or crm.owner_of(other)
                )
                self.leads.append((crm, made))
                crm.merge(other, made)
                other = made
            crm.merge(ref, other)
            self.seen["merged"] += 1

        self._on(lead, do)

    def corrupt(self, lead: int) -> None:
        self._on(lead, lambda crm, ref: crm.corrupt(ref))

    def mend(self, lead: int) -> None:
        self._on(lead, lambda crm, ref: crm.mend(ref))

    def deactivate(self, crm: int, rep: int) -> None:
        """One rep leaves, or all of them do."""
        fake = self._crm(crm)
        n = rep % (len(self.reps) + 1)
        gone = self.reps[n : n + 1] or self.reps
        for email in gone:
            fake.deactivate(user_id(fake, email))
        self.seen["deactivated"] += 1

    def activate(self, crm: int, rep: int) -> None:
        fake = self._crm(crm)
        fake.activate(user_id(fake, self.reps[rep % len(self.reps)]))

    def lag(self, crm: int, seconds: int) -> None:
        self._crm(crm).feed_lag = timedelta(seconds=seconds % 60)

    # -- faults -----------------------------------------------------------------------------

    def fault(self, crm: int, kind: int, call: int, lead: int) -> None:
        fake = self._crm(crm)
        where = self.calls[call % len(self.calls)]
        faults = fake.faults
        mine = [r for c, r in self.leads if c is fake]
        ref = mine[lead % len(mine)] if mine else None
        rep = user_id(fake, self.reps[lead % len(self.reps)])
        moves: list[Callable[[], None]] = [
            lambda: faults.timeout_not_applied(where),
            lambda: faults.timeout_applied(where),
            lambda: faults.applied_later(1 + call * 7 % 100, where),
            lambda: faults.fail_next(where, self._error(call)),
            lambda: faults.bad_owner(rep),
        ]
        if ref is not None:
            moves += [
                lambda: faults.refuse(ref),
                lambda: faults.lock(ref, 1 + lead % 4),
                lambda: faults.no_result(ref, applied=bool(call % 2)),
            ]
        self.seen[f"fault {kind % len(moves)}"] += 1
        moves[kind % len(moves)]()

    def _error(self, n: int) -> FairleadError:
        return Unavailable("down", after=5.0) if n % 2 else Ambiguous("reset")

    def clear_faults(self) -> None:
        for crm in self.crms:
            crm.faults.clear()

    # -- the end ----------------------------------------------------------------------------

    def heal(self) -> None:
        """No more trouble: everybody is back, everything is readable, time passes."""
        self._fuse = None
        self._strikes.clear()
        self.clear_faults()
        for crm in self.crms:
            crm.feed_lag = timedelta(0)
            for rep in range(len(self.reps)):
                self.activate(self.crms.index(crm), rep)
        for crm, ref in self.leads:
            row = crm.find(ref)
            if row is not None and row.unreadable:
                crm.mend(ref)
        self.resume()
        self.restart()
        rounds = 0
        while rounds < 3 or not self._quiet():
            rounds += 1
            assert rounds < 60, f"never quiet: {self._restless()}"
            for n in range(len(self.crms)):
                self.refresh_owners(n)
            self.round()
            if rounds == 2:
                self.retry_dead_letters()
            # An owner whom the CRM refused is asked again after a day; nobody else may be left.
            self.clock.advance(601 if rounds <= 2 else 61 if rounds < 20 else 3600)

    def round(self) -> None:
        """All that a daemon does, once."""
        self.house.round()
        for ingest in self.house.ingests.values():
            ingest.release_held()
        self.house.deliver()

    def _quiet(self) -> bool:
        return not self._restless()

    def _restless(self) -> list[str]:
        held = [
            str(row.ref)
            for crm in self.crms
            for row in all_rows(self.house, crm.name)
            if row.state is LeadState.HELD
        ]
        rows = outbox.open_rows(self.house.db)
        return [*(f"{o.key} {o.kind} {o.state} {o.detail}" for o in rows), *held]

    # -- parts ------------------------------------------------------------------------------

    def _crm(self, n: int) -> FakeCrm:
        return self.crms[n % len(self.crms)]

    def _on(self, lead: int, do: Callable[[FakeCrm, Ref], None]) -> None:
        if self.leads:
            crm, ref = self.leads[lead % len(self.leads)]
            if self._live(crm, ref):
                do(crm, ref)

    def _live(self, crm: FakeCrm, ref: Ref) -> bool:
        row = crm.find(ref)
        return row is not None and not row.gone

    def _owner(self, crm: FakeCrm, who: int) -> str | None:
        choices = [*(user_id(crm, r) for r in self.reps), self.outsiders[crm.name]]
        if crm.name == "hubspot":
            return [*choices, None][who % (len(choices) + 1)]
        return [*choices, self.queues[crm.name]][who % (len(choices) + 1)]

    def note(self) -> None:
        """Count what the journal tells, for the list of things that must have happened."""
        for crm, ref in self.leads:
            for j in journal.of_lead(self.house.db, ref):
                reason = str(j.detail.get("reason", ""))
                self.seen[f"{j.event}: {reason}".split(" into ")[0]] += 1
                self.seen[j.event] += 1
            self.seen["leads"] += crm.find(ref) is not None
        text = self.house.metrics.render()[0].decode()
        self.seen["ambiguous"] += 'outcome="ambiguous"' in text

    def close(self) -> None:
        self.house.close()


def all_rows(house: House, crm: str) -> list[leads.LeadRow]:
    """Every lead of a CRM as the daemon knows it."""
    found = house.db.rows("SELECT crm, object, id FROM leads WHERE crm = ?", (crm,))
    rows = [leads.get_lead(house.db, Ref(r["crm"], r["object"], r["id"])) for r in found]
    return [r for r in rows if r is not None]

"""The sweep: what has come due on clocks is looked at and fired, once, with its effect.

Run by the reader of each CRM between two polls; when nothing is due it asks the index one question.
Each due lead is first read by id and brought up to date, which may stop or pause its clock. Then
the stages that are due are marked and their effects put into the outbox in one transaction. While
the machine's clock cannot be trusted nothing fires.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from fairlead.clock import Clock
from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.policy import Policy
from fairlead.core.signals import Signals, in_activities, kinds_of
from fairlead.core.sla_terms import (
    DUE,
    Reassign,
    Sla,
    told,
)
from fairlead.core.types import Gone, LeadState, Record, Ref
from fairlead.daemon.acting import Acting
from fairlead.daemon.clocking import end_clock, tell
from fairlead.daemon.evidence import first_done
from fairlead.daemon.gone import lead_gone, why_gone
from fairlead.daemon.ingest import Ingest
from fairlead.daemon.routing import Router, Snapshot
from fairlead.daemon.signalling import note
from fairlead.metrics import Metrics
from fairlead.spi.connector import ActivitiesOf
from fairlead.store import clocks, leads, outbox
from fairlead.store.clocks import ClockRow, StepRow
from fairlead.store.db import Db
from fairlead.telemetry import get_logger

log = get_logger()

BATCH = 500
LATE = timedelta(minutes=15)
"""What is fired so long after it was due goes into one task for each person who is told."""
AFTER_ITS_OWNER = timedelta(seconds=30)
"""A lead whose new owner is not written yet is looked at again so much later."""
TRUSTED = timedelta(seconds=60)
"""How far the wall clock may be from the monotonic one, or from the CRM's, to be trusted."""
ASK_AGAIN = 60.0


class Sweep:
    """Fires the clocks of one CRM's leads; used by its reader thread."""

    def __init__(self, db: Db, ingest: Ingest, clock: Clock, metrics: Metrics) -> None:
        self.db = db
        self.ingest = ingest
        self.crm = ingest.crm
        self.clock = clock
        self.metrics = metrics
        self.untrusted = False
        """Whether the machine's clock and the CRM's disagree; nothing fires while they do."""
        self._trusted_at: tuple[datetime, float] | None = None
        self._asked: float | None = None

    def tick(self) -> int:
        """Fire what is due; the number of leads looked at, 0 when there is nothing to do.

        Raises what reading from the CRM raises; nothing is lost by it.
        """
        refs = clocks.due(self.db, self.crm, self.clock.now(), BATCH)
        if not refs or not self._trusted():
            return 0
        answers = self.ingest.connector.read(refs)
        done = self._done(refs)
        with self.db.transaction():
            now = self.clock.now()
            here: list[Record] = []
            for ref in refs:
                answer = answers[ref]
                gone = why_gone(ref, answer)
                if gone is not None:
                    lead_gone(self.db, ref, gone, now)
                elif not isinstance(answer, Gone):
                    here.append(answer)
            self.ingest.observe_all(here)
            router = self.ingest.router()
            snap = router.snapshot(now)
            self._behaviours(self.ingest.router().policy.signals, here, done, now)
            round_ = _Round(self, router, snap, now)
            for record in here:
                round_.answers(record, done.get(record.ref, ()))
                round_.lead(record)
            round_.acting.tellings.send(now)
        self.ingest.announce()
        return len(refs)

    def _done(self, refs: Sequence[Ref]) -> Mapping[Ref, Sequence[Activity]]:
        """What was done with leads since their clocks began; asked only of those that are due."""
        policy = self.ingest.router().policy
        slas = policy.slas
        asked: list[ActivitiesOf] = []
        kinds: set[ActivityKind] = set()
        for ref in refs:
            open_ = [c for c in clocks.open_of(self.db, ref) if c.sla in slas]
            counts = {kind for c in open_ for kind in slas[c.sla].counts}
            counts |= kinds_of(policy.signals) if open_ else set()
            if counts:
                since = min(c.since for c in open_)
                asked.append(ActivitiesOf(ref, since, thorough=True))
                kinds |= counts
        return self.ingest.connector.activities(asked, kinds) if asked else {}

    def _behaviours(
        self,
        signals: Signals,
        here: Sequence[Record],
        done: Mapping[Ref, Sequence[Activity]],
        now: datetime,
    ) -> None:
        """Keep what the activities tell of signals; who did something is looked at next."""
        for record in here if kinds_of(signals) else ():
            row = leads.get_lead(self.db, record.ref)
            if row is not None:
                found = in_activities(signals, done.get(record.ref, ()))
                note(self.db, record.ref, row.person_id, found, now)

    def _trusted(self) -> bool:
        """Whether the wall clock went as time does since the CRM last agreed with it."""
        now, passed = self.clock.now(), self.clock.monotonic()
        if self._trusted_at is not None:
            wall, monotonic = self._trusted_at
            went = timedelta(seconds=passed - monotonic)
            if abs((now - wall) - went) <= TRUSTED:
                return True
        if self._asked is not None and passed - self._asked < ASK_AGAIN:
            return False
        apart = abs(self.ingest.connector.probe().server_now - now)
        if apart <= TRUSTED:
            self._trusted_at, self._asked, self.untrusted = (now, passed), None, False
            return True
        self._asked, self.untrusted = passed, True
        log.warning(
            "clock.untrusted", crm=self.crm, seconds=int(apart.total_seconds()),
            remedy="set the machine's clock; nothing fires until it agrees with the CRM's",
        )  # fmt: skip
        return False


class _Round:
    """One round of firing, inside its transaction."""

    def __init__(self, sweep: Sweep, router: Router, snap: Snapshot, now: datetime) -> None:
        self.sweep = sweep
        self.db = sweep.db
        self.router = router
        self.policy: Policy = router.policy
        self.now = now
        self.acting = Acting(self.db, sweep.ingest, router, snap, now)

    def answers(self, record: Record, done: Sequence[Activity]) -> None:
        """Stop the clocks of a lead that somebody has called, written to or met."""
        for clock in clocks.open_of(self.db, record.ref) if done else ():
            sla = self.policy.slas.get(clock.sla)
            found = None if sla is None else first_done(sla, clock, done, self.now)
            if found is not None:
                one, at = found
                self.router.clocking.answered(
                    clock, f"{one.kind.value}: {one.why}", at, self.now, by=one.by,
                    proof=str(one.ref),
                )  # fmt: skip

    def lead(self, record: Record) -> None:
        """Fire what is due for one lead, as it is now."""
        for clock in clocks.open_of(self.db, record.ref):
            # An earlier clock of the same lead may have ended this one.
            if not any(c.id == clock.id for c in clocks.open_of(self.db, record.ref)):
                continue
            sla = self.policy.slas.get(clock.sla)
            due = [
                s
                for s in clocks.steps_of(self.db, clock.id)
                if s.fired_at is None and s.due_at is not None and s.due_at <= self.now
            ]
            if sla is not None and due:
                self._clock(record, clock, sla, due)

    def _clock(self, record: Record, clock: ClockRow, sla: Sla, due: Sequence[StepRow]) -> None:
        row = leads.get_lead(self.db, record.ref)
        if row is None or row.state is not LeadState.ASSIGNED:
            end_clock(self.db, clock, "nobody owns it", self.now)
            return
        if outbox.open_owner_write(self.db, record.ref) is not None:
            clocks.put_off(self.db, clock.id, self.now, self.now + AFTER_ITS_OWNER)
            return
        clocks.fire(self.db, clock.id, [s.step for s in due], self.now)
        over = any(s.step == DUE for s in due)
        # A warning says nothing once the time is over, or when a later one has come.
        stages = [stage for s in due if (stage := sla.stage(s.step)) is not None]
        warnings = [s for s in stages if s.worked < sla.respond_within]
        acting = [s for s in stages if s not in warnings or (not over and s is warnings[-1])]
        takes = [s for s in acting if isinstance(s.act, Reassign)]
        when = {s.step: s.due_at for s in due}
        for stage in acting:
            behind = self.now - (when[stage.key] or self.now)
            done = "a later step of it is due, too"
            if not isinstance(stage.act, Reassign) or stage is takes[-1]:
                done = self.acting.act(record, clock, sla, stage, stage.act, late=behind > LATE)
            tell(
                self.db, "clock.fired", clock, self.now, step=stage.key, act=told(stage.act),
                reason=done,
            )  # fmt: skip
            self.sweep.metrics.clock_steps_total.labels(sla=sla.name, step=stage.key).inc()
            self.sweep.metrics.clock_lag_seconds.observe(max(0.0, behind.total_seconds()))

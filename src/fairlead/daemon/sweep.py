"""The sweep: what has come due on clocks, or by decay, is looked at and done once, with its effect.

Run by the reader of each CRM between two polls; when nothing is due it asks the index one question.
Each due lead is first read by id and brought up to date, which may stop or pause its clock. Then
the stages that are due are marked and their effects put into the outbox in one transaction. While
the machine's clock cannot be trusted nothing fires.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from fairlead.clock import Clock
from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.policy import Policy
from fairlead.core.signals import Signals, in_activities, kinds_of
from fairlead.core.sla_terms import (
    DUE,
    Reassign,
    Sla,
    Stage,
    told,
)
from fairlead.core.types import LeadState, Record, Ref
from fairlead.daemon import contacts_elsewhere
from fairlead.daemon.acting import Acting
from fairlead.daemon.afterwards import Afterwards
from fairlead.daemon.asking_once import Ask, Told, ask_once
from fairlead.daemon.cause import Cause, cause_of_step
from fairlead.daemon.clocking import end_clock, tell
from fairlead.daemon.coming_back import ComingBack
from fairlead.daemon.decay_round import AFTER_ITS_OWNER, LATE, DecayRound, silent_since
from fairlead.daemon.evidence import SKEW, first_done, first_taken
from fairlead.daemon.following import Following
from fairlead.daemon.gone import still_here
from fairlead.daemon.ingest import ODD_DATA, Ingest
from fairlead.daemon.routing import Router
from fairlead.daemon.signalling import note
from fairlead.daemon.snapshots import Snapshot
from fairlead.errors import BadRecord
from fairlead.metrics import Metrics
from fairlead.store import clocks, decays, leads, outbox
from fairlead.store.clocks import ClockRow, StepRow
from fairlead.store.db import Db
from fairlead.telemetry import get_logger

log = get_logger()

BATCH = 500


class Sweep:
    """Fires the clocks of one CRM's leads, and brings back recycled ones; used by its reader."""

    def __init__(self, db: Db, ingest: Ingest, clock: Clock, metrics: Metrics) -> None:
        self.db = db
        self.ingest = ingest
        self.crm = ingest.crm
        self.clock = clock
        self.metrics = metrics
        self.following = Following(db, ingest, clock, metrics)
        self.coming_back = ComingBack(db, ingest, clock, metrics)
        self.afterwards = Afterwards(db, ingest.connector, clock)
        self.trust = ingest.trust

    def tick(self) -> int:
        """Fire what is due; the number of leads looked at, 0 when there is nothing to do.

        Raises what reading from the CRM raises; nothing is lost by it.
        """
        self.ingest.router().plan_more(self.clock.now())
        refs = self._due(self.clock.now())
        follow_ups = self.following.due()
        back = self.coming_back.due()
        questions = contacts_elsewhere.questions(self.db, self.crm)
        if not (refs or follow_ups or back) or not self.trust.holds():
            self.afterwards.look()
            refs, follow_ups, back = [], [], []
            if not questions:
                return 0
        # Each part acts in its own transaction on what was read before all of them. Between them
        # nothing of ours reaches the CRM but what the writer delivers, which may do so at any time:
        # an owner that is under way is known by its row, and every write reads its lead once more.
        asks = (
            self._asks(refs), self.following.asks(follow_ups), self.coming_back.asks(back),
            contacts_elsewhere.asks(questions),
        )  # fmt: skip
        clocks_told, follow_ups_told, back_told, elsewhere = ask_once(self.ingest.connector, asks)
        if refs:
            self._fire(refs, clocks_told)
        if follow_ups:
            self.following.look(follow_ups, follow_ups_told)
        if back:
            self.coming_back.look(back, back_told)
        if questions:
            contacts_elsewhere.answer(self.db, questions, elsewhere.done, self.clock)
        seen = {*refs, *(f.ref for f in follow_ups), *back}
        if seen:
            self.ingest.announce()
        return len(seen)

    def _fire(self, refs: Sequence[Ref], told: Told) -> None:
        """Fire what is due for these leads, on their records as they are now."""
        done = told.done
        with self.db.transaction():
            now = self.clock.now()
            here = still_here(self.db, refs, told.records, now)
            self.ingest.observe_all(here)
            router = self.ingest.router()
            snap = router.snapshot(now)
            for record in here if snap.unplanned else ():
                router.replanning.one(record.ref, snap.world, now)
            self._behaviours(self.ingest.router().policy.signals, here, done, now)
            round_ = _Round(self, router, snap, now)
            router.just_read = done
            decaying = DecayRound(round_.acting, self.metrics)
            for record in here:
                did = done.get(record.ref, ())
                round_.lead(record, round_.answers(record, did))
                decaying.lead(record, did)
            router.just_read = {}
            round_.acting.tellings.send(now)

    def _due(self, now: datetime) -> list[Ref]:
        moved = clocks.moved(self.db, self.crm, BATCH)
        steps = clocks.due(self.db, self.crm, now, BATCH)
        levels = decays.due(self.db, self.crm, now, BATCH)
        return list(dict.fromkeys((*moved, *steps, *levels)))[:BATCH]

    def _asks(self, refs: Sequence[Ref]) -> Ask:
        """What was done with leads since their clocks or their silence began; asked only of those
        that are due. Who moved a status is asked with it."""
        policy = self.ingest.router().policy
        slas, now = policy.slas, self.clock.now()
        decayed = decays.due_of(self.db, self.crm, refs, now)
        since: dict[Ref, datetime] = {}
        kinds: set[ActivityKind] = set()
        for ref in refs:
            open_ = [c for c in clocks.open_of(self.db, ref) if c.sla in slas]
            begins = [c.since - SKEW for c in open_]
            for clock in open_:
                kinds |= slas[clock.sla].counts | {ActivityKind.STATUS_CHANGE}
                kinds |= kinds_of(policy.signals)
            silent = silent_since(self.db, policy, ref, now) if ref in decayed else None
            if silent is not None:
                begins.append(silent)
                kinds |= set(ActivityKind)
            if begins:
                since[ref] = min(begins)
        return Ask(refs, since, frozenset(kinds))

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


class _Round:
    """One round of firing, inside its transaction."""

    def __init__(self, sweep: Sweep, router: Router, snap: Snapshot, now: datetime) -> None:
        self.sweep = sweep
        self.db = sweep.db
        self.router = router
        self.policy: Policy = router.policy
        self.now = now
        self.snap = snap
        self.acting = Acting(self.db, sweep.ingest, router, snap, now)

    def answers(self, record: Record, done: Sequence[Activity]) -> Sequence[ClockRow]:
        """Stop the clocks of a lead that somebody has called, written to or met, or whose status
        a person has moved; those that are open then."""
        open_, same = clocks.open_of(self.db, record.ref), True
        for was in open_:
            sla = self.policy.slas.get(was.sla)
            if sla is None:
                continue
            clock = self._moved(record, was, sla, done)
            found = first_done(sla, clock, done, self.now)
            if found is not None and clock.ended_at is None:
                one, at = found
                self.router.clocking.answered(
                    clock, f"{one.kind.value}: {one.why}", at, self.now, one
                )
            same = same and found is None and clock is was
        return open_ if same else clocks.open_of(self.db, record.ref)

    def _moved(
        self, record: Record, clock: ClockRow, sla: Sla, done: Sequence[Activity]
    ) -> ClockRow:
        """Find out who moved the status of a lead, where that is open; the clock as it is then."""
        taken = first_taken(clock, done, self.now)
        accepted = min((a for a in (taken, clock.accepted_at) if a is not None), default=None)
        if accepted is not None and accepted != clock.accepted_at:
            clock = self.router.clocking.taken(clock, accepted)
        if clock.moved_at is None:
            return clock
        try:
            feed, snap = self.sweep.ingest.feed, self.acting.snap
            lead = self.router.read(record, feed, snap, clock.person_id, self.now)
        except (BadRecord, *ODD_DATA):
            # Once it can be read again, its status tells again that it was moved.
            clock = replace(clock, moved_at=None)
            clocks.put(self.db, clock)
            return clock
        return self.router.clocking.moved(clock, sla, lead, done, self.now)

    def lead(self, record: Record, open_: Sequence[ClockRow]) -> None:
        """Fire what is due for one lead, as it is now; `open_` are its clocks."""
        fired = False
        for clock in open_:
            now_so = clocks.get(self.db, clock.id) if fired else clock
            if now_so is None or now_so.ended_at is not None:
                continue  # ended by an earlier clock of the same lead
            sla = None
            if clock.sla in self.policy.slas:
                sla = self.router.clocking.promise(clock, self.acting.snap.world)
            steps = clocks.steps_of(self.db, clock.id)
            due = [
                s
                for s in steps
                if s.fired_at is None and s.due_at is not None and s.due_at <= self.now
            ]
            if sla is not None and due:
                self._clock(record, clock, sla, due, steps)
                fired = True

    def _clock(
        self,
        record: Record,
        clock: ClockRow,
        sla: Sla,
        due: Sequence[StepRow],
        steps: Sequence[StepRow],
    ) -> None:
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
                cause = cause_of_step(
                    clock, row, sla, stage, steps, self.policy, self.acting.snap.world,
                    late=behind > LATE,
                )  # fmt: skip
                done = self._act(record, clock, sla, stage, cause)
                if isinstance(stage.act, Reassign):
                    steps = clocks.steps_of(self.db, clock.id)
                    row = leads.get_lead(self.db, record.ref)
            tell(
                self.db, "clock.fired", clock, self.now, step=stage.key, act=told(stage.act),
                reason=done,
            )  # fmt: skip
            self.sweep.metrics.clock_steps_total.labels(sla=sla.name, step=stage.key).inc()
            self.sweep.metrics.clock_lag_seconds.observe(max(0.0, behind.total_seconds()))

    def _act(self, record: Record, clock: ClockRow, sla: Sla, stage: Stage, cause: Cause) -> str:
        acting = self.acting
        done = acting.act(record, cause, stage.act)
        if done.moved is not None:
            lead = self.router.read(
                record, self.sweep.ingest.feed, acting.snap, clock.person_id, self.now
            )
            self.router.clocking.reassigned(
                lead, done.moved, clock, sla, stage.key, acting.snap.world, self.now
            )
        return done.words

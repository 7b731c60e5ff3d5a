"""The sweep: what has come due on clocks is looked at and fired, once, with its effect.

Run by the reader of each CRM between two polls; when nothing is due it asks the index one question.
Each due lead is first read by id and brought up to date, which may stop or pause its clock. Then
the stages that are due are marked and their effects put into the outbox in one transaction. While
the machine's clock cannot be trusted nothing fires.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from fairlead.clock import Clock
from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.decide import decide
from fairlead.core.decision import SLA, Order, OutcomeKind
from fairlead.core.effects import UpsertTask
from fairlead.core.normalise import normalise
from fairlead.core.policy import Policy
from fairlead.core.sla_terms import (
    DUE,
    MANAGER,
    Act,
    Escalate,
    Notify,
    RaisePriority,
    Reassign,
    SetAway,
    Sla,
    Stage,
    short,
    told,
)
from fairlead.core.types import Gone, LeadState, Record, Ref
from fairlead.daemon.batch_apply import begin
from fairlead.daemon.batch_plan import case_of
from fairlead.daemon.clocking import end_clock, path_of, tell
from fairlead.daemon.evidence import first_done
from fairlead.daemon.gone import lead_gone, why_gone
from fairlead.daemon.ingest import ODD_DATA, Ingest
from fairlead.daemon.routing import Router, Snapshot
from fairlead.daemon.sla_tell import Telling, Tellings, due_in_words, owner_to_tell
from fairlead.errors import BadRecord
from fairlead.metrics import Metrics
from fairlead.spi.connector import ActivitiesOf
from fairlead.store import clocks, decisions, journal, leads, loads, outbox
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
            round_ = _Round(self, router, snap, now)
            for record in here:
                round_.answers(record, done.get(record.ref, ()))
                round_.lead(record)
            round_.tellings.send(now)
        self.ingest.announce()
        return len(refs)

    def _done(self, refs: Sequence[Ref]) -> Mapping[Ref, Sequence[Activity]]:
        """What was done with leads since their clocks began; asked only of those that are due."""
        slas = self.ingest.router().policy.slas
        asked: list[ActivitiesOf] = []
        kinds: set[ActivityKind] = set()
        for ref in refs:
            open_ = [c for c in clocks.open_of(self.db, ref) if c.sla in slas]
            counts = {kind for c in open_ for kind in slas[c.sla].counts}
            if counts:
                since = min(c.since for c in open_)
                asked.append(ActivitiesOf(ref, since, thorough=True))
                kinds |= counts
        return self.ingest.connector.activities(asked, kinds) if asked else {}

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
            self._trusted_at, self._asked = (now, passed), None
            return True
        self._asked = passed
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
        self.snap = snap
        self.now = now
        self.tellings = Tellings(self.db)

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
                done = self._act(record, clock, sla, stage, stage.act, late=behind > LATE)
            tell(
                self.db, "clock.fired", clock, self.now, step=stage.key, act=told(stage.act),
                reason=done,
            )  # fmt: skip
            self.sweep.metrics.clock_steps_total.labels(sla=sla.name, step=stage.key).inc()
            self.sweep.metrics.clock_lag_seconds.observe(max(0.0, behind.total_seconds()))

    def _act(
        self,
        record: Record,
        clock: ClockRow,
        sla: Sla,
        stage: Stage,
        act: Act | None,
        *,
        late: bool,
    ) -> str:
        """Do what a stage says; what came of it, in a few words."""
        match act:
            case None:
                return "not answered in time"
            case Notify(whom):
                return self._notify(clock, sla, stage, whom, late=late)
            case Escalate(to):
                return self._notify(clock, sla, stage, to, late=late, urgent=True)
            case RaisePriority():
                return self._raise(clock)
            case SetAway(length):
                return self._away(clock, sla, length)
            case Reassign(team):
                return self._reassign(record, clock, sla, stage, team, late=late)

    def _notify(
        self,
        clock: ClockRow,
        sla: Sla,
        stage: Stage,
        whom: str,
        *,
        late: bool,
        urgent: bool = False,
        more: str = "",
    ) -> str:
        owner = owner_to_tell(whom, clock, self.policy, self.snap.world)
        if owner is None:
            log.warning("clock.nobody", crm=clock.ref.crm, lead=str(clock.ref), sla=sla.name)
            return f"nobody in {clock.ref.crm} to tell: {whom}"
        row = leads.get_lead(self.db, clock.ref)
        generation = 1 if row is None else leads.generation_of(self.db, row.person_id)
        due = next((s.due_at for s in clocks.steps_of(self.db, clock.id) if s.step == DUE), None)
        limit = due_in_words(clock, due, self.policy, self.snap.world)
        who = clock.rep_id or "its owner"
        over = stage.worked >= sla.respond_within
        line = (
            f"{who} has not answered it within {short(sla.respond_within)} (due {limit})."
            if over
            else f"Please answer it by {limit} ({short(sla.respond_within)} allowed)."
        )
        words = f"fairlead, SLA {sla.name}, {stage.key}: {line}{more}"
        self.tellings.add(Telling(clock, stage.key, owner, words, generation, urgent, late))
        return "told"

    def _raise(self, clock: ClockRow) -> str:
        task = outbox.task_of(self.db, clock.ref)
        if task is None or not isinstance(task.effect, UpsertTask):
            return "there is no task to raise"
        raised = replace(task.effect, high_priority=True)
        outbox.add(self.db, raised, decision_id=task.decision_id, urgent=True, now=self.now)
        return "raised"

    def _away(self, clock: ClockRow, sla: Sla, length: timedelta) -> str:
        if clock.rep_id is None or clock.rep_id not in self.policy.roster:
            return "the owner is not in the roster"
        until = self.now + length
        rep = self.snap.world.reps.get(clock.rep_id)
        if rep is not None and any(o.start <= self.now and o.end >= until for o in rep.off):
            return "away for longer already"
        reason = f"SLA {sla.name} was not met"
        loads.set_away(self.db, clock.rep_id, self.now, _minute(until), reason)
        journal.write(
            self.db, self.now, "rep.away", rep=clock.rep_id, until=_minute(until), reason=reason
        )
        log.info("rep.away", due=until)
        return "set away"

    # -- reassigning ------------------------------------------------------------------------

    def _reassign(
        self,
        record: Record,
        clock: ClockRow,
        sla: Sla,
        stage: Stage,
        team: str | None,
        *,
        late: bool,
    ) -> str:
        """Take the lead from its owner and give it on; or say why it stays."""
        given = any(c.by_person for c in clocks.open_of(self.db, clock.ref) if c.after is None)
        if given and not sla.override_people:
            return self._stays(clock, sla, stage, "a person gave it to its owner", late=late)
        row = leads.get_lead(self.db, record.ref)
        assert row is not None
        before = clocks.previous_owners(self.db, row.person_id)
        here = {record.owner_id} if record.owner_id else set()
        order = Order(
            SLA, f"SLA {sla.name}", f"not answered in {short(sla.respond_within)}",
            record.owner_id, before | here, team=team,
        )  # fmt: skip
        # Whoever got a turn in this round is paid for it already.
        snap = self.router.snapshot(self.now)
        try:
            case = case_of(self.db, self.policy, snap, record, row, self.sweep.ingest.feed, order)
            found = decide(case, snap.world, self.policy, self.now)
        except (BadRecord, *ODD_DATA):
            return self._stays(clock, sla, stage, "the lead cannot be read", late=late)
        was = None if row.decision_id is None else decisions.get_decision(self.db, row.decision_id)
        last = self.policy.otherwise.name
        falls = team is None and found.rule == last and was is not None and was.rule != last
        if found.outcome is not OutcomeKind.ASSIGN or falls:
            return self._stays(clock, sla, stage, "nobody else can take it now", late=late)
        begin(self.db, record, row.person_id, order, self.now)
        self.sweep.ingest.observe_all([record], again=True, order=order)
        after = leads.get_lead(self.db, record.ref)
        if after is None or after.owner_id is None or after.decision_id == row.decision_id:
            return "it could not be reassigned"
        self._clocks_after(record, clock, sla, stage, after)
        return f"to {found.rep_id or found.owner_id}"

    def _clocks_after(
        self, record: Record, clock: ClockRow, sla: Sla, stage: Stage, row: leads.LeadRow
    ) -> None:
        """The new owner has the whole time, and the path up to here; the rest of it goes on."""
        world = self.snap.world
        lead = normalise(record, self.sweep.ingest.feed.sources, self.policy.fields, world.owners)
        owner = row.owner_id or ""
        rep = world.rep_of(row.ref.crm, owner)
        rep_id = None if rep is None else rep.id
        clocking = self.router.clocking
        began: list[tuple[str, str | None, str | None]] = [(sla.name, clock.team, stage.key)]
        for other in clocks.open_of(self.db, row.ref):
            mine = other.sla == sla.name
            if other.id == clock.id:
                rest = replace(clock, after=stage.key)
                if path_of(sla, rest):
                    clocks.put(self.db, rest)
                    clocking.plan(rest, world)
                    continue
            elif mine and other.after is not None:
                continue
            end_clock(self.db, other, "reassigned", self.now)
            if not mine and other.after is None and other.sla in self.policy.slas:
                began.append((other.sla, other.team, None))
        for name, team, upto in began:
            clocking.begin(
                lead, row.person_id, name, row.decision_id or "", owner, rep_id,
                team, world, self.now, upto=upto,
            )  # fmt: skip

    def _stays(self, clock: ClockRow, sla: Sla, stage: Stage, why: str, *, late: bool) -> str:
        """The stated reaction when the lead cannot be given on: its owner keeps it, the manager is
        told."""
        more = f" It was to be reassigned and stays: {why}."
        self._notify(clock, sla, stage, MANAGER, late=late, more=more)
        return f"stays: {why}"


def _minute(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")

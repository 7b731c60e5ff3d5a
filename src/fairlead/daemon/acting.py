"""What a stage of a clock does: tell somebody, raise the priority, set away, take the lead away.

Used by `sweep`, inside the transaction of its round, for each stage that is due.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from fairlead.core.decide import decide
from fairlead.core.decision import SLA, Order, OutcomeKind
from fairlead.core.effects import UpsertTask
from fairlead.core.normalise import normalise
from fairlead.core.policy import Policy
from fairlead.core.sla_terms import (
    DUE,
    EMAIL,
    MANAGER,
    TASK,
    Act,
    Escalate,
    Notify,
    RaisePriority,
    Reassign,
    SetAway,
    Sla,
    Stage,
    Tell,
    short,
)
from fairlead.core.types import Record
from fairlead.daemon.batch_apply import begin
from fairlead.daemon.batch_plan import case_of
from fairlead.daemon.clocking import end_clock, path_of
from fairlead.daemon.ingest import ODD_DATA, Ingest
from fairlead.daemon.lead_words import lead_words
from fairlead.daemon.routing import Router, Snapshot
from fairlead.daemon.sla_tell import (
    Telling,
    Tellings,
    Word,
    address_to_tell,
    due_in_words,
    owner_to_tell,
)
from fairlead.errors import BadRecord
from fairlead.store import clocks, decisions, journal, leads, loads, outbox
from fairlead.store.clocks import ClockRow
from fairlead.store.db import Db
from fairlead.telemetry import get_logger

log = get_logger()


class Acting:
    """Does what stages say in one round; what is to be told is gathered in `tellings`."""

    def __init__(
        self, db: Db, ingest: Ingest, router: Router, snap: Snapshot, now: datetime
    ) -> None:
        self.db = db
        self.ingest = ingest
        self.router = router
        self.policy: Policy = router.policy
        self.snap = snap
        self.now = now
        self.tellings = Tellings(db)

    def act(
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
            case Notify(whom, by):
                return self._tell(record, clock, sla, stage, whom, by, late=late)
            case Escalate(to, by):
                return self._tell(record, clock, sla, stage, to, by, late=late, urgent=True)
            case Tell(channel):
                self._say(record, clock, sla, stage, channel)
                return "told"
            case RaisePriority():
                return self._raise(clock)
            case SetAway(length):
                return self._away(clock, sla, length)
            case Reassign(team):
                return self._reassign(record, clock, sla, stage, team, late=late)

    def _tell(
        self,
        record: Record,
        clock: ClockRow,
        sla: Sla,
        stage: Stage,
        whom: str,
        by: tuple[str, ...],
        *,
        late: bool,
        urgent: bool = False,
    ) -> str:
        """Tell a person by task, by mail or by both; what came of each."""
        done = []
        if TASK in by:
            done.append(self._notify(clock, sla, stage, whom, late=late, urgent=urgent))
        if EMAIL in by:
            address = address_to_tell(whom, clock, self.policy, self.snap.world)
            if address is None or "@" not in address:
                done.append(f"no mail address of {whom}")
            else:
                self._say(record, clock, sla, stage, address)
                done.append("mailed")
        return ", ".join(done)

    def _say(self, record: Record, clock: ClockRow, sla: Sla, stage: Stage, target: str) -> None:
        """Put a message to a channel or an address among the tellings of this round."""
        line, lead = self._words(clock, sla, stage), lead_words(record, self.ingest, self.policy)
        event = "sla.breached" if stage.worked >= sla.respond_within else "sla.warned"
        url = record.url or ""
        self.tellings.say(Word(clock, stage.key, target, line, url, lead, event))

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
        words = self._words(clock, sla, stage) + more
        self.tellings.add(Telling(clock, stage.key, owner, words, generation, urgent, late))
        return "told"

    def _words(self, clock: ClockRow, sla: Sla, stage: Stage) -> str:
        due = next((s.due_at for s in clocks.steps_of(self.db, clock.id) if s.step == DUE), None)
        limit = due_in_words(clock, due, self.policy, self.snap.world)
        who = clock.rep_id or "its owner"
        over = stage.worked >= sla.respond_within
        line = (
            f"{who} has not answered it within {short(sla.respond_within)} (due {limit})."
            if over
            else f"Please answer it by {limit} ({short(sla.respond_within)} allowed)."
        )
        return f"fairlead, SLA {sla.name}, {stage.key}: {line}"

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
            case = case_of(self.db, self.policy, snap, record, row, self.ingest.feed, order)
            found = decide(case, snap.world, self.policy, self.now)
        except (BadRecord, *ODD_DATA):
            return self._stays(clock, sla, stage, "the lead cannot be read", late=late)
        was = None if row.decision_id is None else decisions.get_decision(self.db, row.decision_id)
        last = self.policy.otherwise.name
        falls = team is None and found.rule == last and was is not None and was.rule != last
        if found.outcome is not OutcomeKind.ASSIGN or falls:
            return self._stays(clock, sla, stage, "nobody else can take it now", late=late)
        begin(self.db, record, row.person_id, order, self.now)
        self.ingest.observe_all([record], again=True, order=order)
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
        lead = normalise(record, self.ingest.feed.sources, self.policy.fields, world.owners)
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

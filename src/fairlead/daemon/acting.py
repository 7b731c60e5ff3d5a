"""What a stage of a clock or a level of decay does: tell somebody, raise the priority, set away,
take the lead away.

Used by `sweep`, inside the transaction of its round, for each that is due.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fairlead.core.decide import decide
from fairlead.core.decision import Order, OutcomeKind
from fairlead.core.effects import UpsertTask
from fairlead.core.policy import Policy
from fairlead.core.sla_terms import (
    EMAIL,
    MANAGER,
    TASK,
    Act,
    Escalate,
    Notify,
    RaisePriority,
    Reassign,
    SetAway,
    Tell,
)
from fairlead.core.types import Record
from fairlead.daemon.batch_apply import begin
from fairlead.daemon.batch_plan import case_of
from fairlead.daemon.cause import Cause
from fairlead.daemon.ingest import ODD_DATA, Ingest
from fairlead.daemon.lead_words import lead_words
from fairlead.daemon.routing import Router
from fairlead.daemon.sla_tell import Telling, Tellings, Word, address_to_tell, owner_to_tell
from fairlead.daemon.snapshots import Snapshot
from fairlead.errors import BadRecord
from fairlead.store import clocks, decisions, journal, leads, loads, outbox
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow
from fairlead.telemetry import get_logger

log = get_logger()


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an act, in a few words; `moved` is the lead when somebody else has it now."""

    words: str
    moved: LeadRow | None = None


class Acting:
    """Does what stages and levels say in one round; `tellings` gathers what is to be told."""

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

    def act(self, record: Record, cause: Cause, act: Act | None) -> Done:
        """Do what a stage or a level says; what came of it."""
        match act:
            case None:
                return Done("not answered in time")
            case Notify(whom, by):
                return Done(self._tell(record, cause, whom, by))
            case Escalate(to, by):
                return Done(self._tell(record, cause, to, by, urgent=True))
            case Tell(channel):
                self._say(record, cause, channel)
                return Done("told")
            case RaisePriority():
                return Done(self._raise(cause))
            case SetAway(length):
                return Done(self._away(cause, length))
            case Reassign(team):
                return self._reassign(record, cause, team)

    def _tell(
        self, record: Record, cause: Cause, whom: str, by: tuple[str, ...], *, urgent: bool = False
    ) -> str:
        """Tell a person by task, by mail or by both; what came of each."""
        done = []
        if TASK in by:
            done.append(self._notify(cause, whom, urgent=urgent))
        if EMAIL in by:
            address = address_to_tell(whom, cause, self.policy, self.snap.world)
            if address is None or "@" not in address:
                done.append(f"no mail address of {whom}")
            else:
                self._say(record, cause, address)
                done.append("mailed")
        return ", ".join(done)

    def _say(self, record: Record, cause: Cause, target: str) -> None:
        """Put a message to a channel or an address among the tellings of this round."""
        lead = lead_words(record, self.ingest, self.policy)
        self.tellings.say(Word(cause, target, record.url or "", lead))

    def _notify(self, cause: Cause, whom: str, *, urgent: bool = False, more: str = "") -> str:
        owner = owner_to_tell(whom, cause, self.policy, self.snap.world)
        if owner is None:
            log.warning("clock.nobody", crm=cause.ref.crm, lead=str(cause.ref), reason=cause.name)
            return f"nobody in {cause.ref.crm} to tell: {whom}"
        generation = leads.generation_of(self.db, cause.person_id)
        self.tellings.add(Telling(cause, owner, f"{cause.line}{more}", generation, urgent))
        return "told"

    def _raise(self, cause: Cause) -> str:
        task = outbox.task_of(self.db, cause.ref)
        if task is None or not isinstance(task.effect, UpsertTask):
            return "there is no task to raise"
        raised = replace(task.effect, high_priority=True)
        outbox.add(self.db, raised, decision_id=task.decision_id, urgent=True, now=self.now)
        return "raised"

    def _away(self, cause: Cause, length: timedelta) -> str:
        if cause.rep_id is None or cause.rep_id not in self.policy.roster:
            return "the owner is not in the roster"
        until = self.now + length
        rep = self.snap.world.reps.get(cause.rep_id)
        if rep is not None and any(o.start <= self.now and o.end >= until for o in rep.off):
            return "away for longer already"
        reason = f"{cause.name}: {cause.reason}"
        loads.set_away(self.db, cause.rep_id, self.now, _minute(until), reason)
        journal.write(
            self.db, self.now, "rep.away", rep=cause.rep_id, until=_minute(until), reason=reason
        )
        log.info("rep.away", due=until)
        return "set away"

    # -- reassigning ------------------------------------------------------------------------

    def _reassign(self, record: Record, cause: Cause, team: str | None) -> Done:
        """Take the lead from its owner and give it on; or say why it stays.

        The turn stays charged to whoever had it: the lead was theirs to work on.
        """
        if cause.theirs:
            return self._stays(cause, "a person gave it to its owner")
        row = leads.get_lead(self.db, record.ref)
        assert row is not None
        before = clocks.previous_owners(self.db, row.person_id)
        here = {record.owner_id} if record.owner_id else set()
        order = Order(
            cause.kind, cause.name, cause.reason, record.owner_id, before | here, team=team
        )  # fmt: skip
        # Whoever got a turn in this round is paid for it already.
        snap = self.router.snapshot(self.now)
        try:
            case = case_of(self.db, self.policy, snap, record, row, self.ingest.feed, order)
            found = decide(case, snap.world, self.policy, self.now)
        except (BadRecord, *ODD_DATA):
            return self._stays(cause, "the lead cannot be read")
        was = None if row.decision_id is None else decisions.get_decision(self.db, row.decision_id)
        last = self.policy.otherwise.name
        falls = team is None and found.rule == last and was is not None and was.rule != last
        if found.outcome is not OutcomeKind.ASSIGN or falls:
            return self._stays(cause, "nobody else can take it now")
        begin(self.db, record, row.person_id, order, self.now)
        self.ingest.observe_all([record], again=True, order=order, snap=snap)
        after = leads.get_lead(self.db, record.ref)
        if after is None or after.owner_id is None or after.decision_id == row.decision_id:
            return Done("it could not be reassigned")
        return Done(f"to {found.rep_id or found.owner_id}", after)

    def _stays(self, cause: Cause, why: str) -> Done:
        """The stated reaction when the lead cannot be given on: its owner keeps it, the manager is
        told."""
        self._notify(cause, MANAGER, more=f" It was to be reassigned and stays: {why}.")
        return Done(f"stays: {why}")


def _minute(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")

"""A plan applied: step by step, each lead looked at again, decided, committed with its mark.

Run by the reader of each CRM between two polls, so that new leads go first. A lead goes where the
plan said: by the same rule to the same team, and to the same rep unless the turn has moved since
(`exactly`: or nowhere). One for which anything else has changed is left out and told. A step is
one transaction; a process that dies goes on with the next lead. Nothing moves while writing is
stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from fairlead.clock import Clock
from fairlead.core.decide import decide
from fairlead.core.decision import Decision, Order
from fairlead.core.types import Gone, LeadState, Record
from fairlead.daemon.batch_plan import UNREADABLE, case_of
from fairlead.daemon.gone import lead_gone, why_gone
from fairlead.daemon.ingest import ODD_DATA, Ingest
from fairlead.errors import BadRecord, Bug
from fairlead.store import batches, journal, leads, outbox
from fairlead.store.batches import Batch, BatchLead
from fairlead.store.db import Db
from fairlead.telemetry import get_logger

log = get_logger()

STEP = 50
MOST_WRITES_WAITING = 100
TROUBLE = 10
"""When so many writes of a batch were refused or overruled, and a fifth of its leads, it stops."""
BUSY = "a write to it is under way"
OTHER_OWNER = "its owner has changed since the plan"


class BatchApply:
    """Applies the running batch's leads of one CRM; used by its reader thread."""

    def __init__(self, db: Db, ingest: Ingest, clock: Clock, may_write: Callable[[], bool]) -> None:
        self.db = db
        self.ingest = ingest
        self.clock = clock
        self._may_write = may_write

    def step(self) -> bool:
        """Route the next few leads; True when more can follow at once.

        Raises what reading from the CRM raises; nothing is lost by it.
        """
        batch = batches.running(self.db)
        if batch is None or not self._may_write():
            return False
        rows = batches.next_rows(self.db, batch.id, STEP)
        if self._in_trouble(batch):
            return False
        if not rows:
            self._end(batch, batches.DONE, "")
            return False
        if self.ingest.router().policy.hash != batch.policy_hash:
            self._end(batch, batches.STOPPED, "the policy has changed; plan again")
            return False
        if rows[0].ref.crm != self.ingest.crm:
            return False
        if outbox.open_of(self.db, self.ingest.crm) > MOST_WRITES_WAITING:
            return False
        answers = self.ingest.connector.read([r.ref for r in rows])
        with self.db.transaction():
            now = self.clock.now()
            for row in rows:
                why = self._one(batch, row, answers[row.ref], now)
                if why is not None:
                    batches.settle(self.db, batch.id, row.seq, batches.LEFT_OUT, why)
        self.ingest.announce()
        return True

    # -- parts ------------------------------------------------------------------------------

    def _one(
        self, batch: Batch, planned: BatchLead, answer: Record | Gone, now: datetime
    ) -> str | None:
        """Route one lead as planned; or the reason why it stays as it is."""
        ref = planned.ref
        gone = why_gone(ref, answer)
        if gone is not None or isinstance(answer, Gone):
            lead_gone(self.db, ref, gone or "gone", now)
            return gone or "gone"
        if answer.owner_id != planned.taken_from:
            return OTHER_OWNER
        row = leads.get_lead(self.db, ref)
        if row is None:
            return "gone"
        order = Order(
            batch.kind, batch.by, batch.reason, planned.taken_from, batch.leaving, team=batch.team
        )
        if not order.takes and row.state is not LeadState.PRE_EXISTING:
            return "routed since the plan"
        if outbox.open_owner_write(self.db, ref) is not None:
            return BUSY
        router = self.ingest.router()
        snap = router.snapshot(now)
        try:
            case = case_of(self.db, router.policy, snap, answer, row, self.ingest.feed, order)
            decision = decide(case, snap.world, router.policy, now)
        except (BadRecord, *ODD_DATA):
            return UNREADABLE
        other = _differs(planned, decision, exactly=batch.exactly)
        if other is not None:
            return other
        first = not batches.has_routed(self.db, batch.id, planned.person_id)
        begin(self.db, answer, row.person_id, order, now, raised=order.takes and first)
        self.ingest.observe_all([answer], again=True, order=order)
        after = leads.get_lead(self.db, ref)
        if after is None or after.state is not decision.state:
            raise Bug(f"{ref}: a planned routing came out otherwise")
        same = decision.owner_id == planned.owner_id
        note = "" if same else f"the turn has moved: it went to {decision.rep_id}"
        batches.settle(self.db, batch.id, planned.seq, batches.DONE, note, after.decision_id)
        return None

    def _in_trouble(self, batch: Batch) -> bool:
        """Whether too much of what it wrote went wrong; then it has ended here."""
        wrote = batches.writes(self.db, batch.id)
        bad = wrote.get("refused", 0) + wrote.get("superseded", 0)
        total = sum(wrote.values())
        if bad < TROUBLE or 5 * bad < total:
            return False
        self._end(batch, batches.STOPPED, f"{bad} of {total} writes were refused or overruled")
        return True

    def _end(self, batch: Batch, state: str, note: str) -> None:
        end_batch(self.db, batch, state, note, self.clock.now())


def end_batch(db: Db, batch: Batch, state: str, note: str, now: datetime) -> None:
    """Bring a batch to its end, once, and say so."""
    with db.transaction():
        current = batches.get(db, batch.id)
        if current is None or current.state not in (batches.PLANNED, batches.APPLYING):
            return
        batches.end(db, batch.id, state, note, now)
        journal.write(db, now, f"batch.{state}", batch=batch.id, reason=note)
    done = batches.counts(db, batch.id).get(batches.DONE, 0)
    if state == batches.DONE:
        log.info("batch.done", kind=batch.kind, batch=batch.id, count=done)
    else:
        log.warning("batch.stopped", kind=batch.kind, batch=batch.id, count=done, reason=note)


def begin(
    db: Db, record: Record, person_id: str, order: Order, now: datetime, *, raised: bool = True
) -> None:
    """Before a lead is taken from its owner: a new generation, and no task of the former one."""
    if raised:
        leads.raise_generation(db, person_id)
    outbox.cancel_unsent_tasks(db, record.ref, "the lead goes to somebody else", now)
    journal.write(
        db, now, "lead.ordered", ref=record.ref, kind=order.kind, by=order.by, reason=order.reason,
        to=order.to, team=order.team, taken_from=order.taken_from,
        even_if_away=order.even_if_away,
    )  # fmt: skip
    log.info("lead.ordered", crm=record.ref.crm, lead=str(record.ref), kind=order.kind)


def _differs(planned: BatchLead, now: Decision, *, exactly: bool) -> str | None:
    """What is other than the plan said; None when it is the same."""
    if (planned.outcome, planned.rule) != (now.outcome.value, now.rule):
        rule = f" by {now.rule!r}" if now.rule else ""
        return f"would be {now.state.value}{rule} now: {now.reason}"
    if planned.owner_id == now.owner_id:
        return None
    if planned.pool is not None and planned.pool == now.trace.pool:
        return f"it is the turn of {now.rep_id} now" if exactly else None
    return f"would go to {now.rep_id or now.owner_id} now: {now.reason}"

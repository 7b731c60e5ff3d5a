"""When a decision cannot come true, the lead is decided on once more, at once.

Called by `deliver` inside its transaction: an owner that cannot own, a lead that a tool has moved
meanwhile. The rep who does not get it has the turn given back.
"""

from __future__ import annotations

from datetime import datetime

from fairlead.core.effects import Effect, SetOwner, UpsertTask
from fairlead.core.types import Actor, Record
from fairlead.daemon.follow_ups import ROLE as FOLLOW_UP
from fairlead.daemon.ingest import Ingest
from fairlead.daemon.refusal import refused
from fairlead.daemon.rounds import TOLD_OF_ROUND
from fairlead.daemon.sla_tell import ROLE as FOR_CLOCKS
from fairlead.store import claims, decisions, journal, leads, outbox
from fairlead.store.db import Db
from fairlead.store.outbox import EffectKind, OutboxRow, OutboxState
from fairlead.telemetry import get_logger

log = get_logger()

BESIDE = (FOLLOW_UP, TOLD_OF_ROUND, FOR_CLOCKS)
"""Tasks that come after an assignment was complete."""


class SecondChoice:
    """Decides again for one connector's writing side."""

    def __init__(self, db: Db, ingest: Ingest) -> None:
        self.db = db
        self.ingest = ingest

    def after_move(self, row: OutboxRow, record: Record, now: datetime) -> None:
        """Nothing was written and nobody's lead it is: where it is now decides."""
        why = "moved before we wrote; decided again"
        outbox.settle(self.db, row.key, OutboxState.SUPERSEDED, why, now)
        decisions.refund(self.db, row.decision_id, row.ref, now)
        journal.write(
            self.db, now, "effect.superseded", ref=row.ref, effect_key=row.key, reason=why,
            owner_id=record.owner_id,
        )  # fmt: skip
        log.info(
            "effect.superseded", crm=row.ref.crm, lead=str(row.ref), effect=row.key, reason=why
        )
        self.ingest.observe_all([record], again=True)

    def without_owner(
        self, row: OutboxRow, effect: Effect, record: Record, detail: str, now: datetime
    ) -> None:
        """The chosen owner cannot own it: decide on without that rep.

        A rep who left after getting the lead and before its task could be made is passed over, too:
        an assignment is complete with its task. But not one whom a person chose, nor for a task
        that is not the assignment's own, nor once the lead was given on.
        """
        decision = decisions.get_decision(self.db, row.decision_id)
        lead = leads.get_lead(self.db, row.ref)
        task = isinstance(effect, UpsertTask)
        given_on = lead is None or lead.decision_id != row.decision_id
        if (
            isinstance(effect, UpsertTask)
            and given_on
            and decision is not None
            and effect.owner_id == decision.owner_id != record.owner_id
        ):
            outbox.settle(self.db, row.key, OutboxState.CANCELLED, "given to somebody else", now)
            return
        if (
            row.kind is EffectKind.RESTORE_OWNER
            or decision is None
            or not isinstance(effect, SetOwner | UpsertTask)
            or (
                isinstance(effect, UpsertTask)
                and (
                    effect.role in BESIDE
                    or given_on
                    or decision.owner_id != effect.owner_id
                    or _chosen_by_person(record)
                )
            )
        ):
            refused(self.db, row, record, f"this owner cannot have it: {detail}", now)
            return
        decisions.refund(self.db, row.decision_id, row.ref, now, unable=True)
        outbox.settle(
            self.db, row.key, OutboxState.SUPERSEDED, "this owner cannot own it; decided again", now
        )
        journal.write(
            self.db, now, "effect.bad_owner", ref=row.ref, effect_key=row.key, reason=detail,
            decision_id=row.decision_id, rep=decision.rep_id or decision.owner_id,
            generation=decision.generation,
        )  # fmt: skip
        log.warning(
            "effect.bad_owner", crm=row.ref.crm, lead=str(row.ref), effect=row.key, reason=detail
        )
        if not task:
            claims.end(self.db, row.ref, now)  # it never reached the queue, if that was the owner
        self.ingest.observe_all([record], again=True, rerun=task)
        pending = outbox.open_owner_write(self.db, row.ref)
        if pending is not None and record.owner_history is not None:
            # A person may choose the very owner that we are about to replace.
            seen = outbox.history_marks(record.owner_history)
            outbox.remember_guard(self.db, [(pending.key, seen)])


def _chosen_by_person(record: Record) -> bool:
    history = record.owner_history
    return bool(history and history[-1].actor is Actor.PERSON)

"""Verify: read back, by id and with owner history, what deliver wrote; people win.

    seen by the read-back                                    then
    ours, and no person changed the owner since the guard    done
    a person's choice is what stands                         superseded by them
    ours stands over a person's choice made meanwhile        put theirs back (and verify that too)
    the old owner still                                      not visible: look again, resend
    somebody else, no person in the history                  overruled by automation: do not fight

A one-shot put-back could itself run over a second edit, so a put-back goes through the same guard
and the same verification until the newest choice of a person is what stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from fairlead.clock import Clock
from fairlead.core.effects import SetOwner, UpsertTask, effect_key
from fairlead.core.types import Actor, Gone, LeadState, OwnerChange, OwnerKind, Record
from fairlead.errors import Ambiguous, RetryLater
from fairlead.metrics import Metrics
from fairlead.spi.connector import Connector
from fairlead.store import directory, journal, leads, outbox
from fairlead.store.db import Db
from fairlead.store.outbox import EffectKind, OutboxRow, OutboxState
from fairlead.telemetry import get_logger

log = get_logger()

NOT_VISIBLE_YET = timedelta(seconds=3)
LOOKS_BEFORE_RESEND = 8


class Verifier:
    """Brings `sent` owner writes to their end; used by the connector's writer thread."""

    def __init__(self, db: Db, connector: Connector, clock: Clock, metrics: Metrics) -> None:
        self.db = db
        self.connector = connector
        self.crm = connector.name
        self.clock = clock
        self.metrics = metrics

    def verify(self, keys: Sequence[str]) -> None:
        """Read back the leads of these rows in one go and settle each."""
        rows = [r for k in keys if (r := outbox.get(self.db, k)) is not None]
        try:
            answers = self.connector.read(list(dict.fromkeys(r.ref for r in rows)))
        except (RetryLater, Ambiguous) as e:
            # The write is known to be applied; a later claim verifies it.
            with self.db.transaction():
                at = self.clock.now() + NOT_VISIBLE_YET
                for row in rows:
                    outbox.look_again(self.db, row.key, at, f"verify: {e}")
            return
        with self.db.transaction():
            now = self.clock.now()
            for row in rows:
                answer = answers[row.ref]
                if isinstance(answer, Gone) or answer.deleted or answer.ref != row.ref:
                    outbox.cancel_open(self.db, row.ref, OutboxState.GONE, "gone", now)
                    leads.set_state(self.db, row.ref, LeadState.GONE, "gone after our write")
                else:
                    self.settle_row(row, answer, now)

    def settle_row(self, row: OutboxRow, record: Record, now: datetime) -> None:
        """Settle one owner write on the record as it is now. Inside a transaction."""
        assert isinstance(row.effect, SetOwner)
        ours = row.effect.owner_id
        person = self._newest_choice(row, record)
        if record.owner_id == ours:
            if person is not None and person.owner_id not in (None, ours):
                self._put_back(row, row.effect, person, now)
            else:
                self._done(row, record, now)
        elif record.owner_id == row.effect.expected_owner_id and person is None:
            self._not_visible(row, now)
        else:
            who = "a person chose the owner" if person else "overruled by automation"
            self.superseded(row, record, now, who)

    def superseded(self, row: OutboxRow, record: Record, now: datetime, why: str) -> None:
        """Somebody else owns the lead now: ours ends here, and the task follows the owner."""
        outbox.settle(self.db, row.key, OutboxState.SUPERSEDED, why, now)
        owned = record.owner_id is not None and self._is_person(record.owner_id)
        state = LeadState.ASSIGNED if owned else LeadState.LEFT
        leads.set_state(self.db, row.ref, state, why, owner_id=record.owner_id)
        self._task_follows(row, record, now, owned=owned)
        self.metrics.effects_total.labels(kind=row.kind.value, outcome="superseded").inc()
        journal.write(
            self.db, now, "effect.superseded", ref=row.ref, effect_key=row.key,
            reason=why, owner_id=record.owner_id,
        )  # fmt: skip
        log.info("effect.superseded", crm=self.crm, lead=str(row.ref), effect=row.key, reason=why)

    # -- parts ------------------------------------------------------------------------------

    def _newest_choice(self, row: OutboxRow, record: Record) -> OwnerChange | None:
        """The newest owner a person chose since the guard looked, or None."""
        if record.owner_history is None or row.guard_history is None:
            return None
        known = list(row.guard_history)
        newest: OwnerChange | None = None
        for change, mark in zip(
            record.owner_history, outbox.history_marks(record.owner_history), strict=True
        ):
            if mark in known:
                known.remove(mark)
            elif change.actor is Actor.PERSON:
                newest = change
        return newest

    def _done(self, row: OutboxRow, record: Record, now: datetime) -> None:
        restored = row.kind is EffectKind.RESTORE_OWNER
        outbox.settle(self.db, row.key, OutboxState.DONE, "", now)
        event = "effect.restored" if restored else "effect.verified"
        if restored:
            leads.set_state(
                self.db, row.ref, LeadState.ASSIGNED, "a person chose the owner",
                owner_id=record.owner_id,
            )  # fmt: skip
            self._task_follows(row, record, now, owned=True)
        elif record.created_at is not None and row.attempts <= 1:
            self.metrics.time_to_owner_seconds.observe(
                max(0.0, (now - record.created_at).total_seconds())
            )
        self.metrics.effects_total.labels(kind=row.kind.value, outcome="verified").inc()
        journal.write(
            self.db, now, event, ref=row.ref, effect_key=row.key, owner_id=record.owner_id
        )
        log.info(event, crm=self.crm, lead=str(row.ref), effect=row.key, owner=record.owner_id)

    def _put_back(
        self, row: OutboxRow, effect: SetOwner, person: OwnerChange, now: datetime
    ) -> None:
        assert person.owner_id is not None
        why = "our write ran over a person's choice; theirs is put back"
        outbox.settle(self.db, row.key, OutboxState.SUPERSEDED, why, now)
        key = effect_key(effect.key, row.attempts, row.ref, f"restore:{person.owner_id}")
        back = SetOwner(key, row.ref, person.owner_id, effect.owner_id, "owner put back")
        outbox.add(
            self.db, back, decision_id=row.decision_id, urgent=True, now=now,
            kind=EffectKind.RESTORE_OWNER,
        )  # fmt: skip
        leads.set_state(self.db, row.ref, LeadState.ASSIGNED, why, owner_id=person.owner_id)
        journal.write(
            self.db, now, "effect.superseded", ref=row.ref, effect_key=row.key, reason=why,
            owner_id=person.owner_id,
        )  # fmt: skip
        log.warning(
            "effect.superseded", crm=self.crm, lead=str(row.ref), effect=row.key, reason=why
        )

    def _not_visible(self, row: OutboxRow, now: datetime) -> None:
        if row.state is OutboxState.SENT and row.attempts < LOOKS_BEFORE_RESEND:
            outbox.look_again(self.db, row.key, now + NOT_VISIBLE_YET, "not visible yet")
        else:
            outbox.again(self.db, row.key, now, "our write never showed; sending again")

    def _task_follows(self, row: OutboxRow, record: Record, now: datetime, *, owned: bool) -> None:
        task = outbox.task_of(self.db, row.ref)
        if task is None or not isinstance(task.effect, UpsertTask):
            return
        if owned and record.owner_id is not None:
            if task.effect.owner_id != record.owner_id:
                follow = replace(task.effect, owner_id=record.owner_id)
                outbox.add(
                    self.db, follow, decision_id=task.decision_id, urgent=task.urgent, now=now
                )
        elif task.state in outbox.OPEN:
            outbox.settle(self.db, task.key, OutboxState.CANCELLED, "nobody to give it to", now)

    def _is_person(self, owner_id: str) -> bool:
        return any(
            o.kind is OwnerKind.REP and o.id == owner_id
            for o in directory.get_owners(self.db, self.crm)
        )

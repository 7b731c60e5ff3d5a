"""Verify: read back, by id and with owner history, what deliver wrote; people win.

    seen by the read-back                                    then
    ours, and no person changed the owner since the guard    done
    a person's choice is what stands                         superseded by them
    ours stands over a person's choice made meanwhile        put theirs back (and verify that too)
    the old owner still, ours never in the history           not visible: look again, resend once
    anything else                                            overruled: do not fight

A one-shot put-back could itself run over a second edit, so a put-back goes through the same guard
and the same verification until the newest choice of a person is what stands. Where the CRM keeps no
owner history only the value decides. A person who *clears* the owner in the instant between guard
and write is not put back: an effect cannot say "nobody", and a lead without owner is ours to route.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from fairlead.clock import Clock
from fairlead.core.effects import (
    SetField,
    SetMember,
    SetOwner,
    SetScore,
    UpsertTask,
    effect_key,
)
from fairlead.core.types import Actor, CrmOwner, LeadState, OwnerChange, OwnerKind, Record
from fairlead.daemon import claiming, field_writes, member_writes, timing
from fairlead.daemon.gone import lead_gone, why_gone
from fairlead.daemon.ingest import Ingest
from fairlead.daemon.refusal import refused
from fairlead.daemon.rounds import owner_chosen
from fairlead.daemon.sightings import version_of
from fairlead.errors import Ambiguous, RetryLater
from fairlead.metrics import Metrics
from fairlead.spi.connector import Connector
from fairlead.store import decisions, directory, journal, leads, outbox
from fairlead.store.db import Db
from fairlead.store.outbox import EffectKind, OutboxRow, OutboxState
from fairlead.telemetry import get_logger

log = get_logger()

NOT_VISIBLE_YET = timedelta(seconds=3)
LOOKS_BEFORE_RESEND = 8
NO_MEMBERS: member_writes.Shown = {}


class Verifier:
    """Brings `sent` writes to their end; used by the connector's writer thread."""

    def __init__(
        self, db: Db, connector: Connector, ingest: Ingest, clock: Clock, metrics: Metrics
    ) -> None:
        self.db = db
        self.connector = connector
        self.ingest = ingest
        self.crm = connector.name
        self.clock = clock
        self.metrics = metrics
        self.status_fields = tuple(connector.field_map.sources("status"))
        self._people: Mapping[str, CrmOwner] = {}

    def learn_people(self) -> None:
        """Take the users and queues as they are now; once a turn."""
        self._people = {o.id: o for o in directory.get_owners(self.db, self.crm)}

    def can_own(self, owner_id: str) -> bool:
        """Whether the CRM's list of owners has this one as active."""
        return owner_id in self._people and self._people[owner_id].active

    def is_persons(self, owner_id: str | None) -> bool:
        """Whether this owner is a person, not a queue; a user who is not listed yet counts."""
        if owner_id is None:
            return False
        return owner_id not in self._people or self._people[owner_id].kind is not OwnerKind.QUEUE

    def verify(self, keys: Sequence[str]) -> None:
        """Read back the leads of these rows in one go and settle each."""
        rows = outbox.get_all(self.db, keys)
        try:
            answers = self.connector.read(list(dict.fromkeys(r.ref for r in rows)))
            shown = member_writes.look(self.connector, rows)
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
                gone = why_gone(row.ref, answer)
                if gone is not None:
                    lead_gone(self.db, row.ref, gone, now)
                elif isinstance(answer, Record):
                    self.settle_row(row, answer, now, shown)

    def settle_row(
        self, row: OutboxRow, record: Record, now: datetime, shown: member_writes.Shown = NO_MEMBERS
    ) -> None:
        """Settle one write on what is so now. Inside a transaction."""
        if isinstance(row.effect, SetScore | SetField):
            field_writes.settle(
                self.db, row, row.effect, record, self.metrics, now, self.status_fields
            )
            return
        if isinstance(row.effect, SetMember):
            member_writes.settle(self.db, row, row.effect, shown, self.metrics, now)
            return
        assert isinstance(row.effect, SetOwner)
        ours = row.effect.owner_id
        person = self.chosen_since(row, record)
        if record.unreadable is not None:
            outbox.look_again(self.db, row.key, now + NOT_VISIBLE_YET, record.unreadable)
        elif record.owner_id == ours:
            if person is not None and person.owner_id not in (None, ours):
                self._put_back(row, row.effect, person, record, now)
            else:
                theirs = person is not None or _done_by_person(row, record)
                self._done(row, record, now, by_person=True if theirs else None)
        elif (
            record.owner_id == row.effect.expected_owner_id
            and person is None
            and not self.shown(row, record)
        ):
            self._not_visible(row, record, now)
        else:
            tool = "overruled" if record.owner_history is None else "overruled by automation"
            self.superseded(row, record, now, "a person chose the owner" if person else tool)

    def superseded(self, row: OutboxRow, record: Record, now: datetime, why: str) -> None:
        """Somebody else decided who owns the lead: ours ends here, and the task follows."""
        outbox.settle(self.db, row.key, OutboxState.SUPERSEDED, why, now)
        decisions.refund(self.db, row.decision_id, row.ref, now)
        self._settle_lead(row, record, why)
        self._task_follows(row, record, now)
        self.metrics.effects_total.labels(kind=row.kind.value, outcome="superseded").inc()
        journal.write(
            self.db, now, "effect.superseded", ref=row.ref, effect_key=row.key,
            reason=why, owner_id=record.owner_id,
        )  # fmt: skip
        log.info("effect.superseded", crm=self.crm, lead=str(row.ref), effect=row.key, reason=why)

    def chosen_since(self, row: OutboxRow, record: Record) -> OwnerChange | None:
        """The newest owner a person chose since the guard looked, or None."""
        return next(
            (c for c in reversed(_new(row, record)) if c.actor is Actor.PERSON),
            None,
        )

    def shown(self, row: OutboxRow, record: Record) -> bool:
        """Whether the history shows that our write took effect, whatever came after it."""
        assert isinstance(row.effect, SetOwner)
        ours = row.effect.owner_id
        return any(c.owner_id == ours for c in _new(row, record))

    # -- parts ------------------------------------------------------------------------------

    def _done(
        self, row: OutboxRow, record: Record, now: datetime, *, by_person: bool | None = None
    ) -> None:
        """`by_person`: a person has chosen the same owner meanwhile; None: nobody has."""
        restored = row.kind is EffectKind.RESTORE_OWNER
        outbox.settle(self.db, row.key, OutboxState.DONE, "", now)
        seen = version_of(record)
        leads.set_owner(self.db, row.ref, record.owner_id, seen, by_person=by_person)
        if not restored:
            timing.assigned(self.db, self.metrics, row.ref, row.decision_id)
        event = "effect.restored" if restored else "effect.verified"
        if restored:
            self._settle_lead(row, record, "a person chose the owner")
            self._task_follows(row, record, now)
        elif record.created_at is not None and row.attempts <= 1 and not _of_round(row):
            self.metrics.time_to_owner_seconds.observe(
                max(0.0, (now - record.created_at).total_seconds())
            )
        self.metrics.effects_total.labels(kind=row.kind.value, outcome="verified").inc()
        journal.write(
            self.db, now, event, ref=row.ref, effect_key=row.key, owner_id=record.owner_id
        )
        log.info(event, crm=self.crm, lead=str(row.ref), effect=row.key, owner=record.owner_id)

    def _settle_lead(self, row: OutboxRow, record: Record, why: str) -> None:
        owned = self.is_persons(record.owner_id)
        state = owner_chosen(self.db, row.ref, self.clock.now(), owned=owned, why=why)
        if state is not LeadState.RECYCLED:
            leads.set_state(self.db, row.ref, LeadState.ASSIGNED if owned else LeadState.LEFT, why)
        seen = version_of(record)
        leads.set_owner(self.db, row.ref, record.owner_id, seen, by_person=owned)
        claiming.new_owner(self.db, row.ref, record.owner_id, self.clock.now(), person=owned)
        # What ran for the rep it was meant for is over; whoever has it now has their own time.
        self.ingest.observe_all([record], anew=True)

    def _put_back(
        self,
        row: OutboxRow,
        effect: SetOwner,
        person: OwnerChange,
        record: Record,
        now: datetime,
    ) -> None:
        assert person.owner_id is not None
        why = "our write ran over a person's choice; theirs is put back"
        outbox.settle(self.db, row.key, OutboxState.SUPERSEDED, why, now)
        decisions.refund(self.db, row.decision_id, row.ref, now)
        key = effect_key(effect.key, row.attempts, row.ref, f"restore:{person.owner_id}")
        back = SetOwner(key, row.ref, person.owner_id, effect.owner_id, "owner put back")
        outbox.add(
            self.db, back, decision_id=row.decision_id, urgent=True, now=now,
            kind=EffectKind.RESTORE_OWNER,
        )  # fmt: skip
        # What a person does from here on is a newer choice than the one to be put back.
        outbox.remember_guard(self.db, [(key, outbox.history_marks(record.owner_history or ()))])
        owned = self.is_persons(person.owner_id)
        owner_chosen(self.db, row.ref, now, owned=owned, why=why)
        leads.set_state(self.db, row.ref, LeadState.ASSIGNED, why)
        leads.set_owner(self.db, row.ref, person.owner_id, by_person=owned)
        journal.write(
            self.db, now, "effect.superseded", ref=row.ref, effect_key=row.key, reason=why,
            owner_id=person.owner_id,
        )  # fmt: skip
        log.warning(
            "effect.superseded", crm=self.crm, lead=str(row.ref), effect=row.key, reason=why
        )

    def _not_visible(self, row: OutboxRow, record: Record, now: datetime) -> None:
        looks = row.looks + 1
        outbox.count_look(self.db, row.key)
        if looks == LOOKS_BEFORE_RESEND:
            outbox.again(self.db, row.key, now, "our write never showed; sending again")
        elif looks < 2 * LOOKS_BEFORE_RESEND:
            outbox.look_again(self.db, row.key, now + NOT_VISIBLE_YET, "not visible yet")
        else:
            refused(self.db, row, record, "accepted twice, and the record never showed it", now)

    def _task_follows(self, row: OutboxRow, record: Record, now: datetime) -> None:
        task = outbox.task_of(self.db, row.ref)
        if task is None or not isinstance(task.effect, UpsertTask):
            return
        if self.is_persons(record.owner_id) and record.owner_id is not None:
            if task.effect.owner_id != record.owner_id:
                follow = replace(task.effect, owner_id=record.owner_id)
                outbox.add(
                    self.db, follow, decision_id=task.decision_id, urgent=task.urgent, now=now
                )
        elif task.state in outbox.OPEN:
            outbox.settle(self.db, task.key, OutboxState.CANCELLED, "nobody to give it to", now)


def _of_round(row: OutboxRow) -> bool:
    """Whether a recycling gave it to a queue: that says nothing of how fast leads get owners."""
    return row.decision_id.startswith("r")


def _done_by_person(row: OutboxRow, record: Record) -> bool:
    """Whether a person gave it to whom we meant to, before we wrote at all."""
    history = record.owner_history
    if row.guard_history is not None or not history:
        return False
    return history[-1].actor is Actor.PERSON


def _new(row: OutboxRow, record: Record) -> list[OwnerChange]:
    """The owner changes that the guard did not see; none where no history is kept.

    Compared by content, not by time: stamps may be whole seconds.
    """
    if record.owner_history is None or row.guard_history is None:
        return []
    known = list(row.guard_history)
    fresh: list[OwnerChange] = []
    for change, mark in zip(
        record.owner_history, outbox.history_marks(record.owner_history), strict=True
    ):
        if mark in known:
            known.remove(mark)
        else:
            fresh.append(change)
    return fresh

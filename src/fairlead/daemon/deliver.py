"""Deliver: outbox → guard → write → receipts, for one connector's writing side.

The protocol of design.md §2: the claim arms a quiet period before the call; the guard re-reads each
lead by id and lets nothing pass that somebody else has touched; the call goes out once; what is
not known stays in flight until the quiet period is over and the guard looks again. `verify` reads
back what was written. The kill switch is asked immediately before each write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from fairlead.clock import Clock
from fairlead.core.effects import Effect, SetField, SetMember, SetOwner, SetScore, UpsertTask
from fairlead.core.types import Gone, Kind, Record, Ref
from fairlead.daemon import field_writes, member_writes
from fairlead.daemon.follow_ups import ROLE as FOLLOW_UP
from fairlead.daemon.gone import lead_gone, why_gone
from fairlead.daemon.ingest import Ingest
from fairlead.daemon.meter import Meter
from fairlead.daemon.refusal import refused
from fairlead.daemon.rounds import TOLD_OF_ROUND
from fairlead.daemon.second_choice import SecondChoice
from fairlead.daemon.task_mail import mail_owner
from fairlead.daemon.verify import Verifier
from fairlead.errors import Ambiguous, NeedsOperator, RetryLater
from fairlead.metrics import Metrics
from fairlead.spi.connector import Connector, Cursor, Outcome, Receipt
from fairlead.store import directory, journal, outbox
from fairlead.store.db import Db
from fairlead.store.outbox import EffectKind, OutboxRow, OutboxState
from fairlead.telemetry import get_logger

log = get_logger()

T = TypeVar("T")

BACKOFF = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
"""Seconds to wait after the n-th refusal that invites another try."""
MOST_TRIES = 20
LONGEST_TRYING = timedelta(hours=1)
"""When a row that the CRM keeps asking to try again becomes a dead letter, whichever is first; the
hour counts from the fifth try on, so that one long pause is no reason."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """A claimed row that may go out, with the record as it was seen just before."""

    row: OutboxRow
    effect: Effect
    record: Record


class Deliver:
    """The writing side of one connector; used by its writer thread alone."""

    def __init__(
        self,
        db: Db,
        connector: Connector,
        ingest: Ingest,
        clock: Clock,
        metrics: Metrics,
        *,
        quiet: timedelta,
        may_write: Callable[[], bool],
    ) -> None:
        self.db = db
        self.connector = connector
        self.crm = connector.name
        self.ingest = ingest
        self.clock = clock
        self.metrics = metrics
        self.quiet = quiet
        self._may_write = may_write
        self.verifier = Verifier(db, connector, ingest, clock, metrics)
        self._second_choice = SecondChoice(db, ingest)
        self._meter = Meter(connector, metrics)

    def turn(self) -> int:
        """Deliver one batch of what is due; the number of rows it touched (0: nothing to do).

        Raises RetryLater or NeedsOperator when the CRM cannot be spoken to; rows are back in a
        state from which they will be tried again.
        """
        if not self._may_write():
            return 0
        with self.db.transaction():
            now = self.clock.now()
            rows = outbox.claim(
                self.db, self.crm, now, now + self.quiet, self.connector.capabilities.max_effects
            )
        if not rows:
            return 0
        try:
            self._deliver(rows)
        finally:
            self._meter.read()
        return len(rows)

    def _deliver(self, rows: Sequence[OutboxRow]) -> None:
        answers = self._asking(rows, lambda: self.connector.read(_refs(rows)))
        shown = self._asking(rows, lambda: member_writes.look(self.connector, rows))
        with self.db.transaction():
            self.verifier.learn_people()
            passed = [g for r in rows if (g := self._guard(r, answers[r.ref], shown)) is not None]
            passed = self._only_with_owner(passed, rows)
            outbox.remember_guard(
                self.db,
                [
                    (g.row.key, outbox.history_marks(g.record.owner_history))
                    for g in passed
                    # Only who writes an owner asks afterwards who else did.
                    if isinstance(g.effect, SetOwner) and g.record.owner_history is not None
                ],
            )
        passed = self._drop_known_tasks(passed)
        if passed:
            self._write(passed)

    # -- guard ------------------------------------------------------------------------------

    def _asking(self, rows: Sequence[OutboxRow], ask: Callable[[], T]) -> T:
        """Ask the CRM something before a write; when it cannot be asked, the rows go back."""
        try:
            return ask()
        except (RetryLater, Ambiguous, NeedsOperator) as e:
            self._put_back(rows, e)
            raise

    def _guard(
        self, row: OutboxRow, answer: Record | Gone, shown: member_writes.Shown
    ) -> Guarded | None:
        """Decide, on the lead as it is now, whether this row may go out."""
        now = self.clock.now()
        if outbox.state_of(self.db, row.key) not in outbox.OPEN:
            return None  # an earlier row of this batch has ended it
        gone = why_gone(row.ref, answer)
        if gone is not None or isinstance(answer, Gone):
            lead_gone(self.db, row.ref, gone or "gone", now)
            return None
        if answer.unreadable is not None:
            self._asked_again(row, answer, f"unreadable: {answer.unreadable}", None, now)
            return None
        if isinstance(row.effect, UpsertTask):
            return self._guard_task(row, row.effect, answer, now)
        if isinstance(row.effect, SetScore | SetField):
            goes = field_writes.may_go(
                self.db, row, row.effect, answer, self.metrics, now, self.verifier.status_fields
            )
            return Guarded(row, row.effect, answer) if goes else None
        if isinstance(row.effect, SetMember):
            goes = member_writes.may_go(self.db, row, row.effect, shown, self.metrics, now)
            return Guarded(row, row.effect, answer) if goes else None
        if answer.owner_id == row.effect.owner_id or row.state is OutboxState.SENT:
            self.verifier.settle_row(row, answer, now)
            return None
        return self._guard_owner(row, row.effect, answer, now)

    def _guard_owner(
        self, row: OutboxRow, effect: SetOwner, record: Record, now: datetime
    ) -> Guarded | None:
        """Whether nobody has touched the owner since the decision, or since an earlier try."""
        restoring = row.kind is EffectKind.RESTORE_OWNER
        person = self.verifier.chosen_since(row, record)
        shown = self.verifier.shown(row, record)
        theirs = restoring or self.verifier.is_persons(record.owner_id)
        if shown or (theirs and person is not None):
            who = "a person chose the owner" if person else "overruled by automation"
            self.verifier.superseded(row, record, now, who)
            return None
        if record.owner_id != effect.expected_owner_id:
            if restoring or self.verifier.is_persons(record.owner_id) or not _unsent(row, record):
                self.verifier.superseded(row, record, now, "the owner changed before we wrote")
            else:
                self._second_choice.after_move(row, record, now)
            return None
        if not restoring and not self.verifier.can_own(effect.owner_id):
            self._choose_again(row, effect, record, "inactive before the write", now)
            return None
        return Guarded(row, effect, record)

    def _guard_task(
        self, row: OutboxRow, task: UpsertTask, record: Record, now: datetime
    ) -> Guarded | None:
        """A task goes to whoever owns the lead, or has a role beside them; none to a queue."""
        if record.owner_id == task.owner_id:
            return Guarded(row, task, record)
        if task.role == FOLLOW_UP:
            outbox.settle(self.db, row.key, OutboxState.CANCELLED, "given to somebody else", now)
            return None
        if task.role == TOLD_OF_ROUND:
            return Guarded(row, task, record)
        pending = outbox.open_owner_write(self.db, row.ref)
        if pending is not None and pending.state is not OutboxState.SENT:
            return Guarded(row, task, record)
        if pending is not None:
            self._return(row, now + timedelta(seconds=BACKOFF[0]), "after its owner")
            return None
        if record.owner_id is None or not self.verifier.is_persons(record.owner_id):
            outbox.settle(self.db, row.key, OutboxState.CANCELLED, "nobody to give it to", now)
            return None
        if task.role:
            return Guarded(row, task, record)
        return Guarded(row, replace(task, owner_id=record.owner_id), record)

    def _only_with_owner(
        self, passed: Sequence[Guarded], rows: Sequence[OutboxRow]
    ) -> list[Guarded]:
        """Hold back tasks whose lead's owner write did not pass the guard of this batch."""
        owners_asked = {r.ref for r in rows if isinstance(r.effect, SetOwner)}
        owners_passed = {g.row.ref for g in passed if isinstance(g.effect, SetOwner)}
        states = outbox.states_of(self.db, [g.row.key for g in passed])
        kept: list[Guarded] = []
        for g in passed:
            if states.get(g.row.key) is not OutboxState.INFLIGHT:
                continue
            stopped = g.row.ref in owners_asked - owners_passed
            if isinstance(g.effect, UpsertTask) and stopped:
                self._return(g.row, self.clock.now(), "after its owner")
                continue
            kept.append(g)
        return kept

    def _drop_known_tasks(self, passed: list[Guarded]) -> list[Guarded]:
        """Before a second try, look whether the first one made the task after all."""
        retried = [
            g.effect.marker
            for g in passed
            if isinstance(g.effect, UpsertTask)
            and g.row.state is OutboxState.INFLIGHT
            and g.row.remote_id is None  # else it is a change of the task, not its making
        ]
        if not retried:
            return passed
        found = self._asking([g.row for g in passed], lambda: self.connector.find_tasks(retried))
        left: list[Guarded] = []
        with self.db.transaction():
            for g in passed:
                ours = g.effect if isinstance(g.effect, UpsertTask) else None
                task = None if ours is None else found.get(ours.marker)
                if ours is not None and task is not None and task.owner_id == ours.owner_id:
                    self._task_done(g.row, g.record, task.remote_id, self.clock.now())
                else:
                    left.append(g)
        return left

    # -- write ------------------------------------------------------------------------------

    def _write(self, passed: Sequence[Guarded]) -> None:
        if not self._may_write():
            self._put_back([g.row for g in passed], RetryLater("writing is stopped", after=1.0))
            return
        effects = [g.effect for g in passed]
        asked = self._carried()
        for g in passed:
            log.debug(
                "effect.claimed", crm=self.crm, lead=str(g.row.ref), effect=g.row.key,
                kind=g.row.kind.value, attempt=g.row.attempts + 1,
            )  # fmt: skip
        try:
            written = self.connector.write(effects, asked or None)
        except (RetryLater, NeedsOperator) as e:
            self._put_back([g.row for g in passed], e)
            raise
        except Ambiguous as e:
            log.warning("effect.ambiguous", crm=self.crm, count=len(passed), reason=str(e))
            self.metrics.effects_total.labels(kind="batch", outcome="ambiguous").inc()
            return
        to_verify: list[Guarded] = []
        with self.db.transaction():
            for g, receipt in zip(passed, written.receipts, strict=True):
                if self._receipt(g, receipt):
                    to_verify.append(g)
        if written.pages:
            self.ingest.take(written.pages, asked)
        if to_verify:
            self.verifier.verify([g.row.key for g in to_verify])

    def _carried(self) -> Mapping[Kind, Cursor]:
        if not self.connector.capabilities.carries_poll:
            return {}
        row = directory.get_connector(self.db, self.crm)
        return self.ingest.cursors() if row is not None and row.ready else {}

    def _receipt(self, g: Guarded, receipt: Receipt) -> bool:
        """Book one row's answer; True when it must be verified now."""
        now = self.clock.now()
        row, kind = g.row, g.row.kind.value
        self.metrics.effects_total.labels(kind=kind, outcome=receipt.outcome.value).inc()
        log.info(
            "effect.sent", crm=self.crm, lead=str(row.ref), effect=row.key, kind=kind,
            outcome=receipt.outcome.value, reason=receipt.detail,
        )  # fmt: skip
        current = outbox.as_it_is(self.db, row)
        if current is None or receipt.outcome is Outcome.AMBIGUOUS:
            log.warning("effect.ambiguous", crm=self.crm, effect=row.key, reason=receipt.detail)
            return False
        state, effect = current
        if effect != row.effect:
            # Decided again while it was out; what it was answered is about the former decision.
            if state is OutboxState.INFLIGHT:
                outbox.again(self.db, row.key, now, "decided again")
            return False
        if receipt.outcome is Outcome.APPLIED and isinstance(g.effect, UpsertTask):
            self._task_done(row, g.record, receipt.remote_id, now)
            return False
        if state is not OutboxState.INFLIGHT:
            return False
        match receipt.outcome:
            case Outcome.APPLIED:
                outbox.sent(self.db, row.key, receipt.remote_id, now)
                return True
            case Outcome.RETRY:
                self._asked_again(row, g.record, receipt.detail, receipt.after, now)
            case Outcome.GONE:
                lead_gone(self.db, row.ref, receipt.detail or "gone", now)
            case Outcome.BAD_OWNER:
                self._choose_again(row, g.effect, g.record, receipt.detail, now)
            case _:
                refused(self.db, row, g.record, receipt.detail, now, said=receipt.said)
        return False

    def _task_done(
        self, row: OutboxRow, record: Record, remote_id: str | None, now: datetime
    ) -> None:
        outbox.sent_and_done(self.db, row.key, remote_id, now)
        journal.close_dead_letter_of_effect(self.db, row.key, now)
        journal.write(self.db, now, "task.written", ref=row.ref, effect_key=row.key, id=remote_id)
        mail_owner(self.db, self.ingest, row, record, now)

    def _asked_again(
        self, row: OutboxRow, record: Record, detail: str, after: float | None, now: datetime
    ) -> None:
        """This row alone must be tried again, but not for ever."""
        tries = row.retries + 1
        since = row.retrying_since or now
        if tries >= MOST_TRIES or (tries >= len(BACKOFF) and now - since >= LONGEST_TRYING):
            refused(self.db, row, record, f"given up after {tries} tries: {detail}", now)
            return
        at = now + timedelta(seconds=max(after or 0.0, backoff(row.retries)))
        outbox.asked_again(self.db, row.key, at, detail, now)
        log.warning(
            "effect.retry", crm=self.crm, lead=str(row.ref), effect=row.key, kind=row.kind.value,
            attempt=tries, reason=detail,
        )  # fmt: skip

    def _choose_again(
        self, row: OutboxRow, effect: Effect, record: Record, detail: str, now: datetime
    ) -> None:
        if isinstance(effect, UpsertTask) and outbox.open_owner_write(self.db, row.ref) is not None:
            self._asked_again(row, record, f"after its owner: {detail}", None, now)
        else:
            self._second_choice.without_owner(row, effect, record, detail, now)

    def _put_back(self, rows: Sequence[OutboxRow], error: Exception) -> None:
        """Nothing was applied: rows go back to where they were, to be tried after a pause."""
        after = getattr(error, "after", None)
        with self.db.transaction():
            now = self.clock.now()
            for row in rows:
                at = now + timedelta(seconds=after or backoff(row.attempts))
                self._return(row, at, str(error))

    def _return(self, row: OutboxRow, at: datetime, why: str) -> None:
        """Give a claimed row back in the state in which it was claimed."""
        if row.state is OutboxState.NEW:
            outbox.again(self.db, row.key, at, why)
        else:
            outbox.look_again(self.db, row.key, at, why)


def _refs(rows: Sequence[OutboxRow]) -> list[Ref]:
    return list(dict.fromkeys(r.ref for r in rows))


def _unsent(row: OutboxRow, record: Record) -> bool:
    """Whether the write surely never took effect: not sent, refused, or not in the history."""
    return row.state is OutboxState.NEW or record.owner_history is not None


def backoff(attempts: int) -> float:
    """Seconds before the next try; grows with the number of tries so far."""
    return BACKOFF[min(attempts, len(BACKOFF) - 1)]

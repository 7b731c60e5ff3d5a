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

from fairlead.clock import Clock
from fairlead.core.effects import Effect, SetOwner, UpsertTask
from fairlead.core.types import Gone, Kind, LeadState, OwnerKind, Record, Ref
from fairlead.daemon.ingest import Ingest
from fairlead.daemon.verify import Verifier
from fairlead.errors import Ambiguous, NeedsOperator, RetryLater
from fairlead.metrics import Metrics
from fairlead.spi.connector import Connector, Cursor, Outcome, Receipt
from fairlead.store import decisions, directory, journal, leads, outbox
from fairlead.store.db import Db
from fairlead.store.outbox import EffectKind, OutboxRow, OutboxState
from fairlead.telemetry import get_logger

log = get_logger()

BACKOFF = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
"""Seconds to wait after the n-th refusal that invites another try."""


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
        self.verifier = Verifier(db, connector, clock, metrics)

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
        answers = self._read(rows)
        with self.db.transaction():
            passed = [g for r in rows if (g := self._guard(r, answers[r.ref])) is not None]
            passed = self._only_with_owner(passed, rows)
            outbox.remember_guard(
                self.db,
                [(g.row.key, outbox.history_marks(g.record.owner_history or ())) for g in passed],
            )
        passed = self._drop_known_tasks(passed)
        if passed:
            self._write(passed)
        return len(rows)

    # -- guard ------------------------------------------------------------------------------

    def _read(self, rows: Sequence[OutboxRow]) -> Mapping[Ref, Record | Gone]:
        try:
            return self.connector.read(list(dict.fromkeys(r.ref for r in rows)))
        except (RetryLater, Ambiguous, NeedsOperator) as e:
            self._put_back(rows, e)
            raise

    def _guard(self, row: OutboxRow, answer: Record | Gone) -> Guarded | None:
        """Decide, on the lead as it is now, whether this row may go out."""
        now = self.clock.now()
        gone = why_gone(row.ref, answer)
        if gone is not None or isinstance(answer, Gone):
            self._gone(row, gone or "gone", now)
            return None
        if isinstance(row.effect, UpsertTask):
            return self._guard_task(row, row.effect, answer, now)
        if answer.owner_id == row.effect.owner_id or row.state is OutboxState.SENT:
            self.verifier.settle_row(row, answer, now)
            return None
        if answer.owner_id != row.effect.expected_owner_id:
            self.verifier.superseded(row, answer, now, "the owner changed before we wrote")
            decisions.refund(self.db, row.decision_id, now)
            return None
        if not self._can_own(row.effect.owner_id):
            self._choose_again(row, row.effect, answer, "inactive before the write", now)
            return None
        return Guarded(row, row.effect, answer)

    def _guard_task(
        self, row: OutboxRow, task: UpsertTask, record: Record, now: datetime
    ) -> Guarded | None:
        """A task goes to whoever owns the lead; none to a queue."""
        pending = outbox.open_owner_write(self.db, row.ref)
        if pending is not None or record.owner_id == task.owner_id:
            return Guarded(row, task, record)
        owner = record.owner_id
        if owner is None or not self._is_person(owner):
            outbox.settle(self.db, row.key, OutboxState.CANCELLED, "nobody to give it to", now)
            return None
        return Guarded(row, replace(task, owner_id=owner), record)

    def _only_with_owner(
        self, passed: Sequence[Guarded], rows: Sequence[OutboxRow]
    ) -> list[Guarded]:
        """Hold back tasks whose lead's owner write did not pass the guard of this batch."""
        owners_asked = {r.ref for r in rows if isinstance(r.effect, SetOwner)}
        owners_passed = {g.row.ref for g in passed if isinstance(g.effect, SetOwner)}
        kept: list[Guarded] = []
        for g in passed:
            current = outbox.get(self.db, g.row.key)
            if current is None or current.state is not OutboxState.INFLIGHT:
                continue
            stopped = g.row.ref in owners_asked - owners_passed
            if isinstance(g.effect, UpsertTask) and stopped:
                outbox.again(self.db, g.row.key, self.clock.now(), "after its owner")
                continue
            kept.append(g)
        return kept

    def _drop_known_tasks(self, passed: list[Guarded]) -> list[Guarded]:
        """Before a second try, look whether the first one made the task after all."""
        retried = [
            g.effect.marker
            for g in passed
            if isinstance(g.effect, UpsertTask) and g.row.state is OutboxState.INFLIGHT
        ]
        if not retried:
            return passed
        found = self.connector.find_tasks(retried)
        left: list[Guarded] = []
        with self.db.transaction():
            for g in passed:
                task = found.get(g.effect.marker) if isinstance(g.effect, UpsertTask) else None
                if task is not None and task.owner_id == g.effect.owner_id:
                    self._task_done(g.row, task.remote_id, self.clock.now())
                else:
                    left.append(g)
        return left

    def _can_own(self, owner_id: str) -> bool:
        return any(o.active and o.id == owner_id for o in directory.get_owners(self.db, self.crm))

    def _is_person(self, owner_id: str) -> bool:
        return any(
            o.kind is OwnerKind.REP and o.id == owner_id
            for o in directory.get_owners(self.db, self.crm)
        )

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
        match receipt.outcome:
            case Outcome.APPLIED:
                if isinstance(g.effect, UpsertTask):
                    current = outbox.get(self.db, row.key)
                    if current is not None and current.effect == row.effect:
                        self._task_done(row, receipt.remote_id, now)
                    return False
                outbox.sent(self.db, row.key, receipt.remote_id, now)
                return True
            case Outcome.RETRY:
                at = now + timedelta(seconds=receipt.after or backoff(row.attempts))
                outbox.again(self.db, row.key, at, receipt.detail)
            case Outcome.AMBIGUOUS:
                log.warning("effect.ambiguous", crm=self.crm, effect=row.key, reason=receipt.detail)
            case Outcome.GONE:
                self._gone(row, receipt.detail or "gone", now)
            case Outcome.BAD_OWNER:
                self._choose_again(row, g.effect, g.record, receipt.detail, now)
            case _:
                self._refused(row, g.record, receipt.detail, now)
        return False

    def _task_done(self, row: OutboxRow, remote_id: str | None, now: datetime) -> None:
        outbox.sent(self.db, row.key, remote_id, now)
        outbox.settle(self.db, row.key, OutboxState.DONE, "", now)
        journal.write(self.db, now, "task.written", ref=row.ref, effect_key=row.key, id=remote_id)

    def _gone(self, row: OutboxRow, reason: str, now: datetime) -> None:
        outbox.cancel_open(self.db, row.ref, OutboxState.GONE, reason, now)
        leads.set_state(self.db, row.ref, LeadState.GONE, reason)
        journal.write(self.db, now, "lead.gone", ref=row.ref, effect_key=row.key, reason=reason)

    def _refused(self, row: OutboxRow, record: Record, detail: str, now: datetime) -> None:
        """The CRM says no for good: a person must look."""
        outbox.settle(self.db, row.key, OutboxState.REFUSED, detail, now)
        if isinstance(row.effect, SetOwner):
            outbox.cancel_open(
                self.db, row.ref, OutboxState.CANCELLED, "its owner was refused", now
            )
            leads.set_state(
                self.db, row.ref, LeadState.DEAD_LETTER, f"refused by {self.crm}: {detail}",
                owner_id=record.owner_id,
            )  # fmt: skip
        if journal.add_dead_letter(
            self.db, now, row.ref, "deliver", detail, record.version, row.key
        ):
            log.warning(
                "dead_letter.added", crm=self.crm, lead=str(row.ref),
                stage="deliver", reason=detail,
            )  # fmt: skip
        journal.write(
            self.db, now, "effect.refused", ref=row.ref, effect_key=row.key, reason=detail
        )

    def _choose_again(
        self, row: OutboxRow, effect: Effect, record: Record, detail: str, now: datetime
    ) -> None:
        """The chosen owner cannot own it: give the charge back and decide on without that rep.

        A rep who left after getting the lead and before its task could be made is passed over, too:
        an assignment is complete with its task.
        """
        decision = decisions.get_decision(self.db, row.decision_id)
        task = isinstance(effect, UpsertTask)
        if (
            row.kind is EffectKind.RESTORE_OWNER
            or decision is None
            or (task and decision.owner_id != effect.owner_id)
        ):
            self._refused(row, record, f"this owner cannot have it: {detail}", now)
            return
        decisions.refund(self.db, row.decision_id, now)
        outbox.settle(
            self.db, row.key, OutboxState.SUPERSEDED, "this owner cannot own it; decided again", now
        )
        journal.write(
            self.db, now, "effect.bad_owner", ref=row.ref, effect_key=row.key, reason=detail,
            decision_id=row.decision_id, rep=decision.rep_id, generation=decision.generation,
        )  # fmt: skip
        log.warning("effect.retry", crm=self.crm, lead=str(row.ref), effect=row.key, reason=detail)
        self.ingest.observe_all([record], again=True, rerun=task)

    def _put_back(self, rows: Sequence[OutboxRow], error: Exception) -> None:
        """Nothing was applied: rows go back to where they were, to be tried after a pause."""
        after = getattr(error, "after", None)
        with self.db.transaction():
            now = self.clock.now()
            for row in rows:
                at = now + timedelta(seconds=after or backoff(row.attempts))
                if row.state is OutboxState.NEW:
                    outbox.again(self.db, row.key, at, str(error))
                else:
                    outbox.look_again(self.db, row.key, at, str(error))


def why_gone(ref: Ref, answer: Record | Gone) -> str | None:
    """Why a lead read by id can take no more writes; None when it can."""
    if isinstance(answer, Gone):
        return answer.reason
    if answer.ref != ref:
        return f"merged into {answer.ref}"
    if answer.converted:
        return "converted"
    return "deleted" if answer.deleted else None


def backoff(attempts: int) -> float:
    """Seconds before the next try; grows with the number of tries so far."""
    return BACKOFF[min(attempts, len(BACKOFF) - 1)]

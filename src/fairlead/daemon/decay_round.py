"""What has come due by decay is looked at and done: once for each level, with its effect.

Used by `sweep` inside the transaction of its round, after each lead was read by id. What was done
with a lead meanwhile begins its silence anew; then nothing is reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from fairlead.core.activity import Activity
from fairlead.core.decay import holds, last_done, look_again
from fairlead.core.decay_terms import Level, Measure
from fairlead.core.policy import Policy
from fairlead.core.sla_terms import Reassign, told
from fairlead.core.types import LeadState, Record, Ref
from fairlead.daemon.acting import Acting
from fairlead.daemon.cause import cause_of_level
from fairlead.daemon.ingest import ODD_DATA
from fairlead.errors import BadRecord
from fairlead.metrics import Metrics
from fairlead.store import decays, journal, leads, outbox
from fairlead.store.db import Db
from fairlead.store.decays import DecayRow
from fairlead.telemetry import get_logger

log = get_logger()

LATE = timedelta(minutes=15)
"""What is fired so long after it was due goes into one task for each person who is told."""
AFTER_ITS_OWNER = timedelta(seconds=30)
"""A lead whose new owner is not written yet is looked at again so much later."""


def silent_since(db: Db, policy: Policy, ref: Ref, now: datetime) -> datetime | None:
    """Since when a lead was silent as far as we know, where a level of silence is due for it."""
    row = decays.latest(db, ref)
    if row is None or row.asleep:
        return None
    silence = {n.name for n in policy.decay if n.measure is Measure.SILENCE}
    due = any(
        n.level in silence and n.reached_at is None and n.look_at is not None and n.look_at <= now
        for n in decays.levels_of(db, ref, row.cycle)
    )
    return max(row.since, row.touched or row.since) if due else None


class DecayRound:
    """One round of decay, beside the clocks': the same acts, the same digest."""

    def __init__(self, acting: Acting, metrics: Metrics) -> None:
        self.acting = acting
        self.db = acting.db
        self.router = acting.router
        self.policy = acting.policy
        self.now = acting.now
        self.metrics = metrics

    def lead(self, record: Record, done: Sequence[Activity]) -> None:
        """Bring one lead to the levels it has reached by now."""
        if not decays.is_due(self.db, record.ref, self.now):
            return
        kept = decays.latest(self.db, record.ref)
        if kept is None or kept.asleep or not self._due(kept):
            return
        at = last_done(done, self.now)
        if at is not None:
            kept = self.router.decaying.touched(kept, at)
        feed = self.acting.ingest.feed
        try:
            values = self.router.rescore(record, feed, self.acting.snap, self.now)
        except (BadRecord, *ODD_DATA):
            values = {}
        due = self._due(decays.latest(self.db, record.ref) or kept)
        busy = outbox.open_owner_write(self.db, record.ref) is not None
        if not values or busy:
            until = self.now + AFTER_ITS_OWNER if busy else self.now + LATE
            decays.look_at(self.db, kept, [n.name for n, _ in due], until)
            return
        reached = []
        for level, when in due:
            if holds(level, values):
                reached.append((level, when))
            else:
                decays.look_at(self.db, kept, [level.name], look_again(level, self.now))
        if reached:
            self._reach(record, kept, reached)

    def _due(self, kept: DecayRow) -> list[tuple[Level, datetime]]:
        """The levels to look at, the lowest first, each with the instant at which it came."""
        named = {n.name: n for n in self.policy.decay}
        return [
            (named[n.level], n.due_at)
            for n in decays.levels_of(self.db, kept.ref, kept.cycle)
            if n.reached_at is None and n.level in named
            and n.due_at is not None and n.due_at <= self.now
            and n.look_at is not None and n.look_at <= self.now
        ]  # fmt: skip

    def _reach(
        self, record: Record, kept: DecayRow, reached: Sequence[tuple[Level, datetime]]
    ) -> None:
        row = leads.get_lead(self.db, record.ref)
        if row is None or row.state is not LeadState.ASSIGNED:
            return
        decays.reach(self.db, kept, [n.name for n, _ in reached], self.now)
        # Of several that take the lead away only the highest does; the others are done by it.
        takes = next((n for n, _ in reversed(reached) if n.moves), None)
        for level, when in reached:
            behind = self.now - when
            did = []
            for act in level.acts:
                if isinstance(act, Reassign) and level is not takes:
                    did.append(f"{told(act)}: a higher level is reached, too")
                    continue
                row = leads.get_lead(self.db, record.ref) or row
                cause = cause_of_level(
                    row, kept.cycle, level, self.acting.snap.world, late=behind > LATE
                )
                did.append(f"{told(act)}: {self.acting.act(record, cause, act).words}")
            self._tell(record.ref, row.decision_id, level, did, behind)
        # What the lead is worth, and what is asked of it, may go by its level.
        self.router.rescore(record, self.acting.ingest.feed, self.acting.snap, self.now)

    def _tell(
        self, ref: Ref, decision_id: str | None, level: Level, did: Sequence[str], behind: timedelta
    ) -> None:
        journal.write(
            self.db, self.now, "lead.decayed", ref=ref, decision_id=decision_id, level=level.name,
            critical=level.critical, reason=level.reached_by, did="; ".join(did),
        )  # fmt: skip
        say = log.warning if level.critical else log.info
        say(
            "lead.decayed", crm=ref.crm, lead=str(ref), decay=level.name, reason=level.reached_by,
            **({"remedy": "critical: look at this lead"} if level.critical else {}),
        )  # fmt: skip
        critical = "yes" if level.critical else "no"
        self.metrics.decay_levels_total.labels(level=level.name, critical=critical).inc()
        self.metrics.clock_lag_seconds.observe(max(0.0, behind.total_seconds()))

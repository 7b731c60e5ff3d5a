"""The times of assignments as they come: begun with the decision, accepted, answered.

Inside the transactions of `routing` and `clocking`; what is assigned and notified the outbox notes
itself. The steps between the times are measured here, too.
"""

from __future__ import annotations

from datetime import datetime

from fairlead.core.decision import Case, Decision, World, rule_told
from fairlead.core.types import Lead, LeadState, Ref
from fairlead.daemon.sightings import is_persons
from fairlead.metrics import Metrics
from fairlead.store import clocks, times
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow
from fairlead.store.times import NOT_NEEDED, PENDING, TimesRow

DECIDED = "captured_to_decided"
ASSIGNED = "decided_to_assigned"
ACCEPTED = "assigned_to_accepted"
SPEED = "speed_to_lead"
"""From captured to the first response."""


def begin(
    db: Db,
    case: Case,
    decision: Decision,
    decision_id: str,
    ref: Ref,
    captured_at: datetime | None,
    owner_now: str | None,
    now: datetime,
) -> None:
    """A record is given to somebody: the one decided on, or one of its person that follows it."""
    status = case.lead.get("status") if ref == case.lead.ref else None
    team = next((p[5:] for p in reversed(decision.places) if p.startswith("team:")), None)
    right = owner_now == decision.owner_id
    row = TimesRow(
        ref, decision_id, rule_told(decision.rule, case.order), team, decision.rep_id,
        decision.owner_id,
        status if isinstance(status, str) else None, captured_at,
        times.first_eligible(db, ref) or now, now, now if right else None,
        result=decision.outcome.value, wrote=NOT_NEEDED if right else PENDING,
    )  # fmt: skip
    times.begin(db, row)


def decided(db: Db, metrics: Metrics, lead: Lead, now: datetime) -> None:
    """Measure how long it took until a lead was given to somebody for the first time."""
    if len(times.of_lead(db, lead.ref)) == 1:
        _measure(metrics, DECIDED, lead.created_at, now)


def assigned(db: Db, metrics: Metrics, ref: Ref, decision_id: str) -> None:
    """Measure how long it took until the owner was seen in the CRM."""
    row = times.get(db, ref, decision_id)
    if row is not None:
        _measure(metrics, ASSIGNED, row.decided_at, row.assigned_at)


def seen(db: Db, metrics: Metrics, lead: Lead, row: LeadRow, world: World, now: datetime) -> None:
    """The owner has accepted a lead whose status was moved while it was theirs.

    Where a clock runs, the sweep finds out who moved it.
    """
    if row.state is not LeadState.ASSIGNED or row.decision_id is None:
        return
    found = times.get(db, row.ref, row.decision_id)
    if found is None or found.accepted_at is not None or found.status is None:
        return
    mine = row.owner_id == found.owner_id and is_persons(world, row.ref.crm, row.owner_id)
    if mine and lead.get("status") != found.status and not clocks.open_of(db, row.ref):
        at = min(now, max(lead.modified_at, found.decided_at))
        taken(db, metrics, row.ref, found.decision_id, at)


def taken(db: Db, metrics: Metrics, ref: Ref, decision_id: str, at: datetime) -> None:
    """The owner has accepted a lead; the first time that is told counts."""
    found = times.get(db, ref, decision_id)
    if found is not None and found.accepted_at is None:
        times.accepted(db, found, at)
        _measure(metrics, ACCEPTED, found.assigned_at, at)


def responded(
    db: Db, metrics: Metrics, ref: Ref, decision_id: str, at: datetime, proof: str
) -> None:
    """A clock of the lead was stopped by its first response."""
    found = times.get(db, ref, decision_id)
    if found is None or found.responded_at is not None:
        return
    first = all(t.responded_at is None for t in times.of_lead(db, ref))
    times.responded(db, found, at, proof)
    if first:
        _measure(metrics, SPEED, found.captured_at, at)
    if found.accepted_at is None:
        _measure(metrics, ACCEPTED, found.assigned_at, at)


def _measure(metrics: Metrics, step: str, since: datetime | None, until: datetime | None) -> None:
    if since is not None and until is not None:
        seconds = max(0.0, (until - since).total_seconds())
        metrics.lead_step_seconds.labels(step=step).observe(seconds)

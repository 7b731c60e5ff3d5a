"""Who goes first: held leads that are due have waited longest for their team or rep.

Asked by `routing` once it knows where a lead could go, inside its transaction. By CRM, for a lead
can only be released by reading it: a CRM that is down must not hold up the other.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from fairlead.core.decision import Decision, OutcomeKind
from fairlead.core.types import LeadState
from fairlead.store import leads
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow

BEHIND = "older leads that wait for the same team or rep go first"
HELD_RETRY = timedelta(seconds=60)
"""The next look at a held lead when nothing tells when somebody will be free."""


def overtakes(db: Db, row: LeadRow, decision: Decision, now: datetime) -> bool:
    """Whether a held lead that is due comes before this one, by priority, then age."""
    if decision.outcome is not OutcomeKind.ASSIGN or not decision.places:
        return False
    asking = replace(row, urgent=decision.high_priority)
    return leads.waits_before(db, asking, decision.places[-1], now)


def line_up(db: Db, row: LeadRow, decision: Decision, now: datetime) -> LeadState:
    """Hold the lead, due at once, behind the others that are due for the same team or rep."""
    leads.wake_waiting(db, row.ref.crm, decision.places[-1], now)
    leads.put_lead(
        db,
        replace(
            row, state=LeadState.HELD, reason=BEHIND, retry_at=now,
            urgent=decision.high_priority, waits_for=decision.places,
        ),
    )  # fmt: skip
    return LeadState.HELD


def held_until(decision: Decision, now: datetime, *, again: bool) -> datetime | None:
    """When to look again at what this decision held; None: at the next release.

    What a release has just looked at is not due again at once, or nobody else would have a turn.
    What waits for a field is looked at often: a change of its account is no change of the lead.
    """
    if decision.state is not LeadState.HELD:
        return None
    if decision.retry_at is not None and not decision.places:
        return min(decision.retry_at, now + HELD_RETRY)
    return decision.retry_at or (now + HELD_RETRY if again else None)

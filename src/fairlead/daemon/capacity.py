"""What everybody with a limit has already: counted at the start of a page, moved along with it.

Stands beside `routing`. The store counts, this asks it the right question: which owner ids are a
rep's, and when the rep's own hour, day and week began.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from fairlead.core.decision import Decision, Load, OutcomeKind
from fairlead.core.policy import Policy
from fairlead.core.rep_clock import zone_of
from fairlead.core.types import NO_LIMITS, LeadState, Rep
from fairlead.core.worktime import window_start
from fairlead.store import loads
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow

WINDOWS = ("hour", "day", "week")


def count_loads(db: Db, policy: Policy, reps: Mapping[str, Rep], now: datetime) -> dict[str, Load]:
    """The loads of the reps with a limit, as they are in the store."""
    limited = [r for r in reps.values() if r.capacity != NO_LIMITS]
    if not limited:
        return {}
    people = [
        (r.id, crm, owner)
        for r in limited
        if r.capacity.open is not None
        for crm, owner in r.crm_ids.items()
    ]
    asked = [
        (r.id, window, window_start(now, window, zone_of(r, policy.calendars)))
        for r in limited
        for window in WINDOWS
        if getattr(r.capacity, f"per_{window}") is not None
    ]
    has = loads.open_leads(db, people) if people else {}
    had = loads.received(db, asked) if asked else {}
    return {
        r.id: Load(has.get(r.id, 0), *(had.get((r.id, window), 0) for window in WINDOWS))
        for r in limited
    }


def add_lead(running: dict[str, Load], decision: Decision) -> None:
    """Count an assignment; another record of somebody the rep has already counts for nothing."""
    rep = decision.rep_id
    if decision.outcome is OutcomeKind.ASSIGN and decision.follows is None and rep in running:
        running[rep] = running[rep].plus_one()


def frees(before: LeadRow | None, after: LeadRow | None) -> bool:
    """Whether a lead was its owner's open one and is so no longer: somebody has room again."""
    if before is None or not _is_load(before):
        return False
    return after is None or not _is_load(after) or after.owner_id != before.owner_id


def _is_load(row: LeadRow) -> bool:
    owned = row.owner_id is not None and row.state in (LeadState.ASSIGNED, LeadState.LEFT)
    return owned and not row.closed

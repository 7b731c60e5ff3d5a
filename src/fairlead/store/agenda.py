"""When the state itself next wants to be looked at: the earliest row that comes due.

For whoever lets time jump (`fairlead simulate`); the daemon's loops look at each kind by turns.
"""

from __future__ import annotations

from datetime import UTC, datetime

from fairlead.store import outbox
from fairlead.store.db import Db

LONG_AGO = datetime.min.replace(tzinfo=UTC)


def next_look(db: Db, crm: str) -> datetime | None:
    """The next instant at which a step, a held lead, a claim, a score or a write of a CRM is due.

    None when nothing waits for time alone. May lie in the past: then it is due now.
    """
    r = db.row(
        "SELECT min(at) at FROM ("
        " SELECT min(look_at) at FROM clock_steps WHERE crm = ?1 AND fired_at IS NULL"
        " UNION ALL SELECT min(coalesce(retry_at, '')) FROM leads WHERE state = 'held' AND crm = ?1"
        " UNION ALL SELECT min(until) FROM claims WHERE crm = ?1 AND state = 'open'"
        " UNION ALL SELECT min(due_at) FROM scores WHERE crm = ?1 AND due_at IS NOT NULL)"
        " WHERE at IS NOT NULL",
        (crm,),
    )
    text = None if r is None else r["at"]
    # A held lead without an instant waits for the next release, which is now.
    first = None if text is None else datetime.fromisoformat(text) if text else LONG_AGO
    return min((t for t in (first, outbox.next_due(db, crm)) if t is not None), default=None)

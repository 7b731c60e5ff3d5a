"""When the state itself next wants to be looked at: the earliest row that comes due.

For whoever lets time jump (`fairlead simulate`); the daemon's loops look at each kind by turns.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from fairlead.store import outbox
from fairlead.store.db import Db

LONG_AGO = datetime.min.replace(tzinfo=UTC)

LOOKS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "clock_steps": ("look_at", "fired_at IS NULL AND look_at IS NOT NULL"),
        # Who moved its status is to be found out: now, whenever that was.
        "clocks": ("''", "moved_at IS NOT NULL AND ended_at IS NULL"),
        # A held lead without an instant waits for the next release, which is now.
        "leads": ("coalesce(retry_at, '')", "state = 'held'"),
        "claims": ("until", "state = 'open'"),
        "scores": ("due_at", "due_at IS NOT NULL"),
        "signal_looks": ("due_at", "TRUE"),
        "recyclings": ("look_at", "ended_at IS NULL AND look_at IS NOT NULL"),
        "recycling_looks": ("look_at", "TRUE"),
        "decay_levels": ("look_at", "reached_at IS NULL AND look_at IS NOT NULL"),
        "cadences": ("look_at", "ended_at IS NULL AND look_at IS NOT NULL"),
        "contact_asks": ("look_at", "look_at IS NOT NULL"),
        "answers": ("look_at", "look_at IS NOT NULL"),
    }
)
"""By table, what tells when a row of a CRM is looked at, and which rows are; '' is now. Each is
answered by an index of the table."""
BESIDE: Mapping[str, str] = MappingProxyType(
    {
        "outbox": "asked by outbox.next_due",
        "messages": "belong to no CRM: next_message",
        "shadow_leads": "a shadow decides nothing, and looks by itself",
    }
)
"""Tables with an instant of their own that is not asked for above, and why."""
_ASK = "SELECT min(at) at FROM ({})".format(  # noqa: S608 - names of our own tables
    " UNION ALL ".join(
        f"SELECT min({at}) at FROM {table} WHERE crm = ?1 AND {which}"  # noqa: S608
        for table, (at, which) in LOOKS.items()
    )
)


def next_look(db: Db, crm: str) -> datetime | None:
    """The next instant at which a row or a write of a CRM is due.

    None when nothing waits for time alone. May lie in the past: then it is due now.
    """
    r = db.row(_ASK, (crm,))
    text = None if r is None else r["at"]
    first = None if text is None else datetime.fromisoformat(text) if text else LONG_AGO
    return min((t for t in (first, outbox.next_due(db, crm)) if t is not None), default=None)


def next_message(db: Db) -> datetime | None:
    """The next instant at which a message is to be sent, or sent again."""
    r = db.row("SELECT min(due_at) at FROM messages WHERE state IN ('new', 'sending')")
    return None if r is None or r["at"] is None else datetime.fromisoformat(r["at"])

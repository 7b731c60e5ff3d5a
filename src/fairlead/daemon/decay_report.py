"""What is told of a lead's decay: the levels it has reached and the next to come.

Used by `commands`; JSON-safe values, instants in ISO 8601 UTC. Reads only.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fairlead.core.decay import highest
from fairlead.core.policy import Policy
from fairlead.core.sla_terms import told
from fairlead.core.types import Ref
from fairlead.store import decays
from fairlead.store.db import Db


def decay_of(db: Db, ref: Ref, policy: Policy | None) -> dict[str, Any] | None:
    """How far a lead has decayed; None where no level was ever planned for it."""
    kept = decays.latest(db, ref)
    if kept is None:
        return None
    levels = () if policy is None else policy.decay
    named = {n.name: n for n in levels}
    found = decays.levels_of(db, ref, kept.cycle)
    reached = {n.level for n in found if n.reached_at is not None}
    return {
        "level": highest(levels, reached),
        "since": kept.since.isoformat(),
        "silent_since": max(kept.since, kept.touched or kept.since).isoformat(),
        "cycle": kept.cycle,
        "stands": kept.asleep,
        "levels": [
            {
                "level": n.level,
                "by": named[n.level].reached_by if n.level in named else "",
                "critical": n.level in named and named[n.level].critical,
                "does": [told(act) for act in named[n.level].acts] if n.level in named else [],
                "due": _iso(n.due_at),
                "reached": _iso(n.reached_at),
            }
            for n in found
        ],
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()

"""The state in numbers, as `fairlead status` tells it. Reads only; JSON-safe."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fairlead.daemon.active_policy import ActivePolicy
from fairlead.daemon.leavers import leavers
from fairlead.daemon.message_list import open_alerts
from fairlead.daemon.reload import Reloader
from fairlead.daemon.rep_leave import away_now
from fairlead.store import batches, decisions, directory, journal, leads, messages, outbox
from fairlead.store.db import Db
from fairlead.web.health import Signs, judge


def status(
    db: Db,
    active: ActivePolicy | None,
    reloader: Reloader | None,
    signs: Signs | None,
    now: datetime,
) -> dict[str, Any]:
    """Leads by state, the outbox, pools, dead letters, connectors, messages, alerts.

    `signs` and `reloader` are there while a daemon runs.
    """
    policy = active.policy if active else None
    connectors = {
        c.crm: {"baseline": c.baseline.isoformat(), "ready": c.ready}
        for c in directory.all_connectors(db)
    }
    answer: dict[str, Any] = {
        "running": signs is not None,
        "policy": policy.hash if policy else None,
        "policy_refused": [f.as_json() for f in reloader.faults] if reloader else [],
        "needs_restart": list(reloader.needs_restart) if reloader else [],
        "paused": journal.get_switch(db, "paused"),
        "connectors": connectors,
        "leads": leads.counts(db),
        "outbox": outbox.depth(db),
        "dead_letters": len(journal.dead_letters(db)),
        "messages": messages.counts(db),
        "alerts": open_alerts(db),
        "away": away_now(db, policy, now),
        "inactive_reps": [x.as_json() for x in leavers(db, policy)],
        "plan": _applying(db),
        "pools": {},
    }
    for pool, rep, balance, received in decisions.received(db):
        answer["pools"].setdefault(pool, {})[rep] = {
            "received": received,
            "balance": str(balance),
            "balance_decimal": round(float(balance), 4),
        }
    if signs is not None:
        answer["health"] = dict(judge(signs).body)
    return answer


def _applying(db: Db) -> dict[str, Any] | None:
    """The plan for many leads that is being applied."""
    batch = batches.running(db)
    if batch is None:
        return None
    counts = batches.counts(db, batch.id)
    waiting = counts.get(batches.PLANNED, 0)
    return {"plan": batch.id, "kind": batch.kind, "waiting": waiting,
            "leads": sum(counts.values())}  # fmt: skip

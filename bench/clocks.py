"""A tick of the sweep over many armed clocks of which none is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fairlead.store import clocks
from fairlead.store.db import Db

ARMED = 500_000
NOW = datetime(2026, 6, 3, 14, 30, tzinfo=UTC)


def armed() -> Db:
    """A state in memory with so many running clocks, each with a step that is due tomorrow."""
    db = Db(None)
    arm(db, NOW, NOW + timedelta(days=1))
    return db


def arm(db: Db, now: datetime, due: datetime) -> None:
    """So many running clocks since `now`, each with a step at `due`."""
    with db.transaction():
        db.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO clocks (id, crm, object, lead_id, person_id, sla, decision_id, owner_id,"
            " since) SELECT 'c' || i, 'salesforce', 'Lead', 'l' || i, 'p' || i, 'hot', 'd' || i,"
            " 'o', ? FROM n",
            (ARMED, now.isoformat()),
        )
        db.execute(
            "INSERT INTO clock_steps (clock_id, step, number, crm, due_at, look_at)"
            " SELECT id, 'breach', 0, crm, ?1, ?1 FROM clocks",
            (due.isoformat(),),
        )


def idle_tick(db: Db) -> None:
    """What the sweep asks with each look when nothing is due."""
    assert clocks.due(db, "salesforce", NOW, 500) == []

"""Episodes of trouble that is told, each a row while it lasts; and when leads came, to learn from.

An episode begins once and ends once. `calm_since` is when the trouble was last seen to be gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fairlead.core.types import LeadState
from fairlead.store.db import Db


@dataclass(frozen=True, slots=True)
class Episode:
    """One trouble that was told and is not over. `what` is the CRM it is about, or ""."""

    kind: str
    what: str
    since: datetime
    detail: str
    calm_since: datetime | None


def open_episodes(db: Db) -> list[Episode]:
    """All that is not over, the oldest first."""
    return [_row(r) for r in db.rows("SELECT * FROM alerts ORDER BY since, kind, what")]


def begin(db: Db, kind: str, what: str, detail: str, now: datetime) -> None:
    db.execute(
        "INSERT INTO alerts (kind, what, since, detail) VALUES (?, ?, ?, ?)",
        (kind, what, now.isoformat(), detail),
    )


def calm(db: Db, kind: str, what: str, since: datetime | None) -> None:
    """Note since when it is calm; None when it is not."""
    db.execute(
        "UPDATE alerts SET calm_since = ? WHERE kind = ? AND what = ?",
        (None if since is None else since.isoformat(), kind, what),
    )


def end(db: Db, kind: str, what: str) -> None:
    db.execute("DELETE FROM alerts WHERE kind = ? AND what = ?", (kind, what))


def arrivals(db: Db, crm: str, since: datetime, until: datetime) -> dict[datetime, int]:
    """How many leads of a CRM were made there in each whole hour, UTC."""
    rows = db.rows(
        "SELECT substr(created_at, 1, 13) hour, count(*) n FROM leads INDEXED BY leads_created"
        " WHERE crm = ? AND created_at >= ? AND created_at < ? GROUP BY hour",
        (crm, since.isoformat(), until.isoformat()),
    )
    return {datetime.fromisoformat(f"{r['hour']}:00+00:00"): r["n"] for r in rows}


def first_and_last(db: Db, crm: str, until: datetime) -> tuple[datetime | None, datetime | None]:
    """When the first lead we know of was made in a CRM, and the last one up to then."""
    row = db.row(
        "SELECT (SELECT min(created_at) FROM leads WHERE crm = ?1 AND created_at <= ?2) first,"
        " (SELECT max(created_at) FROM leads WHERE crm = ?1 AND created_at <= ?2) last",
        (crm, until.isoformat()),
    )
    assert row is not None
    first, last = (None if r is None else datetime.fromisoformat(r) for r in row)
    return first, last


def failed_leads(db: Db, stuck_since: datetime, limit: int) -> tuple[int, list[tuple[str, str]]]:
    """How many leads could not be routed, and the first of them with why.

    Those that are dead letters, and those whose owner a CRM refused before `stuck_since` and for
    whom nobody else was found.
    """
    rows = db.rows(
        "SELECT crm, object, id, reason FROM leads WHERE state = ?1"
        " UNION ALL SELECT crm, object, id, reason FROM leads l WHERE state = ?2 AND EXISTS ("
        " SELECT 1 FROM journal j WHERE j.crm = l.crm AND j.object = l.object"
        " AND j.lead_id = l.id AND j.event = 'effect.bad_owner' AND j.at < ?3)",
        (LeadState.DEAD_LETTER.value, LeadState.HELD.value, stuck_since.isoformat()),
    )
    told = [(f"{r['crm']}:{r['object']}:{r['id']}", str(r["reason"])) for r in rows[:limit]]
    return len(rows), told


def _row(r: Any) -> Episode:
    calm = r["calm_since"]
    return Episode(
        r["kind"], r["what"], datetime.fromisoformat(r["since"]), r["detail"],
        None if calm is None else datetime.fromisoformat(calm),
    )  # fmt: skip

"""What one CRM is asked by another: how often a person was contacted there, and what it told.

A row for each person and CRM, open until it is told; deleted when nobody needs the answer any more.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fairlead.store.db import Db


@dataclass(frozen=True, slots=True)
class Ask:
    """One question, of contacts from `since` on; `told_at` None: it is open."""

    person_id: str
    crm: str
    since: datetime
    asked_at: datetime
    told_at: datetime | None
    times: tuple[datetime, ...]


def ask(db: Db, person_id: str, crm: str, since: datetime, now: datetime) -> None:
    """Ask, or ask again; the former answer is gone."""
    db.execute(
        "INSERT OR REPLACE INTO contact_asks (person_id, crm, since, asked_at, look_at)"
        " VALUES (?1, ?2, ?3, ?4, ?4)",
        (person_id, crm, since.isoformat(), now.isoformat()),
    )


def get(db: Db, person_id: str, crm: str) -> Ask | None:
    r = db.row("SELECT * FROM contact_asks WHERE person_id = ? AND crm = ?", (person_id, crm))
    return None if r is None else _ask(r)


def open_of(db: Db, crm: str, limit: int) -> list[Ask]:
    """What a CRM is asked and has not told, the oldest first."""
    rows = db.rows(
        "SELECT * FROM contact_asks WHERE crm = ? AND look_at IS NOT NULL ORDER BY look_at LIMIT ?",
        (crm, limit),
    )
    return [_ask(r) for r in rows]


def tell(db: Db, asked: Ask, times: list[datetime], now: datetime) -> None:
    """Answer a question, unless it was asked anew since."""
    db.execute(
        "UPDATE contact_asks SET look_at = NULL, told_at = ?, times = ?"
        " WHERE person_id = ? AND crm = ? AND asked_at = ?",
        (
            now.isoformat(), json.dumps([t.isoformat() for t in times]), asked.person_id,
            asked.crm, asked.asked_at.isoformat(),
        ),
    )  # fmt: skip


def drop(db: Db, person_id: str, crm: str | None = None) -> None:
    """Nobody needs to know it of this person any more, of one CRM or any."""
    db.execute(
        "DELETE FROM contact_asks WHERE person_id = ?1 AND (?2 IS NULL OR crm = ?2)",
        (person_id, crm),
    )


def _ask(r: Any) -> Ask:
    return Ask(
        r["person_id"], r["crm"], datetime.fromisoformat(r["since"]),
        datetime.fromisoformat(r["asked_at"]),
        None if r["told_at"] is None else datetime.fromisoformat(r["told_at"]),
        tuple(datetime.fromisoformat(t) for t in json.loads(r["times"])),
    )  # fmt: skip

"""Scores: what each lead had when it was last looked at, and when time alone changes its grade.

One row per record that we route. `due_at` is what keeps anybody from looking at all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fairlead.core.types import Ref
from fairlead.store.db import Db


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """A record's score as of `at`; `due_at` is its next look, None when time changes nothing.

    `inputs` names what `due_at` was worked out from; "" when it was not.
    """

    ref: Ref
    score: int
    grade: str
    at: datetime
    due_at: datetime | None
    inputs: str = ""


def put(db: Db, row: ScoreRow) -> None:
    """Keep a score in place of the one before."""
    db.execute(
        "INSERT OR REPLACE INTO scores (crm, object, lead_id, score, grade, at, due_at, inputs)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row.ref.crm, row.ref.object, row.ref.id, row.score, row.grade, row.at.isoformat(),
            None if row.due_at is None else row.due_at.isoformat(), row.inputs,
        ),
    )  # fmt: skip


def get(db: Db, ref: Ref) -> ScoreRow | None:
    r = db.row(
        "SELECT score, grade, at, due_at, inputs FROM scores"
        " WHERE crm = ? AND object = ? AND lead_id = ?",
        (ref.crm, ref.object, ref.id),
    )
    if r is None:
        return None
    score, grade, at, due, inputs = r
    return ScoreRow(
        ref, score, grade, datetime.fromisoformat(at),
        None if due is None else datetime.fromisoformat(due), inputs,
    )  # fmt: skip


def drop(db: Db, ref: Ref) -> None:
    """Forget the score of a record that is not ours any more."""
    db.execute(
        "DELETE FROM scores WHERE crm = ? AND object = ? AND lead_id = ?",
        (ref.crm, ref.object, ref.id),
    )


def due(db: Db, crm: str, now: datetime, limit: int) -> list[Ref]:
    """The records whose grade time has changed by now, the longest due first."""
    rows = db.rows(
        "SELECT object, lead_id FROM scores WHERE crm = ? AND due_at IS NOT NULL AND due_at <= ?"
        " ORDER BY due_at, object, lead_id LIMIT ?",
        (crm, now.isoformat(), limit),
    )
    return [Ref(crm, r["object"], r["lead_id"]) for r in rows]


def put_off(db: Db, ref: Ref, at: datetime) -> None:
    """Look at a record again at `at`: it could not be scored now."""
    db.execute(
        "UPDATE scores SET due_at = ?, inputs = '' WHERE crm = ? AND object = ? AND lead_id = ?",
        (at.isoformat(), ref.crm, ref.object, ref.id),
    )

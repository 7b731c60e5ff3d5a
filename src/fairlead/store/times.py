"""The times of each assignment, kept apart: a row per record and decision that gave it to somebody.

Each time is noted once, in the transaction of what it tells of, and never moved. The result of the
decision and that of its owner write stand beside each other: one can be right and the other fail.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fairlead.core.types import Ref
from fairlead.store.db import Db

PENDING, NOT_NEEDED = "pending", "not needed"
"""What has become of the owner write; else it is an end of an outbox row."""


@dataclass(frozen=True, slots=True)
class TimesRow:
    """One assignment. `status` is the lead's when it was decided, `wrote` the owner write's end.

    `proof` is the record that shows the first response, "" where only the lead itself does.
    """

    ref: Ref
    decision_id: str
    rule: str
    team: str | None
    rep_id: str | None
    owner_id: str | None
    status: str | None
    captured_at: datetime | None
    eligible_at: datetime
    decided_at: datetime
    assigned_at: datetime | None = None
    notified_at: datetime | None = None
    accepted_at: datetime | None = None
    responded_at: datetime | None = None
    proof: str = ""
    result: str = "assign"
    wrote: str = PENDING


def begin(db: Db, row: TimesRow) -> None:
    """A decision gave a record to somebody; the same again changes nothing."""
    db.execute(
        "INSERT OR IGNORE INTO times (crm, object, lead_id, decision_id, rule, team, rep_id,"
        " owner_id, status, captured_at, eligible_at, decided_at, assigned_at, result, wrote)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row.ref.crm, row.ref.object, row.ref.id, row.decision_id, row.rule, row.team,
            row.rep_id, row.owner_id, row.status, _iso(row.captured_at), _iso(row.eligible_at),
            _iso(row.decided_at), _iso(row.assigned_at), row.result, row.wrote,
        ),
    )  # fmt: skip


def owner_write_ended(db: Db, ref: Ref, decision_id: str, state: str, now: datetime) -> None:
    """The owner write of an assignment has come to this end."""
    db.execute(
        "UPDATE times SET wrote = ?1,"
        " assigned_at = iif(?1 = 'done', coalesce(assigned_at, ?2), assigned_at)"
        " WHERE crm = ?3 AND object = ?4 AND lead_id = ?5 AND decision_id = ?6",
        (state, now.isoformat(), ref.crm, ref.object, ref.id, decision_id),
    )


def notified(db: Db, ref: Ref, decision_id: str, now: datetime) -> None:
    """The owner's own task is in the CRM."""
    db.execute(
        "UPDATE times SET notified_at = coalesce(notified_at, ?)"
        " WHERE crm = ? AND object = ? AND lead_id = ? AND decision_id = ?",
        (now.isoformat(), ref.crm, ref.object, ref.id, decision_id),
    )


def called_off(db: Db, ref: Ref, state: str) -> None:
    """What was still to be written for a record is not written any more."""
    db.execute(
        "UPDATE times SET wrote = ? WHERE crm = ? AND object = ? AND lead_id = ?"
        " AND wrote = 'pending'",
        (state, ref.crm, ref.object, ref.id),
    )


def taken(db: Db, ref: Ref, decision_id: str, rep_id: str | None, now: datetime) -> None:
    """Somebody took the record out of its claim queue, which accepts it."""
    db.execute(
        "UPDATE times SET rep_id = ?, accepted_at = coalesce(accepted_at, ?)"
        " WHERE crm = ? AND object = ? AND lead_id = ? AND decision_id = ?",
        (rep_id, now.isoformat(), ref.crm, ref.object, ref.id, decision_id),
    )


def accepted(db: Db, row: TimesRow, at: datetime) -> None:
    """The owner has shown that they are at it."""
    db.execute(
        "UPDATE times SET accepted_at = coalesce(accepted_at, ?)"
        " WHERE crm = ? AND object = ? AND lead_id = ? AND decision_id = ?",
        (at.isoformat(), row.ref.crm, row.ref.object, row.ref.id, row.decision_id),
    )


def responded(db: Db, row: TimesRow, at: datetime, proof: str) -> None:
    """The lead has its first response."""
    db.execute(
        "UPDATE times SET responded_at = ?1, proof = ?2, accepted_at = coalesce(accepted_at, ?1)"
        " WHERE crm = ?3 AND object = ?4 AND lead_id = ?5 AND decision_id = ?6"
        " AND responded_at IS NULL",
        (
            at.isoformat(), proof, row.ref.crm, row.ref.object, row.ref.id, row.decision_id,
        ),
    )  # fmt: skip


def get(db: Db, ref: Ref, decision_id: str | None) -> TimesRow | None:
    r = db.row(
        "SELECT * FROM times WHERE crm = ? AND object = ? AND lead_id = ? AND decision_id = ?",
        (ref.crm, ref.object, ref.id, decision_id),
    )
    return None if r is None else _times(r)


def of_lead(db: Db, ref: Ref) -> list[TimesRow]:
    """Every assignment a record has had, the oldest first."""
    rows = db.rows(
        "SELECT * FROM times WHERE crm = ? AND object = ? AND lead_id = ?"
        " ORDER BY decided_at, decision_id",
        (ref.crm, ref.object, ref.id),
    )
    return [_times(r) for r in rows]


def since(db: Db, at: datetime) -> list[TimesRow]:
    """Every assignment decided at or after `at`, the oldest first."""
    rows = db.rows(
        "SELECT * FROM times WHERE decided_at >= ? ORDER BY decided_at, decision_id",
        (at.isoformat(),),
    )
    return [_times(r) for r in rows]


def before(db: Db, at: datetime) -> list[TimesRow]:
    """The earlier assignments of the leads that were given to somebody at or after `at`."""
    rows = db.rows(
        "SELECT e.* FROM times e WHERE e.decided_at < ?1 AND EXISTS (SELECT 1 FROM times t"
        " WHERE t.crm = e.crm AND t.object = e.object AND t.lead_id = e.lead_id"
        " AND t.decided_at >= ?1) ORDER BY e.decided_at, e.decision_id",
        (at.isoformat(),),
    )
    return [_times(r) for r in rows]


def first_eligible(db: Db, ref: Ref) -> datetime | None:
    """When a record was first taken as ours to route."""
    r = db.row(
        "SELECT min(at) at FROM journal WHERE crm = ? AND object = ? AND lead_id = ?"
        " AND event = 'lead.decided' AND json_extract(detail, '$.outcome') <> 'leave'",
        (ref.crm, ref.object, ref.id),
    )
    return None if r is None else _when(r["at"])


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _when(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _times(r: Iterable[Any]) -> TimesRow:
    """A whole row, its columns in their order."""
    (
        crm, object, lead_id, decision_id, rule, team, rep_id, owner_id, status, captured_at,
        eligible_at, decided_at, assigned_at, notified_at, accepted_at, responded_at, proof,
        result, wrote,
    ) = r  # fmt: skip
    return TimesRow(
        Ref(crm, object, lead_id), decision_id, rule, team, rep_id, owner_id, status,
        _when(captured_at), datetime.fromisoformat(eligible_at),
        datetime.fromisoformat(decided_at), _when(assigned_at), _when(notified_at),
        _when(accepted_at), _when(responded_at), proof, result, wrote,
    )  # fmt: skip

"""What the answers to leads were: one row for each clock that got one, kept for looking back.

An answer that was no activity but a change of the lead alone is looked at again at `look_at`:
whether anything was done with the lead by then. The next to look at is found by an index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fairlead.core.types import Ref
from fairlead.store.db import Db

CHANGE = "change"
"""The kind of an answer that is the lead's own change: its status, or `responded_when`."""


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """The answer of one clock.

    `kind` is that of the activity, or CHANGE; `seconds` how long it took where the CRM tells;
    `left` how long before the clock's due it came (below 0: after it), None where that stood still;
    `by` the owner id of who did it; `proof` the record, the lead's own for a change. `others` is
    how many activities of a person the lead had when it was looked at again, None: not looked at,
    or not to be seen.
    """

    clock_id: str
    ref: Ref
    sla: str
    team: str | None
    rep_id: str | None
    owner_id: str
    since: datetime
    at: datetime
    kind: str
    seconds: int | None
    left: timedelta | None
    by: str | None
    proof: str
    look_at: datetime | None = None
    others: int | None = None


def put(db: Db, row: AnswerRow) -> None:
    """Keep an answer; the first one of a clock stays."""
    left = None if row.left is None else row.left // timedelta(microseconds=1)
    db.execute(
        "INSERT OR IGNORE INTO answers (clock_id, crm, object, lead_id, sla, team, rep_id,"
        " owner_id, since, at, kind, seconds, left_us, by_id, proof, look_at, others)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row.clock_id, row.ref.crm, row.ref.object, row.ref.id, row.sla, row.team, row.rep_id,
            row.owner_id, row.since.isoformat(), row.at.isoformat(), row.kind, row.seconds, left,
            row.by, row.proof, None if row.look_at is None else row.look_at.isoformat(),
            row.others,
        ),
    )  # fmt: skip


def since(db: Db, at: datetime) -> list[AnswerRow]:
    """The answers given since then, the oldest first."""
    rows = db.rows("SELECT * FROM answers WHERE at >= ? ORDER BY at, clock_id", (at.isoformat(),))
    return [_row(r) for r in rows]


def due(db: Db, crm: str, now: datetime, limit: int) -> list[AnswerRow]:
    """The answers to look at again, the longest due first."""
    rows = db.rows(
        "SELECT * FROM answers WHERE crm = ? AND look_at IS NOT NULL AND look_at <= ?"
        " ORDER BY look_at LIMIT ?",
        (crm, now.isoformat(), limit),
    )
    return [_row(r) for r in rows]


def looked_at(db: Db, clock_ids: Sequence[str], others: int | None) -> None:
    """What was found; these are not looked at again."""
    db.executemany(
        "UPDATE answers SET look_at = NULL, others = ? WHERE clock_id = ?",
        [(others, id) for id in clock_ids],
    )


def _row(r: Any) -> AnswerRow:
    left, look_at = r["left_us"], r["look_at"]
    return AnswerRow(
        r["clock_id"], Ref(r["crm"], r["object"], r["lead_id"]), r["sla"], r["team"], r["rep_id"],
        r["owner_id"], datetime.fromisoformat(r["since"]), datetime.fromisoformat(r["at"]),
        r["kind"], r["seconds"], None if left is None else timedelta(microseconds=left),
        r["by_id"], r["proof"], None if look_at is None else datetime.fromisoformat(look_at),
        r["others"],
    )  # fmt: skip

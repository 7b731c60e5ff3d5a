"""Messages on their way out of the house, each a row written in the transaction of its cause.

A row's key is unique: the same cause makes one message, however often it is told. A row that was
being sent when the daemon ended may have arrived; it is sent again and says so (`maybe`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from fairlead.core.types import Ref
from fairlead.store.db import Db


class MessageState(StrEnum):
    """How far a message is. `failed` waits for a person."""

    NEW = "new"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message to one channel or mail address. `maybe`: an earlier try may have arrived."""

    id: int
    key: str
    target: str
    event: str
    subject: str
    body: str
    data: Mapping[str, Any]
    lead: Mapping[str, str] | None
    ref: Ref | None
    added_at: datetime
    state: MessageState
    attempts: int
    due_at: datetime
    detail: str
    maybe: bool
    ended_at: datetime | None


def add(
    db: Db,
    key: str,
    target: str,
    subject: str,
    body: str,
    now: datetime,
    ref: Ref | None = None,
    *,
    event: str = "message",
    data: Mapping[str, Any] | None = None,
    lead: Mapping[str, str] | None = None,
) -> bool:
    """A message to a channel by name or to a mail address; False when it is known already.

    Call it in the transaction of its cause. `data` are ids for programs, `lead` what is known of
    the person, which is forgotten as soon as the message has gone.
    """
    before = db.execute(
        "INSERT OR IGNORE INTO messages (key, target, event, subject, body, data, lead, crm,"
        " object, lead_id, added_at, due_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?11, ?11)",
        (
            key, target, event, subject, body, json.dumps(dict(data or {}), sort_keys=True),
            json.dumps(dict(lead)) if lead else None, ref.crm if ref else None,
            ref.object if ref else None, ref.id if ref else None, now.isoformat(),
        ),
    )  # fmt: skip
    return before.rowcount == 1


def targets_due(db: Db, now: datetime) -> list[str]:
    """The channels and addresses with something to send now."""
    rows = db.rows(
        "SELECT DISTINCT target FROM messages WHERE state = 'new' AND due_at <= ? ORDER BY target",
        (now.isoformat(),),
    )
    return [str(r["target"]) for r in rows]


def due_for(
    db: Db, targets: Collection[str], now: datetime, limit: int, *, untried: bool = False
) -> list[MessageRow]:
    """What may be sent now to these, the oldest first; or those with the fewest tries first."""
    rows = db.rows(
        "SELECT * FROM messages WHERE state = 'new' AND due_at <= ?1"
        " AND target IN (SELECT value FROM json_each(?2))"
        " ORDER BY iif(?4, attempts, 0), id LIMIT ?3",
        (now.isoformat(), json.dumps(sorted(targets)), limit, int(untried)),
    )
    return [_row(r) for r in rows]


def claim(db: Db, id: int) -> bool:
    """Mark a message as being sent, before the call; False when somebody else was faster."""
    done = db.execute(
        "UPDATE messages SET state = 'sending', attempts = attempts + 1"
        " WHERE id = ? AND state = 'new'",
        (id,),
    )
    return done.rowcount == 1


def recover(db: Db, targets: Collection[str], now: datetime) -> int:
    """What was being sent to these when the daemon ended is sent again, and may arrive twice; how
    many."""
    done = db.execute(
        "UPDATE messages SET state = 'new', due_at = ?, maybe = 1, detail = ?"
        " WHERE state = 'sending' AND target IN (SELECT value FROM json_each(?))",
        (
            now.isoformat(), "the daemon ended while it was sent; a second copy is possible",
            json.dumps(sorted(targets)),
        ),
    )  # fmt: skip
    return done.rowcount


def settle(db: Db, id: int, state: MessageState, detail: str, now: datetime) -> None:
    """It is over with a message, for good or until a person acts; of the lead nothing is kept
    once it has gone."""
    db.execute(
        "UPDATE messages SET state = ?1, detail = ?2, ended_at = ?3,"
        " lead = iif(?1 = 'failed', lead, NULL), body = iif(?1 = 'failed', body, '')"
        " WHERE id = ?4",
        (state.value, detail, now.isoformat(), id),
    )


def later(db: Db, id: int, at: datetime, detail: str, *, maybe: bool) -> None:
    """Try again at `at`; `maybe` when this try may have arrived."""
    db.execute(
        "UPDATE messages SET state = 'new', due_at = ?, detail = ?, maybe = max(maybe, ?)"
        " WHERE id = ?",
        (at.isoformat(), detail, int(maybe), id),
    )


def hurry(db: Db, targets: Collection[str], now: datetime) -> None:
    """A way works again: what waits for it may go now."""
    db.execute(
        "UPDATE messages SET due_at = ?1 WHERE state = 'new' AND due_at > ?1"
        " AND target IN (SELECT value FROM json_each(?2))",
        (now.isoformat(), json.dumps(sorted(targets))),
    )


def waiting_targets(db: Db) -> list[str]:
    """The channels and addresses with something that is not sent yet."""
    rows = db.rows("SELECT DISTINCT target FROM messages WHERE state IN ('new', 'sending')")
    return [str(r["target"]) for r in rows]


def retry(db: Db, id: int | None, now: datetime) -> int:
    """Send one failed message again, or all; how many."""
    done = db.execute(
        "UPDATE messages SET state = 'new', attempts = 0, due_at = ?1, ended_at = NULL"
        " WHERE state = 'failed' AND (?2 IS NULL OR id = ?2)",
        (now.isoformat(), id),
    )
    return done.rowcount


def drop(db: Db, id: int, now: datetime) -> int:
    """Give up a message that is not sent; how many."""
    done = db.execute(
        "UPDATE messages SET state = 'dropped', ended_at = ?, lead = NULL, body = ''"
        " WHERE state IN ('failed', 'new') AND id = ?",
        (now.isoformat(), id),
    )
    return done.rowcount


def listed(db: Db, *, everything: bool = False, limit: int = 500) -> list[MessageRow]:
    """What failed or waits, or the newest of all; the oldest first."""
    rows = db.rows(
        "SELECT * FROM (SELECT * FROM messages WHERE ?1 OR state IN ('new', 'sending', 'failed')"
        " ORDER BY id DESC LIMIT ?2) ORDER BY id",
        (int(everything), limit),
    )
    return [_row(r) for r in rows]


def counts(db: Db) -> dict[str, int]:
    """How many there are in each state but those that are over and done with."""
    rows = db.rows(
        "SELECT state, count(*) n FROM messages WHERE state IN ('new', 'sending', 'failed')"
        " GROUP BY state ORDER BY state"
    )
    return {r["state"]: r["n"] for r in rows}


def forget(db: Db, before: datetime) -> int:
    """Delete what ended before then; how many. What failed stays until a person acts."""
    done = db.execute(
        "DELETE FROM messages WHERE state IN ('sent', 'dropped') AND ended_at < ?",
        (before.isoformat(),),
    )
    return done.rowcount


def _row(r: Any) -> MessageRow:
    ref = None if r["crm"] is None else Ref(r["crm"], r["object"], r["lead_id"])
    ended = r["ended_at"]
    return MessageRow(
        r["id"], r["key"], r["target"], r["event"], r["subject"], r["body"],
        json.loads(r["data"]), None if r["lead"] is None else json.loads(r["lead"]), ref,
        datetime.fromisoformat(r["added_at"]), MessageState(r["state"]), r["attempts"],
        datetime.fromisoformat(r["due_at"]), r["detail"], bool(r["maybe"]),
        None if ended is None else datetime.fromisoformat(ended),
    )  # fmt: skip

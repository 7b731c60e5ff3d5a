"""The journal (what happened, in order), dead letters (work that needs a person), and switches."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fairlead.core.types import Ref
from fairlead.store.db import Db

OVERTAKEN = "overtaken"
"""The state of a dead letter whose write should not be made any more."""
ROUTED = ("read", "decide", "deliver")
"""Stages whose dead letters are answered when the lead is routed."""


_as_text = json.JSONEncoder(sort_keys=True).encode


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One thing that happened; `detail` holds ids and reasons, no lead data."""

    seq: int
    at: datetime
    event: str
    ref: Ref | None
    decision_id: str | None
    effect_key: str | None
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record or a write that cannot go on by itself.

    `stage` is read, decide or deliver; `state` is open, retried, dropped or overtaken; `version` is
    the record's version when it failed, so that a later edit is looked at afresh.
    """

    id: int
    ref: Ref
    stage: str
    reason: str
    version: str
    effect_key: str | None
    at: datetime
    state: str


def write(
    db: Db,
    now: datetime,
    event: str,
    *,
    ref: Ref | None = None,
    decision_id: str | None = None,
    effect_key: str | None = None,
    **detail: Any,
) -> None:
    """Append one line."""
    db.execute(
        "INSERT INTO journal (at, event, crm, object, lead_id, decision_id, effect_key, detail)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            now.isoformat(), event, ref.crm if ref else None, ref.object if ref else None,
            ref.id if ref else None, decision_id, effect_key, _as_text(detail),
        ),
    )  # fmt: skip


def of_lead(db: Db, ref: Ref, event: str | None = None) -> list[JournalRow]:
    """What happened to a lead, the oldest first; all of it, or one kind of event."""
    rows = db.rows(
        "SELECT * FROM journal WHERE crm = ?1 AND object = ?2 AND lead_id = ?3"
        " AND (?4 IS NULL OR event = ?4) ORDER BY seq",
        (ref.crm, ref.object, ref.id, event),
    )
    return [
        JournalRow(
            seq, datetime.fromisoformat(at), event, ref, decision_id, effect_key,
            json.loads(detail),
        )
        for seq, at, event, _crm, _object, _id, decision_id, effect_key, detail in rows
    ]  # fmt: skip


def add_dead_letter(
    db: Db, now: datetime, ref: Ref, stage: str, reason: str, version: str, effect_key: str | None
) -> bool:
    """Put a record on the list; one open entry per record and stage. True when it is new."""
    before = db.row(
        "SELECT reason, version FROM dead_letters WHERE crm = ? AND object = ? AND lead_id = ?"
        " AND stage = ? AND state = 'open'",
        (ref.crm, ref.object, ref.id, stage),
    )
    db.execute(
        "INSERT INTO dead_letters (crm, object, lead_id, stage, reason, version, effect_key, at,"
        " state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open')"
        " ON CONFLICT (crm, object, lead_id, stage) WHERE state = 'open'"
        " DO UPDATE SET reason = excluded.reason, version = excluded.version,"
        " effect_key = excluded.effect_key",
        (ref.crm, ref.object, ref.id, stage, reason, version, effect_key, now.isoformat()),
    )
    return before is None


def dead_letters(db: Db, *, include_closed: bool = False) -> list[DeadLetter]:
    rows = db.rows(
        "SELECT * FROM dead_letters WHERE state = 'open' OR ? ORDER BY id", (int(include_closed),)
    )
    return [_letter(r) for r in rows]


def dead_letters_of(db: Db, ref: Ref) -> list[DeadLetter]:
    """Those of one lead that wait for a person."""
    rows = db.rows(
        "SELECT * FROM dead_letters WHERE crm = ? AND object = ? AND lead_id = ?"
        " AND state = 'open' ORDER BY id",
        (ref.crm, ref.object, ref.id),
    )
    return [_letter(r) for r in rows]


def close_dead_letter(db: Db, id: int, state: str, now: datetime) -> None:
    """Close one as `retried`, `dropped` or `overtaken`."""
    if state not in ("retried", "dropped", OVERTAKEN):
        raise ValueError(state)
    db.execute(
        "UPDATE dead_letters SET state = ?, closed_at = ? WHERE id = ? AND state = 'open'",
        (state, now.isoformat(), id),
    )


def close_dead_letters_of(
    db: Db, ref: Ref, now: datetime, stages: Sequence[str] | None = None
) -> None:
    """The record could be read or routed after all: its open entries (of stages) are answered."""
    db.execute(
        "UPDATE dead_letters SET state = 'retried', closed_at = ?1 WHERE crm = ?2 AND object = ?3"
        " AND lead_id = ?4 AND state = 'open'"
        " AND (?5 IS NULL OR stage IN (SELECT value FROM json_each(?5)))",
        (
            now.isoformat(), ref.crm, ref.object, ref.id,
            None if stages is None else json.dumps(list(stages)),
        ),
    )  # fmt: skip


def close_dead_letter_of_effect(db: Db, effect_key: str, now: datetime) -> None:
    """The write went through after all: the open entry that names it is answered."""
    db.execute(
        "UPDATE dead_letters SET state = 'retried', closed_at = ? WHERE effect_key = ?"
        " AND state = 'open'",
        (now.isoformat(), effect_key),
    )


def dead_letter_of_effect(db: Db, effect_key: str) -> int | None:
    """The number of the open entry that names a write."""
    found = db.row(
        "SELECT id FROM dead_letters WHERE effect_key = ? AND state = 'open'", (effect_key,)
    )
    return None if found is None else int(found["id"])


def waits_for_a_person(db: Db, ref: Ref, stage: str) -> bool:
    """Whether an entry of this stage is open for the record."""
    found = db.row(
        "SELECT 1 FROM dead_letters WHERE crm = ? AND object = ? AND lead_id = ? AND stage = ?"
        " AND state = 'open'",
        (ref.crm, ref.object, ref.id, stage),
    )
    return found is not None


def get_switch(db: Db, name: str) -> str | None:
    """A durable switch or fact, e.g. `paused`."""
    r = db.row("SELECT value FROM meta WHERE name = ?", (name,))
    return None if r is None else str(r["value"])


def get_switches(db: Db, names: Sequence[str]) -> dict[str, str]:
    """Those of these that are set, with what they say: one question."""
    marks = ", ".join("?" * len(names))
    rows = db.rows(f"SELECT name, value FROM meta WHERE name IN ({marks})", names)  # noqa: S608
    return {r["name"]: r["value"] for r in rows}


def set_switch(db: Db, name: str, value: str | None) -> None:
    if value is None:
        db.execute("DELETE FROM meta WHERE name = ?", (name,))
    else:
        db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))


def _letter(r: Any) -> DeadLetter:
    return DeadLetter(
        r["id"], Ref(r["crm"], r["object"], r["lead_id"]), r["stage"], r["reason"], r["version"],
        r["effect_key"], datetime.fromisoformat(r["at"]), r["state"],
    )  # fmt: skip

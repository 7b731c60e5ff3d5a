"""Batches: many leads that a person ordered to be routed, planned, shown, then applied in steps.

    planned --apply--> applying --every lead looked at--> done
       | too old, or stopped        `--stopped, or too much goes wrong--> stopped

A lead of a batch is `planned`, then `done` (decided, with its writes) or `left_out` for the reason
in its note; that and the decision are one transaction, so that a crash repeats nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fairlead.core.types import Ref
from fairlead.store.db import Db

PLANNED, APPLYING, DONE, STOPPED = "planned", "applying", "done", "stopped"
LEFT_OUT = "left_out"


@dataclass(frozen=True, slots=True)
class Batch:
    """What was ordered. `asked` are the words of the command; `left_out` counts by reason."""

    id: str
    kind: str
    at: datetime
    by: str
    reason: str
    asked: Mapping[str, Any]
    leaving: frozenset[str]
    team: str | None
    policy_hash: str
    looked_at: int
    left_out: Mapping[str, int]
    state: str = PLANNED
    exactly: bool = False
    """A lead goes to the very rep of the plan, or is left out; else to whose turn it is by then."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class BatchLead:
    """One lead of a batch: who owned it, and what the plan gives it."""

    seq: int
    ref: Ref
    person_id: str
    taken_from: str | None
    outcome: str
    rule: str
    pool: str | None
    rep_id: str | None
    owner_id: str | None
    reason: str
    state: str = PLANNED
    note: str = ""
    decision_id: str | None = None


def add(db: Db, batch: Batch, rows: Iterable[BatchLead]) -> None:
    """Keep a new plan."""
    db.execute(
        "INSERT INTO batches (id, kind, at, by_whom, reason, asked, leaving, team, policy_hash,"
        " looked_at, left_out, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            batch.id, batch.kind, batch.at.isoformat(), batch.by, batch.reason,
            json.dumps(dict(batch.asked)), json.dumps(sorted(batch.leaving)), batch.team,
            batch.policy_hash, batch.looked_at, json.dumps(dict(batch.left_out)), batch.state,
        ),
    )  # fmt: skip
    db.executemany(
        "INSERT INTO batch_leads (batch_id, seq, crm, object, lead_id, person_id, taken_from,"
        " outcome, rule, pool, rep_id, owner_id, reason, state)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                batch.id, r.seq, r.ref.crm, r.ref.object, r.ref.id, r.person_id, r.taken_from,
                r.outcome, r.rule, r.pool, r.rep_id, r.owner_id, r.reason, r.state,
            )
            for r in rows
        ],
    )  # fmt: skip


def forget_planned(db: Db, before: datetime) -> None:
    """Throw away plans that nobody applied in time."""
    db.execute("DELETE FROM batches WHERE state = 'planned' AND at < ?", (before.isoformat(),))


def get(db: Db, id: str) -> Batch | None:
    r = db.row("SELECT * FROM batches WHERE id = ?", (id,))
    return None if r is None else _batch(r)


def running(db: Db) -> Batch | None:
    """The batch that is being applied; one at a time."""
    r = db.row("SELECT * FROM batches WHERE state = 'applying' ORDER BY applied_at, id LIMIT 1")
    return None if r is None else _batch(r)


def start(db: Db, id: str, by: str, exactly: bool, now: datetime) -> None:
    """From here on the daemon applies it, also after a restart."""
    db.execute(
        "UPDATE batches SET state = 'applying', applied_by = ?, applied_at = ?,"
        " exactly = ? WHERE id = ?",
        (by, now.isoformat(), int(exactly), id),
    )


def end(db: Db, id: str, state: str, note: str, now: datetime) -> None:
    db.execute(
        "UPDATE batches SET state = ?, note = ?, ended_at = ? WHERE id = ?",
        (state, note, now.isoformat(), id),
    )


def rows_of(db: Db, id: str, state: str | None = None) -> list[BatchLead]:
    """The leads of a batch in order, all or those in one state."""
    rows = db.rows(
        "SELECT * FROM batch_leads WHERE batch_id = ?1 AND (?2 IS NULL OR state = ?2) ORDER BY seq",
        (id, state),
    )
    return [_row(r) for r in rows]


def next_rows(db: Db, id: str, limit: int) -> list[BatchLead]:
    """The next leads to look at, all of the same CRM: the plan's order is kept over both."""
    rows = db.rows(
        "SELECT * FROM batch_leads WHERE batch_id = ? AND state = 'planned' ORDER BY seq LIMIT ?",
        (id, limit),
    )
    found = [_row(r) for r in rows]
    return [r for r in found if r.ref.crm == found[0].ref.crm]


def settle(
    db: Db, id: str, seq: int, state: str, note: str = "", decision_id: str | None = None
) -> None:
    """One lead of the batch has been looked at."""
    db.execute(
        "UPDATE batch_leads SET state = ?, note = ?, decision_id = ?"
        " WHERE batch_id = ? AND seq = ?",
        (state, note, decision_id, id, seq),
    )


def has_routed(db: Db, id: str, person_id: str) -> bool:
    """Whether another record of the person has been routed by this batch already."""
    found = db.row(
        "SELECT 1 FROM batch_leads WHERE batch_id = ? AND person_id = ? AND state = 'done'",
        (id, person_id),
    )
    return found is not None


def counts(db: Db, id: str) -> dict[str, int]:
    """Leads of a batch by state."""
    rows = db.rows(
        "SELECT state, count(*) n FROM batch_leads WHERE batch_id = ? GROUP BY state", (id,)
    )
    return {r["state"]: r["n"] for r in rows}


def writes(db: Db, id: str) -> dict[str, int]:
    """The owner writes that a batch brought, by their state in the outbox."""
    rows = db.rows(
        "SELECT o.state, count(*) n FROM batch_leads b JOIN outbox o ON o.crm = b.crm"
        " AND o.object = b.object AND o.lead_id = b.lead_id AND o.decision_id = b.decision_id"
        " WHERE b.batch_id = ? AND b.state = 'done' AND o.kind = 'set_owner' GROUP BY o.state",
        (id,),
    )
    return {r["state"]: r["n"] for r in rows}


def _batch(r: Any) -> Batch:
    return Batch(
        r["id"], r["kind"], datetime.fromisoformat(r["at"]), r["by_whom"], r["reason"],
        json.loads(r["asked"]), frozenset(json.loads(r["leaving"])), r["team"], r["policy_hash"],
        r["looked_at"], json.loads(r["left_out"]), r["state"], bool(r["exactly"]), r["note"],
    )  # fmt: skip


def _row(r: Any) -> BatchLead:
    return BatchLead(
        r["seq"], Ref(r["crm"], r["object"], r["lead_id"]), r["person_id"], r["taken_from"],
        r["outcome"], r["rule"], r["pool"], r["rep_id"], r["owner_id"], r["reason"], r["state"],
        r["note"], r["decision_id"],
    )  # fmt: skip

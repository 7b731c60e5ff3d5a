"""What a second policy would have done: its answers, its ledger, its loads. Never an effect.

Every row names the shadow policy by its hash, so a changed file begins anew. The tables are the
shadow's own; nothing that routes reads them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from fractions import Fraction
from typing import Any

from fairlead.core.decision import LedgerEntry
from fairlead.core.load import Summed
from fairlead.core.types import Ref
from fairlead.store import loads
from fairlead.store.db import Db

BROKEN = (
    sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InternalError, sqlite3.ProgrammingError,
)  # fmt: skip
"""What only the shadow's own tables can be at fault for; a full disk is not among it."""


KEPT, TO_GIVE_BACK, GIVEN_BACK, TO_CREDIT, CREDITED, TO_UNDO = range(6)
"""What is to become, or has become, of the shadow's turn for a lead; TO_UNDO: its rep was unable
to own it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Where one policy sends a lead."""

    outcome: str
    rule: str
    place: str
    rep_id: str | None
    owner_id: str | None


@dataclass(frozen=True, slots=True)
class ShadowRow:
    """One lead: what was really decided (`was`, by `decision_id`), and what the shadow says.

    `direct` tells that the shadow differed by itself, with the same state. `retry_at` is when a
    lead that the shadow holds is looked at again. `ledger` are the turns it was charged.
    """

    policy_hash: str
    ref: Ref
    generation: int
    decision_id: str
    at: datetime
    was: Answer
    would: Answer
    reason: str
    kind: str
    direct: bool
    retry_at: datetime | None
    ledger: tuple[LedgerEntry, ...]
    back: int = KEPT


def begin(db: Db, policy_hash: str, now: datetime) -> None:
    """Let this shadow start with the balances that the real ledger has now. Idempotent."""
    if started(db, policy_hash) is not None:
        return
    db.execute("INSERT INTO shadows VALUES (?, ?)", (policy_hash, now.isoformat()))
    db.execute(
        "INSERT INTO shadow_balances SELECT ?, pool, rep_id, balance FROM balances", (policy_hash,)
    )


def started(db: Db, policy_hash: str) -> datetime | None:
    """When this shadow began; None if it never did."""
    r = db.row("SELECT since FROM shadows WHERE policy_hash = ?", (policy_hash,))
    return None if r is None else datetime.fromisoformat(r["since"])


def last(db: Db) -> str | None:
    """The hash of the shadow that began last."""
    r = db.row("SELECT policy_hash FROM shadows ORDER BY since DESC, policy_hash LIMIT 1")
    return None if r is None else str(r["policy_hash"])


def balances(db: Db, policy_hash: str) -> dict[str, dict[str, Fraction]]:
    """The shadow's ledger: pool -> rep -> balance, exact."""
    found: dict[str, dict[str, Fraction]] = {}
    for r in db.rows(
        "SELECT pool, rep_id, balance FROM shadow_balances WHERE policy_hash = ?", (policy_hash,)
    ):
        found.setdefault(r["pool"], {})[r["rep_id"]] = Fraction(r["balance"])
    return found


def put_balances(db: Db, policy_hash: str, pool: str, of: Mapping[str, Fraction]) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO shadow_balances VALUES (?, ?, ?, ?)",
        [(policy_hash, pool, rep, str(balance)) for rep, balance in of.items()],
    )


def put(db: Db, row: ShadowRow) -> None:
    """Store the shadow's answer for a lead, in place of the one before."""
    db.execute(
        "INSERT OR REPLACE INTO shadow_leads VALUES"
        " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row.policy_hash, row.ref.crm, row.ref.object, row.ref.id, row.generation,
            row.decision_id, row.at.isoformat(), *astuple(row.was), *astuple(row.would),
            row.reason, row.kind, int(row.direct),
            None if row.retry_at is None else row.retry_at.isoformat(),
            json.dumps([[e.pool, e.rep_id, str(e.delta), e.reason] for e in row.ledger]),
            row.back,
        ),
    )  # fmt: skip


def get(db: Db, policy_hash: str, ref: Ref, generation: int) -> ShadowRow | None:
    r = db.row(
        "SELECT * FROM shadow_leads WHERE policy_hash = ? AND crm = ? AND object = ?"
        " AND lead_id = ? AND generation = ?",
        (policy_hash, ref.crm, ref.object, ref.id, generation),
    )
    return None if r is None else _row(r)


def latest_of(db: Db, policy_hash: str, ref: Ref) -> ShadowRow | None:
    """The shadow's answer for a record in its newest generation."""
    r = db.row(
        "SELECT * FROM shadow_leads WHERE policy_hash = ? AND crm = ? AND object = ?"
        " AND lead_id = ? ORDER BY generation DESC LIMIT 1",
        (policy_hash, ref.crm, ref.object, ref.id),
    )
    return None if r is None else _row(r)


def all_rows(db: Db, policy_hash: str, since: datetime | None) -> list[ShadowRow]:
    """The shadow's answers, the oldest first."""
    return [
        _row(r)
        for r in db.rows(
            "SELECT * FROM shadow_leads WHERE policy_hash = ? AND at >= ? ORDER BY at, lead_id",
            (policy_hash, "" if since is None else since.isoformat()),
        )
    ]


def due(db: Db, policy_hash: str, now: datetime, limit: int) -> list[ShadowRow]:
    """Leads that the shadow holds and that are due for another look, the longest due first.

    Not those that are really held and due, too: the shadow is asked when they are looked at.
    """
    return [
        _row(r)
        for r in db.rows(
            "SELECT s.* FROM shadow_leads s LEFT JOIN leads l ON l.crm = s.crm"
            " AND l.object = s.object AND l.id = s.lead_id AND l.state = 'held'"
            " AND (l.retry_at IS NULL OR l.retry_at <= ?2)"
            " WHERE s.policy_hash = ?1 AND s.retry_at <= ?2 AND l.id IS NULL"
            " ORDER BY s.retry_at LIMIT ?3",
            (policy_hash, now.isoformat(), limit),
        )
    ]


def give_back(db: Db, decision_id: str, back: int = TO_GIVE_BACK) -> None:
    """What the decision cost is given back: the shadow's turn for this lead is to be, too."""
    db.execute(
        "UPDATE shadow_leads SET back = ? WHERE decision_id = ? AND back = ?",
        (back, decision_id, KEPT),
    )


def to_give_back(db: Db, policy_hash: str) -> list[ShadowRow]:
    """Leads whose turns are to be given back."""
    return [
        _row(r)
        for r in db.rows(
            "SELECT * FROM shadow_leads INDEXED BY shadow_leads_back"
            " WHERE policy_hash = ? AND back IN (1, 3, 5)",
            (policy_hash,),
        )
    ]


def received(
    db: Db, policy_hash: str, asked: Iterable[tuple[str, str, datetime]]
) -> dict[tuple[str, str], int]:
    """Leads received by (rep, window), of (rep, window, since): the shadow's, and from before it
    began those really received."""
    begun = started(db, policy_hash)
    rows = db.rows(
        "SELECT json_extract(a.value, '$[0]') rep, json_extract(a.value, '$[1]') span,"
        " (SELECT count(*) FROM shadow_leads s WHERE s.policy_hash = ?1"
        "  AND s.rep_id = json_extract(a.value, '$[0]') AND s.outcome = 'assign'"
        "  AND s.rule <> '' AND s.back IN (0, 3, 4) AND s.at >= json_extract(a.value, '$[2]'))"
        " + (SELECT count(*) FROM decisions d WHERE d.rep_id = json_extract(a.value, '$[0]')"
        "  AND d.outcome = 'assign' AND d.rule <> '' AND NOT d.refunded"
        "  AND d.at >= json_extract(a.value, '$[2]') AND d.at < ?2) n FROM json_each(?3) a",
        (
            policy_hash,
            "" if begun is None else begun.isoformat(),
            json.dumps([[rep, window, since.isoformat()] for rep, window, since in asked]),
        ),
    )
    return {(r["rep"], r["span"]): r["n"] for r in rows}


_BOOK = (
    "WITH book AS (SELECT l.crm, l.object, l.id, l.person_id, l.first_seen_at, l.numbers,"
    " CASE WHEN s.outcome = 'assign' THEN s.owner_id"
    " WHEN s.outcome IS NULL THEN l.owner_id END owner_id FROM leads l"
    " LEFT JOIN shadow_leads s ON s.policy_hash = ?1 AND s.crm = l.crm"
    " AND s.object = l.object AND s.lead_id = l.id AND s.decision_id = l.decision_id"
    " AND (l.state = 'held' OR l.owner_id IS s.was_owner_id)"
    " WHERE NOT l.closed AND (l.state IN ('assigned', 'left')"
    " OR l.state = 'held' AND s.outcome = 'assign'))"
)


def open_leads(db: Db, policy_hash: str, people: Iterable[tuple[str, str, str]]) -> dict[str, int]:
    """Open leads by rep, of (rep, CRM, owner id), if the shadow's owners had them.

    A lead that a person gave to somebody since is theirs, whatever the shadow said.
    """
    rows = db.rows(
        f"{_BOOK} SELECT json_extract(a.value, '$[0]') rep, count(DISTINCT b.person_id) n"  # noqa: S608
        " FROM json_each(?2) a JOIN book b ON b.crm = json_extract(a.value, '$[1]')"
        " AND b.owner_id = json_extract(a.value, '$[2]') GROUP BY rep",
        (policy_hash, json.dumps([list(p) for p in people])),
    )
    return {r["rep"]: r["n"] for r in rows}


def open_sums(
    db: Db, policy_hash: str, people: Iterable[tuple[str, str, str]], names: Sequence[str]
) -> dict[str, dict[str, Summed]]:
    """As `loads.open_sums`, over the open leads that the shadow's reps would have."""
    rows = db.rows(
        f"{_BOOK} SELECT json_extract(a.value, '$[0]') rep, b.person_id, b.numbers"  # noqa: S608
        " FROM json_each(?2) a JOIN book b ON b.crm = json_extract(a.value, '$[1]')"
        " AND b.owner_id = json_extract(a.value, '$[2]')"
        " ORDER BY rep, b.person_id, b.first_seen_at, b.crm, b.object, b.id",
        (policy_hash, json.dumps([list(p) for p in people])),
    )
    return loads.summed(rows, names)


def leads_by_shadow(db: Db) -> dict[str, int]:
    """How many leads each shadow has answered for."""
    return {
        r["policy_hash"]: r["n"]
        for r in db.rows(
            "SELECT s.policy_hash, count(l.lead_id) n FROM shadows s"
            " LEFT JOIN shadow_leads l USING (policy_hash) GROUP BY s.policy_hash"
        )
    }


_ANSWER = tuple(f.name for f in fields(Answer))


def _row(r: Any) -> ShadowRow:
    return ShadowRow(
        r["policy_hash"], Ref(r["crm"], r["object"], r["lead_id"]), r["generation"],
        r["decision_id"], datetime.fromisoformat(r["at"]),
        Answer(*(r[f"was_{name}"] for name in _ANSWER)), Answer(*(r[name] for name in _ANSWER)),
        r["reason"], r["kind"], bool(r["direct"]),
        None if r["retry_at"] is None else datetime.fromisoformat(r["retry_at"]),
        tuple(
            LedgerEntry(pool, rep, Fraction(delta), reason)
            for pool, rep, delta, reason in json.loads(r["ledger"])
        ),
        r["back"],
    )  # fmt: skip

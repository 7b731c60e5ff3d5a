"""Decisions with everything needed to take them again, and the fairness ledger they charge."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from functools import lru_cache

from fairlead.core.decision import Decision, LedgerEntry
from fairlead.core.methods_group import CLAIMED
from fairlead.core.pools import rotation_of
from fairlead.core.turns import CREDIT, REFUND, given_back, receivers
from fairlead.core.types import Ref
from fairlead.store import journal, shadow
from fairlead.store.db import Db


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One decision: its inputs (frozen), what came out, under which policy and roster."""

    id: str
    person_id: str
    generation: int
    attempt: int
    ref: Ref
    at: datetime
    policy_hash: str
    roster_hash: str
    inputs: bytes
    outcome: str
    state: str
    reason: str
    rule: str
    rep_id: str | None
    owner_id: str | None


def keep_policy(db: Db, hash: str, files: Mapping[str, str], main: str, now: datetime) -> None:
    """Keep the exact text of a policy that is used, by its hash."""
    db.execute(
        "INSERT OR IGNORE INTO policies (hash, files, main, first_used_at) VALUES (?, ?, ?, ?)",
        (hash, json.dumps(dict(files)), main, now.isoformat()),
    )


def get_policy(db: Db, hash: str) -> tuple[dict[str, str], str]:
    """The files and main file name of a kept policy; raises KeyError when it was never used."""
    r = db.row("SELECT files, main FROM policies WHERE hash = ?", (hash,))
    if r is None:
        raise KeyError(hash)
    return json.loads(r["files"]), r["main"]


def keep_roster(db: Db, hash: str, content: bytes, now: datetime) -> None:
    """Keep a roster that decisions name; nothing when it is kept already."""
    if db.row("SELECT 1 FROM rosters WHERE hash = ?", (hash,)) is None:
        db.execute(
            "INSERT INTO rosters (hash, content, first_used_at) VALUES (?, ?, ?)",
            (hash, content, now.isoformat()),
        )


def get_roster(db: Db, hash: str) -> bytes:
    r = db.row("SELECT content FROM rosters WHERE hash = ?", (hash,))
    if r is None:
        raise KeyError(hash)
    content: bytes = r["content"]
    return content


def put_decision(db: Db, row: DecisionRow) -> None:
    db.execute(
        "INSERT INTO decisions (id, person_id, generation, attempt, crm, object, lead_id, at,"
        " policy_hash, roster_hash, inputs, outcome, state, reason, rule, rep_id, owner_id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row.id, row.person_id, row.generation, row.attempt, row.ref.crm, row.ref.object,
            row.ref.id, row.at.isoformat(), row.policy_hash, row.roster_hash, row.inputs,
            row.outcome, row.state, row.reason, row.rule, row.rep_id, row.owner_id,
        ),
    )  # fmt: skip


def get_decision(db: Db, id: str) -> DecisionRow | None:
    r = db.row("SELECT * FROM decisions WHERE id = ?", (id,))
    if r is None:
        return None
    _, person_id, generation, attempt, crm, object, lead_id, at, *rest, _refunded = r
    return DecisionRow(
        id,
        person_id,
        generation,
        attempt,
        Ref(crm, object, lead_id),
        datetime.fromisoformat(at),
        *rest,
    )


def assigned_before(
    db: Db, person_id: str, but: str
) -> list[tuple[datetime, Ref, str | None, str | None, str]]:
    """Whom records of a person were given to by any decision but one: when, which, the rep, the
    owner and why."""
    rows = db.rows(
        "SELECT at, crm, object, lead_id, rep_id, owner_id, reason FROM decisions"
        " WHERE person_id = ? AND outcome = 'assign' AND id <> ? ORDER BY at, id",
        (person_id, but),
    )
    return [
        (datetime.fromisoformat(at), Ref(crm, object, lead_id), rep_id, owner_id, reason)
        for at, crm, object, lead_id, rep_id, owner_id, reason in rows
    ]


def given(db: Db, ref: Ref) -> list[tuple[datetime, str | None, str | None]]:
    """When this record was given to whom: instant, rep id, owner id; the oldest first."""
    rows = db.rows(
        "SELECT at, rep_id, owner_id FROM decisions WHERE crm = ? AND object = ? AND lead_id = ?"
        " AND outcome = 'assign' ORDER BY at, id",
        (ref.crm, ref.object, ref.id),
    )
    return [(datetime.fromisoformat(r["at"]), r["rep_id"], r["owner_id"]) for r in rows]


def attempts_of(db: Db, ref: Ref, generation: int) -> int:
    """How many decisions this record has had in this generation."""
    r = db.row(
        "SELECT count(*) n FROM decisions WHERE crm = ? AND object = ? AND lead_id = ?"
        " AND generation = ?",
        (ref.crm, ref.object, ref.id, generation),
    )
    return int(r["n"]) if r is not None else 0


def balances(db: Db) -> dict[str, dict[str, Fraction]]:
    """The whole ledger: pool -> rep -> balance, exact."""
    result: dict[str, dict[str, Fraction]] = {}
    rows = db.rows("SELECT pool, rep_id, balance FROM balances ORDER BY pool, rep_id")
    for pool, rep_id, balance in rows:
        result.setdefault(pool, {})[rep_id] = _exact(balance)
    return result


@lru_cache(maxsize=20_000)
def _exact(text: str) -> Fraction:
    """A balance as it is stored. Kept: all are asked for with every page, and few have moved."""
    return Fraction(text)


def received(db: Db) -> list[tuple[str, str, Fraction, int]]:
    """(pool, rep, balance in the rotation, leads received) of every member a pool has had."""
    return [
        (r["pool"], r["rep_id"], Fraction(r["balance"]), r["received"])
        for r in db.rows("SELECT * FROM balances ORDER BY pool, rep_id")
        if rotation_of(r["pool"]) == r["pool"]
    ]


def charge(
    db: Db,
    decision_id: str,
    decision: Decision,
    running: dict[str, dict[str, Fraction]],
    now: datetime,
) -> None:
    """Write the decision's ledger entries and move the balances, in the store and in `running`."""
    post(db, decision_id, decision.ledger, running, now)
    count(db, receivers(decision.ledger), 1)


def refund(
    db: Db,
    decision_id: str,
    ref: Ref,
    now: datetime,
    running: dict[str, dict[str, Fraction]] | None = None,
    *,
    unable: bool = False,
) -> None:
    """Give a decision's turns back: its rep did not get the lead `ref` after all. Idempotent.

    Only the record that was decided on was charged: for one that followed it nothing happens. What
    a rep paid for taking the lead from a claim queue stays paid: that is how they got it.
    `running` are the balances of a snapshot in use, to be moved along. A rep who was `unable` to
    own it is owed nothing but what the turn has cost: the absent gain nothing.
    """
    rep = _decided_on(db, decision_id, ref)
    first = db.execute(
        "UPDATE decisions SET refunded = 1 WHERE id = ? AND crm = ? AND object = ? AND lead_id = ?"
        " AND NOT refunded",
        (decision_id, ref.crm, ref.object, ref.id),
    )
    if not first.rowcount:
        return
    # A replay needs to know when, also of a turn that has cost nothing.
    journal.write(
        db, now, "turn.refunded", ref=ref, decision_id=decision_id, rep=rep, unable=unable
    )
    shadow.give_back(db, decision_id, shadow.TO_UNDO if unable else shadow.TO_GIVE_BACK)
    if rep is None:
        return
    if _give_back(db, decision_id, rep, REFUND, now, running, unable=unable):
        count(db, receivers(_entries(db, decision_id)), -1)


def credit(
    db: Db,
    decision_id: str,
    ref: Ref,
    now: datetime,
    running: dict[str, dict[str, Fraction]] | None = None,
) -> str | None:
    """Give a decision's turn back for a lead that was not worth one; the rep, None if it was done
    before or nothing was charged. The lead stays counted as received."""
    rep = _decided_on(db, decision_id, ref)
    if rep is None or not _give_back(db, decision_id, rep, CREDIT, now, running):
        return None
    shadow.give_back(db, decision_id, shadow.TO_CREDIT)
    return rep


def _give_back(
    db: Db,
    decision_id: str,
    rep_id: str,
    reason: str,
    now: datetime,
    running: dict[str, dict[str, Fraction]] | None = None,
    *,
    unable: bool = False,
) -> bool:
    """Write what is given back; False if it was done before or nothing was charged."""
    entries = _entries(db, decision_id)
    if any(e.reason in (REFUND, CREDIT) for e in entries):
        return False
    back = given_back(entries, rep_id, reason, unable=unable)
    post(db, decision_id, back, balances(db) if running is None else running, now)
    return bool(back)


def _decided_on(db: Db, decision_id: str, ref: Ref) -> str | None:
    """The rep whom a decision on this very record chose."""
    kept = db.row("SELECT crm, object, lead_id, rep_id FROM decisions WHERE id = ?", (decision_id,))
    if kept is None or Ref(kept["crm"], kept["object"], kept["lead_id"]) != ref:
        return None
    rep: str | None = kept["rep_id"]
    return rep


def _entries(db: Db, decision_id: str) -> list[LedgerEntry]:
    """What a decision cost and what of it was given back; claims are no part of it."""
    return [
        LedgerEntry(r["pool"], r["rep_id"], Fraction(r["delta"]), r["reason"])
        for r in db.rows(
            "SELECT pool, rep_id, delta, reason FROM ledger WHERE decision_id = ?"
            " AND reason <> ? ORDER BY seq",
            (decision_id, CLAIMED),
        )
    ]


def count(db: Db, received: Iterable[tuple[str, str]], leads: int) -> None:
    """So many leads more are received in these pools by these reps, as (pool, rep id)."""
    db.executemany(
        "INSERT INTO balances (pool, rep_id, balance, received) VALUES (?1, ?2, '0', ?3)"
        " ON CONFLICT (pool, rep_id) DO UPDATE SET received = received + ?3",
        [(pool, rep, leads) for pool, rep in received],
    )


def post(
    db: Db,
    decision_id: str,
    entries: Sequence[LedgerEntry],
    running: dict[str, dict[str, Fraction]],
    now: datetime,
) -> None:
    """Write ledger entries, of a decision or ("") of none, and move the balances.

    `running` are the balances of a snapshot in use.
    """
    moved: dict[tuple[str, str], Fraction] = {}
    for e in entries:
        pool = running.setdefault(e.pool, {})
        pool[e.rep_id] = moved[e.pool, e.rep_id] = pool.get(e.rep_id, Fraction(0)) + e.delta
    at = now.isoformat()
    db.executemany(
        "INSERT INTO ledger (at, decision_id, pool, rep_id, delta, reason)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [(at, decision_id, e.pool, e.rep_id, str(e.delta), e.reason) for e in entries],
    )
    db.executemany(
        "INSERT INTO balances (pool, rep_id, balance) VALUES (?, ?, ?)"
        " ON CONFLICT (pool, rep_id) DO UPDATE SET balance = excluded.balance",
        [(pool, rep, str(balance)) for (pool, rep), balance in moved.items()],
    )

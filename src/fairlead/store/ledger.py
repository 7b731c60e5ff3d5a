"""What the fairness ledger says line by line: of one decision, of one pool, and when one leaves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction

from fairlead.core.certificate import Books, Kept
from fairlead.core.decision import LedgerEntry
from fairlead.core.methods_group import CLAIMED
from fairlead.core.pools import beside, missed_in, rotation_of
from fairlead.core.turns import CREDIT, HOUSE, OUTSIDE, REFUND, aside
from fairlead.store.db import Db
from fairlead.store.decisions import post

CARRIED = "carried over"
WRITTEN_OFF = "written off"


def entries_of(db: Db, decision_id: str) -> Sequence[LedgerEntry]:
    """What a decision charged when it was taken, in order.

    What was given back is not among it, nor what it cost a rep to take the lead from a claim queue.
    """
    return [
        LedgerEntry(r["pool"], r["rep_id"], Fraction(r["delta"]), r["reason"])
        for r in db.rows(
            "SELECT pool, rep_id, delta, reason FROM ledger WHERE decision_id = ?"
            " AND reason NOT IN (?, ?, ?) ORDER BY seq",
            (decision_id, REFUND, CREDIT, CLAIMED),
        )
    ]


def books(db: Db) -> Books:
    """Everything that certificates are made of, from the ledger as it is now."""
    sums: dict[str, dict[str, dict[str, Fraction]]] = {}
    since: dict[str, datetime] = {}
    for r in db.rows("SELECT at, pool, rep_id, delta, reason FROM ledger ORDER BY seq"):
        pool = rotation_of(r["pool"])
        if r["pool"] == beside(pool) and r["rep_id"] not in HOUSE:
            of_rep = sums.setdefault(pool, {}).setdefault(r["rep_id"], {})
            of_rep[r["reason"]] = of_rep.get(r["reason"], Fraction(0)) + Fraction(r["delta"])
        if r["reason"] == CARRIED:
            since[pool] = datetime.fromisoformat(r["at"])
    kept: dict[str, dict[str, Kept]] = {}
    for r in db.rows("SELECT * FROM balances ORDER BY pool, rep_id"):
        pool, rep = rotation_of(r["pool"]), r["rep_id"]
        if rep in HOUSE or r["pool"] == missed_in(pool):
            continue
        before = kept.setdefault(pool, {}).get(rep, Kept())
        own = Fraction(r["balance"]) if r["pool"] == pool else before.balance
        owed = sums.get(pool, {}).get(rep, {})
        kept[pool][rep] = Kept(own, before.received + r["received"], owed)
    return Books(kept, since)


def restart(
    db: Db,
    pool: str,
    gone: Sequence[str],
    running: dict[str, dict[str, Fraction]],
    now: datetime,
) -> dict[str, Fraction]:
    """Begin a rotation again at 0, since these have left; what each balance was.

    What the members were owed is carried over and stays owed beside the rotation; what the others
    were is written off there. They are counted no more, their leads stay counted.
    """
    held = dict(running.get(pool, {}))
    side, missed = beside(pool), missed_in(pool)
    entries = [e for rep, b in held.items() if b for e in _carried(pool, rep, b)]
    for rep in gone:
        owed = held.get(rep, Fraction(0)) + running.get(side, {}).get(rep, Fraction(0))
        entries += aside(side, rep, -owed, WRITTEN_OFF)
        lost = running.get(missed, {}).get(rep, Fraction(0))
        entries += aside(missed, rep, -lost, WRITTEN_OFF) if lost else ()
    if not any(e.reason == CARRIED for e in entries):
        # Nothing to carry is also a restart: its time is kept.
        entries.append(LedgerEntry(side, OUTSIDE, Fraction(0), CARRIED))
    post(db, "", entries, running, now)
    for rep in gone:
        db.execute(
            "UPDATE balances SET received = received + coalesce((SELECT received FROM balances"
            " WHERE pool = ?1 AND rep_id = ?3), 0) WHERE pool = ?2 AND rep_id = ?3",
            (pool, side, rep),
        )
        db.execute("DELETE FROM balances WHERE pool = ? AND rep_id = ?", (pool, rep))
        running[pool].pop(rep, None)
    return held


def claimed_pools(db: Db) -> frozenset[str]:
    """The pools with claims since they began: what their balances hold is no rotation."""
    begun: dict[str, int] = {}
    for r in db.rows(
        "SELECT pool, max(seq) seq FROM ledger WHERE reason IN (?, ?) GROUP BY pool",
        (CARRIED, WRITTEN_OFF),
    ):
        pool = rotation_of(r["pool"])
        begun[pool] = max(begun.get(pool, 0), r["seq"])
    rows = db.rows(
        "SELECT pool, max(seq) seq FROM ledger WHERE reason = ? GROUP BY pool", (CLAIMED,)
    )
    return frozenset(r["pool"] for r in rows if r["seq"] > begun.get(r["pool"], 0))


def _carried(pool: str, rep_id: str, balance: Fraction) -> tuple[LedgerEntry, ...]:
    return (
        LedgerEntry(pool, rep_id, -balance, CARRIED),
        LedgerEntry(beside(pool), rep_id, balance, CARRIED),
    )

"""What the fairness ledger says line by line: of one decision, and what was given back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from fairlead.core.decision import LedgerEntry
from fairlead.core.fairness import FORCED
from fairlead.core.methods_group import CLAIMED
from fairlead.store.db import Db
from fairlead.store.decisions import REFUND


def entries_of(db: Db, decision_id: str) -> Sequence[LedgerEntry]:
    """What a decision charged when it was taken, in order.

    Refunds are not among it, nor what it cost a rep to take the lead from a claim queue later.
    """
    return [
        LedgerEntry(r["pool"], r["rep_id"], Fraction(r["delta"]), r["reason"])
        for r in db.rows(
            "SELECT pool, rep_id, delta, reason FROM ledger WHERE decision_id = ?"
            " AND reason NOT IN (?, ?) ORDER BY seq",
            (decision_id, REFUND, CLAIMED),
        )
    ]


@dataclass(frozen=True, slots=True)
class Returned:
    """Turns that a rep was given back in a pool, and by how much refunds moved the balance."""

    turns: int
    net: Fraction


def returned(db: Db) -> dict[tuple[str, str], Returned]:
    """Refunds by (pool, rep): a turn is given back when its lead went elsewhere after all."""
    found: dict[tuple[str, str], Returned] = {}
    for r in db.rows("SELECT pool, rep_id, delta FROM ledger WHERE reason = ?", (REFUND,)):
        delta = Fraction(r["delta"])
        so_far = found.get((r["pool"], r["rep_id"]), Returned(0, Fraction(0)))
        # Shares taken back are below 0; only a turn is above.
        found[r["pool"], r["rep_id"]] = Returned(so_far.turns + (delta > 0), so_far.net + delta)
    return found


def forced_turns(db: Db) -> dict[str, int]:
    """Turns charged past the rotation, by pool; those given back later are among them."""
    rows = db.rows("SELECT pool, count(*) n FROM ledger WHERE reason = ? GROUP BY pool", (FORCED,))
    return {r["pool"]: r["n"] for r in rows}

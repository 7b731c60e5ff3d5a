"""What reps made of the leads they were given, and the weights that follow from it, by team."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction

from fairlead.core.fairness import TURN
from fairlead.core.pools import beside
from fairlead.core.turns import CREDIT, OWED
from fairlead.store.db import Db


def win(db: Db, decision_id: str, now: datetime) -> None:
    """Note that a lead became a success; once for each decision."""
    db.execute(
        "INSERT OR IGNORE INTO wins (decision_id, at) VALUES (?, ?)",
        (decision_id, now.isoformat()),
    )


def results(db: Db, pools: Sequence[str], since: datetime) -> dict[str, tuple[int, int]]:
    """(leads given, successes among them) by rep id: what these pools gave since then.

    What was given back, never arrived or came from outside the rotation is not among them.
    """
    accounts = json.dumps([account for pool in pools for account in (pool, beside(pool))])
    rows = db.rows(
        "SELECT d.rep_id, count(*) given, count(w.decision_id) won FROM decisions d"
        " LEFT JOIN wins w ON w.decision_id = d.id"
        " WHERE d.outcome = 'assign' AND d.at >= ? AND d.rep_id IS NOT NULL AND NOT d.refunded"
        " AND EXISTS (SELECT 1 FROM ledger l WHERE l.decision_id = d.id AND l.rep_id = d.rep_id"
        "  AND l.reason IN (?, ?) AND l.pool IN (SELECT value FROM json_each(?)))"
        " AND NOT EXISTS (SELECT 1 FROM ledger l WHERE l.decision_id = d.id AND l.reason = ?)"
        " GROUP BY d.rep_id ORDER BY d.rep_id",
        (since.isoformat(), TURN, OWED, accounts, CREDIT),
    )
    return {r["rep_id"]: (r["given"], r["won"]) for r in rows}


def factors(db: Db) -> dict[str, dict[str, Fraction]]:
    """The measured factors in force: team -> rep -> factor."""
    found: dict[str, dict[str, Fraction]] = {}
    for r in db.rows("SELECT team, rep_id, factor FROM team_weights ORDER BY team, rep_id"):
        found.setdefault(r["team"], {})[r["rep_id"]] = Fraction(r["factor"])
    return found


def put_factors(db: Db, team: str, given: Mapping[str, Fraction], now: datetime) -> None:
    """These are in force for the team from now on, and no others."""
    db.execute("DELETE FROM team_weights WHERE team = ?", (team,))
    db.executemany(
        "INSERT INTO team_weights (team, rep_id, factor, at) VALUES (?, ?, ?, ?)",
        [(team, rep, str(factor), now.isoformat()) for rep, factor in given.items()],
    )

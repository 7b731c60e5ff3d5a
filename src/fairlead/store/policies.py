"""Which policy is in force, and the last decision of each lead that a new one is tried on."""

from __future__ import annotations

import json
from dataclasses import dataclass

from fairlead.core.types import Ref
from fairlead.store import decisions, journal
from fairlead.store.db import Db
from fairlead.store.decisions import DecisionRow

IN_FORCE = "policy_in_force"
MANY_TRIES = 4
"""Decisions looked through for each lead wanted: a held lead has several, the rest have one."""


@dataclass(frozen=True, slots=True)
class InForceRow:
    """The policy in force: the hash its texts are kept under, and the file it was read from."""

    hash: str
    path: str


def in_force(db: Db) -> InForceRow | None:
    """What was put in force last; None in a state that has had no policy (or an older one)."""
    kept = journal.get_switch(db, IN_FORCE)
    return None if kept is None else InForceRow(**json.loads(kept))


def put_in_force(db: Db, row: InForceRow) -> None:
    """Note the policy that decides from now on; its texts must be kept already."""
    known = {"hash": row.hash, "path": row.path}
    journal.set_switch(db, IN_FORCE, json.dumps(known, sort_keys=True))


def last_decisions(db: Db, leads: int) -> list[DecisionRow]:
    """The newest decision of each of the `leads` decided last, newest first."""
    found: dict[Ref, DecisionRow] = {}
    rows = db.rows("SELECT id FROM decisions ORDER BY at DESC LIMIT ?", (leads * MANY_TRIES,))
    for r in rows:
        row = decisions.get_decision(db, r["id"])
        if row is not None:
            found.setdefault(row.ref, row)
        if len(found) == leads:
            break
    return list(found.values())

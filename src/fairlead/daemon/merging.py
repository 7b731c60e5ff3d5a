"""Two persons who are one after all: somebody has merged a record of the one into the other's.

Inside the caller's transaction, by whatever way the merge came to light: a feed that tells of it,
or a record that reads as another one. Doing it twice is once.
"""

from __future__ import annotations

from fairlead.core.types import Ref
from fairlead.store import cadences, clocks, leads, recyclings
from fairlead.store.db import Db

MERGED = "merged into "
"""How the reason of a lead begins that was merged away; the survivor's address follows."""


def become_one(db: Db, ref: Ref, survivor: Ref) -> None:
    """The record `ref` was merged into `survivor`: its person is the survivor's.

    With every record, key, clock, follow-up and time round. A survivor that nobody has seen yet is
    waited for.
    """
    gone, there = leads.get_lead(db, ref), leads.get_lead(db, survivor)
    if gone is None:
        return
    to = leads.await_survivor(db, survivor, gone.person_id) if there is None else there.person_id
    _join(db, gone.person_id, to)


def survives_others(db: Db, ref: Ref, person_id: str) -> None:
    """A record is seen first, and is `person_id`'s: so are those that were merged into it."""
    waiting = leads.awaited(db, ref)
    if waiting is not None:
        _join(db, waiting, person_id)


def _join(db: Db, person_id: str, to: str) -> None:
    if person_id != to:
        leads.join_persons(db, person_id, to)
        for rows in (recyclings, clocks, cadences):
            rows.hand_over(db, person_id, to)

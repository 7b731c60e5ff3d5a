"""What stays as it is: the state of a record's lead that needs no decision now.

Asked by `routing` for every sighting, inside its transaction. Reads the store and writes nothing.
"""

from __future__ import annotations

from dataclasses import replace

from fairlead.core.decision import OutcomeKind, World
from fairlead.core.effects import SetOwner
from fairlead.core.types import LeadState, Record
from fairlead.daemon.sightings import is_persons
from fairlead.store import decisions, journal
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow
from fairlead.store.outbox import OutboxRow


def kept_as(
    db: Db,
    row: LeadRow,
    known: LeadRow | None,
    world: World,
    *,
    ready: bool,
    pending: OutboxRow | None,
) -> LeadRow | None:
    """The row in the state that needs no decision now; None when one must be taken.

    `known` is what stood before, None for a first or an ordered look; `pending` is our own write of
    its owner that is on its way. A lead that we have given
    to somebody is decided again only when told to: whatever became of it since (another owner,
    none at all) is what people or their tools wanted.
    """
    if known is not None and known.state is LeadState.PRE_EXISTING:
        return replace(row, state=LeadState.PRE_EXISTING, reason="older than the first start")
    if row.decision_id and pending is not None:
        return replace(row, state=LeadState.ASSIGNED, retry_at=None)
    if known is not None and known.state is LeadState.TERMINAL:
        return row
    if known is not None and known.state is LeadState.DEAD_LETTER:
        kept = _still_dead(db, row, world)
        if kept is not None:
            return kept
    if known is not None and row.state is LeadState.ASSIGNED and row.owner_id == known.owner_id:
        return row
    if known is not None and (row.state is LeadState.ASSIGNED or _was_assigned(db, row)):
        if is_persons(world, row.ref.crm, row.owner_id):
            reason = row.reason if row.state is LeadState.ASSIGNED else "has an owner again"
            return replace(row, state=LeadState.ASSIGNED, reason=reason)
        if row.state is LeadState.LEFT and row.owner_id == known.owner_id:
            return row
        return replace(row, state=LeadState.LEFT, reason="its owner was taken away")
    if not ready:
        return replace(row, state=LeadState.HELD, reason="existing records are still being read")
    return None


def _still_dead(db: Db, row: LeadRow, world: World) -> LeadRow | None:
    """A lead whose owner the CRM refused waits for a person, whatever else changes on it.

    Our own task changes it, too. Somebody who gives it an owner by hand has answered it.
    """
    if not journal.waits_for_a_person(db, row.ref, "deliver"):
        return None
    if is_persons(world, row.ref.crm, row.owner_id):
        return replace(row, state=LeadState.ASSIGNED, reason="has an owner again")
    return replace(row, state=LeadState.DEAD_LETTER)


def _was_assigned(db: Db, row: LeadRow) -> bool:
    """Whether it is left because somebody took it from the owner that we gave it."""
    if row.state is not LeadState.LEFT or row.decision_id is None:
        return False
    kept = decisions.get_decision(db, row.decision_id)
    return kept is not None and kept.outcome == OutcomeKind.ASSIGN.value


def believed_owner(row: LeadRow, record: Record, pending: OutboxRow | None) -> str | None:
    """The owner seen, unless our write is on its way and the CRM still shows the old one."""
    if (
        pending is not None
        and isinstance(pending.effect, SetOwner)
        and record.owner_id == pending.effect.expected_owner_id
    ):
        return row.owner_id
    return record.owner_id

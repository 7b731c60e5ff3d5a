"""Take over what a CRM says of its users and queues, and say once what could not be read.

Called by the reading side inside a transaction; the store keeps the list, so that a restart says
nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fairlead.core.types import CrmOwner
from fairlead.store import directory
from fairlead.store.db import Db
from fairlead.telemetry import get_logger

log = get_logger()


@dataclass(frozen=True, slots=True)
class Taken:
    """What a new list changed: the journal's name for it, and whether held leads may profit."""

    event: str
    hope: bool


def take_owners(db: Db, crm: str, owners: Sequence[CrmOwner]) -> Taken | None:
    """Store the list; None when nothing changed.

    `owners.changed`: somebody came, went or was renamed. `availability.changed`: only what the CRM
    tells of presence, hours or absences moved, and if that is only that people went away, there is
    no hope in it. A user whose availability cannot be read in part is logged once, and again only
    when other properties are concerned.
    """
    before = {o.id: o for o in directory.get_owners(db, crm)}
    if not directory.replace_owners(db, crm, owners):
        return None
    moved = [o for o in directory.get_owners(db, crm) if o != before.get(o.id)]
    for owner in moved:
        unreadable = _unreadable(owner)
        if unreadable and unreadable != _unreadable(before.get(owner.id)):
            log.warning(
                "availability.unreadable", crm=crm, owner=owner.id,
                reason=f"cannot be understood and counts as not said: {', '.join(unreadable)}",
            )  # fmt: skip
    if any(_without(o) != _without(before.get(o.id)) for o in moved):
        return Taken("owners.changed", True)
    return Taken("availability.changed", not all(_away(o) for o in moved))


def _without(owner: CrmOwner | None) -> CrmOwner | None:
    return None if owner is None else replace(owner, availability=None)


def _away(owner: CrmOwner) -> bool:
    return owner.availability is not None and owner.availability.present is False


def _unreadable(owner: CrmOwner | None) -> tuple[str, ...]:
    told = owner.availability if owner is not None else None
    return told.unreadable if told is not None else ()

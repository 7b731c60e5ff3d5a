"""What one sighting of a record tells beside the last one. Pure; used by routing and ingest."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

import orjson

from fairlead.core.decision import World
from fairlead.core.types import OwnerKind, Record
from fairlead.store.leads import LeadRow

_SORTED = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS

ODD_DATA = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What a record nobody has thought of can raise on its way; the store's errors are not among it."""


def version_of(record: Record) -> str:
    """What tells two sightings apart: the stamp, and (stamps being coarse) a hash of the values."""
    values = (
        record.fields, record.owner_id, record.deleted, record.converted, record.unreadable
    )  # fmt: skip
    try:
        seen = orjson.dumps(values, default=str, option=_SORTED)
    except TypeError:
        # Half of a surrogate pair: text that JSON allows and UTF-8 does not.
        seen = json.dumps(values, default=str, sort_keys=True).encode()
    return f"{record.version}#{hashlib.blake2b(seen, digest_size=8).hexdigest()}"


def is_news(known: str, record: Record, version: str) -> bool:
    """Whether a record in this `version` tells something that the `known` version does not."""
    if known == version:
        return False
    return record.version >= known.split("#", 1)[0]


def is_persons(world: World, crm: str, owner_id: str | None) -> bool:
    """Whether somebody owns the lead: not nobody and not a queue; a user we do not know yet is."""
    if owner_id is None:
        return False
    owner = world.owners.get((crm, owner_id))
    return owner is None or owner.kind is not OwnerKind.QUEUE


def is_old(record: Record, row: LeadRow, baseline: datetime, *, first_reading: bool) -> bool:
    """Whether the lead was there before the first start: by its age, or, if it does not tell,
    because the first reading found it."""
    if row.decision_id is not None:
        return False
    if record.created_at is None:
        return first_reading
    return record.created_at < baseline

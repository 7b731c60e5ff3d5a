"""What the house can write into a CRM; a new kind of write is one class here.

Every effect has a key that is the same whenever the same decision is taken on the same state, so
that deciding twice plans the same write once. Keys are built in one place, `effect_key`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from fairlead.core.types import Ref


@dataclass(frozen=True, slots=True)
class SetOwner:
    """Give a record its owner.

    `expected_owner_id` is the owner the decision saw; the guard refuses when somebody else has
    changed it since. `audit` is the short reason for the CRM's audit field, where one exists.
    """

    key: str
    ref: Ref
    owner_id: str
    expected_owner_id: str | None
    audit: str = ""


@dataclass(frozen=True, slots=True)
class UpsertTask:
    """Create the task with this marker, or bring the existing one to this state.

    `marker` is unique in the CRM (Salesforce `Fairlead_Key__c`, HubSpot `fairlead_key`), so a
    second try finds the first task. `due_at` is UTC.
    """

    key: str
    ref: Ref
    marker: str
    owner_id: str
    subject: str
    body: str
    due_at: datetime
    high_priority: bool = False
    role: str = ""
    """The role of somebody who works on the lead beside its owner; "" for the owner's own task."""


@dataclass(frozen=True, slots=True)
class SetScore:
    """Write a lead's score into one field of its record; whole points.

    There is one such effect per record, whose value moves; sending it twice changes nothing.
    """

    key: str
    ref: Ref
    field: str
    value: int


@dataclass(frozen=True, slots=True)
class SetField:
    """Write a text into one field of a record: a pick-list value, a date or a number as text.

    "" clears the field. `expected` is what the decision saw there, None or "" for nothing; the
    guard leaves a field that shows neither `expected` nor `value`: somebody has changed it since.
    """

    key: str
    ref: Ref
    field: str
    value: str
    expected: str | None


@dataclass(frozen=True, slots=True)
class SetMember:
    """Put a lead into a group, or take it out: a Salesforce campaign, a manual list of HubSpot's.

    `group` is the id of the campaign or list. What is so already is done; sending it twice never
    makes a second member.
    """

    key: str
    ref: Ref
    group: str
    member: bool


Effect = SetOwner | UpsertTask | SetScore | SetField | SetMember


def effect_key(person_id: str, generation: int, ref: Ref, kind: str, step: int = 0) -> str:
    """Name an effect after its case, record, kind and step; 32 hex characters, stable for ever."""
    text = f"{person_id}|{generation}|{ref}|{kind}|{step}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]

"""The values that cross every boundary of the house: what a CRM shows us, and what rules see.

All are frozen; every instant is an aware UTC datetime; a missing value is None, never "".
Raw things (`Record`) carry the CRM's own field names; a `Lead` carries ours (docs/glossary.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from fairlead.core.ramp import Ramp
from fairlead.core.worktime import Calendar

Value = str | int | float | bool | datetime | tuple[str, ...] | None
"""What a rule can see: text, number, yes/no, instant (UTC), list of texts, or missing."""


class Kind(StrEnum):
    """What a record is to us, whatever the CRM calls its object."""

    LEAD = "lead"
    CONTACT = "contact"
    ACCOUNT = "account"
    REP = "rep"
    QUEUE = "queue"
    ACTIVITY = "activity"
    OUTCOME = "outcome"


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """The address of one remote record; `id` is the canonical one (Salesforce: 18 characters)."""

    crm: str
    object: str
    id: str

    def __str__(self) -> str:
        return f"{self.crm}:{self.object}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> Ref:
        """Read `crm:object:id` back; raises ValueError for anything else."""
        crm, obj, rid = text.split(":", 2)
        if not (crm and obj and rid):
            raise ValueError(f"not a record reference: {text!r}")
        return cls(crm, obj, rid)


class Actor(StrEnum):
    """Who made a change, as far as the CRM's history tells."""

    US = "us"
    PERSON = "person"
    AUTOMATION = "automation"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class OwnerChange:
    """One entry of a record's owner history; `owner_id` None means the owner was cleared."""

    at: datetime
    owner_id: str | None
    actor: Actor
    actor_id: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One remote row as the connector read it.

    `fields` holds the CRM's own names and JSON values. `modified_at` orders versions of one
    record. `unreadable` is a reason when the row could not be understood; such a row still has its
    `ref` and becomes a dead letter. `owner_history` is newest last and only filled by `read()`;
    None means it was not asked for or the CRM keeps none.
    """

    ref: Ref
    kind: Kind
    modified_at: datetime
    created_at: datetime | None
    fields: Mapping[str, Any]
    owner_id: str | None = None
    deleted: bool = False
    merged_into: Ref | None = None
    converted: bool = False
    unreadable: str | None = None
    owner_history: tuple[OwnerChange, ...] | None = None
    url: str | None = None

    @property
    def version(self) -> str:
        """What tells two sightings of one record apart: id plus modification instant."""
        return self.modified_at.isoformat()


@dataclass(frozen=True, slots=True)
class Gone:
    """A record that was asked for by id and does not exist (any more)."""

    ref: Ref
    reason: str


@dataclass(frozen=True, slots=True)
class Cursor:
    """An opaque resume point, JSON-safe; only the connector that made it reads `position`.

    `covered_until` (UTC, the CRM's own clock) is where the feed is known to be complete, look-back
    already taken off: the house shows it as lag and uses it for nothing else.
    """

    position: Mapping[str, Any]
    covered_until: datetime


class OwnerKind(StrEnum):
    REP = "rep"
    QUEUE = "queue"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Availability:
    """What a CRM says of one user's availability; empty or None where it says nothing.

    `off` are out-of-office spans, UTC, end exclusive, in order. `hours` are weekly working blocks
    (weekday with Monday 0, first minute, minute after the last; at most 1440) by the wall clock of
    `timezone`, an IANA name; there are none without one. `present` is whether the user is there
    now. `unreadable` names CRM properties that could not be understood and count as not said.
    """

    off: tuple[tuple[datetime, datetime], ...] = ()
    hours: tuple[tuple[int, int, int], ...] = ()
    timezone: str | None = None
    present: bool | None = None
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CrmOwner:
    """A user or queue of one CRM, as read from it. `email` is lower case.

    `availability` is None for a queue, and for a user of whom the CRM tells nothing.
    """

    crm: str
    id: str
    kind: OwnerKind
    name: str
    email: str | None
    active: bool
    fields: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    availability: Availability | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A company of one CRM, for matching. `domains` are registrable, lower case, not free mail."""

    ref: Ref
    name: str
    domains: tuple[str, ...]
    owner_id: str | None
    type: str | None = None
    industry: str | None = None
    employees: int | None = None
    parent_id: str | None = None


@dataclass(frozen=True, slots=True)
class Lead:
    """One lead in our words, normalised; `values` is what rules see, by dotted name.

    Names are those of the schema in `core/schema.py` plus the policy's own `fields:`. Namespaces
    (`owner`, `account`, a table) are present as a key with True when they exist and None when not.
    """

    ref: Ref
    created_at: datetime | None
    modified_at: datetime
    owner_id: str | None
    values: Mapping[str, Value]

    def get(self, name: str) -> Value:
        return self.values.get(name)


@dataclass(frozen=True, slots=True)
class TimeOff:
    """One leave of a rep: from `start` to `end` (not in it), UTC; `until` names its end in words.

    `quiet_from` and `quiet_until` also cover the working days kept free around it. `cover` is the
    rep who covers in this leave, "" when it says nothing. `crm` names the CRM that told of it.
    """

    start: datetime
    end: datetime
    quiet_from: datetime
    quiet_until: datetime
    until: str
    cover: str = ""
    crm: str = ""


@dataclass(frozen=True, slots=True)
class Capacity:
    """The most a rep takes: open leads at a time, new ones by hour, day and week; None: no limit.

    Hours, days and weeks (from Monday) are those of the rep's calendar's zone, UTC without one.
    """

    open: int | None = None
    per_hour: int | None = None
    per_day: int | None = None
    per_week: int | None = None


NO_LIMITS = Capacity()


@dataclass(frozen=True, slots=True)
class Rep:
    """One person who can own leads, over all CRMs; `id` is the policy's name (the e-mail).

    `crm_ids` maps connector name to that CRM's owner id; `active` likewise says whether the CRM
    lets the person own records now. `weight` is exact, `ramp` the share of it and of the limits
    that a new rep has. `calendar` names one of the policy's; a rep without one works the hours that
    a CRM tells (`crm_hours`) or always. `cover` is the rep who gets what would go to this one by
    name in a leave. `skills` are values by kind of skill. `weights` stand for `weight` in the teams
    that measure theirs.
    """

    id: str
    name: str
    weight: Fraction
    crm_ids: Mapping[str, str]
    active: Mapping[str, bool]
    calendar: str | None = None
    off: tuple[TimeOff, ...] = ()
    capacity: Capacity = NO_LIMITS
    skills: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    ramp: Ramp | None = None
    cover: str = ""
    crm_hours: Calendar | None = None
    weights: Mapping[str, Fraction] = field(default_factory=lambda: MappingProxyType({}))

    def usable_in(self, crm: str) -> bool:
        return crm in self.crm_ids and self.active.get(crm, False)


class LeadState(StrEnum):
    """The closed list of states: every lead seen is in exactly one."""

    PRE_EXISTING = "pre_existing"
    HELD = "held"
    ASSIGNED = "assigned"
    LEFT = "left"
    RECYCLED = "recycled"
    TERMINAL = "terminal"
    GONE = "gone"
    DEAD_LETTER = "dead_letter"

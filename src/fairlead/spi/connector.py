"""The connector protocol: a few calls, small values, no SDK type or string.

Whole-call failures raise from `fairlead.errors`; the failure of one record is a `Receipt`.
A connector object serves one direction (reading or writing) and is used by one thread at a time;
the registry builds two. It holds no decision state: cursors and outcomes live in the store.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from pydantic import BaseModel

from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.effects import Effect
from fairlead.core.fate import Fate
from fairlead.core.membership import Member
from fairlead.core.types import CrmOwner, Gone, Kind, Record, Ref
from fairlead.core.types import Cursor as Cursor


@dataclass(frozen=True, slots=True)
class ChangePage:
    """One page of changes of one kind, oldest first.

    `cursor` is stored in the same transaction as the page's rows. `more` asks for another call at
    once. Pages may repeat rows (look-back); the house folds them by (ref, version).
    `server_now` is the CRM's clock when it answered.
    """

    kind: Kind
    records: Sequence[Record]
    cursor: Cursor
    more: bool
    server_now: datetime


@dataclass(frozen=True, slots=True)
class MemberPage:
    """One page of joinings, oldest first; `cursor` and `more` as those of a `ChangePage`."""

    members: Sequence[Member]
    cursor: Cursor
    more: bool


class Outcome(StrEnum):
    """What became of one effect of a write."""

    APPLIED = "applied"
    """The CRM said yes (still to be verified)."""
    REFUSED = "refused"
    """The CRM said no to this record, for good: org rule, validation. Dead letter."""
    BAD_OWNER = "bad_owner"
    """The owner cannot own it (inactive, no access): choose another."""
    GONE = "gone"
    """The record is deleted, merged away or converted."""
    RETRY = "retry"
    """Definitely not applied, worth another try (row lock, quota)."""
    AMBIGUOUS = "ambiguous"
    """No answer for this row: it may or may not be applied."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to one effect, in the order of the effects given.

    `detail` is made of codes and field names and is logged; `said` is what the CRM said in words,
    which may quote the record: it is shown with the dead letter and written nowhere else.
    """

    key: str
    outcome: Outcome
    detail: str = ""
    remote_id: str | None = None
    after: float | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A write's receipts (same length and order as its effects) and the poll it carried, if any."""

    receipts: Sequence[Receipt]
    pages: Mapping[Kind, ChangePage] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TaskFound:
    """A task of ours that exists in the CRM."""

    marker: str
    remote_id: str
    owner_id: str | None
    open: bool


@dataclass(frozen=True, slots=True)
class ActivitiesOf:
    """One question to `Connector.activities`: what was done with this lead since then (UTC).

    `thorough` leaves out any cheap look beforehand that trails behind the truth; it is for the
    last look before something follows from the answer. `kinds` says which of the kinds of the call
    are of interest here, None: all; of the others as much may be told as comes along.
    """

    ref: Ref
    since: datetime
    thorough: bool = False
    kinds: frozenset[ActivityKind] | None = None

    def wants(self, kinds: Collection[ActivityKind]) -> bool:
        """Whether any of these is of interest here."""
        return self.kinds is None or not self.kinds.isdisjoint(kinds)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What this connector can do; the policy and the doctor are checked against it at start."""

    queues: bool
    """Queues can own leads."""
    owner_history: bool
    """`read()` fills `owner_history`, so that a person's change is told from automation."""
    carries_poll: bool
    """`write(..., then_poll=...)` polls in the same round trip."""
    audit_field: bool
    """The audit field exists, so that `SetOwner.audit` is written."""
    task_marker: bool
    """The unique marker field exists, so that tasks can be found again."""
    max_effects: int
    """Most effects of one kind (owners, tasks, fields, members) that one `write()` takes well."""
    lead_objects: tuple[str, ...]
    """Object names leads live in, e.g. ("Lead",)."""
    activities: frozenset[ActivityKind] = frozenset()
    """Kinds that `activities()` can see; one that our user may not read is missing once known."""
    groups: bool = False
    """Leads can be put into groups and `joined()` tells who joined; False once known that our user
    may not."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `doctor`: what was looked at, whether it holds, and what to do when not."""

    check: str
    ok: bool
    detail: str
    remedy: str = ""
    fatal: bool = True


@dataclass(frozen=True, slots=True)
class Probe:
    """Who we are in the CRM and what we found there; `server_now` is the CRM's clock.

    `our_ids` are the ids under which our own changes appear in owner history.
    """

    server_now: datetime
    account: str
    our_ids: tuple[str, ...]
    capabilities: Capabilities
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class RemoteField:
    """One CRM field, for `init` and the policy's cross-check. `type` is one of ours."""

    name: str
    label: str
    type: str
    custom: bool
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Budget:
    """API quota as the last response headers told it; None where the CRM does not say."""

    daily_limit: int | None = None
    daily_remaining: int | None = None
    calls_made: int = 0


class FieldMap(Protocol):
    """Where our field names live in this CRM."""

    def sources(self, name: str) -> tuple[str, ...]:
        """CRM field names to try in order for our lead field `name`; () when it has none."""
        ...

    def names(self) -> tuple[str, ...]:
        """Our lead field names that this CRM can fill."""
        ...


class Connector(Protocol):
    """One CRM, one direction. See the module docstring for errors and threading."""

    name: str

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def field_map(self) -> FieldMap: ...

    @property
    def budget(self) -> Budget: ...

    def start_cursor(self, kind: Kind, *, since: datetime | None) -> Cursor:
        """A cursor before the first page; `since` None means from the beginning of time. No I/O."""
        ...

    def changes(self, cursors: Mapping[Kind, Cursor]) -> Mapping[Kind, ChangePage]:
        """The next page of each kind, in as few round trips as the CRM allows. Reads only."""
        ...

    def read(self, refs: Sequence[Ref]) -> Mapping[Ref, Record | Gone]:
        """The records by id, never by search, with owner history where the CRM keeps it.

        Every asked ref has an answer. A merged-away id answers with the survivor's record (whose
        `ref` differs) or with `Gone`. Any number of refs; the connector cuts them into calls.
        """
        ...

    def owners(self) -> Sequence[CrmOwner]:
        """All users and queues, inactive ones included, with what the CRM tells of availability.

        It is called every 15 seconds while quota lasts, so that presence is fresh: the number of
        calls must stay bounded however many users there are. What our user may not read, or what
        does not exist, is told as nothing and is a finding of `probe()`, never an error; a value
        that cannot be understood is named in `Availability.unreadable`.
        """
        ...

    def find_tasks(self, markers: Sequence[str]) -> Mapping[str, TaskFound]:
        """Tasks of ours by marker, read by key and not by search; absent ones are left out."""
        ...

    def activities(
        self, asked: Sequence[ActivitiesOf], kinds: Collection[ActivityKind] = tuple(ActivityKind)
    ) -> Mapping[Ref, Sequence[Activity]]:
        """What was done with each lead at or after its `since`, oldest first; reads only.

        Every asked ref has an answer; it is empty for a record that is gone, and a ref asked twice
        is answered for its last question. The number of calls is bounded by the number of leads,
        whatever was done with them; the connector's page tells it. Ours and automation's are told
        and marked so; open tasks, drafts and what is only planned are not told, meetings apart.
        A kind that our user may not read is left out and missing from `capabilities` from then on
        (`probe()` has a finding); every other failure raises as that of any read does.
        """
        ...

    def members_of(self, asked: Sequence[tuple[Ref, str]]) -> Mapping[tuple[Ref, str], bool]:
        """Whether each lead is in the group (its id) beside it, read by key and not by search.

        Every asked pair has an answer; a lead or a group that is not there is no membership.
        Reads only, and calls nobody when nothing is asked.
        """
        ...

    def joined(self, groups: Collection[str], cursor: Cursor | None) -> MemberPage:
        """Which leads joined these groups (by id), or had their status there changed, since then.

        None begins at the beginning of time. Reads only. Pages may repeat members; nobody is
        skipped who joined while a page was being read, or who shows later than they joined. A group
        that is new to the cursor begins at its own beginning, one no longer asked for is forgotten;
        one that is not there, or that our user may not see, has nobody in it (`probe()` has a
        finding). The number of calls of one page is bounded by the number of groups.
        """
        ...

    def became(self, refs: Sequence[Ref]) -> Mapping[Ref, Fate]:
        """What became of these leads, as the CRM knows it now; reads only.

        Every asked ref has an answer, `fate.OPEN` where nothing is known, gone records included.
        Any number of refs; the connector cuts them into calls. What our user may not read is told
        as not known, never as lost.
        """
        ...

    def write(
        self, effects: Sequence[Effect], then_poll: Mapping[Kind, Cursor] | None = None
    ) -> Written:
        """Send the effects once: owners, tasks, fields and scores, members; HTTP retries are off.

        One receipt per effect, in order. A failure of the whole call before anything was applied
        raises `RetryLater` or `NeedsOperator`; when only part is known, the rest is AMBIGUOUS.
        """
        ...

    def probe(self) -> Probe:
        """Log in if needed, look at rights, fields and limits. Reads only."""
        ...

    def fields(self) -> Sequence[RemoteField]:
        """The lead object's fields, for `init` and `check`."""
        ...

    def record_url(self, ref: Ref) -> str:
        """The address a person opens to see the record. No I/O."""
        ...

    def close(self) -> None: ...


class Direction(StrEnum):
    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the policy asks of a connector beyond its field map.

    `lead_object` is "contacts" or "leads" for HubSpot, "Lead" for Salesforce; `fields` are extra
    CRM field names that `fields:` of the policy names. `writes` are fields of a lead that
    `SetScore` and `SetField` go to: read where they can be, a finding that is not fatal where they
    cannot be written. `texts` are the values that `SetField` writes, by field ("" clears it): a
    finding that is not fatal where the CRM would refuse one of them, such as no option of a closed
    list; a field of `writes` without any takes a score. `groups` are ids of campaigns or lists
    that `SetMember` goes to, `watched` those that `joined()` is asked for: a finding that is not
    fatal for one that is not there, or that takes nobody.
    """

    lead_object: str | None = None
    fields: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))


class ConnectorFactory(Protocol):
    """What the entry-point group `fairlead.connectors` names: one object per connector."""

    name: str
    settings_model: type[BaseModel]

    def build(self, settings: BaseModel, direction: Direction, wanted: Wanted) -> Connector:
        """Make a connector without any I/O; `settings` is an instance of `settings_model`.

        Raises ConfigError when the settings cannot work (a missing key file, a bad host).
        """
        ...

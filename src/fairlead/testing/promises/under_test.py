"""What the contract suite needs of a CRM: to make connectors for it, and to act on it as others do.

Everything here is seen from outside the connector: the suite compares what the connector says with
what these calls did. Field names are *ours*; refs and owner ids are the CRM's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

import pytest

from fairlead.core.activity import ActivityKind
from fairlead.core.types import Gone, Kind, Record, Ref
from fairlead.spi.connector import ChangePage, Connector, Cursor, Direction, FieldMap


@dataclass(frozen=True, slots=True)
class Abilities:
    """What this CRM can be made to do. A promise about something it cannot do is skipped."""

    merge: bool = True
    convert: bool = True
    corrupt: bool = True
    tells_deletions: bool = True
    """Deleted, merged and converted records come in `changes()`; otherwise only `read()` tells."""
    late: timedelta | None = timedelta(minutes=10)
    """How much later than its stamp a change may show in the feed; None: always at once."""
    accounts: bool = True
    """`create_account` works, and accounts come in `changes()`."""
    out_of_office: bool = True
    """It keeps out-of-office spans of its users."""
    presence: bool = True
    """It tells whether a user is there now."""
    activities: frozenset[ActivityKind] = frozenset(ActivityKind)
    """Kinds of activity it keeps of a lead."""
    number_field: str | None = "employees"
    """A lead field of ours that this CRM holds as a number."""
    text_written: str = "title"
    """The CRM's name of a text field of a lead that our user may write."""
    number_written: str | None = "employees"
    """The CRM's name of a number field of a lead that our user may write."""
    checks_field_names: bool = True
    """A field that does not exist is told from one that does."""
    member_status: bool = True
    """It keeps a status of each membership of a group."""


class Breakage(StrEnum):
    """Ways in which a CRM or the road to it fails."""

    RATE_LIMITED = "rate limited"
    SERVER_ERROR = "server error"
    PROXY_PAGE = "a proxy's HTML page with status 200"
    DROPPED = "connection dropped before the request took effect"
    DROPPED_AFTER = "connection dropped after the request took effect"
    TRUNCATED = "answer cut short after the request took effect"


@dataclass(frozen=True, slots=True)
class TaskTruth:
    """One task as the CRM truly holds it."""

    lead: Ref
    owner_id: str
    subject: str
    body: str
    due_at: datetime | None = None


class CrmUnderTest(Protocol):
    """A CRM with nobody and nothing in it of the suite's making; fresh for each test."""

    abilities: Abilities

    def connector(self, direction: Direction) -> Connector:
        """A fresh connector with working credentials; the suite closes it."""
        ...

    def impostor(self) -> Connector:
        """A connector whose credentials the CRM does not accept."""
        ...

    def stranded(self) -> Connector:
        """A connector whose CRM's address nobody listens at."""
        ...

    def now(self) -> datetime:
        """The CRM's own clock."""
        ...

    def pass_time(self, seconds: float) -> None:
        """Move the CRM's clock on; nobody sleeps."""
        ...

    def wait_visible(self, ref: Ref) -> None:
        """Return once the feed would show this record's latest change: wait on that condition, or
        move the CRM's clock until it holds.
        """
        ...

    # people and tools

    def add_user(self, email: str, *, active: bool = True) -> str: ...

    def add_queue(self, name: str) -> str: ...

    def deactivate(self, owner_id: str) -> None: ...

    def out_of_office(self, owner_id: str, start: datetime, end: datetime) -> None:
        """The user says when they are away."""
        ...

    def set_present(self, owner_id: str, present: bool) -> None:
        """The user shows as there, or as away."""
        ...

    def create_lead(self, fields: Mapping[str, Any], *, owner_id: str | None = None) -> Ref:
        """A form or a person makes a lead; `fields` in our names."""
        ...

    def create_twins(self, count: int) -> Sequence[Ref]:
        """Leads that all bear one modification stamp."""
        ...

    def create_late_lead(self, delay: timedelta) -> Ref:
        """A lead stamped now that the feed shows only `delay` later."""
        ...

    def create_account(self, name: str, domain: str) -> Ref: ...

    def edit(self, ref: Ref, fields: Mapping[str, Any]) -> None:
        """A person edits fields, in our names."""
        ...

    def person_sets_owner(self, ref: Ref, owner_id: str, *, person: str) -> None:
        """The user with owner id `person` changes the owner by hand."""
        ...

    def automation_sets_owner(self, ref: Ref, owner_id: str) -> None:
        """A flow, workflow or another app changes the owner."""
        ...

    def delete(self, ref: Ref) -> None: ...

    def merge(self, loser: Ref, survivor: Ref) -> Ref:
        """Merge two leads; returns the ref the merged record bears from now on."""
        ...

    def convert(self, ref: Ref) -> None: ...

    def corrupt(self, ref: Ref) -> None:
        """Make the row one that cannot be understood, its id apart."""
        ...

    def log_activity(
        self,
        ref: Ref,
        kind: ActivityKind,
        *,
        person: str,
        incoming: bool = False,
        seconds: int | None = None,
    ) -> str:
        """The user with owner id `person` does this now and it is kept; an `incoming` one comes
        from the lead to them. Returns the id of the record that proves it.
        """
        ...

    def automation_logs(self, ref: Ref, kind: ActivityKind) -> None:
        """A flow, sequence or other tool does it, whoever owns the lead."""
        ...

    def complete_task(self, marker: str, *, person: str) -> None:
        """The user with owner id `person` completes the task that bears this marker."""
        ...

    # groups: campaigns, lists

    def create_group(self, name: str, *, dynamic: bool = False) -> str:
        """A person makes a group that takes leads by hand, or one that only its filters fill, which
        a CRM without such a thing answers with an id that takes nobody; returns its id.
        """
        ...

    def join(self, refs: Sequence[Ref], group: str, *, late: timedelta | None = None) -> None:
        """A person puts leads into the group; with `late` they show that much later than they
        joined.
        """
        ...

    def leave(self, ref: Ref, group: str) -> None:
        """A person takes a lead out of the group."""
        ...

    def set_member_status(self, ref: Ref, group: str, status: str) -> None:
        """The lead's status in the group changes; `status` is one of the CRM's own words."""
        ...

    def wait_joined(self) -> None:
        """Return once all who joined would show: move the CRM's clock where it must pass."""
        ...

    def wait_logged(self) -> None:
        """Return once all that was logged can be seen: move the CRM's clock where it must pass."""
        ...

    # truth

    def missing_ref(self) -> Ref:
        """A well-formed address that never had a record."""
        ...

    def missing_owner(self) -> str:
        """A well-formed owner id that nobody has."""
        ...

    def missing_group(self) -> str:
        """A well-formed id of a group that nobody has made."""
        ...

    def owner_of(self, ref: Ref) -> str | None: ...

    def value_of(self, ref: Ref, field: str) -> str:
        """What stands in a field, by the CRM's name, as text; "" for nothing."""
        ...

    def members(self, group: str) -> Sequence[Ref]:
        """Who is in the group in truth, once for each membership."""
        ...

    def audit_of(self, ref: Ref) -> str | None:
        """What stands in the audit field."""
        ...

    def tasks(self, marker: str) -> Sequence[TaskTruth]:
        """All tasks that bear this marker."""
        ...

    def took_effect(self) -> Sequence[tuple[str, str]]:
        """Our integration's writes in the order they took effect: ("owner", record id) for each
        owner that changed, ("task", marker) for each task created or changed, ("field", record id)
        for each change of other fields, ("member", record id) for each lead that came or went.
        """
        ...

    def calls(self) -> int:
        """Calls counted against the quota so far, logins left out."""
        ...

    # trouble

    def break_calls(self, how: Breakage, *, writes_only: bool = False) -> None:
        """From now on every call but a login fails like this; `writes_only` spares the calls that
        only read, where the CRM's addresses tell them apart.
        """
        ...

    def heal(self) -> None: ...

    def close(self) -> None: ...


MAX_PAGES = 60
"""More pages than any promise here needs: whoever asks for more does not come to an end."""


class Promises:
    """Fixtures shared by all promises; a test class overrides `crm`."""

    @pytest.fixture
    def crm(self) -> Iterator[CrmUnderTest]:
        raise NotImplementedError("override the fixture `crm` and yield a CrmUnderTest")

    @pytest.fixture
    def reader(self, crm: CrmUnderTest) -> Iterator[Connector]:
        connector = crm.connector(Direction.READ)
        yield connector
        connector.close()

    @pytest.fixture
    def writer(self, crm: CrmUnderTest) -> Iterator[Connector]:
        connector = crm.connector(Direction.WRITE)
        yield connector
        connector.close()


def drain(
    connector: Connector, cursor: Cursor, kind: Kind = Kind.LEAD
) -> tuple[list[Record], Cursor]:
    """All pages from `cursor` until the connector says there are no more now."""
    records: list[Record] = []
    for _ in range(MAX_PAGES):
        page = next_page(connector, cursor, kind)
        records += page.records
        cursor = page.cursor
        if not page.more:
            return records, cursor
    raise AssertionError(f"still more after {MAX_PAGES} pages: the feed does not terminate")


def next_page(connector: Connector, cursor: Cursor, kind: Kind = Kind.LEAD) -> ChangePage:
    """One page of one kind."""
    pages = connector.changes({kind: cursor})
    assert set(pages) == {kind}, "changes() answers exactly the kinds it was asked for"
    return pages[kind]


def refs_of(records: Sequence[Record]) -> set[Ref]:
    return {r.ref for r in records}


def of(records: Sequence[Record], ref: Ref) -> Record:
    """The newest sighting of one record among `records`."""
    seen = [r for r in records if r.ref == ref]
    assert seen, f"{ref} was not in the feed"
    return max(seen, key=lambda r: r.modified_at)


def read_one(connector: Connector, ref: Ref) -> Record:
    record = connector.read([ref])[ref]
    assert not isinstance(record, Gone), f"{ref} reads as gone: {record}"
    return record


def value_of(record: Record, field_map: FieldMap, name: str) -> str | None:
    """Our field `name` of a raw record as text: the first source that holds something."""
    for source in field_map.sources(name):
        value = record.fields.get(source)
        if value not in (None, ""):
            return str(value)
    return None

"""The Salesforce connector: `Connector` of the house, put together from this package's parts.

Reads poll by one composite; writes carry the next poll along. Nothing here decides anything, and
no simple-salesforce type or text leaves. See docs/connectors-salesforce.md for the set-up.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel

from fairlead.clock import Clock
from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.effects import Effect, SetField, SetMember, SetScore, UpsertTask
from fairlead.core.fate import Fate
from fairlead.core.types import CrmOwner, Gone, Kind, Record, Ref
from fairlead.errors import (
    Ambiguous,
    AuthFailed,
    Bug,
    ConfigError,
    NeedsOperator,
    PermissionMissing,
    RetryLater,
    SchemaDrift,
    Unavailable,
)
from fairlead.spi.connector import (
    ActivitiesOf,
    Budget,
    Capabilities,
    ChangePage,
    Connector,
    ConnectorFactory,
    Cursor,
    Direction,
    FieldMap,
    MemberPage,
    Outcome,
    Probe,
    Receipt,
    RemoteField,
    TaskFound,
    Wanted,
    Written,
)
from fairlead_salesforce import doctor, feed, group_writes, mapping, people, soql, staff, writes
from fairlead_salesforce.activities import ActivityReader
from fairlead_salesforce.auth import TokenHolder, check_secrets
from fairlead_salesforce.client import Client
from fairlead_salesforce.composite import PARTS, ROWS, Answer, Part, query_all, rows_of, send
from fairlead_salesforce.fates import FateReader
from fairlead_salesforce.group_writes import GroupWriter
from fairlead_salesforce.groups import Groups
from fairlead_salesforce.mapping import CRM, FEEDS, MARKER_FIELD
from fairlead_salesforce.reads import Reader
from fairlead_salesforce.schema import Schema
from fairlead_salesforce.settings import SalesforceSettings
from fairlead_salesforce.staff import Staff

FIND_COLUMNS = ("Id", MARKER_FIELD, "OwnerId", "IsClosed", "IsDeleted")


class SalesforceConnector:
    """One org, one direction. Implements `fairlead.spi.connector.Connector`; see there."""

    name = CRM

    def __init__(
        self,
        settings: SalesforceSettings,
        wanted: Wanted,
        holder: TokenHolder,
        *,
        clock: Clock | None = None,
    ) -> None:
        self._settings = settings
        self._client = Client(settings, holder, clock=clock)
        self._schema = Schema(self._client, wanted.fields, wanted.writes)
        self._reader = Reader(self._client, self._schema)
        self._activities = ActivityReader(self._client, self._schema)
        self._fates = FateReader(self._client, self._schema)
        self._lookback = timedelta(seconds=settings.lookback)
        self._groups = Groups(self._client, self._schema, self._lookback)
        self._group_writer = GroupWriter(self._client, self._groups)
        self._wanted = wanted
        self._ours: tuple[str, ...] | None = None
        self._people: people.People | None = None
        self._strangers: set[str] = set()
        self._has_history: bool | None = None

    @property
    def capabilities(self) -> Capabilities:
        """As far as known without a call: our custom fields count once the org was looked at."""
        lead, task = self._schema.known("Lead"), self._schema.known("Task")
        return Capabilities(
            queues=True,
            owner_history=self._reader.history and self._has_history is not False,
            carries_poll=True,
            audit_field=lead is not None and self._schema.audit_length() > 0,
            task_marker=task is not None and self._schema.has_marker(),
            max_effects=2 * ROWS,
            lead_objects=("Lead",),
            activities=self._activities.kinds,
            groups=not self._groups.hidden,
        )

    @property
    def field_map(self) -> FieldMap:
        return mapping.SalesforceFieldMap()

    @property
    def budget(self) -> Budget:
        return self._client.budget

    def start_cursor(self, kind: Kind, *, since: datetime | None) -> Cursor:
        _feed_of(kind)
        return feed.Position.start(since).cursor()

    def changes(self, cursors: Mapping[Kind, Cursor]) -> Mapping[Kind, ChangePage]:
        pages: dict[Kind, ChangePage] = {}
        asked = list(cursors.items())
        for start in range(0, len(asked), PARTS):
            some = dict(asked[start : start + PARTS])
            parts = self._poll_parts(some)
            answers, date = send(self._client, parts, writing=False)
            for (kind, cursor), answer in zip(some.items(), answers, strict=True):
                pages[kind] = self._page(kind, cursor, answer, date)
        return pages

    def read(self, refs: Sequence[Ref]) -> Mapping[Ref, Record | Gone]:
        if not refs:
            return {}
        return self._reader.read(refs, self._who)

    def owners(self) -> Sequence[CrmOwner]:
        return self._read_staff().owners

    def find_tasks(self, markers: Sequence[str]) -> Mapping[str, TaskFound]:
        """See the protocol. Without the marker field nothing can be found: the answer is empty."""
        if not markers or not self._schema.has_marker():
            return {}
        urls = []
        for some in soql.in_lists(list(dict.fromkeys(markers))):
            query = soql.select(FIND_COLUMNS, "Task", where=soql.one_of(MARKER_FIELD, some))
            urls.append(soql.url(self._settings.api_version, query, deleted_too=True))
        asked = set(markers)
        found: dict[str, TaskFound] = {}
        for rows in query_all(self._client, urls, "tasks"):
            for row in rows:
                task = mapping.task_found(row) if isinstance(row, Mapping) else None
                if task is None or task.marker not in asked:
                    continue
                # A task that is still there speaks louder than one in the recycle bin.
                if task.marker not in found or row.get("IsDeleted") is not True:
                    found[task.marker] = task
        return found

    def activities(
        self, asked: Sequence[ActivitiesOf], kinds: Collection[ActivityKind] = tuple(ActivityKind)
    ) -> Mapping[Ref, Sequence[Activity]]:
        """See the protocol. One call for 200 leads, two when some of them were converted."""
        return self._activities.read(asked, kinds, self._who)

    def members_of(self, asked: Sequence[tuple[Ref, str]]) -> Mapping[tuple[Ref, str], bool]:
        return self._groups.members_of(asked)

    def joined(self, groups: Collection[str], cursor: Cursor | None) -> MemberPage:
        return self._groups.joined(groups, cursor)

    def became(self, refs: Sequence[Ref]) -> Mapping[Ref, Fate]:
        """See the protocol. One call for 1,000 leads."""
        return self._fates.read(refs) if refs else {}

    def write(
        self, effects: Sequence[Effect], then_poll: Mapping[Kind, Cursor] | None = None
    ) -> Written:
        """See the protocol. Polls go along in the free parts of the last call that carries owners,
        tasks or fields, in their order.
        """
        members = [e for e in effects if isinstance(e, SetMember)]
        others = [e for e in effects if not isinstance(e, SetMember)]
        if not members:
            return self._write(others, then_poll or {})
        receipts: dict[int, Receipt] = {}
        written = Written(())
        if others:
            written = self._write(others, then_poll or {})
            receipts |= {id(e): r for e, r in zip(others, written.receipts, strict=True)}
        answers = self._settled_members(
            members, self._group_writer.write(members, first=not others)
        )
        receipts |= {id(e): r for e, r in zip(members, answers, strict=True)}
        if not others and then_poll:
            # The receipts matter more; the next poll meets the same fault and reports it.
            with contextlib.suppress(RetryLater, NeedsOperator, Ambiguous):
                written = self._write([], then_poll)
        return Written([receipts[id(e)] for e in effects], written.pages)

    def _write(self, effects: Sequence[Effect], then_poll: Mapping[Kind, Cursor]) -> Written:
        tasks = [e for e in effects if isinstance(e, UpsertTask)]
        values = any(isinstance(e, SetScore | SetField) for e in effects)
        fields = self._schema.shape("Lead").fields if values else {}
        made = writes.batches(
            effects,
            version=self._settings.api_version,
            audit_length=self._schema.audit_length() if effects else 0,
            marker=bool(tasks) and self._schema.has_marker(),
            due_on=self._who(task.owner_id for task in tasks).local_date,
            fields=fields,
        )
        polls = dict(list(then_poll.items())[:PARTS])
        try:
            sent = writes.send_all(self._client, effects, made, self._poll_parts(polls), fields)
        except SchemaDrift:
            self._schema.forget()
            raise
        pages: dict[Kind, ChangePage] = {}
        for (kind, cursor), answer in zip(polls.items(), sent.polls, strict=False):
            # The receipts matter more; the next poll meets the same fault and reports it.
            with contextlib.suppress(RetryLater, NeedsOperator, Ambiguous):
                pages[kind] = self._page(kind, cursor, answer, sent.date)
        return Written(self._settled(effects, sent), pages)

    def probe(self) -> Probe:
        self._schema.forget()
        self._reader.history = True
        try:
            limits = self._client.call("GET", "limits").body
        except PermissionMissing:
            limits = None
        self._ours = None
        everybody = self._read_staff()
        self._has_history = doctor.owner_history(self._client)
        ours = self._our_ids()
        self._activities.try_all(self._who)
        found = (
            *doctor.findings(
                self._schema, limits, ours, everybody, self._has_history, self._wanted.texts
            ),
            *doctor.activities(
                self._activities.hidden, doctor.owner_history(self._client, "Status")
            ),
            *self._groups.findings(self._wanted.groups, self._wanted.watched),
        )
        token = self._client.token()
        # A token with a "!" begins with the org's id; of any other no part may be shown.
        before, mark, _ = token.value.partition("!")
        org = token.org_id or (before if mark else "an org")
        return Probe(
            server_now=self._client.server_now,
            account=f"{org} at {token.instance_url}",
            our_ids=ours,
            capabilities=self.capabilities,
            findings=found,
        )

    def fields(self) -> Sequence[RemoteField]:
        return mapping.remote_fields(self._schema.shape("Lead").fields.values())

    def record_url(self, ref: Ref) -> str:
        return mapping.page_url(self._client.base_url, ref.object, ref.id)

    def close(self) -> None:
        self._client.close()

    def _settled(self, effects: Sequence[Effect], sent: writes.Sent) -> tuple[Receipt, ...]:
        if not sent.doubtful:
            return sent.receipts
        try:
            there = self.read([effects[place].ref for place in sent.doubtful])
        except (RetryLater, NeedsOperator, Ambiguous):
            return writes.settle(effects, sent, None)
        return writes.settle(effects, sent, there)

    def _settled_members(
        self, effects: Sequence[SetMember], receipts: Sequence[Receipt]
    ) -> Sequence[Receipt]:
        gone = [e.ref for e, r in zip(effects, receipts, strict=True) if r.outcome is Outcome.GONE]
        there = None
        if gone:
            with contextlib.suppress(RetryLater, NeedsOperator, Ambiguous):
                there = self.read(gone)
        return group_writes.settle(effects, receipts, there)

    def _poll_parts(self, cursors: Mapping[Kind, Cursor]) -> list[Part]:
        parts = []
        for kind, cursor in cursors.items():
            _feed_of(kind)
            source, columns = self._schema.columns(kind)
            pos = feed.Position.of(cursor)
            query = feed.statement(source, columns, pos, self._settings.page_size)
            url = soql.url(self._settings.api_version, query, deleted_too=True)
            parts.append(Part("GET", url))
        return parts

    def _page(
        self, kind: Kind, cursor: Cursor, answer: Answer, date: datetime | None
    ) -> ChangePage:
        source = _feed_of(kind)
        try:
            rows, more = rows_of(self._client, answer, source.object)
        except SchemaDrift:
            self._schema.forget()
            raise
        if date is None:
            raise Unavailable("the answer has no readable Date header")
        return feed.page(
            kind,
            source,
            feed.Position.of(cursor),
            rows,
            cut=more is not None,
            now=date,
            page_size=self._settings.page_size,
            lookback=self._lookback,
            base_url=self._client.base_url,
        )

    def _read_staff(self) -> Staff:
        found = staff.read(self._client)
        robots = self._settings.automation_users
        self._people = people.People.of(found.owners, self._our_ids(), robots)
        return found

    def _who(self, user_ids: Iterable[str] = ()) -> people.People:
        """Who is who, read anew when an id turns up that joined since; a lasting stranger once."""
        asked = set(user_ids) - self._strangers
        if not asked:
            return self._people if self._people is not None else people.NOBODY
        if self._people is None or not all(self._people.knows(i) for i in asked):
            self.owners()
            assert self._people is not None
            self._strangers |= {i for i in asked if not self._people.knows(i)}
        return self._people

    def _our_ids(self) -> tuple[str, ...]:
        """Our user's id: from the log-in, else from `userinfo`, else by the configured name."""
        if self._ours is None:
            user_id = self._client.token().user_id or self._ask_user_info()
            self._ours = (user_id,) if user_id is not None else self._by_username()
        return self._ours

    def _ask_user_info(self) -> str | None:
        try:
            body: Any = self._client.user_info().body
        except (PermissionMissing, SchemaDrift, AuthFailed):
            return None
        try:
            return mapping.to_18(body["user_id"])
        except (KeyError, TypeError, ValueError):
            return None

    def _by_username(self) -> tuple[str, ...]:
        if self._settings.username is None:
            return ()
        where = f"Username = {soql.literal(self._settings.username)}"
        query = soql.select(("Id",), "User", where=where)
        url = soql.url(self._settings.api_version, query, deleted_too=False)
        [rows] = query_all(self._client, [url], "our user")
        return tuple(mapping.to_18(row["Id"]) for row in rows)


def _feed_of(kind: Kind) -> mapping.Feed:
    source = FEEDS.get(kind)
    if source is None:
        raise Bug(f"the Salesforce connector has no feed of kind {kind}")
    return source


class SalesforceFactory:
    """What the entry point names; both directions built from equal settings share one token."""

    name = CRM
    settings_model: type[BaseModel] = SalesforceSettings

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders: weakref.WeakValueDictionary[SalesforceSettings, TokenHolder] = (
            weakref.WeakValueDictionary()
        )

    def build(self, settings: BaseModel, direction: Direction, wanted: Wanted) -> Connector:
        """See the protocol; reads the secret files once to find mistakes early."""
        if not isinstance(settings, SalesforceSettings):
            raise ConfigError("salesforce: these are not Salesforce settings")
        if wanted.lead_object not in (None, settings.lead_object):
            raise ConfigError(
                f"salesforce: leads are of object {settings.lead_object}, not {wanted.lead_object}"
            )
        for field in (*wanted.fields, *wanted.writes):
            if not soql.is_name(field):
                raise ConfigError(f"salesforce: {field!r} cannot be the API name of a field")
        if settings.ca_file is not None and not settings.ca_file.is_file():
            raise ConfigError(f"salesforce ca_file: {settings.ca_file} is not there")
        check_secrets(settings)
        with self._lock:
            holder = self._holders.setdefault(settings, TokenHolder())
        return SalesforceConnector(settings, wanted, holder)


FACTORY: ConnectorFactory = SalesforceFactory()

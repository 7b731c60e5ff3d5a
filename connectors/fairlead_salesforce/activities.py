"""Reading what was done with leads: one round trip for 200 of them, whatever was done.

The parts of the composite are completed tasks, events, e-mails, moves of the status, and whether
some of the leads were converted; then a second round trip asks for their contacts. A query of more
than 2,000 rows adds one call for each further 2,000. Archived tasks (older than a year) come only
with `queryAll`, which also shows deleted ones: those are left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fairlead.core.activity import Activity, ActivityKind, oldest_first
from fairlead.core.types import Ref
from fairlead.errors import PermissionMissing, SchemaDrift
from fairlead.spi.connector import ActivitiesOf
from fairlead_salesforce import activity_rows, soql
from fairlead_salesforce.activity_rows import Read, Row
from fairlead_salesforce.client import Client
from fairlead_salesforce.composite import Part, all_rows, send
from fairlead_salesforce.mapping import MARKER_FIELD, to_18
from fairlead_salesforce.reads import Who
from fairlead_salesforce.schema import Schema

ASK_AGAIN = timedelta(minutes=10)
"""How long after a refusal an object is asked for again: a right may be granted meanwhile."""

_TASK_KINDS = frozenset(
    {ActivityKind.CALL, ActivityKind.EMAIL, ActivityKind.MESSAGE, ActivityKind.TASK_DONE}
)


@dataclass(frozen=True, slots=True)
class Source:
    """One object that tells activities. `person` is its field with the lead's or contact's id."""

    object: str
    kinds: frozenset[ActivityKind]
    person: str
    needed: tuple[str, ...]
    optional: tuple[str, ...]
    where: str
    since: str
    read: Read
    described: str | None = None
    contacts: bool = True


SOURCES = (
    Source(
        "Task",
        _TASK_KINDS,
        "WhoId",
        ("Id", "WhoId", "OwnerId", "CreatedDate", "CreatedById", "LastModifiedById", "IsDeleted"),
        (
            *("CompletedDateTime", "Status", "TaskSubtype", "Type", "ActivityDate", "CallType"),
            *("CallDurationInSeconds", "CallDisposition", MARKER_FIELD),
        ),
        "IsClosed = true",
        "SystemModstamp",
        activity_rows.task,
        described="Task",
    ),
    Source(
        "Event",
        frozenset({ActivityKind.MEETING}),
        "WhoId",
        ("Id", "WhoId", "OwnerId", "CreatedDate", "CreatedById", "StartDateTime", "IsDeleted"),
        ("DurationInMinutes", MARKER_FIELD),
        "IsChild = false",
        "StartDateTime",
        activity_rows.event,
        described="Event",
    ),
    Source(
        "EmailMessageRelation",
        frozenset({ActivityKind.EMAIL}),
        "RelationId",
        (
            *("Id", "RelationId", "EmailMessageId", "IsDeleted", "EmailMessage.Incoming"),
            *("EmailMessage.Status", "EmailMessage.CreatedDate", "EmailMessage.CreatedById"),
        ),
        ("EmailMessage.MessageDate", "EmailMessage.AutomationType", "EmailMessage.ActivityId"),
        "",
        "SystemModstamp",
        activity_rows.message,
        described="EmailMessage",
    ),
    Source(
        "LeadHistory",
        frozenset({ActivityKind.STATUS_CHANGE}),
        "LeadId",
        ("Id", "LeadId", "OldValue", "NewValue", "CreatedById", "CreatedDate"),
        (),
        "Field = 'Status'",
        "CreatedDate",
        activity_rows.status,
        contacts=False,
    ),
)
KINDS = frozenset[ActivityKind]().union(*(s.kinds for s in SOURCES))
NOBODY_S_LEAD = "00Q000000000000AAA"
"""A well-formed lead id that no org gives out: asking about it tries every object at one call."""


class ActivityReader:
    """Activities of one connector. `hidden` are the objects that our user may not read."""

    def __init__(self, client: Client, schema: Schema) -> None:
        self._client = client
        self._schema = schema
        self._hidden: dict[str, datetime] = {}

    @property
    def hidden(self) -> frozenset[str]:
        return frozenset(self._hidden)

    @property
    def kinds(self) -> frozenset[ActivityKind]:
        """What can be seen as far as known; e-mails also show as tasks, some of them only so."""
        shown = (s.kinds for s in SOURCES if s.object not in self._hidden)
        return frozenset[ActivityKind]().union(*shown)

    def try_all(self, who: Who) -> None:
        """Ask every object anew, so that `hidden` says what is so now."""
        self._hidden.clear()
        nobody = ActivitiesOf(Ref("", "Lead", NOBODY_S_LEAD), self._client.server_now)
        self.read([nobody], KINDS, who)

    def read(
        self, asked: Sequence[ActivitiesOf], kinds: Collection[ActivityKind], who: Who
    ) -> dict[Ref, tuple[Activity, ...]]:
        """See `Connector.activities`; a ref that is no Salesforce lead has none."""
        by_id: dict[str, list[ActivitiesOf]] = {}
        for one in {a.ref: a for a in asked}.values():
            try:
                by_id.setdefault(to_18(one.ref.id), []).append(one)
            except ValueError:
                continue
        sources = [s for s in SOURCES if s.kinds & set(kinds) and not self._waits(s.object)]
        found: dict[Ref, tuple[Activity, ...]] = {a.ref: () for a in asked}
        for some in soql.in_lists(list(by_id)) if sources else ():
            rows, contacts = self._leads(sources, {i: by_id[i] for i in some})
            for lead_id, done in self._done(rows, contacts, who).items():
                for one in by_id.get(lead_id, ()):
                    wanted = [a for a in done if a.kind in kinds]
                    floor = activity_rows.whole_second(one.since)
                    found[one.ref] = oldest_first(wanted, floor)
        return found

    def _waits(self, obj: str) -> bool:
        refused = self._hidden.get(obj)
        if refused is None:
            return False
        if self._client.server_now - refused < ASK_AGAIN:
            return True
        del self._hidden[obj]
        return False

    def _leads(
        self, sources: Sequence[Source], asked: Mapping[str, Sequence[ActivitiesOf]]
    ) -> tuple[list[tuple[Source, Row]], dict[str, list[str]]]:
        """Rows of the leads and of what became of them; and contact id -> the leads it was."""
        converted = soql.both(soql.one_of("Id", list(asked)), "IsConverted = true")
        query = soql.select(("Id", "ConvertedContactId"), "Lead", where=converted)
        rows, told = self._ask(sources, asked, query)
        contacts: dict[str, list[str]] = {}
        for row in told:
            try:
                contacts.setdefault(to_18(row["ConvertedContactId"]), []).append(to_18(row["Id"]))
            except (KeyError, TypeError, ValueError):
                continue
        again = [s for s in sources if s.contacts and s.object not in self._hidden]
        if contacts and again:
            # One list: no more contacts than leads were asked about.
            of = {c: [a for i in leads for a in asked.get(i, ())] for c, leads in contacts.items()}
            rows += self._ask(again, of, None)[0]
        return rows, contacts

    def _ask(
        self,
        sources: Sequence[Source],
        of: Mapping[str, Sequence[ActivitiesOf]],
        beside: str | None,
    ) -> tuple[list[tuple[Source, Row]], list[Row]]:
        version = self._client.settings.api_version
        parts, asked = [], []
        for source in sources:
            wanted = {i: own for i, ones in of.items() if (own := _wanted(source, ones))}
            since = min((at for own in wanted.values() for at in own), default=None)
            query = None if since is None else self._query(source, list(wanted), since)
            if query is not None:
                asked.append(source)
                parts.append(Part("GET", soql.url(version, query, deleted_too=True)))
        if beside is not None:
            parts.append(Part("GET", soql.url(version, beside, deleted_too=False)))
        if not parts:
            return [], []
        answers, _ = send(self._client, parts, writing=False)
        rows: list[tuple[Source, Row]] = []
        for source, answer in zip(asked, answers, strict=False):
            try:
                got = all_rows(self._client, answer, source.object)
            except (PermissionMissing, SchemaDrift):
                self._hide(source)
                continue
            rows += [
                (source, r)
                for r in got
                if isinstance(r, Mapping) and r.get("IsDeleted") is not True
            ]
        told = [] if beside is None else all_rows(self._client, answers[-1], "Lead")
        return rows, [r for r in told if isinstance(r, Mapping)]

    def _query(self, source: Source, ids: Sequence[str], since: datetime) -> str | None:
        """The statement, of the columns that our user can see; None when the object is hidden."""
        columns = source.needed
        if source.described is not None:
            try:
                there = self._schema.shape(source.described).fields
            except PermissionMissing:
                self._hide(source)
                return None
            columns += tuple(c for c in source.optional if c.split(".")[-1] in there)
        where = soql.both(
            soql.one_of(source.person, ids),
            source.where,
            f"{source.since} >= {soql.literal(since)}",
        )
        return soql.select(columns, source.object, where=where)

    def _hide(self, source: Source) -> None:
        """Remember that it is out of sight; describe anew next time, a field may have gone."""
        self._hidden[source.object] = self._client.server_now
        self._schema.forget()

    def _done(
        self,
        rows: Sequence[tuple[Source, Row]],
        contacts: Mapping[str, Sequence[str]],
        who: Who,
    ) -> dict[str, list[Activity]]:
        """By lead id what was done, each e-mail once although its task tells it again."""
        people = who({i for _, row in rows for i in activity_rows.user_ids(row)})
        told_by_mail = {activity_rows.mail_task(row) for _, row in rows}
        done: dict[str, list[Activity]] = {}
        for source, row in rows:
            activity = source.read(row, people)
            if activity is None or (source.object == "Task" and activity.ref.id in told_by_mail):
                continue
            try:
                person = to_18(row[source.person])
            except (KeyError, TypeError, ValueError):
                continue
            for lead_id in contacts.get(person, (person,)):
                done.setdefault(lead_id, []).append(activity)
        return done


def _wanted(source: Source, asked: Sequence[ActivitiesOf]) -> list[datetime]:
    """Since when what a source tells is asked for; empty when it is not."""
    return [activity_rows.whole_second(a.since) for a in asked if a.wants(source.kinds)]

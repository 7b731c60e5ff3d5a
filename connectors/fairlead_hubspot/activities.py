"""Reading what was done with leads, by association and id: no search index stands in between.

For n leads, of which m (few, as a rule) have something new: n/50 calls to look at them (n/100 when
moves of the status are not asked for), then for each object type m/1,000 for the ids and one per
100 records. Lead objects take n/100 more for their contacts, and ids come from both. Where a record
has more than a hundred of a type, one search finds the first 200 since; it trails as searches do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from fairlead.core.activity import Activity, ActivityKind, oldest_first
from fairlead.core.types import Ref
from fairlead.errors import PermissionMissing
from fairlead.spi.connector import ActivitiesOf
from fairlead_hubspot import activity_rows, mapping
from fairlead_hubspot.activity_rows import SOURCES, Row, Source
from fairlead_hubspot.client import HubSpotClient
from fairlead_hubspot.faults import RefusedCall
from fairlead_hubspot.names import CONTACTS, LEADS, ObjectType
from fairlead_hubspot.reading import BATCH, BATCH_WITH_HISTORY, PRIMARY_CONTACT, chunks, ends_of
from fairlead_hubspot.seam import Portal

ASK_AGAIN = timedelta(minutes=10)
"""How long after a refusal an object type is asked for again: a scope may be granted meanwhile."""

LINKED = 1000
"""Most ids of one reading of associations."""

CROWDED = 100
"""More records of one type than this are searched for and not read one by one."""

LAST_CONTACTED = "notes_last_contacted"
STATUS = {CONTACTS.name: "hs_lead_status", LEADS.name: "hs_pipeline_stage"}
KINDS = frozenset({ActivityKind.STATUS_CHANGE, *(s.kind for s in SOURCES)})

OwnersOf = Callable[[Iterable[str]], Mapping[str, str]]
"""Owner ids by HubSpot user id, given the user ids that will be asked about."""


class ActivityReader:
    """Activities of one connector. `hidden` are the object types that our token may not read."""

    def __init__(self, client: HubSpotClient, portal: Portal, lead: ObjectType) -> None:
        self._client = client
        self._portal = portal
        self._lead = lead
        self._hidden: dict[str, datetime] = {}

    @property
    def hidden(self) -> frozenset[str]:
        return frozenset(self._hidden)

    @property
    def kinds(self) -> frozenset[ActivityKind]:
        return KINDS - {s.kind for s in SOURCES if s.name in self._hidden}

    def try_all(self) -> None:
        """Ask every object type anew, so that `hidden` says what is so now."""
        self._hidden.clear()
        for source in SOURCES:
            try:
                self._client.batch_read(source.name, ["1"], source.properties)
            except (PermissionMissing, RefusedCall):
                self._hide(source)

    def read(
        self, asked: Sequence[ActivitiesOf], kinds: Collection[ActivityKind], owners: OwnersOf
    ) -> dict[Ref, tuple[Activity, ...]]:
        """See `Connector.activities`; a ref that is no lead of this connector has none."""
        found: dict[Ref, tuple[Activity, ...]] = {a.ref: () for a in asked}
        wanted = [
            a
            for a in {a.ref: a for a in asked}.values()
            if a.ref.object == self._lead.name and a.ref.id.isdigit()
        ]
        if not wanted:
            return found
        done: dict[Ref, list[Activity]] = {a.ref: [] for a in wanted}
        contacts = self._contacts(wanted)
        history = ActivityKind.STATUS_CHANGE in kinds
        rows: dict[str, Row] = {}
        if history or self._lead is CONTACTS:
            rows = self._looked_at(self._lead, [a.ref.id for a in wanted], history=history)
        users = {u for row in rows.values() for u in activity_rows.users_in(row)} if history else ()
        by_user = owners(users)
        for one in wanted if history else ():
            if (row := rows.get(one.ref.id)) is not None:
                done[one.ref] += activity_rows.moves(
                    one.ref,
                    row,
                    STATUS[self._lead.name],
                    app_id=self._portal.app_id,
                    owner_of=by_user.get,
                )
        people = rows
        if self._lead is LEADS:
            people = self._looked_at(CONTACTS, sorted(set(contacts.values())), history=False)
        there = [a for a in wanted if contacts.get(a.ref) in people]
        moved = [a for a in there if a.thorough or _moved(people[contacts[a.ref]], a.since)]
        for source in SOURCES:
            if source.kind in kinds and not self._waits(source.name):
                some = [a for a in (moved if source.outreach else there) if a.wants((source.kind,))]
                for ref, activities in self._of_source(source, some, contacts, owners).items():
                    done[ref] += activities
        for one in wanted:
            floor = mapping.from_ms(mapping.to_ms(one.since))
            found[one.ref] = oldest_first((a for a in done[one.ref] if a.kind in kinds), floor)
        return found

    def _contacts(self, wanted: Sequence[ActivitiesOf]) -> dict[Ref, str]:
        """The contact of each lead: itself, or a Lead object's primary one."""
        if self._lead is CONTACTS:
            return {a.ref: a.ref.id for a in wanted}
        of: dict[str, str] = {}
        for part in chunks([a.ref.id for a in wanted], LINKED):
            for link in self._client.associated(LEADS.name, CONTACTS.name, part):
                ends = sorted(ends_of(link), key=lambda t: PRIMARY_CONTACT not in t[1])
                if ends and isinstance(link, Mapping) and isinstance(link.get("from"), Mapping):
                    of[str(link["from"].get("id"))] = ends[0][0]
        return {a.ref: of[a.ref.id] for a in wanted if a.ref.id in of}

    def _looked_at(self, kind: ObjectType, ids: Sequence[str], *, history: bool) -> dict[str, Row]:
        """Rows by every id that leads to them, with the date of the last contact made."""
        names = (LAST_CONTACTED, "hs_merged_object_ids", "hs_calculated_merged_vids")
        past = (STATUS[kind.name],) if history else ()
        rows: dict[str, Row] = {}
        for part in chunks(ids, BATCH_WITH_HISTORY if history else BATCH):
            found, _ = self._client.batch_read(kind.name, part, names, history=past)
            for row in found:
                rid = mapping.row_id(row)
                rows.update((i, row) for i in (*mapping.merged_ids(row), rid) if i is not None)
        return rows

    def _of_source(
        self,
        source: Source,
        wanted: Sequence[ActivitiesOf],
        contacts: Mapping[Ref, str],
        owners: OwnersOf,
    ) -> dict[Ref, list[Activity]]:
        """What one object type tells of each; empty, and remembered, when it is hidden."""
        try:
            tied = self._tied(source, wanted, contacts)
            rows = list(self._records(source, {i for ids in tied.values() for i in ids}))
        except (PermissionMissing, RefusedCall):
            self._hide(source)
            return {}
        by_user = owners({u for row in rows for u in activity_rows.users_in(row)})
        told = {}
        for row in rows:
            activity = activity_rows.of_row(
                source, row, app_id=self._portal.app_id, owner_of=by_user.get
            )
            if activity is not None:
                told[activity.ref.id] = activity
        return {ref: [told[i] for i in ids if i in told] for ref, ids in tied.items()}

    def _tied(
        self, source: Source, wanted: Sequence[ActivitiesOf], contacts: Mapping[Ref, str]
    ) -> dict[Ref, set[str]]:
        """The ids of a source's records that belong to each lead or to its contact."""
        found: dict[Ref, set[str]] = {a.ref: set() for a in wanted}
        origins = [(CONTACTS, {a.ref: contacts[a.ref] for a in wanted})]
        if self._lead is LEADS and source.of_leads:
            origins.append((LEADS, {a.ref: a.ref.id for a in wanted}))
        for kind, of in origins:
            ids, crowded = self._linked(kind, source, sorted(set(of.values())))
            for one in wanted:
                origin = of[one.ref]
                if origin in crowded:
                    found[one.ref] |= self._searched(source, kind, origin, one.since)
                else:
                    found[one.ref] |= ids.get(origin, set())
        return found

    def _linked(
        self, kind: ObjectType, source: Source, origins: Sequence[str]
    ) -> tuple[dict[str, set[str]], set[str]]:
        """What is associated with each, and with whom more than can be read one by one."""
        ids: dict[str, set[str]] = {}
        crowded: set[str] = set()
        for part in chunks(origins, LINKED):
            for link in self._client.associated(kind.name, source.name, part):
                origin = link.get("from") if isinstance(link, Mapping) else None
                if not isinstance(origin, Mapping):
                    continue
                there = ids.setdefault(str(origin.get("id")), set())
                there.update(i for i, _ in ends_of(link))
                # Whoever has a second page of associations has more than enough.
                if len(there) > CROWDED or link.get("paging"):
                    crowded.add(str(origin.get("id")))
        return ids, crowded

    def _searched(self, source: Source, kind: ObjectType, origin: str, since: datetime) -> set[str]:
        """The first 200 since then, by the search index."""
        since_ms = str(mapping.to_ms(since))
        tied = f"associations.{kind.name.removesuffix('s')}"
        filters = [
            {"propertyName": tied, "operator": "EQ", "value": origin},
            {"propertyName": source.searched_by, "operator": "GTE", "value": since_ms},
        ]
        rows, _ = self._client.search(
            source.name,
            {
                "filterGroups": [{"filters": filters}],
                "sorts": [{"propertyName": source.searched_by, "direction": "ASCENDING"}],
                "properties": ["hs_timestamp"],
                "limit": 200,
            },
        )
        return {i for row in rows if (i := mapping.row_id(row)) is not None}

    def _records(self, source: Source, ids: Collection[str]) -> Iterator[Row]:
        names = (*activity_rows.EVERY, *source.properties)
        for part in chunks(sorted(ids), BATCH_WITH_HISTORY if source.history else BATCH):
            rows, _ = self._client.batch_read(source.name, part, names, history=source.history)
            yield from (r for r in rows if isinstance(r, Mapping))

    def _hide(self, source: Source) -> None:
        self._hidden[source.name] = self._client.seam.server_now

    def _waits(self, name: str) -> bool:
        refused = self._hidden.get(name)
        if refused is None:
            return False
        if self._client.seam.server_now - refused < ASK_AGAIN:
            return True
        del self._hidden[name]
        return False


def _moved(row: Row, since: datetime) -> bool:
    """Whether HubSpot counts a contact made since; where it does not tell, there may be one."""
    properties = row.get("properties")
    if not isinstance(properties, Mapping) or LAST_CONTACTED not in properties:
        return True
    last = properties[LAST_CONTACTED]
    if last in (None, ""):
        return False
    try:
        return mapping.to_ms(mapping.instant(last)) >= mapping.to_ms(since)
    except ValueError:
        return True

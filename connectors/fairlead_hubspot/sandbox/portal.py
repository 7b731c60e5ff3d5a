"""One HubSpot account: its records over the org, and what the service does around each write.

Every write, whoever makes it, passes through here: derived values, the second bump of the modified
date, calculated properties, the trailing index and the register of unique values.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from fairlead.sandbox.org import SYSTEM, Org, Row, Who
from fairlead_hubspot.sandbox import outreach, values
from fairlead_hubspot.sandbox.errors import Refusal, conflict, error, not_found
from fairlead_hubspot.sandbox.index import Doc, Index
from fairlead_hubspot.sandbox.knobs import Knobs, Span
from fairlead_hubspot.sandbox.limits import Limits
from fairlead_hubspot.sandbox.moments import from_ms, to_ms, wire_time
from fairlead_hubspot.sandbox.properties import Schema
from fairlead_hubspot.sandbox.types import LINKS, TYPES, ObjectType, by_plural, reverse_type

PORTAL_ID = 145_000_777
APP_ID = "4711001"
OTHER_APP_ID = "4711999"
FIRST_ID = {kind.plural: 1_000_000 * (i + 1) for i, kind in enumerate(TYPES)}
SPREAD = 40


class Portal:
    """The state behind one face."""

    def __init__(self, org: Org, *, token: str, base_url: str) -> None:
        self.org = org
        self.token = token
        self.base_url = base_url.rstrip("/")
        self.knobs = Knobs()
        self.schema = Schema.standard(self.now(), self.knobs.fields_missing)
        self.limits = Limits(self.knobs)
        self.api = Who("integration", APP_ID, "app")
        self.index: dict[str, Index] = {kind.plural: Index() for kind in TYPES}
        self.links: dict[tuple[str, str], dict[str, dict[str, set[int]]]] = {}
        self.corrupt: dict[tuple[str, str], dict[str, str]] = {}
        self._by_id: dict[str, list[int]] = {}
        self._unique: dict[tuple[str, str], dict[str, str]] = {}
        self._made: dict[str, int] = {}
        self._now: datetime | None = None
        self._quiet = False
        org.listeners.append(self._changed)

    # -- time and chance --------------------------------------------------------------------

    def now(self) -> datetime:
        """The service's clock, in whole milliseconds."""
        return from_ms(to_ms(self.org.now()))

    def draw(self, span: Span) -> timedelta:
        return timedelta(seconds=self.org.rng.uniform(*span)) if span else timedelta(0)

    def new_id(self, table: str, first: int) -> str:
        """An unused id near the last ones, above or below: ids do not follow time."""
        while True:
            n = self.count(table)
            id = str(first + n * 3 + self.org.rng.randrange(3 * SPREAD))
            if self.org.get(table, id) is None:
                return id

    def count(self, table: str) -> int:
        """The next number in a table."""
        self._made[table] = self._made.get(table, 0) + 1
        return self._made[table]

    # -- reading ----------------------------------------------------------------------------

    def live(self, kind: ObjectType, id: str) -> Row | None:
        row = self.org.get(kind.plural, id)
        return row if row is not None and not row.deleted else None

    def listed(self, kind: ObjectType, after: int) -> Iterator[Row]:
        """All records from that id on, archived ones included, in order of id."""
        ids = self._by_id.get(kind.plural, [])
        if len(ids) != self.org.count(kind.plural):
            ids = self._by_id[kind.plural] = sorted(int(r.id) for r in self.org.rows(kind.plural))
        for id in islice(ids, bisect_left(ids, after), None):
            row = self.org.get(kind.plural, str(id))
            assert row is not None
            yield row

    def survivor(self, kind: ObjectType, id: str) -> Row | None:
        """The record an id leads to, merges followed; archived ones included."""
        row = self.org.get(kind.plural, id)
        while row is not None and row.merged_into is not None:
            row = self.org.get(kind.plural, row.merged_into)
        return row

    def by_unique(self, kind: ObjectType, name: str, value: str) -> Row | None:
        if name == "hs_object_id":
            return self.survivor(kind, value)
        prop = self.schema.get(kind, name)
        if prop is None or not prop.unique:
            raise Refusal(
                400,
                error(
                    f"{name} is not a property with unique values of {kind.type_id}",
                    "VALIDATION_ERROR",
                ),
            )
        key = value.strip().lower() if prop.email else value
        id = self._unique.get((kind.plural, name), {}).get(key)
        return None if id is None else self.live(kind, id)

    def value(self, kind: ObjectType, row: Row, name: str) -> str | None:
        """A property as it is now; None when it was never set."""
        if name == "hs_object_id":
            return row.id
        if name == kind.created:
            return wire_time(row.created_at)
        if name == kind.modified:
            return wire_time(row.modified_at)
        kept: str | None = row.fields.get(name)
        return kept

    def can_own(self, owner_id: str) -> bool:
        row = self.org.get("owners", owner_id)
        return row is not None and not row.deleted

    # -- writing ----------------------------------------------------------------------------

    def check_unique(self, kind: ObjectType, fields: Mapping[str, str], id: str | None) -> None:
        """Refuse values that another live record already has."""
        for name, value in fields.items():
            prop = self.schema.get(kind, name)
            if prop is None or not prop.unique or value == "":
                continue
            holder = self._unique.get((kind.plural, name), {}).get(value)
            if holder is None or holder == id:
                continue
            if prop.email:
                raise conflict(f"Contact already exists. Existing ID: {holder}")
            message = (
                f"Cannot set PropertyValueCoordinates{{portalId={PORTAL_ID}, objectTypeId="
                f"ObjectTypeId{{legacyObjectType={kind.label}}}, propertyName={name}, "
                f"value={value}}} on {id or 'new object'}. {holder} already has that value."
            )
            if self.knobs.unique_conflict_status == 409:
                raise conflict(message)
            raise Refusal(400, error(message, "VALIDATION_ERROR"))

    def create(
        self,
        kind: ObjectType,
        fields: Mapping[str, str],
        who: Who,
        *,
        stamp: datetime | None = None,
        settled: bool = False,
    ) -> Row:
        """Add a record. `settled` skips the index lag and the second bump, for old data."""
        id = self.new_id(kind.plural, FIRST_ID[kind.plural])
        at = stamp or self.now()
        full = {**self._defaults(kind, id, who), **fields}
        full.update(self._derived(kind, full, fields, at))
        self._quiet = settled
        try:
            row = self.org.create(kind.plural, id, full, who, stamp=at)
        finally:
            self._quiet = False
        span = self.knobs.bump_seconds.get(kind.plural)
        if span is not None and not settled:
            due = self.now() + self.draw(span)
            self.org.later(due, lambda: self._bump(row, due))
        return row

    def update(
        self,
        kind: ObjectType,
        row: Row,
        fields: Mapping[str, str],
        who: Who,
        *,
        stamp: datetime | None = None,
    ) -> dict[str, str]:
        """Change a record; returns what was written, derived values included."""
        at = stamp or self._now or self.now()
        full = dict(fields)
        full.update(self._derived(kind, {**row.fields, **fields}, fields, at, row))
        if kind.plural == "contacts" and "hubspot_owner_assigneddate" in full:
            self._later_on(kind, row.id, outreach.forgotten)
        touch = self.knobs.noop_bumps and bool(fields)
        self.org.update(kind.plural, row.id, full, who, stamp=at, touch=touch)
        forced = self.knobs.workflow_owner
        if forced and who == self.api and full.get("hubspot_owner_id") not in (None, forced):
            flow = Who("system", "enrollmentId:1;actionExecutionIndex:0", "workflow")
            self.org.update(kind.plural, row.id, {"hubspot_owner_id": forced}, flow, stamp=at)
        return full

    def calculate(self, row: Row, fields: Mapping[str, str], at: datetime) -> None:
        """Set calculated properties: history grows, the modified date does not move."""
        before = len(row.history)
        modified_by = row.modified_by
        self.org.update(row.table, row.id, fields, SYSTEM, stamp=row.modified_at)
        row.modified_by = modified_by
        row.history[before:] = [replace(c, at=at) for c in row.history[before:]]

    def reindex(self, row: Row) -> None:
        """Let the index learn of something that is no property change, such as a link."""
        if not row.deleted:
            self._index(row)

    def _bump(self, row: Row, at: datetime) -> None:
        if row.deleted:
            return
        self._now = at
        try:
            stamp = max(at, row.modified_at)
            self.org.update(row.table, row.id, {}, SYSTEM, stamp=stamp, touch=True)
        finally:
            self._now = None

    def _defaults(self, kind: ObjectType, id: str, who: Who) -> dict[str, str]:
        source = {"person": "CRM_UI", "integration": "INTEGRATION", "tool": "INTEGRATION"}
        fields = {"hs_object_source": source.get(who.kind, "AUTOMATION_PLATFORM")}
        fields["hs_object_source_id"] = f"userId:{who.id}" if who.kind == "person" else who.id
        if who.kind == "person" and kind.engagement:
            fields["hs_created_by_user_id"] = who.id
        if kind.plural == "contacts":
            fields |= {
                "hs_all_contact_vids": id,
                "hs_is_contact": "true",
                "hs_is_unworked": "true",
                "hs_pipeline": "contacts-lifecycle-pipeline",
            }
        elif kind.plural == "tasks":
            fields |= {
                "hs_task_status": "NOT_STARTED",
                "hs_task_priority": "NONE",
                "hs_task_type": "TODO",
            }
        elif kind.plural == "leads":
            fields |= {"hs_pipeline": "lead-pipeline-id", "hs_pipeline_stage": "new-stage-id"}
        return fields

    def _derived(
        self,
        kind: ObjectType,
        full: Mapping[str, str],
        given: Mapping[str, str],
        at: datetime,
        row: Row | None = None,
    ) -> dict[str, str]:
        more: dict[str, str] = {}
        if kind.plural == "contacts" and "email" in given:
            more["hs_email_domain"] = full["email"].rpartition("@")[2]
        if (status := given.get("hs_task_status")) is not None:
            more["hs_task_completion_date"] = wire_time(at) if status == "COMPLETED" else ""
        owner = given.get("hubspot_owner_id")
        if owner is not None and (row is None or owner != (row.fields.get("hubspot_owner_id"))):
            if owner:
                more["hubspot_owner_assigneddate"] = wire_time(at)
                seen = [o for o in (full.get("hs_all_owner_ids") or "").split(";") if o]
                more["hs_all_owner_ids"] = ";".join([*[o for o in seen if o != owner], owner])
            elif row is not None:
                more["hubspot_owner_assigneddate"] = ""
        return more

    # -- links ------------------------------------------------------------------------------

    def linked(self, kind: ObjectType, id: str, to: ObjectType) -> dict[str, set[int]]:
        """Ids of the records tied to one, with the association types, seen from it."""
        return self.links.get((kind.plural, id), {}).get(to.plural, {})

    def link(self, kind: ObjectType, id: str, to: ObjectType, to_id: str, types: set[int]) -> None:
        """Tie two records, both ways."""
        for a, a_id, b, b_id, ids in (
            (kind, id, to, to_id, types),
            (to, to_id, kind, id, {reverse_type(kind.plural, to.plural, t) for t in types}),
        ):
            if LINKS[a.plural, b.plural].primary in ids:
                for other in self.linked(a, a_id, b).values():
                    other.discard(LINKS[a.plural, b.plural].primary or -1)
            known = self.links.setdefault((a.plural, a_id), {}).setdefault(b.plural, {})
            known.setdefault(b_id, set()).update(ids)
        self._after_link(kind, id, to, to_id)

    def unlink(self, kind: ObjectType, id: str, to: ObjectType, to_id: str) -> None:
        for a, a_id, b, b_id in ((kind, id, to, to_id), (to, to_id, kind, id)):
            self.links.get((a.plural, a_id), {}).get(b.plural, {}).pop(b_id, None)
            if (row := self.live(a, a_id)) is not None:
                self.reindex(row)

    def _after_link(self, kind: ObjectType, id: str, to: ObjectType, to_id: str) -> None:
        for a, a_id, b, b_id in ((kind, id, to, to_id), (to, to_id, kind, id)):
            row = self.live(a, a_id)
            if row is None:
                continue
            self.reindex(row)
            if a.engagement and b.plural in ("contacts", "companies"):
                self._count_outreach(a, row, b, b_id)

    def _count_outreach(self, kind: ObjectType, act: Row, to: ObjectType, to_id: str) -> None:
        """A logged call, mail, meeting or message shows on the person, some time later."""
        if (
            kind.plural in outreach.KINDS
            and act.fields.get("hs_email_direction") != "INCOMING_EMAIL"
        ):
            self._later_on(to, to_id, lambda row: outreach.contacted(row, act))

    def _later_on(self, to: ObjectType, id: str, facts: Callable[[Row], dict[str, str]]) -> None:
        due = self.now() + self.draw(self.knobs.calculated_seconds)

        def show() -> None:
            if (row := self.live(to, id)) is not None:
                self.calculate(row, facts(row), due)

        self.org.later(due, show)

    # -- what follows every change ----------------------------------------------------------

    def _changed(self, row: Row, diff: Mapping[str, tuple[object, object]]) -> None:
        if row.table not in self.index:
            return
        kind = by_plural(row.table)
        for prop in self.schema.unique(kind):
            if prop.name == "hs_object_id":
                continue
            holders = self._unique.setdefault((row.table, prop.name), {})
            old = diff.get(prop.name, (None, None))[0]
            for gone in (str(old), *(self._keys(row, prop.name) if row.deleted else ())):
                if holders.get(gone) == row.id:
                    del holders[gone]
            if not row.deleted:
                for key in self._keys(row, prop.name):
                    holders[key] = row.id
        if row.deleted:
            self.index[row.table].drop(int(row.id))
        else:
            self._index(row)

    def _keys(self, row: Row, name: str) -> Iterator[str]:
        if row.fields.get(name):
            yield row.fields[name]
        if name == "email":
            yield from filter(None, (row.fields.get("hs_additional_emails") or "").split(";"))

    def _index(self, row: Row) -> None:
        index = self.index[row.table]
        doc = Doc(
            id=int(row.id),
            modified_ms=to_ms(row.modified_at),
            created_ms=to_ms(row.created_at),
            values=dict(row.fields),
            links={
                to: frozenset(ids) for to, ids in self.links.get((row.table, row.id), {}).items()
            },
        )
        if self._quiet or self.knobs.search_lag_seconds is None:
            index.put(doc)
            return
        base = self._now or self.now()
        due = index.not_before(doc.id, base + self.draw(self.knobs.search_lag_seconds))
        self.org.later(due, lambda: None if row.deleted else index.put(doc))

    # -- requests on records ----------------------------------------------------------------

    def read_values(
        self, kind: ObjectType, given: object, row: Row | None, *, privileged: bool = False
    ) -> dict[str, str]:
        return values.read(self.schema, self, kind, given, row, privileged=privileged)

    def must_find(self, kind: ObjectType, asked: str, id_property: str | None) -> Row:
        """The live record an id or unique value leads to; 404 when there is none."""
        if id_property:
            row = self.by_unique(kind, id_property, asked)
        else:
            row = self.survivor(kind, asked)
        if row is None or row.deleted:
            raise not_found(asked)
        return row

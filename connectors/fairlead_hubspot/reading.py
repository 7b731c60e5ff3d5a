"""Reading: pages of changes and records by id, with what belongs to a Lead object's contact.

Search bodies over 3,000 characters are refused, so a long property list is searched short and
filled by batch reads. Records are always identified by the id in the answer, never by position.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import orjson

from fairlead.core.types import Gone, Kind, Record, Ref
from fairlead.errors import Bug
from fairlead.spi.connector import TaskFound
from fairlead_hubspot import mapping, polling
from fairlead_hubspot.client import HubSpotClient
from fairlead_hubspot.faults import named_ids
from fairlead_hubspot.names import (
    COMPANIES,
    CONTACT_PREFIX,
    CONTACTS,
    LEADS,
    MARKER,
    OBJECTS,
    OWNER,
    TASKS,
    ObjectType,
)
from fairlead_hubspot.seam import Portal

BATCH = 100
BATCH_WITH_HISTORY = 50
LONGEST_SEARCH = 2_900
PRIMARY_CONTACT = 578
"""HubSpot's association type of a Lead object with its primary contact."""

Row = Mapping[str, Any]
T = TypeVar("T")


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in order, at most `size` at a time."""
    for i in range(0, len(items), size):
        yield items[i : i + size]


class Reader:
    """Reads of one connector. `extra` are CRM field names that the policy asks for."""

    def __init__(
        self, client: HubSpotClient, portal: Portal, lead: ObjectType, extra: Sequence[str]
    ) -> None:
        self._client = client
        self._portal = portal
        self._lead = lead
        own = [f for f in extra if not f.startswith(CONTACT_PREFIX)]
        of_contact = [f.removeprefix(CONTACT_PREFIX) for f in extra if f.startswith(CONTACT_PREFIX)]
        if lead is CONTACTS:
            own += of_contact
        self._extra = {lead.name: own, "": of_contact}

    def object_of(self, kind: Kind) -> ObjectType:
        """The object type that holds a kind; a kind that no poll covers is a Bug of the caller."""
        if kind is Kind.LEAD:
            return self._lead
        if kind is Kind.ACCOUNT:
            return COMPANIES
        raise Bug(f"the HubSpot connector has no feed of kind {kind}")

    def properties_of(self, kind: ObjectType) -> list[str]:
        """The properties asked for, each once, in a fixed order."""
        merged = ("hs_merged_object_ids",) if kind is not TASKS else ()
        vids = ("hs_calculated_merged_vids",) if kind is CONTACTS else ()
        names = (OWNER, kind.created, kind.modified, *merged, *vids, *kind.properties)
        return list(dict.fromkeys((*names, *self._extra.get(kind.name, ()))))

    def page(
        self, kind: ObjectType, walk: polling.Walk
    ) -> tuple[list[Row], list[polling.Key], bool]:
        """One search page as rows with all properties, their keys, and whether more match."""
        names = self.properties_of(kind)
        body = polling.query(walk, kind.modified, names)
        short = len(orjson.dumps(body)) > LONGEST_SEARCH
        if short:
            body = polling.query(walk, kind.modified, (OWNER, kind.created, kind.modified))
        found, more = self._client.search(kind.name, body)
        rows = {i: r for r in found if (i := mapping.row_id(r)) is not None}
        keys = [mapping.key(r, kind) for r in rows.values()]
        if short:
            # A row that vanished between the two calls is dropped: half of it would mislead.
            rows = self._filled(kind, rows, names)
        return list(rows.values()), keys, more

    def _filled(
        self, kind: ObjectType, rows: Mapping[str, Row], names: Sequence[str]
    ) -> dict[str, Row]:
        full: dict[str, Row] = {}
        for part in chunks(list(rows), BATCH):
            read, _ = self._client.batch_read(kind.name, part, names)
            full.update((i, r) for r in read if (i := mapping.row_id(r)) is not None)
        return full

    def records(self, kind: ObjectType, rows: Sequence[Row]) -> list[Record]:
        """Rows as records, in the same order; a Lead object gets its contact's properties."""
        contacts = self._contacts_of(rows) if kind is LEADS else {}
        return [self._record(kind, r, contacts.get(mapping.row_id(r) or "")) for r in rows]

    def read(self, refs: Sequence[Ref]) -> dict[Ref, Record | Gone]:
        """An answer for every ref: its record, the survivor's when merged away, or Gone."""
        answers: dict[Ref, Record | Gone] = {}
        groups: dict[str, list[Ref]] = {}
        for ref in dict.fromkeys(refs):
            if ref.object not in OBJECTS:
                raise Bug(f"the HubSpot connector cannot read {ref.object}")
            if ref.id.isdigit():
                groups.setdefault(ref.object, []).append(ref)
            else:
                answers[ref] = Gone(ref, "not a HubSpot record id")
        for name, group in groups.items():
            kind = OBJECTS[name]
            size = BATCH_WITH_HISTORY if kind.kind is Kind.LEAD else BATCH
            for part in chunks(group, size):
                answers.update(self._read_part(kind, part))
        return answers

    def tasks(self, markers: Sequence[str]) -> dict[str, TaskFound]:
        """Tasks by their marker property, read by key; absent ones are left out."""
        found: dict[str, TaskFound] = {}
        names = [MARKER, OWNER, "hs_task_status"]
        for part in chunks(list(dict.fromkeys(markers)), BATCH):
            rows, _ = self._client.batch_read(TASKS.name, part, names, id_property=MARKER)
            for row in rows:
                marker = _property(row, MARKER)
                if marker is not None:
                    found[marker] = _task(row, marker)
        return found

    def tasks_by_body(self, wanted: Mapping[str, Ref]) -> dict[str, TaskFound]:
        """Tasks by a marker in their text, among the record's; for portals without MARKER."""
        found: dict[str, TaskFound] = {}
        for name in {r.object for r in wanted.values()}:
            ids = sorted({r.id for r in wanted.values() if r.object == name})
            linked = self._client.associated(name, TASKS.name, ids)
            tasks = sorted({i for row in linked for i, _ in ends_of(row)})
            for part in chunks(tasks, BATCH):
                rows, _ = self._client.batch_read(
                    TASKS.name, part, [OWNER, "hs_task_status", "hs_task_body"]
                )
                for row in rows:
                    text = _property(row, "hs_task_body") or ""
                    found.update((m, _task(row, m)) for m in wanted if m in text)
        return found

    def _read_part(self, kind: ObjectType, refs: Sequence[Ref]) -> dict[Ref, Record | Gone]:
        rows, absent = self._batch(kind, [r.id for r in refs])
        by_id = {i: r for r in rows if (i := mapping.row_id(r)) is not None}
        for row in rows:
            for old in mapping.merged_ids(row):
                by_id.setdefault(old, row)
        found = {ref: by_id[ref.id] for ref in refs if ref.id in by_id}
        for ref in refs:
            # Neither a row nor an error names it: ask alone, then the only row is its answer.
            if ref not in found and ref.id not in absent and len(refs) > 1:
                alone, _ = self._batch(kind, [ref.id])
                if alone:
                    found[ref] = alone[0]
            elif ref not in found and ref.id not in absent and rows:
                found[ref] = rows[0]
        records = self.records(kind, list(found.values()))
        answers: dict[Ref, Record | Gone] = dict(zip(found, records, strict=True))
        for ref in refs:
            answers.setdefault(ref, Gone(ref, "HubSpot knows no such record"))
        return answers

    def _batch(self, kind: ObjectType, ids: Sequence[str]) -> tuple[list[Row], set[str]]:
        history = (OWNER,) if kind.kind is Kind.LEAD else ()
        found, errors = self._client.batch_read(
            kind.name, ids, self.properties_of(kind), history=history
        )
        rows = [r for r in found if mapping.row_id(r) is not None]
        for row in rows:
            self._learn(kind, row)
        return rows, {i for e in errors for i in named_ids(e, "ids")}

    def _learn(self, kind: ObjectType, row: Row) -> None:
        """Take our app id from the history entry that a write of ours has just made."""
        write = self._portal.own_write(kind.name, mapping.row_id(row) or "")
        if write is None:
            return
        histories = row.get("propertiesWithHistory")
        entries = histories.get(OWNER) if isinstance(histories, Mapping) else None
        newest = entries[0] if isinstance(entries, list) and entries else None
        if not isinstance(newest, Mapping) or newest.get("sourceType") != "INTEGRATION":
            return
        try:
            at = mapping.instant(newest.get("timestamp"))
        except ValueError:
            return
        ours = newest.get("value") == write.owner_id and write.began <= at <= write.ended
        if ours and newest.get("sourceId"):
            self._portal.learn_app(str(newest["sourceId"]))

    def _contacts_of(self, rows: Sequence[Row]) -> dict[str, Row]:
        ids = [i for r in rows if (i := mapping.row_id(r)) is not None]
        contact_of: dict[str, str] = {}
        for part in chunks(ids, BATCH):
            for link in self._client.associated(LEADS.name, CONTACTS.name, part):
                origin = link.get("from") if isinstance(link, Mapping) else None
                targets = ends_of(link)
                if isinstance(origin, Mapping) and targets:
                    # The primary contact first; sort is stable, so HubSpot's order decides else.
                    best = sorted(targets, key=lambda t: PRIMARY_CONTACT not in t[1])[0][0]
                    contact_of[str(origin.get("id"))] = best
        names = list(dict.fromkeys((*CONTACTS.properties, *self._extra[""])))
        contacts: dict[str, Row] = {}
        for part in chunks(sorted(set(contact_of.values())), BATCH):
            found, _ = self._client.batch_read(CONTACTS.name, part, names)
            for row in found:
                rid = mapping.row_id(row)
                contacts.update({i: row for i in (rid, *mapping.merged_ids(row)) if i is not None})
        return {lead: contacts[c] for lead, c in contact_of.items() if c in contacts}

    def _record(self, kind: ObjectType, row: Row, contact: Row | None) -> Record:
        return mapping.record(
            kind,
            row,
            app_id=self._portal.app_id,
            url=self._portal.url(kind.type_id, mapping.row_id(row) or ""),
            contact=contact,
        )


def ends_of(link: object) -> list[tuple[str, frozenset[int]]]:
    """Ids at the other end of an association row, each with its association types."""
    to = link.get("to") if isinstance(link, Mapping) else None
    targets: list[tuple[str, frozenset[int]]] = []
    for end in to if isinstance(to, list) else ():
        if not isinstance(end, Mapping) or end.get("toObjectId") is None:
            continue
        types = end.get("associationTypes")
        ids = [t.get("typeId") for t in types if isinstance(t, Mapping)] if types else []
        targets.append((str(end["toObjectId"]), frozenset(i for i in ids if isinstance(i, int))))
    return targets


def _property(row: object, name: str) -> str | None:
    properties = row.get("properties") if isinstance(row, Mapping) else None
    value = properties.get(name) if isinstance(properties, Mapping) else None
    return str(value) if value not in (None, "") else None


def _task(row: Row, marker: str) -> TaskFound:
    return TaskFound(
        marker=marker,
        remote_id=mapping.row_id(row) or "",
        owner_id=_property(row, OWNER),
        open=_property(row, "hs_task_status") != "COMPLETED" and row.get("archived") is not True,
    )

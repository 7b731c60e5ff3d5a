"""Reading by id: records with their owner history in one round trip, and what became of lost ones.

Collections retrieve answers null for a record that is deleted, merged away or out of our sight;
only then is it looked for with `queryAll`, which still shows deleted rows and their survivors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fairlead.core.types import Gone, Kind, OwnerChange, Record, Ref
from fairlead.errors import PermissionMissing, SchemaDrift
from fairlead_salesforce import soql
from fairlead_salesforce.client import Client
from fairlead_salesforce.composite import PARTS, Answer, Part, all_rows, body_of, query_all, send
from fairlead_salesforce.mapping import FEEDS, record, to_18
from fairlead_salesforce.people import People, actors, owner_history
from fairlead_salesforce.schema import Schema

READ_CHUNK = (PARTS - 1) * soql.IN_LIST
"""Most ids of one round trip: one retrieve and four history queries."""

MERGES = 5
"""How many merges in a row are followed to the survivor."""

HISTORY_COLUMNS = ("LeadId", "Field", "NewValue", "CreatedById", "CreatedDate")

OWNER_CHANGES = ("Owner", "ownerAccepted", "ownerAssignment")
"""LeadHistory.Field for a new owner: edited, accepted from a queue, assigned by a rule."""

Who = Callable[[Iterable[str]], People]
"""Who is who, given the user ids that will be asked about."""

_KINDS = {feed.object: kind for kind, feed in FEEDS.items()}


class Reader:
    """Reads by id. `history` turns False once the org has shown that it keeps none."""

    def __init__(self, client: Client, schema: Schema) -> None:
        self._client = client
        self._schema = schema
        self._version = client.settings.api_version
        self.history = True

    def read(self, refs: Sequence[Ref], who: Who) -> dict[Ref, Record | Gone]:
        """Every asked ref with its record, its survivor's record, or why it is gone."""
        found: dict[Ref, Record | Gone] = {}
        by_object: dict[str, list[Ref]] = {}
        for ref in dict.fromkeys(refs):
            try:
                to_18(ref.id)
            except ValueError:
                found[ref] = Gone(ref, "not a Salesforce id")
                continue
            by_object.setdefault(ref.object, []).append(ref)
        for obj, asked in by_object.items():
            answers = self._read_object(obj, [to_18(ref.id) for ref in asked], who, MERGES)
            for ref in asked:
                answer = answers[to_18(ref.id)]
                found[ref] = Gone(ref, answer) if isinstance(answer, str) else answer
        return found

    def _read_object(
        self, obj: str, ids: Sequence[str], who: Who, merges_left: int
    ) -> dict[str, Record | str]:
        """By id the record, or the reason why there is none."""
        kind = _KINDS.get(obj)
        if kind not in (Kind.LEAD, Kind.CONTACT, Kind.ACCOUNT):
            return {i: f"{obj} is not read by this connector" for i in ids}
        result: dict[str, Record | str] = {}
        for chunk in _chunks(list(dict.fromkeys(ids)), READ_CHUNK):
            result.update(self._retrieve(kind, obj, chunk, who))
        lost = [i for i in dict.fromkeys(ids) if i not in result]
        if not lost:
            return result
        masters = self._fates(obj, lost, result)
        if masters and merges_left == 0:
            return result | dict.fromkeys(masters, "merged away too many times to follow")
        if masters:
            survivors = self._read_object(
                obj, list(dict.fromkeys(masters.values())), who, merges_left - 1
            )
            result |= {i: survivors[master] for i, master in masters.items()}
        return result

    def _retrieve(
        self, kind: Kind, obj: str, ids: Sequence[str], who: Who
    ) -> dict[str, Record | str]:
        _, columns = self._schema.columns(kind)
        body = {"ids": list(ids), "fields": list(columns)}
        url = f"/services/data/v{self._version}/composite/sobjects/{obj}"
        parts = [Part("POST", url, body)]
        with_history = self.history and kind is Kind.LEAD
        if with_history:
            parts += [Part("GET", self._history_url(some)) for some in soql.in_lists(ids)]
        answers, _ = send(self._client, parts, writing=False)
        rows = body_of(self._client, answers[0], obj)
        if not isinstance(rows, list):
            raise self._client.unreadable(f"holds no list of {obj}")
        histories = self._histories(answers[1:], who) if with_history else None
        result: dict[str, Record | str] = {}
        for row in rows:
            found = (
                record(kind, obj, row, self._client.base_url) if isinstance(row, Mapping) else None
            )
            if found is not None and not found.deleted:
                past = histories.get(found.ref.id, ()) if histories is not None else None
                result[found.ref.id] = replace(found, owner_history=past)
        return result

    def _history_url(self, ids: Sequence[str]) -> str:
        where = soql.both(soql.one_of("LeadId", ids), soql.one_of("Field", OWNER_CHANGES))
        query = soql.select(HISTORY_COLUMNS, "LeadHistory", where=where, order="CreatedDate, Id")
        return soql.url(self._version, query, deleted_too=False)

    def _histories(
        self, answers: Sequence[Answer], who: Who
    ) -> dict[str, tuple[OwnerChange, ...]] | None:
        rows: list[Any] = []
        try:
            for answer in answers:
                rows += all_rows(self._client, answer, "LeadHistory")
        except (PermissionMissing, SchemaDrift):
            # The org keeps no history of leads; `probe` says so, and the house re-reads instead.
            self.history = False
            return None
        readable = [row for row in rows if isinstance(row, Mapping)]
        return owner_history(readable, who(actors(readable)))

    def _fates(
        self, obj: str, lost: Sequence[str], result: dict[str, Record | str]
    ) -> dict[str, str]:
        """Fill in why ids are gone; returns the merged ones with their survivors."""
        fields = ("Id", "IsDeleted", "MasterRecordId")
        urls = [
            soql.url(
                self._version,
                soql.select(fields, obj, where=soql.one_of("Id", some)),
                deleted_too=True,
            )
            for some in soql.in_lists(lost)
        ]
        masters: dict[str, str] = {}
        result |= dict.fromkeys(lost, "not there, or not visible to our user")
        for rows in query_all(self._client, urls, obj):
            for row in rows:
                try:
                    lost_id = to_18(row["Id"])
                    master = to_18(row["MasterRecordId"]) if row.get("MasterRecordId") else None
                except (KeyError, TypeError, ValueError):
                    continue
                if master is not None:
                    masters[lost_id] = master
                elif row.get("IsDeleted") is True:
                    result[lost_id] = "deleted"
        return masters


def _chunks(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]

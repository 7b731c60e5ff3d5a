"""Rows of an org, and a way to few of them: by the value of a field, by when they were written.

Both ways give more rows than asked for, never fewer: a value that a row once had counts, and so
does a write that was taken back. Whoever asks tests each row; a big org stays quick.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Who:
    """Who acts: `kind` is integration (an API client), person, tool (another app) or system."""

    kind: str
    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One field of one row changed; `old` is None for a field that was not set."""

    at: datetime
    field: str
    old: Any
    new: Any
    who: Who


@dataclass(slots=True)
class Row:
    """One record as it is now; `history` is oldest first and only of fields that changed."""

    table: str
    id: str
    fields: dict[str, Any]
    created_at: datetime
    modified_at: datetime
    created_by: Who
    modified_by: Who
    deleted: bool = False
    deleted_at: datetime | None = None
    merged_into: str | None = None
    history: list[Change] = field(default_factory=list)


class WriteIndex:
    """Kept by the org with each write; the index of a field is made when it is first asked for."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._written: dict[str, list[tuple[datetime, str]]] = {}
        self._values: dict[tuple[str, str], dict[Any, set[str]]] = {}
        self._texts: dict[tuple[str, str], dict[str, set[str]]] = {}

    def note(self, row: Row, diff: Mapping[str, tuple[Any, Any]], now: datetime) -> None:
        """A row was written."""
        self._numbers.setdefault((row.table, row.id), len(self._numbers))
        insort(self._written.setdefault(row.table, []), (max(now, row.modified_at), row.id))
        for name, (_, new) in diff.items():
            known = self._values.get((row.table, name))
            if known is not None:
                known.setdefault(new, set()).add(row.id)
            texts = self._texts.get((row.table, name))
            if texts is not None:
                texts.setdefault(str(new).lower(), set()).add(row.id)

    def writes(self, table: str) -> int:
        """How often rows of a table were written."""
        return len(self._written.get(table, ()))

    def few(
        self,
        rows: Mapping[str, Row],
        table: str,
        values: Mapping[str, Collection[Any]],
        since: datetime | None,
        texts: Mapping[str, Collection[str]] = MappingProxyType({}),
    ) -> list[Row]:
        """Rows by the values of fields or the instant of a write, whichever leads to the fewest,
        in order of creation. In `texts` it is all the same how a value is written, large or small.
        """
        least: int | None = None
        sets: list[set[str]] = []
        for name, asked in values.items():
            known = self._of_field(rows, table, name)
            found = [known[v] for v in set(asked) if v in known]
            most = sum(map(len, found))
            if least is None or most < least:
                least, sets = most, found
        for name, words in texts.items():
            spelt = self._of_text(rows, table, name)
            found = [spelt[w] for w in {w.lower() for w in words} if w in spelt]
            most = sum(map(len, found))
            if least is None or most < least:
                least, sets = most, found
        if since is not None:
            written = self._written.get(table, [])
            first = bisect_left(written, (since, ""))
            if least is None or len(written) - first < least:
                return self.in_order(rows, table, {id for _, id in written[first:]})
        if least is None:
            return list(rows.values())
        return self.in_order(rows, table, set().union(*sets))

    def _of_field(self, rows: Mapping[str, Row], table: str, name: str) -> dict[Any, set[str]]:
        known = self._values.get((table, name))
        if known is None:
            known = self._values[table, name] = {}
            for row in rows.values():
                known.setdefault(row.fields.get(name), set()).add(row.id)
        return known

    def _of_text(self, rows: Mapping[str, Row], table: str, name: str) -> dict[str, set[str]]:
        known = self._texts.get((table, name))
        if known is None:
            known = self._texts[table, name] = {}
            for row in rows.values():
                known.setdefault(str(row.fields.get(name)).lower(), set()).add(row.id)
        return known

    def in_order(self, rows: Mapping[str, Row], table: str, ids: Iterable[str]) -> list[Row]:
        """Those of these rows that are there."""
        return sorted((rows[i] for i in ids if i in rows), key=lambda r: self._numbers[table, r.id])

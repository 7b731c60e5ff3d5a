"""The truth inside a sandbox: tables of rows, who changed what when, and what is yet to commit.

Neutral between CRMs: it knows nothing of wire formats, validation or search. Faces read and write
through it, so the audit log sees every change, whoever made it. All methods take the org's lock;
instants are aware UTC; ids and field names are the face's business.
"""

from __future__ import annotations

import heapq
import itertools
import random
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from fairlead.sandbox.write_index import Change as Change
from fairlead.sandbox.write_index import Row as Row
from fairlead.sandbox.write_index import Who as Who
from fairlead.sandbox.write_index import WriteIndex


class SandboxClock:
    """The org's clock: the real one plus an offset, or frozen and moved by hand."""

    def __init__(self, real_now: Callable[[], datetime], *, frozen_at: datetime | None = None):
        self._real_now = real_now
        self._frozen = frozen_at
        self._offset = timedelta(0)

    def now(self) -> datetime:
        base = self._frozen if self._frozen is not None else self._real_now()
        return base + self._offset

    def advance(self, delta: timedelta) -> None:
        """Move time on (or back, to play a wrong clock)."""
        self._offset += delta


SYSTEM = Who("system", "system", "System")


@dataclass(frozen=True, slots=True)
class Write:
    """An audit entry: one row was created, updated, deleted or merged."""

    seq: int
    at: datetime
    op: str
    table: str
    id: str
    changes: Mapping[str, tuple[Any, Any]]
    who: Who
    request: int | None


@dataclass(frozen=True, slots=True)
class Seen:
    """An audit entry: one HTTP request and how it was answered."""

    seq: int
    at: datetime
    method: str
    path: str
    status: int
    who: str
    note: str = ""


class Org:
    """One CRM's data. `seed` fixes every random choice that faces draw from `rng`."""

    def __init__(self, clock: SandboxClock, *, seed: int = 1) -> None:
        self.clock = clock
        self.rng = random.Random(seed)
        self.lock = threading.RLock()
        self.settings: dict[str, Any] = {"latency_ms": 0.0}
        self.writes: list[Write] = []
        self.requests: list[Seen] = []
        self.listeners: list[Callable[[Row, Mapping[str, tuple[Any, Any]]], None]] = []
        self._tables: dict[str, dict[str, Row]] = {}
        self._seq = itertools.count(1)
        self._request: int | None = None
        self._pending: list[tuple[datetime, int, Callable[[], None]]] = []
        self._settling = False
        self._index = WriteIndex()

    # -- time -------------------------------------------------------------------------------

    def now(self) -> datetime:
        return self.clock.now().astimezone(UTC)

    def later(self, at: datetime, do: Callable[[], None]) -> None:
        """Run `do` once the clock has reached `at`: a late commit, a second bump, an index."""
        with self.lock:
            heapq.heappush(self._pending, (at, next(self._seq), do))

    def settle(self) -> None:
        """Run everything that has come due, in order of its time."""
        if not self._pending:
            return  # as it is mostly
        with self.lock:
            if self._settling:
                return  # what runs here looks at rows itself; the next is run after it
            self._settling = True
            try:
                while self._pending and self._pending[0][0] <= self.now():
                    heapq.heappop(self._pending)[2]()
            finally:
                self._settling = False

    # -- reading ----------------------------------------------------------------------------

    def get(self, table: str, id: str) -> Row | None:
        with self.lock:
            if self._pending:
                self.settle()
            return self._tables.get(table, {}).get(id)

    def rows(self, table: str) -> list[Row]:
        """All rows of a table, deleted ones included, in order of creation in this org."""
        with self.lock:
            self.settle()
            return list(self._tables.get(table, {}).values())

    def count(self, table: str) -> int:
        """How many rows a table has, deleted ones included; it never has fewer later."""
        with self.lock:
            self.settle()
            return len(self._tables.get(table, {}))

    def some(self, table: str, ids: Iterable[str]) -> list[Row]:
        """Rows by id, those that are there, in order of creation."""
        with self.lock:
            self.settle()
            return self._index.in_order(self._tables.get(table, {}), table, set(ids))

    def having(self, table: str, field: str, values: Iterable[Any]) -> list[Row]:
        """Rows of which a field has, or once had, one of these values, in order of creation."""
        with self.lock:
            self.settle()
            rows = self._tables.get(table, {})
            return self._index.few(rows, table, {field: tuple(values)}, None)

    def few(
        self,
        table: str,
        values: Mapping[str, Collection[Any]],
        since: datetime | None,
        texts: Mapping[str, Collection[str]] = MappingProxyType({}),
    ) -> list[Row]:
        """Rows, all of those among them of which each field has one of these values and that were
        written, or are dated, at `since` or later; by the shortest way, in order of creation. In
        `texts` it is all the same how a value is written, large or small.
        """
        with self.lock:
            self.settle()
            return self._index.few(self._tables.get(table, {}), table, values, since, texts)

    def count_writes(self, table: str) -> int:
        """How often rows of a table were written; whoever remembers what they say asks."""
        with self.lock:
            self.settle()
            return self._index.writes(table)

    def tables(self) -> Iterator[str]:
        return iter(list(self._tables))

    # -- writing ----------------------------------------------------------------------------

    def create(
        self,
        table: str,
        id: str,
        fields: Mapping[str, Any],
        who: Who,
        *,
        stamp: datetime | None = None,
    ) -> Row:
        """Add a row. `stamp` back-dates it, as a transaction that began earlier does."""
        with self.lock:
            at = stamp or self.now()
            values = dict(fields)
            row = Row(table, id, values, at, at, who, who)
            row.history = [Change(at, k, None, v, who) for k, v in values.items() if v is not None]
            self._tables.setdefault(table, {})[id] = row
            self._log("create", row, {k: (None, v) for k, v in values.items()}, who)
            return row

    def update(
        self,
        table: str,
        id: str,
        fields: Mapping[str, Any],
        who: Who,
        *,
        stamp: datetime | None = None,
        touch: bool = False,
    ) -> Row:
        """Change fields; the modification stamp moves if any value changed or `touch` is set."""
        with self.lock:
            row = self._tables[table][id]
            at = stamp or self.now()
            diff = {k: (row.fields.get(k), v) for k, v in fields.items() if row.fields.get(k) != v}
            if not diff and not touch:
                return row
            for k, (old, new) in diff.items():
                row.fields[k] = new
                row.history.append(Change(at, k, old, new, who))
            row.modified_at, row.modified_by = at, who
            self._log("update", row, diff, who)
            return row

    def delete(self, table: str, id: str, who: Who, *, merged_into: str | None = None) -> Row:
        """Mark a row deleted (rows are never dropped); `merged_into` names the survivor."""
        with self.lock:
            row = self._tables[table][id]
            row.deleted, row.deleted_at, row.merged_into = True, self.now(), merged_into
            row.modified_at, row.modified_by = self.now(), who
            op = "merge" if merged_into else "delete"
            self._log(op, row, {"merged_into": (None, merged_into)} if merged_into else {}, who)
            return row

    def undelete(self, table: str, id: str, who: Who) -> Row:
        with self.lock:
            row = self._tables[table][id]
            row.deleted, row.deleted_at, row.merged_into = False, None, None
            row.modified_at, row.modified_by = self.now(), who
            self._log("undelete", row, {}, who)
            return row

    def _log(self, op: str, row: Row, diff: Mapping[str, tuple[Any, Any]], who: Who) -> None:
        now = self.now()
        self.writes.append(
            Write(next(self._seq), now, op, row.table, row.id, diff, who, self._request)
        )
        self._index.note(row, diff, now)
        for tell in self.listeners:
            tell(row, diff)

    # -- audit ------------------------------------------------------------------------------

    def begin_request(self) -> int:
        """Number a request, so that the writes it causes can be traced to it. Hold the lock."""
        self._request = next(self._seq)
        return self._request

    def end_request(
        self, seq: int, method: str, path: str, status: int, who: str, note: str = ""
    ) -> None:
        self.requests.append(Seen(seq, self.now(), method, path, status, who, note))
        self._request = None


def only_live(rows: Iterable[Row]) -> list[Row]:
    """The rows that are not deleted."""
    return [r for r in rows if not r.deleted]

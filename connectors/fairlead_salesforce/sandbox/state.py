"""The org as one object: data, clock, schema, people, sessions, cursors and what is pending.

Everything above takes a `Sandbox` first. It also holds the small undo log by which an all-or-none
request takes its writes back (`Sandbox.transaction`), because the neutral org has none.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from fairlead.sandbox.org import Org, Row, Who
from fairlead_salesforce.sandbox.ids import IdSource
from fairlead_salesforce.sandbox.knobs import Knobs
from fairlead_salesforce.sandbox.objects import OBJECTS
from fairlead_salesforce.sandbox.schema import ObjectDef, Schema
from fairlead_salesforce.sandbox.setup_objects import OMNI_CHANNEL


@dataclass(slots=True)
class Session:
    """One issued access token; it dies `session_ttl` seconds after its last use."""

    user_id: str
    app: str
    used_at: datetime


@dataclass(slots=True)
class Cursor:
    """One open query: which rows, what is shown of them, and whose it is."""

    user_id: str
    opened_at: datetime
    rows: list[Row]
    show: Any
    batch: int


@dataclass(slots=True)
class _Undo:
    rows: dict[tuple[str, str], Row | None] = field(default_factory=dict)
    edits: dict[str, tuple[datetime, Who] | None] = field(default_factory=dict)


class Sandbox:
    """One Salesforce org. Callers hold `org.lock`."""

    def __init__(self, org: Org, *, token: str, base_url: str) -> None:
        self.org = org
        self.knobs = Knobs(base_url=base_url)
        self.token = token
        self.ids = IdSource(org.rng)
        self.schema = Schema(())
        self.org_id = self.ids.new("00D")
        self.integration = Who("integration", self.ids.new("005"), "Fairlead Integration")
        self.admin = Who("person", self.ids.new("005"), "Ada Admin")
        self.tool = Who("tool", self.ids.new("005"), "Other Integration")
        self.robot = Who("system", self.ids.new("005"), "Automated Process")
        self.sessions: dict[str, Session] = {}
        self.refresh_tokens: dict[str, Session] = {}
        self.logins = 0
        self.calls: dict[int, int] = {}
        self.cursors: dict[str, Cursor] = {}
        self.corrupt: dict[str, dict[str, Any]] = {}
        self.last_edit: dict[str, tuple[datetime, Who]] = {}
        self.pending: dict[int, datetime] = {}
        self.locked: dict[str, int] = {}
        self.failed_commits: list[str] = []
        self._undo: list[_Undo] = []
        self._keys: dict[tuple[str, str], dict[str, str]] = {}
        self.reads: dict[tuple[str, str], Any] = {}
        """Known to `render`, until the schema changes: how each field of an object is read."""
        self.paths: dict[tuple[Any, ...], Any] = {}
        """Known to `soql_bind`, for as long: where a path of a query leads."""
        self._minute, self._used = 0, 0
        self._users_written, self._users_found = 0, dict[str, Row | None]()
        self.reshape()

    def reshape(self) -> None:
        """Build the schema anew after a knob that hides or freezes parts of it."""
        self.reads.clear()
        self.paths.clear()
        k = self.knobs
        missing = set(k.fields_missing)
        if not k.state_country_picklists:
            missing |= {"Lead.CountryCode", "Lead.StateCode"}
        self.schema = Schema(
            OBJECTS,
            missing_objects=[*k.objects_missing, *(() if k.omni_channel else OMNI_CHANNEL)],
            missing_fields=missing,
            read_only_fields=k.fields_read_only,
            keys_unique=k.keys_unique,
        )

    # -- time and quota ---------------------------------------------------------------------

    def now(self) -> datetime:
        """The org's time in whole seconds, as every stamp has it."""
        return self.org.now().replace(microsecond=0)

    def count_calls(self, n: int = 1) -> int:
        """Charge `n` API calls and say how many the last 24 hours saw (to the minute)."""
        minute = int(self.org.now().timestamp()) // 60
        if minute != self._minute:
            self.calls = {m: c for m, c in self.calls.items() if m > minute - 24 * 60}
            self._minute, self._used = minute, sum(self.calls.values())
        self.calls[minute] = self.calls.get(minute, 0) + n
        self._used += n
        return self._used

    def calls_used(self) -> int:
        return self.count_calls(0)

    # -- people -----------------------------------------------------------------------------

    def who(self, user_id: str) -> Who:
        """The actor behind a user id: known API users keep their kind, all others are people."""
        for one in (self.integration, self.tool, self.robot, self.admin):
            if one.id == user_id:
                return one
        row = self.org.get("User", user_id)
        name = str(row.fields.get("Username", "")) if row else ""
        return Who("person", user_id, name)

    def find_user(self, text: str) -> Row | None:
        """A user by id, user name, e-mail or full name."""
        written = self.org.count_writes("User")
        if written != self._users_written:
            self._users_written, self._users_found = written, {}
        if text not in self._users_found:
            self._users_found[text] = self._find_user(text)
        return self._users_found[text]

    def _find_user(self, text: str) -> Row | None:
        low = text.lower()
        for row in self.org.rows("User"):
            f = row.fields
            full = f"{f.get('FirstName') or ''} {f.get('LastName') or ''}".strip()
            known = (row.id, row.id[:15])
            if text in known or low in (
                str(f.get("Username")).lower(),
                str(f.get("Email")).lower(),
                full.lower(),
            ):
                return row
        return None

    def find_owner(self, text: str) -> Row | None:
        """A user or queue by id or name."""
        for row in self.org.rows("Group"):
            if text in (row.id, row.id[:15]) or row.fields.get("Name") == text:
                return row
        return self.find_user(text)

    # -- rows -------------------------------------------------------------------------------

    def lookup(self, id: str | None) -> tuple[ObjectDef, Row] | None:
        """The row an 18-character id names, deleted or not, whatever its object."""
        obj = self.schema.of_id(id) if id else None
        row = self.org.get(obj.name, id) if obj and id else None
        return (obj, row) if obj and row else None

    def by_key(self, table: str, name: str, value: str) -> Row | None:
        """The live row with this value in a unique text field; case does not count."""
        index = self._keys.get((table, name))
        if index is None:
            rows = [r for r in self.org.rows(table) if not r.deleted and r.fields.get(name)]
            index = {str(r.fields[name]).lower(): r.id for r in rows}
            self._keys[(table, name)] = index
        id = index.get(value.lower())
        return self.org.get(table, id) if id else None

    def forget_keys(self, table: str) -> None:
        """Drop the key indexes of a table whose rows were removed or restored."""
        for known in [k for k in self._keys if k[0] == table]:
            del self._keys[known]

    def insert(
        self, obj: ObjectDef, id: str, fields: dict[str, Any], who: Who, stamp: datetime
    ) -> Row:
        """Write a new row and remember how to take it back."""
        self._before(obj.name, id)
        row = self.org.create(obj.name, id, fields, who, stamp=stamp)
        self._index(row, fields)
        return row

    def change(self, row: Row, fields: dict[str, Any], who: Who, stamp: datetime) -> None:
        """An edit by a user: all three modification values move, even when nothing differs."""
        self._before(row.table, row.id)
        if any((row.table, name) in self._keys for name in fields):
            self.forget_keys(row.table)
        self.org.update(row.table, row.id, fields, who, stamp=stamp, touch=True)
        self.last_edit.pop(row.id, None)

    def touch(self, row: Row, fields: dict[str, Any], who: Who, stamp: datetime) -> None:
        """A change by the system: SystemModstamp moves, LastModifiedDate and -ById stay."""
        self._before(row.table, row.id)
        self.last_edit.setdefault(row.id, (row.modified_at, row.modified_by))
        self.org.update(row.table, row.id, fields, who, stamp=stamp, touch=True)

    def remove(self, row: Row, who: Who, stamp: datetime, merged_into: str | None = None) -> None:
        """Put a row into the recycle bin."""
        self._before(row.table, row.id)
        self.org.delete(row.table, row.id, who, merged_into=merged_into)
        row.modified_at = row.deleted_at = stamp
        self.last_edit.pop(row.id, None)
        self.forget_keys(row.table)

    def restore(self, row: Row, who: Who, stamp: datetime) -> None:
        """Take a row out of the recycle bin."""
        self._before(row.table, row.id)
        self.org.undelete(row.table, row.id, who)
        row.modified_at = stamp
        self.last_edit.pop(row.id, None)
        self.forget_keys(row.table)

    def _index(self, row: Row, fields: dict[str, Any]) -> None:
        for (table, name), index in self._keys.items():
            if table == row.table and fields.get(name):
                index[str(fields[name]).lower()] = row.id

    # -- all or none ------------------------------------------------------------------------

    def _before(self, table: str, id: str) -> None:
        if not self._undo or (table, id) in self._undo[-1].rows:
            return
        row = self.org.get(table, id)
        kept = None
        if row is not None:
            kept = copy.copy(row)
            kept.fields, kept.history = dict(row.fields), list(row.history)
        self._undo[-1].rows[(table, id)] = kept
        self._undo[-1].edits[id] = self.last_edit.get(id)

    @property
    def in_transaction(self) -> bool:
        return bool(self._undo)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Whatever is written inside is taken back, audit entries too, when an error leaves it."""
        undo, written = _Undo(), len(self.org.writes)
        self._undo.append(undo)
        try:
            yield
        except BaseException:
            self._undo.pop()
            self._take_back(undo)
            del self.org.writes[written:]
            raise
        self._undo.pop()
        if self._undo:
            outer = self._undo[-1]
            for key, kept in undo.rows.items():
                outer.rows.setdefault(key, kept)
            for id, edit in undo.edits.items():
                outer.edits.setdefault(id, edit)

    def _take_back(self, undo: _Undo) -> None:
        for (table, id), kept in undo.rows.items():
            # The neutral org has no way to unsay a row; the private table is the only door.
            if kept is None:
                self.org._tables.get(table, {}).pop(id, None)
                continue
            row = self.org._tables[table][id]
            for slot in Row.__slots__:
                setattr(row, slot, getattr(kept, slot))
        for id, edit in undo.edits.items():
            if edit is None:
                self.last_edit.pop(id, None)
            else:
                self.last_edit[id] = edit
        self._keys.clear()
        self._users_found.clear()

    # -- late commits -----------------------------------------------------------------------

    def covered_until(self) -> datetime:
        """Up to when every commit is visible: the start of the oldest open transaction, or now."""
        return min([self.now(), *self.pending.values()])

    def expired(self, session: Session) -> bool:
        return self.org.now() - session.used_at > timedelta(seconds=self.knobs.session_ttl)

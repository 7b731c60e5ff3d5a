"""The remote side of a fake CRM, in memory: rows, owners, tasks, history, and an audit of writes.

`FakeConnector` reads and writes it as a client does; tests act on it as the people and tools of
the org do. It never fails by itself: faults are `fake.faults`, played by the connector. Time is
the clock it is given. All methods may be called from any thread.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from fairlead.clock import Clock
from fairlead.core.fate import OPEN, Fate
from fairlead.core.types import Actor, Availability, CrmOwner, Kind, OwnerChange, OwnerKind, Ref
from fairlead.testing.builders import LEAD_FIELDS
from fairlead.testing.fake_activities import FakeActivities
from fairlead.testing.fake_faults import FakeFaults
from fairlead.testing.fake_groups import FakeGroups
from fairlead.testing.fake_rows import AUTOMATION_ID, FakeRow, FakeTask
from fairlead.testing.fake_rows import OUR_ID as OUR_ID
from fairlead.testing.fake_rows import Audit as Audit


class FakeCrm:
    """One CRM org. `name` is the `crm` of its refs, `lead_object` the object leads live in.

    Knobs, all settable at any time: `feed_lag` (a change shows in the feed that much later, but at
    once by id: a search index), `stamp_resolution` (stamps are cut down to it, so that ties come
    about: one second for Salesforce), `daily_limit` (calls), `merged_reads_as_survivor`.
    `on_call` hears "<call>:before" and "<call>:after" around each remote call, outside any lock.
    """

    def __init__(self, clock: Clock, *, name: str = "fake", lead_object: str = "Lead") -> None:
        self.clock = clock
        self.name = name
        self.lead_object = lead_object
        self.lock = threading.RLock()
        self.faults = FakeFaults()
        self.activities = FakeActivities(clock)
        self.groups = FakeGroups(clock)
        self.feed_lag = timedelta(0)
        self.stamp_resolution = timedelta(0)
        self.merged_reads_as_survivor = True
        self.daily_limit: int | None = None
        self.on_call: Callable[[str], None] = lambda _: None
        self.calls: Counter[str] = Counter()
        self.tasks: dict[str, FakeTask] = {}
        self.audit: list[Audit] = []
        self._rows: dict[Ref, FakeRow] = {}
        self._feed: dict[Kind, list[tuple[datetime, str, Ref]]] = {k: [] for k in Kind}
        self._fates: dict[Ref, Fate] = {}
        self._ids = itertools.count(1)
        self._later: list[tuple[datetime, int, Callable[[], None]]] = []

    # -- people and tools of the org -------------------------------------------------------

    def add_user(self, email: str, *, name: str | None = None, active: bool = True) -> str:
        """A person who can own leads; returns the owner id."""
        fields = {"email": email.lower(), "name": name or email.split("@")[0], "active": active}
        return self.create(Kind.REP, fields).id

    def add_queue(self, name: str) -> str:
        """A queue that can own leads; returns the owner id."""
        return self.create(Kind.QUEUE, {"email": None, "name": name, "active": True}).id

    def create_lead(
        self,
        fields: Mapping[str, Any] | None = None,
        *,
        owner_id: str | None = None,
        at: datetime | None = None,
        commits_after: float = 0.0,
        **more: Any,
    ) -> Ref:
        """A new lead with `LEAD_FIELDS` unless said otherwise; see `create`."""
        every = {**LEAD_FIELDS, **(fields or {}), **more}
        return self.create(Kind.LEAD, every, owner_id=owner_id, at=at, commits_after=commits_after)

    def create(
        self,
        kind: Kind,
        fields: Mapping[str, Any],
        *,
        owner_id: str | None = None,
        at: datetime | None = None,
        commits_after: float = 0.0,
        id: str | None = None,
    ) -> Ref:
        """A new record, stamped `at` (default now).

        With `commits_after` the transaction that made it is still open: nobody sees the record for
        so many seconds, and then it shows with its old stamp.
        """
        with self.lock:
            ref = Ref(self.name, self.object_of(kind), id or f"{kind.value}-{next(self._ids):06}")
            stamp = self._cut(at or self.clock.now())
            history = [OwnerChange(stamp, owner_id, Actor.UNKNOWN)] if owner_id else []
            row = FakeRow(ref, kind, stamp, stamp, dict(fields), owner_id, history=history)

            def commit() -> None:
                self._rows[ref] = row
                self._publish(row)
                self._log("create", ref, Actor.UNKNOWN, "", new=owner_id)

            if commits_after:
                self.later(timedelta(seconds=commits_after), commit)
            else:
                commit()
            return ref

    def person_sets_owner(self, ref: Ref, owner_id: str | None, *, person: str = "admin") -> None:
        """A person (by user id; default somebody who owns nothing) changes the owner by hand."""
        self.set_owner(ref, owner_id, Actor.PERSON, person)

    def automation_sets_owner(self, ref: Ref, owner_id: str | None) -> None:
        """A flow of the org changes the owner."""
        self.set_owner(ref, owner_id, Actor.AUTOMATION, AUTOMATION_ID)

    def update(self, ref: Ref, *, actor: Actor = Actor.PERSON, **fields: Any) -> None:
        """Somebody edits fields; without any the stamp moves all the same."""
        with self.lock:
            row = self.row(ref)
            row.fields.update(fields)
            self._touch(row)
            self._log("update", ref, actor, "")

    def delete(self, ref: Ref) -> None:
        with self.lock:
            row = self.row(ref)
            row.deleted = True
            self._touch(row)
            self._log("delete", ref, Actor.PERSON, "admin")

    def merge(self, loser: Ref, survivor: Ref) -> None:
        """The loser is deleted and points at the survivor, whose stamp moves."""
        with self.lock:
            row = self.row(loser)
            row.deleted, row.merged_into = True, survivor
            self._touch(row)
            self._touch(self.row(survivor))
            self._log("merge", loser, Actor.PERSON, "admin", new=survivor.id)

    def convert(self, ref: Ref) -> None:
        """The lead becomes a contact and can no longer be written."""
        with self.lock:
            row = self.row(ref)
            row.converted = True
            self._touch(row)
            self._log("convert", ref, Actor.PERSON, "admin")

    def decide(self, ref: Ref, fate: Fate) -> None:
        """What became of the lead, as the CRM will tell it."""
        with self.lock:
            self._fates[ref] = fate
            self._touch(self.row(ref))

    def fate_of(self, ref: Ref) -> Fate:
        """What became of a lead; a converted one is converted, whatever else is known."""
        row = self.find(ref)
        if row is not None and row.converted and ref not in self._fates:
            return Fate(True, why="converted")
        return self._fates.get(ref, OPEN)

    def corrupt(self, ref: Ref, reason: str = "created_at is no date") -> None:
        """From now on nobody can understand this row; `mend` heals it."""
        with self.lock:
            row = self.row(ref)
            row.unreadable = reason
            self._touch(row)

    def mend(self, ref: Ref) -> None:
        with self.lock:
            self.row(ref).unreadable = None
            self._touch(self.row(ref))

    def deactivate(self, owner_id: str) -> None:
        self._set_active(owner_id, False)

    def activate(self, owner_id: str) -> None:
        self._set_active(owner_id, True)

    def tell_availability(self, owner_id: str, told: Availability | None) -> None:
        """From now on the CRM says this of a user's availability, and no more."""
        self.update(Ref(self.name, self.object_of(Kind.REP), owner_id), availability=told)

    def close_task(self, marker: str) -> None:
        self.tasks[marker].open = False

    # -- looking -----------------------------------------------------------------------------

    def row(self, ref: Ref) -> FakeRow:
        """The record as it truly is; raises KeyError for one that never was."""
        with self.lock:
            self.settle()
            return self._rows[ref]

    def find(self, ref: Ref) -> FakeRow | None:
        with self.lock:
            self.settle()
            return self._rows.get(ref)

    def owner_of(self, ref: Ref) -> str | None:
        return self.row(ref).owner_id

    def rows(self, kind: Kind) -> list[FakeRow]:
        """All rows of a kind, deleted ones included, oldest first."""
        with self.lock:
            self.settle()
            return [r for r in self._rows.values() if r.kind is kind]

    def owner(self, owner_id: str) -> CrmOwner | None:
        """The user or queue with this id."""
        for kind in (Kind.REP, Kind.QUEUE):
            row = self.find(Ref(self.name, self.object_of(kind), owner_id))
            if row is not None:
                return self.as_owner(row)
        return None

    def as_owner(self, row: FakeRow) -> CrmOwner:
        kind = OwnerKind.REP if row.kind is Kind.REP else OwnerKind.QUEUE
        known = {"name", "email", "active", "availability"}
        extra = {k: v for k, v in row.fields.items() if k not in known}
        active = bool(row.fields["active"]) and not row.deleted
        name, email = row.fields["name"], row.fields["email"]
        told = row.fields.get("availability")
        return CrmOwner(self.name, row.ref.id, kind, name, email, active, extra, told)

    def object_of(self, kind: Kind) -> str:
        return self.lead_object if kind is Kind.LEAD else _OBJECTS[kind]

    def kind_of(self, ref: Ref) -> Kind:
        return next(k for k in Kind if self.object_of(k) == ref.object)

    def our_writes(self, op: str | None = None) -> list[Audit]:
        """The writes of ours that took effect, oldest first."""
        with self.lock:
            return [a for a in self.audit if a.actor is Actor.US and op in (None, a.op)]

    def feed(
        self, kind: Kind, since: datetime | None, after: tuple[datetime, str] | None, limit: int
    ) -> tuple[list[tuple[datetime, FakeRow]], bool]:
        """Rows by (indexed stamp, id): at or after `since`, above the key `after`; and whether
        there are more than `limit`.
        """
        with self.lock:
            self.settle()
            keys = self._feed[kind]
            start = bisect_left(keys, since, key=lambda k: k[0]) if since else 0
            if after is not None:
                start = max(start, bisect_left(keys, (*after, _LAST)))
            page = keys[start : start + limit]
            return [(at, self._rows[ref]) for at, _, ref in page], len(keys) > start + limit

    # -- changing, with the actor named --------------------------------------------------------

    def set_owner(
        self, ref: Ref, owner_id: str | None, actor: Actor, actor_id: str, *, key: str = ""
    ) -> None:
        """Change the owner as `actor`; an unchanged owner leaves no history but moves the stamp."""
        with self.lock:
            row = self.row(ref)
            old, row.owner_id = row.owner_id, owner_id
            self._touch(row)
            if old != owner_id:
                row.history.append(OwnerChange(row.modified_at, owner_id, actor, actor_id))
            self._log("owner", ref, actor, actor_id, old=old, new=owner_id, key=key)

    def put_field(self, ref: Ref, field: str, value: Any, *, key: str) -> None:
        """Set one field of the record (ours); an unchanged one moves the stamp all the same."""
        with self.lock:
            row = self.row(ref)
            old, row.fields[field] = row.fields.get(field), value
            self._touch(row)
            texts = tuple(None if v in (None, "") else str(v) for v in (old, value))
            self._log("field", ref, Actor.US, OUR_ID, old=texts[0], new=texts[1], key=key)

    def put_member(self, ref: Ref, group: str, member: bool, *, key: str) -> None:
        """Put a lead into a group or take it out (ours); what is so already stays as it is."""
        with self.lock:
            before = self.groups.has(ref, group)
            if member:
                self.groups.add(ref, group)
            else:
                self.groups.remove(ref, group)
            words = {True: "in", False: "out"}
            old, new = words[before], words[member]
            self._log("member", ref, Actor.US, OUR_ID, old=old, new=new, key=key)

    def put_task(self, task: FakeTask) -> FakeTask:
        """Create the task with this marker or bring the existing one to this state (ours)."""
        with self.lock:
            known = self.tasks.get(task.marker)
            if known is not None:
                task.id, task.open = known.id, known.open
            self.tasks[task.marker] = task
            op = "task.update" if known else "task.create"
            old = known.owner_id if known else None
            self._log(op, task.ref, Actor.US, OUR_ID, old=old, new=task.owner_id, key=task.marker)
            return task

    def new_task_id(self) -> str:
        return f"task-{next(self._ids):06}"

    # -- time ----------------------------------------------------------------------------------

    def later(self, delay: timedelta, do: Callable[[], None]) -> None:
        """Run `do` once the clock is `delay` further, at the next look at the org."""
        with self.lock:
            heapq.heappush(self._later, (self.clock.now() + delay, next(self._ids), do))

    def settle(self) -> None:
        """Let everything that has come due happen, in order of its time."""
        with self.lock:
            while self._later and self._later[0][0] <= self.clock.now():
                heapq.heappop(self._later)[2]()

    def _touch(self, row: FakeRow) -> None:
        row.modified_at = max(row.modified_at, self._cut(self.clock.now()))
        self._publish(row)

    def _publish(self, row: FakeRow) -> None:
        stamp = row.modified_at
        if self.feed_lag:
            self.later(self.feed_lag, lambda: self._index(row, stamp))
        else:
            self._index(row, stamp)

    def _index(self, row: FakeRow, stamp: datetime) -> None:
        keys = self._feed[row.kind]
        if row.indexed_at is not None:
            if stamp < row.indexed_at:
                return
            del keys[bisect_left(keys, (row.indexed_at, row.ref.id, row.ref))]
        row.indexed_at = stamp
        insort(keys, (stamp, row.ref.id, row.ref))

    def _cut(self, at: datetime) -> datetime:
        return at - (at - _EPOCH) % self.stamp_resolution if self.stamp_resolution else at

    def _set_active(self, owner_id: str, active: bool) -> None:
        with self.lock:
            for kind in (Kind.REP, Kind.QUEUE):
                row = self.find(Ref(self.name, self.object_of(kind), owner_id))
                if row is not None:
                    row.fields["active"] = active
                    self._touch(row)
                    return
            raise KeyError(owner_id)

    def _log(
        self,
        op: str,
        ref: Ref,
        actor: Actor,
        actor_id: str,
        *,
        old: str | None = None,
        new: str | None = None,
        key: str = "",
    ) -> None:
        seq = len(self.audit) + 1
        self.audit.append(Audit(seq, self.clock.now(), op, ref, actor, actor_id, old, new, key))


_OBJECTS: Mapping[Kind, str] = {
    Kind.CONTACT: "Contact",
    Kind.ACCOUNT: "Account",
    Kind.REP: "User",
    Kind.QUEUE: "Queue",
    Kind.ACTIVITY: "Activity",
    Kind.OUTCOME: "Outcome",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = Ref("\U0010ffff", "", "")
"""Sorts after every ref of the same (stamp, id)."""

"""A complete connector over a `FakeCrm`: the reference reading of the protocol in `spi/connector`.

It is a client like any other (it passes `testing/contract.py`), so a test that runs on it runs on
what a real connector promises and not on less. Faults come from `fake.faults`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar, assert_never, cast

from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.effects import Effect, SetField, SetMember, SetOwner, SetScore, UpsertTask
from fairlead.core.fate import Fate
from fairlead.core.types import Actor, CrmOwner, Gone, Kind, Record, Ref
from fairlead.errors import Ambiguous, FairleadError, RateLimited, RetryLater, Unavailable
from fairlead.spi.connector import (
    ActivitiesOf,
    Budget,
    Capabilities,
    ChangePage,
    Cursor,
    FieldMap,
    Finding,
    MemberPage,
    Outcome,
    Probe,
    Receipt,
    RemoteField,
    TaskFound,
    Written,
)
from fairlead.testing.fake_crm import FakeCrm
from fairlead.testing.fake_faults import Took
from fairlead.testing.fake_fields import FAKE_FIELDS, FakeFieldMap
from fairlead.testing.fake_rows import OUR_ID, FakeRow, FakeTask

T = TypeVar("T")

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

FAKE_CAPABILITIES = Capabilities(
    queues=True,
    owner_history=True,
    carries_poll=True,
    audit_field=True,
    task_marker=True,
    max_effects=100,
    lead_objects=("Lead",),
    groups=True,
)


class FakeConnector:
    """One client of a `FakeCrm`; several may share it (reading, writing, a restarted daemon).

    `look_back` is how far each new pass over the feed reaches back, `page_size` how many rows a
    page holds.
    """

    def __init__(
        self,
        fake: FakeCrm,
        *,
        capabilities: Capabilities | None = None,
        page_size: int = 200,
        look_back: timedelta = timedelta(minutes=15),
    ) -> None:
        self.fake = fake
        self.name = fake.name
        self.page_size = page_size
        self.look_back = look_back
        self.closed = False
        self._capabilities = capabilities or replace(
            FAKE_CAPABILITIES, lead_objects=(fake.lead_object,)
        )
        self._calls_made = 0

    @property
    def capabilities(self) -> Capabilities:
        groups = self._capabilities.groups and not self.fake.groups.hidden
        return replace(self._capabilities, activities=self.fake.activities.shown, groups=groups)

    @property
    def field_map(self) -> FieldMap:
        return FakeFieldMap()

    @property
    def budget(self) -> Budget:
        limit = self.fake.daily_limit
        left = None if limit is None else max(0, limit - self.fake.calls.total())
        return Budget(limit, left, self._calls_made)

    # -- reading -----------------------------------------------------------------------------

    def start_cursor(self, kind: Kind, *, since: datetime | None) -> Cursor:
        at = None if since is None else since.isoformat()
        position = {"kind": kind.value, "since": at, "after": None, "began": None}
        return Cursor(position, since or _BEGINNING)

    def changes(self, cursors: Mapping[Kind, Cursor]) -> Mapping[Kind, ChangePage]:
        return self._call("changes", lambda: {k: self._page(k, c) for k, c in cursors.items()})

    def _page(self, kind: Kind, cursor: Cursor) -> ChangePage:
        now = self.fake.clock.now()
        since, after = cursor.position["since"], cursor.position["after"]
        began = cursor.position["began"] or now.isoformat()
        rows, more = self.fake.feed(
            kind,
            None if since is None else datetime.fromisoformat(since),
            None if after is None else (datetime.fromisoformat(after[0]), after[1]),
            self.page_size,
        )
        records = [self._record(row) for _, row in rows]
        if more:
            at, last = rows[-1]
            key = [at.isoformat(), last.ref.id]
            position = {**cursor.position, "after": key, "began": began}
            return ChangePage(kind, records, Cursor(position, cursor.covered_until), True, now)
        # The next pass begins a look-back before this one began, but never before the start.
        floor = datetime.fromisoformat(began) - self.look_back - self.fake.stamp_resolution
        if since is not None:
            floor = max(floor, datetime.fromisoformat(since))
        position = {**cursor.position, "since": floor.isoformat(), "after": None, "began": None}
        return ChangePage(kind, records, Cursor(position, floor), False, now)

    def read(self, refs: Sequence[Ref]) -> Mapping[Ref, Record | Gone]:
        if not refs:
            return {}
        return self._call("read", lambda: {ref: self._read_one(ref) for ref in refs})

    def _read_one(self, ref: Ref) -> Record | Gone:
        row = self.fake.find(ref)
        while row is not None and row.merged_into and self.fake.merged_reads_as_survivor:
            row = self.fake.find(row.merged_into)
        if row is None:
            return Gone(ref, "not found")
        if row.deleted:
            return Gone(ref, "merged" if row.merged_into else "deleted")
        return self._record(row, history=self._capabilities.owner_history)

    def _record(self, row: FakeRow, *, history: bool = False) -> Record:
        return Record(
            ref=row.ref,
            kind=row.kind,
            modified_at=row.modified_at,
            created_at=None if row.unreadable else row.created_at,
            fields=dict(row.fields),
            owner_id=row.owner_id,
            deleted=row.deleted,
            merged_into=row.merged_into,
            converted=row.converted,
            unreadable=row.unreadable,
            owner_history=tuple(row.history) if history else None,
            url=self.record_url(row.ref),
        )

    def owners(self) -> Sequence[CrmOwner]:
        def all_owners() -> list[CrmOwner]:
            rows = self.fake.rows(Kind.REP)
            if self._capabilities.queues:
                rows += self.fake.rows(Kind.QUEUE)
            return [self.fake.as_owner(r) for r in rows]

        return self._call("owners", all_owners)

    def find_tasks(self, markers: Sequence[str]) -> Mapping[str, TaskFound]:
        if not markers:
            return {}

        def find() -> dict[str, TaskFound]:
            tasks = [self.fake.tasks[m] for m in markers if m in self.fake.tasks]
            return {t.marker: TaskFound(t.marker, t.id, t.owner_id, t.open) for t in tasks}

        return self._call("find_tasks", find)

    def activities(
        self, asked: Sequence[ActivitiesOf], kinds: Collection[ActivityKind] = tuple(ActivityKind)
    ) -> Mapping[Ref, Sequence[Activity]]:
        def told(one: ActivitiesOf) -> tuple[Activity, ...]:
            done = self.fake.activities.of(one.ref, one.since)
            return tuple(a for a in done if a.kind in kinds)

        return self._call("activities", lambda: {a.ref: told(a) for a in asked}) if asked else {}

    def members_of(self, asked: Sequence[tuple[Ref, str]]) -> Mapping[tuple[Ref, str], bool]:
        shows = self.fake.groups.shows
        return self._call("members_of", lambda: {p: shows(*p) for p in asked}) if asked else {}

    def joined(self, groups: Collection[str], cursor: Cursor | None) -> MemberPage:
        before = {} if cursor is None else cursor.position
        asked = sorted(set(groups))
        if not asked:
            return MemberPage((), Cursor({}, self.fake.clock.now()), False)
        positions = {g: before.get(g) for g in asked}
        page, size, back = self.fake.groups.page, self.page_size, self.look_back
        return self._call("joined", lambda: page(positions, size, back))

    def became(self, refs: Sequence[Ref]) -> Mapping[Ref, Fate]:
        return self._call("became", lambda: {r: self.fake.fate_of(r) for r in refs}) if refs else {}

    # -- writing -----------------------------------------------------------------------------

    def write(
        self, effects: Sequence[Effect], then_poll: Mapping[Kind, Cursor] | None = None
    ) -> Written:
        owners = [e for e in effects if isinstance(e, SetOwner)]
        tasks = [e for e in effects if isinstance(e, UpsertTask)]
        receipts: dict[int, Receipt] = {}
        values = [e for e in effects if isinstance(e, SetScore | SetField)]
        parts: tuple[tuple[str, Sequence[Effect]], ...] = (
            ("write.owners", owners),
            ("write.tasks", tasks),
            ("write.scores", [e for e in values if isinstance(e, SetScore)]),
            ("write.fields", [e for e in values if isinstance(e, SetField)]),
            ("write.members", [e for e in effects if isinstance(e, SetMember)]),
        )
        for call, part in parts:
            if not part:
                continue
            try:
                answers = self._send(call, part)
            except FairleadError as e:
                if not receipts:
                    raise
                answers = [_unsent(effect, e) for effect in part]
            receipts |= {id(e): r for e, r in zip(part, answers, strict=True)}
        pages: Mapping[Kind, ChangePage] = {}
        if then_poll and self._capabilities.carries_poll:
            pages = self._poll_after_write(then_poll, alone=not effects)
        return Written([receipts[id(e)] for e in effects], pages)

    def _poll_after_write(
        self, cursors: Mapping[Kind, Cursor], *, alone: bool
    ) -> Mapping[Kind, ChangePage]:
        try:
            return self._call(
                "write.poll", lambda: {k: self._page(k, c) for k, c in cursors.items()}
            )
        except FairleadError:
            # The receipts are worth more than the pages: the next poll brings those.
            if alone:
                raise
            return {}

    def _send(self, call: str, part: Sequence[Effect]) -> Sequence[Receipt]:
        try:
            return self._call(call, lambda: [self._apply(e) for e in part])
        except _TimedOut as e:
            return [Receipt(p.key, Outcome.AMBIGUOUS, str(e)) for p in part]

    def _apply(self, effect: Effect) -> Receipt:
        refusal = self._refusal(effect)
        if refusal is not None:
            return refusal
        applied = self.fake.faults.unanswered.pop(effect.ref, None)
        if applied is False:
            return Receipt(effect.key, Outcome.AMBIGUOUS, "no result for this row")
        remote_id: str
        if isinstance(effect, SetOwner):
            if self._capabilities.audit_field and effect.audit:
                self.fake.row(effect.ref).fields["fairlead_reason"] = effect.audit
            self.fake.set_owner(effect.ref, effect.owner_id, Actor.US, OUR_ID, key=effect.key)
            remote_id = effect.ref.id
        elif isinstance(effect, UpsertTask):
            remote_id = self._put_task(effect)
        elif isinstance(effect, SetScore | SetField):
            value = None if effect.value == "" else effect.value
            self.fake.put_field(effect.ref, effect.field, value, key=effect.key)
            remote_id = effect.ref.id
        elif isinstance(effect, SetMember):
            self.fake.put_member(effect.ref, effect.group, effect.member, key=effect.key)
            remote_id = effect.ref.id
        else:
            assert_never(effect)
        if applied:
            return Receipt(effect.key, Outcome.AMBIGUOUS, "no result for this row")
        return Receipt(effect.key, Outcome.APPLIED, remote_id=remote_id)

    def _refusal(self, effect: Effect) -> Receipt | None:
        faults = self.fake.faults
        row = self.fake.find(effect.ref)
        if row is None or row.gone:
            return Receipt(effect.key, Outcome.GONE, "no such record")
        if isinstance(effect, SetScore | SetField):
            if effect.field in faults.read_only:
                return Receipt(effect.key, Outcome.REFUSED, f"{effect.field} cannot be written")
        elif isinstance(effect, SetMember):
            groups = self.fake.groups
            if groups.hidden or effect.group not in groups.names:
                return Receipt(effect.key, Outcome.REFUSED, f"there is no group {effect.group}")
            if effect.group in groups.dynamic:
                return Receipt(effect.key, Outcome.REFUSED, f"{effect.group} fills itself")
        elif not self._can_own(effect.owner_id):
            return Receipt(effect.key, Outcome.BAD_OWNER, f"{effect.owner_id} cannot own it")
        if effect.ref in faults.refused:
            return Receipt(effect.key, Outcome.REFUSED, faults.refused[effect.ref])
        if faults.locked[effect.ref] > 0:
            faults.locked[effect.ref] -= 1
            return Receipt(effect.key, Outcome.RETRY, "row locked", after=1.0)
        return None

    def _can_own(self, owner_id: str) -> bool:
        owner = self.fake.owner(owner_id)
        return owner is not None and owner.active and owner_id not in self.fake.faults.bad_owners

    def _put_task(self, effect: UpsertTask) -> str:
        task = FakeTask(
            id=self.fake.new_task_id(),
            marker=effect.marker,
            ref=effect.ref,
            owner_id=effect.owner_id,
            subject=effect.subject,
            body=effect.body,
            due_at=effect.due_at,
            high_priority=effect.high_priority,
        )
        return self.fake.put_task(task).id

    # -- about the CRM -------------------------------------------------------------------------

    def probe(self) -> Probe:
        return self._call(
            "probe",
            lambda: Probe(
                server_now=self.fake.clock.now(),
                account=self.fake.name,
                our_ids=(OUR_ID,),
                capabilities=self.capabilities,
                findings=(Finding("login", True, "the fake lets everybody in"),),
            ),
        )

    def fields(self) -> Sequence[RemoteField]:
        types = {"employees": "number", "revenue": "number", "deal_value": "number"}
        return self._call(
            "fields",
            lambda: [RemoteField(n, n, types.get(n, "text"), False) for n in FAKE_FIELDS],
        )

    def record_url(self, ref: Ref) -> str:
        return f"https://{self.name}.example/{ref.object}/{ref.id}"

    def close(self) -> None:
        self.closed = True

    # -- the wire ------------------------------------------------------------------------------

    def _call(self, name: str, do: Callable[[], T]) -> T:
        """One remote call, with its hooks, its count, its quota and its fault."""
        fake = self.fake
        fake.on_call(f"{name}:before")
        with fake.lock:
            fake.settle()
            if fake.daily_limit is not None and fake.calls.total() >= fake.daily_limit:
                raise RateLimited("the day's calls are spent", after=3600.0, daily=True)
            fake.calls[name] += 1
            self._calls_made += 1
            fault = fake.faults.take(name)
            answer = do() if fault is None or fault.effect is Took.APPLIED else None
            if fault is not None and fault.effect is Took.LATER:
                fake.later(fault.delay, lambda: _forget(do()))
        fake.on_call(f"{name}:after")
        if fault is not None:
            raise fault.error or _TimedOut("no answer in time")
        return cast(T, answer)


class _TimedOut(Unavailable):
    """No answer came; for a write that says nothing about its effect."""


def _unsent(effect: Effect, error: FairleadError) -> Receipt:
    """The receipt of an effect whose call failed after another part of the write went through."""
    if isinstance(error, Ambiguous):
        return Receipt(effect.key, Outcome.AMBIGUOUS, str(error))
    after = error.after if isinstance(error, RetryLater) else None
    return Receipt(effect.key, Outcome.RETRY, str(error), after=after)


def _forget(_: object) -> None:
    """Whoever asked has stopped listening."""

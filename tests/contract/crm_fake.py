"""The fake CRM as the contract suite sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from fairlead.core.activity import ActivityKind
from fairlead.core.types import Actor, Availability, Kind, Ref
from fairlead.errors import AuthFailed, FairleadError, RateLimited, Unavailable
from fairlead.spi.connector import Connector, Direction
from fairlead.testing import FakeConnector, FakeCrm, ManualClock
from fairlead.testing.contract import Abilities, Breakage, TaskTruth

CALLS = (
    *("changes", "read", "activities", "owners", "find_tasks", "members_of", "joined", "fields"),
    *("probe", "write"),
)


class FakeUnderTest:
    """Acts on a `FakeCrm`; pages are small so that every promise crosses page edges."""

    def __init__(self) -> None:
        self.abilities = Abilities(checks_field_names=False)
        self.clock = ManualClock()
        self.fake = FakeCrm(self.clock)

    def connector(self, direction: Direction) -> Connector:
        return FakeConnector(self.fake, page_size=50)

    def impostor(self) -> Connector:
        return self._failing(AuthFailed("who are you?", remedy="renew the token"))

    def stranded(self) -> Connector:
        return self._failing(Unavailable("connection refused"))

    def _failing(self, error: FairleadError) -> Connector:
        for call in CALLS:
            self.fake.faults.fail_next(call, error, times=None)
        return self.connector(Direction.READ)

    def now(self) -> datetime:
        return self.clock.now()

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def wait_visible(self, ref: Ref) -> None:
        assert self.fake.row(ref).indexed_at == self.fake.row(ref).modified_at

    def add_user(self, email: str, *, active: bool = True) -> str:
        return self.fake.add_user(email, active=active)

    def add_queue(self, name: str) -> str:
        return self.fake.add_queue(name)

    def deactivate(self, owner_id: str) -> None:
        self.fake.deactivate(owner_id)

    def out_of_office(self, owner_id: str, start: datetime, end: datetime) -> None:
        self.fake.tell_availability(owner_id, Availability(off=((start, end),)))

    def set_present(self, owner_id: str, present: bool) -> None:
        self.fake.tell_availability(owner_id, Availability(present=present))

    def create_lead(self, fields: Mapping[str, Any], *, owner_id: str | None = None) -> Ref:
        return self.fake.create_lead(fields, owner_id=owner_id)

    def create_twins(self, count: int) -> Sequence[Ref]:
        return [self.fake.create_lead(email=f"twin{i}@acme.example") for i in range(count)]

    def create_late_lead(self, delay: timedelta) -> Ref:
        return self.fake.create_lead(commits_after=delay.total_seconds())

    def create_account(self, name: str, domain: str) -> Ref:
        return self.fake.create(Kind.ACCOUNT, {"name": name, "website": domain})

    def edit(self, ref: Ref, fields: Mapping[str, Any]) -> None:
        self.fake.update(ref, **fields)

    def person_sets_owner(self, ref: Ref, owner_id: str, *, person: str) -> None:
        self.fake.person_sets_owner(ref, owner_id, person=person)

    def automation_sets_owner(self, ref: Ref, owner_id: str) -> None:
        self.fake.automation_sets_owner(ref, owner_id)

    def delete(self, ref: Ref) -> None:
        self.fake.delete(ref)

    def merge(self, loser: Ref, survivor: Ref) -> Ref:
        self.fake.merge(loser, survivor)
        return survivor

    def convert(self, ref: Ref) -> None:
        self.fake.convert(ref)

    def corrupt(self, ref: Ref) -> None:
        self.fake.corrupt(ref)

    def log_activity(
        self,
        ref: Ref,
        kind: ActivityKind,
        *,
        person: str,
        incoming: bool = False,
        seconds: int | None = None,
    ) -> str:
        log = self.fake.activities.log
        return log(ref, kind, by=person, incoming=incoming, seconds=seconds).ref.id

    def automation_logs(self, ref: Ref, kind: ActivityKind) -> None:
        self.fake.activities.log(ref, kind, actor=Actor.AUTOMATION)

    def complete_task(self, marker: str, *, person: str) -> None:
        self.fake.close_task(marker)
        task, done = self.fake.tasks[marker], ActivityKind.TASK_DONE
        self.fake.activities.log(task.ref, done, by=person, actor=Actor.US)

    def create_group(self, name: str, *, dynamic: bool = False) -> str:
        return self.fake.groups.create(name, dynamic=dynamic)

    def join(self, refs: Sequence[Ref], group: str, *, late: timedelta | None = None) -> None:
        self.fake.groups.lag = late or timedelta(0)
        for ref in refs:
            self.fake.groups.add(ref, group, "Sent")
        self.fake.groups.lag = timedelta(0)

    def leave(self, ref: Ref, group: str) -> None:
        self.fake.groups.remove(ref, group)

    def set_member_status(self, ref: Ref, group: str, status: str) -> None:
        self.fake.groups.set_status(ref, group, status)

    def wait_joined(self) -> None:
        self.clock.advance(self.fake.groups.lag.total_seconds())

    def wait_logged(self) -> None:
        self.clock.advance(self.fake.activities.lag.total_seconds())

    def missing_ref(self) -> Ref:
        return Ref("fake", "Lead", "never-was")

    def missing_owner(self) -> str:
        return "nobody"

    def missing_group(self) -> str:
        return "group-nobody-made"

    def value_of(self, ref: Ref, field: str) -> str:
        value = self.fake.row(ref).fields.get(field)
        return "" if value is None else str(value)

    def members(self, group: str) -> Sequence[Ref]:
        return self.fake.groups.members(group)

    def owner_of(self, ref: Ref) -> str | None:
        return self.fake.owner_of(ref)

    def audit_of(self, ref: Ref) -> str | None:
        return self.fake.row(ref).fields.get("fairlead_reason")

    def tasks(self, marker: str) -> Sequence[TaskTruth]:
        task = self.fake.tasks.get(marker)
        if task is None:
            return []
        return [TaskTruth(task.ref, task.owner_id, task.subject, task.body, task.due_at)]

    def took_effect(self) -> Sequence[tuple[str, str]]:
        names = {"owner": "owner", "field": "field", "member": "member"}
        return [
            (names[a.op], a.ref.id) if a.op in names else ("task", a.key)
            for a in self.fake.our_writes()
            if a.op not in names or a.old != a.new
        ]

    def calls(self) -> int:
        return self.fake.calls.total()

    def break_calls(self, how: Breakage, *, writes_only: bool = False) -> None:
        faults = self.fake.faults
        for call in ("write",) if writes_only else CALLS:
            if how is Breakage.RATE_LIMITED:
                faults.fail_next(call, RateLimited("slow down", after=1.0), times=None)
            elif how in (Breakage.DROPPED_AFTER, Breakage.TRUNCATED):
                faults.timeout_applied(call, times=None)
            else:
                faults.timeout_not_applied(call, times=None)

    def heal(self) -> None:
        self.fake.faults.clear()

    def close(self) -> None:
        pass

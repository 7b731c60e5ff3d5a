"""What a fake CRM holds and remembers: records, tasks, and the writes that took effect."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fairlead.core.types import Actor, Kind, OwnerChange, Ref

OUR_ID = "integration"
AUTOMATION_ID = "flow"


@dataclass(slots=True)
class FakeRow:
    """One record as it truly is; `indexed_at` is the stamp under which the change feed lists it."""

    ref: Ref
    kind: Kind
    created_at: datetime
    modified_at: datetime
    fields: dict[str, Any]
    owner_id: str | None
    deleted: bool = False
    merged_into: Ref | None = None
    converted: bool = False
    unreadable: str | None = None
    history: list[OwnerChange] = field(default_factory=list)
    indexed_at: datetime | None = None

    @property
    def gone(self) -> bool:
        return self.deleted or self.converted


@dataclass(slots=True)
class FakeTask:
    """A task by its unique marker."""

    id: str
    marker: str
    ref: Ref
    owner_id: str
    subject: str
    body: str
    due_at: datetime
    high_priority: bool
    open: bool = True


@dataclass(frozen=True, slots=True)
class Audit:
    """One write that took effect. `op` is create, update, owner, task.create, task.update, delete,
    merge or convert, field, or member; `old` and `new` are owner ids for owner and task writes,
    texts for a field, and "in" or "out" for a member; `key` is the effect's key or the task's
    marker when the write is ours.
    """

    seq: int
    at: datetime
    op: str
    ref: Ref
    actor: Actor
    actor_id: str
    old: str | None = None
    new: str | None = None
    key: str = ""

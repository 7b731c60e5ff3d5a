"""Writing: owners, then tasks, then values, then members, in batches of a hundred, each sent once.

HubSpot refuses a whole batch for one bad input, so a refused batch is halved until the bad input
is alone; what is known to be a bad owner is not sent again. Results come back in another order than
the inputs and are matched by id, by marker or by our trace id. There is no idempotency key: a
task's marker property is unique, so a second creation conflicts and leads to the first task.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from fairlead.core.effects import Effect, SetField, SetMember, SetOwner, SetScore, UpsertTask
from fairlead.core.types import Ref
from fairlead.errors import Ambiguous, FairleadError, NeedsOperator, RetryLater
from fairlead.spi.connector import Outcome, Receipt, TaskFound
from fairlead_hubspot import mapping
from fairlead_hubspot.client import HubSpotClient, Json
from fairlead_hubspot.faults import RefusedCall, named_ids, row_verdict
from fairlead_hubspot.group_writes import GroupWriter
from fairlead_hubspot.names import AUDIT, MARKER, OWNER, TASKS, ObjectType
from fairlead_hubspot.reading import BATCH, Reader, chunks
from fairlead_hubspot.seam import OwnWrite, Portal

TASK_OF: Mapping[str, int] = {"contacts": 204, "leads": 647, "companies": 192}
"""HubSpot's association type of a task with each object type."""

CLOCK_SLACK = timedelta(seconds=2)
_CONFLICT_AGAIN = 10.0


@dataclass(frozen=True, slots=True)
class Item:
    """One effect on its way: its place among the effects, and what is sent for it."""

    place: int
    effect: Effect
    input: Json

    @property
    def id(self) -> str:
        return str(self.input.get("id", ""))


@dataclass(slots=True)
class Run:
    """What one write has learnt so far; `touched` once anything may have been applied."""

    receipts: dict[int, Receipt] = field(default_factory=dict)
    bad_owners: dict[str, str] = field(default_factory=dict)
    touched: bool = False
    stopped: FairleadError | None = None

    def settle(
        self, item: Item, outcome: Outcome, detail: str = "", remote_id: str | None = None
    ) -> None:
        if not isinstance(item.effect, SetOwner | UpsertTask):
            outcome = Outcome.REFUSED if outcome is Outcome.BAD_OWNER else outcome
        elif outcome is Outcome.BAD_OWNER:
            self.bad_owners[item.effect.owner_id] = detail
        self.receipts[item.place] = Receipt(item.effect.key, outcome, detail, remote_id)

    def sendable(self, items: Sequence[Item]) -> list[Item]:
        """The items still worth sending: not those with an owner just found to be bad."""
        left: list[Item] = []
        for item in items:
            bad = self.bad_owners.get(_owner(item.effect))
            if bad is None:
                left.append(item)
            else:
                self.settle(item, Outcome.BAD_OWNER, bad)
        return left


class Writer:
    """Writes of one connector; for one thread."""

    def __init__(
        self,
        client: HubSpotClient,
        portal: Portal,
        reader: Reader,
        lead: ObjectType,
        groups: GroupWriter,
    ) -> None:
        self._client = client
        self._portal = portal
        self._reader = reader
        self._lead = lead
        self._groups = groups

    def learn_schema(self) -> None:
        """Ask once whether the marker and the audit property exist; two reads, shared by both."""
        if self._portal.marker is None:
            self._portal.marker = any(
                p.get("name") == MARKER and p.get("hasUniqueValue") is True
                for p in self._client.properties(TASKS.name)
            )
        if self._portal.audit is None:
            names = {p.get("name") for p in self._client.properties(self._lead.name)}
            self._portal.audit = AUDIT in names

    def write(self, effects: Sequence[Effect]) -> list[Receipt]:
        """One receipt per effect, in order; raises only when nothing can have been applied."""
        if not effects:
            return []
        self.learn_schema()
        run = Run()
        owners: dict[str, list[Item]] = {}
        tasks: list[Item] = []
        values: dict[tuple[str, str], list[Item]] = {}
        members = [(n, e) for n, e in enumerate(effects) if isinstance(e, SetMember)]
        for place, effect in enumerate(effects):
            if isinstance(effect, SetOwner):
                item = Item(place, effect, self._owner_input(effect))
                owners.setdefault(effect.ref.object, []).append(item)
            elif isinstance(effect, SetScore | SetField):
                item = Item(place, effect, _value_input(effect))
                # One property to a call, so that one that is gone spoils no other.
                values.setdefault((effect.ref.object, effect.field), []).append(item)
            elif isinstance(effect, UpsertTask):
                tasks.append(Item(place, effect, self._task_input(effect)))
        for name, items in owners.items():
            for part in chunks(items, BATCH):
                self._guarded(run, part, partial(self._update, run, name))
        for part in chunks(tasks, BATCH):
            self._guarded(run, part, partial(self._tasks, run))
        for (name, _), items in values.items():
            for part in chunks(items, BATCH):
                self._guarded(run, part, partial(self._update, run, name))
        if members:
            self._members(run, members, first=len(members) == len(effects))
        return [run.receipts[place] for place in range(len(effects))]

    def _members(self, run: Run, placed: Sequence[tuple[int, SetMember]], *, first: bool) -> None:
        answers = self._groups.write([e for _, e in placed], first=first)
        run.receipts |= {n: a for (n, _), a in zip(placed, answers, strict=True)}

    def _guarded(
        self, run: Run, items: Sequence[Item], send: Callable[[Sequence[Item]], None]
    ) -> None:
        """Send a batch; give every item of it a receipt, or raise when nothing was touched."""
        if run.stopped is None:
            try:
                send(items)
            except Ambiguous as e:
                run.touched = True
                run.stopped = e
            except (RetryLater, NeedsOperator) as e:
                if not run.touched:
                    raise
                run.stopped = e
        if run.stopped is None:
            return
        after = getattr(run.stopped, "after", None)
        for item in items:
            if item.place not in run.receipts:
                text = f"not sent: {run.stopped}"
                run.receipts[item.place] = Receipt(
                    item.effect.key, Outcome.RETRY, text, after=after
                )

    def _update(self, run: Run, name: str, items: Sequence[Item]) -> None:
        """Batch update by id; halves on refusal."""
        sendable = run.sendable(items)
        if not sendable:
            return
        began = self._client.seam.seconds()
        try:
            rows, errors = self._client.batch_update(name, [i.input for i in sendable])
        except RefusedCall as refusal:
            if refusal.lacks(AUDIT) and self._portal.audit:
                self._portal.audit = False
                self._update(run, name, [self._again(i) for i in sendable])
            elif _lacks_all(refusal, sendable):
                for item in sendable:
                    run.settle(item, Outcome.REFUSED, refusal.detail)
            elif len(sendable) == 1:
                run.settle(sendable[0], refusal.outcome(), refusal.detail)
            else:
                half = len(sendable) // 2
                self._update(run, name, sendable[:half])
                self._update(run, name, sendable[half:])
            return
        except Ambiguous as e:
            self._unknown(run, sendable, e)
            raise
        run.touched = True
        spent = timedelta(seconds=self._client.seam.seconds() - began)
        done = {mapping.row_id(r) for r in rows}
        failed = {i: row_verdict(e) for e in errors for i in named_ids(e, "ids")}
        for item in sendable:
            if item.id in done:
                run.settle(item, Outcome.APPLIED, remote_id=item.id)
                if isinstance(item.effect, SetOwner):
                    now = self._client.seam.server_now
                    write = OwnWrite(
                        item.effect.owner_id, now - spent - CLOCK_SLACK, now + CLOCK_SLACK
                    )
                    self._portal.remember(name, item.id, write)
            elif item.id in failed:
                run.settle(item, *failed[item.id])
            else:
                run.settle(item, Outcome.AMBIGUOUS, "HubSpot gave no result for this record")

    def _tasks(self, run: Run, items: Sequence[Item]) -> None:
        """Create tasks; where one with the marker exists, bring that one to the state asked for."""
        sendable = run.sendable(items)
        if sendable and not self._portal.marker:
            sendable = self._bring(run, sendable, self._reader.tasks_by_body(_refs(sendable)))
        self._create(run, sendable)

    def _create(self, run: Run, items: Sequence[Item]) -> None:
        sendable = run.sendable(items)
        if not sendable:
            return
        try:
            rows, errors = self._client.batch_create(TASKS.name, [i.input for i in sendable])
        except RefusedCall as refusal:
            self._create_refused(run, sendable, refusal)
            return
        except Ambiguous as e:
            self._unknown(run, sendable, e)
            raise
        run.touched = True
        made: dict[str, str | None] = {}
        for row in rows:
            made.update(dict.fromkeys(_names_of(row), mapping.row_id(row)))
        failed = {i: e for e in errors for i in named_ids(e, "objectWriteTraceId")}
        refused: dict[int, tuple[Outcome, str]] = {}
        doubted: list[Item] = []
        for item in sendable:
            names = (_marker(item), item.effect.key)
            remote = next((made[n] for n in names if made.get(n)), None)
            problem = failed.get(item.effect.key)
            if remote is not None:
                run.settle(item, Outcome.APPLIED, remote_id=remote)
            elif problem is None:
                run.settle(item, Outcome.AMBIGUOUS, "HubSpot gave no result for this task")
            else:
                refused[item.place] = row_verdict(problem)
                doubted.append(item)
        if doubted and self._portal.marker:
            doubted = self._bring(run, doubted, self._reader.tasks([_marker(i) for i in doubted]))
        for item in doubted:
            run.settle(item, *refused[item.place])

    def _create_refused(self, run: Run, items: Sequence[Item], refusal: RefusedCall) -> None:
        """A refused creation applied nothing: look for the tasks that are there, halve the rest."""
        if refusal.lacks(MARKER):
            self._portal.marker = None
            for item in items:
                run.settle(item, Outcome.RETRY, f"{MARKER} is gone from tasks: {refusal.detail}")
            return
        conflict = refusal.status == 409 or refusal.category == "CONFLICT"
        outcome = refusal.outcome()
        alone = len(items) == 1
        # What HubSpot says of a taken unique value is not documented: look whenever in doubt.
        if self._portal.marker and (conflict or (alone and outcome is Outcome.REFUSED)):
            left = self._bring(run, items, self._reader.tasks([_marker(i) for i in items]))
            if len(left) < len(items):
                self._create(run, left)
                return
        if not alone:
            half = len(items) // 2
            self._create(run, items[:half])
            self._create(run, items[half:])
        elif conflict:
            item = items[0]
            text = f"{refusal.detail}; its task cannot be read yet"
            run.receipts[item.place] = Receipt(
                item.effect.key, Outcome.RETRY, text, after=_CONFLICT_AGAIN
            )
        else:
            run.settle(items[0], outcome, refusal.detail)

    def _bring(self, run: Run, items: Sequence[Item], found: Mapping[str, TaskFound]) -> list[Item]:
        """Settle the items whose task exists, bringing open ones to what is wanted; the rest."""
        left: list[Item] = []
        stale: list[Item] = []
        for item in items:
            task = found.get(_marker(item))
            if task is None:
                left.append(item)
            elif task.open:
                properties = dict(item.input["properties"])
                # The person may have begun it, and the marker is there already.
                del properties["hs_task_status"]
                properties.pop(MARKER, None)
                update = {"id": task.remote_id, "properties": properties}
                stale.append(Item(item.place, item.effect, update))
            else:
                run.settle(item, Outcome.APPLIED, "it was there already", task.remote_id)
        self._update(run, TASKS.name, stale)
        return left

    def _unknown(self, run: Run, items: Sequence[Item], error: Ambiguous) -> None:
        for item in items:
            run.settle(item, Outcome.AMBIGUOUS, str(error))

    def _owner_input(self, effect: SetOwner) -> Json:
        properties = {OWNER: effect.owner_id}
        if effect.audit and self._portal.audit and effect.ref.object == self._lead.name:
            properties[AUDIT] = effect.audit
        return {"id": effect.ref.id, "properties": properties}

    def _again(self, item: Item) -> Item:
        """The item without the audit property, which turned out not to exist."""
        kept = {k: v for k, v in item.input["properties"].items() if k != AUDIT}
        return Item(item.place, item.effect, {**item.input, "properties": kept})

    def _task_input(self, effect: UpsertTask) -> Json:
        body = effect.body
        properties: dict[str, Any] = {
            "hs_timestamp": str(mapping.to_ms(effect.due_at)),
            "hs_task_subject": effect.subject,
            "hs_task_status": "NOT_STARTED",
            "hs_task_priority": "HIGH" if effect.high_priority else "NONE",
            "hs_task_type": "TODO",
            OWNER: effect.owner_id,
        }
        if self._portal.marker:
            properties[MARKER] = effect.marker
        else:
            body = f"{body}\n\n[fairlead {effect.marker}]"
        properties["hs_task_body"] = body
        types = [
            {
                "associationCategory": "HUBSPOT_DEFINED",
                "associationTypeId": TASK_OF[effect.ref.object],
            }
        ]
        return {
            "properties": properties,
            "associations": [{"to": {"id": effect.ref.id}, "types": types}],
            "objectWriteTraceId": effect.key,
        }


def _value_input(effect: SetScore | SetField) -> Json:
    return {"id": effect.ref.id, "properties": {effect.field: str(effect.value)}}


def _lacks_all(refusal: RefusedCall, items: Sequence[Item]) -> bool:
    """Whether the refusal is about a property we write: then it is about every row of the call."""
    fields = {i.effect.field for i in items if isinstance(i.effect, SetScore | SetField)}
    return any(refusal.is_about(field) for field in fields)


def _owner(effect: Effect) -> str:
    """Who would own what the effect writes; nobody, for a value."""
    return effect.owner_id if isinstance(effect, SetOwner | UpsertTask) else ""


def _marker(item: Item) -> str:
    return item.effect.marker if isinstance(item.effect, UpsertTask) else ""


def _refs(items: Sequence[Item]) -> dict[str, Ref]:
    return {_marker(i): i.effect.ref for i in items}


def _names_of(row: object) -> list[str]:
    """What a created row can be known by: its marker and our trace id."""
    if not isinstance(row, Mapping):
        return []
    properties = row.get("properties")
    marker = properties.get(MARKER) if isinstance(properties, Mapping) else None
    return [str(n) for n in (marker, row.get("objectWriteTraceId")) if n]

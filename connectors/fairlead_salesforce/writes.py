"""Sending effects: owners by Collections, then tasks by upsert on our key, then values, then polls.

One composite takes five parts of 200 rows each, so 400 owners, their 400 tasks and the next poll
are one API call. Every effect gets a receipt: from its own result row, from its part's failure, or
AMBIGUOUS when Salesforce left both out. Nothing is sent twice here.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from fairlead.core.effects import Effect, SetField, SetOwner, SetScore, UpsertTask
from fairlead.core.types import Gone, Record, Ref
from fairlead.errors import (
    Ambiguous,
    FairleadError,
    NeedsOperator,
    PermissionMissing,
    RetryLater,
    SchemaDrift,
)
from fairlead.spi.connector import Outcome, Receipt
from fairlead_salesforce.client import Client
from fairlead_salesforce.composite import PARTS, ROWS, WRITE_HEADERS, Answer, Part, send
from fairlead_salesforce.failures import call_error, is_doubtful, problems, row_outcome
from fairlead_salesforce.mapping import MARKER_FIELD, owner_row, task_row, to_18
from fairlead_salesforce.values import FieldWrite, unfit, value_row

QUEUE_PREFIX = "00G"

OWNER_HEADERS = {
    **WRITE_HEADERS,
    # A duplicate *alert* must not stop an owner change; a rule that blocks still does.
    "Sforce-Duplicate-Rule-Header": (
        "allowSave=true; includeRecordDetails=false; runAsCurrentUser=false"
    ),
}


E = TypeVar("E", SetOwner, UpsertTask, FieldWrite)
Described = Mapping[str, Mapping[str, Any]]
Placed = tuple[int, E]
"""An effect with its place among all effects of the write."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One part of a composite; `places` says which effect each of its rows is."""

    part: Part
    places: tuple[int, ...]
    tasks: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """A receipt per effect, the answers of the polls that found a free part, the server's clock.

    `doubtful` are the places of refused effects whose record may be gone; `settle` them.
    """

    receipts: tuple[Receipt, ...]
    doubtful: frozenset[int]
    polls: tuple[Answer, ...]
    date: datetime | None


def batches(
    effects: Sequence[Effect],
    *,
    version: str,
    audit_length: int,
    marker: bool,
    due_on: Callable[[datetime, str], str],
    fields: Described,
) -> list[Batch]:
    """Parts in the order to send: owners grouped by object, tasks that a rep can own, fields.

    No part holds one record (or one marker) twice, which Salesforce would refuse, and none holds
    two fields, so that one that has gone spoils no other. Tasks for a queue and values that their
    field cannot take are left out; `send_all` answers them without sending. `fields` are the
    lead's as described.
    """
    base = f"/services/data/v{version}/composite/sobjects"
    owners = [(i, e) for i, e in enumerate(effects) if isinstance(e, SetOwner)]
    owners.sort(key=lambda placed: placed[1].ref.object)
    made = []
    for group in _groups(owners, lambda e: e.ref):
        rows = [owner_row(e, audit_length=audit_length) for _, e in group]
        part = _collection("PATCH", base, rows, OWNER_HEADERS)
        made.append(Batch(part, tuple(i for i, _ in group), tasks=False))
    tasks = [
        (i, e)
        for i, e in enumerate(effects)
        if isinstance(e, UpsertTask) and not e.owner_id.startswith(QUEUE_PREFIX)
    ]
    method, url = ("PATCH", f"{base}/Task/{MARKER_FIELD}") if marker else ("POST", base)
    for batch in _groups(tasks, lambda e: e.marker):
        rows = [task_row(e, due_on(e.due_at, e.owner_id), marker=marker) for _, e in batch]
        part = _collection(method, url, rows, WRITE_HEADERS)
        made.append(Batch(part, tuple(i for i, _ in batch), tasks=True))
    values: dict[str, list[tuple[int, FieldWrite]]] = {}
    for place, effect in enumerate(effects):
        if isinstance(effect, SetScore | SetField) and unfit(effect, fields) is None:
            values.setdefault(effect.field, []).append((place, effect))
    for of_field in values.values():
        for some in _groups(of_field, lambda e: e.ref):
            rows = [value_row(e, fields) for _, e in some]
            part = _collection("PATCH", base, rows, OWNER_HEADERS)
            made.append(Batch(part, tuple(i for i, _ in some), tasks=False))
    return made


def send_all(
    client: Client,
    effects: Sequence[Effect],
    made: Sequence[Batch],
    polls: Sequence[Part],
    fields: Described,
) -> Sent:
    """Send the batches in order, five to a call, with polls in the free parts of the last call.

    Raises RetryLater or NeedsOperator only when nothing was applied; after that every effect has a
    receipt, those never sent being RETRY.
    """
    receipts: dict[int, Receipt] = {}
    doubtful: set[int] = set()
    poll_answers: tuple[Answer, ...] = ()
    date: datetime | None = None
    stopped: FairleadError | None = None
    faults: list[NeedsOperator | None] = []
    calls = [made[i : i + PARTS] for i in range(0, len(made), PARTS)] or [()]
    for number, group in enumerate(calls):
        carried = polls[: PARTS - len(group)] if number == len(calls) - 1 else ()
        if not group and not carried:
            break
        parts = [*(batch.part for batch in group), *carried]
        try:
            answers, date = send(client, parts, writing=bool(group))
        except (RetryLater, NeedsOperator) as e:
            if number == 0:
                raise
            stopped = e
            break
        except Ambiguous as e:
            for batch in group:
                for place in batch.places:
                    receipts[place] = _receipt(effects[place], Outcome.AMBIGUOUS, str(e))
            stopped = e
            break
        for batch, answer in zip(group, answers, strict=False):
            faults.append(_receive(effects, batch, answer, receipts, doubtful))
        poll_answers = tuple(answers[len(group) :])
    fault = faults[0] if faults else None
    if fault is not None and None not in faults and stopped is None:
        raise fault
    after = stopped.after if isinstance(stopped, RetryLater) else None
    for place, effect in enumerate(effects):
        if place in receipts:
            continue
        if isinstance(effect, UpsertTask) and effect.owner_id.startswith(QUEUE_PREFIX):
            text = "a queue cannot own this task"
            receipts[place] = _receipt(effect, Outcome.BAD_OWNER, text)
        elif isinstance(effect, SetScore | SetField) and (why := unfit(effect, fields)):
            receipts[place] = _receipt(effect, Outcome.REFUSED, why)
        else:
            text = f"not sent: {stopped}"
            receipts[place] = _receipt(effect, Outcome.RETRY, text, after=after)
    in_order = tuple(receipts[i] for i in range(len(effects)))
    return Sent(in_order, frozenset(doubtful), poll_answers, date)


def settle(
    effects: Sequence[Effect], sent: Sent, there: Mapping[Ref, Record | Gone] | None
) -> tuple[Receipt, ...]:
    """The receipts with the doubtful ones decided by what reading their records showed.

    `there` None means that they could not be read now; what was refused is then tried again.
    """
    receipts = list(sent.receipts)
    for place in sent.doubtful:
        receipt, ref = receipts[place], effects[place].ref
        found = there.get(ref) if there is not None else None
        if found is None:
            if receipt.outcome is Outcome.BAD_OWNER:
                receipts[place] = replace(receipt, outcome=Outcome.RETRY)
        elif isinstance(found, Gone) or found.ref != ref or found.converted:
            receipts[place] = replace(receipt, outcome=Outcome.GONE)
    return tuple(receipts)


def _receive(
    effects: Sequence[Effect],
    batch: Batch,
    answer: Answer,
    receipts: dict[int, Receipt],
    doubtful: set[int],
) -> NeedsOperator | None:
    """Write the receipts of one part; returns what an operator must mend if the part failed so."""
    if answer.status is not None and not answer.ok:
        error = call_error(answer.status, problems(answer.body), writing=True)
        values = all(isinstance(effects[place], SetScore | SetField) for place in batch.places)
        if values and isinstance(error, SchemaDrift | PermissionMissing):
            # The field is gone since we looked: that must not stop the owners of other leads.
            for place in batch.places:
                receipts[place] = _receipt(effects[place], Outcome.REFUSED, str(error))
            return None
        outcome = Outcome.AMBIGUOUS if isinstance(error, Ambiguous) else Outcome.RETRY
        after = error.after if isinstance(error, RetryLater) else None
        for place in batch.places:
            receipts[place] = _receipt(effects[place], outcome, str(error), after=after)
        return error if isinstance(error, NeedsOperator) else None
    rows = answer.body if isinstance(answer.body, list) else []
    for number, place in enumerate(batch.places):
        row = rows[number] if len(rows) == len(batch.places) else None
        receipts[place] = _row_receipt(effects[place], row, tasks=batch.tasks)
        if isinstance(row, Mapping) and is_doubtful(problems(row), task=batch.tasks):
            doubtful.add(place)
    return None


def _row_receipt(effect: Effect, row: Any, *, tasks: bool) -> Receipt:
    success = row.get("success") if isinstance(row, Mapping) else None
    if success is True:
        row_id = row.get("id")
        return Receipt(effect.key, Outcome.APPLIED, remote_id=_id(row_id))
    if success is False:
        found = problems(row)
        codes = "; ".join(p.bare for p in found[:3]) or "refused without a reason"
        words = "; ".join(str(p) for p in found[:3])
        outcome = row_outcome(found, task=tasks)
        if isinstance(effect, SetScore | SetField) and outcome is Outcome.BAD_OWNER:
            outcome = Outcome.REFUSED
        return Receipt(effect.key, outcome, codes, said=words)
    return _receipt(effect, Outcome.AMBIGUOUS, "no result for this row")


def _receipt(
    effect: Effect, outcome: Outcome, detail: str, *, after: float | None = None
) -> Receipt:
    return Receipt(effect.key, outcome, detail, after=after)


def _id(value: Any) -> str | None:
    try:
        return to_18(value)
    except (ValueError, TypeError):
        return None


def _collection(
    method: str, url: str, rows: list[dict[str, Any]], headers: Mapping[str, str]
) -> Part:
    return Part(method, url, {"allOrNone": False, "records": rows}, headers)


def _groups(items: Sequence[Placed[E]], key: Callable[[E], Hashable]) -> Iterator[list[Placed[E]]]:
    waiting = list(items)
    while waiting:
        taken: list[Placed[E]] = []
        keys: set[Hashable] = set()
        later: list[Placed[E]] = []
        for item in waiting:
            if len(taken) < ROWS and key(item[1]) not in keys:
                taken.append(item)
                keys.add(key(item[1]))
            else:
                later.append(item)
        yield taken
        waiting = later

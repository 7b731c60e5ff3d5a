"""The outbox: every write we intend, what has become of it, and when to look again.

    new ──claim──▶ inflight ──receipt──▶ sent ──verified──▶ done
     ▲               │ quiet period over        │
     └── not applied ┘◀─────────────────────────┘
    other ends: superseded (somebody else owns it now) · gone · refused (dead letter) · cancelled

The quiet period is armed in the claim, before the call: a process that dies inside the call leaves
a row that nobody touches until the CRM can no longer be working on it. All transitions live here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from fairlead.core.effects import Effect
from fairlead.core.types import OwnerChange, Ref
from fairlead.store import times
from fairlead.store.db import Db
from fairlead.store.payloads import EffectKind as EffectKind
from fairlead.store.payloads import dump as dump
from fairlead.store.payloads import kind_of, load
from fairlead.store.payloads import task_from as task_from


class OutboxState(StrEnum):
    NEW = "new"
    INFLIGHT = "inflight"
    SENT = "sent"
    DONE = "done"
    SUPERSEDED = "superseded"
    GONE = "gone"
    REFUSED = "refused"
    CANCELLED = "cancelled"


BACKLOG_SHARE = 5
OPEN = (OutboxState.NEW, OutboxState.INFLIGHT, OutboxState.SENT)

_SAME_TARGET = (
    "coalesce(json_extract(e.payload, '$.field'), json_extract(e.payload, '$.group'))"
    " = coalesce(json_extract(t.payload, '$.field'), json_extract(t.payload, '$.group'))"
)
_BEHIND = (
    "EXISTS (SELECT 1 FROM outbox e WHERE e.crm = t.crm AND e.object = t.object"  # noqa: S608
    " AND e.lead_id = t.lead_id AND e.kind = t.kind AND e.seq < t.seq"
    f" AND e.state IN ('new', 'inflight', 'sent') AND {_SAME_TARGET})"
)
"""Whether an earlier write to the same field or group of row `t`'s lead is still open."""
_ENDED = (
    "RETURNING kind, crm, object, lead_id, decision_id,"
    " iif(kind = 'upsert_task', json_extract(payload, '$.role'), NULL) role"
)
"""Of rows that have come to an end, what `_ended` goes by."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One intended write. `guard_history` is the owner history seen just before it was sent."""

    key: str
    ref: Ref
    kind: EffectKind
    effect: Effect
    state: OutboxState
    urgent: bool
    seq: int
    not_before: datetime
    attempts: int
    decision_id: str
    created_at: datetime
    guard_history: tuple[str, ...] | None
    remote_id: str | None
    detail: str
    retries: int = 0
    """How often in a row the CRM asked to try again, since `retrying_since`."""
    retrying_since: datetime | None = None
    looks: int = 0
    """How often a read-back did not show the write that the CRM had acknowledged."""


def add(
    db: Db,
    effect: Effect,
    *,
    decision_id: str,
    urgent: bool,
    now: datetime,
    kind: EffectKind | None = None,
) -> None:
    """Intend an effect. One that is already there under its key takes the new payload and goes
    out again, unless it is the same payload and already done.

    One that is in flight stays so until its quiet period is over: the former payload may still be
    on its way, and two of them must not race.
    """
    kind = kind or kind_of(effect)
    ref, at = effect.ref, now.isoformat()
    db.execute(
        "INSERT INTO outbox (key, crm, object, lead_id, kind, payload, state, urgent, seq,"
        " not_before, decision_id, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, 'new', ?, (SELECT coalesce(max(seq), 0) + 1 FROM outbox),"
        " ?, ?, ?)"
        " ON CONFLICT (key) DO UPDATE SET payload = excluded.payload,"
        " state = CASE state WHEN 'inflight' THEN 'inflight' ELSE 'new' END,"
        " not_before = CASE state WHEN 'inflight' THEN not_before ELSE excluded.not_before END,"
        " decision_id = excluded.decision_id, guard_history = NULL, detail = '',"
        " settled_at = NULL, retries = 0, retrying_since = NULL, looks = 0"
        " WHERE NOT (payload = excluded.payload AND state = 'done')",
        (
            effect.key, ref.crm, ref.object, ref.id, kind.value, dump(effect), int(urgent),
            at, decision_id, at,
        ),
    )  # fmt: skip


def claim(db: Db, crm: str, now: datetime, quiet_until: datetime, limit: int) -> list[OutboxRow]:
    """Take up to `limit` each of what is due: owner writes, tasks, fields and scores, members.

    When more owner writes are due than fit, one in five is of those that wait longest and the
    others are the newest: after an outage whoever comes now does not stand behind the backlog.
    Rows whose quiet period has passed without an answer are taken again; the guard then looks
    whether the write had been applied. A task waits while its lead's owner write is open, a field
    or membership while an earlier write to the same one is.
    """
    claimed = _owners_due(db, crm, now, limit)
    going = [r.key for r in claimed if r.state is OutboxState.NEW]
    tasks = db.rows(
        "SELECT t.* FROM outbox t WHERE t.crm = ? AND t.kind = 'upsert_task'"
        " AND t.state IN ('new', 'inflight') AND t.not_before <= ?"
        " AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.crm = t.crm AND o.object = t.object"
        " AND o.lead_id = t.lead_id AND o.kind IN ('set_owner', 'restore_owner')"
        " AND o.state IN ('new', 'inflight') AND o.key NOT IN (SELECT value FROM json_each(?)))"
        " ORDER BY t.urgent DESC, t.seq LIMIT ?",
        (crm, now.isoformat(), json.dumps(going), limit),
    )
    claimed += [_row(r) for r in tasks]
    for kinds in ("('set_score', 'set_field')", "('set_member')"):
        # Nothing of a caller's is in the text.
        values = db.rows(
            f"SELECT * FROM outbox t WHERE t.crm = ? AND t.kind IN {kinds}"  # noqa: S608
            " AND t.state IN ('new', 'inflight', 'sent') AND t.not_before <= ?"
            f" AND NOT {_BEHIND} ORDER BY t.urgent DESC, t.seq LIMIT ?",
            (crm, now.isoformat(), limit),
        )
        claimed += [_row(r) for r in values]
    until = quiet_until.isoformat()
    db.executemany(
        "UPDATE outbox SET not_before = ?, attempts = attempts + 1,"
        " state = CASE state WHEN 'sent' THEN 'sent' ELSE 'inflight' END WHERE key = ?",
        [(until, c.key) for c in claimed],
    )
    return claimed


def _owners_due(db: Db, crm: str, now: datetime, limit: int) -> list[OutboxRow]:
    """The owner writes to go out next, the urgent first, then in their order."""
    due = (
        "SELECT * FROM outbox WHERE crm = ? AND kind IN ('set_owner', 'restore_owner')"
        " AND state IN ('new', 'inflight', 'sent') AND not_before <= ? ORDER BY "
    )
    rows = db.rows(due + "urgent DESC, seq LIMIT ?", (crm, now.isoformat(), limit + 1))
    if len(rows) > limit:
        share = max(1, limit // BACKLOG_SHARE)
        rows = db.rows(due + "seq LIMIT ?", (crm, now.isoformat(), share))
        newest = db.rows(due + "urgent DESC, seq DESC LIMIT ?", (crm, now.isoformat(), limit))
        waiting = {r["key"] for r in rows}
        rows += [r for r in newest if r["key"] not in waiting][: limit - len(rows)]
    return sorted((_row(r) for r in rows), key=lambda r: (not r.urgent, r.seq))


def open_owner_write(db: Db, ref: Ref) -> OutboxRow | None:
    """The owner write of a lead that is not settled yet."""
    r = db.row(
        "SELECT * FROM outbox WHERE crm = ? AND object = ? AND lead_id = ?"
        " AND kind IN ('set_owner', 'restore_owner') AND state IN ('new', 'inflight', 'sent')"
        " ORDER BY seq DESC LIMIT 1",
        (ref.crm, ref.object, ref.id),
    )
    return None if r is None else _row(r)


def followed(db: Db, row: OutboxRow) -> bool:
    """Whether a later write to the same field or group of the lead was intended."""
    r = db.row(
        "SELECT 1 FROM outbox e, outbox t WHERE t.key = ? AND e.crm = t.crm"  # noqa: S608
        " AND e.object = t.object AND e.lead_id = t.lead_id AND e.kind = t.kind"
        f" AND e.seq > t.seq AND {_SAME_TARGET} LIMIT 1",
        (row.key,),
    )
    return r is not None


def remember_guard(db: Db, seen: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Store, before the write leaves, the owner history that the guard saw."""
    db.executemany(
        "UPDATE outbox SET guard_history = ? WHERE key = ?",
        [(json.dumps(list(history)), key) for key, history in seen],
    )


def sent(db: Db, key: str, remote_id: str | None, verify_at: datetime) -> None:
    """The CRM said yes; verify it at `verify_at`."""
    db.execute(
        "UPDATE outbox SET state = 'sent', remote_id = coalesce(?, remote_id), not_before = ?,"
        " retries = 0, retrying_since = NULL WHERE key = ?",
        (remote_id, verify_at.isoformat(), key),
    )


def again(db: Db, key: str, at: datetime, detail: str) -> None:
    """It was definitely not applied: try again at `at`. A settled row begins afresh."""
    db.execute(
        "UPDATE outbox SET state = 'new', not_before = ?, detail = ?, settled_at = NULL,"
        " retries = iif(settled_at IS NULL, retries, 0),"
        " retrying_since = iif(settled_at IS NULL, retrying_since, NULL) WHERE key = ?",
        (at.isoformat(), detail, key),
    )


def asked_again(db: Db, key: str, at: datetime, detail: str, now: datetime) -> None:
    """The CRM itself asked to try this row again: like `again`, and counted."""
    again(db, key, at, detail)
    db.execute(
        "UPDATE outbox SET retries = retries + 1, retrying_since = coalesce(retrying_since, ?)"
        " WHERE key = ?",
        (now.isoformat(), key),
    )


def count_look(db: Db, key: str) -> None:
    """The write was acknowledged and did not show."""
    db.execute("UPDATE outbox SET looks = looks + 1 WHERE key = ?", (key,))


def look_again(db: Db, key: str, at: datetime, detail: str) -> None:
    """Nothing is known yet (ambiguous, or not visible): keep the state, look again at `at`."""
    db.execute(
        "UPDATE outbox SET not_before = ?, detail = ? WHERE key = ?",
        (at.isoformat(), detail, key),
    )


def settle(db: Db, key: str, state: OutboxState, detail: str, now: datetime) -> None:
    """Bring a row to an end state."""
    if state in OPEN:
        raise ValueError(f"{state} is not an end")
    ended = db.rows(
        "UPDATE outbox SET state = ?, detail = ?, settled_at = ?"  # noqa: S608
        f" WHERE key = ? {_ENDED}",
        (state.value, detail, now.isoformat(), key),
    )
    _ended(db, ended, state, now)


def sent_and_done(db: Db, key: str, remote_id: str | None, now: datetime) -> None:
    """The CRM said yes, and nothing of it needs to be verified."""
    at = now.isoformat()
    ended = db.rows(
        "UPDATE outbox SET state = 'done',"  # noqa: S608
        " remote_id = coalesce(?, remote_id), not_before = ?,"
        f" retries = 0, retrying_since = NULL, detail = '', settled_at = ? WHERE key = ? {_ENDED}",
        (remote_id, at, at, key),
    )
    _ended(db, ended, OutboxState.DONE, now)


def _ended(db: Db, ended: Iterable[Any], state: OutboxState, now: datetime) -> None:
    """Note in the times of the assignment that rows of it, told by _ENDED, have come to an end."""
    for kind, crm, object, lead_id, decision_id, role in ended:
        ref = Ref(crm, object, lead_id)
        if kind == EffectKind.SET_OWNER.value:
            times.owner_write_ended(db, ref, decision_id, state.value, now)
        elif kind == EffectKind.UPSERT_TASK.value and role is None and state is OutboxState.DONE:
            times.notified(db, ref, decision_id, now)


def cancel_open(db: Db, ref: Ref, state: OutboxState, detail: str, now: datetime) -> int:
    """End everything still open for a lead; returns how many rows that were."""
    times.called_off(db, ref, state.value)
    return db.execute(
        "UPDATE outbox SET state = ?, detail = ?, settled_at = ? WHERE crm = ? AND object = ?"
        " AND lead_id = ? AND state IN ('new', 'inflight', 'sent')",
        (state.value, detail, now.isoformat(), ref.crm, ref.object, ref.id),
    ).rowcount


def cancel_unsent_tasks(db: Db, ref: Ref, detail: str, now: datetime) -> None:
    """End the tasks of a lead that were never sent: whoever gets it now gets one of their own.

    What a clock tells somebody stays told.
    """
    db.execute(
        "UPDATE outbox SET state = 'cancelled', detail = ?, settled_at = ? WHERE crm = ?"
        " AND object = ? AND lead_id = ? AND kind = 'upsert_task' AND state = 'new'"
        " AND attempts = 0"
        " AND coalesce(json_extract(payload, '$.role'), '') NOT IN ('sla', 'cadence')",
        (detail, now.isoformat(), ref.crm, ref.object, ref.id),
    )


def texts_set(db: Db, ref: Ref, since: datetime) -> frozenset[str]:
    """The texts that we have written to any field of a lead, or are about to, since then."""
    rows = db.rows(
        "SELECT json_extract(payload, '$.value') value FROM outbox WHERE crm = ? AND object = ?"
        " AND lead_id = ? AND kind = 'set_field' AND created_at >= ?",
        (ref.crm, ref.object, ref.id, since.isoformat()),
    )
    return frozenset(r["value"] for r in rows)


def open_of(db: Db, crm: str) -> int:
    """How many writes to a CRM are not finished."""
    r = db.row(
        "SELECT count(*) n FROM outbox WHERE crm = ? AND state IN ('new', 'inflight', 'sent')",
        (crm,),
    )
    return 0 if r is None else int(r["n"])


def task_of(db: Db, ref: Ref) -> OutboxRow | None:
    """The task row of a lead's owner, whatever its state; the latest generation's."""
    r = db.row(
        "SELECT * FROM outbox WHERE crm = ? AND object = ? AND lead_id = ? AND kind = 'upsert_task'"
        " AND json_extract(payload, '$.role') IS NULL ORDER BY seq DESC LIMIT 1",
        (ref.crm, ref.object, ref.id),
    )
    return None if r is None else _row(r)


def get(db: Db, key: str) -> OutboxRow | None:
    r = db.row("SELECT * FROM outbox WHERE key = ?", (key,))
    return None if r is None else _row(r)


def get_all(db: Db, keys: Sequence[str]) -> list[OutboxRow]:
    """Those of these rows that there are, in the order asked."""
    rows = db.rows(
        "SELECT o.* FROM json_each(?) asked CROSS JOIN outbox o ON o.key = asked.value"
        " ORDER BY asked.id",
        (json.dumps(list(keys)),),
    )
    return [_row(r) for r in rows]


def state_of(db: Db, key: str) -> OutboxState | None:
    """What has become of a row."""
    r = db.row("SELECT state FROM outbox WHERE key = ?", (key,))
    return None if r is None else _STATES[r["state"]]


def states_of(db: Db, keys: Sequence[str]) -> dict[str, OutboxState]:
    """What has become of these rows."""
    rows = db.rows(
        "SELECT o.key, o.state FROM json_each(?) asked CROSS JOIN outbox o ON o.key = asked.value",
        (json.dumps(list(keys)),),
    )
    return {key: _STATES[state] for key, state in rows}


def as_it_is(db: Db, row: OutboxRow) -> tuple[OutboxState, Effect] | None:
    """What has become of a row, and what it is to write now."""
    r = db.row("SELECT state, payload FROM outbox WHERE key = ?", (row.key,))
    return None if r is None else (_STATES[r["state"]], load(row.kind, r["payload"]))


def of_lead(db: Db, ref: Ref) -> list[OutboxRow]:
    return [
        _row(r)
        for r in db.rows(
            "SELECT * FROM outbox WHERE crm = ? AND object = ? AND lead_id = ? ORDER BY seq",
            (ref.crm, ref.object, ref.id),
        )
    ]


def open_rows(db: Db) -> list[OutboxRow]:
    """Everything not settled, in order."""
    return [
        _row(r)
        for r in db.rows(
            "SELECT * FROM outbox WHERE state IN ('new', 'inflight', 'sent') ORDER BY seq"
        )
    ]


def next_due(db: Db, crm: str) -> datetime | None:
    """When the next open row of this CRM wants attention; one that waits for another does not."""
    r = db.row(
        "SELECT min(not_before) at FROM outbox t WHERE crm = ?"  # noqa: S608
        " AND state IN ('new', 'inflight', 'sent')"
        f" AND NOT (kind IN ('set_field', 'set_member') AND {_BEHIND})"
        " AND (kind != 'upsert_task' OR NOT EXISTS (SELECT 1 FROM outbox o WHERE o.crm = t.crm"
        " AND o.object = t.object AND o.lead_id = t.lead_id"
        " AND o.kind IN ('set_owner', 'restore_owner') AND o.state IN ('new', 'inflight')))",
        (crm,),
    )
    return datetime.fromisoformat(r["at"]) if r is not None and r["at"] else None


def depth(db: Db) -> dict[str, int]:
    """Number of rows by state."""
    return {
        r["state"]: r["n"] for r in db.rows("SELECT state, count(*) n FROM outbox GROUP BY state")
    }


def oldest_open(db: Db) -> datetime | None:
    r = db.row("SELECT min(created_at) at FROM outbox WHERE state IN ('new', 'inflight', 'sent')")
    return datetime.fromisoformat(r["at"]) if r is not None and r["at"] else None


def history_marks(history: Iterable[OwnerChange]) -> tuple[str, ...]:
    """Owner history entries as comparable texts, so that new ones can be told from seen ones."""
    return tuple(f"{h.at.isoformat()}|{h.owner_id}|{h.actor.value}|{h.actor_id}" for h in history)


def drop_roles(db: Db, ref: Ref, keep: Sequence[str], now: datetime) -> None:
    """Call off the open tasks of a former group that a new decision does not have."""
    db.execute(
        "UPDATE outbox SET state = 'cancelled', detail = 'decided again', settled_at = ?"
        " WHERE crm = ? AND object = ? AND lead_id = ? AND state IN ('new', 'inflight', 'sent')"
        " AND json_extract(payload, '$.role') NOT IN ('sla', 'cadence')"
        " AND key NOT IN (SELECT value FROM json_each(?))",
        (now.isoformat(), ref.crm, ref.object, ref.id, json.dumps(list(keep))),
    )


_KINDS = {k.value: k for k in EffectKind}
_STATES = {s.value: s for s in OutboxState}


def _row(r: Iterable[Any]) -> OutboxRow:
    """A whole row, its columns in their order."""
    (
        key, crm, object, lead_id, kind_, payload, state, urgent, seq, not_before, attempts,
        decision_id, created_at, guard_history, remote_id, detail, _, retries, retrying_since,
        looks,
    ) = r  # fmt: skip
    kind = _KINDS[kind_]
    return OutboxRow(
        key, Ref(crm, object, lead_id), kind, load(kind, payload), _STATES[state], bool(urgent),
        seq, datetime.fromisoformat(not_before), attempts, decision_id,
        datetime.fromisoformat(created_at),
        None if guard_history is None else tuple(json.loads(guard_history)), remote_id, detail,
        retries, datetime.fromisoformat(retrying_since) if retrying_since else None, looks,
    )  # fmt: skip

"""The guard and the verification of fields and scores; beside `deliver` and `verify`, which ask it.

A score is a plain value that may be written again at any time, so all it takes is to look whether
the record shows it. A field has a value that the decision saw: what shows neither that nor ours has
been changed by somebody since, and theirs stands. What another writes over ours stands, too.
Where the field is the status, running clocks tell the next move from what we wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from fairlead.core.effects import SetField, SetScore
from fairlead.core.field_text import holds
from fairlead.core.types import Record
from fairlead.metrics import Metrics
from fairlead.store import clocks, journal, outbox, recyclings
from fairlead.store.db import Db
from fairlead.store.outbox import OutboxRow, OutboxState
from fairlead.telemetry import get_logger

log = get_logger()

FieldWrite = SetField | SetScore

NOT_VISIBLE_YET = timedelta(seconds=3)
LOOKS = 3


def shows(effect: FieldWrite, record: Record) -> bool | None:
    """Whether the record holds what we write; None when the field cannot be read."""
    if effect.field not in record.fields:
        return None
    return holds(record.fields[effect.field], str(effect.value))


def may_go(
    db: Db,
    row: OutboxRow,
    effect: FieldWrite,
    record: Record,
    metrics: Metrics,
    now: datetime,
    status: Sequence[str],
) -> bool:
    """Whether this value must be sent; what the record shows already, or may soon, is settled.

    `status` are the names of the CRM's field of the lead's status.
    """
    if row.state is OutboxState.SENT:
        settle(db, row, effect, record, metrics, now, status)
        return False
    if shows(effect, record):
        _done(db, row, effect, metrics, now, status)
        return False
    if isinstance(effect, SetField) and not _as_seen(effect, record):
        superseded(db, row, "the field was changed before we wrote", metrics, now)
        return False
    return True


def settle(
    db: Db,
    row: OutboxRow,
    effect: FieldWrite,
    record: Record,
    metrics: Metrics,
    now: datetime,
    status: Sequence[str],
) -> None:
    """Settle a value that the CRM said yes to, on the record as it is now."""
    if record.unreadable is not None:
        outbox.look_again(db, row.key, now + NOT_VISIBLE_YET, record.unreadable)
    elif shows(effect, record) is not False:
        _done(db, row, effect, metrics, now, status)
    elif row.looks < LOOKS:
        outbox.count_look(db, row.key)
        outbox.look_again(db, row.key, now + NOT_VISIBLE_YET, "not visible yet")
    else:
        what = "score" if isinstance(effect, SetScore) else "value"
        why = f"the record shows another {what}: something else writes this field"
        superseded(db, row, why, metrics, now)


def superseded(db: Db, row: OutboxRow, why: str, metrics: Metrics, now: datetime) -> None:
    """Somebody else's value or choice stands; ours ends here."""
    outbox.settle(db, row.key, OutboxState.SUPERSEDED, why, now)
    metrics.effects_total.labels(kind=row.kind.value, outcome="superseded").inc()
    journal.write(db, now, "effect.superseded", ref=row.ref, effect_key=row.key, reason=why)
    log.info("effect.superseded", crm=row.ref.crm, lead=str(row.ref), effect=row.key, reason=why)


def _as_seen(effect: SetField, record: Record) -> bool:
    """Whether the field shows what the decision saw; one that cannot be read shows nothing."""
    return holds(record.fields.get(effect.field), effect.expected)


def _done(
    db: Db,
    row: OutboxRow,
    effect: FieldWrite,
    metrics: Metrics,
    now: datetime,
    status: Sequence[str],
) -> None:
    if isinstance(effect, SetField) and effect.field in status and effect.expected is not None:
        clocks.status_set(db, row.ref, effect.expected, effect.value)
    outbox.settle(db, row.key, OutboxState.DONE, "", now)
    journal.close_dead_letter_of_effect(db, row.key, now)
    metrics.effects_total.labels(kind=row.kind.value, outcome="verified").inc()
    if isinstance(effect, SetScore):
        journal.write(db, now, "score.written", ref=row.ref, effect_key=row.key, score=effect.value)
    else:
        last = recyclings.latest(db, row.ref)
        if last is not None and last.holds:
            # What held at its return may have ceased with this: that is seen before it holds anew.
            recyclings.look_at(db, row.ref, now)
        journal.write(db, now, "field.written", ref=row.ref, effect_key=row.key, field=effect.field)
    log.debug("effect.verified", crm=row.ref.crm, lead=str(row.ref), effect=row.key)

"""The guard and the verification of scores; beside `deliver` and `verify`, which ask it.

A score is a plain value that may be written again at any time, so all it takes is to look whether
the record shows it. What another tool writes over it stands until the score changes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from fairlead.core.effects import SetScore
from fairlead.core.types import Record
from fairlead.metrics import Metrics
from fairlead.store import journal, outbox
from fairlead.store.db import Db
from fairlead.store.outbox import OutboxRow, OutboxState
from fairlead.telemetry import get_logger

log = get_logger()

NOT_VISIBLE_YET = timedelta(seconds=3)
LOOKS = 3


def shows(effect: SetScore, record: Record) -> bool | None:
    """Whether the record holds this score; None when the field cannot be read."""
    if effect.field not in record.fields:
        return None
    held: Any = record.fields[effect.field]
    try:
        return held not in (None, "") and float(held) == effect.value
    except (TypeError, ValueError):
        return False


def may_go(
    db: Db, row: OutboxRow, effect: SetScore, record: Record, metrics: Metrics, now: datetime
) -> bool:
    """Whether this score must be sent; what the record shows already, or may soon, is settled."""
    if row.state is OutboxState.SENT:
        settle(db, row, effect, record, metrics, now)
        return False
    if shows(effect, record):
        _done(db, row, effect, metrics, now)
        return False
    return True


def settle(
    db: Db, row: OutboxRow, effect: SetScore, record: Record, metrics: Metrics, now: datetime
) -> None:
    """Settle a score that the CRM said yes to, on the record as it is now."""
    if record.unreadable is not None:
        outbox.look_again(db, row.key, now + NOT_VISIBLE_YET, record.unreadable)
    elif shows(effect, record) is not False:
        _done(db, row, effect, metrics, now)
    elif row.looks < LOOKS:
        outbox.count_look(db, row.key)
        outbox.look_again(db, row.key, now + NOT_VISIBLE_YET, "not visible yet")
    else:
        why = "the record shows another score: something else writes this field"
        outbox.settle(db, row.key, OutboxState.SUPERSEDED, why, now)
        metrics.effects_total.labels(kind=row.kind.value, outcome="superseded").inc()
        journal.write(db, now, "effect.superseded", ref=row.ref, effect_key=row.key, reason=why)
        log.info(
            "effect.superseded", crm=row.ref.crm, lead=str(row.ref), effect=row.key, reason=why
        )


def _done(db: Db, row: OutboxRow, effect: SetScore, metrics: Metrics, now: datetime) -> None:
    outbox.settle(db, row.key, OutboxState.DONE, "", now)
    metrics.effects_total.labels(kind=row.kind.value, outcome="verified").inc()
    journal.write(db, now, "score.written", ref=row.ref, effect_key=row.key, score=effect.value)
    log.debug("effect.verified", crm=row.ref.crm, lead=str(row.ref), effect=row.key)

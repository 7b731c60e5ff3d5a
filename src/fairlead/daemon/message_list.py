"""What the commands about messages do, over the store; JSON-safe."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fairlead.errors import ConfigError
from fairlead.store import alerts, journal, messages
from fairlead.store.db import Db
from fairlead.telemetry import get_logger

log = get_logger()


def list_messages(db: Db, *, everything: bool) -> list[dict[str, Any]]:
    """What failed or waits, or the newest of all; the oldest first."""
    return [
        {
            "id": m.id, "to": m.target, "subject": m.subject, "state": m.state.value,
            "at": m.added_at.isoformat(), "attempts": m.attempts, "detail": m.detail,
            "due_at": m.due_at.isoformat(), "lead": None if m.ref is None else str(m.ref),
            "second_copy_possible": m.maybe,
        }
        for m in messages.listed(db, everything=everything)
    ]  # fmt: skip


def retry_messages(db: Db, id: int | None, now: datetime) -> dict[str, Any]:
    """Send one failed message again, or all."""
    with db.transaction():
        done = messages.retry(db, id, now)
        if id is not None and not done:
            raise ConfigError(f"no failed message has the number {id}; see messages list")
        journal.write(db, now, "message.retried", id=id, count=done)
    log.info("message.retried", count=done)
    return {"retried": done}


def drop_message(db: Db, id: int, now: datetime) -> dict[str, Any]:
    """Give one up that is not sent."""
    with db.transaction():
        if not messages.drop(db, id, now):
            raise ConfigError(f"no message with the number {id} waits or failed; see messages list")
        journal.write(db, now, "message.dropped", id=id)
    log.info("message.dropped", message_id=id)
    return {"dropped": id}


def open_alerts(db: Db) -> list[dict[str, Any]]:
    """The trouble that is not over, for `status`."""
    return [
        {"kind": e.kind, "crm": e.what or None, "since": e.since.isoformat(), "detail": e.detail}
        for e in alerts.open_episodes(db)
    ]

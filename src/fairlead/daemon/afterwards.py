"""Answers kept for looking back, and a second look at those that were a changed field alone.

Kept by `clocking` in the transaction in which a clock gets its answer. A rep may log a call hours
after the status was moved, so such a lead is asked about once, a day later, by its CRM's reader.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from fairlead.clock import Clock
from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.types import Actor
from fairlead.spi.connector import ActivitiesOf, Connector
from fairlead.store import answers
from fairlead.store.answers import CHANGE, AnswerRow
from fairlead.store.clocks import ClockRow
from fairlead.store.db import Db

LOOK_AFTER = timedelta(days=1)
EVERY = 60.0
"""Seconds between two questions to the index."""
BATCH = 200
SEEN = frozenset(
    {
        ActivityKind.CALL, ActivityKind.EMAIL, ActivityKind.MEETING, ActivityKind.MESSAGE,
        ActivityKind.TASK_DONE, ActivityKind.NOTE,
    }
)  # fmt: skip
"""What counts as something done beside a changed field."""
_REACHED = frozenset({ActivityKind.CALL, ActivityKind.EMAIL})


def keep_answer(
    db: Db,
    clock: ClockRow,
    at: datetime,
    now: datetime,
    due: datetime | None,
    done: Activity | None,
) -> None:
    """Keep what the answer of a clock was. Idempotent."""
    alone = done is None or done.kind is ActivityKind.STATUS_CHANGE
    row = AnswerRow(
        clock.id, clock.ref, clock.sla, clock.team, clock.rep_id, clock.owner_id, clock.since, at,
        kind=CHANGE if done is None or alone else done.kind.value,
        seconds=None if done is None else done.seconds,
        left=None if due is None else due - at,
        by=None if done is None else done.by,
        proof=str(clock.ref if done is None else done.ref),
        look_at=now + LOOK_AFTER if alone else None,
    )  # fmt: skip
    answers.put(db, row)


class Afterwards:
    """Looks once more at the leads of one CRM whose answer was a change; used by its reader."""

    def __init__(self, db: Db, connector: Connector, clock: Clock) -> None:
        self.db = db
        self.connector = connector
        self.clock = clock
        self._asked: float | None = None

    def look(self) -> int:
        """Look at what is due, at most once a minute; how many answers were looked at.

        Raises what reading from the CRM raises; then they stay due.
        """
        passed = self.clock.monotonic()
        if self._asked is not None and passed - self._asked < EVERY:
            return 0
        self._asked = passed
        rows = answers.due(self.db, self.connector.name, self.clock.now(), BATCH)
        if not rows:
            return 0
        first = {r.ref: min(o.since for o in rows if o.ref == r.ref) for r in rows}
        asked = [ActivitiesOf(ref, since, thorough=True) for ref, since in first.items()]
        done = self.connector.activities(asked, SEEN)
        # Where calls or mail cannot be read, that there are none would be no news.
        visible = self.connector.capabilities.activities >= _REACHED
        with self.db.transaction():
            for row in rows:
                theirs = [
                    a for a in done.get(row.ref, ())
                    if a.actor is Actor.PERSON and not a.incoming and a.at >= row.since
                ]  # fmt: skip
                others = len(theirs) if visible or theirs else None
                answers.looked_at(self.db, [row.clock_id], others)
        return len(rows)

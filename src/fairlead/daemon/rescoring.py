"""Time has changed the grade of some leads: score them again, on their records as they are now.

Asked by `ingest`, which has read the records, inside its transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from fairlead.core.types import Gone, Record, Ref
from fairlead.daemon.gone import lead_gone, why_gone
from fairlead.daemon.routing import Feed, Router
from fairlead.daemon.sightings import ODD_DATA
from fairlead.daemon.waiting import HELD_RETRY
from fairlead.errors import BadRecord
from fairlead.store import scores
from fairlead.store.db import Db
from fairlead.telemetry import error_fields, get_logger

log = get_logger()


def rescore(
    db: Db, router: Router, feed: Feed, answers: Mapping[Ref, Record | Gone], now: datetime
) -> None:
    """Score each again; one that cannot be scored is tried again later and holds up no other."""
    snap = router.snapshot(now)
    for ref, answer in answers.items():
        scores.put_off(db, ref, now + HELD_RETRY)
        gone = why_gone(ref, answer)
        if gone is not None:
            lead_gone(db, ref, gone, now)
        elif isinstance(answer, Record):
            try:
                with db.savepoint():
                    router.rescore(answer, feed, snap, now)
            except (BadRecord, *ODD_DATA) as e:
                log.warning("score.failed", crm=ref.crm, lead=str(ref), **error_fields(e))

"""`/sobjects/{o}/updated` and `/deleted`: which ids moved in a span of time.

`latestDateCovered` is the start of the oldest transaction still open, which is the whole point of
these two. Spans, limits and codes: reference §2.3. Seconds of start and end do not count.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from fairlead.sandbox.wire import Response
from fairlead_salesforce.sandbox import rows
from fairlead_salesforce.sandbox.call import Call
from fairlead_salesforce.sandbox.errors import Refused, answer
from fairlead_salesforce.sandbox.render import stamp
from fairlead_salesforce.sandbox.values import parse_instant

MAX_IDS = 600_000


def updated(call: Call, name: str) -> Response:
    """Ids of live rows whose SystemModstamp lies in the span."""
    obj = rows.object_for(call.sb, name, call.who)
    start, end = _span(call, days=30)
    ids = [
        r.id
        for r in call.sb.org.rows(obj.name)
        if not r.deleted and start <= r.modified_at < end and rows.visible(call.sb, r, call.who)
    ]
    if len(ids) > MAX_IDS:
        raise Refused("EXCEEDED_ID_LIMIT", "exceeded max ids limit")
    return answer(200, {"ids": ids, "latestDateCovered": _covered(call, end)})


def deleted(call: Call, name: str) -> Response:
    """Ids and dates of rows put into the recycle bin in the span."""
    obj = rows.object_for(call.sb, name, call.who)
    start, end = _span(call, days=15)
    records = [
        {"id": r.id, "deletedDate": stamp(r.deleted_at)}
        for r in call.sb.org.rows(obj.name)
        if r.deleted
        and r.deleted_at
        and start <= r.deleted_at < end
        and rows.visible(call.sb, r, call.who)
    ]
    earliest = call.sb.now() - timedelta(days=15)
    return answer(
        200,
        {
            "deletedRecords": records,
            "earliestDateAvailable": stamp(earliest.replace(second=0)),
            "latestDateCovered": _covered(call, end),
        },
    )


def _covered(call: Call, end: datetime) -> str:
    return stamp(min(end, call.sb.covered_until()))


def _span(call: Call, *, days: int) -> tuple[datetime, datetime]:
    params = call.params()
    if set(params) != {"start", "end"}:
        raise Refused("MISSING_ARGUMENT", "start and end are required, and nothing else")
    start, end = (_minute(params[k]) for k in ("start", "end"))
    if start >= end:
        raise Refused("INVALID_REPLICATION_DATE", "startDate must be before endDate")
    if start < call.sb.now() - timedelta(days=days):
        raise Refused("INVALID_REPLICATION_DATE", "startDate before org replication enabled date")
    return start, end


def _minute(text: str) -> datetime:
    at = parse_instant(text)
    if at is None:
        raise Refused("INVALID_REPLICATION_DATE", f"not a date and time: {text}")
    return at.replace(second=0, microsecond=0)

"""`/query`, `/queryAll` and their pages.

A locator is alive for two days and belongs to the user who opened it. Rows are fixed when the query
runs and read when their page is asked for, so an edit between two pages shows.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fairlead.sandbox.wire import Response
from fairlead_salesforce.sandbox.call import Call, query_batch
from fairlead_salesforce.sandbox.errors import Refused, answer
from fairlead_salesforce.sandbox.soql_run import run
from fairlead_salesforce.sandbox.state import Cursor

_ALIVE = timedelta(days=2)
_LONG_TEXT_BATCH = 200


def query(call: Call) -> Response:
    """`GET /query?q=`: live rows only."""
    return _first_page(call, deleted=False)


def query_all(call: Call) -> Response:
    """`GET /queryAll?q=`: the recycle bin too."""
    return _first_page(call, deleted=True)


def _first_page(call: Call, *, deleted: bool) -> Response:
    params = call.params()
    if "q" not in params:
        raise Refused("MALFORMED_QUERY", "A query string has to be specified")
    if set(params) - {"q"}:
        raise Refused("MALFORMED_QUERY", f"unknown parameter: {sorted(set(params) - {'q'})[0]}")
    batch = query_batch(call.headers)
    found = run(call.sb, params["q"], call.who, deleted=deleted, version=call.version)
    if found.records is not None:
        return answer(
            200, {"totalSize": found.total, "done": True, "records": found.records[:2000]}
        )
    if found.long_texts > 1:
        batch = _LONG_TEXT_BATCH
    batch = min(batch, call.sb.knobs.page_size)
    cursor = Cursor(call.who.id, call.sb.org.now(), found.rows, found.show, batch)
    if found.total > batch or call.sb.knobs.empty_first_page:
        id15 = call.sb.ids.new("01g")
        call.sb.cursors[id15] = cursor
        if call.sb.knobs.empty_first_page:
            return answer(200, _page(call, cursor, id15, 0, 0))
        return answer(200, _page(call, cursor, id15, 0, batch))
    return answer(200, _page(call, cursor, "", 0, batch))


def more(call: Call, locator: str) -> Response:
    """`GET /query/{locator}`: the page that begins at the offset after the dash."""
    id, _, offset = locator.partition("-")
    cursor = call.sb.cursors.get(id)
    known = cursor is not None and cursor.user_id == call.who.id and offset.isdigit()
    if cursor is None or not known or call.sb.org.now() - cursor.opened_at > _ALIVE:
        raise Refused("INVALID_QUERY_LOCATOR", "invalid query locator")
    if int(offset) > len(cursor.rows):
        raise Refused("INVALID_QUERY_LOCATOR", "invalid query locator")
    return answer(200, _page(call, cursor, id, int(offset), cursor.batch))


def _page(call: Call, cursor: Cursor, id: str, start: int, size: int) -> dict[str, Any]:
    rows = cursor.rows[start : start + size]
    end = start + len(rows)
    done = end >= len(cursor.rows)
    out: dict[str, Any] = {"totalSize": len(cursor.rows), "done": done}
    if not done:
        out["nextRecordsUrl"] = f"/services/data/v{call.version}/query/{id}-{end}"
    out["records"] = [cursor.show(r) for r in rows]
    return out

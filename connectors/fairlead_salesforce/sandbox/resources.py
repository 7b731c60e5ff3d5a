"""The addresses that tell about the org itself: versions, resource map, objects, limits, recent."""

from __future__ import annotations

from typing import Any

from fairlead.sandbox.wire import Response
from fairlead_salesforce.sandbox import describe, rows
from fairlead_salesforce.sandbox.call import Call
from fairlead_salesforce.sandbox.errors import Refused, answer
from fairlead_salesforce.sandbox.render import attributes, full_name
from fairlead_salesforce.sandbox.state import Sandbox

NEWEST = 67
_SEASONS = ("Winter", "Spring", "Summer")


def versions() -> Response:
    """`GET /services/data`, open to anybody."""
    out = []
    for n in range(31, NEWEST + 1):
        # Version 31.0 was Summer '14, and three came each year since.
        count = n - 31 + 2
        label = f"{_SEASONS[count % 3]} '{14 + count // 3:02d}"
        out.append({"label": label, "url": f"/services/data/v{n}.0", "version": f"{n}.0"})
    return answer(200, out)


def resource_map(call: Call, base_url: str) -> Response:
    """`GET /services/data/vNN.N`."""
    base = f"/services/data/v{call.version}"
    names = ("composite", "limits", "query", "queryAll", "recent", "sobjects")
    out = {name: f"{base}/{name}" for name in names}
    out["identity"] = f"{base_url}/id/{call.sb.org_id}/{call.who.id}"
    return answer(200, out)


def describe_global(call: Call) -> Response:
    """`GET /sobjects`."""
    shown = [o for o in call.sb.schema.all() if rows.allowed(call.sb, o, "r", call.who)]
    return answer(
        200,
        {
            "encoding": "UTF-8",
            "maxBatchSize": 200,
            "sobjects": [describe.summary(call.sb, o, call.who, call.version) for o in shown],
        },
    )


def describe_brief(call: Call, name: str) -> Response:
    """`GET /sobjects/{o}`."""
    obj = rows.object_for(call.sb, name, call.who)
    body = describe.summary(call.sb, obj, call.who, call.version)
    return answer(200, {"objectDescribe": body, "recentItems": []})


def describe_full(call: Call, name: str) -> Response:
    """`GET /sobjects/{o}/describe`."""
    obj = rows.object_for(call.sb, name, call.who)
    return answer(200, describe.full(call.sb, obj, call.who, call.version))


def limits(call: Call) -> Response:
    """`GET /limits`."""
    most = call.sb.knobs.api_daily_limit
    used = call.sb.calls_used()

    def entry(maximum: int, remaining: int | None = None) -> dict[str, int]:
        return {"Max": maximum, "Remaining": maximum if remaining is None else remaining}

    return answer(
        200,
        {
            "DailyApiRequests": entry(most, max(0, most - used)),
            "DailyBulkApiBatches": entry(15_000),
            "DailyBulkV2QueryJobs": entry(10_000),
            "DailyBulkV2QueryFileStorageMB": entry(976_562),
            "HourlyPublishedPlatformEvents": entry(250_000),
        },
    )


def record_count(call: Call) -> Response:
    """`GET /limits/recordCount?sObjects=`."""
    params = call.params()
    if set(params) - {"sObjects"}:
        raise Refused("INVALID_PARAMETER", f"unknown parameter: {sorted(params)[0]}")
    wanted = [n for n in params.get("sObjects", "").split(",") if n]
    objects = [rows.object_for(call.sb, n, call.who) for n in wanted] or call.sb.schema.all()
    counted = [
        {"count": sum(not r.deleted for r in call.sb.org.rows(o.name)), "name": o.name}
        for o in objects
    ]
    return answer(200, {"sObjects": counted})


def recent(call: Call) -> Response:
    """`GET /recent`: the leads the user edited last, newest first."""
    params = call.params()
    given = params.pop("limit", "200")
    if params or not given.isdigit():
        raise Refused("INVALID_PARAMETER", "only limit=n is known")
    lead = call.sb.schema.find("Lead")
    if lead is None:
        return answer(200, [])
    mine = [
        r for r in call.sb.org.rows("Lead") if not r.deleted and r.modified_by.id == call.who.id
    ]
    mine.sort(key=lambda r: r.modified_at, reverse=True)
    out: list[dict[str, Any]] = [
        {"attributes": attributes(call.version, lead, r), "Id": r.id, "Name": full_name(r)}
        for r in mine[: int(given)]
    ]
    return answer(200, out)


def identity(sb: Sandbox, user_id: str, base_url: str) -> dict[str, Any]:
    """The body of `/id/{org}/{user}` and, in part, of userinfo."""
    row = sb.org.get("User", user_id)
    fields = row.fields if row else {}
    rest = f"{base_url}/services/data/v{{version}}/"
    me = f"{base_url}/id/{sb.org_id}/{user_id}"
    return {
        "id": me,
        "asserted_user": True,
        "user_id": user_id,
        "organization_id": sb.org_id,
        "username": fields.get("Username"),
        "nick_name": fields.get("Alias"),
        "display_name": full_name(row) if row else None,
        "email": fields.get("Email"),
        "email_verified": True,
        "first_name": fields.get("FirstName"),
        "last_name": fields.get("LastName"),
        "timezone": fields.get("TimeZoneSidKey"),
        "active": bool(fields.get("IsActive")),
        "user_type": "STANDARD",
        "language": fields.get("LanguageLocaleKey"),
        "locale": fields.get("LocaleSidKey"),
        "utcOffset": 0,
        "urls": {
            "rest": rest,
            "sobjects": f"{rest}sobjects/",
            "query": f"{rest}query/",
            "recent": f"{rest}recent/",
        },
    }

"""The account itself: its details, its API usage, and what a token is."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from fairlead.sandbox.wire import Request
from fairlead_hubspot.sandbox import asking
from fairlead_hubspot.sandbox.errors import Refusal, error
from fairlead_hubspot.sandbox.moments import wire_time
from fairlead_hubspot.sandbox.portal import APP_ID, PORTAL_ID, Portal

SCOPES = tuple(
    sorted(
        {
            *(
                f"crm.objects.{kind}.{way}"
                for kind in ("contacts", "companies", "deals", "leads", "tickets")
                for way in ("read", "write")
            ),
            *(
                f"crm.schemas.{kind}.{way}"
                for kind in ("contacts", "companies", "deals", "leads", "tickets")
                for way in ("read", "write")
            ),
            "crm.lists.read",
            "crm.lists.write",
            "crm.objects.owners.read",
            "crm.objects.users.read",
            "crm.objects.users.write",
            "oauth",
            "sales-email-read",
        }
    )
)


def details(portal: Portal, request: Request) -> tuple[int, Any]:
    asking.query(request)
    zone = ZoneInfo(portal.knobs.time_zone)
    offset = portal.now().astimezone(zone).strftime("%z")
    minutes = int(offset[:3]) * 60 + int(offset[0] + offset[3:])
    return 200, {
        "portalId": PORTAL_ID,
        "accountType": "DEVELOPER_TEST",
        "timeZone": portal.knobs.time_zone,
        "companyCurrency": "EUR",
        "additionalCurrencies": [],
        "utcOffset": f"{offset[:3]}:{offset[3:]}",
        "utcOffsetMilliseconds": minutes * 60_000,
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "eu1",
    }


def usage(portal: Portal, request: Request) -> tuple[int, Any]:
    asking.query(request)
    now = portal.now()
    return 200, {
        "results": [
            {
                "name": "private-apps-api-calls-daily",
                "usageLimit": portal.knobs.daily_limit,
                "currentUsage": portal.limits.used_today,
                "collectedAt": wire_time(now),
                "fetchStatus": "SUCCESS",
                "resetsAt": wire_time(portal.limits.resets_at(now)),
            }
        ]
    }


def token_info(portal: Portal, request: Request, user_id: int) -> tuple[int, Any]:
    """`POST /oauth/v2/private-apps/get/access-token-info {tokenKey}`."""
    asking.query(request)
    if asking.body(request, "tokenKey").get("tokenKey") != portal.token:
        raise Refusal(404, error("Token not found"))
    return 200, {
        "userId": user_id,
        "hubId": PORTAL_ID,
        "appId": int(APP_ID),
        "scopes": [s for s in SCOPES if s not in portal.knobs.missing_scopes],
    }

"""The service's own answers for faults by name, as the HTTP shell injects them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from fairlead.sandbox.wire import Response
from fairlead_hubspot.sandbox.errors import (
    HTML,
    JSON,
    Refusal,
    daily_limit,
    error,
    missing_scopes,
    rolling_limit,
    secondly_limit,
    unauthorized,
)

Params = Mapping[str, Any]


def _page(title: str) -> bytes:
    return f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>".encode()


def _refused(refusal: Refusal, correlation: str, params: Params) -> Response:
    body = json.dumps({**refusal.body, "correlationId": correlation}).encode()
    headers = {**JSON, **refusal.headers, "X-HubSpot-Correlation-Id": correlation}
    if "retry_after" in params:
        headers["Retry-After"] = str(params["retry_after"])
    return Response(refusal.status, body, headers)


def _html(status: int, title: str, params: Params) -> Response:
    headers = dict(HTML)
    if "retry_after" in params:
        headers["Retry-After"] = str(params["retry_after"])
    return Response(status, _page(title), headers)


def _secondly(params: Params) -> Refusal:
    """Newer captures carry `errorType` in place of `category`: `{"form": "error_type"}`."""
    if params.get("form") == "error_type":
        return Refusal(429, error("You have reached your secondly limit.", errorType="RATE_LIMIT"))
    return secondly_limit()


_SERVICE: dict[str, Callable[[Params, str], Refusal]] = {
    "ten_secondly_429": lambda p, c: rolling_limit(),
    "secondly_429": lambda p, c: _secondly(p),
    "daily_429": lambda p, c: daily_limit(c),
    "locked_423": lambda p, c: Refusal(
        423, error("The resource is locked; try again in two seconds.", "LOCKED")
    ),
    "migrating_477": lambda p, c: Refusal(
        477, error("This account is being moved to another data centre.", "MIGRATION_IN_PROGRESS")
    ),
    "internal_500": lambda p, c: Refusal(500, error("internal error")),
    "unavailable_503": lambda p, c: Refusal(503, error("Service unavailable", "SERVICE_ERROR")),
    "unauthorized_401": lambda p, c: unauthorized(),
    "missing_scopes_403": lambda p, c: missing_scopes(
        p.get("scopes", ["crm.objects.contacts.read"])
    ),
    "no_permission_403": lambda p, c: Refusal(
        403,
        error("The user that this key acts for may not do this.", "USER_DOES_NOT_HAVE_PERMISSIONS"),
    ),
    "gone_410": lambda p, c: Refusal(410, error("This API version is no longer supported.")),
}

_PAGES: dict[str, tuple[int, str]] = {
    "bad_gateway_502_html": (502, "502 Bad Gateway"),
    "unavailable_503_html": (503, "503 Service Unavailable"),
    "gateway_timeout_504_html": (504, "504 Gateway Time-out"),
    "cloudflare_522_html": (522, "522: Connection timed out"),
    "login_page_200_html": (200, "HubSpot Login"),
}

KINDS = (*_SERVICE, *_PAGES, "redirect_302", "garbage_200")


def answer(kind: str, params: Params, correlation: str) -> Response:
    """The answer for a fault; raises ValueError for an unknown one."""
    if kind in _SERVICE:
        params = {"retry_after": 3600, **params} if kind == "migrating_477" else params
        return _refused(_SERVICE[kind](params, correlation), correlation, params)
    if kind in _PAGES:
        status, title = _PAGES[kind]
        return _html(status, title, params)
    if kind == "redirect_302":
        return Response(302, b"", {"Location": str(params.get("location", "http://127.0.0.1:9/"))})
    if kind == "garbage_200":
        return Response(200, b'{"results": [{"id": ', JSON)
    raise ValueError(f"unknown fault {kind}; known: {', '.join(KINDS)}")

"""Answers of a service in trouble, by name (`Face.fault`); docs/sandbox-salesforce.md lists them.

Some come as JSON from the API, some as pages from the edge in front of it. None of them changes
anything; what a rule of the org does to single rows is the `refusals` knob.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from fairlead.sandbox.wire import Response
from fairlead_salesforce.sandbox.errors import (
    JSON_TYPE,
    OAuthRefused,
    Refused,
    answer,
    bad_session,
    html,
    refusal,
)

_NOT_FOR_REST = "This session is not valid for use with the REST API"
_CONCURRENT = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."


def _rest(code: str, message: str, status: int, **more: Any) -> Callable[[], Response]:
    return lambda: refusal(Refused(code, message, status=status, **more))


def _oauth(error: str, description: str, status: int = 400) -> Callable[[], Response]:
    return lambda: oauth_refusal(OAuthRefused(error, description, status=status))


def oauth_refusal(error: OAuthRefused) -> Response:
    """The token endpoint's own shape of a refusal."""
    body = {"error": error.error, "error_description": error.description}
    return answer(error.status, body)


FAULTS: Mapping[str, Callable[[], Response]] = {
    "expired_session": lambda: refusal(bad_session()),
    "session_not_for_rest": _rest("INVALID_SESSION_ID", _NOT_FOR_REST, 401),
    "bad_oauth_token_text": lambda: Response(
        403, b"Bad_OAuth_Token", {"Content-Type": "text/html; charset=UTF-8"}
    ),
    "request_limit": _rest("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", 403),
    "concurrent_limit": _rest("REQUEST_LIMIT_EXCEEDED", _CONCURRENT, 403),
    "unable_to_lock_row": _rest(
        "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record", 400, fields=[]
    ),
    "query_timeout": _rest("QUERY_TIMEOUT", "Your query request was running for too long.", 400),
    "validation_rule": _rest(
        "FIELD_CUSTOM_VALIDATION_EXCEPTION", "refused by a rule of this org", 400, fields=[]
    ),
    "trigger_failed": _rest(
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "a trigger of this org failed", 400, fields=[]
    ),
    "insufficient_access": _rest(
        "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", 403, fields=[]
    ),
    "api_disabled": _rest(
        "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.", 403
    ),
    "server_unavailable": _rest(
        "SERVER_UNAVAILABLE", "Server is temporarily unavailable, please retry.", 503
    ),
    "internal_error": _rest(
        "UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId", 500
    ),
    "too_many_requests": lambda: Response(
        429, b"", {"Content-Type": "text/plain", "Retry-After": "5"}
    ),
    "version_retired": _rest("ERROR_HTTP_410", "The requested API version is retired", 410),
    "server_unavailable_503_html": lambda: html(
        503, "Service Unavailable", "The service is temporarily unavailable."
    ),
    "bad_gateway_502_html": lambda: html(502, "Bad Gateway", "No answer from the backend."),
    "edge_420_html": lambda: html(420, "Enhance Your Calm", "The edge is shedding requests."),
    "not_acceptable_406": lambda: Response(406, b"", {"Content-Type": "text/html"}),
    "login_page_200_html": lambda: html(200, "Login", "Please log in to continue."),
    "truncated_json_200": lambda: Response(
        200, b'{"totalSize":2,"done":true,"records":[{"attrib', {"Content-Type": JSON_TYPE}
    ),
    "empty_200": lambda: Response(200, b"", {"Content-Type": JSON_TYPE}),
    "redirect_302": lambda: Response(302, b"", {"Location": "https://elsewhere.example/login"}),
    "invalid_grant": _oauth("invalid_grant", "user hasn't approved this consumer"),
    "inactive_user": _oauth("inactive_user", "user is inactive"),
    "login_rate_exceeded": _oauth("login_rate_exceeded", "login rate exceeded", 403),
}


def fault(kind: str, params: Mapping[str, Any]) -> Response:
    """The answer for a fault; raises ValueError for a name or parameter unknown to us."""
    if kind not in FAULTS:
        raise ValueError(f"unknown fault {kind!r}; known: {', '.join(sorted(FAULTS))}")
    unknown = set(params) - {"retry_after", "message"}
    if unknown:
        raise ValueError(f"fault {kind}: unknown parameters {sorted(unknown)}")
    response = FAULTS[kind]()
    body, headers = response.body, dict(response.headers)
    if "retry_after" in params:
        headers["Retry-After"] = str(params["retry_after"])
    if "message" in params:
        body = _with_message(kind, body, str(params["message"]))
    return Response(response.status, body, headers)


def _with_message(kind: str, body: bytes | None, message: str) -> bytes:
    try:
        said = json.loads(body or b"")
        said[0]["message"] = message
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"fault {kind} has no message to set") from None
    return json.dumps(said).encode()

"""Refusals: every way the service says no, each with the body HubSpot sends.

Handlers raise `Refusal`; `app.py` turns it into a response and adds the correlation id.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

JSON = {"Content-Type": "application/json;charset=utf-8"}
HTML = {"Content-Type": "text/html; charset=UTF-8"}


@dataclass(slots=True)
class Refusal(Exception):
    """One error answer; `body` lacks only the correlation id."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """One property value that is not acceptable; `code` is HubSpot's own error code."""

    name: str
    message: str
    code: str

    def embedded(self) -> dict[str, Any]:
        return {
            "isValid": False,
            "message": self.message,
            "error": self.code,
            "name": self.name,
            "localizedErrorMessage": self.message,
        }

    def detail(self) -> dict[str, Any]:
        return {
            "message": self.message,
            "code": self.code,
            "context": {"propertyName": [self.name]},
        }


def error(
    message: str,
    category: str | None = None,
    *,
    context: Mapping[str, Sequence[str]] | None = None,
    errors: Sequence[Mapping[str, Any]] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """An error body; HubSpot leaves absent what it has nothing to say about."""
    body: dict[str, Any] = {"status": "error", "message": message}
    if category:
        body["category"] = category
    if context:
        body["context"] = {k: list(v) for k, v in context.items()}
    if errors:
        body["errors"] = [dict(e) for e in errors]
    body.update(more)
    return body


def invalid(message: str, **context: Sequence[str]) -> Refusal:
    """400 for a request whose shape or limits are wrong."""
    return Refusal(400, error(message, "VALIDATION_ERROR", context=context))


def bad_json(message: str) -> Refusal:
    """400 for a body that is not the JSON the endpoint takes; these carry no category."""
    return Refusal(400, error(f"Invalid input JSON on line 1, column 1: {message}"))


def bad_properties(problems: Sequence[Problem]) -> Refusal:
    """400 for property values; the details are both in `message`, as JSON, and in `errors`."""
    embedded = json.dumps([p.embedded() for p in problems], separators=(",", ":"))
    return Refusal(
        400,
        error(
            f"Property values were not valid: {embedded}",
            "VALIDATION_ERROR",
            errors=[p.detail() for p in problems],
        ),
    )


def not_found(asked: str) -> Refusal:
    """404; HubSpot words it differently for ids that are not numbers."""
    if asked.isdigit():
        return Refusal(404, error("resource not found"))
    return Refusal(
        404,
        error(
            "Object not found.  objectId are usually numeric.",
            "OBJECT_NOT_FOUND",
            context={"id": [asked]},
        ),
    )


def conflict(message: str) -> Refusal:
    return Refusal(409, error(message, "CONFLICT"))


def unauthorized() -> Refusal:
    return Refusal(
        401,
        error(
            "Authentication credentials not found. This API supports OAuth 2.0 authentication "
            "and you can find more details at "
            "https://developers.hubspot.com/docs/methods/auth/oauth-overview",
            "INVALID_AUTHENTICATION",
        ),
    )


def missing_scopes(scopes: Sequence[str]) -> Refusal:
    link = "https://developers.hubspot.com/scopes"
    return Refusal(
        403,
        error(
            "This app hasn't been granted all required scopes to make this call. "
            f"Read more about required scopes here: {link}.",
            "MISSING_SCOPES",
            errors=[
                {
                    "message": "One or more of the following scopes are required.",
                    "context": {"requiredGranularScopes": list(scopes)},
                }
            ],
            links={"scopes": link},
        ),
    )


def secondly_limit() -> Refusal:
    """The search endpoints' own limit: no Retry-After, no policy name (recorded 2022)."""
    return Refusal(429, error("You have reached your secondly limit.", "RATE_LIMITS"))


def rolling_limit() -> Refusal:
    """The ten-second limit: no category (hubspot-api-python issue 117)."""
    return Refusal(
        429,
        error(
            "You have reached your ten_secondly_rolling limit.",
            errorType="RATE_LIMIT",
            policyName="TEN_SECONDLY_ROLLING",
            groupName="publicapi:private-apps-v2:api-calls-10-seconds",
        ),
    )


def daily_limit(request_id: str) -> Refusal:
    return Refusal(
        429,
        error(
            "You have reached your daily limit.",
            errorType="RATE_LIMIT",
            policyName="DAILY",
            groupName="publicapi:private-apps-v2:api-calls-daily",
            requestId=request_id,
        ),
    )

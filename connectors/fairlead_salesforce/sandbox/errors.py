"""What the sandbox says no with, and the three body shapes the vendor says it in.

`Refused` is raised anywhere below the routes. The REST face lists it as `errorCode`, Collections
as `statusCode`; OAuth has its own object. Shapes: reference/salesforce.md §2.5.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.sandbox.wire import Response

JSON_TYPE = "application/json;charset=UTF-8"


class Refused(Exception):
    """One refusal: status, code, text; `fields` is None where the vendor sends no such key."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 400,
        fields: Sequence[str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = None if fields is None else list(fields)
        self.extra = dict(extra or {})

    def rest(self) -> list[Any]:
        """The body of a REST refusal: a list of one."""
        one: dict[str, Any] = {**self.extra, "message": self.message, "errorCode": self.code}
        if self.fields is not None:
            one["fields"] = self.fields
        return [one]

    def row(self) -> dict[str, Any]:
        """The same inside a Collections result, where the key is `statusCode`."""
        return {
            **self.extra,
            "statusCode": self.code,
            "message": self.message,
            "fields": self.fields or [],
        }


class Several(Refused):
    """More than one row has the external id: 300, and their addresses are the body."""

    def __init__(self, addresses: Sequence[str]) -> None:
        message = "more than one record found for external id field"
        super().__init__("DUPLICATE_EXTERNAL_ID", message, status=300, fields=[])
        self.addresses = list(addresses)

    def rest(self) -> list[Any]:
        return self.addresses


class OAuthRefused(Exception):
    """A refusal of the token endpoint: `{"error", "error_description"}`."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status


class JsonAnswer(Response):
    """An answer that is written out only when it travels by itself: a composite takes its value."""

    value: Any

    def __init__(self, status: int, value: Any, headers: Mapping[str, str]) -> None:
        object.__setattr__(self, "status", status)
        object.__setattr__(self, "headers", headers)
        object.__setattr__(self, "value", value)

    @property
    def body(self) -> bytes:
        text = json.dumps(self.value, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "surrogatepass")


def answer(status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer; None as body means an empty one."""
    if body is None:
        return Response(status, None, dict(headers or {}))
    return JsonAnswer(status, body, {"Content-Type": JSON_TYPE, **(headers or {})})


def refusal(error: Refused) -> Response:
    """The REST answer for a refusal."""
    return answer(error.status, error.rest())


def html(status: int, title: str, text: str) -> Response:
    """What the edge in front of the service says: a page, not JSON."""
    body = f"<body><h1>{title}</h1><p>{text}</p></body>"
    page = f"<html><head><title>{title}</title></head>{body}</html>"
    return Response(status, page.encode(), {"Content-Type": "text/html; charset=UTF-8"})


def not_found(message: str = "The requested resource does not exist") -> Refused:
    """No such address, object or record."""
    return Refused("NOT_FOUND", message, status=404)


def bad_session() -> Refused:
    """The bearer is missing, unknown or expired."""
    return Refused("INVALID_SESSION_ID", "Session expired or invalid", status=401)


def no_such_column(field: str, object_name: str) -> Refused:
    """A field in a body or a `fields=` list that the object does not have."""
    return Refused("INVALID_FIELD", f"No such column '{field}' on sobject of type {object_name}")

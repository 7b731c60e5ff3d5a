"""What a request asks for: its query and its JSON body, strictly read.

A parameter or key that is not known is refused, never ignored: a client that misspells one must
learn it here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from fairlead.sandbox.wire import Request
from fairlead_hubspot.sandbox.errors import bad_json, invalid
from fairlead_hubspot.sandbox.types import ObjectType, find

MAX_BATCH = 100
MAX_HISTORY_BATCH = 50


def query(request: Request, *allowed: str) -> dict[str, str]:
    """The query parameters; lists given as repeated parameters are joined with commas."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        if name not in allowed:
            raise invalid(f"Unknown query parameter {name}", parameter=[name])
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def names(text: str | None) -> list[str]:
    return [n.strip() for n in (text or "").split(",") if n.strip()]


def flag(params: Mapping[str, str], name: str) -> bool:
    value = params.get(name, "false").lower()
    if value not in ("true", "false"):
        raise invalid(f"{name} must be true or false", parameter=[name])
    return value == "true"


def count(params: Mapping[str, str], *, default: int, most: int) -> int:
    """The page size; more than `most` is refused."""
    text = params.get("limit")
    if text is None:
        return default
    if not text.isdigit() or int(text) < 1:
        raise invalid(f"limit must be a positive number: {text}")
    if int(text) > most:
        raise invalid(f"Limit must be between 1 and {most}, was {text}")
    return int(text)


def after(params: Mapping[str, str]) -> int:
    text = params.get("after", "0")
    if not text.isdigit():
        raise invalid(f"after must be a number: {text}")
    return int(text)


def kinds(text: str | None) -> list[ObjectType]:
    """The object types of an `associations=` parameter."""
    found = []
    for name in names(text):
        kind = find(name)
        if kind is None:
            raise invalid(f"Unable to infer object type from: {name}")
        found.append(kind)
    return found


def body(request: Request, *allowed: str) -> dict[str, Any]:
    """The JSON object of a request; 400 when it is none or has a key that is not known."""
    if not request.body:
        raise invalid("Invalid JSON input: a request body was expected, but none found")
    if "json" not in request.headers.get("content-type", "application/json"):
        raise invalid(f"Unsupported content type {request.headers['content-type']}")
    try:
        value = request.json()
    except (ValueError, UnicodeDecodeError) as e:
        raise bad_json(str(e)) from None
    return keys(value, *allowed)


def keys(value: Any, *allowed: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise bad_json("Cannot deserialize value from something that is not an object")
    if allowed and (unknown := sorted(set(value) - set(allowed))):
        raise bad_json(f'Unrecognized field "{unknown[0]}"')
    return value


def inputs(value: Any, most: int = MAX_BATCH) -> list[dict[str, Any]]:
    """The `inputs` of a batch call, at least one and at most `most`."""
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        raise bad_json("Some required fields were not set: [inputs]")
    if not value:
        raise invalid("inputs must not be empty")
    if len(value) > most:
        raise invalid(
            f"The maximum number of inputs supported in a batch request is {most}, got {len(value)}"
        )
    return value


def text(value: Any, name: str) -> str:
    """A string field of a body; ids may come as numbers."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value:
        raise bad_json(f"Some required fields were not set: [{name}]")
    return value


def strings(value: Any, name: str) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise bad_json(f"{name} must be a list of strings")
    return list(value)

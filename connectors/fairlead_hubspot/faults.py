"""What an answer that is not a plain yes means to the house: status and body in, error out.

Pure. Nothing a lead's data could be in (HubSpot quotes values in its messages) goes into the text
of an error: only status, category, codes, property names and the correlation id.
Sources: developers.hubspot.com error handling and usage guidelines; captured bodies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from fairlead.errors import (
    Ambiguous,
    AuthFailed,
    FairleadError,
    PermissionMissing,
    RateLimited,
    SchemaDrift,
    Unavailable,
)
from fairlead.spi.connector import Outcome

OWNER_PROPERTY = "hubspot_owner_id"

_WORD = re.compile(r"^[A-Za-z0-9_.:-]{1,80}$")
_EMBEDDED = re.compile(r"\[\s*\{.*\}\s*\]", re.DOTALL)
_WAIT_SECONDLY = 1.0
_WAIT_TEN_SECONDLY = 10.0


class RefusedCall(SchemaDrift):
    """HubSpot understood the call and said no: nothing was applied.

    Inside the connector it is halved down to the guilty input; on a read it reaches the house as
    what it then is, a schema that differs from what the connector expects. `problems` are pairs of
    (code, property name), either part possibly empty.
    """

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        self.status = status
        self.category = _word(body.get("category"))
        self.problems = tuple(_problems(body))
        self.gone = (
            self.category == "OBJECT_NOT_FOUND"
            or any("OBJECT_NOT_FOUND" in code for code, _ in self.problems)
            # A task for a record that is no more: an association to an id that is not valid.
            or any(named_ids(e, "INVALID_OBJECT_IDS") for e in (body, *_entries(body)))
            or _says_gone(body)
        )
        codes = " ".join(sorted({" ".join(filter(None, p)) for p in self.problems}))
        text = f"HTTP {status} {self.category} {codes}".strip()
        correlation = _word(body.get("correlationId"))
        self.detail = f"{text} (correlation {correlation})" if correlation else text
        super().__init__(
            f"HubSpot refused the call: {self.detail}",
            remedy="run `fairlead doctor`: a property or object it expects may be missing",
        )

    def lacks(self, prop: str) -> bool:
        """Whether the refusal says that this property does not exist."""
        return any(n == prop and c.startswith("PROPERTY_DOES") for c, n in self.problems)

    def is_about(self, prop: str) -> bool:
        """Whether the refusal names this property as missing or as one that takes no writes."""
        kinds = ("PROPERTY_DOES", "READ_ONLY")
        return any(n == prop and c.startswith(kinds) for c, n in self.problems)

    def outcome(self) -> Outcome:
        """The verdict on the one input that was in the call."""
        if any(n == OWNER_PROPERTY or c.startswith("INVALID_OWNER") for c, n in self.problems):
            return Outcome.BAD_OWNER
        if self.gone or self.status == 404:
            return Outcome.GONE
        return Outcome.REFUSED


def no_answer(text: str, *, writing: bool, after: float | None = None) -> FairleadError:
    """The error for an answer that says nothing about what was applied."""
    return Ambiguous(text) if writing else Unavailable(text, after=after)


def error_of(
    status: int,
    headers: Mapping[str, str],
    body: Any,
    *,
    writing: bool,
    token_file: Path | None = None,
) -> FairleadError | None:
    """The house's error for one answer, or None for a readable yes.

    `body` is the parsed JSON, or None when there was none or it could not be parsed. `token_file`
    is where a person puts another token.
    """
    if 200 <= status < 300:
        if isinstance(body, dict):
            return None
        return no_answer(f"HTTP {status} without a readable body", writing=writing)
    after = retry_after(headers)
    if status == 429:
        return _rate_limited(body if isinstance(body, dict) else {}, after)
    if status == 401:
        return AuthFailed(
            "HubSpot does not accept the token (HTTP 401)",
            remedy=f"put a valid Service Key or private app token into {token_file or 'its file'}",
        )
    if not isinstance(body, dict) or status < 400:
        return no_answer(f"HTTP {status} without HubSpot's error body", writing=writing)
    if status == 403:
        return _permission(body)
    if status in (408, 423, 477) or status >= 500:
        return no_answer(f"HTTP {status}", writing=writing, after=after)
    return RefusedCall(status, body)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a numeric Retry-After header; None without one (HubSpot sends no dates)."""
    try:
        return max(0.0, float(headers["Retry-After"]))
    except (KeyError, ValueError):
        return None


def row_verdict(problem: Mapping[str, Any]) -> tuple[Outcome, str]:
    """Outcome and safe text of one entry of a batch answer's `errors` list."""
    refusal = RefusedCall(207, problem)
    if refusal.category in ("RATE_LIMITS", "RATE_LIMIT"):
        return Outcome.RETRY, refusal.detail
    return refusal.outcome(), refusal.detail


def named_ids(problem: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """What `context.<key>` of an error names: HubSpot gives a list, sometimes a single text."""
    context = problem.get("context")
    value = context.get(key) if isinstance(context, Mapping) else None
    if isinstance(value, str):
        return (value,)
    return tuple(str(v) for v in value) if isinstance(value, list) else ()


def _rate_limited(body: Mapping[str, Any], after: float | None) -> RateLimited:
    policy = str(body.get("policyName") or "").upper()
    message = str(body.get("message") or "").lower()
    if policy == "DAILY" or "daily" in message:
        return RateLimited("the portal's daily limit is spent", after=after, daily=True)
    if "ten_secondly" in message or policy.startswith("TEN_SECONDLY"):
        return RateLimited("the ten-second limit is reached", after=after or _WAIT_TEN_SECONDLY)
    return RateLimited("a per-second limit is reached", after=after or _WAIT_SECONDLY)


def _permission(body: Mapping[str, Any]) -> PermissionMissing:
    scopes: dict[str, None] = {}
    for part in (body, *_entries(body)):
        for key in ("requiredGranularScopes", "requiredScopes"):
            scopes.update(dict.fromkeys(s for s in named_ids(part, key) if _word(s)))
    listed = ", ".join(scopes)
    if not listed:
        return PermissionMissing(
            f"HubSpot forbids the call (HTTP 403 {_word(body.get('category'))})".replace(" )", ")"),
            remedy="check the token's scopes; docs/connectors-hubspot.md lists them",
        )
    return PermissionMissing(
        f"the token lacks a scope: {listed}", remedy=f"grant one of these scopes: {listed}"
    )


def _entries(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    errors = body.get("errors")
    if isinstance(errors, list):
        yield from (e for e in errors if isinstance(e, Mapping))


def _problems(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for entry in (body, *_entries(body)):
        code = _word(entry.get("code")) or _word(entry.get("subCategory"))
        names = [n for n in named_ids(entry, "propertyName") if _word(n)] or [
            _word(entry.get("in"))
        ]
        for name in names:
            if code or name:
                yield code, name
    # The list of invalid values comes as JSON inside the message.
    found = _EMBEDDED.search(str(body.get("message") or ""))
    if found is None:
        return
    try:
        listed = orjson.loads(found.group())
    except orjson.JSONDecodeError:
        return
    for entry in listed:
        if isinstance(entry, dict):
            yield _word(entry.get("error")), _word(entry.get("name"))


def _says_gone(body: Mapping[str, Any]) -> bool:
    message = str(body.get("message") or "").lower()
    return "resource not found" in message or "object not found" in message


def _word(value: object) -> str:
    return value if isinstance(value, str) and _WORD.match(value) else ""

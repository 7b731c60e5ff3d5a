"""What a Salesforce answer that is not a plain yes means for the house; pure, no I/O.

Salesforce says no in five body shapes (REST list, OAuth object, Collections row, Composite part,
Bulk object) and its edge servers in HTML or with nothing at all. `problems` reads them all,
`call_error` names the consequence of a failed call, `row_outcome` that of one refused row.
Codes decide before the HTTP status does: a spent quota comes as 403, like a missing right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

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

SHORT_WAIT = 60.0
LONG_WAIT = 900.0
"""Seconds to wait when Salesforce gives no hint: for a burst limit, and for a spent day."""

NEVER_REFRESH = ("not valid for use with the rest api", "not attached to agent")
"""INVALID_SESSION_ID with these words is a matter of rights: a new token changes nothing."""


_PHRASE = re.compile(r"[A-Za-z]\w*(?: \w+){0,7}")


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason out of an answer's body, whatever its shape."""

    code: str
    message: str = ""
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = f"{self.code}: {self.message}" if self.message else self.code
        return text if len(text) <= 300 else text[:299] + "…"

    @property
    def bare(self) -> str:
        """Code and fields alone: no message, which may quote the record."""
        return f"{self.code} ({', '.join(self.fields)})" if self.fields else self.code


def problems(body: Any) -> tuple[Problem, ...]:
    """The reasons in a parsed body; () when it holds none that we can read."""
    if isinstance(body, list):
        return tuple(p for item in body for p in problems(item))
    if not isinstance(body, Mapping):
        return ()
    nested = body.get("errors")
    if isinstance(nested, list) and nested:
        return problems(nested)
    for code_key, text_key in (
        ("errorCode", "message"),
        ("statusCode", "message"),
        ("error", "error_description"),
        ("exceptionCode", "exceptionMessage"),
    ):
        code = body.get(code_key)
        if isinstance(code, str) and code:
            fields = body.get("fields")
            names = fields if isinstance(fields, list) else ()
            text = str(body.get(text_key) or "") + _duplicate_rule(body)
            return (Problem(code, text, tuple(str(name) for name in names)),)
    return ()


def plain_problems(text: str) -> tuple[Problem, ...]:
    """The reason in a body that is no JSON: the identity service answers a bare code or phrase."""
    text = text.strip()
    return (Problem(text),) if _PHRASE.fullmatch(text) and len(text) <= 80 else ()


def _duplicate_rule(body: Mapping[str, Any]) -> str:
    # Salesforce misspells its own key; both spellings are met.
    result = body.get("duplicateResut") or body.get("duplicateResult")
    rule = result.get("duplicateRule") if isinstance(result, Mapping) else None
    return f" (duplicate rule {rule})" if isinstance(rule, str) else ""


def retry_after(value: str | None, now: datetime | None) -> float | None:
    """Seconds from a Retry-After header: a number, or a date measured by the server's own clock."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        then = parsedate_to_datetime(value)
    except ValueError:
        return None
    if now is None or then.tzinfo is None:
        return None
    return max(0.0, (then - now).total_seconds())


def may_refresh(status: int, found: Iterable[Problem]) -> bool:
    """Whether a new token could help: an expired session, and nothing else that shares its code."""
    if status != 401:
        return False
    found = tuple(found)
    if not found:
        return True
    return any(
        p.code in _EXPIRED and not any(words in p.message.lower() for words in NEVER_REFRESH)
        for p in found
    )


_EXPIRED = {"INVALID_SESSION_ID", "INVALID_AUTH_HEADER", "Bad_OAuth_Token", "Missing_OAuth_Token"}
_QUOTA = {"REQUEST_LIMIT_EXCEEDED", "LOGIN_RATE_EXCEEDED", "API_REQUEST_LIMIT_EXCEEDED"}
_DOWN = {
    "SERVER_UNAVAILABLE",
    "QUERY_TIMEOUT",
    "UNABLE_TO_LOCK_ROW",
    "server_error",
    "temporarily_unavailable",
}
_AUTH = {
    *_EXPIRED,
    "INVALID_LOGIN",
    "INACTIVE_USER",
    "PASSWORD_LOCKOUT",
    "invalid_grant",
    "invalid_client",
    "invalid_client_id",
    "invalid_client_credentials",
    "invalid_app_access",
    "invalid_assertion_type",
    "inactive_user",
    "inactive_org",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_request",
    "redirect_uri_mismatch",
    "app_not_found",
}
_RIGHTS = {
    "INSUFFICIENT_ACCESS",
    "INSUFFICIENT_ACCESS_OR_READONLY",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
    "INVALID_TYPE",
    "API_CURRENTLY_DISABLED",
    "API_DISABLED_FOR_ORG",
    "FUNCTIONALITY_NOT_ENABLED",
    "FUNCTIONALITY_TEMPORARILY_UNAVAILABLE",
    "OPERATION_NOT_ALLOWED_ON_ENTITY",
    "FORBIDDEN",
}
_SHAPE = {
    "INVALID_FIELD",
    "INVALID_FIELD_FOR_INSERT_UPDATE",
    "MALFORMED_QUERY",
    "INVALID_QUERY_FILTER_OPERATOR",
    "JSON_PARSER_ERROR",
    "NOT_FOUND",
    "UNSUPPORTED_API_VERSION",
    "METHOD_NOT_ALLOWED",
}
_FIELD_REMEDY = (
    "give the integration user read (and for our two custom fields edit) access to the field, "
    "or take it out of the policy"
)


def call_error(
    status: int,
    found: tuple[Problem, ...],
    *,
    writing: bool,
    after: float | None = None,
    what: str = "",
) -> FairleadError:
    """The house's error for a whole call (or composite part) that did not answer 2xx.

    Codes come first. Without a known one: 408 and 5xx are `Ambiguous` for a write and
    `Unavailable` for a read; any other status means that nothing was applied.
    """
    text = "; ".join(str(p) for p in found[:3]) or f"HTTP {status} without a readable body"
    text = f"{what}: {text}" if what else text
    codes = {p.code for p in found}
    if codes & _QUOTA:
        daily = "concurrent" not in text.lower() and "REQUEST_LIMIT_EXCEEDED" in codes
        wait = after if after is not None else (LONG_WAIT if daily else SHORT_WAIT)
        return RateLimited(text, after=wait, daily=daily)
    if status == 429:
        return RateLimited(text, after=after if after is not None else SHORT_WAIT)
    if status == 408 or status >= 500:
        return Ambiguous(text) if writing else Unavailable(text, after=after)
    if codes & _DOWN:
        return Unavailable(text, after=after)
    if codes & _AUTH or status == 401:
        if any(words in text.lower() for words in NEVER_REFRESH):
            return PermissionMissing(text, remedy="give the integration user the API Enabled right")
        return AuthFailed(text, remedy="check the External Client App, its user and its key")
    if codes & _RIGHTS or (status == 403 and found):
        return PermissionMissing(text, remedy="assign the permission set to the integration user")
    if codes & _SHAPE or status in (404, 410, 413, 414, 431):
        return SchemaDrift(text, remedy=_FIELD_REMEDY if "INVALID_FIELD" in codes else "")
    if status in (406, 409, 412, 420) or 300 <= status < 400 or not found:
        return Unavailable(text, after=after)
    return SchemaDrift(text, remedy="this answer is unknown to the connector; please report it")


_OUTCOMES: Mapping[str, Outcome] = {
    **dict.fromkeys(
        (
            "INACTIVE_OWNER_OR_USER",
            "OP_WITH_INVALID_USER_TYPE_EXCEPTION",
            "TRANSFER_REQUIRES_READ",
            "INVALID_CROSS_REFERENCE_KEY",
        ),
        Outcome.BAD_OWNER,
    ),
    **dict.fromkeys(
        ("ENTITY_IS_DELETED", "NOT_FOUND", "CANNOT_UPDATE_CONVERTED_LEAD"), Outcome.GONE
    ),
    **dict.fromkeys(
        (
            "UNABLE_TO_LOCK_ROW",
            "QUERY_TIMEOUT",
            "SERVER_UNAVAILABLE",
            "REQUEST_LIMIT_EXCEEDED",
            "ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE",
            "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "PROCESSING_HALTED",
        ),
        Outcome.RETRY,
    ),
    "UNKNOWN_EXCEPTION": Outcome.AMBIGUOUS,
}

_RECORD_FIELDS = {"id", "whoid", "whatid"}

_KEY_TAKEN = {"DUPLICATE_VALUE", "DUPLICATE_EXTERNAL_ID", "ENTITY_IS_DELETED"}
"""For a task: one with our key is there, perhaps in the recycle bin. Look it up by its key."""


def is_doubtful(found: tuple[Problem, ...], *, task: bool) -> bool:
    """Whether a refused row leaves open if its record is gone: its code names no field.

    "Invalid cross reference id" is said of a record as well as of its new owner, and "entity is
    deleted" of a lead as well as of our own earlier task. Only reading the record can tell.
    """
    codes = {"INVALID_CROSS_REFERENCE_KEY", "ENTITY_IS_DELETED"}
    if not task:
        codes.discard("ENTITY_IS_DELETED")
    return any(p.code in codes and not p.fields for p in found)


def row_outcome(found: tuple[Problem, ...], *, task: bool) -> Outcome:
    """What a refused Collections row means; a code we do not know is a refusal for good."""
    for problem in found:
        named = {name.lower() for name in problem.fields}
        about_record = bool(named & _RECORD_FIELDS)
        if task and problem.code in _KEY_TAKEN and not about_record:
            return Outcome.AMBIGUOUS
        outcome = _OUTCOMES.get(problem.code)
        if outcome is Outcome.BAD_OWNER and about_record:
            return Outcome.GONE
        if outcome is not None:
            return outcome
    return Outcome.REFUSED

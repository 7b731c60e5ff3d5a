"""One reader per type: a CRM's JSON value to one of ours, or None when it says nothing.

Readers are total over JSON values; a value of the wrong shape is missing, not an error, because a
lead with a bad phone number still needs an owner. Called by `normalise` only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from fairlead.core.names import country_code, zone_name
from fairlead.core.types import Value

TEXT_LIMIT = 10_000
"""Characters of a text that rules see; the rest is cut off."""
LIST_LIMIT = 1_000
_EXACT = 2**53 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:[, ' ]\d{3})+(?:\.\d+)?", re.ASCII)
_RANGE = re.compile(r"(\d{1,9})(?:\+|-\d{1,9})", re.ASCII)
_PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_MILLIS = re.compile(r"-?\d{9,15}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# What the validator surely takes: it costs 60 times this pattern, for every lead.
_PLAIN_EMAIL = re.compile(
    r"[a-z0-9_]+(?:[.+-][a-z0-9_]+)*@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+"
    r"(?!arpa|invalid|local|onion)[a-z]{2,24}"
)
_YES = frozenset({"true", "yes", "1"})
_NO = frozenset({"false", "no", "0"})


def read_text(raw: Any) -> str | None:
    """A text without the space around it; numbers and yes/no as they are written."""
    if isinstance(raw, str):
        return raw.strip()[:TEXT_LIMIT].rstrip() or None
    if isinstance(raw, bool):
        return "true" if raw else "false"
    number = read_number(raw)
    return None if number is None else str(number)


def read_number(raw: Any) -> int | float | None:
    """A number, also from text with thousands separators; whole ones are int below 2**53.

    A range, as HubSpot's forms ask for the size of a company ("25-50", "1000+"), is its lower end.
    """
    if isinstance(raw, str):
        text = raw.strip()[:60]
        if (bounds := _RANGE.fullmatch(text)) is not None:
            text = bounds[1]
        if _GROUPED.fullmatch(text):
            text = re.sub(r"[, ' ]", "", text)
        elif not _PLAIN.fullmatch(text):
            return None
        raw = int(text) if text.lstrip("+-").isdigit() else float(text)
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    if isinstance(raw, int) and abs(raw) <= _EXACT:
        return raw
    try:
        value = float(raw)
    except OverflowError:
        return None
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) <= _EXACT else value


def read_bool(raw: Any) -> bool | None:
    """Yes or no, also as the texts the CRMs use for it."""
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, int | str):
        text = str(raw).strip().lower() if isinstance(raw, str) else raw
        if text in _YES or text == 1:
            return True
        if text in _NO or text == 0:
            return False
    return None


def read_instant(raw: Any) -> datetime | None:
    """An instant in UTC from ISO 8601 (no zone: UTC; a date: midnight) or epoch milliseconds."""
    try:
        if isinstance(raw, int) and not isinstance(raw, bool):
            return _EPOCH + timedelta(milliseconds=raw)
        if not isinstance(raw, str):
            return None
        text = raw.strip()
        if _MILLIS.fullmatch(text):
            return _EPOCH + timedelta(milliseconds=int(text))
        if not _DATE.match(text):
            return None
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def read_list(raw: Any) -> tuple[str, ...] | None:
    """The texts of a multi-select (`a;b`) or of a JSON list, in order; None when there is none."""
    parts = raw.split(";") if isinstance(raw, str) else raw
    if not isinstance(parts, list | tuple):
        one = read_text(raw)
        return None if one is None else (one,)
    texts = (read_text(p) for p in parts[:LIST_LIMIT])
    return tuple(t for t in texts if t is not None) or None


def read_email(raw: Any) -> str | None:
    """A well-formed address in lower case; no look-up is made. Reserved `.test` names count."""
    if not isinstance(raw, str):
        return None
    text = raw.strip()
    plain = text.lower()
    if len(plain) <= 64 and text.isascii() and _PLAIN_EMAIL.fullmatch(plain):
        return plain
    try:
        found = validate_email(text, check_deliverability=False, test_environment=True)
    except (EmailNotValidError, UnicodeError):
        return None
    return found.normalized.lower()


def read_phone(raw: Any, country: str | None) -> str | None:
    """A valid number as E.164; a national one needs the country. Extensions are dropped."""
    text = read_text(raw)
    if text is None:
        return None
    if country is None and text.startswith("00"):
        text = f"+{text[2:]}"
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    e164: str = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return e164


def read_country(raw: Any) -> str | None:
    return country_code(raw) if isinstance(raw, str) else None


def read_zone(raw: Any) -> str | None:
    return zone_name(raw) if isinstance(raw, str) else None


def read_language(raw: Any) -> str | None:
    """A language code in lower case with a hyphen: `de`, `pt-br`."""
    text = read_text(raw)
    return None if text is None else text.lower().replace("_", "-")


BY_TYPE: Mapping[str, Callable[[Any], Value]] = {
    "text": read_text,
    "number": read_number,
    "bool": read_bool,
    "instant": read_instant,
    "list": read_list,
}
"""The reader of each type that `fields:` may name."""

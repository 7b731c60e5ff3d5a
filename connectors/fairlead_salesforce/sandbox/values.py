"""From the JSON of a request to the value a field stores, or the vendor's refusal.

Below `rows`. Text is trimmed and "" is null; instants lose their fraction; ids become the
18-character form and must name a live row of the right object.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from fairlead_salesforce.sandbox.errors import Refused
from fairlead_salesforce.sandbox.ids import canonical
from fairlead_salesforce.sandbox.places import COUNTRIES, STATES, code_of
from fairlead_salesforce.sandbox.render import stamp
from fairlead_salesforce.sandbox.schema import NUMERIC, TEXTUAL, FieldDef
from fairlead_salesforce.sandbox.state import Sandbox

_EMAIL = re.compile(r"[^@\s,;<>()\"]+@[^@\s,;<>()\"]+\.[^@\s.,;<>()\"]{2,}\Z")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)\Z")


def _unreadable(field_type: str, value: object) -> Refused:
    token = {bool: "VALUE_TRUE" if value else "VALUE_FALSE", int: "VALUE_NUMBER_INT"}.get(
        type(value), "VALUE_NUMBER_FLOAT" if isinstance(value, float) else "VALUE_STRING"
    )
    if isinstance(value, dict | list):
        token = "START_OBJECT" if isinstance(value, dict) else "START_ARRAY"
        value = "{" if isinstance(value, dict) else "["
    return Refused(
        "JSON_PARSER_ERROR",
        f"Cannot deserialize instance of {field_type} from {token} value {value} "
        "or request may be missing a required field at [line:1, column:1]",
    )


def coerce(sb: Sandbox, field: FieldDef, value: Any) -> Any:
    """The stored form of `value`; raises Refused."""
    if value is None:
        return None
    if field.type in TEXTUAL:
        return _text(field, value)
    if field.type in NUMERIC:
        return _number(field, value)
    if field.type == "boolean":
        return _boolean(value)
    if field.type == "date":
        return _date(value)
    if field.type == "datetime":
        return _datetime(value)
    if field.type == "reference":
        return _reference(sb, field, value)
    raise Refused(
        "INVALID_FIELD_FOR_INSERT_UPDATE", f"cannot write {field.name}", fields=[field.name]
    )


def _text(field: FieldDef, value: Any) -> str | None:
    if not isinstance(value, str):
        raise _unreadable("string", value)
    # A lone surrogate has no UTF-8 form; the vendor's encoder puts a question mark.
    text = value.encode("utf-8", "replace").decode().strip()
    if not text:
        return None
    if len(text) > field.length:
        raise Refused(
            "STRING_TOO_LONG",
            f"{field.label}: data value too large: {text[:255]} (max length={field.length})",
            fields=[field.name],
        )
    if field.type == "email" and field.name == "Email" and not _EMAIL.match(text):
        raise Refused(
            "INVALID_EMAIL_ADDRESS",
            f"{field.label}: invalid email address: {text}",
            fields=[field.name],
        )
    if field.restricted and field.picklist:
        return _picked(field, text)
    return text


def _picked(field: FieldDef, text: str) -> str:
    for known in field.picklist:
        if known.lower() == text.lower():
            return known
    raise Refused(
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        f"{field.label}: bad value for restricted picklist field: {text}",
        fields=[field.name],
    )


def _number(field: FieldDef, value: Any) -> int | float | None:
    if value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _unreadable(field.type, value)
    try:
        number = float(value)
    except ValueError:
        raise _unreadable(field.type, value) from None
    whole = field.type == "int"
    if whole and not number.is_integer():
        raise _unreadable("int", value)
    digits = (field.length or 18) - field.scale
    if not abs(number) < 10**digits:
        raise Refused(
            "NUMBER_OUTSIDE_VALID_RANGE",
            f"{field.label}: value outside of valid range on numeric field: {value}",
            fields=[field.name],
        )
    return int(number) if whole else round(number, field.scale)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise _unreadable("boolean", value)


def _date(value: Any) -> str | None:
    if value == "":
        return None
    text = value[:10] if isinstance(value, str) and _INSTANT.match(value) else value
    if isinstance(text, str) and re.match(r"\d{4}-\d\d-\d\d\Z", text):
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            raise _unreadable("date", value) from None
    raise _unreadable("date", value)


def parse_instant(text: str) -> datetime | None:
    """An instant with a zone, as aware UTC; None when it is none."""
    if not _INSTANT.match(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _datetime(value: Any) -> str | None:
    if value == "":
        return None
    at = parse_instant(value) if isinstance(value, str) else None
    if at is None:
        raise _unreadable("datetime", value)
    return stamp(at)


def _reference(sb: Sandbox, field: FieldDef, value: Any) -> str | None:
    if value == "":
        return None
    id = canonical(value)
    if id is None:
        shown = value if isinstance(value, str) else "?"
        raise Refused(
            "MALFORMED_ID",
            f"{field.label}: id value of incorrect type: {shown}",
            fields=[field.name],
        )
    obj = sb.schema.of_id(id)
    if obj is None or obj.name not in field.reference_to:
        raise Refused(
            "FIELD_INTEGRITY_EXCEPTION",
            f"{field.label}: id value of incorrect type: {value}",
            fields=[field.name],
        )
    row = sb.org.get(obj.name, id)
    if row is None:
        raise Refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=[])
    if row.deleted:
        raise Refused("ENTITY_IS_DELETED", "entity is deleted", fields=[])
    return id


def _no_such_place(kind: str) -> Refused:
    what, name = ("country/territory", "Country") if kind == "country" else ("state", "State")
    plural = "countries/territories" if kind == "country" else "states"
    problem = f"There's a problem with this {kind}, even though it may appear correct."
    remedy = f"Please select a {what} from the list of valid {plural}.: {name}"  # noqa: S608
    return Refused("FIELD_INTEGRITY_EXCEPTION", f"{problem} {remedy}", fields=[name])


def settle_place(changes: dict[str, Any], current: dict[str, Any]) -> None:
    """Keep country and state text in step with their codes, as picklists for both do.

    `changes` is completed in place; raises Refused for a place the org does not have.
    """
    _settle_one("country", "Country", changes, COUNTRIES)
    country = changes.get("CountryCode", current.get("CountryCode"))
    if country != current.get("CountryCode") and not {"State", "StateCode"} & changes.keys():
        changes |= {"State": None, "StateCode": None}
    states = STATES.get(country or "", {})
    _settle_one("state", "State", changes, states)


def _settle_one(kind: str, name: str, changes: dict[str, Any], table: Any) -> None:
    code_name = f"{name}Code"
    if code_name in changes:
        given = changes[code_name]
        code = next((c for c in table if given and c.lower() == given.lower()), None)
    elif name in changes:
        given = changes[name]
        code = code_of(table, given) if given else None
    else:
        return
    if given and code is None:
        raise _no_such_place(kind)
    changes |= {code_name: code, name: table[code] if code else None}

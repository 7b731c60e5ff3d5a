"""Property values on their way in: what is refused, and how the rest is kept.

Everything is kept as text, as the wire has it; "" means cleared. Datetimes are kept as ISO text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from fairlead.sandbox.org import Row
from fairlead_hubspot.sandbox import schedules
from fairlead_hubspot.sandbox.catalog import LIFECYCLE
from fairlead_hubspot.sandbox.errors import Problem, bad_json, bad_properties
from fairlead_hubspot.sandbox.moments import day_ms, from_ms, instant_ms, wire_ms
from fairlead_hubspot.sandbox.properties import Property, Schema
from fairlead_hubspot.sandbox.types import ObjectType

MAX_TEXT = 65_536
_EMAIL = re.compile(r"[^@\s\"(),:;<>\[\\\]]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")


class Owners(Protocol):
    """Who may own records."""

    def can_own(self, owner_id: str) -> bool: ...


def read(
    schema: Schema,
    owners: Owners,
    kind: ObjectType,
    given: Any,
    row: Row | None,
    *,
    privileged: bool = False,
) -> dict[str, str]:
    """The values to store; raises `Refusal` naming every bad property.

    `row` is the record as it is, None on create. `privileged` lets the service itself write
    read-only and calculated properties.
    """
    if not isinstance(given, Mapping):
        raise bad_json("Some required fields were not set: [properties]")
    kept: dict[str, str] = {}
    problems: list[Problem] = []
    zone = str((row.fields if row else given).get(schedules.ZONE) or "")
    for name, raw in given.items():
        text = _text(name, raw)
        prop = schema.get(kind, name.lower())
        if prop is None:
            message = f'Property "{name}" does not exist'
            problems.append(Problem(name, message, "PROPERTY_DOESNT_EXIST"))
            continue
        if (prop.read_only or prop.calculated) and not privileged:
            message = (
                f'"{prop.name}" is a read only property; its value cannot be set.'
                if not prop.calculated
                else f'"{prop.name}" is a calculated property; its value cannot be set.'
            )
            problems.append(Problem(prop.name, message, "READ_ONLY_VALUE"))
            continue
        old = "" if row is None else (row.fields.get(prop.name) or "")
        value = _appended(prop, text, old)
        if value != "" and (problem := _check(prop, value, owners, zone)) is not None:
            problems.append(problem)
            continue
        if prop.name == "lifecyclestage" and not privileged and _backward(old, value):
            continue
        kept[prop.name] = _kept(prop, value)
    if problems:
        raise bad_properties(problems)
    return kept


def _text(name: str, raw: Any) -> str:
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, (int, float)):
        return str(raw)
    if not isinstance(raw, str):
        kind = "null" if raw is None else type(raw).__name__
        raise bad_json(f"Cannot deserialize value of type `java.lang.String` of {name} from {kind}")
    return raw


def _appended(prop: Property, text: str, old: str) -> str:
    """A leading `;` adds options to those already chosen."""
    if not prop.several or not text.startswith(";"):
        return text
    chosen = [o for o in old.split(";") if o]
    return ";".join(chosen + [o for o in text.split(";") if o and o not in chosen])


def _backward(old: str, new: str) -> bool:
    """The funnel only moves forward; a step back is answered 200 and not done."""
    if old not in LIFECYCLE or new not in LIFECYCLE:
        return False
    return LIFECYCLE.index(new) < LIFECYCLE.index(old)


def _check(prop: Property, value: str, owners: Owners, zone: str) -> Problem | None:
    name = prop.name
    if prop.type != "string" and value != value.strip():
        message = f"{value} has leading or trailing whitespace"
        return Problem(name, message, "INVALID_VALUE")
    if prop.owner:
        return _check_owners(prop, value, owners)
    match prop.type:
        case "string" | "phone_number" if len(value) > MAX_TEXT:
            message = f"Value of length {len(value)} is longer than {MAX_TEXT}"
            return Problem(name, message, "PROPERTY_VALUE_TOO_LONG")
        case "string" if prop.email and not _EMAIL.fullmatch(value.strip()):
            return Problem(name, f"Email address {value} is invalid", "INVALID_EMAIL")
        case "string" if (wrong := schedules.problem(name, value, zone)) is not None:
            return Problem(name, wrong, "INVALID_VALUE")
        case "number" if not _is_number(value):
            return Problem(name, f"{value} was not a valid number.", "INVALID_DOUBLE")
        case "datetime" if instant_ms(value) is None:
            return Problem(name, f"{value} was not a valid long.", "INVALID_LONG")
        case "date" if day_ms(value) is None:
            return Problem(name, f"{value} was not a valid date.", "INVALID_DATE")
        case "bool" | "enumeration" if prop.options:
            allowed = [v for v, _ in prop.options]
            for chosen in value.split(";") if prop.several else [value]:
                if chosen not in allowed:
                    message = f"{chosen} was not one of the allowed options: {allowed}"
                    return Problem(name, message, "INVALID_OPTION")
    return None


def _check_owners(prop: Property, value: str, owners: Owners) -> Problem | None:
    for owner_id in value.split(";") if prop.several else [value]:
        if not owner_id.isdigit():
            return Problem(prop.name, f"{owner_id} was not a valid long.", "INVALID_LONG")
        if not owners.can_own(owner_id):
            message = f"{owner_id} is not the id of an active owner."
            return Problem(prop.name, message, "INVALID_LONG")
    return None


def _is_number(value: str) -> bool:
    try:
        return Decimal(value).is_finite()
    except InvalidOperation:
        return False


def _kept(prop: Property, value: str) -> str:
    if value == "":
        return ""
    if prop.email:
        return value.strip().lower()
    if prop.type == "datetime":
        ms = instant_ms(value)
        return value if ms is None else wire_ms(ms)
    if prop.type == "date":
        ms = day_ms(value)
        return value if ms is None else from_ms(ms).date().isoformat()
    return value

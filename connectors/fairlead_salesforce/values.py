"""Fields and scores on the wire: the text of an effect in the type that the org's field has. Pure.

Salesforce takes texts for most types; numbers and switches are sent as such. What cannot become the
field's type is refused before it is sent, so that it does not stand in the way of others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairlead.core.effects import SetField, SetScore

FieldWrite = SetField | SetScore

_NUMBERS = {"int", "long", "double", "currency", "percent"}
_SWITCH = {"true": True, "false": False}
_REFERENCE = "@{"
"""Inside a composite this begins a reference to another part's answer, and nothing escapes it."""


def unfit(effect: FieldWrite, fields: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Why this cannot be written, by the lead's describe; None when it can."""
    described = fields.get(effect.field)
    if described is None or described.get("updateable") is not True:
        return f"our user cannot edit {effect.field}"
    if isinstance(effect, SetScore) or not effect.value:
        return None
    kind = str(described.get("type"))
    if kind in _NUMBERS and _number(effect.value) is None:
        return f"{effect.field} takes numbers only"
    if kind == "boolean" and effect.value.lower() not in _SWITCH:
        return f"{effect.field} takes true or false only"
    if _REFERENCE in effect.value:
        return f"a text with {_REFERENCE} cannot be sent"
    return None


def value_row(effect: FieldWrite, fields: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One record of a Collections PATCH that writes one field of a lead."""
    return {
        "attributes": {"type": effect.ref.object},
        "id": effect.ref.id,
        effect.field: _value(effect, str(fields.get(effect.field, {}).get("type"))),
    }


def _value(effect: FieldWrite, kind: str) -> Any:
    if isinstance(effect, SetScore):
        return effect.value
    if not effect.value:
        return False if kind == "boolean" else None
    if kind in _NUMBERS:
        return _number(effect.value)
    if kind == "boolean":
        return _SWITCH[effect.value.lower()]
    return effect.value


def _number(text: str) -> int | float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    if number != number or number in (float("inf"), float("-inf")):
        return None
    return int(number) if number.is_integer() else number

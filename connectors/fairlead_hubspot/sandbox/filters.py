"""Search filters: how each operator compares a value of the index.

Text compares case-insensitively, but `IN` and `NOT_IN` take lower case only; enumerations compare
exactly; dates and numbers as numbers, dates given as epoch milliseconds. Operators other than
`NOT_HAS_PROPERTY` never match a record without a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from fairlead_hubspot.sandbox import asking
from fairlead_hubspot.sandbox.errors import Refusal, bad_json, invalid
from fairlead_hubspot.sandbox.index import Doc
from fairlead_hubspot.sandbox.moments import day_ms, instant_ms
from fairlead_hubspot.sandbox.properties import Property, Schema
from fairlead_hubspot.sandbox.types import ObjectType, find

Comparable = Any
ORDER = ("LT", "LTE", "GT", "GTE")
OPERATORS = (
    *ORDER,
    "EQ",
    "NEQ",
    "BETWEEN",
    "IN",
    "NOT_IN",
    "HAS_PROPERTY",
    "NOT_HAS_PROPERTY",
    "CONTAINS_TOKEN",
    "NOT_CONTAINS_TOKEN",
)
_SEARCHED = {
    "contacts": ("firstname", "lastname", "email", "phone", "company", "hs_additional_emails"),
    "companies": ("name", "domain", "website", "phone"),
    "deals": ("dealname",),
    "tickets": ("subject", "content"),
    "leads": ("hs_lead_name",),
    "tasks": ("hs_task_subject", "hs_task_body"),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter, ready to run. `floor` is set when it bounds the modified date from below."""

    holds: Callable[[Doc], bool]
    floor: int | None = None


def parse(schema: Schema, kind: ObjectType, given: Any) -> Filter:
    """Check a filter and build it; raises `Refusal` when it is malformed."""
    one = asking.keys(given, "propertyName", "operator", "value", "values", "highValue")
    name, operator = one.get("propertyName"), one.get("operator")
    if not isinstance(name, str) or not isinstance(operator, str):
        raise bad_json(
            "Cannot build Filter, some of required attributes are not set [propertyName, operator]"
        )
    if operator not in OPERATORS:
        raise bad_json(f'Cannot deserialize operator from "{operator}": not one of {OPERATORS}')
    if name.startswith("associations."):
        return _linked(name, operator, one)
    prop = schema.get(kind, name)
    if prop is None:
        raise invalid(f"There is no property {name} of {kind.type_id} to filter by")
    read = _reader(kind, prop)
    if operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        wanted = operator == "HAS_PROPERTY"
        return Filter(lambda doc: (read(doc) is not None) is wanted)
    if operator in ("IN", "NOT_IN"):
        return _one_of(prop, operator, one, read)
    value = _operand(prop, operator, one, "value")
    if operator == "BETWEEN":
        high = _operand(prop, operator, one, "highValue")
        return Filter(
            lambda doc: (v := read(doc)) is not None and value <= v <= high,
            value if name == kind.modified else None,
        )
    if operator.endswith("CONTAINS_TOKEN"):
        return _tokens(prop, operator, one, kind)
    compare = _COMPARE[operator]
    floor = value if name == kind.modified and operator in ("GT", "GTE", "EQ") else None
    return Filter(lambda doc: (v := read(doc)) is not None and compare(v, value), floor)


_COMPARE: dict[str, Callable[[Comparable, Comparable], bool]] = {
    "LT": lambda a, b: bool(a < b),
    "LTE": lambda a, b: bool(a <= b),
    "GT": lambda a, b: bool(a > b),
    "GTE": lambda a, b: bool(a >= b),
    "EQ": lambda a, b: bool(a == b),
    "NEQ": lambda a, b: bool(a != b),
}


def raw(kind: ObjectType, name: str) -> Callable[[Doc], Any]:
    """How a property is found in a document; None when it has no value."""
    if name == "hs_object_id":
        return lambda doc: doc.id
    if name == kind.modified:
        return lambda doc: doc.modified_ms
    if name == kind.created:
        return lambda doc: doc.created_ms
    return lambda doc: doc.values.get(name) or None


def _reader(kind: ObjectType, prop: Property) -> Callable[[Doc], Comparable]:
    get = raw(kind, prop.name)

    def read(doc: Doc) -> Comparable:
        value = get(doc)
        return value if value is None or isinstance(value, int) else _comparable(prop, value)

    return read


def _comparable(prop: Property, text: str) -> Comparable:
    match prop.type:
        case "number":
            try:
                return Decimal(text)
            except InvalidOperation:
                return None
        case "datetime":
            return instant_ms(text)
        case "date":
            return day_ms(text)
        case "enumeration" | "bool":
            return text
    return text.lower()


def sort_value(schema: Schema, kind: ObjectType, name: str) -> Callable[[Doc], Comparable]:
    prop = schema.get(kind, name)
    if prop is None:
        raise invalid(f"Cannot sort by unknown property {name}")
    return _reader(kind, prop)


def _operand(prop: Property, operator: str, one: dict[str, Any], name: str) -> Comparable:
    text = one.get(name)
    if "values" in one or (name == "value" and "highValue" in one and operator != "BETWEEN"):
        raise _bad(f"operator {operator} takes only a value")
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        text = str(text)
    if not isinstance(text, str) or text == "":
        raise _bad(f"operator {operator} requires a {name}")
    if prop.type in ("datetime", "date") and not text.lstrip("-").isdigit():
        raise _bad(f"{text} is not a time in milliseconds")
    value = _comparable(prop, text)
    if value is None:
        raise _bad(f"{text} is not a {prop.type}")
    return value


def _bad(problem: str) -> Refusal:
    return bad_json(f"Cannot construct instance of `Filter`, problem: {problem}")


def _one_of(
    prop: Property, operator: str, one: dict[str, Any], read: Callable[[Doc], Comparable]
) -> Filter:
    values = one.get("values")
    if not isinstance(values, list) or not values or "value" in one:
        raise _bad(f"operator {operator} requires values")
    texts = [str(v) if isinstance(v, int) else v for v in values]
    if not all(isinstance(t, str) for t in texts):
        raise _bad(f"operator {operator} takes strings")
    if prop.type in ("number", "datetime", "date"):
        chosen: set[Any] = {_comparable(prop, t) for t in texts}
    else:
        chosen = set(texts)
    wanted = operator == "IN"

    def holds(doc: Doc) -> bool:
        value = read(doc)
        if value is None:
            return False
        parts = value.split(";") if prop.several else [value]
        return any(p in chosen for p in parts) is wanted

    return Filter(holds)


def _tokens(prop: Property, operator: str, one: dict[str, Any], kind: ObjectType) -> Filter:
    text = one.get("value")
    if not isinstance(text, str) or not text:
        raise _bad(f"operator {operator} requires a value")
    pattern = re.compile(".*".join(re.escape(p) for p in text.lower().split("*")), re.DOTALL)
    get = raw(kind, prop.name)
    wanted = operator == "CONTAINS_TOKEN"

    def holds(doc: Doc) -> bool:
        value = get(doc)
        if value is None:
            return False
        whole = str(value).lower()
        tokens = [whole, *re.split(r"[^\w]+", whole)]
        return any(pattern.fullmatch(t) for t in tokens) is wanted

    return Filter(holds)


def _linked(name: str, operator: str, one: dict[str, Any]) -> Filter:
    """`associations.contact EQ id`: records tied to one of another type."""
    to = find(name.removeprefix("associations."))
    if to is None:
        raise invalid(f"Unable to infer object type from: {name}")
    plural = to.plural
    if operator == "EQ":
        ids = {str(one.get("value") or "")}
    elif operator == "IN":
        ids = {str(v) for v in one.get("values") or []}
    else:
        raise invalid(f"Operator {operator} cannot be used on {name}")
    if not all(i.isdigit() for i in ids) or not ids:
        raise _bad(f"{name} takes ids")
    return Filter(lambda doc: bool(ids & doc.links.get(plural, frozenset())))


def words_match(kind: ObjectType, doc: Doc, words: tuple[str, ...]) -> bool:
    """Whether every word of a `query` begins some word of the searched properties."""
    if not words:
        return True
    names = _SEARCHED.get(kind.plural, ())
    text = " ".join(doc.values.get(n) or "" for n in names).lower()
    tokens = [*re.split(r"[^\w]+", text), *text.split()]
    return all(any(t.startswith(w) for t in tokens) for w in words)

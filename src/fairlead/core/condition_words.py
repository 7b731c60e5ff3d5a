"""A condition in plain words, for people who read the policy and do not write it.

`country in ["DE", "AT"] and not free_mail` becomes "country is one of DE, AT and not free mail".
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from fairlead.core.condition_lexer import Kind
from fairlead.core.condition_parser import (
    Call,
    Compare,
    IsNull,
    ListOf,
    Literal,
    Logic,
    Name,
    Node,
    Not,
    parse,
)

_OPERATORS = {
    "==": "is",
    "!=": "is known and not",
    "<": "is less than",
    "<=": "is at most",
    ">": "is more than",
    ">=": "is at least",
    "in": "is one of",
    "not in": "is known and none of",
    "contains": "contains",
    "matches": "fits the pattern",
}
_IN_TIME = {"<": "is before", "<=": "is not after", ">": "is after", ">=": "is not before"}
_FUNCTIONS = {
    "age": "the age of {0}",
    "days_since": "the days since {0}",
    "domain": "the domain of {0}",
    "ends_with": "{0} ends with {1}",
    "length": "the length of {0}",
    "lower": "{0}",
    "starts_with": "{0} begins with {1}",
}
_SIGNAL = "signal."
_UNITS = (("weeks", 604_800), ("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1))


def in_words(text: str) -> str:
    """The words for a condition that compiles."""
    return _words(parse(text))


def _words(node: Node) -> str:
    match node:
        case Logic():
            return f" {node.op} ".join(_inner(part) for part in node.parts)
        case Not(operand=Name() as name):
            return f"not {_name(name.name)}"
        case Not():
            return f"not ({_words(node.operand)})"
        case IsNull(operand=Name() as name) if name.name.startswith(_SIGNAL):
            never = "" if node.negated else " never"
            return f"{_name(name.name.removeprefix(_SIGNAL))} has{never} happened"
        case Compare(
            op="<=", left=Call(function="age", args=(Name() as name,)), right=Literal()
        ) if name.name.startswith(_SIGNAL):
            return f"{_name(name.name.removeprefix(_SIGNAL))} within {_words(node.right)}"
        case IsNull():
            return f"{_words(node.operand)} is {'known' if node.negated else 'missing'}"
        case Compare():
            time = isinstance(node.right, Literal) and node.right.kind in (Kind.DATE, Kind.INSTANT)
            said = (_IN_TIME if time else _OPERATORS).get(node.op) or _OPERATORS[node.op]
            return f"{_words(node.left)} {said} {_words(node.right)}"
        case Call():
            form = _FUNCTIONS.get(node.function)
            args = [_words(arg) for arg in node.args]
            return form.format(*args) if form else f"{_name(node.function)} of {' and '.join(args)}"
        case ListOf():
            return ", ".join(_value(item.value) for item in node.items)
        case Literal():
            return _value(node.value)
        case Name():
            return _name(node.name)


def _inner(node: Node) -> str:
    return f"({_words(node)})" if isinstance(node, Logic) else _words(node)


def _name(name: str) -> str:
    return name.replace(".", " ").replace("_", " ")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, timedelta):
        return duration_words(value)
    if isinstance(value, datetime):
        midnight = value.hour == value.minute == value.second == 0
        return value.strftime("%Y-%m-%d" if midnight else "%Y-%m-%d %H:%M UTC")
    text = str(value)
    return text if text and text == text.strip() and "," not in text else f'"{text}"'


def duration_words(value: timedelta) -> str:
    """A duration in the largest unit that is exact: "90 minutes", "1 day"."""
    seconds = int(value.total_seconds())
    unit, size = next((u, s) for u, s in _UNITS if seconds % s == 0 or s == 1)
    count = seconds // size
    return f"{count} {unit[:-1] if count == 1 else unit}"

"""The cells of a decision table as conditions: `>=100`, `10..99`, `a|b|c`, `!x`, `*`.

A cell becomes a text of the condition language, so that a line of the table means, and explains
itself, exactly like the rule that an admin would have written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from fairlead.core.schema import FieldType

_COMPARED = re.compile(r"(>=|<=|>|<)\s*(.+)")
_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
_RANGE = re.compile(rf"({_NUMBER})?\s*\.\.\s*({_NUMBER})?")
_IS_NUMBER = re.compile(_NUMBER)
_IS_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T\S+)?")
_ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}


def condition_of(name: str, kind: FieldType, cell: str) -> str | None:
    """The condition on a field that a cell stands for; None for `*` and for an empty cell.

    Raises ValueError, in the admin's words, for what a field of this type cannot be asked.
    """
    return None if cell in ("", "*") else CELLS[kind](name, cell)


def _text(name: str, cell: str) -> str:
    if _COMPARED.fullmatch(cell):
        raise ValueError(f"{name!r} is text, so it is not compared with a number: {cell!r}")
    negated, values = _parts(cell)
    return _one_of(name, negated, [_quoted(v) for v in values])


def _number(name: str, cell: str) -> str:
    span = _RANGE.fullmatch(cell)
    if span and (span[1] or span[2]):
        low, high = span[1], span[2]
        ends = [f"{name} >= {low}" if low else "", f"{name} <= {high}" if high else ""]
        return " and ".join(end for end in ends if end)
    compared = _COMPARED.fullmatch(cell)
    if compared:
        return f"{name} {compared[1]} {_checked(_IS_NUMBER, compared[2], name)}"
    negated, values = _parts(cell)
    return _one_of(name, negated, [_checked(_IS_NUMBER, v, name) for v in values])


def _bool(name: str, cell: str) -> str:
    word = cell.casefold()
    if word not in ("true", "false"):
        raise ValueError(f"{name!r} is true or false, found {cell!r}")
    return f"{name} == {word}"


def _instant(name: str, cell: str) -> str:
    compared = _COMPARED.fullmatch(cell)
    if not compared or not _IS_DATE.fullmatch(compared[2]):
        raise ValueError(f"{name!r} is an instant: write >=2026-01-01 or <2026-04-01")
    return f"{name} {compared[1]} {compared[2]}"


def _list(name: str, cell: str) -> str:
    negated, values = _parts(cell)
    parts = [f"{name} contains {_quoted(v)}" for v in values]
    if negated:
        return f"{name} is not null and " + " and ".join(f"not ({part})" for part in parts)
    return parts[0] if len(parts) == 1 else f"({' or '.join(parts)})"


CELLS: Mapping[FieldType, Callable[[str, str], str]] = MappingProxyType(
    {
        FieldType.TEXT: _text,
        FieldType.NUMBER: _number,
        FieldType.BOOL: _bool,
        FieldType.INSTANT: _instant,
        FieldType.LIST: _list,
    }
)
"""The types of field that may head a column, each with the reader of its cells."""


def _parts(cell: str) -> tuple[bool, list[str]]:
    negated = cell.startswith("!")
    values = [value.strip() for value in cell.removeprefix("!").split("|")]
    if not all(values):
        raise ValueError(f"a value is missing in {cell!r}")
    return negated, values


def _one_of(name: str, negated: bool, values: list[str]) -> str:
    if len(values) == 1:
        return f"{name} {'!=' if negated else '=='} {values[0]}"
    return f"{name} {'not in' if negated else 'in'} [{', '.join(values)}]"


def _checked(form: re.Pattern[str], value: str, name: str) -> str:
    if not form.fullmatch(value):
        forms = "100, 10|20, >=100, 10..99 or !0"
        raise ValueError(f"{name!r} is a number: write {forms}; found {value!r}")
    return value


def _quoted(value: str) -> str:
    return '"' + "".join(_ESCAPED.get(c, c) for c in value) + '"'

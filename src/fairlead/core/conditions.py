"""The condition language: `compile_condition`, and the tables of its operators and functions.

To add a function or an operator, add one row here and one line in docs/policy.md (a test holds
them together). Our own language because it can check types at load, define missing values and say
which part failed; evidence in docs/decisions. Steps: condition_lexer, condition_parser,
condition_values, condition_compiler.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from fairlead.core.condition_compiler import Compiler, Operator
from fairlead.core.condition_lexer import RESERVED, ConditionError
from fairlead.core.condition_parser import parse
from fairlead.core.condition_values import Function, ValueCompiler, Values, among
from fairlead.core.policy import Verdict
from fairlead.core.schema import FieldType, Schema

__all__ = ["FUNCTIONS", "OPERATORS", "RESERVED", "CompiledCondition", "ConditionError"]
__all__ += ["compile_condition"]

TEXT, NUMBER, BOOL = FieldType.TEXT, FieldType.NUMBER, FieldType.BOOL
INSTANT, LIST, DURATION = FieldType.INSTANT, FieldType.LIST, FieldType.DURATION


def _domain(text: str) -> str | None:
    """The host of an e-mail address or web address, in small letters and without `www.`."""
    rest = text.strip().casefold().rpartition("@")[2].partition("://")
    host = rest[2] or rest[0]
    for end in "/?#:":
        host = host.partition(end)[0]
    host = host.removeprefix("www.").rstrip(".")
    return host if "." in host and not any(c.isspace() for c in host) else None


def _days(then: datetime, now: datetime) -> int:
    return (now - then) // timedelta(days=1)


def _age(then: datetime, now: datetime) -> timedelta:
    return now - then


def _starts(text: str, start: str) -> bool:
    return text.casefold().startswith(start.casefold())


def _ends(text: str, end: str) -> bool:
    return text.casefold().endswith(end.casefold())


def _of(*types: FieldType) -> frozenset[FieldType]:
    return frozenset(types)


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "age": Function((_of(INSTANT),), DURATION, _age, "time from it to now", needs_now=True),
        "days_since": Function((_of(INSTANT),), NUMBER, _days, "whole days to now", needs_now=True),
        "domain": Function((_of(TEXT),), TEXT, _domain, "host of an e-mail or web address"),
        "ends_with": Function((_of(TEXT), _of(TEXT)), BOOL, _ends, "ends so, in any case"),
        "length": Function((_of(TEXT, LIST),), NUMBER, len, "characters or list items"),
        "lower": Function((_of(TEXT),), TEXT, str.lower, "the text in small letters"),
        "starts_with": Function((_of(TEXT), _of(TEXT)), BOOL, _starts, "begins so, in any case"),
    }
)


def _alike(
    test: Callable[[Any, Any], bool], *types: FieldType
) -> Mapping[tuple[FieldType, FieldType], Callable[[Any, Any], bool]]:
    return {(kind, kind): test for kind in types}


_EQUAL = (TEXT, NUMBER, BOOL, INSTANT, DURATION)
_ORDERED = (TEXT, NUMBER, INSTANT, DURATION)
_LISTED = ((TEXT, LIST), (NUMBER, LIST))

OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {
        "==": Operator(_alike(operator.eq, *_EQUAL), "equal; text in any case"),
        "!=": Operator(_alike(operator.ne, *_EQUAL), "both present and not equal"),
        "<": Operator(_alike(operator.lt, *_ORDERED), "less, earlier, before in the alphabet"),
        "<=": Operator(_alike(operator.le, *_ORDERED), "less or equal"),
        ">": Operator(_alike(operator.gt, *_ORDERED), "greater, later"),
        ">=": Operator(_alike(operator.ge, *_ORDERED), "greater or equal"),
        "in": Operator(
            {pair: among for pair in _LISTED},
            "equal to one of the constants",
            takes="list",
        ),
        "not in": Operator(
            {pair: lambda value, items: value not in items for pair in _LISTED},
            "present and equal to none of the constants",
            takes="list",
        ),
        "contains": Operator(
            {(TEXT, TEXT): operator.contains, (LIST, TEXT): operator.contains},
            "the text is part of it, or an item of the list",
        ),
        "matches": Operator(
            {(TEXT, TEXT): lambda text, found: found(text)},
            "the RE2 pattern is found in it, as written",
            takes="pattern",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class CompiledCondition:
    """A condition ready to run; implements `core.policy.Condition`. Equal texts are equal."""

    text: str
    names: frozenset[str]
    test: Callable[[Values], bool] = field(compare=False, repr=False)
    explain: Callable[[Values], Verdict] = field(compare=False, repr=False)


def compile_condition(text: str, schema: Schema) -> CompiledCondition:
    """Compile and type-check; raises ConditionError, and nothing else, for any text.

    The result is pure and total: values of another type than the schema says count as missing.
    """
    tree = parse(text)
    compiler = Compiler(ValueCompiler(text, schema, FUNCTIONS), OPERATORS)
    part = compiler.part(tree)
    return CompiledCondition(text, part.names, part.test, part.explain)

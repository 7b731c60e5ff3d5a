"""The values inside a condition: fields, constants and function calls, to closures.

A closure answers None for missing and never raises: a value of another type than the schema
promised counts as missing. condition_compiler makes tests of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fairlead.core.carets import nearest
from fairlead.core.condition_lexer import ConditionError, Kind
from fairlead.core.condition_parser import SIGNAL, Call, Literal, Name, Node
from fairlead.core.schema import FieldType, Schema
from fairlead.core.types import Value

Values = Mapping[str, Value]
Read = Callable[[Values], Any]


@dataclass(frozen=True, slots=True)
class Function:
    """One row of the function table; `call` is pure and gets no missing argument.

    With `needs_now` the instant of the decision comes as one more argument.
    """

    params: tuple[frozenset[FieldType], ...]
    result: FieldType
    call: Callable[..., Any]
    about: str
    needs_now: bool = False


@dataclass(frozen=True, slots=True)
class Operand:
    """A compiled value: its type, how to read it, the names it reads, and itself if constant.

    `field` is its name if it is a field as it stands, or with its text folded if `folds`.
    """

    type: FieldType
    read: Read
    names: frozenset[str] = frozenset()
    constant: Any = None
    field: str | None = None
    folds: bool = False


LITERAL_TYPES = {
    Kind.TEXT: FieldType.TEXT,
    Kind.NUMBER: FieldType.NUMBER,
    Kind.BOOL: FieldType.BOOL,
    Kind.DATE: FieldType.INSTANT,
    Kind.INSTANT: FieldType.INSTANT,
    Kind.DURATION: FieldType.DURATION,
}


@dataclass(frozen=True, slots=True)
class ValueCompiler:
    """Compiles the values of one condition against one schema and the function table."""

    text: str
    schema: Schema
    functions: Mapping[str, Function]

    def source(self, node: Node, limit: int | None = None) -> str:
        """The text of a node, cut to `limit` characters for messages."""
        return self.text[node.start : node.end][:limit]

    def error(self, message: str, node: Node, suggestion: str | None = None) -> ConditionError:
        length = node.end - node.start
        return ConditionError(message, self.text, node.start, length, suggestion=suggestion)

    def value(self, node: Node) -> Operand:
        """Compile a node that must be a value; raises ConditionError."""
        if isinstance(node, Literal):
            constant = node.value
            return Operand(LITERAL_TYPES[node.kind], lambda _: constant, constant=constant)
        if isinstance(node, Name):
            kind = self._type_of(node)
            return Operand(kind, _reader(node.name, kind), frozenset({node.name}), field=node.name)
        if isinstance(node, Call):
            return self._call(node)
        raise self.error("a condition cannot be compared; join conditions with and, or, not", node)

    def _type_of(self, node: Name) -> FieldType:
        name = node.name
        kind = self.schema.types.get(name)
        if kind is not None:
            return kind
        reason = self.schema.hidden.get(name)
        if reason is not None:
            raise self.error(f"{name!r} {reason}", node)
        if name.lower() in ("none", "nil"):
            raise self.error("a missing value is tested with 'is null'", node)
        if name.startswith(f"{SIGNAL}."):
            raise self._no_signal(node)
        guess = nearest(name, [*self.schema.types, "true", "false", "and", "or", "not"])
        quoted = "" if guess else "; text needs quotes"
        error = self.error(f"unknown field {name!r}{quoted}", node, guess)
        error.name = name
        raise error

    def _no_signal(self, node: Name) -> ConditionError:
        """A signal that is not declared; shown as it was written, in quotes or after a dot."""
        start = len(SIGNAL) + 1
        known = [n[start:] for n in self.schema.types if n.startswith(f"{SIGNAL}.")]
        error = self.error(
            f"unknown signal {node.name[start:]!r}"
            + ("" if known else "; name it under 'signals:'"),
            node,
            nearest(node.name[start:], known),
        )
        error.name = node.name
        return error

    def _call(self, node: Call) -> Operand:
        function = self.functions.get(node.function)
        if function is None:
            name = Name(node.start, node.start + len(node.function), node.function)
            guess = nearest(node.function, (*self.functions, SIGNAL))
            raise self.error(f"unknown function {node.function!r}", name, guess)
        if len(node.args) != len(function.params):
            wanted = f"{len(function.params)} value" + ("s" if len(function.params) > 1 else "")
            raise self.error(f"{node.function}() takes {wanted}, not {len(node.args)}", node)
        args = [self.value(a) for a in node.args]
        for arg, shown, allowed in zip(args, node.args, function.params, strict=True):
            if arg.type not in allowed:
                types, found = " or ".join(sorted(allowed)), f"{arg.type} {self.source(shown, 60)}"
                raise self.error(f"{node.function}() takes {types}, not {found}", shown)
        names = frozenset[str]().union(*(a.names for a in args))
        if not names:
            raise self.error("this is a constant; write its value", node)
        reads = [a.read for a in args]
        if function.needs_now:
            reads.append(_reader("now", FieldType.INSTANT))
            names |= {"now"}
        return Operand(function.result, _caller(function.call, tuple(reads)), names)


def among(value: Any, items: Any) -> bool:
    """The operator `in`."""
    return value in items


def folded(value: Operand) -> Operand:
    """The same value with its texts folded, so that comparing them ignores case."""
    if value.type not in (FieldType.TEXT, FieldType.LIST):
        return value
    fold = _fold_items if value.type is FieldType.LIST else str.casefold
    if value.constant is not None:
        constant = fold(value.constant)
        return Operand(value.type, lambda _: constant, value.names, constant)
    if value.field is not None and value.type is FieldType.TEXT:
        read_text = _folded_text(value.field)
        return Operand(value.type, read_text, value.names, field=value.field, folds=True)
    read = value.read

    def read_folded(values: Values) -> Any:
        found = read(values)
        return None if found is None else fold(found)

    return Operand(value.type, read_folded, value.names)


def _fold_items(items: Any) -> frozenset[Any]:
    return frozenset(item.casefold() if isinstance(item, str) else item for item in items)


def _caller(call: Callable[..., Any], reads: tuple[Read, ...]) -> Read:
    def read(values: Values) -> Any:
        args = []
        for one in reads:
            arg = one(values)
            if arg is None:
                return None
            args.append(arg)
        return call(*args)

    return read


def _as_text(value: Value) -> Any:
    return value if isinstance(value, str) else None


def _as_bool(value: Value) -> Any:
    return value if isinstance(value, bool) else None


def _as_instant(value: Value) -> Any:
    # A naive instant cannot be compared with an aware one.
    return value if isinstance(value, datetime) and value.utcoffset() is not None else None


def _as_list(value: Value) -> Any:
    if not isinstance(value, tuple | list):
        return None
    return tuple(item for item in value if isinstance(item, str))


_AS: Mapping[FieldType, Callable[[Value], Any]] = {
    FieldType.TEXT: _as_text,
    FieldType.BOOL: _as_bool,
    FieldType.INSTANT: _as_instant,
    FieldType.LIST: _as_list,
    FieldType.NAMESPACE: lambda value: value,
}


# Most of the time that deciding takes goes into reading texts and numbers: one call for each.


def _folded_text(name: str) -> Read:
    def read(values: Values) -> Any:
        value = values.get(name)
        return value.casefold() if isinstance(value, str) else None

    return read


def _number(name: str) -> Read:
    def read(values: Values) -> Any:
        value = values.get(name)
        return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None

    return read


def _reader(name: str, kind: FieldType) -> Read:
    if kind is FieldType.NUMBER:
        return _number(name)
    typed = _AS[kind]
    return lambda values: typed(values.get(name))

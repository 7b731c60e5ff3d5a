"""Third step of a condition: the tree to tests, with types checked on the way.

A test answers True or False and never raises. `explain` runs the very same tests, so the two
cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.core.condition_lexer import ConditionError, Kind
from fairlead.core.condition_parser import Compare, IsNull, ListOf, Literal, Logic, Name, Node, Not
from fairlead.core.condition_values import (
    LITERAL_TYPES,
    Operand,
    ValueCompiler,
    Values,
    among,
    folded,
)
from fairlead.core.patterns import compile_pattern
from fairlead.core.policy import Verdict
from fairlead.core.schema import FieldType

Test = Callable[[Values], bool]


@dataclass(frozen=True, slots=True)
class Operator:
    """One row of the operator table: which types it takes, and how it compares them.

    `pairs` maps (left type, right type) to the test of two present values. `takes` says what
    stands to the right: a value, a list of constants, or a pattern.
    """

    pairs: Mapping[tuple[FieldType, FieldType], Callable[[Any, Any], bool]]
    about: str
    takes: str = "value"


@dataclass(frozen=True, slots=True)
class Part:
    """A compiled test with the names it reads."""

    test: Test
    explain: Callable[[Values], Verdict]
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles the tree of one condition; `operators` is the table of `conditions`."""

    values: ValueCompiler
    operators: Mapping[str, Operator]

    def part(self, node: Node) -> Part:
        """Compile a node that must be a test; raises ConditionError."""
        if isinstance(node, Logic):
            return self._logic(node)
        if isinstance(node, Not):
            return self._not(node)
        if isinstance(node, Compare):
            return self._compare(node)
        if isinstance(node, IsNull):
            return self._is_null(node)
        if isinstance(node, Literal | ListOf):
            raise self.values.error("a constant is no condition; compare it or leave it out", node)
        value = self.values.value(node)
        if value.type is not FieldType.BOOL:
            raise self._not_a_test(node, value.type)
        read = value.read
        return self._leaf(node, lambda values: read(values) is True, value.names)

    def _not_a_test(self, node: Node, kind: FieldType) -> ConditionError:
        source = self.values.source(node, 60)
        if kind is FieldType.NAMESPACE:
            message = f"{source!r} is a group of fields; ask whether it 'is not null'"
            return self.values.error(message, node, f"{source} is not null")
        return self.values.error(f"{kind} {source!r} is not true or false; compare it", node)

    def _leaf(self, node: Node, test: Test, names: frozenset[str]) -> Part:
        text, seen = self.values.source(node), tuple(sorted(names))

        def explain(values: Values) -> Verdict:
            return Verdict(text, test(values), {name: values.get(name) for name in seen})

        return Part(test, explain, names)

    def _logic(self, node: Logic) -> Part:
        parts = tuple(self.part(p) for p in node.parts)
        tests, stop = tuple(p.test for p in parts), node.op == "or"
        texts, text = tuple(self.values.source(p) for p in node.parts), self.values.source(node)

        def test(values: Values) -> bool:
            for one in tests:
                if one(values) is stop:
                    return stop
            return not stop

        def explain(values: Values) -> Verdict:
            children: list[Verdict] = []
            result = not stop
            for part, shown in zip(parts, texts, strict=True):
                if result is stop:
                    children.append(Verdict(shown, None, {}))
                    continue
                children.append(part.explain(values))
                if children[-1].result is stop:
                    result = stop
            return Verdict(text, result, {}, tuple(children))

        return Part(test, explain, frozenset[str]().union(*(p.names for p in parts)))

    def _not(self, node: Not) -> Part:
        inner, text = self.part(node.operand), self.values.source(node)
        test = inner.test

        def explain(values: Values) -> Verdict:
            child = inner.explain(values)
            return Verdict(text, not child.result, {}, (child,))

        return Part(lambda values: not test(values), explain, inner.names)

    def _is_null(self, node: IsNull) -> Part:
        if isinstance(node.operand, Literal):
            raise self.values.error("a constant is never null", node.operand)
        value = self.values.value(node.operand)
        read, missing = value.read, not node.negated
        if isinstance(node.operand, Name):
            name = node.operand.name
            return self._leaf(node, lambda v: (v.get(name) is None) is missing, value.names)
        return self._leaf(node, lambda v: (read(v) is None) is missing, value.names)

    def _compare(self, node: Compare) -> Part:
        operator = self.operators[node.op]
        left, right = self.values.value(node.left), self._right(node, operator)
        if FieldType.NAMESPACE in (left.type, right.type):
            group = node.left if left.type is FieldType.NAMESPACE else node.right
            raise self.values.error("this is a group of fields; compare one of them", group)
        compare = operator.pairs.get((left.type, right.type))
        if compare is None:
            raise self._mismatch(node, operator, left, right)
        if isinstance(node.right, ListOf):
            self._same_types(node, left, node.right)
        names = left.names | right.names
        if not names:
            raise self.values.error("this compares two constants", node)
        sides = [side for side in (node.left, node.right) if isinstance(side, Literal)]
        if node.op in ("==", "!=") and any(side.kind is Kind.DATE for side in sides):
            message = "a date means its first moment (UTC), which hardly ever matches; use >= and <"
            raise self.values.error(message, node)
        if operator.takes != "pattern":
            left, right = folded(left), folded(right)
        return self._leaf(node, _comparison(left, right, compare), names)

    def _right(self, node: Compare, operator: Operator) -> Operand:
        """The right side, of the form that the operator takes."""
        right = node.right
        if operator.takes == "list":
            if not isinstance(right, ListOf):
                hint = None
                if isinstance(right, Name) and self.values.value(right).type is FieldType.LIST:
                    hint = f"{self.values.source(right)} contains {self.values.source(node.left)}"
                message = f"{node.op!r} needs a list of constants in brackets"
                raise self.values.error(message, right, hint)
            constants = frozenset(item.value for item in right.items)
            return Operand(FieldType.LIST, lambda _: constants, constant=constants)
        if isinstance(right, ListOf):
            message = f"{node.op!r} takes one value; lists go with 'in'"
            raise self.values.error(message, right, "in" if node.op == "==" else None)
        if operator.takes == "pattern":
            if not (isinstance(right, Literal) and isinstance(right.value, str)):
                raise self.values.error(f"{node.op!r} needs a pattern in quotes", right)
            try:
                found = compile_pattern(right.value)
            except ValueError as error:
                raise self.values.error(f"bad pattern: {error}", right) from None
            return Operand(FieldType.TEXT, lambda _: found, constant=found)
        return self.values.value(right)

    def _same_types(self, node: Compare, left: Operand, right: ListOf) -> None:
        for item in right.items:
            if LITERAL_TYPES[item.kind] is not left.type:
                single = Operand(LITERAL_TYPES[item.kind], left.read)
                raise self._cannot_compare(node.left, left, item, single)

    def _mismatch(
        self, node: Compare, operator: Operator, left: Operand, right: Operand
    ) -> ConditionError:
        if not any(pair[0] is left.type for pair in operator.pairs):
            hint = "; 'contains' looks into a list" if left.type is FieldType.LIST else ""
            shown = f"{left.type} {self.values.source(node.left, 60)}"
            return self.values.error(f"{node.op!r} does not work on {shown}{hint}", node.left)
        if not left.names:
            return self._cannot_compare(node.right, right, node.left, left)
        return self._cannot_compare(node.left, left, node.right, right)

    def _cannot_compare(
        self, node: Node, value: Operand, blamed: Node, other: Operand
    ) -> ConditionError:
        return self.values.error(
            f"cannot compare {value.type} {self.values.source(node, 60)} "
            f"with {other.type} {self.values.source(blamed, 60)}",
            blamed,
            _as_type(blamed, value.type),
        )


def _comparison(left: Operand, right: Operand, compare: Callable[[Any, Any], bool]) -> Test:
    """Compare two values that are both present; a missing one makes it false."""
    read_left, read_right, fixed = left.read, right.read, right.constant
    if fixed is not None and left.field is not None:
        if left.type is FieldType.TEXT and left.folds:
            return _text_test(left.field, compare, fixed)
        if left.type is FieldType.NUMBER:
            return _number_test(left.field, compare, fixed)
    if fixed is not None:

        def test_constant(values: Values) -> bool:
            a = read_left(values)
            return a is not None and compare(a, fixed)

        return test_constant

    def test(values: Values) -> bool:
        a, b = read_left(values), read_right(values)
        return a is not None and b is not None and compare(a, b)

    return test


# Nearly all that rules ask is a text or a number of the lead against a constant, and asking is what
# most of the time of a decision goes into: one call for each, and no lookup that can be done once.


def _text_test(name: str, compare: Callable[[Any, Any], bool], fixed: Any) -> Test:
    def test_text(values: Values) -> bool:
        value = values.get(name)
        return isinstance(value, str) and compare(value.casefold(), fixed)

    if isinstance(fixed, frozenset) and compare is among:

        def test_among(values: Values) -> bool:
            value = values.get(name)
            return isinstance(value, str) and value.casefold() in fixed

        return test_among
    return test_text


def _number_test(name: str, compare: Callable[[Any, Any], bool], fixed: Any) -> Test:
    def test_number(values: Values) -> bool:
        value = values.get(name)
        if isinstance(value, (int, float)) and value is not True and value is not False:
            return compare(value, fixed)
        return False

    return test_number


def _as_type(node: Node, wanted: FieldType) -> str | None:
    """The same constant as the wanted type, where that is what was probably meant."""
    if not isinstance(node, Literal):
        return None
    if wanted is FieldType.TEXT and node.kind is Kind.NUMBER:
        return f'"{node.value}"'
    if not isinstance(node.value, str):
        return None
    word = node.value.strip().casefold().replace(",", "")
    if wanted is FieldType.NUMBER:
        return word if word.isascii() and word.isdigit() else None
    if wanted in (FieldType.INSTANT, FieldType.DURATION):
        return node.value.strip() if node.value.strip()[:1].isdigit() else None
    return {"true": "true", "yes": "true", "false": "false", "no": "false"}.get(word)

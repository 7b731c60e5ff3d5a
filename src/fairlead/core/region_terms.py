"""Comparisons taken apart: value, operator, constants; and all that a policy asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fairlead.core.condition_parser import Call, Compare, ListOf, Literal, Name, Node
from fairlead.core.policy import Condition, Policy, Rule, Source
from fairlead.core.region_cells import FLIPPED, ORDERED, fold
from fairlead.core.schema import LEAD_SCHEMA, FieldType
from fairlead.core.scorecard import Points
from fairlead.core.signals import signal_types


def holds(op: str, value: Any, folded: frozenset[Any]) -> bool:
    """Whether a present value, folded, passes a comparison with constants."""
    if op in ORDERED:
        return all(ORDERED[op](value, one) for one in folded)
    if op == "contains":
        return all(one in value for one in folded)
    return (value in folded) is (op in ("==", "in"))


def compared(node: Compare) -> tuple[Node | None, str, tuple[Any, ...]]:
    """A comparison as (value, operator, constants); no value when it has another form."""
    left, right, op = node.left, node.right, node.op
    if isinstance(right, ListOf) and isinstance(left, Name | Call):
        return left, op, tuple(item.value for item in right.items)
    if isinstance(left, Literal) and isinstance(right, Name | Call) and op in FLIPPED:
        left, right, op = right, left, FLIPPED[op]
    if isinstance(right, Literal) and isinstance(left, Name | Call):
        return left, op, (fold(right.value) if op == "contains" else right.value,)
    return None, op, ()


def beginning(node: Node) -> tuple[Name, str] | None:
    """A bare `starts_with` of a field and a constant: the texts from one to another in order."""
    if isinstance(node, Call) and node.function == "starts_with":
        side, start = node.args
        if isinstance(side, Name) and "." not in side.name and isinstance(start, Literal):
            return side, fold(start.value)
    return None


def key_of(node: Node) -> str:
    """What tells two values of conditions apart: equal keys are equal values for any lead."""
    match node:
        case Name():
            return node.name
        case Literal():
            return repr(fold(node.value))
        case Call():
            return f"{node.function}({', '.join(key_of(a) for a in node.args)})"
        case Compare():
            exact = repr(node.right.value) if isinstance(node.right, Literal) else ""
            return f"{key_of(node.left)} {node.op} {key_of(node.right)} {exact}".rstrip()
    raise TypeError(f"{type(node).__name__} is no value")


def names_in(node: Node) -> Iterable[str]:
    """The fields that a value reads, `now` aside: every lead has it."""
    match node:
        case Name():
            yield node.name
        case Call():
            for arg in node.args:
                yield from names_in(arg)
        case Compare():
            yield from names_in(node.left)
            yield from names_in(node.right)


def types_of(policy: Policy) -> Mapping[str, FieldType]:
    """Every name that the conditions of a policy may use, with its type."""
    types = dict(LEAD_SCHEMA.types)
    types.update({name: FieldType(spec.type) for name, spec in policy.fields.items()})
    types.update({f"arm.{split}": FieldType.TEXT for split in policy.splits})
    types.setdefault("arm", FieldType.NAMESPACE)
    groups = () if policy.scoring is None else policy.scoring.groups
    types.update({f"score.{group.name}": FieldType.NUMBER for group in groups})
    types.update(signal_types(policy.signals))
    for name, table in policy.tables.items():
        types[name] = FieldType.NAMESPACE
        types.update({f"{name}.{column}": FieldType.TEXT for column in table.columns})
    return types


def conditions_of(policy: Policy) -> Iterable[Condition]:
    """Every condition of a policy: of its sources, its points, and of its rules in order."""
    for _, condition in placed_conditions(policy):
        yield condition


def placed_conditions(policy: Policy) -> Iterable[tuple[Source | Rule | Points, Condition]]:
    """Every condition with the source, points or rule that it belongs to."""
    for source in policy.sources:
        if source.pick_up is not None:
            yield source, source.pick_up
    for line in () if policy.scoring is None else policy.scoring.lines:
        yield line, line.when
    todo = list(reversed(policy.rules))
    while todo:
        rule = todo.pop()
        if rule.when is not None:
            yield rule, rule.when
        todo.extend(reversed(rule.rules))

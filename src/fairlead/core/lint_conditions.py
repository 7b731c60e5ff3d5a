"""Single parts of conditions: constants that never occur, negations that let missing values in."""

from __future__ import annotations

from collections.abc import Iterator

from fairlead.core import vocabulary
from fairlead.core.carets import nearest
from fairlead.core.condition_parser import Compare, IsNull, Logic, Name, Node, Not, parse
from fairlead.core.examples import own_values
from fairlead.core.lint_finding import LintFinding, Severity
from fairlead.core.lint_search import example
from fairlead.core.policy import Condition, Policy, Rule, Source
from fairlead.core.region_build import Space
from fairlead.core.region_terms import compared, key_of, names_in, placed_conditions
from fairlead.core.regions import ABSENT, Formula, Lit, negated
from fairlead.core.scorecard import Points
from fairlead.core.types import Value


def lint_conditions(policy: Policy, space: Space) -> Iterator[LintFinding]:
    """Findings about the conditions of sources and rules, each by itself."""
    for owner, condition in placed_conditions(policy):
        tree = parse(condition.text)
        for node in nodes(tree):
            if isinstance(node, Compare):
                yield from _constants(policy, owner, condition, node)
        yield from _nullable(policy, space, owner, condition, tree)


def nodes(tree: Node) -> Iterator[Node]:
    """All parts of a condition, the whole first."""
    yield tree
    if isinstance(tree, Logic):
        for part in tree.parts:
            yield from nodes(part)
    elif isinstance(tree, Not | IsNull):
        yield from nodes(tree.operand)


def _called(owner: Source | Rule | Points) -> str:
    if isinstance(owner, Points):
        return f"points for {owner.because!r}"
    return f"{'source' if isinstance(owner, Source) else 'rule'} {owner.name!r}"


# -- constants that never occur --------------------------------------------------------------------


def _constants(
    policy: Policy, owner: Source | Rule | Points, condition: Condition, node: Compare
) -> Iterator[LintFinding]:
    side, op, constants = compared(node)
    if not isinstance(side, Name) or op not in ("==", "!=", "in", "not in"):
        return
    texts = [c for c in constants if isinstance(c, str)]
    wrong = [(t, reason) for t in texts if (reason := _never(policy, side.name, t)) is not None]
    hopeless = op in ("==", "in") and len(wrong) == len(constants)
    for text, reason in wrong[:5]:
        guess = vocabulary.meant(side.name, text) or _near(policy, side.name, text)
        shown = condition.text[node.start : node.end]
        part = " ".join(shown.split())[:80]
        yield LintFinding(
            "impossible-value",
            Severity.ERROR if hopeless else Severity.WARNING,
            owner.place,
            f"{_called(owner)}: {part} asks for {text!r}, which {reason}",
            f"write {guess!r} instead" if guess else "remove it, or correct the spelling",
            {side.name: guess} if guess else None,
            "is what such a lead holds" if guess else "",
        )


def _never(policy: Policy, name: str, text: str) -> str | None:
    reason = vocabulary.cannot_be(name, text)
    if reason is not None:
        return reason
    if name == "grade" and policy.scoring is not None:
        grades = {grade.casefold() for grade in policy.scoring.grades}
        return None if text.casefold() in grades else "is no grade that the bands give"
    root, _, column = name.partition(".")
    table = policy.tables.get(root)
    if table is None:
        return None
    known = {cell.casefold() for cell in table.cells(column)}
    return None if text.casefold() in known else f"stands in no line of table {root!r}"


def _near(policy: Policy, name: str, text: str) -> str | None:
    if name == "grade" and policy.scoring is not None:
        return nearest(text, set(policy.scoring.grades))
    root, _, column = name.partition(".")
    table = policy.tables.get(root)
    if table is None:
        return None
    return nearest(text, set(table.cells(column)))


# -- negations -------------------------------------------------------------------------------------


def _nullable(
    policy: Policy, space: Space, owner: Source | Rule | Points, condition: Condition, tree: Node
) -> Iterator[LintFinding]:
    for node in nodes(tree):
        if not isinstance(node, Not):
            continue
        for name in dict.fromkeys(_negated_names(node.operand)):
            found = _lets_in(policy, space, condition, tree, node, name)
            if found is not None:
                part = " ".join(condition.text[node.start : node.end].split())[:80]
                part += ")" * (part.count("(") - part.count(")"))
                yield LintFinding(
                    "nullable-negation",
                    Severity.WARNING,
                    owner.place,
                    f"{_called(owner)}: {part} also holds for a lead without {name}",
                    f"add '{name} is not null and', or turn the comparison around (!=, not in);"
                    f" if it is meant so, write '{name} is null or' before it",
                    found,
                    "the condition holds",
                )


def _negated_names(node: Node) -> Iterator[str]:
    """The fields of comparisons that a negation turns around."""
    if isinstance(node, Logic):
        for part in node.parts:
            yield from _negated_names(part)
    elif isinstance(node, Compare):
        yield from (n for n in names_in(node) if not vocabulary.always_there(n))


def _lets_in(
    policy: Policy, space: Space, condition: Condition, tree: Node, node: Not, name: str
) -> dict[str, Value] | None:
    """An example without the field for which the whole holds because of this negation alone."""
    whole = space.formula(condition)
    without = space.formula_without(tree, node)
    missing: Formula
    root = name.partition(".")[0]
    if root in space.tables:
        missing = negated(space.present(Name(0, 0, name)), space.axes)
    else:
        missing = Lit(space.at[key_of(Name(0, 0, name))], ABSENT)
    shown = example(
        space,
        [whole, missing, negated(without, space.axes)],
        lambda v: v.get(name) is None and condition.test(v),
    )
    return None if shown is None else own_values(shown, policy)

"""Laws of conditions, for random texts and random leads."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from fairlead.core.conditions import ConditionError, compile_condition
from fairlead.core.policy import Verdict
from fairlead.core.schema import LEAD_SCHEMA, FieldType
from fairlead.core.types import Value

SCHEMA = LEAD_SCHEMA.extended({"tags": FieldType.LIST})
Lead = dict[str, Value]
Oracle = Callable[[Lead], bool]

TEXTS = ["", "a", "A", "ab", "ß", "ss", 'x"y', "\\"]
NUMBERS = [-1, 0, 1, 1.5, 1000]
START = datetime(2026, 1, 1, tzinfo=UTC)

leads: st.SearchStrategy[Lead] = st.fixed_dictionaries(
    {},
    optional={
        "country": st.sampled_from([None, *TEXTS]),
        "title": st.sampled_from([None, *TEXTS]),
        "employees": st.sampled_from([None, *NUMBERS, float("nan")]),
        "revenue": st.sampled_from([None, *NUMBERS]),
        "free_mail": st.sampled_from([None, True, False]),
        "opted_out": st.sampled_from([None, True, False]),
        "account": st.sampled_from([None, True]),
        "tags": st.sampled_from([None, (), ("a",), ("AB", "x")]),
        "created_at": st.one_of(st.none(), st.integers(-3, 3).map(lambda d: START + d * DAY)),
        "now": st.just(START),
    },
)
DAY = timedelta(days=1)
_COMPARE = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def fold(value: Value) -> Value:
    return value.casefold() if isinstance(value, str) else value


def compared(name: str, op: str, constant: Value) -> Oracle:
    def oracle(lead: Lead) -> bool:
        value = lead.get(name)
        return value is not None and bool(_COMPARE[op](fold(value), fold(constant)))

    return oracle


@st.composite
def leaves(draw: st.DrawFn) -> tuple[str, Oracle]:
    kind = draw(st.sampled_from(["text", "number", "bool", "null", "in", "list", "age"]))
    op = draw(st.sampled_from(sorted(_COMPARE)))
    if kind == "text":
        name, constant = draw(st.sampled_from(["country", "title"])), draw(st.sampled_from(TEXTS))
        return f"{name} {op} {quoted(constant)}", compared(name, op, constant)
    if kind == "number":
        name = draw(st.sampled_from(["employees", "revenue"]))
        number = draw(st.sampled_from(NUMBERS))
        return f"{name}{op}{number}", compared(name, op, number)
    if kind == "bool":
        name = draw(st.sampled_from(["free_mail", "opted_out"]))
        return name, lambda lead: lead.get(name) is True
    if kind == "null":
        name = draw(st.sampled_from(["country", "employees", "account", "created_at", "tags"]))
        if draw(st.booleans()):
            return f"{name} is null", lambda lead: lead.get(name) is None
        return f"{name} is not null", lambda lead: lead.get(name) is not None
    if kind == "in":
        items = draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3))
        folded, negated = [fold(i) for i in items], draw(st.booleans())
        listed = ", ".join(quoted(i) for i in items)
        return (
            f"country {'not in' if negated else 'in'} [{listed}]",
            lambda lead: (
                lead.get("country") is not None and (fold(lead["country"]) in folded) is not negated
            ),
        )
    if kind == "list":
        item = draw(st.sampled_from(["a", "ab", "zz"]))
        return (
            f"tags contains {quoted(item)}",
            lambda lead: item in [fold(t) for t in lead.get("tags") or ()],  # type: ignore[union-attr]
        )
    days = draw(st.integers(0, 3))
    return (
        f"age(created_at) >= {days}d",
        lambda lead: (
            lead.get("created_at") is not None
            and lead.get("now") is not None
            and lead["now"] - lead["created_at"] >= days * DAY  # type: ignore[operator]
        ),
    )


def either(parts: tuple[tuple[str, Oracle], tuple[str, Oracle]], op: str) -> tuple[str, Oracle]:
    (a, is_a), (b, is_b) = parts
    if op == "and":
        return f"({a}) and ({b})", lambda lead: is_a(lead) and is_b(lead)
    return f"({a}) or ({b})", lambda lead: is_a(lead) or is_b(lead)


def negated(part: tuple[str, Oracle]) -> tuple[str, Oracle]:
    return f"not ({part[0]})", lambda lead: not part[1](lead)


expressions = st.recursive(
    leaves(),
    lambda inner: st.one_of(
        st.builds(either, st.tuples(inner, inner), st.sampled_from(["and", "or"])),
        st.builds(negated, inner),
    ),
    max_leaves=8,
)


@given(expressions, leads)
def test_a_condition_means_what_a_plain_reading_of_it_means(
    expression: tuple[str, Oracle], lead: Lead
) -> None:
    text, oracle = expression
    assert compile_condition(text, SCHEMA).test(lead) is oracle(lead)


@given(expressions, leads)
def test_the_explanation_agrees_with_the_answer(expression: tuple[str, Oracle], lead: Lead) -> None:
    condition = compile_condition(expression[0], SCHEMA)
    verdict = condition.explain(lead)
    assert verdict.result is condition.test(lead)
    seen = {name: value for part in _leaves(verdict) for name, value in part.seen.items()}
    assert set(seen) <= condition.names
    assert all(seen[name] is lead.get(name) for name in seen)


def _leaves(verdict: Verdict) -> list[Verdict]:
    if not verdict.children:
        return [verdict]
    return [leaf for child in verdict.children for leaf in _leaves(child)]


anything: st.SearchStrategy[Value] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.lists(st.text(), max_size=2).map(tuple),
)


@given(expressions, st.dictionaries(st.sampled_from(sorted(SCHEMA.types)), anything))
def test_no_value_makes_a_condition_fail(expression: tuple[str, Oracle], lead: Lead) -> None:
    condition = compile_condition(expression[0], SCHEMA)
    assert condition.test(lead) is condition.explain(lead).result


_PIECES = [*"()[],\"'\\<>=!-.", "and", "or", "not", "in", "is", "null", "contains", "matches"]
_PIECES += ["==", "!=", ">=", "country", "employees", "free_mail", "account", "tags", "now"]
_PIECES += ["age", "days_since", "domain", "length", "lower", "starts_with", "created_at", "true"]
_PIECES += ['"DE"', '"(a"', "5", "1.5", "30m", "2026-01-01", "2026-13-01T", "\n", "é", "0"]


@given(st.one_of(st.text(), st.lists(st.sampled_from(_PIECES), max_size=12).map(" ".join)), leads)
@example("created_at > 9999-12-31T23:59:59-14:00", {})
@example('title matches "\ud800"', {})
@example('title == "\ud800"', {})
def test_any_text_is_a_condition_or_a_condition_error(text: str, lead: Lead) -> None:
    condition, caught = None, None
    try:
        condition = compile_condition(text, SCHEMA)
    except ConditionError as error:
        caught = error
    if condition is None:
        assert caught is not None
        assert 0 <= caught.offset <= len(text)
        assert "^" in caught.caret
    else:
        assert condition.test(lead) is condition.explain(lead).result
        assert condition.names <= set(SCHEMA.types)

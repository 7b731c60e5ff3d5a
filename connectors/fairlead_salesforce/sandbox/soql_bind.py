"""SOQL names and conditions made real: which field a path means, and a test for one row.

Between `soql` (the tree) and `soql_run`. Types are checked as the vendor checks them: a quoted
date, an unquoted text or a filter on a long text is an error, not an empty answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fairlead.sandbox.org import Row, Who
from fairlead_salesforce.sandbox.errors import Refused
from fairlead_salesforce.sandbox.ids import canonical
from fairlead_salesforce.sandbox.render import Read, reader, stamp
from fairlead_salesforce.sandbox.rows import allowed
from fairlead_salesforce.sandbox.schema import NUMERIC, TEXTUAL, FieldDef, ObjectDef
from fairlead_salesforce.sandbox.soql import Compare, Condition, Literal, Path, Query
from fairlead_salesforce.sandbox.soql_dates import days, local_day, midnight
from fairlead_salesforce.sandbox.soql_lex import complain
from fairlead_salesforce.sandbox.state import Sandbox
from fairlead_salesforce.sandbox.values import parse_instant

Test = Callable[[Row], bool]
SubSelect = Callable[[Query], set[Any]]


@dataclass(frozen=True, slots=True)
class Bound:
    """A path that exists: the last field, how to read it, and the parents on the way."""

    field: FieldDef
    read: Read
    parents: tuple[FieldDef, ...] = ()
    steps: tuple[Read, ...] = ()


class Binder:
    """Binds one query's names. It knows nothing of who runs the query, so that both are gone as
    soon as the query is answered."""

    def __init__(self, sb: Sandbox, query: Query, who: Who) -> None:
        self.sb = sb
        self.query = query
        self.who = who
        self.obj = self._table()
        found = sb.org.get("User", who.id)
        self.zone = str(found.fields.get("TimeZoneSidKey") or "GMT") if found else "GMT"

    def bad(self, at: int, message: str, code: str = "INVALID_FIELD") -> Refused:
        return complain(self.query.text, at, message, code)

    def _table(self) -> ObjectDef:
        obj = self.sb.schema.find(self.query.table)
        if obj is None or not obj.prefix or not allowed(self.sb, obj, "r", self.who):
            raise self.bad(
                self.query.table_at,
                f"sObject type '{self.query.table}' is not supported. If you are attempting to "
                "use a custom object, be sure to append the '__c' after the entity name. Please "
                "reference your WSDL or the describe call for the appropriate names.",
                "INVALID_TYPE",
            )
        return obj

    # -- names ------------------------------------------------------------------------------

    def path(self, path: Path) -> Bound:
        """Follow a path from the queried object; raises INVALID_FIELD."""
        key = (self.obj.name, self.query.aliases, path.parts)
        known: Bound | None = self.sb.paths.get(key)
        if known is None:
            known = self.sb.paths[key] = self._path(path)
        return known

    def _path(self, path: Path) -> Bound:
        parts = list(path.parts)
        heads = (self.obj.name.lower(), *self.query.aliases)
        if len(parts) > 1 and parts[0].lower() in heads and not self.obj.relation(parts[0]):
            parts = parts[1:]
        if len(parts) > 6:
            raise self.bad(path.at, "more than 5 levels of parents", "MALFORMED_QUERY")
        obj = self.obj
        parents: list[FieldDef] = []
        steps: list[Read] = []
        for part in parts[:-1]:
            link = obj.relation(part)
            target = self._target(link) if link else None
            if link is None or target is None:
                raise self.bad(
                    path.at,
                    f"Didn't understand relationship '{part}' in field path. If you are attempting "
                    "to use a custom relationship, be sure to append the '__r' after the custom "
                    "relationship name. Please reference your WSDL or the describe call for the "
                    "appropriate names.",
                )
            # A polymorphic parent's links live on the row it happens to be.
            steps.append(reader(self.sb, obj, link))
            parents.append(link)
            obj = target
        field = obj.find(parts[-1])
        if field is None:
            raise self.bad(
                path.at,
                f"No such column '{parts[-1]}' on entity '{obj.name}'. If you are attempting to "
                "use a custom field, be sure to append the '__c' after the custom field name. "
                "Please reference your WSDL or the describe call for the appropriate names.",
            )
        return Bound(
            field, self._walk(steps, reader(self.sb, obj, field)), tuple(parents), tuple(steps)
        )

    def _target(self, link: FieldDef) -> ObjectDef | None:
        name = "Name" if link.polymorphic else link.reference_to[0]
        return self.sb.schema.find(name)

    def _walk(self, steps: list[Read], last: Read) -> Read:
        if not steps:
            return last

        def read(row: Row) -> Any:
            for step in steps:
                found = self.sb.lookup(step(row))
                if found is None:
                    return None
                row = found[1]
            return last(row)

        return read

    # -- conditions -------------------------------------------------------------------------

    def test(
        self, condition: Condition | None, subselect: SubSelect, *, under_or: bool = False
    ) -> Test:
        """One predicate for the whole WHERE clause; `subselect` runs a semi-join's inner query."""
        if condition is None:
            return lambda row: True
        if isinstance(condition, Compare):
            return self._compare(condition, subselect, under_or)
        word = condition.word
        inner = under_or or word in ("or", "not")
        terms = [self.test(t, subselect, under_or=inner) for t in condition.terms]
        if word == "not":
            only = terms[0]
            return lambda row: not only(row)
        return _every(terms) if word == "and" else lambda row: any(t(row) for t in terms)

    def _compare(self, c: Compare, subselect: SubSelect, under_or: bool) -> Test:
        bound = self.path(c.path)
        field = bound.field
        if not field.filterable:
            raise self.bad(c.path.at, f"field '{field.name}' can not be filtered in a query call")
        if c.inner is not None:
            return self._semi_join(c, bound, subselect, under_or)
        if c.operator == "like":
            return self._like(c, bound)
        if c.operator in ("in", "not in"):
            return self._in(c, bound)
        return self._plain(c, bound, c.values[0])

    def _semi_join(self, c: Compare, bound: Bound, subselect: SubSelect, under_or: bool) -> Test:
        assert c.inner is not None
        if under_or:
            raise self.bad(
                c.at,
                "Semi join sub-selects are not allowed with the 'OR' operator",
                "MALFORMED_QUERY",
            )
        if bound.field.type not in ("id", "reference"):
            raise self.bad(
                c.at,
                f"The left operand field in the where expression for sub-query should be an "
                f"ID field, not {bound.field.name}",
                "MALFORMED_QUERY",
            )
        wanted, read = subselect(c.inner), bound.read
        if c.operator == "in":
            return lambda row: read(row) in wanted
        return lambda row: read(row) not in wanted

    def _like(self, c: Compare, bound: Bound) -> Test:
        literal = c.values[0]
        if bound.field.type not in TEXTUAL:
            raise self.bad(
                c.path.at,
                "invalid operator on id field"
                if bound.field.type in ("id", "reference")
                else f"invalid operator on {bound.field.type} field",
                "INVALID_QUERY_FILTER_OPERATOR",
            )
        if literal.kind != "string":
            raise self._wrong_literal(bound.field, literal)
        pattern = "".join(
            ({"%": ".*", "_": "."}[char] if wild else re.escape(char))
            for char, wild in zip(literal.value.lower(), _stretch(literal), strict=True)
        )
        matcher, read = re.compile(pattern, re.DOTALL), bound.read
        return lambda row: (v := read(row)) is not None and bool(matcher.fullmatch(str(v).lower()))

    def _in(self, c: Compare, bound: Bound) -> Test:
        if any(v.kind == "range" for v in c.values):
            tests = [
                self._plain(Compare(c.path, "=", (v,), None, c.at), bound, v) for v in c.values
            ]
            found: Test = lambda row: any(t(row) for t in tests)  # noqa: E731
        else:
            wanted = {self.key(bound.field, v) for v in c.values}
            read = _reading(bound)
            found = lambda row: read(row) in wanted  # noqa: E731
        return found if c.operator == "in" else lambda row: not found(row)

    def _plain(self, c: Compare, bound: Bound, literal: Literal) -> Test:
        read, op = bound.read, c.operator
        if literal.kind == "range":
            return self._range(bound, literal, op)
        if literal.kind == "null":
            if op not in ("=", "!="):
                raise self.bad(c.at, f"invalid operator on null: {op}", "MALFORMED_QUERY")
            return (lambda r: read(r) is None) if op == "=" else (lambda r: read(r) is not None)
        if bound.field.type == "boolean" and op not in ("=", "!="):
            raise self.bad(
                c.at, "invalid operator on boolean field", "INVALID_QUERY_FILTER_OPERATOR"
            )
        key, read = self.key(bound.field, literal), _reading(bound)
        match op:
            case "=":
                return lambda r: bool(read(r) == key)
            case "!=":
                return lambda r: bool(read(r) != key)
            case "<":
                return lambda r: (v := read(r)) is not None and bool(v < key)
            case "<=":
                return lambda r: (v := read(r)) is not None and bool(v <= key)
            case ">":
                return lambda r: (v := read(r)) is not None and bool(v > key)
        return lambda r: (v := read(r)) is not None and bool(v >= key)

    def _range(self, bound: Bound, literal: Literal, op: str) -> Test:
        kind, read = bound.field.type, bound.read
        if kind not in ("date", "datetime"):
            raise self._wrong_literal(bound.field, literal)
        zone = self.zone
        try:
            first, after = days(literal.value, literal.number, local_day(self.sb.org.now(), zone))
            begin, end = midnight(first, zone), midnight(after, zone)
        except (OverflowError, ValueError):
            raise self.bad(literal.at, "date literal out of range", "MALFORMED_QUERY") from None
        low: str = first.isoformat() if kind == "date" else stamp(begin)
        high: str = after.isoformat() if kind == "date" else stamp(end)
        match op:
            case "=":
                return lambda r: (v := read(r)) is not None and low <= v < high
            case "!=":
                return lambda r: (v := read(r)) is None or not low <= v < high
            case "<":
                return lambda r: (v := read(r)) is not None and v < low
            case "<=":
                return lambda r: (v := read(r)) is not None and v < high
            case ">":
                return lambda r: (v := read(r)) is not None and v >= high
        return lambda r: (v := read(r)) is not None and v >= low

    # -- literals ---------------------------------------------------------------------------

    def key(self, field: FieldDef, literal: Literal) -> Any:
        """The literal as `_normal` gives the field's values; refuses another type."""
        kind, given = field.type, literal.kind
        if given == "null":
            return None
        if kind in TEXTUAL and given == "string":
            return literal.value.lower()
        if kind in ("id", "reference") and given == "string":
            id = canonical(literal.value)
            if id is None:
                raise self.bad(
                    literal.at,
                    f"invalid ID field: {literal.value}",
                    "INVALID_QUERY_FILTER_OPERATOR",
                )
            return id
        if kind in NUMERIC and given == "number":
            return Decimal(literal.value)
        if kind == "boolean" and given == "boolean":
            return literal.value == "true"
        if kind == "date" and given == "date":
            return self._real_day(literal)
        if kind == "datetime" and given == "datetime":
            at = parse_instant(literal.value.upper())
            if at is None:
                raise self.bad(literal.at, f"invalid dateTime: {literal.text}", "MALFORMED_QUERY")
            return stamp(at) if not at.microsecond else stamp(at)[:19] + ".001+0000"
        raise self._wrong_literal(field, literal)

    def _real_day(self, literal: Literal) -> str:
        if parse_instant(f"{literal.value}T00:00:00Z") is None:
            raise self.bad(literal.at, f"invalid date: {literal.text}", "MALFORMED_QUERY")
        return literal.value

    def _wrong_literal(self, field: FieldDef, literal: Literal) -> Refused:
        names = {"datetime": "dateTime", "reference": "ID", "id": "ID"}
        kind = "string" if field.type in TEXTUAL else names.get(field.type, field.type)
        quoted = field.type in TEXTUAL or field.type in ("id", "reference")
        tail = "be enclosed in quotes" if quoted else "not be enclosed in quotes"
        return self.bad(
            literal.at,
            f"value of filter criterion for field '{field.name}' must be of type {kind} "
            f"and should {tail}",
        )


def _stretch(literal: Literal) -> tuple[bool, ...]:
    """Wildcard marks for the lowered text, which may be longer than the text itself."""
    out: list[bool] = []
    for char, wild in zip(literal.value, literal.wild, strict=True):
        out += [wild] * len(char.lower())
    return tuple(out)


def _every(terms: list[Test]) -> Test:
    def test(row: Row) -> bool:
        for term in terms:  # noqa: SIM110  a generator for each row costs more than the terms
            if not term(row):
                return False
        return True

    return test


def _reading(bound: Bound) -> Read:
    """The values of a path in the form in which they compare."""
    if bound.field.type not in TEXTUAL and bound.field.type not in NUMERIC:
        return bound.read
    norm, read = _normal(bound.field), bound.read
    return lambda row: norm(read(row))


def _normal(field: FieldDef) -> Callable[[Any], Any]:
    """Values of one field in the form in which they compare."""
    if field.type in TEXTUAL:
        return lambda v: str(v).lower() if v is not None else None
    if field.type in NUMERIC:
        return lambda v: Decimal(str(v)) if v is not None else None
    return lambda v: v


def sort_key(field: FieldDef) -> Callable[[Any], Any]:
    """The same for ORDER BY."""
    return _normal(field)

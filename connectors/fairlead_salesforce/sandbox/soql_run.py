"""Runs a parsed query: rows that pass, in order, and what is shown of them.

Above `soql_bind`, below `queries` (pages, locators). Aggregates answer as `AggregateResult` rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from fairlead.sandbox.org import Row, Who
from fairlead_salesforce.sandbox.activities import archived
from fairlead_salesforce.sandbox.errors import Refused
from fairlead_salesforce.sandbox.ids import canonical
from fairlead_salesforce.sandbox.render import attributes, shown
from fairlead_salesforce.sandbox.rows import visible
from fairlead_salesforce.sandbox.schema import NUMERIC, TEXTUAL, ObjectDef
from fairlead_salesforce.sandbox.soql import (
    Aggregate,
    AllFields,
    Compare,
    Junction,
    Order,
    Path,
    Query,
    parse,
)
from fairlead_salesforce.sandbox.soql_bind import Binder, Bound, sort_key
from fairlead_salesforce.sandbox.state import Sandbox
from fairlead_salesforce.sandbox.values import parse_instant

Show = Callable[[Row], dict[str, Any]]
MAX_OFFSET = 2000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a query gave: rows to be shown page by page, or finished records."""

    total: int
    rows: list[Row]
    show: Show | None = None
    records: list[dict[str, Any]] | None = None
    long_texts: int = 0


def run(sb: Sandbox, statement: str, who: Who, *, deleted: bool, version: str) -> Outcome:
    """Parse and evaluate a statement as a user; raises Refused."""
    return _Run(sb, parse(statement), who, deleted, version).outcome()


class _Run:
    def __init__(
        self, sb: Sandbox, query: Query, who: Who, deleted: bool, version: str, depth: int = 0
    ) -> None:
        self.sb = sb
        self.query = query
        self.who = who
        self.deleted = deleted
        self.version = version
        self.depth = depth
        self.bind = Binder(sb, query, who)

    # -- rows -------------------------------------------------------------------------------

    def matching(self) -> list[Row]:
        test = self.bind.test(self.query.where, self.subselect)
        shows_deleted = self.bind.obj.soft_delete and self.deleted
        found = [
            r
            for r in self._candidates()
            if (shows_deleted or not r.deleted) and (self.deleted or not archived(r)) and test(r)
        ]
        return [r for r in found if visible(self.sb, r, self.who)]

    def _candidates(self) -> Iterable[Row]:
        """Rows among which are all that pass: those by one term of the WHERE, where one helps."""
        org, table, where = self.sb.org, self.bind.obj.name, self.query.where
        joined = isinstance(where, Junction) and where.word == "and"
        terms = where.terms if isinstance(where, Junction) and joined else (where,)
        since: datetime | None = None
        values: dict[str, list[str]] = {}
        texts: dict[str, list[str]] = {}
        for term in terms:
            if not isinstance(term, Compare) or len(term.path.parts) > 1 or term.inner is not None:
                continue
            field = self.bind.path(term.path).field
            if term.operator in ("=", "in") and field.type in ("id", "reference"):
                ids = [i for v in term.values if v.kind == "string" and (i := canonical(v.value))]
                if len(ids) == len(term.values):
                    if field.name == "Id":
                        return org.some(table, ids)
                    values[field.name] = ids
            spelt = term.operator in ("=", "in") and field.external and field.type in TEXTUAL
            if spelt and all(v.kind == "string" for v in term.values):
                texts[field.name] = [v.value for v in term.values]
            if term.operator in (">", ">=") and field.name == "SystemModstamp":
                at = parse_instant(term.values[0].text)
                since = at if since is None or at is None else max(since, at)
        return org.few(table, values, since, texts)

    def subselect(self, inner: Query) -> set[Any]:
        """The ids a semi-join's inner query selects."""
        if self.depth:
            raise self.bind.bad(
                inner.table_at,
                "Nesting of semi join sub-selects is not supported",
                "MALFORMED_QUERY",
            )
        run = _Run(
            self.sb,
            Query(
                self.query.text,
                inner.select,
                inner.table,
                inner.table_at,
                inner.where,
                aliases=inner.aliases,
            ),
            self.who,
            self.deleted,
            self.version,
            depth=1,
        )
        one = inner.select[0]
        if len(inner.select) != 1 or not isinstance(one, Path) or inner.group:
            raise run.bind.bad(inner.table_at, "a sub-select takes one ID field", "MALFORMED_QUERY")
        if inner.order or inner.offset or inner.limit is not None:
            raise run.bind.bad(
                inner.table_at,
                "ORDER BY, LIMIT and OFFSET not allowed in a semi join",
                "MALFORMED_QUERY",
            )
        bound = run.bind.path(one)
        if bound.field.type not in ("id", "reference"):
            raise run.bind.bad(one.at, "a sub-select takes one ID field", "MALFORMED_QUERY")
        return {bound.read(r) for r in run.matching()} - {None}

    def outcome(self) -> Outcome:
        query = self.query
        if query.offset > MAX_OFFSET:
            raise Refused("NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")
        counted = [s for s in query.select if isinstance(s, Aggregate)]
        if any(a.path is None for a in counted):
            return self._count_only(counted)
        if counted or query.group:
            return self._grouped()
        show, long_texts = self._show()
        rows = self._sorted(self.matching())
        rows = rows[query.offset :][: query.limit]
        return Outcome(len(rows), rows, show, long_texts=long_texts)

    def _count_only(self, counted: list[Aggregate]) -> Outcome:
        if len(self.query.select) > 1 or self.query.group or self.query.order:
            raise self.bind.bad(
                counted[0].at, "COUNT() must be the only item selected", "MALFORMED_QUERY"
            )
        rows = self.matching()[self.query.offset :][: self.query.limit]
        return Outcome(len(rows), [], records=[])

    def _sorted(self, rows: list[Row]) -> list[Row]:
        out = rows
        for order in reversed(self.query.order):
            if isinstance(order.by, Aggregate):
                raise self.bind.bad(
                    order.by.at, "aggregate in ORDER BY needs GROUP BY", "MALFORMED_QUERY"
                )
            out = arrange(out, order, self._row_key(order.by))
        return out

    def _row_key(self, path: Path) -> Callable[[Row], Any]:
        bound = self._sortable(path)
        norm, read = sort_key(bound.field), bound.read
        return lambda row: norm(read(row))

    def _group_key(self, by: Path | Aggregate) -> Callable[[list[Row]], Any]:
        if isinstance(by, Aggregate):
            return lambda rows: self._aggregate(by, rows)
        key = self._row_key(by)
        return lambda rows: key(rows[0]) if rows else None

    def _sortable(self, path: Path) -> Bound:
        bound = self.bind.path(path)
        if not bound.field.sortable:
            raise self.bind.bad(
                path.at, f"field '{bound.field.name}' can not be sorted in a query call"
            )
        return bound

    # -- what is shown ----------------------------------------------------------------------

    def _show(self) -> tuple[Show, int]:
        paths: list[Path] = []
        for item in self.query.select:
            if isinstance(item, AllFields):
                paths += self._all_fields(item)
            elif isinstance(item, Path):
                paths.append(item)
        seen: set[tuple[str, ...]] = set()
        bounds: list[tuple[Path, Bound]] = []
        for path in paths:
            bound = self.bind.path(path)
            key = (*(p.name for p in bound.parents), bound.field.name)
            if key in seen:
                raise self.bind.bad(path.at, f"duplicate field selected: {path}", "MALFORMED_QUERY")
            seen.add(key)
            bounds.append((path, bound))
        long_texts = sum(b.field.type == "textarea" and b.field.length > 255 for _, b in bounds)
        return self._shower(bounds), long_texts

    def _all_fields(self, item: AllFields) -> list[Path]:
        if item.which != "standard" and not (
            self.query.limit is not None and self.query.limit <= 200
        ):
            raise self.bind.bad(
                item.at,
                "The SOQL FIELDS function must have a LIMIT of at most 200",
                "MALFORMED_QUERY",
            )
        wanted = {"all": (True, False), "custom": (True,), "standard": (False,)}[item.which]
        return [Path((f.name,), item.at) for f in self.bind.obj.fields if f.custom in wanted]

    def _shower(self, bounds: list[tuple[Path, Bound]]) -> Show:
        sb, obj, version = self.sb, self.bind.obj, self.version
        own = [(bound.field.name, bound.read) for _, bound in bounds]
        has_parents = any(bound.parents for _, bound in bounds)

        def show(row: Row) -> dict[str, Any]:
            if not has_parents and row.id not in sb.corrupt:
                plain: dict[str, Any] = {name: read(row) for name, read in own}
                return {"attributes": attributes(version, obj, row), **plain}
            out: dict[str, Any] = {"attributes": attributes(version, obj, row)}
            for _, bound in bounds:
                value = bound.read(row)
                if bound.parents:
                    self._show_parent(out, obj, row, bound, value)
                elif row.id in sb.corrupt:
                    out[bound.field.name] = shown(sb, row, bound.field, value)
                else:
                    out[bound.field.name] = value
            return out

        return show

    def _show_parent(
        self, out: dict[str, Any], obj: ObjectDef, row: Row, bound: Bound, value: Any
    ) -> None:
        for link, step in zip(bound.parents, bound.steps, strict=True):
            found = self.sb.lookup(step(row))
            name = link.relationship or link.name
            if found is None:
                out.setdefault(name, None)
                return
            obj, row = found
            kind = "Name" if link.polymorphic else obj.name
            if out.get(name) is None:
                out[name] = {"attributes": {**attributes(self.version, obj, row), "type": kind}}
            out = out[name]
        out[bound.field.name] = shown(self.sb, row, bound.field, value)

    # -- groups -----------------------------------------------------------------------------

    def _grouped(self) -> Outcome:
        query = self.query
        keys = [(p, self.bind.path(p)) for p in query.group]
        grouped = {b.field.name for _, b in keys}
        self._check_groups(keys, grouped)
        for item in query.select:
            if isinstance(item, AllFields):
                raise self.bind.bad(
                    item.at, "FIELDS is not allowed with GROUP BY", "MALFORMED_QUERY"
                )
            if isinstance(item, Path) and self.bind.path(item).field.name not in grouped:
                raise self.bind.bad(
                    item.at, f"Field must be grouped or aggregated: {item}", "MALFORMED_QUERY"
                )
        groups: dict[tuple[Any, ...], list[Row]] = {} if keys else {(): []}
        for row in self.matching():
            groups.setdefault(tuple(b.read(row) for _, b in keys), []).append(row)
        members = self._sorted_groups(list(groups.values()))
        members = members[query.offset :][: query.limit]
        records = [self._group_record(m) for m in members]
        return Outcome(len(records), [], records=records)

    def _check_groups(self, keys: list[tuple[Path, Bound]], grouped: set[str]) -> None:
        for path, bound in keys:
            if not bound.field.groupable:
                raise self.bind.bad(
                    path.at, f"field '{bound.field.name}' can not be grouped in a query call"
                )
        for order in self.query.order:
            if isinstance(order.by, Path) and self.bind.path(order.by).field.name not in grouped:
                raise self.bind.bad(
                    order.by.at,
                    f"Ordered field must be grouped or aggregated: {order.by}",
                    "MALFORMED_QUERY",
                )
        aliases = [
            s.alias.lower() for s in self.query.select if isinstance(s, Aggregate) and s.alias
        ]
        if len(set(aliases)) < len(aliases):
            raise Refused("MALFORMED_QUERY", "duplicate alias")

    def _sorted_groups(self, groups: list[list[Row]]) -> list[list[Row]]:
        out = groups
        for order in reversed(self.query.order):
            out = arrange(out, order, self._group_key(order.by))
        return out

    def _group_record(self, rows: list[Row]) -> dict[str, Any]:
        out: dict[str, Any] = {"attributes": {"type": "AggregateResult"}}
        unnamed = 0
        for item in self.query.select:
            if isinstance(item, Path):
                bound = self.bind.path(item)
                out[bound.field.name] = bound.read(rows[0]) if rows else None
            elif isinstance(item, Aggregate):
                name = item.alias
                if name is None:
                    name, unnamed = f"expr{unnamed}", unnamed + 1
                out[name] = self._aggregate(item, rows)
        return out

    def _aggregate(self, item: Aggregate, rows: list[Row]) -> Any:
        if item.path is None:
            return len(rows)
        bound = self.bind.path(item.path)
        if not bound.field.filterable:
            raise self.bind.bad(
                item.at,
                f"field {item.path} does not support aggregate operator {item.function.upper()}",
                "MALFORMED_QUERY",
            )
        values = [v for v in map(bound.read, rows) if v is not None]
        if item.function == "count":
            return len(values)
        if item.function == "count_distinct":
            return len({sort_key(bound.field)(v) for v in values})
        if item.function in ("sum", "avg"):
            if bound.field.type not in NUMERIC:
                raise self.bind.bad(
                    item.at,
                    f"field {item.path} does not support aggregate operator "
                    f"{item.function.upper()}",
                    "MALFORMED_QUERY",
                )
            total = sum((Decimal(str(v)) for v in values), Decimal(0))
            if not values:
                return None
            return float(total if item.function == "sum" else total / len(values))
        pick = min if item.function == "min" else max
        return pick(values, key=sort_key(bound.field)) if values else None


def arrange(items: list[Any], order: Order, key: Callable[[Any], Any]) -> list[Any]:
    """A stable sort by one key, with nulls at the end that the query asks for."""
    keyed = [(key(i), i) for i in items]
    nulls = [i for k, i in keyed if k is None]
    rest = [p for p in keyed if p[0] is not None]
    rest.sort(key=lambda p: p[0], reverse=order.descending)
    values = [i for _, i in rest]
    return nulls + values if order.nulls_first else values + nulls

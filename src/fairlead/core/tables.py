"""Look-up tables in memory: a row by exact key, by longest prefix, or by the range a number is in.

Made by `core/policy_tables.py` from CSV; asked by `core/match.py` once per lead. A look-up costs
one dictionary access and one bisection, or one access per length of prefix.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from fairlead.core.place import Place
from fairlead.core.types import Value

Row = Mapping[str, str]


def normal_key(values: tuple[str, ...]) -> tuple[str, ...]:
    """The form in which table keys are compared: trimmed, without regard to case."""
    return tuple(value.strip().casefold() for value in values)


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Rows by how a text begins; the longest prefix wins. Prefixes are in their normal form."""

    field: str
    rows: Mapping[str, Row]
    lengths: tuple[int, ...]
    """Every length a prefix has, the longest first."""

    def find(self, value: Value) -> Row | None:
        if not isinstance(value, str):
            return None
        (text,) = normal_key((value,))
        starts = (text[:length] for length in self.lengths if length <= len(text))
        return next((self.rows[start] for start in starts if start in self.rows), None)


@dataclass(frozen=True, slots=True)
class Span:
    """Numbers from `low` to `high`, both of them included; None is no limit on that side."""

    low: Decimal | None
    high: Decimal | None
    row: Row


@dataclass(frozen=True, slots=True)
class Ranges:
    """Rows by the range that holds a number; no two of the spans have a number in common."""

    field: str
    spans: tuple[Span, ...]
    starts: tuple[Decimal, ...]
    """The low ends of the spans in order, minus infinity for none."""

    def find(self, value: Value) -> Row | None:
        if not isinstance(value, int | float) or isinstance(value, bool) or value != value:
            return None
        at = bisect_right(self.starts, value) - 1
        if at < 0:
            return None
        span = self.spans[at]
        return span.row if span.high is None or value <= span.high else None


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV table; `rows` maps the normalised exact key to its columns, or to the last step.

    Keys are compared case-insensitively after trimming. `key` are the fields of exact keys, in the
    order of the policy; it may be empty. In conditions the table is present (not null) when a row
    was found, and its columns are `name.column`. `columns` are those beside the key; a row lacks
    the columns whose cell is empty.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    rows: Mapping[tuple[str, ...], Row | Prefixes | Ranges]
    place: Place

    def find(self, values: Mapping[str, Value]) -> Row | None:
        """The row for a lead's values; None when a key field is missing or no row has this key."""
        key = tuple(values.get(name) for name in self.key)
        texts = tuple(part for part in key if isinstance(part, str))
        found = self.rows.get(normal_key(texts)) if len(texts) == len(key) else None
        if isinstance(found, Prefixes | Ranges):
            return found.find(values.get(found.field))
        return found

    def lines(self) -> Iterator[Row]:
        """Every row, whatever kind of key finds it."""
        for found in self.rows.values():
            if isinstance(found, Prefixes):
                yield from found.rows.values()
            elif isinstance(found, Ranges):
                yield from (span.row for span in found.spans)
            else:
                yield found

    def exact(self) -> Mapping[tuple[str, ...], Row] | None:
        """The rows by key when all of them are found by exact keys alone, else None."""
        rows = {k: row for k, row in self.rows.items() if not isinstance(row, Prefixes | Ranges)}
        return rows if len(rows) == len(self.rows) else None

    def cells(self, column: str) -> Iterator[str]:
        """What stands in a column, line by line, without the empty cells."""
        return (row[column] for row in self.lines() if row.get(column))

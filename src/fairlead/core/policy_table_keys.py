"""The key of a table: which columns find a line, and how each is compared with the lead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fairlead.core.carets import nearest
from fairlead.core.policy_csv import Grid
from fairlead.core.policy_document import Document, Path
from fairlead.core.policy_models import ExactKey, KeyShape, TableShape
from fairlead.core.schema import FieldType, Schema


@dataclass(frozen=True, slots=True)
class LastKey:
    """The step after the exact keys: a prefix in the column `field`, or the two ends of a range."""

    kind: Literal["prefix", "range"]
    field: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableKey:
    """What finds a line: exact columns in the order of the policy, then at most one other step."""

    exact: tuple[str, ...]
    last: LastKey | None

    @property
    def columns(self) -> frozenset[str]:
        """The columns that are part of the key."""
        return frozenset((*self.exact, *(self.last.columns if self.last else ())))


def read_key(
    document: Document, grid: Grid, shape: TableShape, schema: Schema, path: Path
) -> TableKey | None:
    """Check a table's key against the lead and the columns; None when it cannot be used."""
    exact: list[str] = []
    last: LastKey | None = None
    sound = not document.lost(path)
    for index, part in enumerate(shape.key):
        at: Path = (*path, index)
        if isinstance(part, ExactKey):
            known = _typed(document, at, part.column, FieldType.TEXT, schema)
            sound &= _has(document, grid, shape.csv, at, part.column, quiet=not known)
            exact.append(part.column)
            continue
        found = _last(document, at, part)
        if found is None:
            sound = False
            continue
        kind = FieldType.TEXT if found.kind == "prefix" else FieldType.NUMBER
        known = _typed(document, (*at, found.kind), found.field, kind, schema)
        sound &= known
        for step, column in zip(_STEPS[found.kind], found.columns, strict=True):
            quiet = step == "prefix" and not known
            sound &= _has(document, grid, shape.csv, (*at, step), column, quiet=quiet)
        if last is not None:
            message = "a key has one prefix or one range at most; put the rest into exact columns"
            document.report(at, message)
            sound = False
        last = found
    if not shape.key and sound:
        document.report(path, "a table needs a key: the column to find a line by", key=True)
    columns = [*exact, *(last.columns if last else ())]
    for column in sorted({c for c in columns if columns.count(c) > 1}):
        document.report(path, f"column {column!r} is in this key twice", key=True)
        sound = False
    return TableKey(tuple(exact), last) if sound and columns else None


_STEPS = {"prefix": ("prefix",), "range": ("from", "to")}


def _last(document: Document, path: Path, part: KeyShape) -> LastKey | None:
    given = part.model_fields_set
    if given == {"prefix"}:
        return LastKey("prefix", str(part.prefix), (str(part.prefix),))
    if given == {"range", "from_", "to"}:
        return LastKey("range", str(part.range), (str(part.from_), str(part.to)))
    if not document.lost(path) and not document.node(path)[1].lost:
        message = (
            "a part of a key is a column, {prefix: column}"
            " or {range: field, from: column, to: column}"
        )
        document.report(path, message)
    return None


def _typed(document: Document, path: Path, name: str, wanted: FieldType, schema: Schema) -> bool:
    kind = schema.types.get(name)
    if kind is wanted:
        return True
    fitting = [n for n, t in schema.types.items() if t is wanted]
    known = f"is no {wanted}" if kind is not None else "is no field of a lead"
    what = "a range is over" if wanted is FieldType.NUMBER else "a table's key is"
    message = f"{what} a {wanted} field; {name!r} {known}"
    document.report(path, message, nearest(name, fitting))
    return False


def _has(document: Document, grid: Grid, csv: str, path: Path, column: str, *, quiet: bool) -> bool:
    if column in grid.columns:
        return True
    if not quiet:
        document.report(path, f"{csv} has no column {column!r}", nearest(column, grid.columns))
    return False

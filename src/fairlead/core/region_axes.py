"""What one axis stands for, and its cells, made from the constants it is compared with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from fairlead.core import vocabulary
from fairlead.core.condition_parser import Call, Name, Node
from fairlead.core.region_cells import SAMPLE_CODE, around, fold
from fairlead.core.regions import Axis
from fairlead.core.schema import FieldType

_WHOLE = frozenset({"days_since", "length"})


@dataclass(slots=True)
class Draft:
    """An axis while its constants are collected. `side` is the value it stands for.

    A test (`op` given) has two cells, no and yes: `side op constant` cannot be cut finer. `marks`
    are those constants at which only a table or a beginning changes its answer.
    """

    side: Node
    kind: FieldType
    names: tuple[str, ...]
    op: str = ""
    constant: Any = None
    constants: dict[Any, Any] = field(default_factory=dict)
    marks: set[Any] = field(default_factory=set)
    ordered: bool = False

    @property
    def name(self) -> str:
        """The field, when the axis is a plain one; "" for computed ones."""
        return self.side.name if isinstance(self.side, Name) and not self.op else ""

    def mark(self, value: Any) -> None:
        """Add a constant that makes a poor example."""
        if fold(value) not in self.constants:
            self.constants[fold(value)] = value
            self.marks.add(fold(value))

    def say(self, constant: Any) -> None:
        """Add a constant that somebody wrote."""
        self.constants.setdefault(fold(constant), constant)
        self.marks.discard(fold(constant))


@dataclass(frozen=True, slots=True)
class Cells:
    """An axis with the places of its values; `order` are these, folded, where they are sorted."""

    axis: Axis
    index: Mapping[Any, int]
    order: tuple[Any, ...] = ()


def cells_of(key: str, draft: Draft, column: Collection[str] | None) -> Cells:
    """Cut an axis; `column` is every text it can have, where a table says so."""
    values: list[Any]
    order: tuple[Any, ...] = ()
    if draft.op or draft.kind in (FieldType.NAMESPACE, FieldType.LIST):
        values = [True]
    elif draft.kind is FieldType.BOOL:
        values = [True, False]
    elif column is not None and draft.kind is FieldType.TEXT:
        values = list({fold(cell): cell for cell in column}.values())
    else:
        values = _values(draft)
    if draft.ordered or draft.kind in _ALWAYS_ORDERED:
        values.sort(key=fold)
        order = tuple(fold(v) for v in values)
    liked = 0
    for at, value in enumerate(values, start=1):
        written = fold(value) in draft.constants and fold(value) not in draft.marks
        code = draft.marks and isinstance(value, str) and value.isdecimal()
        if written or (code and len(value) >= len(SAMPLE_CODE)):
            liked |= 1 << at
    index = MappingProxyType({fold(v): at for at, v in enumerate(values, start=1)})
    return Cells(Axis(key, (None, *values), liked), index, order)


_ALWAYS_ORDERED = frozenset({FieldType.NUMBER, FieldType.INSTANT, FieldType.DURATION})


def _values(draft: Draft) -> list[Any]:
    folded = sorted(draft.constants)
    values = [draft.constants[f] for f in folded]
    if draft.kind is not FieldType.TEXT:
        whole = isinstance(draft.side, Call) and draft.side.function in _WHOLE
        return [*values, *around(draft.kind, values, whole=whole)]
    values = [v for v in values if vocabulary.cannot_be(draft.name, v) is None]
    if draft.ordered:
        values += around(draft.kind, folded)
    taken = {fold(v) for v in values} | set(folded)
    others = [s for s in vocabulary.samples(draft.name) if s.casefold() not in taken]
    if not others and not vocabulary.is_closed(draft.name):
        others = [next(t for n in range(len(taken) + 1) if (t := f"text {n}") not in taken)]
    return [*values, *others[:1]]

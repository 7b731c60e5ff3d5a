"""From the conditions of a policy to axes and formulas: the space in which `regions` reasons.

Comparisons of a field, or of a function of it, with constants become exact tests. Anything else (a
pattern, two fields) becomes a test of its own that may answer either way: that can hide a finding
and never makes one up. A look-up table with one key is exact, too: it is a set of keys.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fairlead.core import vocabulary
from fairlead.core.condition_parser import (
    Call,
    Compare,
    IsNull,
    Logic,
    Name,
    Node,
    Not,
    parse,
)
from fairlead.core.conditions import FUNCTIONS
from fairlead.core.patterns import compile_pattern
from fairlead.core.policy import Condition, Policy
from fairlead.core.region_cells import ORDERED, around, bits, cells_where, fold
from fairlead.core.region_terms import compared, conditions_of, holds, key_of, names_in, types_of
from fairlead.core.regions import ABSENT, Axis, Every, Formula, Lit, Some, Work, every, negated, some
from fairlead.core.schema import FieldType
from fairlead.core.tables import Table

_TOTAL = frozenset({"age", "days_since", "length", "lower"})
_WHOLE = frozenset({"days_since", "length"})


@dataclass(slots=True)
class Draft:
    """An axis while its constants are collected. `side` is the value it stands for.

    A test (`op` given) has two cells, no and yes: `side op constant` cannot be cut finer.
    """

    side: Node
    kind: FieldType
    names: tuple[str, ...]
    op: str = ""
    constant: Any = None
    constants: dict[Any, Any] = field(default_factory=dict)
    ordered: bool = False

    @property
    def name(self) -> str:
        """The field, when the axis is a plain one; "" for computed ones."""
        return self.side.name if isinstance(self.side, Name) and not self.op else ""


class Space:
    """All axes of one policy, and each of its conditions as a formula over them."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.types = types_of(policy)
        # What a prefix or a range finds is left open: a table with such keys may say anything.
        self.plain = {n: rows for n, t in policy.tables.items() if (rows := t.exact()) is not None}
        self.single = {
            n: t for n, t in policy.tables.items() if n in self.plain and len(t.key) == 1
        }
        self.work = Work()
        self.drafts: dict[str, Draft] = {}
        self._trees: dict[str, Node] = {}
        self._formulas: dict[str, Formula] = {}
        for condition in conditions_of(policy):
            if condition.text not in self._trees:
                self._trees[condition.text] = tree = parse(condition.text)
                self._collect(tree)
        for table_name, rows in self.plain.items():
            for at, name in enumerate(policy.tables[table_name].key):
                draft = self._draft(Name(0, 0, name))
                for row in rows:
                    draft.constants.setdefault(row[at], vocabulary.shown(name, row[at]))
        self.at = {key: number for number, key in enumerate(self.drafts)}
        self._index: list[dict[Any, int]] = []
        self.axes = [self._axis(key, draft) for key, draft in self.drafts.items()]
        self._row_bits: dict[tuple[str, str], dict[str, int]] = {}
        for key in self.drafts:
            self._link(key)

    # -- collecting -------------------------------------------------------------------------

    def _collect(self, node: Node) -> None:
        if isinstance(node, Logic):
            for part in node.parts:
                self._collect(part)
        elif isinstance(node, Not):
            self._collect(node.operand)
        elif isinstance(node, Compare):
            side, op, constants = compared(node)
            if side is None:
                self._draft(node, FieldType.BOOL, "?")
            elif self._row(side) is None:
                self._constants(side, op, constants)
        elif self._row(value := node.operand if isinstance(node, IsNull) else node) is None:
            self._draft(value)

    def _constants(self, side: Node, op: str, constants: tuple[Any, ...]) -> None:
        if op in ("contains", "matches"):
            self._draft(side, FieldType.BOOL, op, constants[0])
            self._draft(side)
            return
        draft = self._draft(side)
        draft.ordered |= op in ORDERED
        for constant in constants:
            draft.constants.setdefault(fold(constant), constant)

    def _draft(
        self, side: Node, kind: FieldType | None = None, op: str = "", constant: Any = None
    ) -> Draft:
        key = key_of(side) + (f" {op} {constant!r}" if op and op != "?" else "")
        if key not in self.drafts:
            names = tuple(dict.fromkeys(names_in(side)))
            kind = kind or self._kind(side)
            self.drafts[key] = Draft(side, kind, names, op, constant)
            for name in names:
                if name != key and self._row(Name(0, 0, name)) is None:
                    self._draft(Name(0, 0, name))
            root = key.partition(".")[0]
            if isinstance(side, Name) and root != key and self._row(side) is None:
                self._draft(Name(0, 0, root))
        return self.drafts[key]

    def _kind(self, side: Node) -> FieldType:
        if isinstance(side, Call):
            return FUNCTIONS[side.function].result
        return self.types[side.name] if isinstance(side, Name) else FieldType.BOOL

    def _row(self, side: Node) -> Table | None:
        """The table with one key that a name asks about."""
        name = side.name.partition(".")[0] if isinstance(side, Name) else ""
        return self.single.get(name)

    # -- axes -------------------------------------------------------------------------------

    def _axis(self, key: str, draft: Draft) -> Axis:
        values: list[Any] = [None]
        if draft.op or draft.kind in (FieldType.NAMESPACE, FieldType.LIST):
            values.append(True)
        elif draft.kind is FieldType.BOOL:
            values += [True, False]
        else:
            values += self._present(draft)
        self._index.append({fold(v): at for at, v in enumerate(values) if at})
        return Axis(key, tuple(values))

    def _present(self, draft: Draft) -> list[Any]:
        folded = sorted(draft.constants)
        values = [draft.constants[f] for f in folded]
        if draft.kind is not FieldType.TEXT:
            whole = isinstance(draft.side, Call) and draft.side.function in _WHOLE
            return [*values, *around(draft.kind, values, whole=whole)]
        column = self._column(draft.name)
        if column is not None:
            known = {fold(cell): cell for cell in column}
            return list(known.values())
        values = [v for v in values if vocabulary.cannot_be(draft.name, v) is None]
        if draft.ordered:
            values += around(draft.kind, folded)
        others = [s for s in vocabulary.samples(draft.name) if s.casefold() not in draft.constants]
        if not others and not vocabulary.is_closed(draft.name):
            others = [next(t for n in range(len(folded) + 1) if (t := f"text {n}") not in folded)]
        return [*values, *others[:1]]

    def _column(self, name: str) -> set[str] | None:
        """Every text in a table's column: its values are known in full."""
        root, _, column = name.partition(".")
        table = self.policy.tables.get(root)
        return None if table is None or not column else set(table.cells(column))

    def _link(self, key: str) -> None:
        draft, at = self.drafts[key], self.at[key]
        for name in draft.names:
            row = self._row(Name(0, 0, name))
            if row is not None:
                self._need(at, self._on_key(row, name, lambda _: True))
            elif name != key:
                self._need(at, Lit(self.at[name], self.axes[self.at[name]].full & ~ABSENT))
        base = draft.side.args[0] if isinstance(draft.side, Call) and not draft.op else None
        total = isinstance(draft.side, Call) and draft.side.function in _TOTAL
        if total and isinstance(base, Name) and base.name in self.at:
            self._need(self.at[base.name], Lit(at, self.axes[at].full & ~ABSENT))
        root = draft.name.partition(".")[0]
        if draft.name and root != draft.name and root in self.at:
            self._need(at, Lit(self.at[root], self.axes[self.at[root]].full & ~ABSENT))
        rows = self.plain.get(draft.name)
        if rows is not None:
            for number, name in enumerate(self.policy.tables[draft.name].key):
                cells = bits(i for k in rows if (i := self.cell(name, k[number])))
                self._need(at, Lit(self.at[name], cells))

    def _need(self, at: int, lit: Lit) -> None:
        if lit.axis != at:
            self.axes[at].needs.append((lit.axis, lit.cells))
            self.axes[lit.axis].needed_by.append((at, lit.cells))

    # -- formulas ---------------------------------------------------------------------------

    def cell(self, key: str, value: Any) -> int:
        """The place of a value's own cell on an axis; 0 when the axis never takes it."""
        return self._index[self.at[key]].get(fold(value), 0)

    def formula(self, condition: Condition | None) -> Formula:
        """A condition of the policy; none holds always."""
        if condition is None:
            return Every(())
        if condition.text not in self._formulas:
            self._formulas[condition.text] = self._formula(self._trees[condition.text])
        return self._formulas[condition.text]

    def formula_without(self, tree: Node, cut: Node) -> Formula:
        """A condition with one of its parts taken for false."""
        return self._formula(tree, cut)

    def _formula(self, node: Node, cut: Node | None = None) -> Formula:
        if node is cut:
            return Some(())
        if isinstance(node, Logic):
            parts = (self._formula(part, cut) for part in node.parts)
            return every(parts) if node.op == "and" else some(parts)
        if isinstance(node, Not):
            return negated(self._formula(node.operand, cut), self.axes)
        if isinstance(node, IsNull):
            present = self.present(node.operand)
            return present if node.negated else negated(present, self.axes)
        if isinstance(node, Compare):
            return self._compare(node)
        at = self.at[key_of(node)]
        return Lit(at, 1 << self._index[at][True])

    def present(self, side: Node) -> Lit:
        """That a field, a group or a computed value is not missing."""
        row = self._row(side)
        if row is not None:
            assert isinstance(side, Name)
            return self._on_key(row, side.name, lambda _: True)
        at = self.at[key_of(side)]
        return Lit(at, self.axes[at].full & ~ABSENT)

    def _compare(self, node: Compare) -> Lit:
        side, op, constants = compared(node)
        if side is None:
            return Lit(self.at[key_of(node)], 0b10)
        folded = frozenset(fold(c) for c in constants)
        row = self._row(side)
        if row is not None:
            assert isinstance(side, Name)
            if op == "matches":
                return self._on_key(row, side.name, compile_pattern(constants[0]))
            return self._on_key(row, side.name, lambda text: holds(op, fold(text), folded))
        if op in ("contains", "matches"):
            return Lit(self.at[f"{key_of(side)} {op} {constants[0]!r}"], 0b10)
        at = self.at[key_of(side)]
        axis, index = self.axes[at], self._index[at]
        if op in ORDERED:
            return Lit(at, cells_where(axis.values, lambda value: holds(op, value, folded)))
        equal = bits(place for c in folded if (place := index.get(c)))
        return Lit(at, equal if op in ("==", "in") else axis.full & ~ABSENT & ~equal)

    def _on_key(self, table: Table, name: str, holds: Any) -> Lit:
        """The keys of the rows whose column passes a test; of all rows for the table's own name."""
        column, key = name.partition(".")[2], table.key[0]
        groups = self._row_bits.get((table.name, column))
        if groups is None:
            found: dict[str, list[int]] = {}
            for values, row in self.plain[table.name].items():
                text = row.get(column) if column else "-"
                if text:
                    found.setdefault(text, []).append(self.cell(key, values[0]))
            groups = {text: bits(i for i in places if i) for text, places in found.items()}
            self._row_bits[table.name, column] = groups
        cells = 0
        for text, places in groups.items():
            if holds(text):
                cells |= places
        return Lit(self.at[key], cells)

"""From the conditions of a policy to axes and formulas: the space in which `regions` reasons.

Comparisons of a field, or of a function of it, with constants become exact tests. Anything else (a
pattern, two fields) becomes a test of its own that may answer either way: that can hide a finding
and never makes one up. What a look-up table finds is exact, too: sets of its keys' cells.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
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
from fairlead.core.region_axes import Draft, cells_of
from fairlead.core.region_cells import ORDERED, bits, end_of_prefix, fold
from fairlead.core.region_tables import TableCells, breakpoints, last_field, main_field
from fairlead.core.region_terms import (
    beginning,
    compared,
    conditions_of,
    holds,
    key_of,
    names_in,
    types_of,
)
from fairlead.core.regions import (
    ABSENT,
    Every,
    Formula,
    Lit,
    Some,
    Work,
    every,
    negated,
    some,
)
from fairlead.core.schema import FieldType
from fairlead.core.tables import Table

_TOTAL = frozenset({"age", "days_since", "length", "lower"})


class Space:
    """All axes of one policy, and each of its conditions as a formula over them."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.types = types_of(policy)
        self.tables: dict[str, TableCells] = {}
        """The tables that are looked into; any other may say anything."""
        for table in policy.tables.values():
            main = main_field(table)
            if main is not None:
                self.tables[table.name] = TableCells(table, main, self)
        self.work = Work()
        self.drafts: dict[str, Draft] = {}
        self._trees: dict[str, Node] = {}
        self._formulas: dict[str, Formula] = {}
        for condition in conditions_of(policy):
            if condition.text not in self._trees:
                self._trees[condition.text] = tree = parse(condition.text)
                self._collect(tree)
        self.size = sum(len(text) for text in self._trees) // 10
        """About how many tests it takes to ask all conditions once."""
        for table in policy.tables.values():
            self._keys(table)
        self.at = {key: number for number, key in enumerate(self.drafts)}
        self._cells = [cells_of(key, d, self._column(d.name)) for key, d in self.drafts.items()]
        self.axes = [cells.axis for cells in self._cells]
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
            elif self._table(side) is None:
                self._constants(side, op, constants)
        elif (began := beginning(node)) is not None:
            draft = self._draft(began[0])
            draft.ordered = True
            for end in (began[1], end_of_prefix(began[1])):
                draft.mark(end or began[1])
        elif self._table(value := node.operand if isinstance(node, IsNull) else node) is None:
            self._draft(value)

    def _keys(self, table: Table) -> None:
        """The axes of a table's keys, cut where its answers change."""
        for at, name in enumerate(table.key):
            draft = self._draft(Name(0, 0, name))
            for key in table.rows:
                draft.say(vocabulary.shown(name, key[at]))
        if table.name in self.tables and last_field(table):
            draft = self._draft(Name(0, 0, last_field(table)))
            draft.ordered = True
            for value in breakpoints(table):
                draft.mark(value)

    def _constants(self, side: Node, op: str, constants: tuple[Any, ...]) -> None:
        if op in ("contains", "matches"):
            self._draft(side, FieldType.BOOL, op, constants[0])
            self._draft(side)
            return
        draft = self._draft(side)
        draft.ordered |= op in ORDERED
        for constant in constants:
            draft.say(constant)

    def _draft(
        self, side: Node, kind: FieldType | None = None, op: str = "", constant: Any = None
    ) -> Draft:
        key = key_of(side) + (f" {op} {constant!r}" if op and op != "?" else "")
        if key not in self.drafts:
            names = tuple(dict.fromkeys(names_in(side)))
            kind = kind or self._kind(side)
            self.drafts[key] = Draft(side, kind, names, op, constant)
            for name in names:
                if name != key and self._table(Name(0, 0, name)) is None:
                    self._draft(Name(0, 0, name))
            root = key.partition(".")[0]
            grouped = isinstance(side, Name) and root != key and root in self.types
            if grouped and self._table(side) is None:
                self._draft(Name(0, 0, root))
        return self.drafts[key]

    def _kind(self, side: Node) -> FieldType:
        if isinstance(side, Call):
            return FUNCTIONS[side.function].result
        return self.types[side.name] if isinstance(side, Name) else FieldType.BOOL

    def _table(self, side: Node) -> TableCells | None:
        """The table that a name asks about, if it is looked into."""
        name = side.name.partition(".")[0] if isinstance(side, Name) else ""
        return self.tables.get(name)

    # -- axes -------------------------------------------------------------------------------

    def _column(self, name: str) -> set[str] | None:
        """Every text in a table's column: its values are known in full."""
        root, _, column = name.partition(".")
        table = self.policy.tables.get(root)
        return None if table is None or not column else set(table.cells(column))

    def _link(self, key: str) -> None:
        draft, at = self.drafts[key], self.at[key]
        for name in draft.names:
            table = self._table(Name(0, 0, name))
            if table is not None:
                for lit in table.needs(name.partition(".")[2]):
                    self._need(at, lit)
            elif name != key:
                self._need(at, Lit(self.at[name], self.axes[self.at[name]].full & ~ABSENT))
        base = draft.side.args[0] if isinstance(draft.side, Call) and not draft.op else None
        total = isinstance(draft.side, Call) and draft.side.function in _TOTAL
        if total and isinstance(base, Name) and base.name in self.at:
            self._need(self.at[base.name], Lit(at, self.axes[at].full & ~ABSENT))
        root = draft.name.partition(".")[0]
        if draft.name and root != draft.name and root in self.at:
            self._need(at, Lit(self.at[root], self.axes[self.at[root]].full & ~ABSENT))
        # A table that is left open still has its exact keys.
        left_open = self.policy.tables.get(draft.name)
        if left_open is not None:
            for number, name in enumerate(left_open.key):
                cells = bits(i for k in left_open.rows if (i := self.cell(name, k[number])))
                self._need(at, Lit(self.at[name], cells))

    def _need(self, at: int, lit: Lit) -> None:
        if lit.axis != at:
            self.axes[at].needs.append((lit.axis, lit.cells))
            self.axes[lit.axis].needed_by.append((at, lit.cells))

    # -- formulas ---------------------------------------------------------------------------

    def cell(self, key: str, value: Any) -> int:
        """The place of a value's own cell on an axis; 0 when the axis never takes it."""
        return self._cells[self.at[key]].index.get(fold(value), 0)

    def between(self, key: str, low: Any, high: Any, *, closed: bool) -> int:
        """The cells of an ordered axis from `low` to `high`, the end with it if `closed`."""
        order = self._cells[self.at[key]].order
        cut = bisect_right if closed else bisect_left
        first = 0 if low is None else bisect_left(order, low)
        last = len(order) if high is None else cut(order, high)
        return (1 << last + 1) - (1 << first + 1) if first < last else 0

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
        began = beginning(node)
        if began is not None:
            name, start = began
            cells = self.between(name.name, start, end_of_prefix(start), closed=False)
            return Lit(self.at[name.name], cells)
        at = self.at[key_of(node)]
        return Lit(at, 1 << self._cells[at].index[True])

    def present(self, side: Node) -> Formula:
        """That a field, a group or a computed value is not missing."""
        table = self._table(side)
        if table is not None:
            return table.found(_column_of(side), lambda _: True)
        at = self.at[key_of(side)]
        return Lit(at, self.axes[at].full & ~ABSENT)

    def _compare(self, node: Compare) -> Formula:
        side, op, constants = compared(node)
        if side is None:
            return Lit(self.at[key_of(node)], 0b10)
        folded = frozenset(fold(c) for c in constants)
        table = self._table(side)
        if table is not None:
            if op == "matches":
                return table.found(_column_of(side), compile_pattern(constants[0]))
            return table.found(_column_of(side), lambda text: holds(op, fold(text), folded))
        if op in ("contains", "matches"):
            return Lit(self.at[f"{key_of(side)} {op} {constants[0]!r}"], 0b10)
        at = self.at[key_of(side)]
        axis, index = self.axes[at], self._cells[at].index
        if op in ORDERED:
            (constant,) = folded
            order = self._cells[at].order
            cut = (bisect_left if op in ("<", ">=") else bisect_right)(order, constant)
            below, every_cell = (1 << cut + 1) - 2, (1 << len(order) + 1) - 2
            return Lit(at, below if op in ("<", "<=") else every_cell & ~below)
        equal = bits(place for c in folded if (place := index.get(c)))
        return Lit(at, equal if op in ("==", "in") else axis.full & ~ABSENT & ~equal)


def _column_of(side: Node) -> str:
    return side.name.partition(".")[2] if isinstance(side, Name) else ""

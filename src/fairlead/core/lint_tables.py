"""Lines of look-up tables that can never be used: keys that never occur, leads taken before."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from fairlead.core import vocabulary
from fairlead.core.examples import own_values, taker, with_rows
from fairlead.core.lint_finding import LintFinding, Severity, too_complex
from fairlead.core.lint_last_step import lint_last_step
from fairlead.core.lint_search import Leaf, example, find, leaves
from fairlead.core.names import state_code
from fairlead.core.policy import Destination, Policy, ToQueue, ToRep, ToTeam
from fairlead.core.region_build import Space
from fairlead.core.region_cells import places
from fairlead.core.region_tables import Line
from fairlead.core.regions import ABSENT, Formula, Lit, TooHard, classes, lits, negated
from fairlead.core.tables import Table
from fairlead.core.types import Value

Key = tuple[str, ...]
_SHOWN = 3


def lint_tables(policy: Policy, space: Space) -> Iterator[LintFinding]:
    """Findings about tables: unknown keys, lines that nobody reaches, tables nobody asks."""
    in_order = list(leaves(policy.rules, space))
    for table in policy.tables.values():
        used = [at for at, leaf in enumerate(in_order) if _uses(leaf, table.name)]
        if not used:
            yield LintFinding(
                "unused-table",
                Severity.INFO,
                table.place,
                f"no rule asks table {table.name!r}",
                "use it in a rule's 'when' or 'to', or remove it",
            )
            continue
        bad = yield from _impossible(table)
        yield from _Lines(policy, space, table, in_order, used).dead(bad)
        yield from lint_last_step(table)


def _uses(leaf: Leaf, name: str) -> bool:
    destinations = (leaf.rule.to, leaf.rule.if_away)
    asked = {n for r in leaf.conditions if r.when is not None for n in r.when.names}
    return any(n.partition(".")[0] == name for n in asked | set(map(_path, destinations)))


def _path(to: Destination | None) -> str:
    return (to.path or "") if isinstance(to, ToTeam | ToRep | ToQueue) else ""


def _impossible(table: Table) -> Generator[LintFinding, None, set[Key]]:
    """Report keys outside their field's vocabulary; gives them all."""
    bad: set[Key] = set()
    for at, name in enumerate(table.key):
        wrong: dict[str, str] = {}
        for key in table.rows:
            reason = vocabulary.cannot_be(name, key[at]) or _foreign_state(table, name, key, at)
            if reason is not None:
                wrong.setdefault(key[at], reason)
                bad.add(key)
        if wrong:
            first, reason = next(iter(wrong.items()))
            meant = vocabulary.meant(name, first)
            guess = f"write {meant} instead of {first!r}; " if meant else ""
            yield LintFinding(
                "impossible-key",
                Severity.WARNING,
                table.place,
                f"table {table.name!r}: {_listed(list(wrong))} in column {name!r} never match:"
                f" {first!r} {reason}",
                f"{guess}the lines are never found as they are",
            )
    return bad


def _foreign_state(table: Table, name: str, key: Key, at: int) -> str | None:
    if name != "state" or "country" not in table.key:
        return None
    country = key[table.key.index("country")].upper()
    if vocabulary.cannot_be("country", country) or state_code(country, key[at]) is not None:
        return None
    return f"is no state of {country}"


def _listed(texts: Sequence[str]) -> str:
    shown = ", ".join(repr(text) for text in texts[:_SHOWN])
    more = len(texts) - _SHOWN
    return shown + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True, slots=True)
class _Lines:
    policy: Policy
    space: Space
    table: Table
    in_order: Sequence[Leaf]
    used: Sequence[int]
    wholes: dict[int, Mapping[int, int]] = field(default_factory=dict)
    masks: dict[int, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for leaf in self.in_order:
            for lit in lits(leaf.path):
                self.masks.setdefault(lit.axis, []).append(lit.cells)

    def dead(self, bad: set[Key]) -> Iterator[LintFinding]:
        """The lines whose every lead is taken before a rule that asks the table."""
        lines: list[Line] = []
        try:
            known: dict[tuple[Lit, ...], bool] = {}
            for line in self._lines():
                if line.key not in bad and not self._reached(line, known):
                    lines.append(line)
        except TooHard:
            yield too_complex(self.table.place, f"lines of table {self.table.name!r}")
            return
        if not lines:
            return
        shown = self._shown(lines)
        by = None if shown is None else taker(self.policy.rules, shown)
        names = ", ".join(repr(self.in_order[at].rule.name) for at in self.used[:_SHOWN])
        total = sum(1 for _ in self.table.lines())
        yield LintFinding(
            "dead-lines",
            Severity.WARNING,
            self.table.place,
            f"{len(lines)} of {total} lines of table {self.table.name!r} are never"
            f" used ({_listed([str(line) for line in lines])}):"
            f" other rules take these leads before {names}, or its conditions leave them out",
            "remove the lines, or move the rule that asks the table up",
            None if shown is None else own_values(shown, self.policy),
            "" if shown is None else f"goes to {'otherwise' if by is None else by.name!r}",
            shown is not None,
        )

    def _lines(self) -> Iterator[Line]:
        cells = self.space.tables.get(self.table.name)
        if cells is not None:
            yield from cells.lines()
        else:
            yield from (Line(key, "", row, 0) for key, row in (self.table.exact() or {}).items())

    def _reached(self, line: Line, known: dict[tuple[Lit, ...], bool]) -> bool:
        """Whether some lead that finds the line is left for a rule that asks; alike ones once."""
        for choice in product(*self._alike(line)):
            if choice not in known:
                known[choice] = self._left_for_user(choice)
            if known[choice]:
                return True
        return False

    def _alike(self, line: Line) -> Iterator[list[Lit]]:
        """Per axis, what is known of the leads that find a line: sets no condition tells apart."""
        space, table = self.space, self.table
        cells = space.tables.get(table.name)
        for name, part in zip(table.key, line.key, strict=True):
            if cells is None or name != cells.main:
                yield self._classes(name, 1 << space.cell(name, part))
        if cells is not None:
            yield self._classes(cells.main, line.cells)
            return
        for column in table.columns:
            name = f"{table.name}.{column}"
            if name in space.at:
                text = line.row.get(column)
                yield self._classes(name, 1 << space.cell(name, text) if text else ABSENT)
        if table.name in space.at:
            yield [Lit(space.at[table.name], 0b10)]

    def _classes(self, name: str, cells: int) -> list[Lit]:
        at = self.space.at[name]
        whole = self._whole(at)
        return [Lit(at, part) for part in {whole[place]: None for place in places(cells)}]

    def _whole(self, at: int) -> Mapping[int, int]:
        """For each cell of an axis all the cells that the conditions treat like it."""
        if at not in self.wholes:
            masks = self.masks.get(at, [])
            parts = classes(self.space.axes[at].full, masks)
            self.wholes[at] = {place: part for part in parts for place in places(part)}
        return self.wholes[at]

    def _left_for_user(self, known: Sequence[Formula]) -> bool:
        axes = self.space.axes
        for at in self.used:
            before = [negated(leaf.path, axes) for leaf in self.in_order[:at]]
            if find(self.space, [*known, self.in_order[at].path, *before]) is not None:
                return True
        return False

    def _shown(self, dead: Sequence[Line]) -> dict[str, Value] | None:
        """A lead with the key of a dead line, and what its fate is; tried."""
        users = [self.in_order[at] for at in self.used]
        for line in dead[:_SHOWN]:
            own = self._key_of(line)
            values = with_rows(own, self.policy)
            if not self._taken_by_user(values):
                return values
            fixed = [Lit(self.space.at[n], 1 << self.space.cell(n, v)) for n, v in own.items()]
            for leaf in users:
                found = example(
                    self.space, [leaf.path, *fixed], lambda v: not self._taken_by_user(v)
                )
                if found is not None:
                    return found
        return None

    def _key_of(self, line: Line) -> dict[str, Value]:
        """The fields of a lead that finds a line."""
        own: dict[str, Value] = {
            name: vocabulary.shown(name, part)
            for name, part in zip(self.table.key, line.key, strict=True)
        }
        cells = self.space.tables.get(self.table.name)
        if cells is not None and cells.main not in own:
            axis = self.space.axes[self.space.at[cells.main]]
            own[cells.main] = axis.values[axis.best(line.cells).bit_length() - 1]
        return own

    def _taken_by_user(self, values: Mapping[str, Value]) -> bool:
        by = taker(self.policy.rules, values)
        return by is not None and any(self.in_order[at].rule is by for at in self.used)

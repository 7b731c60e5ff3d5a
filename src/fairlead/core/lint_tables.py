"""Lines of look-up tables that can never be used: keys that never occur, leads taken before."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fairlead.core import vocabulary
from fairlead.core.examples import own_values, taker, with_rows
from fairlead.core.lint_finding import LintFinding, Severity
from fairlead.core.lint_search import Leaf, example, find, leaves
from fairlead.core.names import state_code
from fairlead.core.policy import Destination, Policy, ToQueue, ToRep, ToTeam
from fairlead.core.region_build import Space
from fairlead.core.regions import Formula, Lit, TooHard, classes, lits, negated
from fairlead.core.tables import Row, Table
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
        rows = table.exact()
        if rows is not None:
            bad = yield from _impossible(table)
            yield from _Lines(policy, space, table, rows, in_order, used).dead(bad)


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
    rows: Mapping[Key, Row]
    in_order: Sequence[Leaf]
    used: Sequence[int]

    def dead(self, bad: set[Key]) -> Iterator[LintFinding]:
        """The lines whose every lead is taken before a rule that asks the table."""
        groups = self._alike(bad)
        dead = [keys for at, keys in groups.items() if not self._reached(at)]
        lines = [key for keys in dead for key in keys]
        if not lines:
            return
        shown = self._shown(dead)
        by = None if shown is None else taker(self.policy.rules, shown)
        names = ", ".join(repr(self.in_order[at].rule.name) for at in self.used[:_SHOWN])
        yield LintFinding(
            "dead-lines",
            Severity.WARNING,
            self.table.place,
            f"{len(lines)} of {len(self.table.rows)} lines of table {self.table.name!r} are never"
            f" used ({_listed(['/'.join(key) for key in lines])}):"
            f" other rules take these leads before {names}, or its conditions leave them out",
            "remove the lines, or move the rule that asks the table up",
            None if shown is None else own_values(shown, self.policy),
            "" if shown is None else f"goes to {'otherwise' if by is None else by.name!r}",
            shown is not None,
        )

    def _alike(self, bad: set[Key]) -> dict[tuple[Formula, ...], list[Key]]:
        """Lines by what is known of their leads: those alike in all conditions stand together."""
        space, table = self.space, self.table
        masks: dict[int, list[int]] = {}
        for leaf in self.in_order:
            for lit in lits(leaf.path):
                masks.setdefault(lit.axis, []).append(lit.cells)
        names = [*table.key, *(n for c in table.columns if (n := f"{table.name}.{c}") in space.at)]
        whole: dict[str, dict[int, int]] = {}
        for name in names:
            at = space.at[name]
            parts = classes(space.axes[at].full, masks.get(at, []))
            whole[name] = {cell: part for part in parts for cell in _cells(part)}
        found: dict[tuple[Formula, ...], list[Key]] = {}
        for key, row in self.rows.items():
            if key in bad:
                continue
            texts = [*key, *(row.get(n.partition(".")[2], "") for n in names[len(key) :])]
            known: list[Formula] = [
                Lit(space.at[n], whole[n][space.cell(n, text) if text else 0])
                for n, text in zip(names, texts, strict=True)
            ]
            if table.name in space.at:
                known.append(Lit(space.at[table.name], 0b10))
            found.setdefault(tuple(known), []).append(key)
        return found

    def _reached(self, known: Sequence[Formula]) -> bool:
        axes = self.space.axes
        for at in self.used:
            before = [negated(leaf.path, axes) for leaf in self.in_order[:at]]
            try:
                if find(self.space, [*known, self.in_order[at].path, *before]) is not None:
                    return True
            except TooHard:
                return True
        return False

    def _shown(self, dead: Sequence[Sequence[Key]]) -> dict[str, Value] | None:
        """A lead with the key of a dead line, and what its fate is; tried."""
        users = [self.in_order[at] for at in self.used]
        for keys in dead[:_SHOWN]:
            own: dict[str, Value] = {
                name: vocabulary.shown(name, part)
                for name, part in zip(self.table.key, keys[0], strict=True)
            }
            for leaf in users:
                values = with_rows(own, self.policy)
                fixed = [
                    Lit(self.space.at[n], 1 << self.space.cell(n, str(v))) for n, v in own.items()
                ]
                if not self._taken_by_user(values):
                    return values
                found = example(
                    self.space, [leaf.path, *fixed], lambda v: not self._taken_by_user(v)
                )
                if found is not None:
                    return found
        return None

    def _taken_by_user(self, values: Mapping[str, Value]) -> bool:
        by = taker(self.policy.rules, values)
        return by is not None and any(self.in_order[at].rule is by for at in self.used)


def _cells(part: int) -> Iterator[int]:
    while part:
        yield (part & -part).bit_length() - 1
        part &= part - 1

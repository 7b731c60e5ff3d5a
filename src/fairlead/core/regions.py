"""Reasoning over conditions: is there any lead for which all of these hold? Below `lint`.

Each field (and each computed value) is an axis, cut into cells on which every condition of the
policy answers alike; a region is a set of cells per axis, kept as the bits of an int. Bit 0 is
always "missing" (or "no"). `solve` errs on one side only: None means that no lead exists at all,
a region means that one may exist; a caller who names an example runs the conditions on it first.
Work is counted in tests of one axis, never in time: the same policy gives the same findings.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

ABSENT = 1
"""The bit of the cell "missing"."""
_DEEPEST = 250


class TooHard(Exception):
    """The question needs more work than it is worth; nothing is known."""


@dataclass(slots=True)
class Work:
    """How many tests all questions together may still take, and how many a single one may.

    Each question that was too hard halves the patience with the next, down to `least`: a policy
    with one hard question usually has many. Enough for any policy that people can read.
    """

    left: int = 3_000_000
    patience: int = 300_000
    least: int = 3_000
    done: int = 0

    def spend(self, tests: int) -> None:
        """Count work done outside `solve`; raises TooHard when none is left."""
        self.done += tests
        self.left -= tests
        if self.left < 0:
            raise TooHard


@dataclass(frozen=True, slots=True)
class Lit:
    """The value on this axis lies in one of these cells."""

    axis: int
    cells: int


@dataclass(frozen=True, slots=True)
class Every:
    parts: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Some:
    parts: tuple[Formula, ...]


Formula = Lit | Every | Some


def every(parts: Iterable[Formula]) -> Formula:
    """All of these, flat, with one test per axis."""
    return _joined(Every, parts, operator.and_)


def some(parts: Iterable[Formula]) -> Formula:
    """One of these at least, flat, with one test per axis."""
    return _joined(Some, parts, operator.or_)


def _joined(
    kind: type[Every] | type[Some], parts: Iterable[Formula], join: Callable[[int, int], int]
) -> Formula:
    cells: dict[int, int] = {}
    rest: dict[Formula, None] = {}
    todo = list(reversed(list(parts)))
    while todo:
        part = todo.pop()
        if isinstance(part, Lit):
            here = cells.get(part.axis)
            cells[part.axis] = part.cells if here is None else join(here, part.cells)
        elif isinstance(part, kind):
            todo.extend(reversed(part.parts))
        else:
            rest[part] = None
    found = (*(Lit(axis, here) for axis, here in cells.items()), *rest)
    return found[0] if len(found) == 1 else kind(found)


@dataclass(slots=True)
class Axis:
    """One dimension: `values` are the cells' examples, the first one None.

    `liked` are the cells that make the best examples. `needs` are (axis, cells) that follow when
    this one is present; `needed_by` is its reverse.
    """

    key: str
    values: tuple[Any, ...]
    liked: int = 0
    needs: list[tuple[int, int]] = field(default_factory=list)
    needed_by: list[tuple[int, int]] = field(default_factory=list)

    full: int = field(init=False)

    def __post_init__(self) -> None:
        self.full = (1 << len(self.values)) - 1

    def best(self, cells: int) -> int:
        """The one of these cells that makes the best example."""
        here = cells & ~ABSENT
        here = here & self.liked or here
        return here & -here or ABSENT


def negated(formula: Formula, axes: Sequence[Axis]) -> Formula:
    """The formula that holds exactly where this one does not."""
    if isinstance(formula, Lit):
        return Lit(formula.axis, axes[formula.axis].full & ~formula.cells)
    parts = tuple(negated(part, axes) for part in formula.parts)
    return Some(parts) if isinstance(formula, Every) else Every(parts)


def lits(formula: Formula) -> Iterator[Lit]:
    """Every single test in a formula."""
    if isinstance(formula, Lit):
        yield formula
    else:
        for part in formula.parts:
            yield from lits(part)


def solve(
    axes: Sequence[Axis], formulas: Sequence[Formula], work: Work | None = None
) -> tuple[int, ...] | None:
    """A region in which all formulas hold everywhere, or None when there is no such lead.

    In the region any cell may be taken per axis, "missing" wherever it is allowed or nowhere. The
    formulas that say most stand best in front. Raises TooHard when the work is not worth it.
    """
    work = work or Work()
    allowed = min(work.patience, work.left)
    search = _Search(axes, allowed)
    try:
        return search.run([axis.full for axis in axes], list(formulas), 0)
    except TooHard:
        work.patience = max(work.least, work.patience // 2)
        raise
    finally:
        work.done += allowed - search.left
        work.left -= allowed - search.left


@dataclass(slots=True)
class _Search:
    axes: Sequence[Axis]
    left: int

    def run(self, state: list[int], pending: list[Formula], depth: int) -> tuple[int, ...] | None:
        self.left -= 1
        if self.left < 0 or depth > _DEEPEST:
            raise TooHard
        left = self._propagated(state, pending)
        if left is None:
            return None
        for guess in self._guesses(state):
            if all(self._standing(formula, guess) for formula in left):
                return tuple(guess) if left else tuple(state)
        chosen = left[0]
        rest: list[Formula] = [formula for formula in left if formula is not chosen]
        refused: list[Formula] = []
        for part in chosen.parts:
            found = self.run(list(state), [part, *refused, *rest], depth + 1)
            if found is not None:
                return found
            refused.append(negated(part, self.axes))
        return None

    def _standing(self, formula: Formula, state: Sequence[int]) -> bool | None:
        """Whether a formula holds everywhere in a region, nowhere in it, or in parts of it."""
        self.left -= 1
        if isinstance(formula, Lit):
            here = state[formula.axis]
            if not here & formula.cells:
                return False
            return None if here & ~formula.cells else True
        if self.left < 0:
            raise TooHard
        decides = isinstance(formula, Some)
        result: bool | None = not decides
        for part in formula.parts:
            answer = self._standing(part, state)
            if answer is decides:
                return decides
            if answer is None:
                result = None
        return result

    def _guesses(self, state: list[int]) -> Iterator[list[int]]:
        """A few whole leads of the region: most questions are answered by one of them."""
        pairs = list(zip(self.axes, state, strict=True))
        yield [here & ABSENT or axis.best(here) for axis, here in pairs]
        yield [axis.best(here) for axis, here in pairs]
        yield [1 << (here.bit_length() - 1) for here in state]

    def _propagated(self, state: list[int], pending: list[Formula]) -> list[Some] | None:
        """Draw every plain conclusion into `state`; what is left to choose, None when none can."""
        queue: Sequence[Formula] = pending
        while True:
            before, left = list(state), list[Some]()
            todo = list(reversed(queue))
            while todo:
                formula = todo.pop()
                if isinstance(formula, Every):
                    todo.extend(reversed(formula.parts))
                elif isinstance(formula, Lit):
                    self.left -= 1
                    if not self._narrow(state, formula.axis, formula.cells):
                        return None
                elif not self._choice(formula, state, todo, left):
                    return None
            if state == before:
                return left
            queue = left

    def _choice(
        self, formula: Some, state: list[int], todo: list[Formula], left: list[Some]
    ) -> bool:
        if self.left < 0:
            raise TooHard
        open_parts: list[Formula] = []
        for part in formula.parts:
            answer = self._standing(part, state)
            if answer:
                return True
            if answer is None:
                open_parts.append(part)
        if len(open_parts) == 1:
            todo.append(open_parts[0])
        elif open_parts:
            same = len(open_parts) == len(formula.parts)
            left.append(formula if same else Some(tuple(open_parts)))
        return bool(open_parts)

    def _narrow(self, state: list[int], axis: int, cells: int) -> bool:
        todo = [(axis, cells)]
        while todo:
            at, allowed = todo.pop()
            here = state[at] & allowed
            if here == state[at]:
                continue
            if not here:
                return False
            state[at] = here
            if not here & ABSENT:
                todo.extend(self.axes[at].needs)
            todo.extend(
                (other, ABSENT) for other, needed in self.axes[at].needed_by if not here & needed
            )
        return True


def classes(cells: int, masks: Sequence[int]) -> list[int]:
    """Cut cells into sets whose members lie in the same masks, so that one may stand for all."""
    found = [cells] if cells else []
    for mask in set(masks):
        cut: list[int] = []
        for one in found:
            inside = one & mask
            cut.extend(part for part in (inside, one & ~inside) if part)
        found = cut
    return found

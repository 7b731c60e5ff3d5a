"""Reasoning over conditions: is there any lead for which all of these hold? Below `lint`.

Each field (and each computed value) is an axis, cut into cells on which every condition of the
policy answers alike; a region is a set of cells per axis, kept as the bits of an int. Bit 0 is
always "missing" (or "no"). `solve` errs on one side only: None means that no lead exists at all,
a region means that one may exist; a caller who names an example runs the conditions on it first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

ABSENT = 1
"""The bit of the cell "missing"."""
_DEEPEST = 250


class TooHard(Exception):
    """The question needs more steps than it is worth; nothing is known."""


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
TRUE = Every(())


@dataclass(slots=True)
class Axis:
    """One dimension: `values` are the cells' examples, the first one None.

    `needs` are (axis, cells) that follow when this one is present; `needed_by` is its reverse.
    """

    key: str
    values: tuple[Any, ...]
    needs: list[tuple[int, int]] = field(default_factory=list)
    needed_by: list[tuple[int, int]] = field(default_factory=list)

    @property
    def full(self) -> int:
        return (1 << len(self.values)) - 1


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


def standing(formula: Formula, state: Sequence[int]) -> bool | None:
    """Whether a formula holds everywhere in a region, nowhere in it, or in parts of it (None)."""
    if isinstance(formula, Lit):
        here = state[formula.axis]
        if not here & formula.cells:
            return False
        return None if here & ~formula.cells else True
    decides = isinstance(formula, Some)
    result: bool | None = not decides
    for part in formula.parts:
        answer = standing(part, state)
        if answer is decides:
            return decides
        if answer is None:
            result = None
    return result


def solve(
    axes: Sequence[Axis], formulas: Sequence[Formula], steps: int = 300
) -> tuple[int, ...] | None:
    """A region in which all formulas hold everywhere, or None when there is no such lead.

    In the region any cell may be taken per axis, "missing" wherever it is allowed or nowhere.
    Raises TooHard when the search takes more than `steps` branches.
    """
    search = _Search(axes, steps)
    return search.run([axis.full for axis in axes], list(formulas), 0)


@dataclass(slots=True)
class _Search:
    axes: Sequence[Axis]
    steps: int

    def run(self, state: list[int], pending: list[Formula], depth: int) -> tuple[int, ...] | None:
        self.steps -= 1
        if self.steps < 0 or depth > _DEEPEST:
            raise TooHard
        left = self._propagated(state, pending)
        if left is None:
            return None
        for guess in self._guesses(state):
            if all(standing(formula, guess) for formula in left):
                return tuple(guess) if left else tuple(state)
        chosen = min(left, key=lambda formula: len(formula.parts))
        rest: list[Formula] = [formula for formula in left if formula is not chosen]
        refused: list[Formula] = []
        for part in chosen.parts:
            found = self.run(list(state), [part, *refused, *rest], depth + 1)
            if found is not None:
                return found
            refused.append(negated(part, self.axes))
        return None

    def _guesses(self, state: list[int]) -> Iterator[list[int]]:
        """A few whole leads of the region: most questions are answered by one of them."""
        yield [here & ABSENT or here & -here for here in state]
        yield [(rest & -rest) if (rest := here & ~ABSENT) else ABSENT for here in state]
        yield [1 << (here.bit_length() - 1) for here in state]

    def _propagated(self, state: list[int], pending: list[Formula]) -> list[Some] | None:
        """Draw every plain conclusion into `state`; what is left to choose, None when none can."""
        queue = pending
        while True:
            before, left = list(state), list[Some]()
            while queue:
                formula = queue.pop()
                if isinstance(formula, Every):
                    queue.extend(formula.parts)
                elif isinstance(formula, Lit):
                    if not self._narrow(state, formula.axis, formula.cells):
                        return None
                elif not self._choice(formula, state, queue, left):
                    return None
            if state == before:
                return left
            queue = list(left)

    def _choice(
        self, formula: Some, state: list[int], queue: list[Formula], left: list[Some]
    ) -> bool:
        open_parts: list[Formula] = []
        for part in formula.parts:
            answer = standing(part, state)
            if answer:
                return True
            if answer is None:
                open_parts.append(part)
        if len(open_parts) == 1:
            queue.append(open_parts[0])
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

"""The loop of every simulator: moves drawn by a seed, a verdict after each, then rest and verdict.

What differs between simulators is the world, its moves and its judges.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from machine.play import World

W = TypeVar("W", bound=World)
Move = tuple[str, float, Callable[[], None]]
"""A move's name, how often it comes, and what it does."""


@dataclass(frozen=True, slots=True)
class Game(Generic[W]):
    """One kind of history. `seed_name` is the variable that plays one seed again."""

    seed_name: str
    world: Callable[[random.Random], W]
    moves: Callable[[W, random.Random], Sequence[Move]]
    always: Callable[[W], None]
    at_rest: Callable[[W], None]
    lengths: tuple[int, int]

    def play(self, seed: int) -> Counter[str]:
        """One history; raises AssertionError with seed and moves when a promise was broken."""
        dice = random.Random(seed)
        world = self.world(dice)
        table = self.moves(world, dice)
        # Which troubles there are differs from seed to seed, or they would hide one another.
        weights = [w if w >= 5 else 2 * w if dice.random() < 0.5 else 0 for _, w, _ in table]
        told: list[str] = []
        try:
            for _ in range(dice.randrange(*self.lengths)):
                [(name, _, move)] = dice.choices(table, weights)
                told.append(name)
                move()
                self.always(world)
            told.append("heal")
            world.heal()
            self.at_rest(world)
            world.note()
            return world.seen
        except Exception as e:
            moves = " · ".join(told)
            raise AssertionError(f"{self.seed_name}={seed}: {e}\nmoves: {moves}") from e
        finally:
            world.close()

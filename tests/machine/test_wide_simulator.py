"""Random histories over policies that use every method, limit and order, with reloads between them.

As `test_simulator`, for what features do to one another; `FAIRLEAD_WIDE_SEEDS` and
`FAIRLEAD_WIDE_SEED` as there.
"""

from __future__ import annotations

import os
import random
from collections import Counter

from machine.loop import Game, Move
from machine.wide import WideWorld
from machine.wide_judge import always, at_rest

SEEDS = int(os.environ.get("FAIRLEAD_WIDE_SEEDS", "60"))
FIRST = int(os.environ.get("FAIRLEAD_WIDE_SEED", "0"))


def moves(world: WideWorld, dice: random.Random) -> list[Move]:
    """Every move, how often it comes, and what it does; the dice fill in the numbers."""

    def n(most: int = 1000) -> int:
        return dice.randrange(most)

    return [
        ("new", 8, lambda: world.new_lead(n(), n(), big=n(4) == 0)),
        ("again", 1, lambda: world.new_lead(n(), n(), late=3)),
        ("old", 0.5, lambda: world.old_lead(n(), n())),
        ("poll", 9, lambda: world.poll(n())),
        ("deliver", 9, lambda: world.deliver(n())),
        ("held", 5, lambda: world.release_held(n())),
        ("advance", 5, lambda: world.advance(dice.choice((1, 5, 61, 125, 310, 1800, 7200)))),
        ("edit", 3, lambda: world.edit_field(n(), n())),
        ("claim", 2, lambda: world.claim_one(n(), n())),
        ("override", 1, lambda: world.override(n(), n(), anyway=n(2) == 0)),
        ("plan", 1, lambda: world.plan(n(), n())),
        ("step", 2, world.step),
        ("policy", 1.5, lambda: world.change_policy(n())),
        ("away", 1, lambda: world.rep_away(n(), n())),
        ("back", 1, lambda: world.rep_back(n())),
        ("ask", 0.3, world.weigh),
        ("person", 1.5, lambda: world.person_sets_owner(n(), n())),
        ("person strikes", 1, lambda: world.person_strikes(n(), n(), n())),
        ("reader strikes", 0.5, lambda: world.reader_strikes(n(), n())),
        ("automation", 0.3, lambda: world.automation_sets_owner(n(), n())),
        ("delete", 0.3, lambda: world.delete(n())),
        ("convert", 0.3, lambda: world.convert(n())),
        ("merge", 0.4, lambda: world.merge(n(), n(), third=n(2) == 0)),
        ("corrupt", 0.3, lambda: world.corrupt(n())),
        ("mend", 0.4, lambda: world.mend(n())),
        ("deactivate", 0.6, lambda: world.deactivate(n(), n())),
        ("activate", 0.8, lambda: world.activate(n(), n())),
        ("owners", 0.8, lambda: world.refresh_owners(n())),
        ("fault", 1.5, lambda: world.fault(n(), n(), n(), n())),
        ("mended", 0.4, world.clear_faults),
        ("crash", 2, lambda: world.crash_in(n(25))),
        ("restart", 0.3, world.restart),
        ("pause", 0.2, world.pause),
        ("resume", 0.6, world.resume),
        ("retry", 0.5, world.retry_dead_letters),
    ]


GAME = Game("FAIRLEAD_WIDE_SEED", lambda _: WideWorld(), moves, always, at_rest, (20, 90))

SOMETIMES = (
    "claimed",
    "lead.claimed",
    "lead.ordered",
    "lead.rerouted",
    "overridden",
    "plan backfill",
    "plan reassign",
    "policy changed",
    "turn.credited",
)


def test_every_wide_history_keeps_every_promise() -> None:
    seen: Counter[str] = Counter()
    for seed in range(FIRST, FIRST + (1 if "FAIRLEAD_WIDE_SEED" in os.environ else SEEDS)):
        seen += GAME.play(seed)
    if "FAIRLEAD_WIDE_SEED" not in os.environ:
        assert [s for s in SOMETIMES if not seen[s]] == [], "a path was never walked"

"""Random histories over policies in which time acts, with people, tools, crashes and reloads.

As `test_wide_simulator`, for clocks, decay, second chances, follow-ups and signals together;
`FAIRLEAD_TIMED_SEEDS` and `FAIRLEAD_TIMED_SEED` as there.
"""

from __future__ import annotations

import os
import random
from collections import Counter

from machine.loop import Game, Move
from machine.timed import FAMILY, TimedWorld
from machine.timed_judge import always, at_rest

SEEDS = int(os.environ.get("FAIRLEAD_TIMED_SEEDS", "24"))
FIRST = int(os.environ.get("FAIRLEAD_TIMED_SEED", "0"))
WAITS = (61, 310, 1900, 3700, 3 * 3600, 7 * 3600, 26 * 3600, 75 * 3600)


def world(dice: random.Random) -> TimedWorld:
    return TimedWorld(dice.randrange(FAMILY), alone=dice.random() < 0.3)


def moves(world: TimedWorld, dice: random.Random) -> list[Move]:
    """Every move, how often it comes, and what it does; the dice fill in the numbers."""

    def n(most: int = 1000) -> int:
        return dice.randrange(most)

    return [
        ("new", 6, lambda: world.new_lead(n(), n(), big=n(4) == 0)),
        ("again", 1.5, lambda: world.new_lead(n(), n(), late=3)),
        ("late", 0.5, lambda: world.new_lead(n(), n(), late=n())),
        ("work", 12, lambda: world.work(n())),
        ("poll", 5, lambda: world.poll(n())),
        ("sweep", 5, lambda: world.sweep(n())),
        ("deliver", 5, lambda: world.deliver(n())),
        ("wait", 9, lambda: world.advance(dice.choice(WAITS))),
        ("signals", 1, lambda: world.signals(n())),
        ("rescore", 1, lambda: world.rescore(n())),
        ("held", 1, lambda: world.release_held(n())),
        ("edit", 2.5, lambda: world.edit_field(n(), n())),
        ("status", 4, lambda: world.status(n(), n(), tool=n(5) == 0)),
        ("activity", 2.5, lambda: world.activity(n(), n(), n())),
        ("join", 1.5, lambda: world.join(n(), n())),
        ("meddle", 0.3, lambda: world.meddle(n())),
        ("task done", 1.5, lambda: world.close_task(n(), n())),
        ("claim", 1.5, lambda: world.claim_one(n(), n())),
        ("override", 0.7, lambda: world.override(n(), n(), anyway=n(2) == 0)),
        ("plan", 0.5, lambda: world.plan(n(), n())),
        ("step", 1, world.step),
        ("policy", 1, lambda: world.change_policy(n())),
        ("away", 0.7, lambda: world.rep_away(n(), n())),
        ("back", 0.7, lambda: world.rep_back(n())),
        ("person", 2, lambda: world.person_sets_owner(n(), n())),
        ("person strikes", 1, lambda: world.person_strikes(n(), n(), n())),
        ("reader strikes", 0.5, lambda: world.reader_strikes(n(), n())),
        ("automation", 0.3, lambda: world.automation_sets_owner(n(), n())),
        ("delete", 0.3, lambda: world.delete(n())),
        ("convert", 0.3, lambda: world.convert(n())),
        ("merge", 0.6, lambda: world.merge(n(), n(), third=n(2) == 0)),
        ("corrupt", 0.3, lambda: world.corrupt(n())),
        ("mend", 0.4, lambda: world.mend(n())),
        ("deactivate", 0.5, lambda: world.deactivate(n(), n())),
        ("activate", 0.8, lambda: world.activate(n(), n())),
        ("owners", 0.8, lambda: world.refresh_owners(n())),
        ("lag", 0.3, lambda: world.lag_of(n(), n())),
        ("jump", 0.5, lambda: world.jump(n(), n())),
        ("fault", 1.5, lambda: world.fault(n(), n(), n(), n())),
        ("mended", 0.4, world.clear_faults),
        ("crash", 2, lambda: world.crash_in(n(30))),
        ("restart", 0.3, world.restart),
        ("pause", 0.2, world.pause),
        ("resume", 0.6, world.resume),
        ("retry", 0.5, world.retry_dead_letters),
    ]


GAME = Game("FAIRLEAD_TIMED_SEED", world, moves, always, at_rest, (20, 90))

SOMETIMES = (
    "cadence.task",
    "clock.answered",
    "clock.fired",
    "clock.paused",
    "lead.decayed",
    "lead.recycled",
    "lead.rerouted",
    "lead.returned",
    "lead.terminal",
    "policy changed",
    "recycling.waits",
    "signal.seen",
)


def test_every_history_in_time_keeps_every_promise() -> None:
    seen: Counter[str] = Counter()
    for seed in range(FIRST, FIRST + (1 if "FAIRLEAD_TIMED_SEED" in os.environ else SEEDS)):
        seen += GAME.play(seed)
    if "FAIRLEAD_TIMED_SEED" not in os.environ:
        assert [s for s in SOMETIMES if not seen[s]] == [], "a path was never walked"

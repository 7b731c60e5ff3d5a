"""Leads that a rep gets past the rotation: from an account owner, by name, or by hand.

Stands beside `destination`. They cost nobody a turn, unless a team says `count_forced`: then they
count in its ledger like a turn of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from fairlead.core.decision import LedgerEntry, Question
from fairlead.core.distribute import pool_of
from fairlead.core.eligibility import eligible
from fairlead.core.fairness import charge_forced
from fairlead.core.types import Rep


@dataclass(frozen=True, slots=True)
class Forced:
    """What the lead adds to the ledgers; `pool` and `before` are of the first of them, to show."""

    ledger: tuple[LedgerEntry, ...] = ()
    pool: str | None = None
    before: dict[str, Fraction] | None = None


NO_CHARGE = Forced()


def forced(rep: Rep, question: Question) -> Forced:
    """The turns of one such lead in every pool whose teams count it for this rep.

    In each the members who could have taken it gain their shares, the rep among them, and the rep
    pays 1.
    """
    pools: dict[str, set[str]] = {}
    for team in question.policy.teams.values():
        if team.count_forced and rep.id in team.members:
            pools.setdefault(pool_of(team), set()).update(team.members)
    if not pools:
        return NO_CHARGE
    ledger: list[LedgerEntry] = []
    first, before = min(pools), dict[str, Fraction]()
    for pool in sorted(pools):
        able, _ = eligible(sorted(pools[pool]), question)
        sharing = {r.id: r.weight for r in (rep, *able)}
        ledger += charge_forced(pool, list(sharing.items()), rep.id)
        if pool == first:
            held = question.world.balances.get(pool, {})
            before = {r: held.get(r, Fraction(0)) for r in sharing}
    return Forced(tuple(ledger), first, before)

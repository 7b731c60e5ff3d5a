"""What a distribution method is told and what it answers; below the methods, above the ledger.

Every method but claim goes through the ledger by `by_turn`, among whom is its own business: all who
are free, those with the least work, the first of an order alone. Since the bound of `fairness`
holds for any eligible part of a pool, no method makes debts that a later change of the method
would have to pay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import Protocol

from fairlead.core.claim import Claim
from fairlead.core.decision import Balances, Companion, LedgerEntry, Load, Passed, Question
from fairlead.core.eligibility import Late, in_team, when_free
from fairlead.core.policy import Team
from fairlead.core.skills import Wanted, granted, skilled
from fairlead.core.turns import take_turn
from fairlead.core.types import Rep

_NOTHING = Load()


@dataclass(frozen=True, slots=True)
class Turn:
    """One lead for one team, and who could have it; all by rep id.

    `free` can take it now and have what is needed, `able` are those of them with what is preferred;
    `busy` cannot take it now. `pool` names the team's ledger.
    """

    team: Team
    pool: str
    free: tuple[Rep, ...]
    able: tuple[Rep, ...]
    busy: tuple[str, ...]
    asks: Wanted
    question: Question

    @property
    def now(self) -> datetime:
        return self.question.now

    def balances(self, pool: str) -> Mapping[str, Fraction]:
        """What the members of a pool are owed now."""
        return self.question.world.balances.get(pool, {})

    def load(self, rep: Rep) -> Load:
        """What a rep has now."""
        return self.question.world.loads.get(rep.id, _NOTHING)

    def late(self) -> tuple[Late, ...]:
        """Those who cannot take it now and will, with all that `able` have been chosen for."""
        wishes = granted(self.free, self.asks)
        found = []
        for name in self.busy:
            rep = self.question.world.reps.get(name)
            if rep is None or not skilled(rep, self.asks) or any(w.lacking(rep) for w in wishes):
                continue
            late = when_free(rep, self.question)
            if late is not None:
                found.append(replace(late, rep=in_team(rep, self.team, self.question)))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Pick:
    """Who gets the lead: `rep`, or nobody, `reason` saying why either way.

    Nobody is told apart further. With `queue_id` the lead goes there, for `claim`. When it `holds`,
    the lead waits for the `waiting`, until `until` (None: not known), and nobody else is asked.
    Otherwise the next destination is. A rep who is there only `later` takes it if nobody of the
    backup can take it now.
    """

    reason: str
    rep: Rep | None = None
    ledger: tuple[LedgerEntry, ...] = ()
    balances: tuple[Balances, ...] = ()
    """Of the pools that were looked at, the one of the owner first."""
    passed: tuple[Passed, ...] = ()
    later: bool = False
    holds: bool = False
    until: datetime | None = None
    waiting: tuple[str, ...] = ()
    companions: tuple[Companion, ...] = ()
    queue_id: str | None = None
    claim: Claim | None = None


class Method(Protocol):
    """Picks for one lead of a team; pure, and the same for the same turn. Ties go by rep id."""

    name: str
    by_turns: bool
    """Whether everybody's share of the leads is what it balances, so that the bound says it all."""
    balances: str
    """What it keeps level instead, in words for the certificate."""

    def pick(self, turn: Turn) -> Pick: ...


def nobody(turn: Turn) -> Pick:
    """Nobody of the team can take it now."""
    reason = f"nobody in team {turn.team.name} can take it"
    if turn.asks.need and not turn.free and _free_without_skill(turn):
        reason = f"nobody free in team {turn.team.name} has what is needed: {turn.asks.named}"
    return Pick(reason)


def _free_without_skill(turn: Turn) -> bool:
    return bool(set(turn.team.members) - set(turn.busy))


def by_turn(turn: Turn, among: Sequence[Rep], reason: str, pool: str | None = None) -> Pick:
    """Whoever of `among` (at least one) the ledger owes most, charged one turn."""
    pool = turn.pool if pool is None else pool
    found = take_turn(turn.team, pool, among, turn.question, turn.asks)
    seen = Balances(found.account, found.before, found.after)
    reason = f"{reason}: a lead is owed" if found.owed else reason
    return Pick(reason, found.rep, found.ledger, (seen,), found.passed)

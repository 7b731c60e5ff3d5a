"""The fairness certificate of a pool: how far each member is from their due, and the proven bound.

It speaks of the rotation alone, since its last restart: balances begin at 0 when the pool does, and
again when a member leaves. What is owed beside the rotation, or was taken in advance, is listed
with its reasons and never subtracted from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from fairlead.core.distribute import METHODS
from fairlead.core.fairness import bound
from fairlead.core.policy import Policy
from fairlead.core.pools import gives, members_of, pools_of

_NOTHING: Mapping[str, Fraction] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Kept:
    """What the ledger says of one rep in one pool.

    `beside` is what stands outside the rotation, as sums by reason; what is owed is their total.
    """

    balance: Fraction = Fraction(0)
    received: int = 0
    beside: Mapping[str, Fraction] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True)
class Standing:
    """One member: balance in the rotation, leads received, and what is owed beside it.

    Above 0 is what they are owed. `weight` is None for one who has left.
    """

    rep: str
    kept: Kept
    weight: Fraction | None

    @property
    def is_member(self) -> bool:
        return self.weight is not None

    @property
    def owed(self) -> Fraction:
        return sum(self.kept.beside.values(), Fraction(0))


@dataclass(frozen=True, slots=True)
class Certificate:
    """`bound` is (n-1)/2 over the members since `since`; `holds` that nobody is beyond it."""

    pool: str
    members: tuple[Standing, ...]
    bound: Fraction
    since: datetime | None = None
    """When somebody left and it began again; None when nobody ever did."""
    instead: str = ""
    """What is balanced where a pool is not shared by turns; then there is no bound to hold."""

    @property
    def holds(self) -> bool:
        return all(abs(m.kept.balance) <= self.bound for m in self.members)

    @property
    def farthest(self) -> Fraction:
        return max((abs(m.kept.balance) for m in self.members), default=Fraction(0))

    def as_json(self) -> dict[str, Any]:
        """JSON-safe; fractions are "n/d"."""
        return {
            "pool": self.pool,
            "holds": self.holds,
            "bound": str(self.bound),
            "farthest": str(self.farthest),
            "certified": not self.instead,
            "instead": self.instead,
            "since": None if self.since is None else self.since.isoformat(),
            "members": [
                {
                    "rep": m.rep,
                    "member": m.is_member,
                    "weight": None if m.weight is None else str(m.weight),
                    "balance": str(m.kept.balance),
                    "received": m.kept.received,
                    "owed": str(m.owed),
                    "beside": {why: str(net) for why, net in m.kept.beside.items() if net},
                }
                for m in self.members
            ],
        }


@dataclass(frozen=True, slots=True)
class Books:
    """The ledger of every pool: what it holds of each rep, and when it began again last."""

    kept: Mapping[str, Mapping[str, Kept]]
    since: Mapping[str, datetime] = field(default_factory=dict)


def certificates(
    policy: Policy | None,
    books: Books,
    factors: Mapping[str, Mapping[str, Fraction]] = MappingProxyType({}),
) -> tuple[Certificate, ...]:
    """One certificate per pool of the policy, and per pool of the ledger that it no longer has.

    `factors` are the measured ones of weights, by team. Where there is no such pool in the policy,
    or no policy, everybody whom the rotation knows is a member of weight 1.
    """
    found = []
    for pool in sorted({*(pools_of(policy) if policy else ()), *books.kept}):
        kept = books.kept.get(pool, {})
        weights = _weights(pool, policy, factors)
        if weights is None:
            weights = {rep: Fraction(1) for rep in kept}
        standings = tuple(
            Standing(rep, kept.get(rep, Kept()), weights.get(rep))
            for rep in sorted({*weights, *kept})
        )
        n = sum(1 for s in standings if s.is_member or s.kept.balance)
        told = _instead(pool, policy)
        found.append(Certificate(pool, standings, bound(n), books.since.get(pool), told))
    return tuple(found)


def _instead(pool: str, policy: Policy | None) -> str:
    """What the team's method balances, where that is not turns."""
    for team in policy.teams.values() if policy else ():
        method = METHODS[team.method]
        if not method.by_turns and gives(team, pool):
            return f"{method.name} balances {method.balances}"
    return ""


def _weights(
    pool: str, policy: Policy | None, factors: Mapping[str, Mapping[str, Fraction]]
) -> dict[str, Fraction] | None:
    members = None if policy is None else members_of(pool, policy)
    if policy is None or members is None:
        return None
    found = {}
    for rep, name in members.items():
        entry, team = policy.roster.get(rep), policy.teams[name]
        factor = factors.get(name, {}).get(rep, 1) if team.weights is not None else 1
        found[rep] = (Fraction(1) if entry is None else entry.weight) * factor
    return found

"""The fairness certificate of a pool: how far each member is from their due, and the proven bound.

The bound holds for everybody who ever was in the pool, absent or not (see `fairness`): somebody who
left is like somebody absent, somebody new like somebody who was absent until now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from types import MappingProxyType
from typing import Any

from fairlead.core.distribute import METHODS, pool_of
from fairlead.core.fairness import bound
from fairlead.core.methods_group import role_pool
from fairlead.core.policy import Policy, Team


@dataclass(frozen=True, slots=True)
class Standing:
    """One member: balance (what they are owed), leads received, turns given back, weight.

    `returned_net` is what refunds did to the balance. `weight` is None for one who has left.
    """

    rep: str
    balance: Fraction
    received: int
    returned: int
    returned_net: Fraction
    weight: Fraction | None

    @property
    def is_member(self) -> bool:
        return self.weight is not None


@dataclass(frozen=True, slots=True)
class Certificate:
    """`bound` is (n-1)/2 over all who ever were in the pool; `holds` that nobody is beyond it.

    Each turn charged past the rotation (`forced`) may put anybody one lead further off.
    """

    pool: str
    members: tuple[Standing, ...]
    bound: Fraction
    forced: int = 0
    instead: str = ""
    """Where turns are not what is balanced: the method, and what that keeps level."""

    @property
    def holds(self) -> bool:
        return all(abs(m.balance) <= self.bound + self.forced for m in self.members)

    @property
    def farthest(self) -> Fraction:
        return max((abs(m.balance) for m in self.members), default=Fraction(0))

    def as_json(self) -> dict[str, Any]:
        """JSON-safe; fractions are "n/d"."""
        left = [m for m in self.members if not m.is_member]
        return {
            "pool": self.pool,
            "certified": not self.instead,
            "instead": self.instead,
            "holds": self.holds,
            "bound": str(self.bound),
            "farthest": str(self.farthest),
            "forced_turns": self.forced,
            "carried_over": str(sum((m.balance for m in left), Fraction(0))),
            "members": [
                {
                    "rep": m.rep,
                    "member": m.is_member,
                    "weight": None if m.weight is None else str(m.weight),
                    "balance": str(m.balance),
                    "received": m.received,
                    "turns_given_back": m.returned,
                    "given_back_net": str(m.returned_net),
                }
                for m in self.members
            ],
        }


def certificates(
    policy: Policy | None,
    received: Mapping[str, Mapping[str, tuple[Fraction, int]]],
    returned: Mapping[tuple[str, str], tuple[int, Fraction]],
    forced: Mapping[str, int] = MappingProxyType({}),
) -> tuple[Certificate, ...]:
    """One certificate per pool of the policy, and per pool of the ledger that it no longer has.

    Pools that are not shared by turns have none and say what is balanced `instead`.

    `received` is pool -> rep -> (balance, leads); `returned` is (pool, rep) -> (turns, net),
    `forced` pool -> turns charged past the rotation.
    Without a policy everybody in the ledger counts as a member of weight 1.
    """
    pools: dict[str, dict[str, Fraction]] = {}
    instead: dict[str, str] = {}
    for team in policy.teams.values() if policy else ():
        method = METHODS[team.method]
        helping = [policy.teams[name].members for name in team.helpers] if policy else []
        for pool, members in _pools(team):
            held = pools.setdefault(pool, {})
            if not method.by_turns:
                instead[pool] = f"{method.name} balances {method.balances}"
            for member in chain(members, *(() if team.options.roles else helping)):
                entry = policy.roster.get(member) if policy else None
                held[member] = Fraction(1) if entry is None else entry.weight
    found = []
    for pool in sorted({*pools, *received}):
        weights = pools.get(pool, {})
        if policy is None:
            weights = dict.fromkeys(received.get(pool, {}), Fraction(1))
        standings = []
        for rep in sorted({*weights, *received.get(pool, {})}):
            balance, leads = received.get(pool, {}).get(rep, (Fraction(0), 0))
            turns, net = returned.get((pool, rep), (0, Fraction(0)))
            standings.append(Standing(rep, balance, leads, turns, net, weights.get(rep)))
        most, n = bound(len(standings)), forced.get(pool, 0)
        found.append(Certificate(pool, tuple(standings), most, n, instead.get(pool, "")))
    return tuple(found)


def _pools(team: Team) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The ledgers of a team, each with its members: of a group one for each role."""
    for role in team.options.roles:
        yield role_pool(pool_of(team), role.name), role.members
    if not team.options.roles:
        yield pool_of(team), team.members

"""How the next rep of a team is picked; a new method is one class and its row in METHODS.

Here stand those that choose among who is free now. `methods_waiting` has those for which somebody
who comes later may be better, `methods_group` those in which more than one person has a part.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType

from fairlead.core.decision import Passed
from fairlead.core.load import Summed
from fairlead.core.methods import Method, Pick, Turn, by_turn, nobody
from fairlead.core.methods_group import Claiming, Group
from fairlead.core.methods_waiting import FirstAvailable, NextUp, Override
from fairlead.core.policy import Policy
from fairlead.core.types import Rep

__all__ = ["METHODS", "Method", "Pick", "Turn"]

OPEN = "open"
"""What least_loaded counts unless a field is named."""


class RoundRobin:
    """By turns, weighted: whoever the ledger owes most. 5:1:1 gives a a b a c a a."""

    name = "round_robin"
    by_turns = True
    balances = "everybody's share of the leads"

    def pick(self, turn: Turn) -> Pick:
        if not turn.able:
            return nobody(turn)
        return by_turn(turn, turn.able, f"next in team {turn.team.name}")


class Ranked:
    """The first in the order of the team's members who is free."""

    name = "ranked"
    by_turns = False
    balances = "nothing: the order of the members decides"

    def pick(self, turn: Turn) -> Pick:
        if not turn.able:
            return nobody(turn)
        order = {member: at for at, member in enumerate(turn.team.members, start=1)}
        first = min(turn.able, key=lambda r: order[r.id])
        pick = by_turn(turn, (first,), f"rank {order[first.id]} in team {turn.team.name}")
        passed = (Passed(r.id, f"rank {order[r.id]}") for r in turn.able if r is not first)
        return Pick(pick.reason, pick.rep, pick.ledger, pick.balances, tuple(passed))


class LeastLoaded:
    """Whoever has the least open work for their weight; of several, whose turn it is.

    Work is the number of open leads, or a number field summed over them.
    """

    name = "least_loaded"
    by_turns = False
    balances = "open leads or the sum of a field over them, and turns only among equals"

    def pick(self, turn: Turn) -> Pick:
        if not turn.able:
            return nobody(turn)
        work = {r.id: self._work(r, turn) for r in turn.able}
        least = min(work[r.id] / r.weight for r in turn.able)
        equals = [r for r in turn.able if work[r.id] / r.weight == least]
        by, team = turn.team.options.by, turn.team.name
        of = "open leads" if by == OPEN else f"of {by} in open leads"
        least_of = "fewest open leads" if by == OPEN else f"least {by} in open leads"
        pick = by_turn(turn, equals, f"least loaded in team {team}: {least_of}")
        passed = tuple(
            Passed(r.id, f"fuller: {_number(work[r.id])} {of}{_for(r)}")
            for r in turn.able
            if r not in equals
        )
        return Pick(pick.reason, pick.rep, pick.ledger, pick.balances, passed)

    def _work(self, rep: Rep, turn: Turn) -> Fraction:
        options, load = turn.team.options, turn.load(rep)
        if options.by == OPEN:
            return Fraction(load.open)
        summed = load.sums.get(options.by, Summed())
        return summed.total + summed.missing * options.missing


def _number(value: Fraction) -> str:
    return str(value) if value.denominator == 1 else f"{float(value):g}"


def _for(rep: Rep) -> str:
    return "" if rep.weight == 1 else f", for weight {rep.weight}"


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        method.name: method
        for method in (
            RoundRobin(),
            LeastLoaded(),
            FirstAvailable(),
            NextUp(),
            Override(),
            Ranked(),
            Group(),
            Claiming(),
        )
    }
)
"""Every method by the name that policies use."""


def balanced_by_load(policy: Policy) -> tuple[frozenset[str], tuple[str, ...]]:
    """The members of teams that are balanced by load, and the fields that are summed for them."""
    teams = [t for t in policy.teams.values() if t.method == LeastLoaded.name]
    members = frozenset(m for t in teams for m in t.members)
    return members, tuple(sorted({t.options.by for t in teams} - {OPEN}))

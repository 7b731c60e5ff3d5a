"""How the next rep of a team is picked; a new method is one class here and its row in METHODS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Protocol

from fairlead.core.decision import LedgerEntry
from fairlead.core.fairness import charge
from fairlead.core.types import Rep


@dataclass(frozen=True, slots=True)
class Pick:
    """The rep whose turn it is, and what the turn adds to the ledger."""

    rep: Rep
    ledger: tuple[LedgerEntry, ...]


class Method(Protocol):
    """Picks one of at least one eligible rep; pure, and the same for the same balances."""

    name: str

    def pick(self, pool: str, able: Sequence[Rep], balances: Mapping[str, Fraction]) -> Pick: ...


class RoundRobin:
    """By turns, weighted: whoever the ledger owes most. 5:1:1 gives a a b a c a a."""

    name = "round_robin"

    def pick(self, pool: str, able: Sequence[Rep], balances: Mapping[str, Fraction]) -> Pick:
        winner, entries = charge(pool, [(r.id, r.weight) for r in able], balances)
        return Pick(next(r for r in able if r.id == winner), entries)


METHODS: Mapping[str, Method] = MappingProxyType({m.name: m for m in (RoundRobin(),)})
"""Every method by the name that policies use."""

"""The world that decisions see: reps, owners, balances and loads, as they are at one instant.

Made for `routing` at the start of a transaction. What rarely changes is kept between two of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from fairlead.core.crm_word import absent_now
from fairlead.core.decision import Load, World
from fairlead.core.policy import Policy
from fairlead.core.roster import join_roster
from fairlead.core.snapshot import freeze_roster, roster_hash
from fairlead.core.types import CrmOwner
from fairlead.core.zones import VERSION
from fairlead.daemon.capacity import StoreBook, count_loads
from fairlead.daemon.peaks import keep_peaks
from fairlead.daemon.restarts import restart_pools
from fairlead.store import decisions, directory, loads, weights
from fairlead.store.db import Db


@dataclass(slots=True)
class Snapshot:
    """The world at the start of a transaction; balances and loads run on as leads are decided."""

    world: World
    running: dict[str, dict[str, Fraction]]
    loads: dict[str, Load]
    roster: bytes
    roster_hash: str
    at: datetime
    overtaken: bool = False
    """Somebody older is due for what a lead of this page could have had: release the held ones."""
    unplanned: bool = False
    """Not all that is stored is planned by this policy and roster yet: each lead that is looked at
    is planned first."""


class Snapshots:
    """Takes snapshots under one policy."""

    def __init__(self, db: Db, policy: Policy) -> None:
        self.db = db
        self.policy = policy
        self._people: tuple[object, World, bytes, str] | None = None
        self._owners: Sequence[CrmOwner] = ()
        self._lasting: tuple[object, ...] = ()
        self._seen_in_pools: frozenset[tuple[str, str]] = frozenset()

    def take(self, now: datetime) -> Snapshot:
        """The reps, owners and balances as they are now; call inside the transaction."""
        owners = directory.get_owners(self.db)
        running = decisions.balances(self.db)
        if self._came_or_went(running):
            restart_pools(self.db, self.policy, running, now)
            self._seen_in_pools = _members(running)
        base, frozen, name = self.roster(owners)
        decisions.keep_roster(self.db, name, frozen, now)
        has = count_loads(StoreBook(self.db), self.policy, base.reps, now)
        waiting, peaks = keep_peaks(self.db, self.policy, now)
        seen = replace(
            base, balances=running, loads=has, waiting=waiting, peaks=peaks,
            absent=absent_now(self.policy, base.reps, owners),
        )  # fmt: skip
        return Snapshot(seen, running, has, frozen, name, now)

    def roster(self, owners: Sequence[CrmOwner]) -> tuple[World, bytes, str]:
        """The world without what moves with each lead; its roster frozen, and named."""
        switches, factors = loads.switches(self.db), weights.factors(self.db)
        if owners != self._owners:
            self._owners, self._lasting = owners, tuple(_lasting(o) for o in owners)
        mark = (self._lasting, tuple(switches), factors)
        if self._people is None or self._people[0] != mark:
            base = World(
                join_roster(self.policy, owners, switches, factors),
                directory.owner_index(owners),
                {},
                time_data=VERSION,
            )
            frozen = freeze_roster(base)
            self._people = (mark, base, frozen, roster_hash(frozen))
        return self._people[1:]

    def _came_or_went(self, running: Mapping[str, Mapping[str, Fraction]]) -> bool:
        """Whether a pool has other members than it had when they were looked at."""
        seen = self._seen_in_pools
        if sum(map(len, running.values())) != len(seen):
            return True
        return any((pool, rep) not in seen for pool, held in running.items() for rep in held)

    def forget_pools(self) -> None:
        """Look at every pool afresh next time: one may go by turns now that did not before."""
        self._seen_in_pools = frozenset()


def _lasting(o: CrmOwner) -> tuple[object, ...]:
    """What of a user the roster is made from; who is there at this moment is none of it."""
    word = o.availability
    told = None if word is None else (word.off, word.hours, word.timezone)
    return o.crm, o.id, o.active, o.email, o.name, told


def _members(running: Mapping[str, Mapping[str, Fraction]]) -> frozenset[tuple[str, str]]:
    return frozenset((pool, rep) for pool, held in running.items() for rep in held)

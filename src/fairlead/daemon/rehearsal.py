"""A policy tried on the leads decided last: how many would go elsewhere, before it decides.

Each lead is decided again on what was known then, one by one, with the balances of then: this tells
what the change does to a lead, not how a rotation would have gone on. Nothing is written; the state
is only locked while the rows are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fairlead.clock import Clock
from fairlead.core.decide import decide
from fairlead.core.decision import Case, LedgerEntry, OutcomeKind, World
from fairlead.core.policy import Policy
from fairlead.core.roster import join_roster
from fairlead.core.snapshot import freeze_roster, thaw_inputs
from fairlead.core.turns import receivers
from fairlead.daemon.ingest import ODD_DATA
from fairlead.store import decisions, ledger, loads, policies
from fairlead.store.db import Db
from fairlead.store.decisions import DecisionRow

LEADS = 500
SECONDS = 3.0
"""The longest that a rehearsal takes; what it has not looked at by then is said to be left out."""
MOST_MOVES = 10
_NOBODY = freeze_roster(World({}, {}, {}))
_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "text": str, "number": (int, float), "bool": bool, "instant": datetime, "list": tuple,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Move:
    """So many leads that went one way would go another; each end is `rule -> team, rep or state`"""

    before: str
    after: str
    leads: int


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """`elsewhere` of `leads` would go to another team, rep or queue, or be held or left.

    `complete` is False when not all could be looked at: the time was up, or what was kept of one
    cannot be read any more. `failed` names the
    decisions that the policy could not take at all. `moves` are the most frequent ones.
    """

    leads: int
    elsewhere: int
    complete: bool
    failed: tuple[str, ...]
    moves: tuple[Move, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "leads": self.leads,
            "elsewhere": self.elsewhere,
            "complete": self.complete,
            "failed": list(self.failed),
            "moves": [{"from": m.before, "to": m.after, "leads": m.leads} for m in self.moves],
        }


def rehearse(db: Db, policy: Policy, clock: Clock, *, seconds: float = SECONDS) -> Rehearsal:
    """Decide the last 500 leads again under `policy`; reads the state, and changes nothing."""
    ends = clock.monotonic() + seconds
    past = policies.last_decisions(db, LEADS)
    worlds: dict[str, World] = {}
    looked = elsewhere = 0
    failed: list[str] = []
    moves: Counter[tuple[str, str]] = Counter()
    for row in past:
        if clock.monotonic() > ends:
            break
        try:
            if row.roster_hash not in worlds:
                worlds[row.roster_hash] = _world(db, row, policy)
            case, then = thaw_inputs(row.inputs, _NOBODY)
        except ODD_DATA:
            continue  # kept by a version we cannot read: no fault of this policy
        looked += 1
        people = worlds[row.roster_hash]
        world = replace(then, reps=people.reps, owners=people.owners)
        was = _End(
            row.rule, row.outcome, _pool(ledger.entries_of(db, row.id)), row.rep_id, row.owner_id
        )
        try:
            new = decide(_fitting(case, policy), world, policy, row.at)
        except ODD_DATA:
            failed.append(row.id)
            continue
        now = _End(new.rule, new.outcome.value, _pool(new.ledger), new.rep_id, new.owner_id)
        if now.place != was.place:
            elsewhere += 1
            moves[str(was), str(now)] += 1
    most = tuple(Move(a, b, n) for (a, b), n in moves.most_common(MOST_MOVES))
    return Rehearsal(looked, elsewhere, looked == len(past), tuple(failed), most)


def _pool(entries: Sequence[LedgerEntry]) -> str | None:
    """The pool that gave the lead, if one did."""
    return next((pool for pool, _ in receivers(entries)), None)


@dataclass(frozen=True, slots=True)
class _End:
    """Where a decision sends a lead."""

    rule: str
    outcome: str
    pool: str | None
    rep: str | None
    owner: str | None

    @property
    def place(self) -> tuple[str | None, ...]:
        if self.outcome != OutcomeKind.ASSIGN.value:
            return (self.outcome,)
        return (self.outcome, self.pool, self.rep, self.owner)

    def __str__(self) -> str:
        if self.outcome != OutcomeKind.ASSIGN.value:
            return f"{self.rule} -> {self.outcome}"
        return f"{self.rule} -> {self.pool or self.rep or self.owner}"


def _world(db: Db, row: DecisionRow, policy: Policy) -> World:
    """The CRMs' users and queues of then, joined with the roster of the policy on trial
    and with what is known of leave now."""
    _, world = thaw_inputs(row.inputs, decisions.get_roster(db, row.roster_hash))
    return replace(world, reps=join_roster(policy, world.owners.values(), loads.switches(db)))


def _fitting(case: Case, policy: Policy) -> Case:
    """Without the values that were read as another type than the policy gives their field."""
    values = {
        n: v
        for n, v in case.lead.values.items()
        if n not in policy.fields or isinstance(v, _KINDS[policy.fields[n].type])
    }
    return replace(case, lead=replace(case.lead, values=values))

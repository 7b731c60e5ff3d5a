"""Replay of a period: two policies take the same stored leads, each with a state of its own.

Above `replay_side`, which is one policy's evolution. Pure: the caller brings what was stored, in
order of time. The one side is the policy in force then, replayed, not what was stored: so what
differs comes from the candidate and not from what a replay cannot know. How far it can be trusted
is told by how many stored decisions that side reproduces.

A change is *direct* when the candidate, with the state that the other side had at that moment,
already sends the lead elsewhere (another rule or destination); else it is a *cascade*: the same
would have happened, had rotations and capacity not shifted before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from fairlead.core.policy import Policy
from fairlead.core.replay_events import Credited, Event, Given, Key, Look, Stored, TakenBack
from fairlead.core.replay_side import Asked, Side
from fairlead.core.types import Ref


class Kind(StrEnum):
    SAME = "same"
    DIRECT = "direct"
    CASCADE = "cascade"


@dataclass(frozen=True, slots=True)
class Compared:
    """One lead: where the policy in force sends it, and where the candidate would."""

    ref: Ref
    generation: int
    decision_id: str
    was: Given
    would: Given
    kind: Kind


@dataclass(frozen=True, slots=True)
class Outcome:
    """All leads of the period, in the order in which they came first.

    `reproduced` of `checked` leads came out as stored; only those are checked whose last decision
    was taken under the very policy in force. `fresh_pools` started at zero, for want of a balance
    stored in the period; `uncounted` are reps whose limit of open leads nobody counted for then.
    """

    leads: tuple[Compared, ...]
    reproduced: int
    checked: int
    not_reproduced: tuple[str, ...]
    fresh_pools: tuple[str, ...]
    uncounted: tuple[str, ...]

    def count(self, kind: Kind) -> int:
        return sum(c.kind is kind for c in self.leads)

    def by_rep(self) -> dict[str, tuple[int, int]]:
        """Leads that each rep gets: with the policy in force, and with the candidate."""
        return _both(self.leads, lambda g: g.rep_id)

    def by_rule(self) -> dict[str, tuple[int, int]]:
        """Leads that each rule takes, held ones among them; none for those left alone."""
        return _both(self.leads, lambda g: g.rule or None)

    def by_end(self) -> dict[str, tuple[int, int]]:
        """Leads by how the period ends for them: assigned, held, left."""
        return _both(self.leads, lambda g: g.state.value)


def _both(
    leads: tuple[Compared, ...], name: Callable[[Given], str | None]
) -> dict[str, tuple[int, int]]:
    was = Counter(n for c in leads if (n := name(c.was)) is not None)
    would = Counter(n for c in leads if (n := name(c.would)) is not None)
    return {n: (was[n], would[n]) for n in sorted({*was, *would})}


def kind_of(was: Given, would: Given, *, direct: bool) -> Kind:
    """What a change is; `direct` says that the candidate did it by itself on equal state."""
    if was.where == would.where and was.owner == would.owner:
        return Kind.SAME
    return Kind.DIRECT if direct and was.where != would.where else Kind.CASCADE


def same(one: Asked, other: Asked) -> bool:
    """Whether both say the same of a lead, and would look at it again for the same."""
    a, b = one.decision, other.decision
    return (a.outcome, a.reason, a.places, a.retry_at) == (
        b.outcome,
        b.reason,
        b.places,
        b.retry_at,
    )


@dataclass(slots=True)
class Replay:
    """Feed it events in order of time, then ask for the outcome.

    `balances` are those that each pool had when the period began, as far as they are known;
    `received` the instants at which each rep had got leads before; `open_before` the leads that
    were open then, by rep, for those whom nobody counted.
    """

    active: Policy
    candidate: Policy
    balances: Mapping[str, Mapping[str, Fraction]]
    received: Mapping[str, list[datetime]]
    open_before: Mapping[str, int]
    was: Side = field(init=False)
    would: Side = field(init=False)
    _direct: set[Key] = field(init=False, default_factory=set)
    _stored: dict[Key, Stored] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        before = self.balances, self.received, self.open_before
        self.was = Side(self.active, *before, exact=True)
        self.would = Side(
            self.candidate, *before, exact=self.candidate.hash == self.active.hash
        )  # fmt: skip

    def take(self, event: Event) -> None:
        """One thing that happened; raises nothing for what the store can bring."""
        if isinstance(event, Look):
            self._look(event)
            return
        for side in (self.was, self.would):
            if isinstance(event, TakenBack):
                side.taken_back(event)
            elif isinstance(event, Credited):
                side.credited(event)
            else:
                side.ended(event)

    def _look(self, look: Look) -> None:
        self._stored[look.key] = look.stored
        for side in (self.was, self.would):
            side.move_to(look)
        theirs = self.would.ask(look)
        ours = self.was.ask(look)
        if theirs is not None and ours is not None and theirs.given.where != ours.given.where:
            alone = self.would.ask_with(look, self.was)
            if alone.where != ours.given.where:
                self._direct.add(look.key)
        as_stored = ours is not None and ours.given.matches(look.stored)
        alike = as_stored and theirs is not None and ours is not None and same(theirs, ours)
        if theirs is not None:
            self.would.commit(look, theirs, really=alike)
        if ours is not None:
            self.was.commit(look, ours, really=as_stored)
        for side in (self.would, self.was):
            side.really(look)

    def end(self, at: datetime) -> None:
        """Let time pass until the end of the period: who was due by then is looked at."""
        for side in (self.was, self.would):
            side.advance(at)

    def outcome(self) -> Outcome:
        compared: list[Compared] = []
        checked, differ = 0, list[str]()
        for key, stored in self._stored.items():
            was, would = self.was.given[key], self.would.given[key]
            kind = kind_of(was, would, direct=key in self._direct)
            compared.append(Compared(*key, stored.id, was, would, kind))
            if stored.policy_hash == self.active.hash and not was.followed:
                checked += 1
                if not was.matches(stored):
                    differ.append(stored.id)
        fresh = (self.would.pools | self.was.pools) - set(self.balances)
        return Outcome(
            tuple(compared), checked - len(differ), checked, tuple(differ), tuple(sorted(fresh)),
            tuple(sorted(self.was.loads.uncounted | self.would.loads.uncounted)),
        )  # fmt: skip

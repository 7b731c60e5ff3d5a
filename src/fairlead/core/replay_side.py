"""One policy's side of a replay: balances, loads and held leads as they would have evolved.

Between `decide` and `replay`. Time moves with the events; between two of them the held leads whose
time has come are looked at, by priority and age, as the daemon does. What people did meanwhile
(took a lead, closed it, deleted it) is taken over as it was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction

from fairlead.core.decide import decide
from fairlead.core.decision import Case, Decision, Known, OutcomeKind, World
from fairlead.core.fairness import after
from fairlead.core.leave import Switch
from fairlead.core.peaks import peaks_on
from fairlead.core.policy import Policy
from fairlead.core.replay_events import (
    DUPLICATE,
    Credited,
    Ended,
    Given,
    Key,
    Look,
    TakenBack,
    asks_again,
    fitting,
    given,
    still_refused,
)
from fairlead.core.replay_loads import Loads
from fairlead.core.replay_people import absent_of, people_of
from fairlead.core.turns import CREDIT, REFUND, given_back
from fairlead.core.types import Ref, Rep

GRACE = timedelta(minutes=2)
"""A held lead that was really looked at so soon after it was due waits for that look."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A decision of this side that is not yet committed."""

    decision: Decision
    given: Given


@dataclass(slots=True)
class _Held:
    """`really`: it was really held, too, and for the same; so it was looked at when it was."""

    look: Look
    decision: Decision
    due: datetime | None
    really: bool = False


class Side:
    """The state of one policy through the period.

    `exact`: it is the policy that was really in force, so what it really held stayed held until
    the next stored decision on it, however late the daemon came to it.
    """

    def __init__(
        self,
        policy: Policy,
        balances: Mapping[str, Mapping[str, Fraction]],
        received: Mapping[str, list[datetime]],
        open_before: Mapping[str, int],
        *,
        exact: bool = False,
    ) -> None:
        self.policy = policy
        self.exact = exact
        self.balances: dict[str, Mapping[str, Fraction]] = dict(balances)
        self.given: dict[Key, Given] = {}
        self.pools: set[str] = set()
        self.loads = Loads(policy, received, open_before)
        self._charged: dict[Key, tuple[Decision, datetime]] = {}
        self._last: dict[Ref, Key] = {}
        self._by_ref: dict[Ref, Given] = {}
        self._back: set[Key] = set()
        self._held: dict[Key, _Held] = {}
        self._people: dict[tuple[str, tuple[Switch, ...]], Mapping[str, Rep]] = {}
        self._now: Look | None = None

    # -- what happened ----------------------------------------------------------------------

    def move_to(self, look: Look) -> None:
        """Let time pass until this look, and see what it tells of the world."""
        self.advance(look.at)
        before = self._now
        self._now = look
        self.loads.counted(look.open)
        if before is None or (before.roster, before.switches) != (look.roster, look.switches):
            for held in self._held.values():
                held.due = look.at
        self.advance(look.at)

    def ask(self, look: Look) -> Asked | None:
        """What this side decides on the lead now; None when it is settled here."""
        settled = look.key not in self._held and look.key not in self._back
        before = self.given.get(look.key)
        if before is not None and settled and not asks_again(before, look.case):
            return None
        decision = self._decide(look, look.at)
        return Asked(decision, given(decision, look.at))

    def ask_with(self, look: Look, other: Side) -> Given:
        """What this side's policy makes of the lead with the other side's state."""
        case = fitting(other._as_here(look.case), self.policy)
        return given(decide(case, self._world(look, other), self.policy, look.at), look.at)

    def commit(self, look: Look, asked: Asked, *, really: bool = False) -> None:
        """Let the decision count; `really`: the like of it was decided then, with this outcome."""
        self.loads.take(look.ref)
        self._back.discard(look.key)
        self._settle(look, asked.decision, look.at)
        if really and look.key in self._held:
            self._held[look.key].really = True

    def really(self, look: Look) -> None:
        """Count what was really done with the lead, for those whose load is known as it was."""
        was = look.stored
        if was.outcome == OutcomeKind.ASSIGN.value and was.rep_id is not None and was.rule:
            self.loads.really_given(look.ref, was.rep_id)

    def taken_back(self, event: TakenBack) -> None:
        """The lead did not reach its owner: the turn is given back here, too."""
        self.advance(event.at)
        key = self._key_of(event)
        if self._is_last(key):
            self.loads.really_ended(event.ref)
        here = self._by_ref.get(event.ref) if self._is_last(key) else self.given.get(key)
        if event.only is None or here is None or event.only in (here.rep_id, here.owner_id):
            self._refund(key, unable=event.only is not None)
            self._back.add(key)
        self.advance(event.at)

    def credited(self, event: Credited) -> None:
        """The turn is given back; the lead stays where it is."""
        self.advance(event.at)
        decision, _ = self._charged.pop(self._key_of(event), (None, None))
        if decision is not None:
            self._owe(decision, CREDIT)
        self.advance(event.at)

    def ended(self, event: Ended) -> None:
        """It counts for nobody any more; one that waits here waits no longer."""
        self.advance(event.at)
        self.loads.take(event.ref)
        self.loads.really_ended(event.ref)
        self._by_ref.pop(event.ref, None)
        for key in [k for k in self._held if k[0] == event.ref]:
            del self._held[key]
        self.advance(event.at)

    def _key_of(self, event: TakenBack | Credited) -> Key:
        """Which turn of the lead is given back: the one of that generation, or the last."""
        if event.generation is not None:
            return event.ref, event.generation
        return self._last.get(event.ref, (event.ref, 1))

    def _is_last(self, key: Key) -> bool:
        return self._last.get(key[0], key) == key

    # -- time -------------------------------------------------------------------------------

    def advance(self, to: datetime) -> None:
        """Look at every held lead that is due until then, the urgent and the older first."""
        while True:
            due = [h.due for h in self._held.values() if h.due is not None and h.due <= to]
            if due:
                at = min(due)
                self._release([h for h in self._held.values() if h.due is not None and h.due <= at])
            elif not self._fill(to):
                return

    def _release(self, held: Sequence[_Held]) -> None:
        for h in sorted(held, key=_order):
            at, coming = h.due, h.look.next_at
            if at is None or h.look.key not in self._held:
                continue
            if coming is not None and (h.really or _soon(at, coming)):
                h.due = coming + timedelta(seconds=1)
            elif h.really and self.exact:
                h.due = None
            else:
                self._look_again(h, at)

    def _fill(self, at: datetime) -> bool:
        """Give the places that have come free to those who wait for them; False: none has."""
        freed = self.loads.freed()
        for rep, places in freed.items():
            for h in sorted(self._waiting_for(rep), key=_order):
                coming = h.look.next_at
                if places <= 0:
                    break
                if coming is not None and _soon(at, coming):
                    places -= 1
                elif h.look.key in self._held and not (h.really and self.exact):
                    places -= self._look_again(h, at)
        return bool(freed)

    def _waiting_for(self, rep: str) -> list[_Held]:
        places = {f"rep:{rep}"}
        places |= {f"team:{t.name}" for t in self.policy.teams.values() if rep in t.members}
        return [h for h in self._held.values() if not places.isdisjoint(h.decision.places)]

    def _look_again(self, held: _Held, at: datetime) -> bool:
        """True when somebody takes it."""
        now = self._now
        case = still_refused(held.look.case, held.look.at, at)
        look = replace(held.look, case=case)
        look = look if now is None else replace(
            look, roster=now.roster, owners=now.owners, switches=now.switches,
            people=now.people, absent=now.absent, waiting=now.waiting, peaks=now.peaks,
        )  # fmt: skip
        decision = self._decide(look, at)
        self._settle(look, decision, at)
        return decision.outcome is OutcomeKind.ASSIGN

    # -- deciding ---------------------------------------------------------------------------

    def _decide(self, look: Look, at: datetime) -> Decision:
        case = fitting(self._as_here(look.case), self.policy)
        return decide(case, self._world(look, self, at), self.policy, at)

    def _world(self, look: Look, state: Side, at: datetime | None = None) -> World:
        """The people as this side's roster has them, with the balances and loads of `state`."""
        known = (look.roster, look.switches)
        if known not in self._people:
            self._people[known] = people_of(self.policy, look)
        reps = self._people[known]
        loads = state.loads.of(reps, self.policy, at or look.at)
        return World(
            reps, look.owners, dict(state.balances), loads, look.time_data,
            absent_of(self.policy, look), look.waiting,
            peaks_on(self.policy.teams.values(), look.waiting, look.peaks),
        )  # fmt: skip

    def _as_here(self, case: Case) -> Case:
        """The case with the owners that duplicates have on this side."""
        if not case.match.known:
            return case
        known = tuple(self._known(k) for k in case.match.known)
        return replace(case, match=replace(case.match, known=known))

    def _known(self, k: Known) -> Known:
        here = self._by_ref.get(k.ref)
        if here is None:
            return k
        if here.outcome is OutcomeKind.ASSIGN:
            return replace(k, owner_id=here.owner_id, rep_id=here.rep_id, decided_at=here.at)
        if not self.loads.really_has(k.ref):
            return k
        return replace(k, owner_id=None, rep_id=None, decided_at=None)

    def _settle(self, look: Look, decision: Decision, at: datetime) -> None:
        key = look.key
        self.given[key] = self._by_ref[look.ref] = given(decision, at)
        self._last[look.ref] = key
        self._held.pop(key, None)
        if decision.outcome is OutcomeKind.HOLD:
            due = decision.retry_at
            if due is not None and due <= at:
                due = None
            self._held[key] = _Held(look, decision, due)
        if decision.outcome is not OutcomeKind.ASSIGN:
            return
        for pool in {e.pool for e in decision.ledger}:
            entries = [e for e in decision.ledger if e.pool == pool]
            self.balances[pool] = after(self.balances.get(pool, {}), entries)
            self.pools.add(pool)
        self._charged[key] = (decision, at)
        if decision.rep_id is not None and decision.follows is None:
            self.loads.give(look.ref, decision.rep_id, at)
        self._take_along(look, decision, at)

    def _take_along(self, look: Look, decision: Decision, at: datetime) -> None:
        """Other records of the person in this CRM that wait go to the same owner."""
        same = [
            key
            for key, h in self._held.items()
            if h.look.case.person_id == look.case.person_id and key[0].crm == look.ref.crm
        ]
        for key in same:
            del self._held[key]
            found = replace(given(decision, at), place=DUPLICATE, rule="", followed=True)
            self.given[key] = self._by_ref[key[0]] = found

    def _refund(self, key: Key, *, unable: bool) -> None:
        charged = self._charged.pop(key, None)
        if charged is None:
            return
        decision, at = charged
        if self._is_last(key):
            self.loads.take(key[0], at)
        elif decision.rep_id is not None and decision.follows is None:
            self.loads.unreceived(decision.rep_id, at)
        self._owe(decision, REFUND, unable=unable)

    def _owe(self, decision: Decision, reason: str, *, unable: bool = False) -> None:
        for e in given_back(decision.ledger, decision.rep_id or "", reason, unable=unable):
            self.balances[e.pool] = after(self.balances.get(e.pool, {}), [e])


def _soon(at: datetime, coming: datetime) -> bool:
    return timedelta(0) <= coming - at <= GRACE


def _order(held: _Held) -> tuple[bool, datetime, str]:
    seen = held.look.case.first_seen_at or held.look.at
    return not held.decision.high_priority, seen, held.look.ref.id

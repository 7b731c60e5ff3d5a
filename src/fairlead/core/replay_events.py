"""What a replay is fed with, in order of time, and what it says became of a lead.

Below `replay_side`. Also asked by the shadow, which compares in the same words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from fairlead.core.decision import REFUSAL_HOLDS, Case, Decision, OutcomeKind
from fairlead.core.leave import Switch
from fairlead.core.policy import Policy
from fairlead.core.types import CrmOwner, LeadState, Ref, Rep

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "text": str, "number": (int, float), "bool": bool, "instant": datetime, "list": tuple,
}  # fmt: skip
DUPLICATE = "the owner of a duplicate"
Key = tuple[Ref, int]
"""A record and its generation: what is routed once."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What came out of a stored decision, and under which policy."""

    id: str
    policy_hash: str
    outcome: str
    rule: str
    rep_id: str | None
    owner_id: str | None


@dataclass(frozen=True, slots=True)
class Look:
    """One stored decision: what it was told, and what came out.

    `roster` names the users and queues known then, `owners` are those; `switches` what had been
    said of leave. `open` are the open leads of the reps for whom they were counted then. `next_at`
    is the next stored decision on the same key. `people` are the reps as they were then, `absent`
    those away by a CRM's word, `waiting` and `peaks` what teams with a plan had. Instants are aware
    UTC.
    """

    at: datetime
    case: Case
    roster: str
    owners: Mapping[tuple[str, str], CrmOwner]
    switches: tuple[Switch, ...]
    time_data: str
    open: Mapping[str, int]
    stored: Stored
    next_at: datetime | None = None
    people: Mapping[str, Rep] = field(default_factory=lambda: MappingProxyType({}))
    absent: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    waiting: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    peaks: frozenset[str] = frozenset()

    @property
    def ref(self) -> Ref:
        return self.case.lead.ref

    @property
    def key(self) -> Key:
        return self.case.lead.ref, self.case.generation


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A turn was given back: the lead did not reach the rep who had been chosen.

    With `only`, the CRM refused this owner: whoever else had been chosen would have got it. It is
    the turn of this `generation`, or of the last one.
    """

    at: datetime
    ref: Ref
    only: str | None = None
    generation: int | None = None


@dataclass(frozen=True, slots=True)
class Credited:
    """The lead was not worth a turn: whoever had been chosen has the turn back.

    It is the turn of this `generation`, or of the last one.
    """

    at: datetime
    ref: Ref
    generation: int | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A lead is nobody's open one any more, or its owner is a person's choice from now on."""

    at: datetime
    ref: Ref


Event = Look | TakenBack | Credited | Ended


@dataclass(frozen=True, slots=True)
class Given:
    """What became of a lead on one side; `place` is the team or rep it went through, if any."""

    outcome: OutcomeKind
    state: LeadState
    rule: str
    place: str
    rep_id: str | None
    owner_id: str | None
    reason: str
    at: datetime
    followed: bool = False
    """Another record of the person was routed, and this one went along."""

    @property
    def where(self) -> tuple[str, str, str]:
        """The rule and destination, without the rep whose turn it was."""
        return self.outcome.value, self.rule, self.place

    @property
    def owner(self) -> str | None:
        return self.rep_id or self.owner_id

    def matches(self, stored: Stored) -> bool:
        """Whether it came out as it was stored."""
        return (self.outcome.value, self.rule, self.rep_id, self.owner_id) == (
            stored.outcome, stored.rule, stored.rep_id, stored.owner_id,
        )  # fmt: skip


def given(decision: Decision, at: datetime) -> Given:
    """What a decision means for its lead."""
    place = decision.places[-1] if decision.places else ""
    if decision.outcome is not OutcomeKind.ASSIGN:
        place = ""
    elif decision.follows is not None:
        place = DUPLICATE
    elif not place:
        place = f"owner:{decision.owner_id}"
    return Given(
        decision.outcome, decision.state, decision.rule, place, decision.rep_id,
        decision.owner_id, decision.reason, at,
    )  # fmt: skip


def fitting(case: Case, policy: Policy) -> Case:
    """The case without values that were read as another type than this policy gives their field."""
    values = case.lead.values
    wrong = {
        n
        for n, spec in policy.fields.items()
        if values.get(n) is not None and not isinstance(values[n], _TYPES[spec.type])
    }
    if not wrong:
        return case
    kept = {n: v for n, v in values.items() if n not in wrong}
    return replace(case, lead=replace(case.lead, values=kept))


def still_refused(case: Case, then: datetime, now: datetime) -> Case:
    """The case, decided on `then`, without the owners that the CRM would not take: it is asked
    again of each after a while. Whom an order leaves out stays out."""
    if not case.excluded or now < then + REFUSAL_HOLDS:
        return case
    leaving = frozenset() if case.order is None else case.order.leaving
    return replace(case, excluded=case.excluded & leaving)


def asks_again(before: Given, case: Case) -> bool:
    """Whether a lead that was settled is to be decided on once more: only for what still holds.

    A refused owner, one to take it from, or a queue out of which nobody took it in time counts only
    if this side had chosen the same.
    """
    if before.outcome is not OutcomeKind.ASSIGN:
        return True
    if any(offer.queue_id == before.owner_id for offer in case.offers):
        return True
    if case.excluded:
        return before.rep_id in case.excluded or before.owner_id in case.excluded
    return case.rerun

"""What `decide` is told and what it answers.

`World` and `Match` are snapshots taken by the store inside the deciding transaction; a decision
stores them (`inputs`), so that it can be taken again, bit for bit, at any later time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from fairlead.core.claim import Claim, Offer
from fairlead.core.load import Load as Load
from fairlead.core.policy import Place, Policy, Rule, Verdict
from fairlead.core.scoring import Score
from fairlead.core.types import Account, CrmOwner, Lead, LeadState, Ref, Rep, Value

REFUSAL_HOLDS = timedelta(minutes=15)
"""How long an owner whom the CRM would not take is left out; a refusal is no verdict for ever."""


@dataclass(frozen=True, slots=True)
class World:
    """Who can own leads now, and what each pool's members are owed.

    `reps` is the roster joined with the CRMs' users, by rep id. `owners` is every user and queue by
    (crm, owner id). `balances` is the fairness ledger: pool -> rep id -> balance; a rep without an
    entry starts at 0. `loads` counts for those who have a capacity or are balanced by load; without
    an entry, nothing.
    `time_data` names the editions of time zones and holidays that calendars are read with.
    `absent` names for a rep who is away now, by the CRM's own word, that CRM. `waiting` counts the
    leads held for each team that has a plan for peaks, `peaks` are the teams whose plan is on.
    """

    reps: Mapping[str, Rep]
    owners: Mapping[tuple[str, str], CrmOwner]
    balances: Mapping[str, Mapping[str, Fraction]]
    loads: Mapping[str, Load] = field(default_factory=dict)
    time_data: str = ""
    absent: Mapping[str, str] = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)
    peaks: frozenset[str] = frozenset()

    def rep_of(self, crm: str, owner_id: str) -> Rep | None:
        """The rep behind a CRM owner id, if the roster knows that person."""
        return next((r for r in self.reps.values() if r.crm_ids.get(crm) == owner_id), None)

    def queue_named(self, crm: str, name: str) -> CrmOwner | None:
        """The queue of this CRM with this name (case-insensitive)."""
        wanted = name.casefold()
        for o in self.owners.values():
            if o.crm == crm and o.kind == "queue" and o.name.casefold() == wanted:
                return o
        return None


@dataclass(frozen=True, slots=True)
class Known:
    """Another record of the same person, and who owns it: the owner a duplicate follows.

    `rep_id` is None when a person outside the roster or a queue owns it; `key` is the identity key
    the two records share, e.g. "email".
    """

    ref: Ref
    owner_id: str | None
    rep_id: str | None
    key: str
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class Match:
    """What the lead belongs to: an account (or the reason for none) and its known duplicates.

    `parents` are the accounts above it, the nearest first; none is there twice.
    """

    account: Account | None = None
    account_reason: str = "no account has this domain"
    known: tuple[Known, ...] = ()
    parents: tuple[Account, ...] = ()


BACKFILL = "backfill"
REASSIGN = "reassign"
OVERRIDE = "override"
REROUTE = "reroute"
SLA = "sla"
DECAY = "decay"
RECYCLE = "recycle"

BY_HAND = "by hand"
"""Stands for the rule's name where an order named the team or the rep."""


class OutcomeKind(StrEnum):
    ASSIGN = "assign"
    HOLD = "hold"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One line of the fairness ledger: what a rep gains (share) or pays (1) in a pool."""

    pool: str
    rep_id: str
    delta: Fraction
    reason: str


@dataclass(frozen=True, slots=True)
class Passed:
    """A candidate that was not chosen, and why."""

    rep_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Balances:
    """What the members of one pool were owed before a decision and are owed after it."""

    pool: str
    before: Mapping[str, Fraction]
    after: Mapping[str, Fraction]


@dataclass(frozen=True, slots=True)
class Companion:
    """Somebody who works on a lead beside its owner, in a role of a group; gets a task."""

    role: str
    rep_id: str
    owner_id: str


@dataclass(frozen=True, slots=True)
class RuleTried:
    """One rule on the path: its name, whether it took the lead, its condition's verdict."""

    name: str
    taken: bool
    verdict: Verdict | None
    note: str = ""
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """The whole path of a decision, for `why`; recomputed on demand, never stored."""

    rules: tuple[RuleTried, ...] = ()
    passed: tuple[Passed, ...] = ()
    pool: str | None = None
    balances_before: Mapping[str, Fraction] = field(default_factory=dict)
    balances_after: Mapping[str, Fraction] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    also: tuple[Balances, ...] = ()
    """The balances of the other roles of a group."""
    read: tuple[str, ...] = ()
    """Every pool whose balances were looked at, also when nobody got the lead."""
    score: Score | None = None
    """The lead's points, where the policy scores."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Who gets the lead, or why nobody does now.

    `owner_id` is the CRM owner id (user or queue) in the lead's own CRM when the outcome is ASSIGN;
    `rep_id` is set when that owner is a rep. `state` is the lead's state once the effects are
    done; `reason` is one short sentence, safe to show, without lead data beyond field names.
    `rule` is the name of the rule that took the lead, "" when none was asked.
    """

    outcome: OutcomeKind
    state: LeadState
    reason: str
    rule: str
    rep_id: str | None
    owner_id: str | None
    high_priority: bool
    ledger: tuple[LedgerEntry, ...]
    trace: Trace
    follows: Ref | None = None
    """The other record of the person whose owner this one follows; it brings no task of its own."""
    arms: Mapping[str, str] = field(default_factory=dict)
    """The arm of each split of the policy that the lead is in."""
    places: tuple[str, ...] = ()
    """`team:x` and `rep:y`: the one that took it when assigned, all that it waits for when held."""
    retry_at: datetime | None = None
    """When held: the end of what it waits for, or the first instant at which a candidate can take
    it, whichever is earlier; None when neither can be told."""
    companions: tuple[Companion, ...] = ()
    claim: Claim | None = None
    """When the owner is a claim queue: who may take it from there."""


@dataclass(frozen=True, slots=True)
class Order:
    """A routing that a person or the policy asked for, what it may do and why.

    `kind` is backfill, reassign, override, reroute for the policy's `reroute_on`, sla for a step
    of an SLA's path, decay for a level of decay, or recycle for a lead that comes back.
    `taken_from` is the owner id that the order saw on the record: whoever got it since then keeps
    it. `leaving` are the rep and owner ids that are not to get it back. `to` is the rep of an
    override, `team` the team to ask instead of the rules.
    """

    kind: str
    by: str
    reason: str = ""
    taken_from: str | None = None
    leaving: frozenset[str] = frozenset()
    to: str | None = None
    team: str | None = None
    even_if_away: bool = False
    whole_person: bool = False
    """It is about the person: other records that the same rep has do not hold it back."""

    @property
    def takes(self) -> bool:
        """Whether it may take the lead from the person who owns it."""
        return self.kind != BACKFILL


def rule_told(rule: str, order: Order | None) -> str:
    """The rule as people read it: where no rule gave a lead, the SLA or the level of decay did."""
    if rule == BY_HAND and order is not None and order.kind in (SLA, DECAY):
        return order.by
    return rule


@dataclass(frozen=True, slots=True)
class Case:
    """One person being routed for the n-th time, through one record of theirs."""

    person_id: str
    generation: int
    lead: Lead
    match: Match
    excluded: frozenset[str] = frozenset()
    """Reps not to choose again in this generation, e.g. the CRM refused them as owner.

    Owners outside the roster are named by their CRM owner id.
    """
    rerun: bool = False
    """Somebody ordered this routing (`reassign`, a breach): the lead may be taken from the person
    who owns it, `pick_up` is not asked, and duplicates are not followed back to the old owner. A
    higher generation alone says no such thing: a held lead that is released may be owned by now."""
    first_seen_at: datetime | None = None
    """When we saw the record for the first time; how long it has waited is counted from then on."""
    order: Order | None = None
    """What a person ordered of this generation; None when it came about by itself."""
    offers: tuple[Offer, ...] = ()
    """The claim queues that the record was put into and has not been taken from."""

    def why_excluded(self, owner: str) -> str:
        """Why a rep or owner of `excluded` is not to be chosen."""
        leaving = self.order is not None and owner in self.order.leaving
        return "the lead is taken from them" if leaving else "refused by the CRM as owner"


@dataclass(frozen=True, slots=True)
class Question:
    """What every destination is asked about: the case, what rules see of it, and the moment."""

    case: Case
    values: Mapping[str, Value]
    world: World
    policy: Policy
    now: datetime
    rule: Rule | None = None
    """The rule whose destination is asked, once there is one."""

    @property
    def crm(self) -> str:
        return self.case.lead.ref.crm

    @property
    def seen_at(self) -> datetime:
        """When the lead's waiting began; a case without it is seen now."""
        return self.case.first_seen_at or self.now

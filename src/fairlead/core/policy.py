"""The policy as the core uses it: compiled, cross-checked, frozen.

`core/policy_file.py` makes one from text and reports every mistake with its place; nothing here
reads files. Equal text gives an equal policy with an equal `hash`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from types import MappingProxyType
from typing import Protocol

from fairlead.core.cadence_terms import Cadence
from fairlead.core.decay_terms import Level
from fairlead.core.leave import Leave
from fairlead.core.place import Place as Place
from fairlead.core.ramp import Ramp
from fairlead.core.recycling_terms import Recycling
from fairlead.core.scorecard import Scorecard
from fairlead.core.signals import Signals
from fairlead.core.sla_terms import Sla
from fairlead.core.tables import Table
from fairlead.core.types import NO_LIMITS, Capacity, Value
from fairlead.core.worktime import Calendar


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a condition was true or false: the text of the part, its answer, the values it saw.

    `children` are the parts of `and`, `or`, `not`. A part that was not needed has result None.
    """

    text: str
    result: bool | None
    seen: Mapping[str, Value]
    children: tuple[Verdict, ...] = ()


class Condition(Protocol):
    """A compiled condition; pure, total, linear in the size of its text and values."""

    @property
    def text(self) -> str: ...

    @property
    def names(self) -> frozenset[str]: ...

    def test(self, values: Mapping[str, Value]) -> bool:
        """Whether it holds; a comparison with a missing value is false."""
        ...

    def explain(self, values: Mapping[str, Value]) -> Verdict:
        """The same answer with its parts; agrees with `test` always."""
        ...


@dataclass(frozen=True, slots=True)
class ToTeam:
    """To a team: by name, or by the text found at `path` of the lead (`territory.team`)."""

    team: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class ToRep:
    """To one rep: by id (e-mail), or by the text found at `path` of the lead."""

    rep: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class ToQueue:
    """To a queue of the lead's own CRM, by its name there, or by the text found at `path`."""

    queue: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class ToAccountOwner:
    """To the owner of the account the lead belongs to; with `parent`, of the one at the top."""

    parent: bool = False


@dataclass(frozen=True, slots=True)
class ToManager:
    """To the manager of the team that the rule leads to, named as in `ToTeam`."""

    team: str | None = None
    path: str | None = None


Destination = ToTeam | ToRep | ToQueue | ToAccountOwner | ToManager


@dataclass(frozen=True, slots=True)
class Hold:
    """Wait for somebody who can take the lead, `at_most` so long after it was first seen, if so."""

    at_most: timedelta | None = None


@dataclass(frozen=True, slots=True)
class SkillAsk:
    """A skill asked for: the values written, or those found at `path` of the lead.

    With `within` it is no skill: how far the rep's clock may be from the lead's.
    """

    skill: str
    values: tuple[str, ...] = ()
    path: str | None = None
    within: timedelta | None = None


@dataclass(frozen=True, slots=True)
class HoldUntil:
    """Wait until the lead has this field, `at_most` so long after it was first seen."""

    field: str
    at_most: timedelta


@dataclass(frozen=True, slots=True)
class Rule:
    """One ordered rule; a group has `rules` and no destination.

    A group whose condition holds offers the lead to its own rules in order; when none takes it, the
    next rule after the group is tried. `if_away` is where the lead goes when the destination
    cannot take it (inactive, no user in that CRM, no account owner); None falls to `otherwise`.
    `hold` waits for the first destination before `if_away`, and before `otherwise`, is asked.
    `need` and `prefer` are asked of the teams it names; `relax_after` drops `need` for a lead first
    seen so long ago. `sticky` stands for the policy's own, for the leads that this rule takes.
    `pool` keeps the turns for these leads apart from the team's other ones.
    """

    name: str
    when: Condition | None
    to: Destination | None
    if_away: Destination | None
    rules: tuple[Rule, ...]
    high_priority: bool
    place: Place
    need: tuple[SkillAsk, ...] = ()
    prefer: tuple[SkillAsk, ...] = ()
    relax_after: timedelta | None = None
    hold_until: HoldUntil | None = None
    sticky: timedelta | None = None
    hold: Hold | None = None
    pool: str | None = None
    slas: tuple[str, ...] = ()
    """The SLAs of the leads that this rule gives to somebody."""
    cadence: str | None = None
    """How these leads are followed up."""


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """One rep as the admin wrote it. `weight` is exact and > 0; `crm_ids` only where given."""

    id: str
    name: str | None
    weight: Fraction
    crm_ids: Mapping[str, str]
    place: Place
    calendar: str | None = None
    away: tuple[Leave, ...] = ()
    capacity: Capacity = NO_LIMITS
    skills: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    skills_reviewed: date | None = None
    ramp: Ramp | None = None
    cover: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """While fewer than `below` members can take a lead, those of `team` are candidates, too."""

    team: str
    below: int


@dataclass(frozen=True, slots=True)
class Peak:
    """From more than `above` waiting leads until fewer than `below`, `team` helps out."""

    team: str
    above: int
    below: int


@dataclass(frozen=True, slots=True)
class Role:
    """One seat of a group: its name, and who can take it."""

    name: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MethodOptions:
    """What a team's method is told beside its name; each method reads its own.

    `by` is `open` or the number field of a lead that least_loaded sums, a lead without it counting
    `missing`; `max_delay` is how long override waits at most; `roles` are a group's, the owner's
    first; `queue` and `unclaimed_after` are those of claim.
    """

    by: str = "open"
    missing: Fraction = Fraction(0)
    max_delay: timedelta = timedelta()
    roles: tuple[Role, ...] = ()
    queue: str = ""
    unclaimed_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Weighing:
    """Weights from results: how they are measured, and how far and how often they move.

    The roster's weight is multiplied by a factor between `floor` and `ceiling` that moves at most
    by `step` each time, `every` so long. `prior` leads at the team's rate are added to everybody's.
    """

    over: timedelta
    floor: Fraction
    ceiling: Fraction
    step: Fraction
    every: timedelta
    prior: int
    apply: bool


@dataclass(frozen=True, slots=True)
class Team:
    """Reps that share leads. `scope` names the ledger: the rule's, its own (team), the company's.

    `backup` is the team that gets the leads while nobody in this one can take any. `charge` names
    the leads from outside the rotation that count as a turn: `account_owner`, `named`, `by_hand`,
    `followed`. `make_up` is the most turns made up for after an absence, None: none. The order of
    `members` is their rank. A group's members are those of its roles.
    """

    name: str
    members: tuple[str, ...]
    method: str
    scope: str
    manager: str | None
    place: Place
    backup: str | None = None
    options: MethodOptions = MethodOptions()
    coverage: Coverage | None = None
    peak: Peak | None = None
    charge: tuple[str, ...] = ()
    make_up: int | None = None
    weights: Weighing | None = None

    @property
    def helpers(self) -> tuple[str, ...]:
        """The teams whose members may join this one's."""
        return tuple(p.team for p in (self.coverage, self.peak) if p is not None)


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A custom field by the name that rules use; `sources` maps CRM to its field name."""

    name: str
    type: str
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Source:
    """Where leads come from. `pick_up` None takes every new lead that no person owns."""

    name: str
    crm: str
    object: str | None
    pick_up: Condition | None
    place: Place
    hold_until: HoldUntil | None = None


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """The task every assignment to a rep brings; `due_in` runs from the decision."""

    subject: str
    due_in: timedelta
    mail: bool = False
    """The owner gets its words by mail, too, once the lead is theirs."""


@dataclass(frozen=True, slots=True)
class Split:
    """Named arms and their exact shares, which add up to 1; `by` is `lead` or `account`."""

    name: str
    by: str
    arms: Mapping[str, Fraction]


@dataclass(frozen=True, slots=True)
class CreditBack:
    """When a turn is given back: `when` holds, or no person has the lead now, `within` the time."""

    when: Condition | None
    handed_back: bool
    within: timedelta


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that decides who gets what. `hash` names the exact text it came from.

    `pilot` is the share of the leads it applies to, from above 0 to 1. `sticky` is how long after
    its decision a record's owner is followed by the person's other records; None is for ever.
    """

    hash: str
    sources: tuple[Source, ...]
    fields: Mapping[str, FieldSpec]
    owner_authority: str | None
    roster: Mapping[str, RosterEntry]
    teams: Mapping[str, Team]
    tables: Mapping[str, Table]
    rules: tuple[Rule, ...]
    otherwise: Rule
    task: TaskSpec | None
    splits: Mapping[str, Split] = field(default_factory=lambda: MappingProxyType({}))
    pilot: Fraction = Fraction(1)
    sticky: timedelta | None = None
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    from_crm: frozenset[str] = frozenset()
    """What CRMs say of reps that counts, of `out_of_office`, `working_hours` and `presence`."""
    reroute_on: tuple[str, ...] = ()
    """Fields of a lead whose change has an assigned lead routed again, and `signal.x`, whose newer
    occurrence has."""
    closed_when: Condition | None = None
    """Which leads are done with and no longer count as open."""
    skills_review: timedelta | None = None
    """How long after a review `check` asks for the next one."""
    won_when: Condition | None = None
    """Which leads count as a success of the rep who was given them, beside converted ones."""
    credit_back: CreditBack | None = None
    scoring: Scorecard | None = None
    """How leads are scored; without it `score` and `grade` do not exist."""
    slas: Mapping[str, Sla] = field(default_factory=dict)
    signals: Signals = field(default_factory=dict)
    decay: tuple[Level, ...] = ()
    """The levels of decay, the lowest first; without them `decay` does not exist."""
    cadences: Mapping[str, Cadence] = field(default_factory=dict)
    recycling: Recycling | None = None
    """Which leads get a second chance, and when; without it none does."""

    def source_of(self, crm: str) -> Source | None:
        """The source that takes leads of this CRM; one per CRM."""
        return next((s for s in self.sources if s.crm == crm), None)

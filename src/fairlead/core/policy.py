"""The policy as the core uses it: compiled, cross-checked, frozen.

`core/policy_file.py` makes one from text and reports every mistake with its place; nothing here
reads files. Equal text gives an equal policy with an equal `hash`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from typing import Protocol

from fairlead.core.leave import Leave
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
class Place:
    """Where something stands in the policy: file name, line and column from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


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
    """To the owner of the account the lead belongs to."""


Destination = ToTeam | ToRep | ToQueue | ToAccountOwner


@dataclass(frozen=True, slots=True)
class Rule:
    """One ordered rule; a group has `rules` and no destination.

    A group whose condition holds offers the lead to its own rules in order; when none takes it, the
    next rule after the group is tried. `if_away` is where the lead goes when the destination
    cannot take it (inactive, no user in that CRM, no account owner); None falls to `otherwise`.
    """

    name: str
    when: Condition | None
    to: Destination | None
    if_away: Destination | None
    rules: tuple[Rule, ...]
    high_priority: bool
    place: Place


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


@dataclass(frozen=True, slots=True)
class Team:
    """Reps that share leads. `scope` names the ledger: its own (the team) or the company's.

    `backup` is the team that gets the leads while nobody in this one can take any.
    """

    name: str
    members: tuple[str, ...]
    method: str
    scope: str
    manager: str | None
    place: Place
    backup: str | None = None


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


def normal_key(values: tuple[str, ...]) -> tuple[str, ...]:
    """The form in which table keys are compared: trimmed, without regard to case."""
    return tuple(value.strip().casefold() for value in values)


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV table looked up by exact key; `rows` maps the normalised key to its columns.

    Keys are compared case-insensitively after trimming. In conditions the table is present (not
    null) when a row was found, and its columns are `name.column`. `columns` are those beside the
    key; a row lacks the columns whose cell is empty.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    rows: Mapping[tuple[str, ...], Mapping[str, str]]
    place: Place

    def find(self, values: Mapping[str, Value]) -> Mapping[str, str] | None:
        """The row for a lead's values; None when a key field is missing or no row has this key."""
        key = tuple(values.get(name) for name in self.key)
        texts = tuple(part for part in key if isinstance(part, str))
        return self.rows.get(normal_key(texts)) if len(texts) == len(key) else None


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """The task every assignment to a rep brings; `due_in` runs from the decision."""

    subject: str
    due_in: timedelta


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that decides who gets what. `hash` names the exact text it came from."""

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
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    closed_when: Condition | None = None
    """Which leads are done with and no longer count as open."""

    def source_of(self, crm: str) -> Source | None:
        """The source that takes leads of this CRM; one per CRM."""
        return next((s for s in self.sources if s.crm == crm), None)

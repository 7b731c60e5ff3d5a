"""What an SLA of the policy says: how fast, in whose hours, what happens before and after.

Below `policy`, which holds them; `sla` plans their instants.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

from fairlead.core.activity import ActivityKind
from fairlead.core.place import Place

if TYPE_CHECKING:
    from fairlead.core.policy import Condition

REP, TEAM, ALWAYS = "rep", "team", "always"
"""Whose working time a clock runs in."""
LEAVE, HOLIDAYS = "leave", "holidays"
MANAGER = "manager"
_MICROSECOND = timedelta(microseconds=1)
DUE = "due"
"""The stage at which the time to answer is over."""
TASK, EMAIL = "task", "email"
"""How a person is told: a task in the CRM, a mail."""


@dataclass(frozen=True, slots=True)
class Notify:
    """The rep whose clock it is, the team's manager, or a person by e-mail is told."""

    whom: str
    by: tuple[str, ...] = (TASK,)


@dataclass(frozen=True, slots=True)
class Escalate:
    """A person by e-mail is told; a task for it is urgent."""

    to: str
    by: tuple[str, ...] = (TASK,)


@dataclass(frozen=True, slots=True)
class Tell:
    """A message to a channel of the settings, by its name."""

    channel: str


@dataclass(frozen=True, slots=True)
class RaisePriority:
    """The rep's own task becomes one of high priority."""


@dataclass(frozen=True, slots=True)
class Reassign:
    """To the next by the same rules, or to a team; never to somebody who had the lead before."""

    team: str | None = None


@dataclass(frozen=True, slots=True)
class SetAway:
    """The rep whose clock it is gets no new leads for so long, by the clock on the wall."""

    length: timedelta


Act = Notify | Escalate | Tell | RaisePriority | Reassign | SetAway


@dataclass(frozen=True, slots=True)
class Stage:
    """One thing that happens on a clock: when `worked` of its time has passed; DUE acts on nobody.

    `key` names it for ever within its SLA; `number` is its place in the order.
    """

    key: str
    number: int
    worked: timedelta
    act: Act | None


@dataclass(frozen=True, slots=True)
class Tighter:
    """The promise to the clocks that begin on this day or later."""

    begins: date
    respond_within: timedelta
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class Sla:
    """One promise. `deduct` holds what takes time away: `leave`, `holidays`.

    `stages` are in the order in which they come: warnings, DUE, the path after it. Without `when`
    only rules that name it have it. Without `responded_when` a moved status is the answer.
    """

    name: str
    respond_within: timedelta
    hours: str
    deduct: frozenset[str]
    stages: tuple[Stage, ...]
    when: Condition | None
    paused_when: Condition | None
    responded_when: Condition | None
    override_people: bool
    counts: frozenset[ActivityKind]
    """What done by a person is an answer."""
    place: Place
    tighter: tuple[Tighter, ...] = ()
    """In the order of their days, each shorter than the one before."""

    def on(self, day: date) -> Sla:
        """The promise as a clock has it that begins on this day."""
        there = [t for t in self.tighter if t.begins <= day]
        if not there:
            return self
        return replace(self, respond_within=there[-1].respond_within, stages=there[-1].stages)

    def stage(self, key: str) -> Stage | None:
        """The stage of this name, while the policy has it."""
        return next((s for s in self.stages if s.key == key), None)


def stages_of(
    respond_within: timedelta,
    warnings: tuple[Fraction | timedelta, ...],
    steps: tuple[tuple[timedelta, Act], ...],
) -> tuple[Stage, ...]:
    """The stages in order: warnings at shares of the time or so long before, DUE, steps after."""
    found: list[tuple[timedelta, str, Act | None]] = []
    for warning in warnings:
        if isinstance(warning, timedelta):
            at, name = respond_within - warning, f"{short(warning)} before"
        else:
            at = timedelta(microseconds=int(respond_within // _MICROSECOND * warning))
            name = f"{float(warning * 100):.12g}%"
        found.append((at, f"warning {name}", Notify(REP)))
    found.sort(key=lambda f: f[0])
    found.append((respond_within, DUE, None))
    path = [
        (respond_within + after, f"step {n}", act) for n, (after, act) in enumerate(steps, start=1)
    ]
    found += sorted(path, key=lambda f: f[0])
    return tuple(Stage(key, n, at, act) for n, (at, key, act) in enumerate(found))


def short(length: timedelta) -> str:
    """A duration as the policy writes it: the largest unit that leaves no rest."""
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def told(act: Act | None) -> str:
    """What a stage does, in words."""
    match act:
        case Notify(whom, by):
            who = f"the {whom}" if whom in (REP, MANAGER) else whom
            return f"tell {who}{_by(by)}"
        case Escalate(to, by):
            return f"escalate to {to}{_by(by)}"
        case Tell(channel):
            return f"tell channel {channel}"
        case RaisePriority():
            return "raise the priority"
        case Reassign(None):
            return "reassign to the next"
        case Reassign(team):
            return f"reassign to team {team}"
        case SetAway(length):
            return f"set the rep away for {short(length)}"
    return "time to answer is over"


def _by(by: tuple[str, ...]) -> str:
    return "" if by == (TASK,) else f" by {' and '.join(by)}"

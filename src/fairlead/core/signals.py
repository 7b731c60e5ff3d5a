"""Signals: dated behaviours of a person, told by fields, activities, campaigns and lists.

Pure. The policy says what is a sighting; an occurrence is one sighting, named by its evidence.
Occurrences with the same name and evidence are one, whoever's record shows it and however often.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.place import Place
from fairlead.core.schema import FieldType
from fairlead.core.types import Actor, Lead, Value

if TYPE_CHECKING:
    from fairlead.core.policy import Condition

PREFIX = "signal."
GROUP_WORDS: Mapping[str, str] = MappingProxyType({"salesforce": "campaign", "hubspot": "list"})
"""What a group is called in each CRM that has them."""


@dataclass(frozen=True, slots=True)
class ByField:
    """Seen by an instant field of the lead, while `when` holds."""

    at: str
    when: Condition | None


@dataclass(frozen=True, slots=True)
class ByGroup:
    """Seen by who is in one of these campaigns or lists, in one of `statuses` (folded) if any."""

    crm: str
    groups: tuple[str, ...]
    statuses: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ByActivity:
    """Seen by an activity of these kinds; `incoming` None: whoever began it."""

    kinds: frozenset[ActivityKind]
    incoming: bool | None


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal of the policy; any of its forms gives it."""

    name: str
    place: Place
    by_field: ByField | None = None
    by_groups: tuple[ByGroup, ...] = ()
    by_activity: ByActivity | None = None


Signals = Mapping[str, Signal]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A signal happened `at` (aware UTC), as `evidence` tells: a field and its date, a campaign and
    the status in it, a list, an activity's record."""

    name: str
    at: datetime
    evidence: str


def signal_types(names: Iterable[str]) -> dict[str, FieldType]:
    """The names that conditions may use: the last instant of each signal."""
    return {f"{PREFIX}{name}": FieldType.INSTANT for name in sorted(names)}


def in_fields(signals: Signals, lead: Lead, now: datetime) -> tuple[Occurrence, ...]:
    """What the record itself shows."""
    found, values = [], {**lead.values, "now": now}
    for signal in signals.values():
        one = signal.by_field
        if one is None:
            continue
        at = lead.get(one.at)
        if not isinstance(at, datetime) or (one.when and not one.when.test(values)):
            continue
        found.append(Occurrence(signal.name, at, f"{one.at} {at.isoformat()}"))
    return tuple(found)


def in_activities(signals: Signals, done: Iterable[Activity]) -> tuple[Occurrence, ...]:
    """What was done with the lead, our own doing apart. What is only planned is dated ahead."""
    asked = [s for s in signals.values() if s.by_activity is not None]
    return tuple(
        Occurrence(s.name, one.at, f"{one.kind.value} {one.ref.id}")
        for one in done
        if one.actor is not Actor.US
        for s in asked
        if s.by_activity is not None
        and one.kind in s.by_activity.kinds
        and s.by_activity.incoming in (None, one.incoming)
    )


def in_group(
    signals: Signals, crm: str, group: str, status: str, at: datetime
) -> tuple[Occurrence, ...]:
    """What being in a campaign or list tells.

    In a campaign the status is the behaviour: whoever has it again has done it once. A list has no
    status, so that another day (UTC) means that the person left it and came back.
    """
    word = GROUP_WORDS.get(crm, "group")
    evidence = f"{word} {group} {status}" if status else f"{word} {group} {at.date()}"
    return tuple(
        Occurrence(s.name, at, evidence)
        for s in signals.values()
        for one in s.by_groups
        if one.crm == crm
        and group in one.groups
        and (not one.statuses or status.casefold() in one.statuses)
    )


def groups_of(signals: Signals, crm: str) -> tuple[str, ...]:
    """The campaigns or lists of a CRM that signals are read from, each once, sorted."""
    named = (b.groups for s in signals.values() for b in s.by_groups if b.crm == crm)
    return tuple(sorted({group for groups in named for group in groups}))


def kinds_of(signals: Signals) -> frozenset[ActivityKind]:
    """The kinds of activities that signals are read from."""
    kinds = (s.by_activity.kinds for s in signals.values() if s.by_activity is not None)
    return frozenset[ActivityKind]().union(*kinds)


def folded(found: Iterable[Occurrence]) -> tuple[Occurrence, ...]:
    """Each occurrence once, oldest first; told with several dates, the first is its own.

    Law: the same for any order and any repetition of `found`.
    """
    first: dict[tuple[str, str], Occurrence] = {}
    for one in found:
        known = first.setdefault((one.name, one.evidence), one)
        if one.at < known.at:
            first[one.name, one.evidence] = one
    return tuple(sorted(first.values(), key=lambda o: (o.at, o.name, o.evidence)))


def latest(found: Iterable[Occurrence], now: datetime) -> dict[str, datetime]:
    """The last instant of each signal that has come by now; what lies ahead is not seen yet."""
    return {one.name: one.at for one in folded(found) if one.at <= now}


def with_signals(signals: Signals, lead: Lead, found: Sequence[Occurrence], now: datetime) -> Lead:
    """The lead as rules see it: `signal.<name>` for each signal of the policy, None when never."""
    if not signals:
        return lead
    last = latest(found, now)
    values: dict[str, Value] = {f"{PREFIX}{name}": last.get(name) for name in signals}
    return replace(lead, values={**lead.values, **values})


def groups_said(signals: Signals, crm: str) -> str:
    """What is asked of a CRM's groups, as text: under another one they are read from the start."""
    return "; ".join(
        f"{s.name}: {' '.join(b.groups)} {' '.join(sorted(b.statuses))}".rstrip()
        for s in sorted(signals.values(), key=lambda s: s.name)
        for b in s.by_groups
        if b.crm == crm
    )


def told(name: str) -> str:
    """`signal.x` as the policy writes it."""
    return f"signal({name.removeprefix(PREFIX)})"

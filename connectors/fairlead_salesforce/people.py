"""Users and queues of the org: who can own leads, who changed an owner, where somebody lives.

Pure, no I/O. `People` is built from `owners()` once and kept by the connector, since it changes
rarely; an id it does not know is an unknown actor, never a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from fairlead.core.types import Actor, Availability, CrmOwner, OwnerChange, OwnerKind
from fairlead_salesforce.mapping import CRM, stamp, to_18


def owners(
    users: Iterable[Mapping[str, Any]],
    queues: Iterable[Mapping[str, Any]],
    lead_queues: frozenset[str],
    known: Mapping[str, Availability] = MappingProxyType({}),
) -> tuple[CrmOwner, ...]:
    """Users and queues as owners; a queue that leads cannot be given to is not active.

    Users that are not people of the org (guests, Automated Process, portal) are kept with kind
    UNKNOWN, since they may own leads today but must not be given any. `known` is the availability
    of users by id.
    """
    found = []
    for row in users:
        found.append(
            CrmOwner(
                crm=CRM,
                id=to_18(row["Id"]),
                kind=OwnerKind.REP if row.get("UserType") == "Standard" else OwnerKind.UNKNOWN,
                name=str(row.get("Name") or ""),
                email=_lower(row.get("Email")),
                active=row.get("IsActive") is True,
                fields=MappingProxyType({k: v for k, v in row.items() if k != "attributes"}),
                availability=known.get(to_18(row["Id"])),
            )
        )
    for row in queues:
        queue_id = to_18(row["Id"])
        found.append(
            CrmOwner(
                crm=CRM,
                id=queue_id,
                kind=OwnerKind.QUEUE,
                name=str(row.get("Name") or ""),
                email=_lower(row.get("Email")),
                active=queue_id in lead_queues,
                fields=MappingProxyType({k: v for k, v in row.items() if k != "attributes"}),
            )
        )
    return tuple(found)


def _lower(text: Any) -> str | None:
    return text.strip().lower() or None if isinstance(text, str) else None


@dataclass(frozen=True, slots=True)
class People:
    """Who is who among user ids, to name the actor of a change and the zone of an owner."""

    ours: frozenset[str]
    standard: frozenset[str]
    others: frozenset[str]
    zones: Mapping[str, str]
    by_name: Mapping[str, str]

    @classmethod
    def of(
        cls, everybody: Sequence[CrmOwner], ours: Iterable[str], automation: Sequence[str]
    ) -> People:
        """Sort the owners; `automation` are usernames of other integrations."""
        robots = {name.lower() for name in automation}
        standard: set[str] = set()
        others: set[str] = set()
        zones: dict[str, str] = {}
        names: dict[str, list[str]] = {}
        for owner in everybody:
            names.setdefault(owner.name, []).append(owner.id)
            if owner.kind is OwnerKind.QUEUE:
                continue
            username = str(owner.fields.get("Username") or "").lower()
            human = owner.kind is OwnerKind.REP and username not in robots
            (standard if human else others).add(owner.id)
            zone = owner.fields.get("TimeZoneSidKey")
            if isinstance(zone, str):
                zones[owner.id] = zone
        unique = {name: ids[0] for name, ids in names.items() if len(ids) == 1}
        return cls(frozenset(ours), frozenset(standard), frozenset(others), zones, unique)

    def knows(self, user_id: str) -> bool:
        return user_id in self.ours or user_id in self.standard or user_id in self.others

    def actor(self, user_id: str) -> Actor:
        if user_id in self.ours:
            return Actor.US
        if user_id in self.standard:
            return Actor.PERSON
        return Actor.AUTOMATION if user_id in self.others else Actor.UNKNOWN

    def local_date(self, at: datetime, owner_id: str) -> str:
        """The calendar day of `at` where the owner lives, UTC when that is not known."""
        try:
            zone = ZoneInfo(self.zones.get(owner_id, "UTC"))
        except (KeyError, ValueError, OSError):
            zone = ZoneInfo("UTC")
        return at.astimezone(zone).date().isoformat()


NOBODY = People(frozenset(), frozenset(), frozenset(), {}, {})


def actors(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """The users who made the changes in these history rows."""
    found = set()
    for row in rows:
        try:
            found.add(to_18(row["CreatedById"]))
        except (KeyError, ValueError, TypeError):
            continue
    return found


def owner_history(
    rows: Iterable[Mapping[str, Any]], people: People
) -> dict[str, tuple[OwnerChange, ...]]:
    """LeadHistory rows (oldest first) as owner changes per lead id, newest last.

    One change writes two rows, one with names and one with ids; the names serve only where the
    other row is missing and the name is unique. A row that cannot be read is left out.
    """
    by_lead: dict[str, dict[tuple[datetime, str, str], OwnerChange]] = {}
    named: list[tuple[str, datetime, str, str]] = []
    for row in rows:
        try:
            lead_id, by = to_18(row["LeadId"]), to_18(row["CreatedById"])
            at = stamp(row["CreatedDate"])
        except (KeyError, ValueError, TypeError):
            continue
        value = row.get("NewValue")
        if not isinstance(value, str):
            continue
        owner = _owner_id(value)
        if owner is not None:
            change = OwnerChange(at, owner, people.actor(by), by)
            by_lead.setdefault(lead_id, {})[(at, by, owner)] = change
        else:
            named.append((lead_id, at, by, value))
    for lead_id, at, by, name in named:
        seen = by_lead.setdefault(lead_id, {})
        if any(key[:2] == (at, by) for key in seen) or name not in people.by_name:
            continue
        owner = people.by_name[name]
        seen[(at, by, owner)] = OwnerChange(at, owner, people.actor(by), by)
    return {
        lead_id: tuple(sorted(seen.values(), key=lambda change: change.at))
        for lead_id, seen in by_lead.items()
    }


def _owner_id(text: str) -> str | None:
    if text[:3] not in ("005", "00G"):
        return None
    try:
        return to_18(text)
    except ValueError:
        return None

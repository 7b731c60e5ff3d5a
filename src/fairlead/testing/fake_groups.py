"""The groups of leads that a fake CRM keeps, and who is in them: its campaigns or lists.

`FakeCrm.groups` is one of these; `FakeConnector` writes memberships and reads who joined.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fairlead.clock import Clock
from fairlead.core.membership import Member
from fairlead.core.types import Cursor, Ref
from fairlead.spi.connector import MemberPage


@dataclass(slots=True)
class FakeMembership:
    """One joining; `visible_at` is when the feed begins to show it."""

    id: str
    ref: Ref
    group: str
    status: str
    changed_at: datetime
    visible_at: datetime

    @property
    def key(self) -> tuple[datetime, str]:
        return self.changed_at, self.id


class FakeGroups:
    """The groups of one CRM by id, each with its name.

    `dynamic` are those that only their own filters fill; `hidden` says that our user may see none;
    `lag` is how much later than it happened a joining shows in the feed and in a look-up.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.names: dict[str, str] = {}
        self.dynamic: set[str] = set()
        self.hidden = False
        self.lag = timedelta(0)
        self._members: dict[tuple[Ref, str], FakeMembership] = {}
        self._ids = itertools.count(1)

    def create(self, name: str, *, dynamic: bool = False, id: str | None = None) -> str:
        """A new group; returns its id."""
        group = id or f"group-{next(self._ids):04}"
        self.names[group] = name
        if dynamic:
            self.dynamic.add(group)
        return group

    def delete(self, group: str) -> None:
        """The group goes, and everybody leaves it."""
        del self.names[group]
        self._members = {k: m for k, m in self._members.items() if k[1] != group}

    def add(self, ref: Ref, group: str, status: str = "") -> None:
        """Somebody or something puts the lead in; one who is in already stays as they are."""
        self._known(group)
        now = self.clock.now()
        if (ref, group) not in self._members:
            id = f"member-{next(self._ids):06}"
            shown = FakeMembership(id, ref, group, status, now, now + self.lag)
            self._members[(ref, group)] = shown

    def set_status(self, ref: Ref, group: str, status: str) -> None:
        """The membership's status changes, as when a registered person attends."""
        membership = self._members[(ref, group)]
        membership.status = status
        membership.changed_at = self.clock.now()
        membership.visible_at = membership.changed_at + self.lag

    def remove(self, ref: Ref, group: str) -> None:
        """Somebody takes the lead out; one who is not in stays out."""
        self._known(group)
        self._members.pop((ref, group), None)

    def has(self, ref: Ref, group: str) -> bool:
        """Whether the lead is in the group in truth."""
        return (ref, group) in self._members

    def members(self, group: str) -> list[Ref]:
        """Who is in the group in truth, in the order in which they joined."""
        return [ref for ref, g in self._members if g == group]

    def shows(self, ref: Ref, group: str) -> bool:
        """Whether a look-up by key shows the lead in the group."""
        membership = self._members.get((ref, group))
        return (
            not self.hidden and membership is not None and membership.visible_at <= self.clock.now()
        )

    def page(
        self,
        positions: Mapping[str, Mapping[str, Any] | None],
        size: int,
        look_back: timedelta,
    ) -> MemberPage:
        """The next joinings of each group, `size` of one at most; each pass over a group reaches
        `look_back` behind where the one before began.
        """
        now = self.clock.now()
        members: list[Member] = []
        going: dict[str, Any] = {}
        for group, position in positions.items():
            at = position or {"since": None, "after": None, "began": None}
            began = at["began"] or now.isoformat()
            rows = self._feed(group, at["since"], at["after"])
            members += [_told(m) for m in rows[:size]]
            if len(rows) > size:
                last = rows[size - 1]
                key = [last.changed_at.isoformat(), last.id]
                going[group] = {"since": at["since"], "after": key, "began": began}
            else:
                floor = datetime.fromisoformat(began) - look_back
                going[group] = {"since": floor.isoformat(), "after": None, "began": None}
        members.sort(key=lambda m: m.at)
        more = any(p["after"] is not None for p in going.values())
        return MemberPage(members, Cursor(going, now - look_back), more)

    def _feed(
        self, group: str, since: str | None, after: Sequence[str] | None
    ) -> list[FakeMembership]:
        now = self.clock.now()
        start = None if since is None else datetime.fromisoformat(since)
        behind = None if after is None else (datetime.fromisoformat(after[0]), after[1])
        found = (
            m
            for (_, g), m in self._members.items()
            if g == group
            and not self.hidden
            and m.visible_at <= now
            and (start is None or m.changed_at >= start)
            and (behind is None or m.key > behind)
        )
        return sorted(found, key=lambda m: m.key)

    def _known(self, group: str) -> None:
        if group not in self.names:
            raise KeyError(group)


def _told(m: FakeMembership) -> Member:
    return Member(m.ref, m.group, m.status, m.changed_at, Ref(m.ref.crm, "Member", m.id))

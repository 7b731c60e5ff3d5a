"""What everybody with a limit has already: counted at the start of a page, moved along with it.

Stands beside `routing`. The store counts, this asks it the right question: which owner ids are a
rep's, and when the rep's own hour, day and week began.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from fairlead.core.decision import Decision, Load, OutcomeKind, World
from fairlead.core.distribute import balanced_by_load
from fairlead.core.load import Summed, exact_number
from fairlead.core.policy import Policy
from fairlead.core.rep_clock import zone_of
from fairlead.core.types import NO_LIMITS, Lead, LeadState, Rep
from fairlead.core.worktime import window_start
from fairlead.store import loads
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow

WINDOWS = ("hour", "day", "week")


class Book(Protocol):
    """Whoever can count what reps have: the store of what is so, or a shadow's of what would be."""

    def open_leads(self, people: Sequence[tuple[str, str, str]]) -> Mapping[str, int]: ...

    def received(
        self, asked: Sequence[tuple[str, str, datetime]]
    ) -> Mapping[tuple[str, str], int]: ...

    def open_sums(
        self, people: Sequence[tuple[str, str, str]], names: Sequence[str]
    ) -> Mapping[str, Mapping[str, Summed]]: ...


@dataclass(frozen=True, slots=True)
class StoreBook:
    """What is so."""

    db: Db

    def open_leads(self, people: Sequence[tuple[str, str, str]]) -> Mapping[str, int]:
        return loads.open_leads(self.db, people)

    def received(self, asked: Sequence[tuple[str, str, datetime]]) -> Mapping[tuple[str, str], int]:
        return loads.received(self.db, asked)

    def open_sums(
        self, people: Sequence[tuple[str, str, str]], names: Sequence[str]
    ) -> Mapping[str, Mapping[str, Summed]]:
        return loads.open_sums(self.db, people, names)


def count_loads(
    book: Book, policy: Policy, reps: Mapping[str, Rep], now: datetime
) -> dict[str, Load]:
    """The loads of the reps with a limit or balanced by load, as they are in the book."""
    balanced, names = balanced_by_load(policy)
    limited = [r for r in reps.values() if r.capacity != NO_LIMITS or r.id in balanced]
    if not limited:
        return {}
    people = [
        (r.id, crm, owner)
        for r in limited
        if r.capacity.open is not None or r.id in balanced
        for crm, owner in r.crm_ids.items()
    ]
    asked = [
        (r.id, window, window_start(now, window, zone_of(r, policy.calendars)))
        for r in limited
        for window in WINDOWS
        if getattr(r.capacity, f"per_{window}") is not None
    ]
    has = book.open_leads(people) if people else {}
    had = book.received(asked) if asked else {}
    sums = book.open_sums(people, names) if names else {}
    found: dict[str, Load] = {}
    for r in limited:
        load = Load(has.get(r.id, 0), *(had.get((r.id, window), 0) for window in WINDOWS))
        summed = sums.get(r.id, dict.fromkeys(names, Summed())) if r.id in balanced else {}
        found[r.id] = replace(load, sums=summed)
    return found


def numbers_of(lead: Lead, names: Sequence[str]) -> dict[str, str]:
    """What a lead adds to the sums of these fields, to be kept with it."""
    found = {name: exact_number(lead.get(name)) for name in names}
    return {name: str(number) for name, number in found.items() if number is not None}


def add_lead(running: dict[str, Load], decision: Decision, lead: Lead) -> None:
    """Count an assignment; another record of somebody the rep has already counts for nothing."""
    if decision.outcome is not OutcomeKind.ASSIGN or decision.follows is not None:
        return
    if decision.rep_id in running:
        running[decision.rep_id] = running[decision.rep_id].plus_one(lead.values)
    for companion in decision.companions:
        if companion.rep_id in running:
            running[companion.rep_id] = running[companion.rep_id].joined_one()


def frees(before: LeadRow | None, after: LeadRow | None) -> bool:
    """Whether a lead was its owner's open one and is so no longer: somebody has room again."""
    if before is None or not _is_load(before):
        return False
    return after is None or not _is_load(after) or after.owner_id != before.owner_id


def count_moved(
    db: Db,
    policy: Policy,
    world: World,
    running: dict[str, Load],
    before: LeadRow | None,
    after: LeadRow | None,
    now: datetime,
) -> None:
    """Count anew for those between whom a lead has moved, so that the next of its page sees it.

    Whom a decision gave it to has it counted already.
    """
    if before == after:
        return
    lost = before if frees(before, after) else None
    decided = after is not None and after.state is LeadState.ASSIGNED and (
        before is None or after.decision_id != before.decision_id
    )  # fmt: skip
    got = after if frees(after, before) and not decided else None
    whose = {
        rep.id: rep
        for row in (lost, got)
        if row is not None and (rep := world.rep_of(row.ref.crm, row.owner_id or "")) is not None
        and rep.id in running
    }  # fmt: skip
    if whose:
        running.update(count_loads(StoreBook(db), policy, whose, now))


def _is_load(row: LeadRow) -> bool:
    owned = row.owner_id is not None and row.state in (LeadState.ASSIGNED, LeadState.LEFT)
    return owned and not row.closed

"""What the CRMs say of a rep's availability, as far as the policy lets it count.

Between `roster`, which knows who is who, and the CRMs' users. A person has a user in each CRM: out
of office in one is out of office, present in one is present.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from fairlead.core.policy import Policy
from fairlead.core.types import Availability, CrmOwner, Rep
from fairlead.core.worktime import Block, Calendar

OUT_OF_OFFICE, WORKING_HOURS, PRESENCE = "out_of_office", "working_hours", "presence"


def told_off(policy: Policy, users: Iterable[CrmOwner]) -> list[tuple[str, datetime, datetime]]:
    """The out-of-office times of one person's users, each with its CRM."""
    if OUT_OF_OFFICE not in policy.from_crm:
        return []
    return [(crm, *span) for crm, word in _words(users) for span in word.off]


def told_hours(policy: Policy, users: Sequence[CrmOwner]) -> Calendar | None:
    """The weekly hours that the first CRM tells, the owner authority's before others."""
    if WORKING_HOURS not in policy.from_crm:
        return None
    words = sorted(_words(users), key=lambda w: (w[0] != policy.owner_authority, w[0]))
    for crm, word in words:
        if word.timezone is not None and word.hours:
            return Calendar(f"of {crm}", word.timezone, _week(word.hours))
    return None


def absent_now(
    policy: Policy, reps: Mapping[str, Rep], owners: Iterable[CrmOwner]
) -> dict[str, str]:
    """The reps who are away now by the word of a CRM and present in none, each with that CRM."""
    if PRESENCE not in policy.from_crm:
        return {}
    there = {(crm, o.id): w.present for o in owners for crm, w in _words((o,))}
    found: dict[str, str] = {}
    for rep in reps.values():
        told = {crm: there.get((crm, owner)) for crm, owner in sorted(rep.crm_ids.items())}
        away = [crm for crm, present in told.items() if present is False]
        if away and True not in told.values():
            found[rep.id] = away[0]
    return found


def _words(users: Iterable[CrmOwner]) -> Iterator[tuple[str, Availability]]:
    return ((u.crm, u.availability) for u in users if u.active and u.availability is not None)


def _week(hours: Iterable[tuple[int, int, int]]) -> tuple[tuple[Block, ...], ...]:
    """Blocks by weekday, sorted; those that touch or overlap are one."""
    week: list[list[Block]] = [[] for _ in range(7)]
    for day, start, end in sorted(hours):
        blocks = week[day]
        if blocks and start <= blocks[-1][1]:
            blocks[-1] = blocks[-1][0], max(blocks[-1][1], end)
        else:
            blocks.append((start, end))
    return tuple(tuple(blocks) for blocks in week)

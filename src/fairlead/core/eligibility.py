"""Who can take a lead of this CRM now, and for everybody else the reason why not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from fairlead.core.decision import Passed, World
from fairlead.core.types import Rep


def obstacle(rep: Rep, crm: str, excluded: frozenset[str], now: datetime) -> str | None:
    """Why this rep cannot take a lead of this CRM at `now`; None when nothing is in the way."""
    if rep.id in excluded:
        return "refused by the CRM as owner"
    if rep.away_until is not None and rep.away_until > now:
        return f"away until {_when(rep.away_until)}"
    if crm not in rep.crm_ids:
        return f"has no {crm} user"
    if not rep.usable_in(crm):
        return f"inactive in {crm}"
    return None


def eligible(
    members: Sequence[str], crm: str, world: World, excluded: frozenset[str], now: datetime
) -> tuple[tuple[Rep, ...], tuple[Passed, ...]]:
    """The members that can take the lead, and the others each with a reason; both by rep id."""
    able: list[Rep] = []
    passed: list[Passed] = []
    for name in sorted(set(members)):
        rep = world.reps.get(name)
        if rep is None:
            passed.append(Passed(name, "not in the roster"))
        elif reason := obstacle(rep, crm, excluded, now):
            passed.append(Passed(name, reason))
        else:
            able.append(rep)
    return tuple(able), tuple(passed)


def _when(instant: datetime) -> str:
    utc = instant.astimezone(UTC)
    if utc.hour == utc.minute == utc.second == 0:
        return utc.strftime("%Y-%m-%d")
    return utc.strftime("%Y-%m-%d %H:%M UTC")

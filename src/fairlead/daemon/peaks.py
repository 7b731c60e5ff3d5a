"""Peak plans as they go: count who waits, say when a plan begins and ends, remember it.

Asked by `routing` at the start of each page, inside its transaction. Which plans are on is decided
in `core/peaks`; a decision is told the counts and the plans, and keeps them with its inputs.
"""

from __future__ import annotations

from datetime import datetime

from fairlead.core.peaks import peaks_on
from fairlead.core.policy import Policy
from fairlead.store import journal, leads, loads
from fairlead.store.db import Db
from fairlead.telemetry import get_logger

log = get_logger()


def keep_peaks(db: Db, policy: Policy, now: datetime) -> tuple[dict[str, int], frozenset[str]]:
    """How many wait for each team that has a plan, and the teams whose plan is on from now.

    When one begins, everybody who is held is looked at again at once.
    """
    planned = [team for team in policy.teams.values() if team.peak is not None]
    before = loads.peaks(db)
    if not planned and not before:
        return {}, frozenset()
    held = loads.waiting(db)
    waiting = {team.name: held.get(team.name, 0) for team in planned}
    on = peaks_on(planned, waiting, before)
    for team in sorted(on ^ before):
        begins = team in on
        loads.set_peak(db, team, now if begins else None)
        event, count = "peak.began" if begins else "peak.ended", held.get(team, 0)
        journal.write(db, now, event, team=team, count=count)
        log.warning(event, pool=team, count=count)
    if on - before:
        leads.wake_held(db)
    return waiting, on

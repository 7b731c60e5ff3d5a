"""Peak plans: from when and until when a team with too many waiting leads gets help.

The daemon counts and remembers; this says which plans are on. Two marks instead of one, so that a
plan does not come and go with every lead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from fairlead.core.policy import Team


def peaks_on(
    teams: Iterable[Team], waiting: Mapping[str, int], before: Collection[str]
) -> frozenset[str]:
    """The teams whose plan is on now; `before` are those whose plan was on until now.

    A plan begins with more than `above` waiting leads and ends with fewer than `below`.
    """
    return frozenset(team.name for team in teams if _on(team, waiting, team.name in before))


def _on(team: Team, waiting: Mapping[str, int], before: bool) -> bool:
    if team.peak is None:
        return False
    count = waiting.get(team.name, 0)
    return count >= team.peak.below if before else count > team.peak.above

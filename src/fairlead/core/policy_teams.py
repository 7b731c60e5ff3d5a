"""The teams of the policy: who is in them, and which team takes over for which."""

from __future__ import annotations

from fairlead.core.policy import Coverage, Peak, Team
from fairlead.core.policy_document import Document, Path
from fairlead.core.policy_models import PolicyShape, TeamShape


def read_teams(
    document: Document, shape: PolicyShape, reps: frozenset[str] | None
) -> dict[str, Team]:
    """The teams; every member is in the roster (`reps`, None when it could not be read)."""
    found: dict[str, Team] = {}
    for name, team in shape.teams.items():
        path: Path = ("teams", name)
        if not team.members and not document.lost((*path, "members")):
            document.report(path, f"team {name!r} has no members", key=True)
        for index, member in enumerate(team.members):
            at: Path = (*path, "members", index)
            if member in team.members[:index]:
                document.report(at, f"{member!r} is in this team twice")
            elif reps is not None and member not in reps:
                document.unknown(at, "rep", member, reps)
        place = document.place(path)
        backup = team.backup.team if team.backup else None
        found[name] = Team(
            name, tuple(team.members), team.method, team.fairness, team.manager, place, backup,
            team.count_forced, _coverage(document, path, name, team),
            _peak(document, path, name, team),
        )  # fmt: skip
    _backups(document, found)
    return found


def _coverage(document: Document, path: Path, name: str, team: TeamShape) -> Coverage | None:
    if team.coverage is None:
        return None
    _helper(document, (*path, "coverage", "team"), name, team.coverage.team)
    return Coverage(team.coverage.team, team.coverage.below)


def _peak(document: Document, path: Path, name: str, team: TeamShape) -> Peak | None:
    peak = team.peak
    if peak is None:
        return None
    _helper(document, (*path, "peak", "team"), name, peak.team)
    below = (peak.above + 1) // 2 if peak.below is None else peak.below
    if below > peak.above:
        message = f"a peak that begins above {peak.above} cannot end below {below}; take a lower"
        document.report((*path, "peak", "below"), message)
    return Peak(peak.team, peak.above, below)


def _helper(document: Document, path: Path, name: str, helper: str) -> None:
    """The team whose members may join is one, and another."""
    if helper not in document.names("teams"):
        document.unknown(path, "team", helper, document.names("teams"))
    elif helper == name:
        document.report(path, f"team {name!r} cannot help itself")


def _backups(document: Document, teams: dict[str, Team]) -> None:
    """Every backup is a team, and no chain of them comes back to where it began."""
    for name, team in teams.items():
        path: Path = ("teams", name, "backup", "team")
        chain = [name]
        while team.backup is not None and team.backup in teams and team.backup not in chain:
            chain.append(team.backup)
            team = teams[team.backup]
        first = teams[name].backup
        if first is not None and first not in document.names("teams"):
            document.unknown(path, "team", first, document.names("teams"))
        elif team.backup == name:
            ring = " -> ".join([*chain, name])
            document.report(path, f"these teams back each other up in a ring: {ring}")

"""The teams of the policy: who is in them, and which team takes over for which."""

from __future__ import annotations

from fairlead.core.policy import Team, Weighing
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
            team.count_forced,
            tuple(dict.fromkeys(team.charge)),
            make_up=team.make_up.at_most if team.make_up else None,
            weights=_weights(document, team, path),
        )  # fmt: skip
        for key in ("charge", "count_forced"):
            if getattr(team, key) and team.fairness == "rule":
                message = (
                    "with 'fairness: rule' there is no one pool to charge; use team or company"
                )
                document.report((*path, key), message, key=True)
    _backups(document, found)
    return found


def _weights(document: Document, team: TeamShape, path: Path) -> Weighing | None:
    """How weights follow results; 1, nobody's favour, lies between floor and ceiling."""
    w = team.weights
    if w is None:
        return None
    if not w.floor <= 1 <= w.ceiling:
        message = "1 lies between 'floor' and 'ceiling': it is what everybody begins with"
        document.report((*path, "weights"), message, key=True)
    return Weighing(w.over, w.floor, w.ceiling, w.step, w.every, w.prior, w.apply)


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

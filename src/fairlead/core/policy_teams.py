"""The teams of the policy: who is in them, how they share, which team takes over for which."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.core.policy import Coverage, MethodOptions, Peak, Team, Weighing
from fairlead.core.policy_document import Document, Path
from fairlead.core.policy_methods import read_method
from fairlead.core.policy_models import PolicyShape, TeamShape
from fairlead.core.schema import Schema

OWN_LEDGER_ONLY = ("least_loaded", "ranked", "group", "claim")
"""Methods that share by something else than turns: the company's ledger would mean nothing."""


def read_teams(
    document: Document, shape: PolicyShape, reps: frozenset[str] | None, schema: Schema
) -> dict[str, Team]:
    """The teams; every member is in the roster (`reps`, None when it could not be read)."""
    found: dict[str, Team] = {}
    for name, team in shape.teams.items():
        path: Path = ("teams", name)
        method, options = read_method(document, shape, (*path, "method"), team.method, schema)
        if method == "group":
            members = _of_roles(document, path, team, options, reps)
        else:
            members = _members(document, name, team, reps)
        if team.fairness == "company" and method in OWN_LEDGER_ONLY:
            message = f"method {method!r} does not go by turns of the company; leave 'fairness' out"
            document.report((*path, "fairness"), message)
        for key in ("charge", "make_up"):
            if getattr(team, key) and method in OWN_LEDGER_ONLY:
                message = f"method {method!r} does not go by turns; leave {key!r} out"
                document.report((*path, key), message, key=True)
        place = document.place(path)
        backup = team.backup.team if team.backup else None
        found[name] = Team(
            name, members, method, team.fairness, team.manager, place, backup,
            options, _coverage(document, path, name, team), _peak(document, path, name, team),
            tuple(dict.fromkeys(team.charge)), team.make_up.at_most if team.make_up else None,
            _weights(document, team, path),
        )  # fmt: skip
        if team.charge and team.fairness == "rule":
            message = "with 'fairness: rule' there is no one pool to charge; use team or company"
            document.report((*path, "charge"), message, key=True)
    _backups(document, found)
    return found


def _members(
    document: Document, name: str, team: TeamShape, reps: frozenset[str] | None
) -> tuple[str, ...]:
    path: Path = ("teams", name)
    if not document.lost((*path, "members")):
        if team.members is None:
            document.report(path, "missing key 'members'", key=True)
        elif not team.members:
            document.report(path, f"team {name!r} has no members", key=True)
    _known(document, path, team.members or (), reps)
    return tuple(team.members or ())


def _of_roles(
    document: Document,
    path: Path,
    team: TeamShape,
    options: MethodOptions,
    reps: frozenset[str] | None,
) -> tuple[str, ...]:
    """All who have a part in a group, each once."""
    if team.members is not None:
        message = "the members of a group stand in its roles; leave 'members' out"
        document.report((*path, "members"), message, key=True)
    shapes = team.method.group.roles if team.method.group else ()
    for index, role in enumerate(shapes):
        _known(document, (*path, "method", "group", "roles", index), role.members or (), reps)
    return tuple(dict.fromkeys(m for role in options.roles for m in role.members))


def _known(
    document: Document, path: Path, members: Sequence[str], reps: frozenset[str] | None
) -> None:
    for index, member in enumerate(members):
        at: Path = (*path, "members", index)
        if member in members[:index]:
            document.report(at, f"{member!r} is in this team twice")
        elif reps is not None and member not in reps:
            document.unknown(at, "rep", member, reps)


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

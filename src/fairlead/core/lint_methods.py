"""How teams share: weights that nothing reads, waits without an end, roles of one person."""

from __future__ import annotations

from collections.abc import Iterator

from fairlead.core.lint_finding import LintFinding, Severity
from fairlead.core.policy import Policy, Team

UNWEIGHTED = ("ranked",)


def lint_methods(policy: Policy) -> Iterator[LintFinding]:
    """Findings about the methods of teams and what they are told."""
    for team in policy.teams.values():
        yield from _claim(team)
        for role in team.options.roles:
            if len(role.members) == 1:
                yield LintFinding(
                    "one-member-role",
                    Severity.WARNING if team.backup is None else Severity.INFO,
                    team.place,
                    f"group {team.name!r}: role {role.name!r} is {role.members[0]} alone",
                    "when that person is not free, the whole group is not; add a second one",
                )
    yield from _weights(policy)


def _claim(team: Team) -> Iterator[LintFinding]:
    if team.method == "claim" and team.options.unclaimed_after is None:
        yield LintFinding(
            "endless-claim",
            Severity.WARNING,
            team.place,
            f"team {team.name!r}: a lead that nobody takes lies in {team.options.queue!r} for ever",
            "say 'unclaimed_after' and who gets it then, under 'backup'",
        )


def _weights(policy: Policy) -> Iterator[LintFinding]:
    for rep in policy.roster.values():
        teams = [t for t in policy.teams.values() if rep.id in t.members]
        if rep.weight != 1 and teams and all(t.method in UNWEIGHTED for t in teams):
            yield LintFinding(
                "unused-weight",
                Severity.INFO,
                rep.place,
                f"the weight of {rep.id} has no effect: all their teams are ranked",
                "leave it out; in a ranked team the order of 'members' decides",
            )

"""Teams and reps: nobody in them, one person only, nobody sends them anything; odd destinations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from fairlead.core.lint_finding import LintFinding, Severity
from fairlead.core.lint_pools import all_rules, named, with_backups
from fairlead.core.policy import (
    Destination,
    Policy,
    Rule,
    ToAccountOwner,
    ToManager,
    ToRep,
    ToTeam,
)
from fairlead.core.sla_terms import Reassign


@dataclass(slots=True)
class Routed:
    """Who can get leads by the rules' destinations; `anybody` when a lead's own data names them."""

    teams: set[str] = field(default_factory=set)
    reps: set[str] = field(default_factory=set)
    any_team: bool = False
    any_rep: bool = False

    def add(self, to: Destination | None, policy: Policy) -> None:
        """Note one destination."""
        if isinstance(to, ToTeam):
            names, unknown = named(to.team, to.path, policy)
            found = [t for n, t in policy.teams.items() if n.casefold() in names]
            self.teams |= {t.name for team in found for t in with_backups(team, policy)}
            self.any_team |= unknown
        elif isinstance(to, ToRep):
            names, unknown = named(to.rep, to.path, policy)
            self.reps |= {n for n in policy.roster if n.casefold() in names}
            self.any_rep |= unknown
        elif isinstance(to, ToManager):
            names, unknown = named(to.team, to.path, policy)
            asked = (t for t in policy.teams.values() if unknown or t.name.casefold() in names)
            self.reps |= {t.manager for t in asked if t.manager is not None}
        elif isinstance(to, ToAccountOwner):
            self.any_rep = True


def lint_people(policy: Policy) -> Iterator[LintFinding]:
    """Findings about destinations, teams and reps."""
    routed = Routed()
    alone: dict[str, bool] = {}
    for rule in all_rules(policy):
        routed.add(rule.to, policy)
        routed.add(rule.if_away, policy)
        yield from _destination(rule)
        if isinstance(rule.to, ToTeam) and rule.to.team is not None:
            alone[rule.to.team] = alone.get(rule.to.team, False) or rule.if_away is None
    routed.reps |= {rep.cover for rep in policy.roster.values() if rep.cover}
    routed.reps |= {team.manager for team in policy.teams.values() if team.manager}
    helping = _helping(routed, policy) | set(_later(policy))
    yield from _teams(policy, routed, helping, alone)
    members = {m for name in routed.teams | helping for m in policy.teams[name].members}
    if routed.any_rep or routed.any_team:
        return
    for rep in policy.roster.values():
        if rep.id not in members | routed.reps:
            yield LintFinding(
                "unused-rep",
                Severity.INFO,
                rep.place,
                f"no rule leads to {rep.id}",
                "put them into a team that a rule names, or take them out of the roster",
            )


def _later(policy: Policy) -> Iterator[str]:
    """The teams that get leads after the rules: by an SLA's path, a level of decay, a track."""
    acts = [s.act for sla in policy.slas.values() for s in sla.stages]
    acts += [act for level in policy.decay for act in level.acts]
    tracks = () if policy.recycling is None else policy.recycling.tracks.values()
    found = [act.team for act in acts if isinstance(act, Reassign)] + [t.team for t in tracks]
    yield from (name for name in found if name is not None)


def _helping(routed: Routed, policy: Policy) -> set[str]:
    """The teams that leads reach without a rule: as backups or helpers, or in a group's role."""
    found: set[str] = set()
    todo = list(routed.teams)
    while todo:
        team = policy.teams[todo.pop()]
        seats = {frozenset(role.members) for role in team.options.roles}
        seated = {n for n, t in policy.teams.items() if frozenset(t.members) in seats}
        named = {n for n in policy.teams if n == team.backup or n in team.helpers}
        fresh = (seated | named) - routed.teams - found
        found |= fresh
        todo.extend(fresh)
    return found


def _destination(rule: Rule) -> Iterator[LintFinding]:
    if rule.if_away is not None and rule.if_away == rule.to:
        yield LintFinding(
            "same-if-away",
            Severity.WARNING,
            rule.place,
            f"rule {rule.name!r}: 'if_away' is the same as 'to', so it never helps",
            "name somebody else under 'if_away', or leave it out: then 'otherwise' is asked",
        )
    if isinstance(rule.to, ToAccountOwner) and rule.if_away is None:
        yield LintFinding(
            "no-if-away",
            Severity.WARNING,
            rule.place,
            f"rule {rule.name!r} leads to the account owner and has no 'if_away'",
            "accounts without an owner, or with one who left, go to 'otherwise'; say who else",
        )


def _teams(
    policy: Policy, routed: Routed, helping: set[str], alone: dict[str, bool]
) -> Iterator[LintFinding]:
    for team in policy.teams.values():
        if team.name not in routed.teams:
            if not routed.any_team and team.name not in helping:
                yield LintFinding(
                    "unused-team",
                    Severity.INFO,
                    team.place,
                    f"no rule leads to team {team.name!r}",
                    "name it in a rule, or remove it",
                )
        elif len(team.members) == 1:
            helped = not alone.get(team.name, True)
            yield LintFinding(
                "one-member-team",
                Severity.INFO if helped else Severity.WARNING,
                team.place,
                f"team {team.name!r} is {team.members[0]} alone",
                "when that person is away, 'if_away' gets everything"
                if helped
                else "add a second member, or an 'if_away' to each rule that leads there",
            )

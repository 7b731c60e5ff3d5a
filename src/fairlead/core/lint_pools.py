"""Who a rule's destinations may lead to: the reps of its teams, of their backups, named reps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fairlead.core.policy import Destination, Policy, Rule, Team, ToAccountOwner, ToRep, ToTeam


def named(name: str | None, path: str | None, policy: Policy) -> tuple[set[str], bool]:
    """The names, in small letters, that a destination may mean, and whether it may mean any."""
    if path is None:
        return {(name or "").casefold()}, False
    root, _, column = path.partition(".")
    if root not in policy.tables:
        return set(), True
    return {cell.strip().casefold() for cell in policy.tables[root].cells(column)}, False


def with_backups(team: Team, policy: Policy) -> tuple[Team, ...]:
    """A team, the one that backs it up, and so on; each with the one that helps while it is thin.

    Who helps in a peak only is not among them.
    """
    found = [team]
    while (backup := policy.teams.get(found[-1].backup or "")) is not None and backup not in found:
        found.append(backup)
    thin = [policy.teams[t.coverage.team] for t in found if t.coverage is not None]
    return tuple({t.name: t for t in (*found, *thin)}.values())


@dataclass(frozen=True, slots=True)
class Pool:
    """The reps one team can bring, its backups' included; `team` is None for a rep named."""

    team: Team | None
    reps: tuple[str, ...]


def pools(to: Destination | None, policy: Policy) -> tuple[Pool, ...] | None:
    """One pool per team or rep that a destination may mean; None when it may lead to anybody."""
    if to is None:
        return ()
    if isinstance(to, ToAccountOwner):
        return None
    if isinstance(to, ToTeam):
        names, anybody = named(to.team, to.path, policy)
        teams = [t for n, t in policy.teams.items() if n.casefold() in names]
        found = [
            Pool(team, tuple(m for t in with_backups(team, policy) for m in t.members))
            for team in teams
        ]
    elif isinstance(to, ToRep):
        names, anybody = named(to.rep, to.path, policy)
        found = [Pool(None, (rep,)) for rep in policy.roster if rep.casefold() in names]
    else:
        # A queue takes whatever comes.
        return None
    return None if anybody else tuple(found)


def all_rules(policy: Policy) -> Iterator[Rule]:
    """Every rule with a destination, and the last resort."""
    todo = list(reversed(policy.rules))
    while todo:
        rule = todo.pop()
        if rule.to is not None:
            yield rule
        todo.extend(reversed(rule.rules))
    yield policy.otherwise

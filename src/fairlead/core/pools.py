"""Whose turns are kept together: the name of a pool, and who is in it.

Pools are named `company`, `team:x` or `rule:r.team:x`; a rule's own pool stands behind, as in
`team:x.high_value`. Neither team nor pool has a dot in its name, so no two pools share one. Beside
each pool are two accounts of the same ledger: turns owed, and what somebody absent has missed.
"""

from __future__ import annotations

from collections.abc import Iterator

from fairlead.core.policy import Policy, Rule, Team, ToTeam

COMPANY_POOL = "company"
_BESIDE = "beside "
_MISSED = "missed "
_LENGTH = len(_BESIDE)


def pool_of(team: Team, rule: Rule | None = None) -> str:
    """The ledger in which a team's turns for the leads of this rule are kept."""
    pool = COMPANY_POOL if team.scope == "company" else f"team:{team.name}"
    if team.scope == "rule" and rule is not None:
        pool = f"rule:{rule.name}.{pool}"
    return pool if rule is None or rule.pool is None else f"{pool}.{rule.pool}"


def beside(pool: str) -> str:
    """The account of turns owed, or taken in advance, outside the rotation of a pool."""
    return f"{_BESIDE}{pool}"


def missed_in(pool: str) -> str:
    """The account of the shares that absent members of a pool would have had."""
    return f"{_MISSED}{pool}"


def rotation_of(account: str) -> str:
    """The pool that an account belongs to; a pool belongs to itself."""
    return account[_LENGTH:] if account.startswith((_BESIDE, _MISSED)) else account


def accounts_of(account: str) -> tuple[str, str, str]:
    """A pool and what stands beside it, by the name of any of the three."""
    pool = rotation_of(account)
    return pool, beside(pool), missed_in(pool)


def members_of(pool: str, policy: Policy) -> dict[str, str] | None:
    """Every member with the first team that brings them in; None for no pool of this policy."""
    teams = [t for t in policy.teams.values() if gives(t, pool)]
    if not teams or (pool.startswith("rule:") and not _has_rule(pool, policy)):
        return None
    return {member: team.name for team in reversed(teams) for member in team.members}


def gives(team: Team, pool: str) -> bool:
    """Whether turns of this team are kept in this pool."""
    if team.scope == "company":
        return pool == COMPANY_POOL or pool.startswith(f"{COMPANY_POOL}.")
    own = f"team:{team.name}"
    if team.scope == "team":
        return pool == own or pool.startswith(f"{own}.")
    *_, before, last = ("", *pool.rsplit(".", 2))
    return pool.startswith("rule:") and own == (last if last.startswith("team:") else before)


def pools_of(policy: Policy) -> list[str]:
    """Every pool that the policy names outright, in order of name."""
    found = {pool_of(t) for t in policy.teams.values() if t.scope != "rule"}
    for rule in rules_of(policy):
        for to in (rule.to, rule.if_away):
            name = to.team if isinstance(to, ToTeam) else None
            asked = set[str]()
            while name is not None and name in policy.teams and name not in asked:
                asked.add(name)
                found.add(pool_of(policy.teams[name], rule))
                name = policy.teams[name].backup
    return sorted(found)


def rules_of(policy: Policy) -> Iterator[Rule]:
    """Every rule with a destination, and the last resort at the end."""

    def inside(rules: tuple[Rule, ...]) -> Iterator[Rule]:
        for rule in rules:
            if rule.to is not None:
                yield rule
            yield from inside(rule.rules)

    yield from inside(policy.rules)
    yield policy.otherwise


def _has_rule(pool: str, policy: Policy) -> bool:
    return any(pool.startswith(f"rule:{rule.name}.team:") for rule in rules_of(policy))

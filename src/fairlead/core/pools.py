"""Whose turns are kept together: the name of a pool, and who is in it.

Pools are named `company`, `team:x` or `rule:r.team:x`; a rule's own pool stands behind, as in
`team:x.high_value`. Neither team nor pool has a dot in its name, so no two pools share one. A group
has a pool for each role, as in `team:x/AE`. Beside
each pool are two accounts of the same ledger: turns owed, and what somebody absent has missed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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


def role_pool(pool: str, role: str) -> str:
    """The ledger of one role of a group."""
    return f"{pool}/{role}"


def members_of(pool: str, policy: Policy) -> dict[str, str] | None:
    """Every member with the first team that brings them in; None for no pool of this policy."""
    if pool.startswith("rule:") and not _has_rule(pool, policy):
        return None
    found: dict[str, str] = {}
    known = False
    for team in policy.teams.values():
        members = _in_pool(team, pool, policy)
        known |= members is not None
        for member in members or ():
            found.setdefault(member, team.name)
    return found if known else None


def _in_pool(team: Team, pool: str, policy: Policy) -> Sequence[str] | None:
    """Who of a team, its helpers included, has turns in this pool; None when it has none there."""
    for role in team.options.roles:
        own, slash, name = pool.rpartition("/")
        if slash and name == role.name and gives(team, own):
            return role.members
    if team.options.roles or not gives(team, pool):
        return None
    return [*team.members, *(m for name in team.helpers for m in policy.teams[name].members)]


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
    found = {p for t in policy.teams.values() if t.scope != "rule" for p in _seats(t, pool_of(t))}
    for rule in rules_of(policy):
        for to in (rule.to, rule.if_away):
            name = to.team if isinstance(to, ToTeam) else None
            asked = set[str]()
            while name is not None and name in policy.teams and name not in asked:
                asked.add(name)
                team = policy.teams[name]
                found.update(_seats(team, pool_of(team, rule)))
                name = team.backup
    return sorted(found)


def _seats(team: Team, pool: str) -> list[str]:
    return [role_pool(pool, role.name) for role in team.options.roles] or [pool]


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

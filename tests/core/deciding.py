"""Short ways to write policies, worlds and cases for the tests of the deciding core."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

from fairlead.core.decision import Case, Load, Match, World
from fairlead.core.leave import local
from fairlead.core.policy import Policy
from fairlead.core.policy_file import load_policy
from fairlead.core.types import (
    NO_LIMITS,
    Capacity,
    CrmOwner,
    Lead,
    OwnerKind,
    Ref,
    Rep,
    TimeOff,
    Value,
)

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
SF = "salesforce"
HS = "hubspot"

HEAD = """version: 1
sources:
  sf: {crm: salesforce}
  hs: {crm: hubspot}
reps:
  anna@example.com: {}
  ben@example.com: {}
  carla@example.com: {}
teams:
  a: {members: [anna@example.com, ben@example.com]}
  b: {members: [carla@example.com]}
"""


def policy(rules: str = "", otherwise: str = "{team: a}", head: str = HEAD, **files: str) -> Policy:
    """A policy over the three reps and two teams above, through the real reader."""
    body = f"rules:\n{rules}\n" if rules else ""
    text = f"{head}{body}otherwise: {{to: {otherwise}}}\n"
    return load_policy({"p.yaml": text, **{f"{n}.csv": t for n, t in files.items()}}, "p.yaml")


def rep(
    name: str,
    *crms: str,
    weight: Fraction | int = 1,
    inactive: tuple[str, ...] = (),
    away_until: datetime | None = None,
    calendar: str | None = None,
    capacity: Capacity = NO_LIMITS,
    **skills: tuple[str, ...],
) -> Rep:
    """`rep("anna")` is anna@example.com with a user in both CRMs, `salesforce-anna` and so on."""
    crms = crms or (SF, HS)
    return Rep(
        f"{name}@example.com",
        name.title(),
        Fraction(weight),
        {c: f"{c}-{name}" for c in crms},
        {c: c not in inactive for c in crms},
        calendar,
        () if away_until is None else (leave_until(away_until),),
        capacity,
        skills,
    )


def leave_until(end: datetime) -> TimeOff:
    """A leave that has begun long ago."""
    start = NOW - timedelta(days=400)
    return TimeOff(start, end, start, end, local(end, None))


def world(
    *reps: Rep,
    others: tuple[CrmOwner, ...] = (),
    balances: dict[str, dict[str, Fraction]] | None = None,
    loads: dict[str, Load] | None = None,
) -> World:
    """These reps as users of their CRMs, a queue `Inbound` in Salesforce, and `others`."""
    reps = reps or (rep("anna"), rep("ben"), rep("carla"))
    owners = [
        CrmOwner(crm, id, OwnerKind.REP, r.name, r.id, r.active[crm])
        for r in reps
        for crm, id in r.crm_ids.items()
    ]
    owners += [queue("Inbound"), *others]
    users = {(o.crm, o.id): o for o in owners}
    return World({r.id: r for r in reps}, users, balances or {}, loads or {})


def queue(name: str, crm: str = SF, *, active: bool = True) -> CrmOwner:
    return CrmOwner(crm, f"{crm}-q-{name.lower()}", OwnerKind.QUEUE, name, None, active)


def user(name: str, crm: str = SF, *, active: bool = True) -> CrmOwner:
    """A user of the CRM who is not in the roster."""
    return CrmOwner(
        crm, f"{crm}-{name}", OwnerKind.REP, name.title(), f"{name}@example.com", active
    )


def lead(crm: str = SF, *, id: str = "1", owner_id: str | None = None, **values: Value) -> Lead:
    group = {} if owner_id is None else {"owner": True}
    return Lead(Ref(crm, "Lead", id), NOW, NOW, owner_id, {**group, **values})


def case(
    of: Lead | None = None,
    match: Match | None = None,
    *,
    generation: int = 1,
    excluded: tuple[str, ...] = (),
    rerun: bool = False,
    waited: timedelta = timedelta(),
    person: str = "p1",
) -> Case:
    seen = NOW - waited
    return Case(
        person, generation, of or lead(), match or Match(), frozenset(excluded), rerun, seen
    )

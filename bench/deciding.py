"""Deciding under a big policy, beside the same rules written by hand in Python.

200 rules (every tenth with a regular expression), 40 reps with working hours, leave and limits in
eight teams. The hand-written version is what a careful programmer would put into a cron script: it
tries the same conditions in the same order and takes turns among who is free, in floating point. It
explains nothing, keeps nothing and cannot be checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from fairlead.core.decide import decide
from fairlead.core.decision import Case, Decision, Load, Match, World
from fairlead.core.fairness import after
from fairlead.core.policy import Policy
from fairlead.core.policy_file import load_policy
from fairlead.core.roster import join_roster
from fairlead.core.types import CrmOwner, Lead, OwnerKind, Ref

RULES, REPS, TEAMS, LEADS = 200, 40, 8, 2_000
NOW = datetime(2026, 6, 3, 14, 30, tzinfo=UTC)
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney")
COUNTRIES = ("DE", "US", "IN", "AU", "FR", "GB", "CA", "BR")
INDUSTRIES = ("software", "retail", "banking", "health", "energy")
TITLES = ("VP Sales", "Head of IT", "Engineer", "CEO", "Account Manager", "Director Ops")


def policy_text() -> str:
    calendars = "".join(
        f'  c{n}: {{timezone: {zone}, hours: {{mon-sun: ["00:00-12:00", "12:30-24:00"]}}}}\n'
        for n, zone in enumerate(ZONES)
    )
    reps = "".join(
        f"  r{n}@example.com: {{weight: {1 + n % 3}, calendar: c{n % len(ZONES)},"
        f" capacity: {{open: 100000, per_day: 100000}}}}\n"
        for n in range(REPS)
    )
    teams = "".join(f"  t{t}: {{members: [{', '.join(_members(t))}]}}\n" for t in range(TEAMS))
    rules = "".join(
        f"  - {{name: rule {n}, when: '{condition(n)}', to: {{team: t{n % TEAMS}}}}}\n"
        for n in range(RULES)
    )
    return (
        "version: 1\nsources: {sf: {crm: salesforce}}\n"
        f"calendars:\n{calendars}reps:\n{reps}teams:\n{teams}rules:\n{rules}"
        "otherwise: {to: {team: t0}}\n"
    )


def _members(team: int) -> list[str]:
    return [f"r{n}@example.com" for n in range(REPS) if n % TEAMS == team]


def condition(n: int) -> str:
    low = n * 10
    if n % 10 == 9:
        return f'title matches "(?i)^(vp|head|director).*" and employees >= {low + 4000}'
    return (
        f'country in ["{COUNTRIES[n % 8]}", "{COUNTRIES[(n + 3) % 8]}"]'
        f' and industry == "{INDUSTRIES[n % 5]}" and employees >= {low} and employees < {low + 90}'
    )


def values(n: int) -> dict[str, Any]:
    return {
        "email": f"p{n}@acme{n}.example",
        "country": COUNTRIES[n * 7 % 8],
        "industry": INDUSTRIES[n * 3 % 5],
        "employees": n * 37 % 2200,
        "title": TITLES[n % 6],
    }


@dataclass(frozen=True)
class Bench:
    """The policy, the world it meets, and the leads."""

    policy: Policy
    world: World
    cases: tuple[Case, ...]


def prepared() -> Bench:
    policy = load_policy({"p.yaml": policy_text()}, "p.yaml")
    owners = [
        CrmOwner("salesforce", f"005{n:015}", OwnerKind.REP, f"r{n}", f"r{n}@example.com", True)
        for n in range(REPS)
    ]
    reps = join_roster(policy, owners)
    loads = {rep: Load() for rep in reps}
    world = World(reps, {(o.crm, o.id): o for o in owners}, {}, loads)
    cases = tuple(
        Case(
            f"p{n}",
            1,
            Lead(Ref("salesforce", "Lead", f"{n:018}"), NOW, NOW, None, values(n)),
            Match(None, "no account", ()),
        )
        for n in range(LEADS)
    )
    return Bench(policy, world, cases)


def by_policy(bench: Bench) -> list[Decision]:
    """Decide every lead, the ledger and the loads running on as they do in the daemon."""
    balances: dict[str, dict[str, Fraction]] = {}
    loads = dict(bench.world.loads)
    world = replace(bench.world, balances=balances, loads=loads)
    found = []
    for case in bench.cases:
        decision = decide(case, world, bench.policy, NOW)
        if decision.trace.pool is not None:
            pool = decision.trace.pool
            balances[pool] = after(balances.get(pool, {}), decision.ledger)
        if decision.rep_id is not None:
            loads[decision.rep_id] = loads[decision.rep_id].plus_one()
        found.append(decision)
    return found


# -- the same by hand ------------------------------------------------------------------------------


def _by_hand(n: int) -> Callable[[dict[str, Any]], bool]:
    low = n * 10
    if n % 10 == 9:
        pattern = re.compile("(?i)^(vp|head|director).*")

        def senior(v: dict[str, Any]) -> bool:
            return bool(
                v.get("title")
                and pattern.search(v["title"])
                and v.get("employees", -1) >= low + 4000
            )

        return senior
    countries, industry = {COUNTRIES[n % 8], COUNTRIES[(n + 3) % 8]}, INDUSTRIES[n % 5]

    def plain(v: dict[str, Any]) -> bool:
        return (
            v.get("country") in countries
            and v.get("industry") == industry
            and low <= v.get("employees", -1) < low + 90
        )

    return plain


def by_hand(cases: tuple[Case, ...]) -> list[str]:
    """The owners of the same leads: floats for the turns, the hours asked of zoneinfo each time."""
    rules = [(_by_hand(n), n % TEAMS) for n in range(RULES)]
    zones = [ZoneInfo(z) for z in ZONES]
    current = {
        t: dict.fromkeys((n for n in range(REPS) if n % TEAMS == t), 0.0) for t in range(TEAMS)
    }
    received = [0] * REPS
    found = []
    for case in cases:
        v = case.lead.values
        team = next((t for holds, t in rules if holds(v)), 0)  # type: ignore[arg-type]
        free = []
        for n in current[team]:
            local = NOW.astimezone(zones[n % len(ZONES)])
            minute = local.hour * 60 + local.minute
            if (minute < 720 or minute >= 750) and received[n] < 100000:
                free.append(n)
        total = sum(1 + n % 3 for n in free)
        for n in free:
            current[team][n] += (1 + n % 3) / total
        winner = max(free, key=lambda n: (current[team][n], -n))
        current[team][winner] -= 1
        received[winner] += 1
        found.append(f"r{winner}@example.com")
    return found

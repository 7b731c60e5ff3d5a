"""Reads and plays one scenario file: a world, a policy, a lead, and what must come of it.

The format is what sales operations can read and attach to a report; unknown keys are refused. The
way of a lead is the daemon's own: normalise, match, decide, with the ledger running on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from fairlead.core.claim import Offer
from fairlead.core.crm_word import absent_now
from fairlead.core.decide import decide
from fairlead.core.decision import Case, Decision, Known, Load, Match, Order, World
from fairlead.core.domains import registrable_domain
from fairlead.core.durations import parse_duration
from fairlead.core.fairness import after
from fairlead.core.leave import Switch
from fairlead.core.load import Summed
from fairlead.core.match import match_account
from fairlead.core.normalise import normalise
from fairlead.core.peaks import peaks_on
from fairlead.core.policy import Policy
from fairlead.core.policy_file import load_policy, referenced_files
from fairlead.core.policy_problem import SourceText
from fairlead.core.policy_yaml import data_of, read_yaml
from fairlead.core.roster import join_roster
from fairlead.core.schema import LEAD_SCHEMA
from fairlead.core.scored import score_lines
from fairlead.core.types import Account, Availability, CrmOwner, Kind, OwnerKind, Record, Ref

FIXTURES = Path(__file__).parents[2] / "fixtures"
PerCrm = dict[str, list[str]]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AccountLine(_Strict):
    crm: str
    name: str
    domain: str
    type: str | None = None
    owner: str | None = None
    parents: list[str | None] = []
    """The owners of the accounts above it, the nearest first."""


class DuplicateLine(_Strict):
    """Another record of the same person; `owner` is an e-mail, a queue's name or nothing."""

    crm: str
    owner: str | None = None
    decided_at: datetime | None = None


class LoadLine(_Strict):
    """What a rep has already: open leads, and those received this hour, day and week of theirs."""

    open: int = 0
    hour: int = 0
    day: int = 0
    week: int = 0
    sums: dict[str, int] = {}
    missing: dict[str, int] = {}
    """Of these fields, how many of the open leads have no value."""

    def load(self) -> Load:
        names = {*self.sums, *self.missing}
        sums = {n: Summed(Fraction(self.sums.get(n, 0)), self.missing.get(n, 0)) for n in names}
        return Load(self.open, self.hour, self.day, self.week, sums=sums)


class CrmWordLine(_Strict):
    """What a CRM says of a rep; hours as `[weekday from Monday 0, from minute, to minute]`."""

    crm: str
    off: list[tuple[datetime, datetime]] = []
    hours: list[tuple[int, int, int]] = []
    timezone: str | None = None
    present: bool | None = None


class WorldLines(_Strict):
    """What differs from the plain world: every rep has an active user everywhere, none is away.

    `waiting` counts the leads held for teams, `peaks` are teams whose peak plan was on until now.
    """

    inactive: PerCrm = {}
    without_user: PerCrm = {}
    users: PerCrm = {}
    queues: PerCrm = {}
    away: dict[str, str] = {}
    covers: dict[str, str] = {}
    crm_says: dict[str, CrmWordLine] = {}
    waiting: dict[str, int] = {}
    peaks: list[str] = []
    loads: dict[str, LoadLine] = {}
    balances: dict[str, dict[str, int | str]] = {}
    accounts: list[AccountLine] = []
    duplicates: list[DuplicateLine] = []
    refused: list[str] = []
    offered: dict[str, str] = {}
    """The team to which the lead was offered in its queue, and how long ago."""


class OrderLine(_Strict):
    """What a person ordered; `taken_from` is the owner the order saw, as a rule the lead's."""

    kind: Literal["backfill", "reassign", "override"]
    by: str
    reason: str = ""
    leaving: list[str] = []
    taken_from: str | None = None
    to: str | None = None
    team: str | None = None
    even_if_away: bool = False


class Expected(_Strict):
    """`owner` is an e-mail or a queue's name; `because` lines each stand in the explanation.

    `retry_at` is when a held lead is looked at again because somebody will be free then.
    """

    state: str
    owner: str | None = None
    owners: list[str] | None = None
    rule: str | None = None
    priority: str | None = None
    because: list[str] = []
    charged: bool | None = None
    retry_at: datetime | None = None
    balances: dict[str, dict[str, int | str]] = {}
    score: int | None = None
    grade: str | None = None
    points: dict[str, int | str] = {}
    """What each group of points comes to."""
    beside: dict[str, str] = {}
    """Who else has a part in the last lead, by role."""


class Scenario(_Strict):
    name: str
    seed: int | None = None
    now: datetime
    policy: str
    world: WorldLines = WorldLines()
    lead: dict[str, Any]
    waited: str = "0s"
    times: int = 1
    order: OrderLine | None = None
    expect: Expected


@dataclass(frozen=True)
class Played:
    """What came of it: one decision per lead, the world at the end, and how to name its owners."""

    decisions: tuple[Decision, ...]
    world: World
    crm: str

    def owners(self) -> list[str | None]:
        return [self._named(d.owner_id) for d in self.decisions]

    def because(self) -> set[str]:
        """Everything the last decision gives as a reason."""
        d = self.decisions[-1]
        passed = {f"{p.rep_id}: {p.reason}" for p in d.trace.passed}
        score = () if d.trace.score is None else score_lines(d.trace.score)
        return {d.reason, *d.trace.notes, *passed, *(line.strip() for line in score)}

    def _named(self, owner_id: str | None) -> str | None:
        if owner_id is None:
            return None
        owner = self.world.owners[self.crm, owner_id]
        return owner.email or owner.name


def read_scenario(text: str, file: str = "scenario.yaml") -> Scenario:
    """The scenario in a YAML 1.2 text; raises ValueError for unknown keys and what is no YAML."""
    node, problems = read_yaml(SourceText(file, text))
    if node is None or problems:
        raise ValueError("; ".join(str(p) for p in problems))
    return Scenario.model_validate(data_of(node))


def play(scenario: Scenario) -> Played:
    """Route the scenario's lead `times` over; raises ValueError for a lead field nobody knows."""
    policy = _policy(scenario.policy)
    world = _world(scenario, policy)
    crm = str(scenario.lead.get("crm", "salesforce"))
    now = scenario.now.astimezone(UTC)
    decisions = []
    for number in range(scenario.times):
        case = _case(scenario, policy, world, crm, number, now)
        decision = decide(case, world, policy, now, explain=True)
        pools = {e.pool for e in decision.ledger}
        moved = {
            p: after(world.balances.get(p, {}), [e for e in decision.ledger if e.pool == p])
            for p in pools
        }
        world = replace(world, balances={**world.balances, **moved})
        if decision.rep_id in world.loads:
            more = world.loads[decision.rep_id].plus_one(case.lead.values)
            world = replace(world, loads={**world.loads, decision.rep_id: more})
        decisions.append(decision)
    return Played(tuple(decisions), world, crm)


def exact(balances: Mapping[str, int | str]) -> dict[str, Fraction]:
    return {rep: Fraction(str(b)) for rep, b in balances.items()}


def _policy(name: str) -> Policy:
    path = FIXTURES / name
    text = path.read_text(encoding="utf-8")
    beside = {n: (path.parent / n).read_text(encoding="utf-8") for n in referenced_files(text)}
    return load_policy({path.name: text, **beside}, path.name)


def _world(scenario: Scenario, policy: Policy) -> World:
    lines = scenario.world
    owners: list[CrmOwner] = []
    for crm in [s.crm for s in policy.sources]:
        absent, idle = lines.without_user.get(crm, []), lines.inactive.get(crm, [])
        for email in [*policy.roster, *lines.users.get(crm, [])]:
            if email not in absent:
                active = email not in idle
                user = CrmOwner(crm, f"{crm}:{email}", OwnerKind.REP, email, email, active)
                owners.append(replace(user, availability=_word(lines.crm_says.get(email), crm)))
        inbound = ["Inbound"] if crm == "salesforce" else []
        for name in [*inbound, *lines.queues.get(crm, [])]:
            owners.append(CrmOwner(crm, f"{crm}:{name}", OwnerKind.QUEUE, name, None, True))
    switches = [
        Switch(rep, None, scenario.now - timedelta(days=1), until, "", lines.covers.get(rep, ""))
        for rep, until in lines.away.items()
    ]
    reps = join_roster(policy, owners, switches)
    balances = {pool: exact(held) for pool, held in lines.balances.items()}
    loads = {rep: line.load() for rep, line in lines.loads.items()}
    return World(
        reps,
        {(o.crm, o.id): o for o in owners},
        balances,
        loads,
        absent=absent_now(policy, reps, owners),
        waiting=lines.waiting,
        peaks=peaks_on(policy.teams.values(), lines.waiting, lines.peaks),
    )


def _word(line: CrmWordLine | None, crm: str) -> Availability | None:
    if line is None or line.crm != crm:
        return None
    off = tuple((a.astimezone(UTC), b.astimezone(UTC)) for a, b in line.off)
    return Availability(off, tuple(line.hours), line.timezone, line.present)


def _case(
    scenario: Scenario, policy: Policy, world: World, crm: str, number: int, now: datetime
) -> Case:
    raw = {n: v for n, v in scenario.lead.items() if n not in ("crm", "owner")}
    unknown = sorted(set(raw) - set(LEAD_SCHEMA.types) - set(policy.fields))
    if unknown:
        raise ValueError(f"a lead has no field {', '.join(unknown)}")
    fields = {policy.fields[n].sources[crm] if n in policy.fields else n: v for n, v in raw.items()}
    owner = scenario.lead.get("owner")
    ref = Ref(crm, "Lead", f"lead-{number}")
    record = Record(ref, Kind.LEAD, now, now, fields, None if owner is None else f"{crm}:{owner}")
    sources = {n: (n,) for n in LEAD_SCHEMA.types}
    lead = normalise(record, sources, policy.fields, world.owners)
    accounts = [_account(a, i) for i, a in enumerate(scenario.world.accounts)]
    found, reason = match_account(lead, accounts)
    known = tuple(_known(d, i, world) for i, d in enumerate(scenario.world.duplicates))
    line = next((a for i, a in enumerate(scenario.world.accounts) if found == _account(a, i)), None)
    above = () if line is None else _parents(line)
    match = Match(found, reason, known, above)
    seen = now - parse_duration(scenario.waited)
    order = _order(scenario, crm)
    leaving = frozenset() if order is None else order.leaving
    takes = order is not None and order.takes
    offers = tuple(
        Offer(team, lead.owner_id or "", now - parse_duration(ago))
        for team, ago in scenario.world.offered.items()
    )
    return Case(
        f"person-{number}",
        1,
        lead,
        match,
        frozenset(scenario.world.refused) | leaving,
        rerun=takes,
        first_seen_at=seen,
        order=order,
        offers=offers,
    )


def _order(scenario: Scenario, crm: str) -> Order | None:
    line = scenario.order
    if line is None:
        return None
    owner = line.taken_from or scenario.lead.get("owner")
    seen = None if owner is None else f"{crm}:{owner}"
    return Order(
        line.kind, line.by, line.reason, seen, frozenset(line.leaving), line.to, line.team,
        line.even_if_away,
    )  # fmt: skip


def _account(line: AccountLine, number: int) -> Account:
    domain = registrable_domain(line.domain)
    owner = None if line.owner is None else f"{line.crm}:{line.owner}"
    ref = Ref(line.crm, "Account", f"account-{number}")
    return Account(ref, line.name, (domain,) if domain else (), owner, line.type)


def _parents(line: AccountLine) -> tuple[Account, ...]:
    return tuple(
        Account(Ref(line.crm, "Account", f"parent-{n}"), "", (), o and f"{line.crm}:{o}")
        for n, o in enumerate(line.parents)
    )


def _known(line: DuplicateLine, number: int, world: World) -> Known:
    owner = None if line.owner is None else f"{line.crm}:{line.owner}"
    rep = None if owner is None else world.rep_of(line.crm, owner)
    ref = Ref(line.crm, "Lead", f"duplicate-{number}")
    return Known(ref, owner, None if rep is None else rep.id, "email", line.decided_at)

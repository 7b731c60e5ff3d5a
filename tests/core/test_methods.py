"""Each distribution method keeps the promise that docs/policy.md makes for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction

import pytest
from core.deciding import NOW, SF, case, lead, policy, queue, rep, world
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.core.claim import Offer
from fairlead.core.decide import decide
from fairlead.core.decision import Decision, Load, OutcomeKind, World
from fairlead.core.fairness import after
from fairlead.core.load import Summed
from fairlead.core.policy import Policy
from fairlead.core.snapshot import freeze_inputs, freeze_roster, thaw_inputs
from fairlead.core.types import Capacity, Rep

NAMES = ("anna", "ben", "carla")
IDS = tuple(f"{n}@example.com" for n in NAMES)
ANNA, BEN, CARLA = IDS
EVERYBODY = f"members: [{', '.join(IDS)}]"
MINUTE = timedelta(minutes=1)


def a_policy(method: str, members: str = EVERYBODY, more: str = "", extra: str = "") -> Policy:
    inside = ", ".join(part for part in (members, f"method: {method}", more) if part)
    head = f"""version: 1
fields: {{deal_size: {{type: number, salesforce: Deal_Size__c}}}}
sources:
  sf: {{crm: salesforce}}
  hs: {{crm: hubspot}}
reps: {{anna@example.com: {{}}, ben@example.com: {{}}, carla@example.com: {{}}}}
teams:
  t: {{{inside}}}
{extra}"""
    return policy(otherwise="{team: t}", head=head)


def reps(free_at: Mapping[str, datetime | None] | None = None, **more: int) -> list[Rep]:
    """The three, free now unless `free_at` names the end of a leave; `more` are weights."""
    ends = free_at or {}
    return [rep(n, away_until=ends.get(n), weight=more.get(n, 1)) for n in NAMES]


def play(rules: Policy, seen: World, times: int, at: datetime = NOW) -> list[Decision]:
    """So many leads, one after the other, each on the ledger and loads that the last one left."""
    found = []
    for number in range(times):
        of = case(lead(id=str(number)), person=f"p{number}")
        decision = decide(of, seen, rules, at)
        moved = {
            pool: after(seen.balances.get(pool, {}), [e for e in decision.ledger if e.pool == pool])
            for pool in {e.pool for e in decision.ledger}
        }
        loads = dict(seen.loads)
        if decision.rep_id in loads:
            loads[decision.rep_id] = loads[decision.rep_id].plus_one(of.lead.values)
        seen = replace(seen, balances={**seen.balances, **moved}, loads=loads)
        found.append(decision)
    return found


def same_when_thawed(of: object, seen: World, rules: Policy, decision: Decision) -> bool:
    frozen = freeze_inputs(of, seen, decision)  # type: ignore[arg-type]
    again, then = thaw_inputs(frozen, freeze_roster(seen))
    return decide(again, then, rules, NOW) == decision


def nginx(weights: Mapping[str, int], turns: int) -> list[str]:
    """Smooth weighted round robin as nginx has it, written down here once more."""
    current, total = dict.fromkeys(weights, 0), sum(weights.values())
    picked = []
    for _ in range(turns):
        for name, weight in weights.items():
            current[name] += weight
        best = max(sorted(current), key=lambda name: current[name])
        current[best] -= total
        picked.append(best)
    return picked


LEAVES = st.fixed_dictionaries(
    {n: st.none() | st.integers(1, 300).map(lambda m: NOW + m * MINUTE) for n in NAMES}
)
BALANCES = st.fixed_dictionaries({i: st.fractions(-2, 2, max_denominator=6) for i in IDS})


# -- by turns --------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(["round_robin", "first_available", "next_up", "{override: {max_delay: 1h}}"]),
    st.fixed_dictionaries({n: st.integers(1, 9) for n in NAMES}),
)
def test_with_everybody_free_turns_are_the_smooth_weighted_sequence(
    method: str, weights: dict[str, int]
) -> None:
    found = play(a_policy(method), world(*reps(**weights)), 25)
    expected = nginx({f"{n}@example.com": w for n, w in weights.items()}, 25)
    assert [d.rep_id for d in found] == expected


@settings(max_examples=60, deadline=None)
@given(LEAVES, BALANCES)
def test_next_up_never_skips_the_turn_holder(
    ends: dict[str, datetime | None], held: dict[str, Fraction]
) -> None:
    rules = a_policy("next_up", more="backup: {team: b}", extra=BACKUP)
    seen = world(*reps(ends), balances={"team:t": held})
    holder = max(sorted(held), key=lambda r: held[r])
    decision = decide(case(), seen, rules, NOW)
    end = ends[holder.split("@")[0]]
    if end is None:
        assert (decision.rep_id, decision.retry_at) == (holder, None)
    else:
        assert (decision.outcome, decision.retry_at) == (OutcomeKind.HOLD, end)
        assert f"waits for {holder}, whose turn it is in team t" in decision.reason
        assert decision.ledger == ()
    assert same_when_thawed(case(), seen, rules, decision)


BACKUP = "  b: {members: [carla@example.com]}\n"


def test_next_up_waits_for_room_however_long_and_passes_over_who_cannot_come_back() -> None:
    full = Capacity(open=2)
    seen = world(
        rep("anna", capacity=full), rep("ben"), loads={ANNA: Load(open=2)},
        balances={"team:t": {BEN: Fraction(-1, 2)}},
    )  # fmt: skip
    decision = decide(case(), seen, a_policy("next_up"), NOW)
    assert (decision.outcome, decision.retry_at) == (OutcomeKind.HOLD, None)
    assert decision.reason.endswith("whose turn it is in team t: has 2 open leads of 2")
    gone = world(rep("anna", inactive=(SF,)), rep("ben"))
    assert decide(case(), gone, a_policy("next_up"), NOW).rep_id == BEN


@settings(max_examples=60, deadline=None)
@given(LEAVES, BALANCES, st.integers(0, 200), st.integers(0, 200))
def test_override_waits_for_the_turn_holder_and_never_longer_than_it_may(
    ends: dict[str, datetime | None], held: dict[str, Fraction], most: int, waited: int
) -> None:
    rules = a_policy(f"{{override: {{max_delay: {most}m}}}}")
    seen = world(*reps(ends), balances={"team:t": held})
    of = case(waited=waited * MINUTE)
    latest = NOW + (most - waited) * MINUTE
    decision = decide(of, seen, rules, NOW)
    in_time = [r for r in IDS if (end := ends[r.split("@")[0]]) is None or end <= latest]
    assert same_when_thawed(of, seen, rules, decision)
    if not in_time:
        assert decision.outcome is OutcomeKind.HOLD
        assert decision.reason == "nobody in team t can take it"
        return
    holder = max(in_time, key=lambda r: held[r])
    end = ends[holder.split("@")[0]]
    assert decision.rep_id == (holder if end is None else None)
    assert decision.retry_at == end


@settings(max_examples=60, deadline=None)
@given(LEAVES, BALANCES)
def test_first_available_never_waits_and_takes_the_earliest(
    ends: dict[str, datetime | None], held: dict[str, Fraction]
) -> None:
    rules, seen = a_policy("first_available"), world(*reps(ends), balances={"team:t": held})
    decision = decide(case(), seen, rules, NOW)
    at = {r: ends[r.split("@")[0]] or NOW for r in IDS}
    assert at[decision.rep_id or ""] == min(at.values())
    equals = [r for r in IDS if at[r] == min(at.values())]
    assert decision.rep_id == max(equals, key=lambda r: held[r])
    assert ("first available, from " in decision.reason) == (min(at.values()) > NOW)
    assert same_when_thawed(case(), seen, rules, decision)


def test_first_available_asks_the_backup_before_somebody_who_comes_later() -> None:
    rules = a_policy(
        "first_available",
        "members: [anna@example.com, ben@example.com]",
        "backup: {team: b}",
        BACKUP,
    )
    later = {"anna": NOW + 2 * MINUTE, "ben": NOW + MINUTE}
    awake = decide(case(), world(*reps(later)), rules, NOW)
    assert awake.rep_id == CARLA
    assert awake.reason == "nobody in team t is free now; next in team b"
    asleep = decide(case(), world(*reps({**later, "carla": NOW + MINUTE})), rules, NOW)
    assert asleep.rep_id == BEN


def test_first_available_gives_no_lead_over_the_limit_to_wait_with() -> None:
    seen = world(
        rep("anna", away_until=NOW + MINUTE, capacity=Capacity(per_day=1)),
        rep("ben", away_until=NOW + 2 * MINUTE),
        loads={ANNA: Load(day=1)},
    )
    assert decide(case(), seen, a_policy("first_available"), NOW).rep_id == BEN


# -- by load and by rank ---------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    st.fixed_dictionaries({i: st.integers(0, 5) for i in IDS}),
    st.fixed_dictionaries({n: st.integers(1, 3) for n in NAMES}),
    BALANCES,
)
def test_least_loaded_never_gives_to_a_fuller_rep(
    counts: dict[str, int], weights: dict[str, int], held: dict[str, Fraction]
) -> None:
    rules = a_policy("least_loaded")
    loads = {r: Load(open=n) for r, n in counts.items()}
    seen = world(*reps(**weights), loads=loads, balances={"team:t": held})
    decision = decide(case(), seen, rules, NOW)
    fullness = {r: Fraction(counts[r], weights[r.split("@")[0]]) for r in IDS}
    assert fullness[decision.rep_id or ""] == min(fullness.values())
    assert {p.rep_id for p in decision.trace.passed} == {
        r for r in IDS if fullness[r] > min(fullness.values())
    }
    assert same_when_thawed(case(), seen, rules, decision)


def test_least_loaded_gives_equals_their_turns_though_leads_are_closed_at_once() -> None:
    seen = world(*reps())
    assert [d.rep_id for d in play(a_policy("least_loaded"), seen, 6)] == [*IDS, *IDS]


def test_least_loaded_by_a_field_counts_what_is_unknown_as_it_was_told() -> None:
    loads = {
        ANNA: Load(open=1, sums={"deal_size": Summed(Fraction(5000))}),
        BEN: Load(open=9, sums={"deal_size": Summed(Fraction(900), 1)}),
        CARLA: Load(open=2, sums={"deal_size": Summed(Fraction(0), 2)}),
    }
    seen = world(*reps(), loads=loads)
    plain = a_policy("{least_loaded: {by: deal_size}}")
    decision = decide(case(), seen, plain, NOW)
    assert decision.rep_id == CARLA
    assert ("anna@example.com", "fuller: 5000 of deal_size in open leads") in {
        (p.rep_id, p.reason) for p in decision.trace.passed
    }
    told = a_policy("{least_loaded: {by: deal_size, missing: 1000}}")
    assert decide(case(), seen, told, NOW).rep_id == BEN
    assert same_when_thawed(case(), seen, told, decide(case(), seen, told, NOW))


@settings(max_examples=40, deadline=None)
@given(LEAVES, st.permutations(IDS))
def test_ranked_takes_the_first_of_the_order_who_is_free(
    ends: dict[str, datetime | None], order: list[str]
) -> None:
    rules = a_policy("ranked", f"members: [{', '.join(order)}]")
    free = [r for r in order if ends[r.split("@")[0]] is None]
    decision = decide(case(), world(*reps(ends)), rules, NOW)
    assert decision.rep_id == (free[0] if free else None)
    assert all(e.rep_id == decision.rep_id for e in decision.ledger)
    assert sum(e.delta for e in decision.ledger) == 0


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["ranked", "least_loaded", "first_available", "round_robin"]),
    st.lists(st.fixed_dictionaries({i: st.integers(0, 3) for i in IDS}), min_size=1, max_size=20),
)
def test_no_method_leaves_debts_beyond_the_bound_behind(
    method: str, history: list[dict[str, int]]
) -> None:
    rules, seen = a_policy(method), world(*reps())
    for counts in history:
        seen = replace(seen, loads={r: Load(open=n) for r, n in counts.items()})
        decision = decide(case(), seen, rules, NOW)
        moved = after(seen.balances.get("team:t", {}), decision.ledger)
        seen = replace(seen, balances={"team:t": moved})
        assert all(abs(balance) <= 1 for balance in moved.values())


# -- group -----------------------------------------------------------------------------------------

DEMO = (
    "{group: {roles: [{role: AE, members: [anna@example.com, ben@example.com]},"
    " {role: SE, members: [ben@example.com, carla@example.com]}]}}"
)


def test_a_group_has_one_owner_and_the_others_beside_and_each_role_pays_its_turn() -> None:
    rules, seen = a_policy(DEMO, ""), world(*reps())
    first, second = play(rules, seen, 2)
    assert [(c.role, c.rep_id, c.owner_id) for c in first.companions] == [
        ("SE", BEN, "salesforce-ben")
    ]
    assert (first.rep_id, second.rep_id) == (ANNA, BEN)
    assert [c.rep_id for c in second.companions] == [CARLA]
    assert first.reason == "group t: AE anna@example.com, SE ben@example.com"
    assert {e.pool for e in first.ledger} == {"team:t/AE", "team:t/SE"}
    assert first.trace.also[0].pool == "team:t/SE"
    assert same_when_thawed(case(), seen, rules, decide(case(), seen, rules, NOW))


@settings(max_examples=60, deadline=None)
@given(LEAVES, BALANCES, BALANCES)
def test_a_group_is_all_free_with_nobody_twice_or_it_is_held(
    ends: dict[str, datetime | None], ae: dict[str, Fraction], se: dict[str, Fraction]
) -> None:
    rules = a_policy(DEMO, "")
    seen = world(*reps(ends), balances={"team:t/AE": ae, "team:t/SE": se})
    decision = decide(case(), seen, rules, NOW)
    free = {r for r in IDS if ends[r.split("@")[0]] is None}
    possible = any(a != s for a in free & {ANNA, BEN} for s in free & {BEN, CARLA})
    assert (decision.outcome is OutcomeKind.ASSIGN) == possible
    if possible:
        together = {decision.rep_id, *(c.rep_id for c in decision.companions)}
        assert len(together) == 2
        assert together <= free
    else:
        assert decision.reason.startswith("group t: ")
        assert decision.retry_at is not None
    assert same_when_thawed(case(), seen, rules, decision)


# -- claim -----------------------------------------------------------------------------------------

CLAIM = "{claim: {queue: Demos, unclaimed_after: 30m}}"
DEMOS = "salesforce-q-demos"


def test_claim_puts_the_lead_into_the_queue_for_all_who_may_take_it() -> None:
    seen = world(*reps({"anna": NOW + MINUTE}), others=(queue("Demos"),))
    decision = decide(case(), seen, a_policy(CLAIM), NOW)
    assert (decision.owner_id, decision.rep_id, decision.ledger) == (DEMOS, None, ())
    assert decision.claim is not None
    assert [c.rep_id for c in decision.claim.claimants] == list(IDS)
    assert decision.claim.until == NOW + 30 * MINUTE
    assert decision.reason == "queue Demos, for the first of team t to take it"


def test_what_nobody_took_in_time_goes_to_the_backup() -> None:
    rules = a_policy(CLAIM, more="backup: {team: b}", extra=BACKUP)
    seen = world(others=(queue("Demos"),))
    of = case(lead(owner_id=DEMOS), waited=timedelta(days=1))
    early = replace(of, offers=(Offer("t", DEMOS, NOW - 29 * MINUTE),))
    late = replace(of, offers=(Offer("t", DEMOS, NOW - 30 * MINUTE),))
    again = decide(early, seen, rules, NOW)
    assert again.claim is not None
    assert again.claim.until == NOW + MINUTE
    decision = decide(late, seen, rules, NOW)
    assert decision.rep_id == CARLA
    assert decision.reason == "nobody in team t took it from queue Demos in time; next in team b"
    assert same_when_thawed(late, seen, rules, decision)


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (world(), "team t: Demos names no queue in salesforce"),
        (world(others=(queue("Demos", active=False),)), "team t: queue Demos cannot own leads now"),
        (
            world(rep("anna", inactive=(SF,)), others=(queue("Demos"),)),
            "nobody in team t could take it from queue Demos",
        ),
    ],
)
def test_without_its_queue_or_its_people_a_claim_is_held(seen: World, reason: str) -> None:
    decision = decide(case(), seen, a_policy(CLAIM), NOW)
    assert (decision.outcome, decision.reason) == (OutcomeKind.HOLD, reason)

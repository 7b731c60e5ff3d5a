"""Covers, teams that join others, waiting, escalation: what the scenarios leave out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from core.deciding import NOW, SF, case, lead, leave_until, policy, rep, user, world
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.core.certificate import Books, Kept, certificates
from fairlead.core.decide import decide
from fairlead.core.decision import Known, Load, Match, World
from fairlead.core.fairness import after, bound
from fairlead.core.peaks import peaks_on
from fairlead.core.policy import Hold
from fairlead.core.policy_file import PolicyError
from fairlead.core.types import Capacity, LeadState, Ref, Rep
from fairlead.core.why_not import why_not

ANNA, BEN, CARLA = "anna@example.com", "ben@example.com", "carla@example.com"
HOUR = timedelta(hours=1)


def away(name: str, cover: str = "", **more: object) -> Rep:
    off = replace(leave_until(NOW + HOUR), cover=str(more.pop("for_now", "")))
    return replace(rep(name), off=(off,), cover=cover)


def to_anna(if_away: str = "") -> str:
    more = f", if_away: {if_away}" if if_away else ""
    return f"  - {{name: A, to: {{rep: {ANNA}}}{more}}}"


# -- covers ----------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["", ANNA, BEN, CARLA]), min_size=3, max_size=3),
    st.lists(st.booleans(), min_size=3, max_size=3),
)
def test_a_chain_of_covers_ends_and_asks_nobody_twice(covers: list[str], out: list[bool]) -> None:
    names = ("anna", "ben", "carla")
    people = [
        replace(away(n, c) if gone else rep(n), cover=c)
        for n, c, gone in zip(names, covers, out, strict=True)
    ]
    rules = policy(to_anna(), otherwise="{queue: Nowhere}")
    decision = decide(case(lead()), world(*people), rules, NOW)
    chain = [ANNA]
    by_id = {p.id: p for p in people}
    while by_id[chain[-1]].off and by_id[chain[-1]].cover not in ("", *chain):
        chain.append(by_id[chain[-1]].cover)
    last = by_id[chain[-1]]
    assert decision.rep_id == (None if last.off else last.id)
    if last.off:
        assert decision.state is LeadState.HELD
        assert decision.places == tuple(f"rep:{r}" for r in chain)
        assert decision.retry_at == NOW + HOUR


def test_who_is_full_closed_or_inactive_is_not_covered() -> None:
    rules = policy(to_anna("{team: b}"))
    full = replace(rep("anna", capacity=Capacity(open=1)), cover=BEN)
    for anna in (full, replace(rep("anna", inactive=(SF,)), cover=BEN)):
        seen = world(anna, rep("ben"), rep("carla"), loads={ANNA: Load(open=1)})
        assert decide(case(lead()), seen, rules, NOW).rep_id == CARLA


def test_a_cover_who_cannot_take_it_is_told_and_the_rule_goes_on() -> None:
    seen = world(away("anna", BEN), rep("ben", "hubspot"), rep("carla"))
    decision = decide(case(lead()), seen, policy(to_anna("{team: b}")), NOW)
    assert decision.rep_id == CARLA
    assert f"rep {BEN} cannot take it: has no salesforce user" in decision.reason
    assert {p.rep_id: p.reason for p in decision.trace.passed} == {
        ANNA: "away until 2026-06-01 10:00 UTC",
        BEN: "has no salesforce user",
    }


def test_a_follower_goes_to_the_cover_and_an_ended_one_to_nobody() -> None:
    other = Known(Ref(SF, "Lead", "9"), f"{SF}-anna", ANNA, "email", NOW - 30 * 24 * HOUR)
    seen = world(away("anna", BEN), rep("ben"), rep("carla"))
    rules = policy(otherwise="{team: b}", head=_HEAD + "sticky: 60d\n")
    followed = decide(case(lead(), Match(known=(other,))), seen, rules, NOW)
    assert (followed.rep_id, followed.follows) == (BEN, other.ref)
    short = replace(rules, sticky=timedelta(days=3))
    assert decide(case(lead(), Match(known=(other,))), seen, short, NOW).rep_id == CARLA
    both = world(away("anna", BEN), away("ben"), rep("carla"))
    passed_on = decide(case(lead(), Match(known=(other,))), both, rules, NOW)
    assert (passed_on.rep_id, passed_on.follows) == (CARLA, None)


def test_why_not_knows_that_a_cover_could_have_got_it() -> None:
    seen = world(rep("anna"), rep("ben"))
    rules = policy(to_anna(), head=_HEAD.replace(f"{ANNA}: {{}}", f"{ANNA}: {{cover: {BEN}}}"))
    told = why_not(case(lead()), seen, rules, NOW, BEN)
    assert [r.rule for r in told.rules][:1] == ["A"]


# -- teams that join -------------------------------------------------------------------------------

_HEAD = f"""version: 1
sources: {{sf: {{crm: salesforce}}, hs: {{crm: hubspot}}}}
reps:
  {ANNA}: {{}}
  {BEN}: {{}}
  {CARLA}: {{skills: {{language: fr}}}}
  dora@example.com: {{skills: {{language: fr}}}}
teams:
  a: {{members: [{ANNA}, {BEN}], coverage: {{team: b, below: 2}}, peak: {{team: c, above: 3}}}}
  b: {{members: [{CARLA}]}}
  c: {{members: [dora@example.com]}}
"""
JOINED = policy(head=_HEAD)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=20, max_size=120))
def test_the_certificate_holds_whoever_joins_and_leaves(
    steps: list[tuple[bool, bool, bool]],
) -> None:
    seen = world(rep("anna"), rep("ben"), rep("carla"), rep("dora"))
    received: dict[str, int] = {}
    for anna_out, ben_out, peak in steps:
        out = {ANNA: anna_out, BEN: ben_out}
        reps = {
            r.id: replace(r, off=(leave_until(NOW + HOUR),) if out.get(r.id) else ())
            for r in seen.reps.values()
        }
        now = replace(seen, reps=reps, peaks=frozenset({"a"} if peak else ()))
        decision = decide(case(lead()), now, JOINED, NOW)
        moved = after(seen.balances.get("team:a", {}), decision.ledger)
        seen = replace(seen, balances={"team:a": moved})
        joins = {e.rep_id for e in decision.ledger}
        assert (CARLA in joins) is (anna_out or ben_out)
        assert ("dora@example.com" in joins) is peak
        assert all(abs(b) <= bound(4) for b in moved.values())
        received[decision.rep_id or ""] = received.get(decision.rep_id or "", 0) + 1
    held = {r: Kept(b, received.get(r, 0)) for r, b in seen.balances["team:a"].items()}
    [mine, *_] = certificates(JOINED, Books({"team:a": held}))
    assert mine.holds
    assert all(m.is_member for m in mine.members)
    assert mine.bound == bound(4)


def test_a_team_is_thin_when_few_have_the_skill() -> None:
    rules = policy(
        "  - {name: French, to: {team: a}, need: {language: fr}}", "{team: a}", head=_HEAD
    )
    seen = world(rep("anna"), rep("ben"), rep("carla", language=("fr",)))
    assert decide(case(lead()), seen, rules, NOW).rep_id == CARLA


@given(st.lists(st.integers(0, 8), max_size=40))
def test_a_plan_comes_above_one_mark_and_goes_below_the_other(counts: list[int]) -> None:
    on = frozenset[str]()
    for count in counts:
        before, on = on, peaks_on(JOINED.teams.values(), {"a": count}, on)
        assert ("a" in on) is (count > 3 or (count == 2 or count == 3) and "a" in before)  # noqa: RUF021


# -- waiting and escalation ------------------------------------------------------------------------


def held_by(rules: str, seen: World, waited: timedelta = timedelta()) -> tuple[object, ...]:
    head = _HEAD.replace(f"b: {{members: [{CARLA}]}}", f"b: {{members: [{CARLA}], manager: {BEN}}}")
    decision = decide(
        case(lead(), waited=waited), seen, policy(rules, "{rep: anna@example.com}", head), NOW
    )
    return decision.state.value, decision.rep_id, decision.retry_at


def test_waiting_is_for_what_may_come_and_ends() -> None:
    rule = "  - {name: B, to: {team: b}, if_away: {hold: 30m}}"
    out = world(rep("anna"), away("carla"))
    assert held_by(rule, out) == ("held", None, NOW + HOUR / 2)
    assert held_by(rule, out, HOUR / 2) == ("assigned", ANNA, None)
    assert held_by(rule, world(rep("anna"), rep("carla", inactive=(SF,)))) == (
        "assigned", ANNA, None
    )  # fmt: skip
    assert held_by(rule.replace("30m", "until_free"), out, 99 * HOUR) == (
        "held", None, NOW + HOUR
    )  # fmt: skip


def test_the_manager_is_asked_like_any_rep_and_covered_like_one() -> None:
    rule = "  - {name: B, to: {team: b}, if_away: {manager: true}}"
    assert held_by(rule, world(rep("anna"), rep("ben"), away("carla")))[1] == BEN
    assert held_by(rule, world(rep("anna"), away("ben", ANNA), away("carla")))[1] == ANNA
    only = world(rep("anna"), away("ben"), away("carla"))
    assert held_by(rule, only)[1] == ANNA


def test_a_manager_outside_the_roster_must_be_one_active_user() -> None:
    head = _HEAD.replace(
        f"b: {{members: [{CARLA}]}}", f"b: {{members: [{CARLA}], manager: z@example.com}}"
    )
    rules = policy(
        "  - {name: B, to: {team: b}, if_away: {manager: true}}", "{queue: Inbound}", head
    )
    reps = (rep("anna"), away("carla"))
    for others, owner in (
        ((), "salesforce-q-inbound"),
        ((user("z"),), "salesforce-z"),
        ((user("z", active=False),), "salesforce-q-inbound"),
        ((user("z", "hubspot"),), "salesforce-q-inbound"),
        ((user("z"), replace(user("z", active=False), id="older")), "salesforce-z"),
    ):
        decision = decide(case(lead()), world(*reps, others=others), rules, NOW)
        assert decision.owner_id == owner


def test_it_waits_for_the_need_to_be_dropped_if_that_comes_first() -> None:
    rule = (
        "  - {name: B, to: {team: a}, need: {language: fr}, relax_after: 10m,"
        " if_away: {hold: 30m, team: c}}"
    )
    seen = world(rep("anna"), replace(away("carla"), skills={"language": ("fr",)}), rep("dora"))
    assert held_by(rule, seen) == ("held", None, NOW + timedelta(minutes=10))
    assert held_by(rule, seen, timedelta(minutes=10))[1] == ANNA


@pytest.mark.parametrize(
    ("teams", "rule", "told"),
    [
        ("", "{to: {team: b}, if_away: {manager: true}}", "has no manager"),
        ("", "{to: {rep: anna@example.com}, if_away: {manager: true}}", "this rule names none"),
        ("", "{to: {team: b}, if_away: {manager: true, team: a}}", "exactly one of its kinds"),
        ("", "{to: {team: b}, if_away: {hold: until_free, team: a}}", "never gets to 'team'"),
        ("", "{to: {queue: x}, if_away: {hold: 1h}}", "a queue is always free"),
        ("", "{to: {team: b}, if_away: {hold: soon}}", "a duration is a whole number"),
        ("", "{to: {team: b}, if_away: {}}", "exactly one of"),
        ("", "{to: {team: b}, need: {timezone: 13h}}", "up to 12h"),
        ("", "{to: {team: b}, need: {timezone: lead.timezone}}", "up to 12h"),
        ("coverage: {team: d, below: 1}", "", "unknown team 'd'"),
        ("coverage: {team: x, below: 1}", "", "cannot help itself"),
        ("coverage: {team: b, below: 0}", "", "a limit is a whole number"),
        ("peak: {team: b, above: 5, below: 6}", "", "cannot end below 6"),
        ("peak: {team: b}", "", "missing key 'above'"),
    ],
)
def test_what_makes_no_sense_is_told(teams: str, rule: str, told: str) -> None:
    head = f"{_HEAD}  x: {{members: [{ANNA}], {teams}}}\n" if teams else _HEAD
    rules = f"  - {{name: R, {rule[1:]}" if rule else ""
    with pytest.raises(PolicyError, match=told):
        policy(rules, head=head)


def test_a_cover_is_another_rep_of_the_roster() -> None:
    for who, told in ((ANNA, "nobody covers for themselves"), ("bn@example.com", "unknown rep")):
        with pytest.raises(PolicyError, match=told):
            policy(head=_HEAD.replace(f"{ANNA}: {{}}", f"{ANNA}: {{cover: {who}}}"))
        csv = f"email,cover\n{ANNA},{who}\n{BEN},\n"
        with pytest.raises(PolicyError, match=told):
            policy(
                otherwise="{queue: x}", head="version: 1\nsources: {sf: {crm: salesforce}}\n"
                "roster: r.csv\n", r=csv
            )  # fmt: skip


def test_a_skill_cannot_be_called_timezone() -> None:
    with pytest.raises(PolicyError, match="'timezone' is no skill"):
        policy(head=_HEAD.replace("language: fr", "timezone: x"))


def test_hold_is_read_as_a_time_or_as_no_end() -> None:
    rules = policy(to_anna("{hold: 2h, team: b}") + "\n", head=_HEAD).rules
    assert rules[0].hold == Hold(2 * HOUR)
    assert policy(to_anna("{hold: until_free}"), head=_HEAD).rules[0].hold == Hold()

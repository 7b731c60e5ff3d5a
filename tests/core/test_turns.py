"""Turns beside the rotation: owed, taken in advance, made up for; and the bound holds all the same.

The histories are played through `decide`, with the ledger running on as the store runs it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from fractions import Fraction

import pytest
from core.deciding import HEAD, NOW, case, lead, leave_until, policy, rep, world
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.core.decide import decide
from fairlead.core.decision import Decision, Known, LedgerEntry, Match
from fairlead.core.fairness import after, bound
from fairlead.core.policy import Policy, Rule, Team
from fairlead.core.policy_file import PolicyError
from fairlead.core.pools import members_of, pool_of, pools_of
from fairlead.core.snapshot import freeze_inputs, freeze_roster, thaw_inputs
from fairlead.core.turns import CREDIT, OUTSIDE, PACED, aside, given_back
from fairlead.core.types import Account, Ref, Rep

NAMES = ("anna", "ben", "carla", "dora")
POOL, SIDE, MISSED = "team:t", "beside team:t", "missed team:t"
CAP = 2


def team_policy(keys: str = "") -> Policy:
    members = ", ".join(f"{n}@example.com" for n in NAMES)
    reps = "".join(f"  {n}@example.com: {{}}\n" for n in NAMES)
    named = "".join(
        f'  - {{name: To {n}, when: city == "{n}", to: {{rep: {n}@example.com}}}}\n' for n in NAMES
    )
    head = (
        f"version: 1\nsources: {{sf: {{crm: salesforce}}}}\nreps:\n{reps}"
        f"teams:\n  t: {{members: [{members}]{keys}}}\n"
    )
    return policy(named.rstrip("\n"), "{team: t}", head)


PLAIN = team_policy()
FULL = team_policy(f", charge: [named], make_up: {{at_most: {CAP}}}")


@dataclass
class Play:
    """A team's history: who is there now, and what the ledger holds."""

    policy: Policy = PLAIN
    held: dict[str, dict[str, Fraction]] = field(default_factory=dict)
    got: Counter[str] = field(default_factory=Counter)

    def post(self, *entries: LedgerEntry) -> None:
        for account in {e.pool for e in entries}:
            of = [e for e in entries if e.pool == account]
            self.held[account] = after(self.held.get(account, {}), of)

    def lead(self, *there: Rep, away: tuple[str, ...] = (), city: str = "") -> Decision:
        """A lead arrives; `there` are the members, those `away` are on leave."""
        people = [
            replace(r, off=(leave_until(NOW + timedelta(days=9)),)) if r.name.lower() in away else r
            for r in there
        ]
        seen = world(*people, balances=self.held)
        decision = decide(case(lead(city=city)), seen, self.policy, NOW)
        self.post(*decision.ledger)
        if decision.rep_id is not None:
            self.got[decision.rep_id.split("@")[0]] += 1
        return decision

    def owe(self, name: str, turns: int = 1) -> None:
        self.post(*aside(SIDE, f"{name}@example.com", Fraction(turns), "credit"))

    def owed(self, name: str) -> Fraction:
        return self.held.get(SIDE, {}).get(f"{name}@example.com", Fraction(0))

    def run(self, leads: int, *there: Rep, away: tuple[str, ...] = ()) -> str:
        """The first letters of those who got these leads."""
        return "".join((self.lead(*there, away=away).rep_id or "-")[0] for _ in range(leads))


ANNA, BEN, CARLA = rep("anna"), rep("ben"), rep("carla")


# -- owed ------------------------------------------------------------------------------------------


def test_a_lead_that_is_owed_is_given_next_and_the_rotation_stands_still() -> None:
    play = Play()
    assert play.run(2, ANNA, BEN) == "ab"
    play.owe("ben")
    before = dict(play.held[POOL])
    decision = play.lead(ANNA, BEN)
    assert (decision.rep_id, decision.reason) == (
        "ben@example.com",
        "next in team t: a lead is owed",
    )
    assert play.held[POOL] == before
    assert play.owed("ben") == 0
    assert play.run(2, ANNA, BEN) == "ab"


def test_leads_owed_go_out_at_most_every_other_time() -> None:
    play = Play()
    play.owe("carla", 3)
    assert play.run(8, ANNA, BEN, CARLA) == "cacbccab"
    assert play.owed("carla") == 0


def test_of_several_the_one_who_is_owed_most_goes_first() -> None:
    play = Play()
    play.owe("ben", 1)
    play.owe("carla", 2)
    assert play.run(5, ANNA, BEN, CARLA)[::2] == "cbc"


def test_who_is_alone_keeps_what_is_owed() -> None:
    play = Play()
    play.owe("ben")
    assert play.run(3, BEN) == "bbb"
    assert play.owed("ben") == 1


# -- taken in advance ------------------------------------------------------------------------------


def test_leads_from_outside_cost_no_turn_unless_the_policy_says_so() -> None:
    play = Play()
    decision = play.lead(ANNA, BEN, city="anna")
    assert (decision.rep_id, decision.ledger) == ("anna@example.com", ())


def test_a_charged_lead_is_the_turn_that_the_rep_would_have_had_next() -> None:
    play = Play(FULL)
    play.lead(ANNA, BEN, city="anna")
    assert play.owed("anna") == -1
    decision = play.lead(ANNA, BEN)
    assert decision.rep_id == "ben@example.com"
    why = {p.rep_id: p.reason for p in decision.trace.passed}["anna@example.com"]
    assert why == "had this turn already: a lead from outside counted as it"
    assert play.owed("anna") == 0
    assert play.run(4, ANNA, BEN) == "abab"
    assert play.got == {"anna": 3, "ben": 3}


def test_a_kind_of_lead_that_is_listed_twice_is_charged_once() -> None:
    play = Play(team_policy(", charge: [named, by_hand, named]"))
    play.lead(ANNA, BEN, city="anna")
    assert play.owed("anna") == -1


def test_charged_leads_are_settled_only_while_somebody_else_is_there() -> None:
    play = Play(FULL)
    for _ in range(3):
        play.lead(ANNA, BEN, city="anna")
    assert play.run(4, ANNA) == "aaaa"
    assert play.owed("anna") == -3


def test_what_is_owed_and_what_was_taken_in_advance_cancel() -> None:
    play = Play(FULL)
    play.lead(ANNA, BEN, city="anna")
    play.owe("anna")
    assert play.owed("anna") == 0
    assert play.run(4, ANNA, BEN) == "abab"


def test_a_followed_owner_is_charged_in_each_team_that_says_so_and_pools_count_once() -> None:
    head = HEAD.replace(
        "a: {members: [anna@example.com, ben@example.com]}",
        "a: {members: [anna@example.com], charge: [followed], fairness: company}\n"
        "  c: {members: [anna@example.com], charge: [followed], fairness: company}\n"
        "  d: {members: [anna@example.com], charge: [followed]}",
    )
    known = Known(
        Ref("salesforce", "Lead", "9"), "salesforce-anna", "anna@example.com", "email", None
    )
    decision = decide(case(lead(), Match(known=(known,))), world(), policy(head=head), NOW)
    assert decision.follows is not None
    assert [(e.pool, e.rep_id, e.delta) for e in decision.ledger] == [
        ("beside company", "anna@example.com", -1),
        ("beside company", OUTSIDE, 1),
        ("beside team:d", "anna@example.com", -1),
        ("beside team:d", OUTSIDE, 1),
    ]


def test_an_account_owner_is_charged_when_the_team_says_so() -> None:
    owned = Account(Ref("salesforce", "Account", "1"), "Acme", (), "salesforce-carla")
    for key, charged in (
        ("", False),
        (", charge: [named]", False),
        (", charge: [account_owner]", True),
    ):
        head = HEAD.replace(
            "b: {members: [carla@example.com]}", f"b: {{members: [carla@example.com]{key}}}"
        )
        rules = "  - {name: Owner, to: {account_owner: true}}"
        decision = decide(case(match=Match(owned)), world(), policy(rules, head=head), NOW)
        assert decision.rep_id == "carla@example.com"
        assert bool(decision.ledger) is charged


# -- made up for -----------------------------------------------------------------------------------


def test_without_make_up_an_absence_is_worth_nothing() -> None:
    play = Play()
    play.run(2, ANNA, BEN)
    assert play.run(20, ANNA, BEN, away=("anna",)) == "b" * 20
    assert play.run(4, ANNA, BEN) == "abab"
    assert MISSED not in play.held


def test_who_comes_back_is_made_up_for_up_to_the_cap_once() -> None:
    play = Play(FULL)
    play.run(20, ANNA, BEN, CARLA, away=("anna",))
    assert play.held[MISSED]["anna@example.com"] == 20 * Fraction(1, 3)
    back = play.run(12, ANNA, BEN, CARLA)
    assert back.count("a") == 4 + CAP, "every third of ten turns, and two that were missed"
    assert play.held[MISSED]["anna@example.com"] == 0
    assert play.owed("anna") == 0


def test_a_short_absence_is_made_up_for_in_whole_leads() -> None:
    play = Play(FULL)
    play.run(2, ANNA, BEN, CARLA, away=("anna",))
    play.lead(ANNA, BEN, CARLA)
    assert play.owed("anna") == 0, "two thirds of a lead are none"
    assert play.held[MISSED]["anna@example.com"] == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["", "anna", "ben"]), st.integers(1, 12)), max_size=8))
def test_no_return_is_ever_worth_more_than_the_cap_or_than_was_missed(
    spells: list[tuple[str, int]],
) -> None:
    play = Play(FULL)
    for away, leads in spells:
        for _ in range(leads):
            missed = dict(play.held.get(MISSED, {}))
            made = play.lead(ANNA, BEN, CARLA, away=(away,)).ledger
            credit = {e.rep_id: e.delta for e in made if e.pool == SIDE and e.reason == "made up"}
            for name, amount in credit.items():
                if name != OUTSIDE:
                    assert 1 <= amount <= min(CAP, int(missed[name]))
                    assert name != f"{away}@example.com"
                    assert play.held[MISSED][name] == 0


# -- the promise -----------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["lead", "lead", "lead", "lead", "outside", "back", "join", "weigh"]),
        st.sampled_from(NAMES),
        st.frozensets(st.sampled_from(NAMES), max_size=3),
        st.integers(1, 9),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=120, deadline=None)
@given(STEPS)
def test_whatever_is_owed_charged_or_made_up_the_rotation_keeps_its_bound_and_all_adds_up(
    steps: list[tuple[str, str, frozenset[str], int]],
) -> None:
    play, members, weights = Play(FULL), {"anna", "ben"}, dict.fromkeys(NAMES, 1)
    for what, name, away, weight in steps:
        if what == "join":
            members.add(name)
        elif what == "weigh":
            weights[name] = weight
        elif what == "back" and name in members:
            play.owe(name)
        elif what == "outside" and name in members:
            play.lead(*(rep(m) for m in sorted(members)), city=name)
        elif what == "lead":
            there = [rep(m, weight=weights[m]) for m in sorted(members)]
            decision = play.lead(*there, away=tuple(sorted(away)))
            assert (decision.rep_id is None) == (members <= away)
        for balance in play.held.get(POOL, {}).values():
            assert abs(balance) <= bound(len(members))
        for held in play.held.values():
            assert sum(held.values()) == 0
        assert play.held.get(SIDE, {}).get(PACED, 0) in (0, 1)
        assert all(b >= 0 for rep_id, b in play.held.get(MISSED, {}).items() if rep_id != OUTSIDE)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_everybody_s_leads_are_their_turns_with_what_is_owed_and_taken_in_advance(
    steps: list[tuple[str, str, frozenset[str], int]],
) -> None:
    """received = turns - settled + owed ones given + outside; nothing is lost between the books."""
    play, lines = Play(FULL), list[LedgerEntry]()
    there = [rep(n) for n in NAMES]
    for what, name, away, _ in steps:
        if what == "back":
            play.owe(name)
        else:
            city = name if what == "outside" else ""
            lines += play.lead(*there, away=() if city else tuple(away), city=city).ledger
    for name in NAMES:
        mine = [e for e in lines if e.rep_id == f"{name}@example.com"]
        turns = sum(e.reason == "turn" for e in mine)
        settled = sum(e.reason == "settled" for e in mine)
        given_ = sum(e.reason == "owed" for e in mine)
        outside = sum(e.reason == "charged" for e in mine)
        assert play.got[name] == turns - settled + given_ + outside


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_a_decision_is_taken_again_from_what_it_read(
    steps: list[tuple[str, str, frozenset[str], int]],
) -> None:
    play = Play(FULL)
    for what, name, away, weight in steps:
        if what == "back":
            play.owe(name)
        there = [replace(rep(n), weights={"t": Fraction(weight)}) for n in NAMES]
        seen = world(*there, balances={**play.held, "team:other": {"x": Fraction(1)}})
        of = case(lead(city=name if what == "outside" else ""))
        decision = decide(of, seen, FULL, NOW)
        again, then = thaw_inputs(freeze_inputs(of, seen, decision), freeze_roster(seen))
        assert decide(again, then, FULL, NOW) == decision
        assert "team:other" not in then.balances
        play.lead(*there, away=tuple(away))


# -- whose turns are kept together -----------------------------------------------------------------

SCOPES = """version: 1
sources: {sf: {crm: salesforce}}
reps: {anna@example.com: {}, ben@example.com: {}}
teams:
  own: {members: [anna@example.com]}
  all: {members: [ben@example.com], fairness: company}
  each: {members: [anna@example.com, ben@example.com], fairness: rule, backup: {team: own}}
"""


def scoped() -> Policy:
    return policy(
        '  - {name: Big, when: city == "big", to: {team: own}, pool: high_value}\n'
        '  - {name: "A.B", when: city == "ab", to: {team: each}}\n'
        '  - {name: Grand, when: city == "grand", to: {team: all}, pool: high_value}\n'
        '  - {name: Far, when: city == "far", to: {queue: Q}, if_away: {team: each}}',
        "{team: own}",
        SCOPES,
    )


def test_the_pools_of_a_policy_are_those_its_rules_can_fill() -> None:
    assert pools_of(scoped()) == [
        "company", "company.high_value", "rule:A.B.team:each", "rule:Far.team:each",
        "team:own", "team:own.high_value",
    ]  # fmt: skip


@pytest.mark.parametrize("pool", pools_of(scoped()))
def test_every_pool_knows_its_members(pool: str) -> None:
    members = members_of(pool, scoped())
    assert members is not None
    team = {"company": "all", "team:own": "own"}.get(pool.removesuffix(".high_value"), "each")
    assert set(members) == set(scoped().teams[team].members)
    assert set(members.values()) == {team}


@pytest.mark.parametrize(
    "pool", ["team:gone", "team:all", "rule:Gone.team:each", "team:each", "rule:A.team:each"]
)
def test_a_pool_that_the_policy_does_not_have_is_told_apart(pool: str) -> None:
    assert members_of(pool, scoped()) is None


def test_rules_with_a_ledger_each_begin_afresh() -> None:
    seen, rules = world(ANNA, BEN), scoped()
    for city, name in (("ab", "A.B"), ("far", "Far")):
        decision = decide(case(lead(city=city)), seen, rules, NOW)
        assert decision.rep_id == "anna@example.com"
        assert decision.trace.pool == f"rule:{name}.team:each"


def test_high_value_leads_are_shared_in_a_pool_of_their_own() -> None:
    rules = "  - {name: Big, when: employees > 500, to: {team: a}, pool: high_value}"
    found, held = [], dict[str, dict[str, Fraction]]()
    for employees in (1, 900, 900, 1, 900, 1):
        seen = world(balances=held)
        decision = decide(case(lead(employees=employees)), seen, policy(rules), NOW)
        account = decision.trace.pool or ""
        held[account] = after(held.get(account, {}), decision.ledger)
        found.append((decision.rep_id or "")[0])
    assert "".join(found) == "aabbaa"
    assert set(held) == {"team:a", "team:a.high_value"}


def test_a_team_s_pool_is_the_rule_s_when_it_says_so() -> None:
    place = scoped().otherwise.place
    rule = Rule("R", None, None, None, (), False, place, pool="p")
    for scope, name in (
        ("team", "team:t.p"),
        ("company", "company.p"),
        ("rule", "rule:R.team:t.p"),
    ):
        assert pool_of(Team("t", (), "round_robin", scope, None, place), rule) == name


@pytest.mark.parametrize(
    ("rules", "head", "message"),
    [
        ("  - {name: R, to: {queue: Q}, pool: big}", HEAD, "'pool' keeps a team's turns apart"),
        ("  - {name: R, pool: big, rules: [{name: S, to: {team: a}}]}", HEAD,
         "a group has no 'pool'"),
        ("", HEAD + "  c: {members: [ben@example.com], fairness: rule, charge: [named]}\n",
         "there is no one pool to charge"),
        ("", HEAD + "  c: {members: [ben@example.com], weights: {from: conversion, floor: 3}}\n",
         "1 lies between 'floor' and 'ceiling'"),
        ("", HEAD + "credit_back: {within: 3d}\n", "say when a turn is given back"),
        ("", HEAD + "credit_back: {when: account is null}\n", "is not known yet"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_told(rules: str, head: str, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        policy(rules, head=head)


def test_make_up_none_is_the_default_and_can_be_said() -> None:
    assert PLAIN.teams["t"].make_up is None
    assert team_policy(", make_up: none").teams["t"].make_up is None
    assert FULL.teams["t"].make_up == CAP


def test_who_was_alone_has_nothing_to_be_given_back() -> None:
    alone = Play(FULL).lead(ANNA)
    assert given_back(alone.ledger, "anna@example.com", CREDIT) == ()
    both = Play(FULL).lead(ANNA, BEN)
    assert sum(e.delta for e in given_back(both.ledger, both.rep_id or "", CREDIT)) == 0
    assert given_back(both.ledger, both.rep_id or "", CREDIT)[0].delta == 1

"""Whom a lead goes to: one decision for every case, and the same one every time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest
from core.deciding import HEAD, HS, NOW, SF, case, lead, policy, queue, rep, user, world

from fairlead.core.decide import OUTSIDE, OWNED, decide
from fairlead.core.decision import Case, Decision, Known, Match, OutcomeKind, World
from fairlead.core.policy import Destination, Policy, ToRep, ToTeam
from fairlead.core.types import Account, LeadState, Ref

ANNA, BEN, CARLA = "anna@example.com", "ben@example.com", "carla@example.com"
FOREVER = NOW + timedelta(days=7)


def ask(of: Case, rules: Policy | None = None, seen: World | None = None) -> Decision:
    return decide(of, seen or world(), rules or policy(), NOW, explain=True)


def known(
    rep_id: str | None, *, crm: str = SF, id: str = "2", at: object = NOW, key: str = "email"
) -> Known:
    owner = None if rep_id is None else "somebody"
    return Known(Ref(crm, "Lead", id), owner, rep_id, key, at)  # type: ignore[arg-type]


def account(owner_id: str | None, crm: str = SF) -> Match:
    return Match(Account(Ref(crm, "Account", "1"), "Acme", ("acme.example",), owner_id), "found")


# -- is it ours ------------------------------------------------------------------------------------


def test_a_lead_that_nobody_owns_is_routed() -> None:
    decision = ask(case())
    assert (decision.outcome, decision.state) == (OutcomeKind.ASSIGN, LeadState.ASSIGNED)
    assert (decision.rep_id, decision.owner_id) == (ANNA, "salesforce-anna")
    assert decision.reason == "next in team a"


def test_a_queue_s_lead_is_routed() -> None:
    assert ask(case(lead(owner_id="salesforce-q-inbound"))).rep_id == ANNA


@pytest.mark.parametrize("owner_id", ["salesforce-ben", "salesforce-zoe", "nobody-we-know"])
def test_a_person_s_lead_is_left_alone(owner_id: str) -> None:
    decision = ask(case(lead(owner_id=owner_id)), seen=world(others=(user("zoe"),)))
    assert (decision.outcome, decision.state) == (OutcomeKind.LEAVE, LeadState.LEFT)
    assert decision.reason == OWNED
    assert (decision.owner_id, decision.ledger) == (None, ())


WEB_FORM = HEAD.replace("{crm: salesforce}", "{crm: salesforce, pick_up: 'owner.name == \"Web\"'}")


@pytest.mark.parametrize(("owner", "left"), [("Web", None), ("Zoe", OWNED)])
def test_a_pick_up_that_names_an_integration_user_takes_its_leads(
    owner: str, left: str | None
) -> None:
    seen = world(others=(user(owner.lower()),))
    of = lead(owner_id=f"salesforce-{owner.lower()}", **{"owner.name": owner})
    decision = ask(case(of), policy(head=WEB_FORM), seen)
    assert (decision.reason if decision.outcome is OutcomeKind.LEAVE else None) == left


def test_a_pick_up_never_takes_from_a_rep() -> None:
    of = lead(owner_id="salesforce-ben", **{"owner.name": "Web"})
    assert ask(case(of), policy(head=WEB_FORM)).reason == OWNED


def test_a_pick_up_that_does_not_name_the_owner_takes_from_nobody() -> None:
    head = HEAD.replace("{crm: salesforce}", "{crm: salesforce, pick_up: 'country == \"DE\"'}")
    seen = world(others=(user("zoe"),))
    assert (
        ask(case(lead(owner_id="salesforce-zoe", country="DE")), policy(head=head), seen).reason
        == OWNED
    )
    assert ask(case(lead(country="DE")), policy(head=head)).rep_id == ANNA


def test_a_lead_outside_its_source_is_left_with_the_verdict() -> None:
    head = HEAD.replace("{crm: salesforce}", "{crm: salesforce, pick_up: 'country == \"DE\"'}")
    decision = ask(case(lead(country="FR")), policy(head=head))
    assert (decision.state, decision.reason) == (LeadState.LEFT, OUTSIDE)
    (tried,) = decision.trace.rules
    assert tried.name == "source sf"
    assert tried.verdict is not None
    assert tried.verdict.seen == {"country": "FR"}


def test_a_lead_of_a_crm_without_a_source_is_left() -> None:
    decision = ask(case(lead("otherworld")))
    assert decision.reason == OUTSIDE
    assert decision.trace.notes == ("no source of the policy takes leads from otherworld",)


def test_a_rerun_takes_the_lead_from_its_owner_and_follows_nobody_back() -> None:
    of = lead(owner_id="salesforce-anna", country="FR")
    decision = ask(case(of, Match(known=(known(ANNA),)), excluded=(ANNA,), rerun=True))
    assert decision.rep_id == BEN


def test_a_higher_generation_alone_takes_nothing_from_a_person() -> None:
    assert ask(case(lead(owner_id="salesforce-anna"), generation=3)).reason == OWNED


# -- whom does it follow ---------------------------------------------------------------------------


def test_a_duplicate_follows_the_rep_who_owns_the_other_record_and_nobody_pays() -> None:
    decision = ask(case(lead(HS), Match(known=(known(CARLA),))))
    assert (decision.rep_id, decision.owner_id) == (CARLA, "hubspot-carla")
    assert decision.reason == "follows the owner of a duplicate (email)"
    assert (decision.ledger, decision.rule) == ((), "")
    assert decision.follows == Ref(SF, "Lead", "2")


@pytest.mark.parametrize(
    ("found", "winner"),
    [
        ((known(ANNA, crm=SF), known(BEN, crm=HS, at=NOW - FOREVER.resolution)), BEN),
        ((known(ANNA, at=NOW), known(BEN, id="3", at=NOW - timedelta(1))), BEN),
        ((known(ANNA, at=None), known(BEN, id="3", at=NOW)), BEN),
        ((known(BEN, id="3", at=None), known(ANNA, id="2", at=None)), ANNA),
    ],
)
def test_of_several_owners_the_authority_s_counts_then_the_earliest_then_the_address(
    found: tuple[Known, ...], winner: str
) -> None:
    rules = policy(head=HEAD + "owner_authority: hs\n")
    assert ask(case(match=Match(known=found)), rules).rep_id == winner
    assert ask(case(match=Match(known=found[::-1])), rules).rep_id == winner


@pytest.mark.parametrize(
    ("owner", "why"),
    [
        (rep("anna", inactive=(SF,)), "inactive in salesforce"),
        (rep("anna", HS), "has no salesforce user"),
        (rep("anna", away_until=FOREVER), "away until 2026-06-08 09:00 UTC"),
        (None, "not in the roster"),
    ],
)
def test_when_the_owner_of_the_duplicate_cannot_take_it_the_rules_decide(
    owner: object, why: str
) -> None:
    reps = [rep("ben"), rep("carla")] + ([owner] if owner else [])  # type: ignore[list-item]
    decision = ask(case(match=Match(known=(known(ANNA),))), seen=world(*reps))  # type: ignore[arg-type]
    assert decision.rep_id == BEN
    assert decision.follows is None
    assert f"the owner of a duplicate, {ANNA}, cannot take it: {why}" in decision.trace.notes


def test_the_next_known_owner_is_followed_when_the_first_cannot_take_it() -> None:
    found = (known(ANNA), known(CARLA, id="3", at=NOW + timedelta(1)))
    seen = world(rep("anna", inactive=(SF,)), rep("ben"), rep("carla"))
    assert ask(case(match=Match(known=found)), seen=seen).rep_id == CARLA


def test_a_duplicate_without_a_rep_routes_as_a_lead_of_its_own() -> None:
    decision = ask(case(match=Match(known=(known(None),))))
    assert decision.rep_id == ANNA
    assert decision.trace.notes == ("a duplicate is known, but no rep owns it",)


def test_a_record_does_not_follow_itself() -> None:
    itself = known(CARLA, id="1")
    assert ask(case(match=Match(known=(itself,)))).rep_id == ANNA


# -- which rule ------------------------------------------------------------------------------------

RULES = """
  - {name: Big, when: employees >= 1000, to: {team: b}, priority: high}
  - name: Europe
    when: country in ["DE", "FR"]
    rules:
      - {name: German, when: country == "DE", to: {rep: ben@example.com}}
  - {name: French, when: country == "FR", to: {queue: Inbound}}
"""


@pytest.mark.parametrize(
    ("values", "rule", "owner_id", "high"),
    [
        ({"employees": 1000, "country": "DE"}, "Big", "salesforce-carla", True),
        ({"country": "DE"}, "German", "salesforce-ben", False),
        ({"country": "FR"}, "French", "salesforce-q-inbound", False),
        ({}, "otherwise", "salesforce-anna", False),
    ],
)
def test_the_first_rule_that_holds_takes_the_lead_and_groups_are_asked_in_their_place(
    values: dict[str, str], rule: str, owner_id: str, high: bool
) -> None:
    decision = ask(case(lead(**values)), policy(RULES))
    assert (decision.rule, decision.owner_id, decision.high_priority) == (rule, owner_id, high)


def test_the_trace_names_every_rule_tried_in_order() -> None:
    decision = ask(case(lead(country="FR")), policy(RULES))
    assert [(r.name, r.taken) for r in decision.trace.rules] == [
        ("source sf", True),
        ("Big", False),
        ("Europe", False),
        ("German", False),
        ("French", True),
    ]
    assert decision.trace.rules[2].note == "group: no rule in it holds"


def test_conditions_see_the_instant_of_the_decision_the_account_and_the_tables() -> None:
    rules = policy(
        """
  - {name: Old, when: days_since(created_at) >= 3, to: {team: b}}
  - {name: Customer, when: account.type == "customer", to: {rep: ben@example.com}}
  - {name: Territory, when: territory is not null, to: {team: territory.team}}
""",
        head=HEAD + "tables: {territory: {csv: t.csv, key: [country]}}\n",
        t="country,team\nNO,b\n",
    )
    old = case(lead(created_at=NOW - timedelta(days=3)))
    customer = Match(Account(Ref(SF, "Account", "1"), "Acme", (), None, type="customer"))
    assert ask(old, rules).rule == "Old"
    assert ask(case(match=customer), rules).rule == "Customer"
    assert ask(case(lead(country="NO")), rules).rep_id == CARLA


# -- where to --------------------------------------------------------------------------------------


def to(destination: str, if_away: str = "") -> Policy:
    away = f", if_away: {if_away}" if if_away else ""
    return policy(f"  - {{name: R, to: {destination}{away}}}")


def test_a_team_s_next_rep_is_the_one_the_ledger_owes_most_and_pays_for_it() -> None:
    owed = {"team:a": {ANNA: Fraction(-1, 2), BEN: Fraction(1, 2)}}
    decision = ask(case(), seen=world(balances=owed))
    assert decision.rep_id == BEN
    assert decision.trace.pool == "team:a"
    assert decision.trace.balances_before == owed["team:a"]
    assert decision.trace.balances_after == {ANNA: 0, BEN: 0}
    assert sum(e.delta for e in decision.ledger) == 0


def test_company_wide_fairness_is_one_ledger_over_teams() -> None:
    head = HEAD.replace("ben@example.com]}", "ben@example.com], fairness: company}").replace(
        "b: {members: [carla@example.com]}",
        "b: {members: [carla@example.com, anna@example.com], fairness: company}",
    )
    first = ask(case(), policy(head=head))
    assert (first.rep_id, first.trace.pool) == (ANNA, "company")
    owed = {"company": dict(first.trace.balances_after)}
    second = ask(case(), policy(head=head, otherwise="{team: b}"), world(balances=owed))
    assert second.rep_id == CARLA


def test_each_member_passed_over_has_a_reason() -> None:
    seen = world(rep("anna", HS), rep("carla"))
    decision = ask(case(), to("{team: a}", "{team: b}"), seen)
    assert decision.rep_id == CARLA
    assert [(p.rep_id, p.reason) for p in decision.trace.passed] == [
        (ANNA, "has no salesforce user"),
        (BEN, "not in the roster"),
    ]
    assert decision.reason == "nobody in team a can take it; next in team b"
    assert decision.rule == "R"


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (rep("anna", inactive=(SF,)), "inactive in salesforce"),
        (
            rep("anna", away_until=NOW.replace(hour=0) + timedelta(2)),
            "away until 2026-06-03 00:00 UTC",
        ),
    ],
)
def test_absent_members_are_passed_over_and_gain_nothing(member: object, reason: str) -> None:
    decision = ask(case(), seen=world(member, rep("ben")))  # type: ignore[arg-type]
    assert decision.rep_id == BEN
    assert decision.trace.passed[0].reason == reason
    assert {e.rep_id for e in decision.ledger} == {BEN}


def test_who_is_back_today_takes_leads_again() -> None:
    assert ask(case(), seen=world(rep("anna", away_until=NOW), rep("ben"))).rep_id == ANNA


def test_a_rep_the_crm_refused_is_not_chosen_again_in_this_generation() -> None:
    decision = ask(case(excluded=(ANNA,)))
    assert decision.rep_id == BEN
    assert decision.trace.passed[0].reason == "refused by the CRM as owner"


@pytest.mark.parametrize(
    ("destination", "reason"),
    [
        ("{rep: anna@example.com}", f"rep {ANNA} cannot take it: has no salesforce user"),
        ("{queue: Nowhere}", "Nowhere names no queue in salesforce"),
        ("{queue: Closed}", "queue Closed cannot own leads now"),
        ("{account_owner: true}", "no account to ask for its owner: no account has this domain"),
    ],
)
def test_what_cannot_be_reached_goes_to_if_away_then_otherwise(
    destination: str, reason: str
) -> None:
    seen = world(rep("anna", HS), rep("ben"), rep("carla"), others=(queue("Closed", active=False),))
    away = ask(case(), to(destination, "{team: b}"), seen)
    assert (away.rep_id, away.rule) == (CARLA, "R")
    fallen = ask(case(), to(destination), seen)
    assert (fallen.rep_id, fallen.rule) == (BEN, "otherwise")
    assert fallen.reason == f"{reason}; next in team a"
    assert f"R: {reason}" in fallen.trace.notes
    assert [(r.taken, r.note) for r in fallen.trace.rules[1:]] == [
        (False, "could not place it"),
        (True, "otherwise"),
    ]


def test_a_queue_that_the_crm_refused_is_not_tried_again() -> None:
    decision = ask(case(excluded=("salesforce-q-inbound",)), to("{queue: inbound}", "{team: b}"))
    assert decision.rep_id == CARLA


TABLE = HEAD + "tables: {t: {csv: t.csv, key: [country]}}\n"


@pytest.mark.parametrize(
    ("row", "destination", "owner_id"),
    [
        ("b,,", "{team: t.team}", "salesforce-carla"),
        (f",{CARLA},", "{rep: t.rep}", "salesforce-carla"),
        (",,Inbound", "{queue: t.queue}", "salesforce-q-inbound"),
    ],
)
def test_a_table_can_name_the_destination(row: str, destination: str, owner_id: str) -> None:
    rules = policy(
        f"  - {{name: R, when: t is not null, to: {destination}}}",
        head=TABLE,
        t=f"country,team,rep,queue\nNO,{row}\nSE,,,\n",
    )
    assert ask(case(lead(country="NO")), rules).owner_id == owner_id
    empty = ask(case(lead(country="SE")), rules)
    assert empty.rule == "otherwise"


@pytest.mark.parametrize(
    ("to_path", "name"), [(ToTeam(path="pod"), "B"), (ToRep(path="pod"), CARLA.upper())]
)
def test_names_read_from_the_lead_are_taken_without_case_and_never_shown(
    to_path: Destination, name: str
) -> None:
    plain = to("{team: a}")
    rules = replace(plain, rules=(replace(plain.rules[0], to=to_path),))
    assert ask(case(lead(pod=name)), rules).owner_id == "salesforce-carla"
    lost = ask(case(lead(pod="Acme secrets")), rules)
    assert lost.rule == "otherwise"
    assert "secrets" not in str((lost.reason, lost.trace.notes, lost.trace.passed))


ACCOUNT = "{account_owner: true}"


@pytest.mark.parametrize(
    ("match", "of", "owner_id", "rep_id"),
    [
        (account("salesforce-ben"), lead(), "salesforce-ben", BEN),
        (account("hubspot-ben", HS), lead(), "salesforce-ben", BEN),
        (account("salesforce-zoe"), lead(), "salesforce-zoe", None),
        (account("salesforce-zoe"), lead(HS), "hubspot-zoe", None),
    ],
)
def test_the_owner_of_the_account_gets_it_in_the_lead_s_own_crm(
    match: Match, of: object, owner_id: str, rep_id: str | None
) -> None:
    seen = world(others=(user("zoe"), user("zoe", HS)))
    decision = ask(case(of, match), to(ACCOUNT), seen)  # type: ignore[arg-type]
    assert (decision.owner_id, decision.rep_id, decision.ledger) == (owner_id, rep_id, ())


@pytest.mark.parametrize(
    ("match", "of", "reason"),
    [
        (account(None), lead(), "the account has no owner"),
        (account("gone"), lead(), "the account's owner has no salesforce user"),
        (account("salesforce-q-inbound"), lead(), "the account's owner has no salesforce user"),
        (account("salesforce-yan"), lead(HS), "the account's owner has no hubspot user"),
        (
            account("salesforce-old"),
            lead(),
            "the account's owner cannot own leads in salesforce",
        ),
        (account("salesforce-anna"), lead(), f"rep {ANNA} cannot take it: inactive in salesforce"),
    ],
)
def test_an_account_owner_who_cannot_take_it_sends_it_to_if_away(
    match: Match, of: object, reason: str
) -> None:
    seen = world(
        rep("anna", inactive=(SF,)),
        rep("carla"),
        others=(user("old", active=False), user("yan")),
    )
    decision = ask(case(of, match), to(ACCOUNT, "{team: b}"), seen)  # type: ignore[arg-type]
    assert decision.reason == f"{reason}; next in team b"


def test_when_nobody_at_all_can_take_it_the_lead_is_held_and_not_dropped() -> None:
    seen = world(rep("anna", inactive=(SF,)), rep("carla", HS))
    decision = ask(case(), to("{team: b}"), seen)
    assert (decision.outcome, decision.state) == (OutcomeKind.HOLD, LeadState.HELD)
    assert decision.reason == "nobody in team b can take it; nobody in team a can take it"
    assert (decision.owner_id, decision.ledger, decision.rule) == (None, (), "R")
    only = ask(case(), seen=seen)
    assert (only.reason, only.rule) == ("nobody in team a can take it", "otherwise")


@pytest.mark.parametrize("values", [{"country": "FR"}, {"country": "DE"}, {"employees": 5000}])
def test_without_explaining_the_answer_is_the_same_and_no_rule_is_kept(
    values: dict[str, str],
) -> None:
    seen = world(rep("anna"), rep("ben", HS), rep("carla", HS))
    of = case(lead(**values))
    short = decide(of, seen, policy(RULES), NOW)
    assert short.trace.rules == ()
    long = ask(of, policy(RULES), seen)
    assert replace(long, trace=replace(long.trace, rules=())) == short


def family(*owners: str | None) -> Match:
    """An account and those above it, nearest first, by their owners."""
    accounts = [
        Account(Ref(SF, "Account", f"a{n}"), f"A{n}", (), owner) for n, owner in enumerate(owners)
    ]
    return Match(accounts[0], parents=tuple(accounts[1:]))


@pytest.mark.parametrize(
    ("match", "rep_id", "reason"),
    [
        (family("salesforce-anna"), ANNA, f"owner of the account: {ANNA}"),
        (family("salesforce-anna", "salesforce-ben"), BEN, f"owner of its parent: {BEN}"),
        (family(None, "salesforce-anna", "salesforce-ben"), BEN, f"owner of its parent: {BEN}"),
        (family("salesforce-anna", "salesforce-ben", None), BEN, f"owner of its parent: {BEN}"),
        (family("salesforce-ben", None, None), BEN, f"owner of the account: {BEN}"),
    ],
)
def test_a_subsidiary_follows_the_owner_at_the_top(match: Match, rep_id: str, reason: str) -> None:
    decision = ask(case(lead(), match), to("{account_owner: true, parent: true}"))
    assert (decision.rep_id, decision.reason, decision.ledger) == (rep_id, reason, ())


def test_without_parent_the_account_s_own_owner_counts() -> None:
    decision = ask(case(lead(), family("salesforce-anna", "salesforce-ben")), to(ACCOUNT))
    assert decision.rep_id == ANNA


def test_a_family_without_an_owner_is_told() -> None:
    decision = ask(case(lead(), family(None, None)), to("{account_owner: true, parent: true}"))
    assert decision.reason.startswith("the account has no owner and none above it has one; ")


STICKY = HEAD + "sticky: 30d\n"
LONGER = '  - {name: Long, when: country == "DE", to: {team: b}, sticky: 90d}\n'
SHORTER = '  - {name: Short, when: country == "FR", to: {team: b}, sticky: 1d}\n'
AGAIN = policy(LONGER + SHORTER, head=STICKY)


@pytest.mark.parametrize(
    ("country", "days", "follows"),
    [
        (None, 29, True),
        (None, 30, False),
        ("DE", 30, True),
        ("DE", 89, True),
        ("DE", 90, False),
        ("FR", 0, True),
        ("FR", 1, False),
        (None, None, True),
        ("FR", None, True),
    ],
)
def test_an_owner_is_followed_as_long_as_the_rule_or_the_policy_says(
    country: str | None, days: int | None, follows: bool
) -> None:
    at = None if days is None else NOW - timedelta(days=days)
    of = case(lead(country=country), Match(known=(known(BEN, at=at),)))
    decision = ask(of, AGAIN)
    assert (decision.follows is not None) is follows
    if follows:
        assert (decision.rep_id, decision.rule, decision.ledger) == (BEN, "", ())
    else:
        assert decision.rule in ("Long", "Short", "otherwise")
        assert decision.trace.notes == (
            f"the owner of a duplicate, {BEN}, is not followed: decided {days} days ago",
        )


@pytest.mark.parametrize("at", [None, NOW])
def test_a_sticky_of_nothing_follows_nobody(at: object) -> None:
    never = policy(head=HEAD + "sticky: 0d\n")
    decision = ask(case(lead(), Match(known=(known(BEN, at=at),))), never)
    assert (decision.follows, decision.rule) == (None, "otherwise")


def test_without_sticky_an_owner_is_followed_for_ever() -> None:
    of = case(lead(), Match(known=(known(BEN, at=NOW - timedelta(days=4000)),)))
    assert ask(of, policy()).rep_id == BEN


def test_of_two_owners_the_one_who_is_still_followed_gets_it() -> None:
    old, fresh = NOW - timedelta(days=31), NOW - timedelta(days=2)
    both = (known(ANNA, at=old), known(BEN, id="3", at=fresh))
    assert ask(case(lead(), Match(known=both)), AGAIN).rep_id == BEN

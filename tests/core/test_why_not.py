"""Why somebody else got the lead, and what would have changed it: decided on, not guessed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

from core.deciding import HEAD, NOW, SF, case, lead, policy, rep, world
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.core.decide import decide
from fairlead.core.decision import Match
from fairlead.core.types import Account, Ref, Value
from fairlead.core.why_not import WhyNot, why_not

ANNA, BEN, CARLA = (f"{n}@example.com" for n in ("anna", "ben", "carla"))
RULES = """  - name: Fast
    when: source == "chat"
    to: {rep: ben@example.com}
  - name: Enterprise
    when: employees >= 1000 and not free_mail
    to: {team: b}
  - name: South
    when: country in ["DE", "AT"]
    rules:
      - name: Banks
        when: industry == "bank" or industry == "insurance"
        to: {rep: carla@example.com}
"""


def asked(who: str, rules: str = RULES, **values: Value) -> WhyNot:
    return why_not(case(lead(**values)), world(), policy(rules), NOW, who)


def says(found: WhyNot) -> list[list[str]]:
    return [[edit.says for edit in change.edits] for change in found.nearest.changes]


def why(found: WhyNot, rule: str) -> str:
    return next(r.why for r in found.rules if r.rule == rule)


def test_the_failing_part_is_named_and_the_nearest_number() -> None:
    found = asked(CARLA, employees=40, free_mail=False)
    assert why(found, "Enterprise") == "it does not hold: employees >= 1000 (employees is 40)"
    assert says(found)[0] == ["employees >= 1000 instead of 40"]
    assert found.nearest.changes[0].rule == "Enterprise"


def test_a_number_above_a_limit_that_is_not_part_of_it() -> None:
    rules = "  - {name: Big, when: employees > 1000, to: {team: b}}\n"
    assert says(asked(CARLA, rules, employees=1000)) == [["employees > 1000 instead of 1000"]]


def test_two_fields_when_one_is_not_enough() -> None:
    found = asked(CARLA, employees=40, free_mail=True)
    assert sorted(says(found)[0]) == [
        "employees >= 1000 instead of 40", "free_mail False instead of True",
    ]  # fmt: skip


def test_a_group_that_does_not_hold_and_all_parts_of_an_or() -> None:
    found = asked(CARLA, country="US", industry="bank")
    assert why(found, "Banks") == (
        'its group \'South\' does not hold: country in ["DE", "AT"] (country is US)'
    )
    assert ["country AT instead of US"] in says(found)
    inside = asked(CARLA, country="DE", industry="retail")
    assert why(inside, "Banks") == (
        'it does not hold: industry == "bank" (industry is retail), '
        'and industry == "insurance" (industry is retail)'
    )


def test_a_rule_that_was_never_asked() -> None:
    found = asked(CARLA, source="chat", employees=5000, free_mail=False)
    assert why(found, "Enterprise") == "never asked: 'Fast' took the lead first"
    assert ["another source than chat, such as 'something else'"] in says(found)


def test_whose_turn_it_was() -> None:
    held = {"team:a": {ANNA: Fraction(1, 4), BEN: Fraction(-1, 4)}}
    found = why_not(case(), world(balances=held), policy(""), NOW, BEN)
    assert why(found, "otherwise") == (
        "it was anna@example.com's turn in team:a: with this turn's share they were owed"
        " 0.75 (3/4) leads, ben@example.com 0.25 (1/4)"
    )
    assert found.nearest.changes == ()


def test_the_absent_are_told_so_and_nothing_is_proposed() -> None:
    away = rep("carla", away_until=NOW + timedelta(days=1))
    found = why_not(case(lead(employees=4)), world(away), policy(RULES), NOW, CARLA)
    assert found.reasons == (f"could not take any {SF} lead then: away until 2026-06-02 09:00 UTC",)
    assert found.nearest.changes == ()


def test_a_lead_of_a_person_and_a_rep_without_rules() -> None:
    owned = why_not(case(lead(owner_id="salesforce-ben")), world(), policy(RULES), NOW, CARLA)
    assert owned.reasons[0] == "no rule was asked: owned by a person"
    stranger = asked("nobody@example.com", employees=1)
    assert "no rule of the policy leads to nobody@example.com" in stranger.reasons


def test_who_got_it_is_told_that() -> None:
    found = asked(CARLA, employees=5000, free_mail=False)
    assert found.got_it
    assert found.nearest.changes == ()


def test_the_account_can_differ_too() -> None:
    rules = '  - {name: Key, when: account.type == "key", to: {team: b}}\n'
    account = Account(Ref(SF, "Account", "1"), "Acme", ("acme.example",), None, "small")
    found = why_not(case(lead(), Match(account)), world(), policy(rules), NOW, CARLA)
    assert says(found) == [["account.type key instead of small"]]


def test_a_table_s_keys_are_proposed() -> None:
    head = HEAD + "tables:\n  land: {csv: l.csv, key: country}\n"
    rules = "  - {name: Land, when: land is not null, to: {team: land.team}}\n"
    found = policy(rules, head=head, l="country,team\nDE,a\nAT,b\nFR,b\n")
    told = why_not(case(lead(country="DE")), world(), found, NOW, CARLA)
    assert says(told) == [["country AT instead of DE"]]


values = st.fixed_dictionaries(
    {},
    optional={
        "employees": st.sampled_from([1, 40, 999, 1000, 4000]),
        "free_mail": st.booleans(),
        "source": st.sampled_from(["chat", "web"]),
        "country": st.sampled_from(["DE", "US"]),
        "industry": st.sampled_from(["bank", "retail"]),
    },
)


@given(values, st.sampled_from([ANNA, BEN, CARLA]))
@settings(max_examples=60, deadline=None)
def test_every_proposal_is_true(seen: dict[str, Value], who: str) -> None:
    one = case(lead(**seen))
    found = why_not(one, world(), policy(RULES), NOW, who)
    for change in found.nearest.changes:
        changed = {**one.lead.values, **{e.field: e.after for e in change.edits}}
        other = replace(one, lead=replace(one.lead, values=changed))
        decision = decide(other, world(), policy(RULES), NOW)
        assert (decision.rep_id, decision.rule) == (who, change.rule)

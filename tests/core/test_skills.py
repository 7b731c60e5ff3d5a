"""The skills matrix: needs filter, preferences narrow, and a need can be waited for."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pytest
from core.deciding import HEAD, NOW, case, lead, policy, rep, world

from fairlead.core.decide import decide
from fairlead.core.decision import Decision
from fairlead.core.policy import SkillAsk
from fairlead.core.types import Value

TABLE = "country,language,team\nCH,it,a\n"
SKILLED = HEAD.replace("anna@example.com: {}", "anna@example.com: {skills: {language: [de, EN]}}")
SKILLED = SKILLED.replace("ben@example.com: {}", "ben@example.com: {skills: {language: pt}}")
SKILLED = SKILLED.replace(
    "carla@example.com: {}", "carla@example.com: {skills: {language: [de, it], industry: fintech}}"
)
SKILLED += "  all: {members: [anna@example.com, ben@example.com, carla@example.com]}\n"
SKILLED += "fields: {products: {type: list, hubspot: p}}\n"
SKILLED += "tables: {t: {csv: t.csv, key: country}}\n"
ANNA = rep("anna", language=("de", "EN"))
BEN = rep("ben", language=("pt",))
CARLA = rep("carla", language=("de", "it"), industry=("fintech",))
WORLD = world(ANNA, BEN, CARLA)


def decided(asks: str, *, to: str = "{team: all}", waited: str = "0m", **values: Value) -> Decision:
    rules = policy(
        f"  - {{name: r, to: {to}, {asks}}}", otherwise="{queue: Inbound}", head=SKILLED, t=TABLE
    )
    age = timedelta(minutes=int(waited[:-1]))
    return decide(case(lead(**values), waited=age), WORLD, rules, NOW, explain=True)


def passed(decision: Decision) -> dict[str, str]:
    return {p.rep_id.split("@")[0]: p.reason for p in decision.trace.passed}


@pytest.mark.parametrize(
    ("asks", "values", "able"),
    [
        ("need: {language: de}", {}, "anna carla"),
        ("need: {language: en}", {}, "anna"),
        ("need: {language: [de, it]}", {}, "carla"),
        ("need: {language: de, industry: fintech}", {}, "carla"),
        ("need: {language: lead.language}", {"language": "DE"}, "anna carla"),
        ("need: {language: lead.language}", {"language": "pt-br"}, "ben"),
        ("need: {language: lead.language}", {"language": None}, "anna ben carla"),
        ("need: {language: lead.products}", {"products": ("de", "it")}, "carla"),
        ("need: {language: lead.products}", {"products": ()}, "anna ben carla"),
        ("need: {language: lead.city}", {"city": "pt-br"}, ""),
        ("need: {language: t.language}", {"country": "CH"}, "carla"),
        ("need: {language: t.language}", {"country": "DE"}, "anna ben carla"),
        ("prefer: {language: de}", {}, "anna carla"),
        ("prefer: {language: lead.language}", {"language": "fr"}, "anna ben carla"),
        ("prefer: {language: de, industry: fintech}", {}, "carla"),
        ("prefer: {language: pt, industry: fintech}", {}, "ben"),
        ("need: {language: de}, prefer: {industry: fintech}", {}, "carla"),
        ("need: {language: pt}, prefer: {industry: fintech}", {}, "ben"),
    ],
)
def test_who_is_left_of_the_team(asks: str, values: dict[str, Value], able: str) -> None:
    decision = decided(asks, **values)
    left = {"anna", "ben", "carla"} - set(passed(decision))
    assert left == set(able.split())
    if able:
        assert set(decision.trace.balances_before) == {f"{n}@example.com" for n in left}
    else:
        assert decision.owner_id == "salesforce-q-inbound"


def test_why_says_what_each_of_the_others_lacks() -> None:
    found = passed(decided("need: {language: lead.language}", language="fr"))
    assert found == dict.fromkeys(("anna", "ben", "carla"), "lacks language fr")
    liked = passed(decided("prefer: {industry: fintech}"))
    assert liked == dict.fromkeys(("anna", "ben"), "lacks industry fintech, which is preferred")


def test_the_reason_kept_for_the_crm_names_the_skill_and_not_the_lead_s_value() -> None:
    decision = decided("need: {language: lead.language}", language="fr")
    assert decision.reason == (
        "nobody free in team all has what is needed: language; queue Inbound"
    )


def test_what_the_lead_does_not_have_is_not_asked_and_why_says_so() -> None:
    decision = decided("need: {language: lead.language}")
    assert "r: language is not asked, the lead has no value for it" in decision.trace.notes


def test_nobody_owes_a_turn_for_a_lead_that_asked_for_another_skill() -> None:
    decision = decided("need: {language: pt}")
    assert [(e.rep_id, e.delta) for e in decision.ledger] == [
        ("ben@example.com", Fraction(1)),
        ("ben@example.com", Fraction(-1)),
    ]


RELAXED = "need: {language: lead.language}, relax_after: 30m"


def test_a_lead_waits_for_the_skill_and_then_for_nothing() -> None:
    waiting = decided(RELAXED, language="fr", waited="29m")
    assert (waiting.state, waiting.rule) == ("held", "r")
    assert waiting.retry_at == NOW + timedelta(minutes=1)
    assert waiting.reason == "nobody free in team all has what is needed: language"
    late = decided(RELAXED, language="fr", waited="30m")
    assert late.rep_id == "anna@example.com"
    assert "r: language is needed no longer, the lead has waited" in late.trace.notes


def test_whoever_has_the_skill_takes_it_without_a_wait() -> None:
    assert decided(RELAXED, language="it").rep_id == "carla@example.com"


def test_a_second_team_with_the_skill_comes_before_the_wait_and_a_queue_after_it() -> None:
    team = decided(f"if_away: {{team: b}}, {RELAXED}", to="{team: a}", language="it")
    assert team.rep_id == "carla@example.com"
    queue = "if_away: {queue: Inbound}, " + RELAXED
    assert decided(queue, language="fr").state == "held"
    assert decided(queue, language="fr", waited="31m").rep_id == "anna@example.com"
    without = queue.replace(", relax_after: 30m", "")
    assert decided(without, language="fr").owner_id == "salesforce-q-inbound"


def test_no_lead_waits_for_a_team_that_could_not_take_it_anyhow() -> None:
    rules = policy(f"  - {{name: r, to: {{team: b}}, {RELAXED}}}", head=SKILLED, t=TABLE)
    away = world(ANNA, BEN, rep("carla", inactive=("salesforce",)))
    decision = decide(case(lead(language="fr")), away, rules, NOW)
    assert (decision.state, decision.rule) == ("assigned", "otherwise")


def test_literals_and_fields_are_told_apart_by_the_word_lead() -> None:
    rules = policy(
        "  - {name: r, to: {team: a}, need: {language: de, industry: lead.industry}}",
        head=SKILLED,
        t=TABLE,
    )
    assert rules.rules[0].need == (
        SkillAsk("language", ("de",)),
        SkillAsk("industry", path="industry"),
    )

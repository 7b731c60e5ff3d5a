"""The laws of a score: caps hold, half-lives halve, order means nothing, and time is foretold."""

from __future__ import annotations

import math
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from fractions import Fraction

import pytest
from core.deciding import NOW
from hypothesis import given
from hypothesis import strategies as st

from fairlead.core.conditions import compile_condition
from fairlead.core.lint import lint
from fairlead.core.next_grade import next_grade_at
from fairlead.core.place import Place
from fairlead.core.policy import Policy
from fairlead.core.policy_file import PolicyError, load_policy
from fairlead.core.schema import LEAD_SCHEMA, FieldType
from fairlead.core.scorecard import Band, PointGroup, Points, Scorecard, Turn
from fairlead.core.scoring import capped, decayed, score, score_values, total_of, whole
from fairlead.core.types import Value

PLACE = Place("p.yaml", 1, 1)
DATES = ("seen_at", "loaded_at", "asked_at")
SCHEMA = LEAD_SCHEMA.extended(dict.fromkeys(DATES, FieldType.INSTANT))
ALWAYS = compile_condition("modified_at is not null or modified_at is null", SCHEMA)
DAY = timedelta(days=1)
_LN2 = Context(prec=40).ln(Decimal(2))

HEAD = """version: 1
fields:
  seen_at: {type: instant, salesforce: Seen__c}
sources: {sf: {crm: salesforce}}
reps: {anna@example.com: }
teams: {a: {members: [anna@example.com]}}
"""
CARD = """scoring:
  groups:
    fit: {cap: 20, points: [{when: employees >= 10, points: 30}]}
    engagement: {half_life: 10d, points: [{when: seen_at is not null, points: 40, at: seen_at}]}
    negative: {points: [{when: opted_out, points: -25, because: unsubscribed}]}
  bands: {mql: 30, sql: 60}
"""
LAST = "otherwise: {to: {team: a}}\n"


def a_policy(text: str) -> Policy:
    return load_policy({"p.yaml": text}, "p.yaml")


def problems(text: str) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        a_policy(text)
    return [f"{p.place.line}:{p.place.column} {p.message}" for p in caught.value.problems]


points = st.integers(-100, 100).filter(bool).map(Fraction)
lives = st.integers(60, 90 * 86_400).map(lambda s: timedelta(seconds=s))
ages = st.integers(-5 * 86_400, 200 * 86_400).map(lambda s: timedelta(seconds=s))


def a_line(worth: Fraction, at: str | None, life: timedelta) -> Points:
    return Points(ALWAYS, worth, "because", PLACE, at, life if at else None)


lines = st.builds(a_line, points, st.sampled_from([None, *DATES]), lives)
groups = st.builds(
    lambda ls, cap: (tuple(ls), cap),
    st.lists(lines, min_size=1, max_size=4),
    st.none() | st.integers(1, 150).map(Fraction),
)
leads = st.fixed_dictionaries({name: st.none() | ages.map(lambda a: NOW - a) for name in DATES})


@st.composite
def cards(draw: st.DrawFn) -> Scorecard:
    drawn = draw(st.lists(groups, min_size=1, max_size=3))
    named = tuple(PointGroup(f"g{n}", ls, cap, PLACE) for n, (ls, cap) in enumerate(drawn))
    ends = sorted(draw(st.sets(st.integers(-80, 120), max_size=3)))
    return Scorecard(named, tuple(Band(f"b{e}", Fraction(e), PLACE) for e in ends))


# -- laws ------------------------------------------------------------------------------------------


@given(st.integers(1, 10_000).map(Fraction), lives, st.integers(0, 30))
def test_after_each_half_life_half_is_left(worth: Fraction, life: timedelta, times: int) -> None:
    left = decayed(worth, times * life, life)
    assert abs(left - worth / 2**times) <= Fraction(1, 200)
    assert decayed(-worth, times * life, life) == -left


@given(points, lives, ages, ages)
def test_points_only_ever_shrink(
    worth: Fraction, life: timedelta, one: timedelta, other: timedelta
) -> None:
    early, late = sorted([one, other])
    assert abs(decayed(worth, late, life)) <= abs(decayed(worth, early, life)) <= abs(worth)


@given(st.fractions(-500, 500, max_denominator=100), lives, ages)
def test_what_is_left_is_that_of_28_digits_on_any_machine(
    worth: Fraction, life: timedelta, age: timedelta
) -> None:
    gone = Fraction(max(age, timedelta(0)) // DAY.resolution, life // DAY.resolution)
    with localcontext() as context:
        context.prec = 28
        power = (-_LN2 * gone.numerator / gone.denominator).exp()
        left = Decimal(worth.numerator) / Decimal(worth.denominator) * power
        rounded = Fraction(left.quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN))
    faded = Fraction(0) if gone > 40 else rounded
    assert decayed(worth, age, life) == (faded if age > timedelta(0) else worth)


@given(st.lists(st.fractions(-500, 500, max_denominator=1000), max_size=8), st.fractions(0, 300))
def test_sums_roundings_and_caps_are_those_of_fractions(
    numbers: list[Fraction], cap: Fraction
) -> None:
    total = sum(numbers, Fraction(0))
    assert total_of(numbers) == total
    assert whole(total) == math.floor(total + Fraction(1, 2))
    assert capped(total, cap) == max(-cap, min(cap, total))


@given(cards(), leads)
def test_no_group_counts_more_than_its_cap(card: Scorecard, lead: dict[str, Value]) -> None:
    found = score(card, lead, NOW)
    for group in found.groups:
        assert group.cap is None or abs(group.points) <= group.cap
        assert group.uncapped == sum(line.points for line in group.lines)
    assert found.total == whole(sum((g.points for g in found.groups), Fraction(0)))


@given(cards(), leads)
def test_the_order_of_groups_and_lines_means_nothing(
    card: Scorecard, lead: dict[str, Value]
) -> None:
    turned = Scorecard(
        tuple(PointGroup(g.name, g.points[::-1], g.cap, PLACE) for g in card.groups[::-1]),
        card.bands,
    )
    one, other = score(card, lead, NOW), score(turned, lead, NOW)
    assert score_values(one) == score_values(other)


@given(cards(), leads, st.integers(1, 100).map(Fraction))
def test_more_points_never_lower_the_score(
    card: Scorecard, lead: dict[str, Value], more: Fraction
) -> None:
    first, *rest = card.groups
    added = PointGroup(first.name, (*first.points, a_line(more, None, DAY)), first.cap, first.place)
    richer = Scorecard((added, *rest), card.bands)
    grades = card.grades
    poor, rich = score(card, lead, NOW), score(richer, lead, NOW)
    assert rich.total >= poor.total
    assert grades.index(rich.grade) >= grades.index(poor.grade)


@given(cards(), leads, st.integers(-DAY // timedelta(milliseconds=1), 10**10))
def test_who_asks_for_no_later_change_hears_of_the_same_ones(
    card: Scorecard, lead: dict[str, Value], milliseconds: int
) -> None:
    until = NOW + timedelta(milliseconds=milliseconds)
    ever = next_grade_at(card, lead, NOW)
    soon = next_grade_at(card, lead, NOW, until=until, found=score(card, lead, NOW))
    assert min(until, soon or until) == min(until, ever or until)


@given(cards(), leads)
def test_the_next_change_of_grade_is_foretold_to_the_second(
    card: Scorecard, lead: dict[str, Value]
) -> None:
    at = next_grade_at(card, lead, NOW)
    grade = score(card, lead, NOW).grade
    if at is None:
        for days in (1, 7, 30, 90, 365, 3650):
            assert score(card, lead, NOW + days * DAY).grade == grade
        return
    assert at > NOW
    assert score(card, lead, at).grade != grade
    before = at - timedelta(seconds=1)
    assert before < NOW or score(card, lead, before).grade == grade
    span = at - NOW
    for part in range(1, 20):
        moment = NOW + timedelta(seconds=span // timedelta(seconds=1) * part // 20)
        assert moment >= at or score(card, lead, moment).grade == grade


# -- what time does to conditions ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "wakes"),
    [
        ("age(seen_at) < 7d", NOW + 2 * DAY),
        ("age(seen_at) <= 7d", NOW + 2 * DAY + timedelta(seconds=1)),
        ("days_since(seen_at) < 7", NOW + 2 * DAY),
        ("not (days_since(seen_at) > 7)", NOW + 3 * DAY),
        ("seen_at < now", None),
        ("now < 2026-06-04", NOW.replace(day=4, hour=0)),
        ("employees > 5 and age(seen_at) < 7d", NOW + 2 * DAY),
    ],
)
def test_a_condition_on_a_date_turns_at_an_instant_that_is_known(when: str, wakes: object) -> None:
    text = f"scoring: {{groups: {{e: {{points: [{{when: '{when}', points: 50}}]}}}}, "
    card = a_policy(HEAD + text + "bands: {mql: 40}}\n" + LAST).scoring
    assert card is not None
    lead: dict[str, Value] = {"seen_at": NOW - 5 * DAY, "employees": 9}
    assert score(card, lead, NOW).grade == "mql"
    assert next_grade_at(card, lead, NOW) == wakes


def test_a_date_still_to_come_counts_from_then_on() -> None:
    card = a_policy(HEAD + CARD + LAST).scoring
    assert card is not None
    soon = NOW + 3 * DAY
    lead: dict[str, Value] = {"seen_at": soon}
    assert score(card, lead, NOW).total == 40
    at = next_grade_at(card, lead, NOW)
    assert at is not None
    assert soon + 4 * DAY < at < soon + 5 * DAY, "40 points are 29.5 after 4.4 days"


def test_turns_are_kept_once() -> None:
    text = HEAD + "scoring: {groups: {e: {points: [{when: '%s', points: 5}]}}}\n" + LAST
    card = a_policy(text % "age(seen_at) < 7d or age(seen_at) < 7d").scoring
    assert card is not None
    assert card.lines[0].turns == (Turn("seen_at", 7 * DAY),)


# -- the policy ------------------------------------------------------------------------------------


def test_rules_may_ask_for_the_score_its_groups_and_the_grade() -> None:
    rules = (
        "rules:\n  - {name: r, when: 'score > 50 and score.fit >= 20 and grade == \"SQL\"',"
        " to: {team: a}}\n"
    )
    [rule] = a_policy(HEAD + CARD + rules + LAST).rules
    assert rule.when is not None
    assert rule.when.names == {"score", "score.fit", "grade"}


def test_without_scoring_a_rule_on_the_score_is_told_what_is_missing() -> None:
    rules = "rules:\n  - {name: r, when: score > 50, to: {team: a}}\n"
    [said] = problems(HEAD + rules + LAST)
    assert said.endswith(
        "'score' is not worked out, for nothing gives points; say what does under 'scoring:'"
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("mql: 30", "mql: 70"), "bands go up: 'sql' begins at 60 points, and 'mql' before it at"),
        (("mql: 30", "poor: 30"), "'poor' is the grade below the first band"),
        (("cap: 20", "cap: 0"), "a cap is a number above 0"),
        (("points: 30", "points: 0"), "points are a number other than 0"),
        (("at: seen_at", "at: sen_at"), "unknown date of a lead 'sen_at'"),
        (("at: seen_at", "at: company"), "'company' is no date of the lead but a text"),
        (("half_life: 10d, ", ""), "points with a date need a 'half_life:'"),
        ((", at: seen_at", ""), "no points of this group have a date to fade from"),
        (("half_life: 10d", "half_life: 0d"), "a half-life is longer than 0s"),
        (("opted_out,", "score > 5,"), "'score' is what the points are counted for"),
        (("opted_out,", "age(created_at) < age(seen_at),"), "points can depend on time by age()"),
        (("  bands", "  write_to: {pipedrive: x}\n  bands"), "unknown key 'pipedrive'"),
        (("scoring:", "won_when: score > 5\nscoring:"), "'score' is not known yet"),
        (("scoring:", "reroute_on: [score]\nscoring:"), "unknown field of a lead 'score'"),
    ],
)
def test_a_mistake_is_told_at_its_place(change: tuple[str, str], says: str) -> None:
    assert change[0] in CARD
    found = problems(HEAD + CARD.replace(*change) + LAST)
    assert any(says in line for line in found), found


def test_check_finds_points_caps_bands_and_grades_that_nobody_gets() -> None:
    card = CARD.replace("cap: 20", "cap: 50").replace("sql: 60", "sql: 90")
    card = card.replace("when: opted_out", "when: 'country == \"Germany\"'")
    rules = 'rules:\n  - {name: r, when: grade == "sqll", to: {team: a}}\n'
    found = {f.kind: f.message for f in lint(a_policy(HEAD + card + rules + LAST), NOW)}
    assert "no lead ever gets points for 'unsubscribed'" in found["pointless"]
    assert "all its points together are 30, the cap is 50" in found["unused-cap"]
    assert (
        "that takes 90 points, and with the caps there are 70 at most" in found["unreachable-band"]
    )
    assert "impossible-value" in found


def test_a_sound_scorecard_has_no_findings() -> None:
    kinds = {f.kind for f in lint(a_policy(HEAD + CARD + LAST), NOW)}
    assert not kinds & {"pointless", "unused-cap", "unreachable-band", "impossible-value"}

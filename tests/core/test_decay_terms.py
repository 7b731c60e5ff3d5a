"""When levels of decay come, what counts as a sign of life, and what a fall under a band is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fairlead.core.decay import AGAIN, Held, due_at, fallen, highest, last_signal, look_again
from fairlead.core.decay_terms import Level
from fairlead.core.policy_file import load_policy
from fairlead.core.types import Value

NOW = datetime(2027, 1, 4, 10, tzinfo=UTC)
POLICY = """\
version: 1
sources: {sf: {crm: salesforce}}
reps: {anna@example.com: {}}
teams: {inbound: {members: [anna@example.com]}}
scoring:
  groups:
    fit: {points: [{when: employees >= 10, points: 20}]}
    engagement: {half_life: 5d, points: [{when: 'form == "Demo"', points: 40, at: created_at}]}
  bands: {mql: 30, sql: 50}
decay:
  - {name: cooling, after: {silence: 3d}}
  - {name: warm, after: {below: sql}, when: score > 5}
  - {name: faded, after: {below: mql}}
  - {name: lost, after: {age: 30d}}
otherwise: {to: {team: inbound}}
"""


def level(name: str) -> Level:
    return next(n for n in THE_POLICY.decay if n.name == name)


THE_POLICY = load_policy({"p.yaml": POLICY}, "p.yaml")
CARD = THE_POLICY.scoring
DEMO: dict[str, Value] = {"form": "Demo", "employees": 50, "created_at": NOW}


@given(st.timedeltas(timedelta(0), timedelta(days=900)))
def test_age_runs_on_whatever_is_done_and_silence_from_the_last_thing(later: timedelta) -> None:
    touched = NOW + later
    assert due_at(level("lost"), NOW, touched) == NOW + timedelta(days=30)
    assert due_at(level("cooling"), NOW, touched) == touched + timedelta(days=3)
    assert due_at(level("cooling"), NOW, NOW - later) == NOW + timedelta(days=3)


@given(st.integers(0, 40 * 24))
def test_a_lead_falls_by_time_alone_when_its_points_have_faded(hours: int) -> None:
    at = NOW + timedelta(hours=hours)
    was = fallen(CARD, level("faded"), Held(), DEMO, NOW)
    assert was == Held(NOW)
    now = fallen(CARD, level("faded"), was, DEMO, at)
    # 20 + 40 / 2^(t / 5d) is under 29.5 after 5d * log2(40 / 9.5), some 248.9 hours.
    assert now == (Held(NOW) if hours <= 248 else Held(NOW, at))
    assert fallen(CARD, level("faded"), now, DEMO, at + timedelta(days=1)).fell_at == (
        now.fell_at or (at + timedelta(days=1) if hours + 24 > 248 else None)
    )


def test_points_that_news_takes_away_are_no_decay() -> None:
    was = fallen(CARD, level("faded"), Held(), DEMO, NOW)
    news = {**DEMO, "form": "Brochure"}
    assert fallen(CARD, level("faded"), was, news, NOW + timedelta(days=9)) == Held()


def test_a_lead_that_never_was_at_the_band_does_not_fall_under_it() -> None:
    stale = {**DEMO, "created_at": NOW - timedelta(days=90)}
    assert fallen(CARD, level("faded"), Held(), stale, NOW) == Held()


def test_who_comes_back_to_the_band_has_not_fallen() -> None:
    fell = Held(NOW, NOW + timedelta(days=11))
    back = {**DEMO, "created_at": NOW + timedelta(days=12)}
    assert fallen(CARD, level("faded"), fell, back, NOW + timedelta(days=12)) == Held(NOW)


def test_the_highest_level_is_the_last_of_the_list_that_was_reached() -> None:
    assert highest(THE_POLICY.decay, ()) is None
    assert highest(THE_POLICY.decay, {"lost", "cooling"}) == "lost"
    assert highest(THE_POLICY.decay, {"cooling", "of another policy"}) == "cooling"


def test_signals_are_signs_of_life_once_they_have_happened() -> None:
    values: dict[str, Value] = {
        "signal.webinar": NOW - timedelta(days=1),
        "signal.visit": NOW - timedelta(days=2),
        "signal.later": NOW + timedelta(days=1),
        "signal.never": None,
    }
    assert last_signal(values, NOW) == NOW - timedelta(days=1)
    assert last_signal({}, NOW) is None


def test_a_condition_that_time_turns_is_asked_again() -> None:
    assert look_again(level("warm"), NOW) == NOW + AGAIN
    assert look_again(level("cooling"), NOW) is None

"""Signals: what shows them, how often they count, what conditions make of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.condition_words import in_words
from fairlead.core.conditions import compile_condition
from fairlead.core.lint import lint
from fairlead.core.next_grade import next_grade_at
from fairlead.core.policy import Policy
from fairlead.core.policy_file import load_policy
from fairlead.core.schema import LEAD_SCHEMA
from fairlead.core.scoring import score
from fairlead.core.signals import (
    Occurrence,
    folded,
    groups_of,
    groups_said,
    in_activities,
    in_fields,
    in_group,
    latest,
    signal_types,
    with_signals,
)
from fairlead.core.types import Actor, Lead, Ref, Value
from fairlead.reports.policy_words import facts

NOW = datetime(2027, 1, 4, 10, tzinfo=UTC)
DAY = timedelta(days=1)
TEXT = """\
version: 1
fields:
  last_click: {type: instant, salesforce: Click__c, hubspot: click}
sources:
  sf: {crm: salesforce}
  hs: {crm: hubspot, object: contacts}
reps: {anna@example.com: {}, ben@example.com: {}}
teams: {inbound: {members: [anna@example.com, ben@example.com]}}
slas: {hot: {respond_within: 1h, when: 'signal("called_us", within: 1h)'}}
signals:
  demo_requested: {at: created_at, when: form contains "demo"}
  email_clicked: {at: last_click}
  webinar_attended:
    salesforce: {campaign: ["701000000000001AAA", "701000000000002AAA"], status: [Attended]}
    hubspot: {list: 42}
  called_us: {activity: call, incoming: true}
  met: {activity: [meeting]}
scoring:
  groups:
    did:
      points:
        - {when: 'signal("email_clicked", within: 7d)', points: 30}
        - {when: 'signal("met")', points: 10, at: signal.met, half_life: 1d}
  bands: {warm: 30}
reroute_on: [country, signal(demo_requested)]
rules:
  - {name: Guests, when: 'signal("webinar_attended", within: 2d)', to: {team: inbound}}
otherwise: {to: {team: inbound}}
"""


def a_policy(text: str = TEXT) -> Policy:
    return load_policy({"policy.yaml": text}, "policy.yaml")


POLICY = a_policy()
SCHEMA = LEAD_SCHEMA.extended(signal_types(["demo_requested", "webinar_attended"]))


def a_lead(**values: Value) -> Lead:
    return Lead(Ref("salesforce", "Lead", "1"), NOW, NOW, None, {"created_at": NOW, **values})


def an_activity(kind: ActivityKind, **more: Any) -> Activity:
    ref = Ref("salesforce", "Task", f"t-{kind.value}")
    return Activity(ref, kind, NOW, NOW, "u1", more.pop("actor", Actor.PERSON), "said", **more)


# -- conditions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ago", "holds"),
    [
        ('signal("demo_requested")', None, False),
        ('signal("demo_requested")', 400 * DAY, True),
        ('not signal("demo_requested")', None, True),
        ('signal("demo_requested", within: 2d)', 2 * DAY, True),
        ('signal("demo_requested", within: 2d)', 2 * DAY + timedelta(seconds=1), False),
        ('signal("demo_requested", within:2d)', DAY, True),
        ("signal.demo_requested is not null", DAY, True),
        ("days_since(signal.demo_requested) >= 3", 3 * DAY, True),
    ],
)
def test_a_condition_asks_whether_it_happened_and_how_long_ago(
    text: str, ago: timedelta | None, holds: bool
) -> None:
    condition = compile_condition(text, SCHEMA)
    values: dict[str, Value] = {"now": NOW, "signal.demo_requested": ago and NOW - ago}
    assert condition.test(values) is holds
    verdict = condition.explain(values)
    assert verdict.result is holds
    assert verdict.text == text
    assert "signal.demo_requested" in condition.names


def test_it_is_said_in_plain_words() -> None:
    assert in_words('signal("webinar_attended", within: 2d)') == "webinar attended within 2 days"
    assert in_words('signal("webinar_attended")') == "webinar attended has happened"
    told = "\n".join(facts(POLICY))
    assert "Signal demo requested is seen on the date of created at, while form contains demo." in (
        told
    )
    assert "in salesforce campaign 701000000000001AAA, 701000000000002AAA as attended" in told
    assert "Signal called us is seen by call from the buyer." in told


def test_a_score_is_looked_at_again_when_the_time_of_a_signal_ends() -> None:
    card = POLICY.scoring
    assert card is not None
    values: dict[str, Value] = {"signal.email_clicked": NOW, "signal.met": None}
    assert score(card, values, NOW).grade == "warm"
    ends = next_grade_at(card, values, NOW)
    assert ends is not None
    assert timedelta(0) < ends - (NOW + 7 * DAY) <= timedelta(seconds=1)
    assert score(card, values, ends).grade != "warm"


def test_points_fade_from_the_last_time() -> None:
    card = POLICY.scoring
    assert card is not None
    values: dict[str, Value] = {"signal.met": NOW}
    assert score(card, values, NOW).total == 10
    assert score(card, values, NOW + DAY).total == 5


def test_a_signal_that_nothing_asks_for_is_a_finding() -> None:
    assert [f.message for f in lint(POLICY, NOW) if f.kind == "unused-signal"] == []
    text = TEXT.replace("[country, signal(demo_requested)]", "[country]")
    [found] = [f for f in lint(a_policy(text), NOW) if f.kind == "unused-signal"]
    assert "demo_requested" in found.message


def test_conditions_of_signals_hide_no_lead_from_check() -> None:
    gaps = [f for f in lint(POLICY, NOW) if f.kind in ("unreachable", "pointless")]
    assert gaps == []


# -- what shows a signal ---------------------------------------------------------------------------


def test_a_field_shows_it_while_its_condition_holds() -> None:
    shown = in_fields(POLICY.signals, a_lead(form="Book a demo", last_click=NOW - DAY), NOW)
    assert [(o.name, o.at) for o in shown] == [
        ("demo_requested", NOW), ("email_clicked", NOW - DAY),
    ]  # fmt: skip
    assert in_fields(POLICY.signals, a_lead(form="Price list"), NOW) == ()


def test_a_group_shows_it_by_crm_id_and_status() -> None:
    def seen(crm: str, group: str, status: str) -> list[str]:
        return [o.name for o in in_group(POLICY.signals, crm, group, status, NOW)]

    assert seen("salesforce", "701000000000001AAA", "attended") == ["webinar_attended"]
    assert seen("salesforce", "701000000000002AAA", "Attended") == ["webinar_attended"]
    assert seen("salesforce", "701000000000001AAA", "Registered") == []
    assert seen("hubspot", "42", "") == ["webinar_attended"]
    assert seen("hubspot", "701000000000001AAA", "Attended") == []
    assert groups_of(POLICY.signals, "hubspot") == ("42",)
    assert groups_said(POLICY.signals, "hubspot") == "webinar_attended: 42"


def test_an_activity_shows_it_by_kind_and_side_and_ours_never_does() -> None:
    done = [
        an_activity(ActivityKind.CALL, incoming=True),
        an_activity(ActivityKind.CALL),
        an_activity(ActivityKind.CALL, incoming=True, actor=Actor.US),
        an_activity(ActivityKind.NOTE, incoming=True),
        an_activity(ActivityKind.MEETING),
    ]
    assert [o.name for o in in_activities(POLICY.signals, done)] == ["called_us", "met"]


def test_rules_see_the_last_time_that_has_come_and_null_for_never() -> None:
    found = [
        Occurrence("email_clicked", NOW - 2 * DAY, "a"),
        Occurrence("email_clicked", NOW - DAY, "b"),
        Occurrence("email_clicked", NOW + DAY, "c"),
    ]
    lead = with_signals(POLICY.signals, a_lead(), found, NOW)
    assert lead.get("signal.email_clicked") == NOW - DAY
    assert "signal.met" in lead.values
    assert lead.get("signal.met") is None


# -- folding ---------------------------------------------------------------------------------------

OCCURRENCES = st.builds(
    Occurrence,
    st.sampled_from(["demo_requested", "webinar_attended"]),
    st.integers(-50, 50).map(lambda h: NOW + timedelta(hours=h)),
    st.sampled_from(["campaign 1 Attended", "list 42 2027-01-04", "call 7"]),
)


@given(st.lists(OCCURRENCES, max_size=12), st.randoms(use_true_random=False))
def test_folding_is_the_same_in_any_order_and_however_often(
    found: list[Occurrence], random: Any
) -> None:
    once = folded(found)
    again = [*found, *found[::2], *once]
    random.shuffle(again)
    assert folded(again) == once == folded(once)
    assert latest(again, NOW) == latest(found, NOW)
    assert len({(o.name, o.evidence) for o in once}) == len(once)

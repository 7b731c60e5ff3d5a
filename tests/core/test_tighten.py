"""A promise that grows tighter: which one a clock takes, and what of it goes along."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest

from fairlead.core.lint import lint
from fairlead.core.policy_file import load_policy
from fairlead.core.sla import in_force
from fairlead.core.types import Rep

TEXT = """\
version: 1
sources: {sf: {crm: salesforce}}
calendars:
  sydney: {timezone: Australia/Sydney, hours: {mon-fri: ["09:00-17:00"]}}
  la: {timezone: America/Los_Angeles, hours: {mon-fri: ["09:00-17:00"]}}
reps:
  anna@example.com: {calendar: sydney}
  ben@example.com: {calendar: la}
  carla@example.com: {}
teams: {inbound: {members: [anna@example.com, ben@example.com, carla@example.com]}}
slas:
  hot:
    respond_within: 4h
    warn_at: [50%, 10m]
    on_breach: [{after: 30m, reassign: next}]
    tighten:
      - {from: 2027-02-01, respond_within: 2h}
      - {from: 2027-04-01, respond_within: 1h}
rules: [{name: All, to: {team: inbound}, sla: hot}]
otherwise: {to: {team: inbound}}
"""
POLICY = load_policy({"p.yaml": TEXT}, "p.yaml")
HOT = POLICY.slas["hot"]


def rep(name: str, calendar: str | None) -> Rep:
    return Rep(name, name, Fraction(1), {}, {}, calendar)


REPS = {
    "anna": rep("anna", "sydney"),
    "ben": rep("ben", "la"),
    "carla": rep("carla", None),
}


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2027, 1, 31), 4),
        (date(2027, 2, 1), 2),
        (date(2027, 3, 31), 2),
        (date(2027, 4, 1), 1),
        (date(2030, 1, 1), 1),
    ],
)
def test_the_promise_of_a_day_with_its_warnings_and_path(day: date, hours: int) -> None:
    sla, whole = HOT.on(day), timedelta(hours=hours)
    assert sla.respond_within == whole
    assert [(s.key, s.worked) for s in sla.stages] == [
        ("warning 50%", whole / 2),
        ("warning 10m before", whole - timedelta(minutes=10)),
        ("due", whole),
        ("step 1", whole + timedelta(minutes=30)),
    ]


def test_the_day_begins_by_the_rep_s_clock() -> None:
    at = datetime(2027, 1, 31, 15, 0, tzinfo=UTC)  # two in the morning of the first in Sydney
    found = {name: in_force(HOT, at, name, POLICY, REPS).respond_within for name in REPS}
    assert found == {
        "anna": timedelta(hours=2),
        "ben": timedelta(hours=4),
        "carla": timedelta(hours=4),
    }
    late = datetime(2027, 2, 1, 7, 0, tzinfo=UTC)
    assert in_force(HOT, late, "ben", POLICY, REPS).respond_within == timedelta(hours=4)
    assert in_force(HOT, late, "nobody", POLICY, REPS).respond_within == timedelta(hours=2)


def test_check_says_once_a_day_is_past() -> None:
    def kinds(at: datetime) -> list[str]:
        return [f.message for f in lint(POLICY, at) if f.kind == "tightened-already"]

    assert kinds(datetime(2027, 2, 1, tzinfo=UTC)) == []
    assert kinds(datetime(2027, 2, 2, tzinfo=UTC)) == ["SLA 'hot' is 2h since 2027-02-01"]

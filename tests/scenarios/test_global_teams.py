"""Global teams over 24 time zones: somebody at work gets the lead at any hour, and near by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from scenarios.scenario import FIXTURES, Scenario, play, read_scenario

from fairlead.core.clock_distance import clock_distance
from fairlead.core.policy_file import load_policy
from fairlead.core.worktime import is_open

BODY = """name: a lead from any zone
now: {now}
policy: scenarios/policies/global.yaml
lead: {{email: x@acme.example, timezone: {zone}}}
expect: {{state: assigned}}
"""
PATH = FIXTURES / "scenarios" / "policies" / "global.yaml"
CALENDARS = load_policy({"g": PATH.read_text(encoding="utf-8")}, "g").calendars
WEDNESDAYS = ("2026-01-14", "2026-03-18", "2026-07-15", "2026-10-28")
"""Northern winter, only America's summer time begun, southern winter, only Europe's ended."""


def scene(at: datetime, zone: str) -> Scenario:
    return read_scenario(BODY.format(now=at.isoformat(), zone=zone))


@pytest.mark.parametrize("day", WEDNESDAYS)
def test_a_lead_of_any_zone_in_office_hours_gets_somebody_near_who_is_at_work(day: str) -> None:
    for offset in range(-11, 13):
        zone = f"Etc/GMT{-offset:+d}" if offset else "UTC"
        at = datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC) - timedelta(hours=offset)
        played = play(scene(at, zone))
        rep = played.world.reps[played.decisions[0].rep_id or ""]
        calendar = CALENDARS[rep.calendar or ""]
        assert is_open(calendar, at)
        assert clock_distance(calendar.timezone, zone, at) <= timedelta(hours=2)


@pytest.mark.parametrize("day", WEDNESDAYS)
def test_there_is_somebody_at_work_at_every_half_hour(day: str) -> None:
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    for step in range(48):
        at = start + step * timedelta(minutes=30)
        played = play(scene(at, "Europe/London"))
        rep = played.world.reps[played.decisions[0].rep_id or ""]
        assert is_open(CALENDARS[rep.calendar or ""], at)

"""The example of `fairlead sla --staffing` in docs/sla.md is what the command says."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from daemon.house import House, an_org
from docs.pages import text_of

from fairlead.reports.answering import human_staffing
from fairlead.testing.clock import ManualClock

MONDAY = datetime(2027, 1, 4, tzinfo=UTC)
POLICY = """\
version: 1
sources: {src: {crm: salesforce}}
calendars:
  office: {timezone: Europe/London, hours: {mon-fri: ["09:00-17:00"]}}
reps: {anna@example.com: {calendar: office}, ben@example.com: {calendar: office}}
teams: {inbound: {members: [anna@example.com, ben@example.com]}}
rules: [{name: Everybody, to: {team: inbound}, if_away: {hold: until_free}}]
otherwise: {to: {team: inbound}}
"""
BY_HOUR = {9: 6, 10: 3, 11: 2, 12: 2, 13: 2, 14: 2, 15: 2, 16: 1, 19: 2, 20: 2}


def test_the_example_is_what_two_reps_with_such_leads_are_told() -> None:
    clock = ManualClock(MONDAY - timedelta(seconds=1))
    fake = an_org(clock)
    house = House(None, [fake], clock, policy=POLICY)
    house.start()
    try:
        n = 0
        for day in (timedelta(weeks=w, days=d) for w in range(4) for d in range(5)):
            for hour, count in BY_HOUR.items():
                at = MONDAY + day + timedelta(hours=hour)
                clock.advance(at - clock.now())
                for i in range(count):
                    stamp = at + timedelta(minutes=60 * i / count)
                    clock.advance(stamp - clock.now())
                    fake.create_lead(email=f"x{n}@a{n}.test")
                    n += 1
                house.poll()
        clock.advance(MONDAY + timedelta(weeks=4) - clock.now())
        asked = {"within": "5m", "handling": "12m"}
        told = list(human_staffing(house.commands.routes()["sla-staffing"](asked)))
    finally:
        house.close()
    [block] = re.findall(r"(?s)```\n(inbound: 5m .*?)```", text_of("docs/sla.md"))
    shown = block.rstrip("\n").splitlines()
    assert told[: len(shown)] == shown

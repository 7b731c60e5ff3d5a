"""A lead waits for a field or a skill, is looked at when the wait ends, and `why` agrees later."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from daemon.house import House, an_org, owner_email

from fairlead.core.types import LeadState, Ref
from fairlead.store import leads
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

POLICY = """\
version: 1
sources:
  sf: {crm: salesforce, hold_until: {field: country, at_most: 150s}}
reps:
  anna@example.com: {skills: {language: de}}
  ben@example.com: {skills: {language: fr}}
teams:
  all: {members: [anna@example.com, ben@example.com]}
  anna: {members: [anna@example.com]}
rules:
  - name: In French
    when: country == "FR"
    to: {team: anna}
    need: {language: fr}
    relax_after: 10m
otherwise: {to: {team: all}}
"""


@pytest.fixture
def crm(clock: ManualClock) -> FakeCrm:
    return an_org(clock)


@pytest.fixture
def waiting(clock: ManualClock, crm: FakeCrm) -> Iterator[House]:
    house = House(None, [crm], clock, POLICY)
    house.start()
    yield house
    house.close()


def look(house: House) -> int:
    return house.ingests["salesforce"].release_held()


def due_in(house: House, clock: ManualClock, ref: Ref) -> timedelta:
    row = leads.get_lead(house.db, ref)
    assert row is not None
    assert row.retry_at is not None
    return row.retry_at - clock.now()


def test_it_is_looked_at_each_minute_and_when_the_wait_ends(
    waiting: House, crm: FakeCrm, clock: ManualClock
) -> None:
    lead = crm.create_lead(email="x@acme.test", country=None)
    waiting.round()
    assert (waiting.state(lead), waiting.reason(lead)) == (LeadState.HELD, "waits for country")
    assert due_in(waiting, clock, lead) == timedelta(seconds=60)
    assert look(waiting) == 0
    for left in (60, 30):
        clock.advance(60)
        assert look(waiting) == 0
        assert due_in(waiting, clock, lead) == timedelta(seconds=left)
    waiting.restart()
    clock.advance(30)
    assert look(waiting) == 1
    waiting.deliver()
    assert owner_email(crm, lead) == "anna@example.com"
    [why] = waiting.commands.why(str(lead))
    assert why["decision"]["recomputed_equal"]
    assert why["decision"]["rule"] == "otherwise"


def test_a_filled_field_ends_the_wait_at_the_next_poll(
    waiting: House, crm: FakeCrm, clock: ManualClock
) -> None:
    lead = crm.create_lead(email="x@acme.test", country=None)
    waiting.round()
    clock.advance(5)
    crm.update(lead, country="DE")
    waiting.round()
    assert waiting.state(lead) is LeadState.ASSIGNED


def test_why_explains_a_wait_for_a_skill_and_its_end(
    waiting: House, crm: FakeCrm, clock: ManualClock
) -> None:
    lead = crm.create_lead(email="x@acme.test", country="FR")
    waiting.round()
    assert waiting.state(lead) is LeadState.HELD
    [why] = waiting.commands.why(str(lead))
    assert why["decision"]["recomputed_equal"]
    assert "  anna@example.com: lacks language fr" in why["decision"]["text"]
    clock.advance(600)
    look(waiting)
    waiting.deliver()
    assert owner_email(crm, lead) == "anna@example.com"
    [why] = waiting.commands.why(str(lead))
    assert why["decision"]["recomputed_equal"]

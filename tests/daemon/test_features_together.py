"""What features do to one another in a running house: claims, loads, owed turns, replay, shadow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from daemon.house import House, an_org, owner_email, the_policy, user_id

from fairlead.core.types import Availability, LeadState, Ref
from fairlead.daemon.replaying import replay_period
from fairlead.store import journal, loads
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

ANNA, BEN, CARLA = "anna@example.com", "ben@example.com", "carla@example.com"
POLICY = """\
version: 1
sources:
  sf: {crm: salesforce, pick_up: owner is null}
credit_back: {when: status == "Junk"}
availability: {from_crm: [out_of_office]}
reps:
  anna@example.com: {}
  ben@example.com: {}
  carla@example.com: {}
teams:
  demos:
    members: [anna@example.com, ben@example.com, carla@example.com]
    method: {claim: {queue: Demos, unclaimed_after: 30m}}
    backup: {team: turns}
  turns: {members: [anna@example.com, ben@example.com], charge: [named]}
  load: {members: [anna@example.com, ben@example.com, carla@example.com], method: least_loaded}
  pair:
    method:
      group:
        roles:
          - {role: AE, members: [anna@example.com]}
          - {role: SE, members: [ben@example.com, carla@example.com]}
rules:
  - {name: Demos, when: country == "DE", to: {team: demos}}
  - {name: Load, when: country == "SE", to: {team: load}}
  - {name: Pair, when: country == "FR", to: {team: pair}}
  - {name: Named, when: country == "PL", to: {rep: anna@example.com}}
otherwise: {to: {team: turns}}
"""


HALF_FREE = """\
reps:
  anna@example.com: {away: ["2026-01-01..2028-01-01"]}"""


class Around:
    """A house and its CRM; leads of different people."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.sf: FakeCrm = an_org(self.clock, "salesforce")
        self.queue = self.sf.add_queue("Demos")
        self.house: House | None = None
        self.count = 0

    def open(self, policy: str = POLICY, shadow: Path | None = None) -> House:
        self.house = House(None, [self.sf], self.clock, policy, shadow=shadow)
        self.house.start()
        self.clock.advance(1)
        return self.house

    def tick(self, seconds: float = 1) -> None:
        assert self.house is not None
        self.clock.advance(seconds)
        self.house.poll()
        for ingest in self.house.ingests.values():
            ingest.release_held()
        self.house.deliver()

    def lead(self, country: str) -> Ref:
        self.count += 1
        ref = self.sf.create_lead(email=f"x{self.count}@acme{self.count}.test", country=country)
        self.tick()
        return ref

    def owner(self, ref: Ref) -> str | None:
        return owner_email(self.sf, ref)


@pytest.fixture
def around() -> Iterator[Around]:
    found = Around()
    yield found
    if found.house is not None:
        found.house.close()


def received(house: House, rep: str, clock: ManualClock) -> int:
    asked = [(rep, "day", clock.now() - timedelta(days=1))]
    return loads.received(house.db, asked).get((rep, "day"), 0)


def pools(house: House) -> dict[str, dict[str, Any]]:
    return {c["pool"]: c for c in house.commands.fairness()}


def replayed(around: Around, policy: str = POLICY) -> dict[str, Any]:
    assert around.house is not None
    now = around.clock.now()
    since, until = now - timedelta(days=2), now + timedelta(seconds=1)
    return replay_period(around.house.db, the_policy(policy).policy, since, until)


def test_a_turn_paid_without_a_lead_is_no_lead_received(around: Around) -> None:
    house = around.open()
    assert around.owner(around.lead("PL")) == ANNA
    assert around.owner(around.lead("NO")) == BEN  # the turn was Anna's: she had it in advance
    assert received(house, ANNA, around.clock) == 1
    assert received(house, BEN, around.clock) == 1


def test_a_part_in_a_group_that_was_owed_counts_as_received(around: Around) -> None:
    house = around.open()
    first = around.lead("FR")
    assert received(house, BEN, around.clock) == 1
    around.sf.update(first, status="Junk")
    around.tick()
    around.lead("FR")
    parts = [t for t in around.sf.tasks.values() if t.owner_id == user_id(around.sf, BEN)]
    assert len(parts) == 2, "what was owed to Ben is his"
    assert received(house, BEN, around.clock) == 2


def test_a_claim_queue_that_goes_by_turns_begins_its_rotation_at_zero(around: Around) -> None:
    house = around.open()
    for _ in range(4):
        around.sf.person_sets_owner(around.lead("DE"), user_id(around.sf, BEN))
        around.tick()
    house.policy = POLICY.replace("method: {claim: {queue: Demos, unclaimed_after: 30m}}", "")
    house.in_force.swap(the_policy(house.policy))
    given = [around.owner(around.lead("DE")) for _ in range(3)]
    assert given == [ANNA, BEN, CARLA]
    told = pools(house)["team:demos"]
    assert told["certified"]
    assert told["holds"], told
    house.restart()
    around.lead("DE")
    assert pools(house)["team:demos"]["holds"]
    restarts = [e for e in house.db.rows("SELECT event FROM journal WHERE event LIKE 'fairness%'")]
    assert len(restarts) == 1, "once is enough"


def test_the_same_policy_agrees_as_shadow_and_reproduces_in_a_replay(
    around: Around, tmp_path: Path
) -> None:
    """Unclaimed offers, balance by load and leave that a CRM told, all at once."""
    file = tmp_path / "shadow.yaml"
    file.write_text(POLICY)
    house = around.open(shadow=file)
    offered = [around.lead("DE") for _ in range(3)]
    away = around.clock.now() - timedelta(hours=1), around.clock.now() + timedelta(minutes=20)
    told = Availability(off=(away,))
    around.sf.tell_availability(user_id(around.sf, CARLA), told)
    house.ingests["salesforce"].refresh_owners()
    given = [around.owner(around.lead("SE")) for _ in range(4)]
    assert CARLA not in given
    around.tick(1801)
    assert {around.owner(ref) for ref in offered} == {ANNA, BEN}
    around.lead("SE")
    shadow = house.commands.shadow("")
    assert (shadow["leads"], shadow["changed"]) == (8, [])
    again = replayed(around)
    assert again["checked"] == 8
    assert again["not_reproduced"] == []


def test_a_claim_that_leaves_the_policy_is_looked_at_once(around: Around) -> None:
    house = around.open()
    ref = around.lead("DE")
    gone = POLICY.replace("version: 1", "version: 1\nsafety: {pilot: 1%}")
    house.policy = gone
    house.in_force.swap(the_policy(gone))
    around.tick(1801)
    reads = around.sf.calls["read"]
    around.tick(30)
    around.tick(30)
    assert around.sf.calls["read"] == reads, "an offer that is over is not due for ever"
    events = [j.event for j in journal.of_lead(house.db, ref)]
    assert events.count("lead.decided") == 2


def test_an_offer_that_the_crm_refused_is_made_again_when_a_person_retries(around: Around) -> None:
    house = around.open()
    ref = around.sf.create_lead(email="x@acme.test", country="DE")
    around.sf.faults.refuse(ref)
    around.tick()
    assert house.state(ref) is LeadState.DEAD_LETTER
    around.tick(1801)
    reads = around.sf.calls["read"]
    around.tick(30)
    assert around.sf.calls["read"] == reads, "what is in no queue is not due"
    around.sf.faults.clear()
    house.commands.retry(None)
    around.tick(61)
    assert around.sf.owner_of(ref) == around.queue


def test_a_lead_whose_queue_went_away_is_not_taken_for_one_that_somebody_took(
    around: Around,
) -> None:
    """Offered, the queue cannot own it, nobody else can: held, and out as soon as somebody can."""
    house = around.open(POLICY.replace("reps:\n  anna@example.com: {}", HALF_FREE))
    for rep in (BEN, CARLA):
        around.sf.deactivate(user_id(around.sf, rep))
    house.ingests["salesforce"].refresh_owners()
    around.sf.faults.bad_owner(around.queue)
    ref = around.lead("DE")
    assert house.state(ref) is LeadState.HELD
    around.sf.activate(user_id(around.sf, BEN))
    house.ingests["salesforce"].refresh_owners()
    around.tick(61)
    assert around.owner(ref) == BEN


RECYCLED = """\
version: 1
sources: {sf: {crm: salesforce}}
reps: {anna@example.com: {}, ben@example.com: {}, carla@example.com: {}}
teams:
  load: {members: [anna@example.com, ben@example.com, carla@example.com], method: least_loaded}
recycling:
  cool_down: 1d
  disqualified: [{reason: spam, when: status == "Spam"}]
  tracks: {later: {when: status == "Later", after: 30d}}
rules: [{name: Load, to: {team: load}}]
otherwise: {to: {team: load}}
"""


def test_a_lead_that_is_out_is_nobodys_load_in_shadow_and_replay_either(
    around: Around, tmp_path: Path
) -> None:
    """Recycled without a queue, or at its end, a lead keeps its owner and is no open one."""
    file = tmp_path / "shadow.yaml"
    file.write_text(RECYCLED)
    house = around.open(RECYCLED, shadow=file)
    first = [around.lead("SE") for _ in range(9)]
    theirs = [ref for ref in first if around.owner(ref) == CARLA]
    for ref, status in zip(theirs, ("Later", "Spam", "Later"), strict=True):
        around.sf.update(ref, status=status)
        around.tick()
    out = [house.state(ref) for ref in theirs]
    assert out == [LeadState.RECYCLED, LeadState.TERMINAL, LeadState.RECYCLED]
    assert [around.owner(around.lead("SE")) for _ in range(3)] == [CARLA] * 3
    shadow = house.commands.shadow("")
    assert (shadow["leads"], shadow["changed"]) == (12, [])
    assert replayed(around, RECYCLED)["not_reproduced"] == []

"""Two persons who turn out to be one: what was counted of both is the survivor's.

Salesforce's feed tells of a merge; HubSpot's does not: there the record that is gone reads as the
one that is left, whenever somebody looks at it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from daemon.house import House, an_org, user_id
from daemon.test_recycling import POLICY, Scene

from fairlead.core.types import LeadState, Ref
from fairlead.store import journal, leads
from fairlead.testing.clock import ManualClock

LEVELS = """\
decay:
  - {name: cooling, after: {silence: 8h}, do: [{notify: rep}]}
  - {name: old, after: {age: 2d}, do: [{raise: priority}]}
slas: {first: {respond_within: 400d, hours: always}}
"""


class Played(Scene):
    """A scene in either CRM."""

    def merge(self, gone: Ref, into: Ref) -> None:
        """Somebody merges them; what HubSpot's feed shows of the one that goes is nothing."""
        before = self.fake.row(gone).modified_at
        self.fake.merge(gone, into)
        if self.fake.name == "hubspot":
            self.fake.row(gone).modified_at = before

    def cycles(self, ref: Ref) -> int:
        [why] = self.house.commands.why(str(ref))
        return int(why["recycling"]["cycles"])

    def reached(self, ref: Ref) -> list[str]:
        events = journal.of_lead(self.house.db, ref)
        return [str(j.detail["level"]) for j in events if j.event == "lead.decayed"]

    def round_trip(self, ref: Ref) -> None:
        """Recycled, and back after a month."""
        self.recycle(ref)
        self.later(days=31)
        assert self.house.state(ref) is LeadState.ASSIGNED


@pytest.fixture(params=["salesforce", "hubspot"])
def scene(request: pytest.FixtureRequest) -> Iterator[Played]:
    clock = ManualClock()
    fake = an_org(clock, request.param)
    fake.groups.create("Later", id={"salesforce": "701", "hubspot": "42"}[fake.name])
    policy = LEVELS.join(POLICY.split("slas: {first: {respond_within: 4h, hours: always}}\n"))
    house = House(None, [fake], clock, policy=policy)
    house.start()
    clock.advance(1)
    yield Played(clock, fake, house)
    house.close()


def test_what_had_come_before_a_merge_does_not_come_again_at_once(scene: Played) -> None:
    """The survivor was never away: its levels begin anew when the merge is seen."""
    one = scene.lead("a@acme.test")
    scene.round_trip(one)
    two = scene.lead("b@beta.test")
    scene.later(days=3)
    assert scene.reached(two) == ["cooling", "old"]
    scene.merge(one, two)
    scene.house.ingests[scene.fake.name].look_again([one])
    scene.later(minutes=5)
    assert scene.house.state(one) is LeadState.GONE
    assert scene.cycles(two) == 1
    assert scene.reached(two) == ["cooling", "old"], "nothing new has happened"
    scene.later(hours=9)
    assert scene.reached(two) == ["cooling", "old", "cooling"], "silent for 8 h since"
    scene.later(days=3)
    assert scene.reached(two) == ["cooling", "old", "cooling", "old"], "once in this cycle"
    scene.later(days=30)
    assert len(scene.reached(two)) == 4


def test_cycles_add_up_however_the_merge_comes_to_light(scene: Played) -> None:
    one, two = scene.lead("a@acme.test"), scene.lead("b@beta.test")
    for ref in (one, two):
        scene.recycle(ref)
    scene.later(days=31)
    scene.merge(two, one)
    scene.later(days=3)
    assert scene.house.state(two) is LeadState.GONE, "read by id when its level came"
    assert scene.cycles(one) == 2
    scene.fake.update(one, status="Later")
    scene.work()
    assert scene.house.reason(one) == "recycled 2 times already: later"


def test_who_is_in_a_round_when_another_is_merged_into_it_stays_in_it(scene: Played) -> None:
    one, two = scene.lead("a@acme.test"), scene.lead("b@beta.test")
    scene.round_trip(one)
    scene.recycle(two)
    scene.merge(one, two)
    scene.house.ingests[scene.fake.name].look_again([one])
    scene.later(minutes=5)
    assert scene.rounds(two)[-1].cycle == scene.cycles(two) == 2
    assert scene.house.state(two) is LeadState.RECYCLED


def test_another_record_of_the_one_that_went_is_the_survivors_and_keeps_its_count(
    scene: Played,
) -> None:
    one, same = scene.lead("a@acme.test"), scene.lead("a@acme.test")
    scene.round_trip(one)
    assert scene.cycles(same) == 1
    other = scene.lead("b@beta.test")
    scene.merge(one, other)
    scene.house.ingests[scene.fake.name].look_again([one])
    scene.later(minutes=5)
    persons = {leads.get_lead(scene.house.db, r).person_id for r in (same, other)}  # type: ignore[union-attr]
    assert len(persons) == 1
    assert scene.cycles(same) == scene.cycles(other) == 1


def test_a_third_record_that_two_are_merged_into_has_the_cycles_of_both(scene: Played) -> None:
    """Those that went were found to be gone before anybody had seen it."""
    one, two = scene.lead("a@acme.test"), scene.lead("b@beta.test")
    for ref in (one, two):
        scene.recycle(ref)
    scene.later(days=31)
    carla = user_id(scene.fake, "carla@example.com")
    third = scene.fake.create_lead({"email": "a@acme.test", "status": "New"}, owner_id=carla)
    for ref in (one, two):
        scene.merge(ref, third)
    scene.house.ingests[scene.fake.name].look_again([one, two])
    assert {scene.house.state(one), scene.house.state(two)} == {LeadState.GONE}
    assert scene.house.state(third) is None
    scene.later(minutes=5)
    assert scene.house.state(third) is not None
    assert scene.cycles(third) == 2

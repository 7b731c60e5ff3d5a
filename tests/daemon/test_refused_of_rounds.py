"""Writes of a second chance that the CRM refused: what becomes of them when the round is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from daemon.house import House, an_org, owner_email, user_id
from daemon.test_recycling import POLICY, Scene

from fairlead.core.types import LeadState, Ref
from fairlead.store import journal
from fairlead.testing.clock import ManualClock

LISTS = {"salesforce": "701000000000001AAA", "hubspot": "42"}


class Played(Scene):
    """A scene in either CRM."""

    @property
    def list(self) -> str:
        return LISTS[self.fake.name]

    def inside(self, ref: Ref) -> bool:
        return self.fake.groups.has(ref, self.list)

    def refused_and_recycled(self) -> Ref:
        """A lead whose round begins with refusals: the queue, the status and the list."""
        ref = self.lead()
        self.fake.faults.refuse(ref)
        self.recycle(ref)
        assert self.stages() == {"deliver", "deliver field status", f"deliver group {self.list}"}
        return ref

    def stages(self) -> set[str]:
        return {d["stage"] for d in self.house.commands.dead_letters()}

    def overtaken(self, ref: Ref) -> list[str]:
        return [
            str(j.detail["reason"])
            for j in journal.of_lead(self.house.db, ref)
            if j.event == "dead_letter.overtaken"
        ]


@pytest.fixture(params=["salesforce", "hubspot"])
def scene(request: pytest.FixtureRequest) -> Iterator[Played]:
    clock = ManualClock()
    fake = an_org(clock, request.param)
    fake.groups.create("Later", id=LISTS[fake.name])
    house = House(None, [fake], clock, policy=POLICY)
    house.start()
    clock.advance(1)
    yield Played(clock, fake, house)
    house.close()


def test_what_began_a_round_is_not_tried_again_once_it_is_over(scene: Played) -> None:
    ref = scene.refused_and_recycled()
    scene.fake.person_sets_owner(ref, user_id(scene.fake, "carla@example.com"))
    scene.fake.faults.clear()
    scene.later(minutes=1)
    assert scene.house.state(ref) is LeadState.ASSIGNED
    assert scene.house.commands.dead_letters() == []
    assert scene.overtaken(ref) == ["its round is over"] * 3
    closed = scene.house.commands.dead_letters(include_closed=True)
    assert {d["state"] for d in closed} == {"overtaken"}
    assert scene.house.commands.retry(None) == {"retried": 0, "overtaken": []}
    scene.later(minutes=1)
    assert not scene.inside(ref)
    assert scene.fake.row(ref).fields["status"] == "Later", "nothing of ours to set back"
    assert owner_email(scene.fake, ref) == "carla@example.com"


def test_what_was_under_way_when_its_round_ended_is_no_dead_letter(scene: Played) -> None:
    """The list takes no more writes at the very moment in which somebody takes the lead out."""
    ref = scene.lead()
    done = []
    groups, there = scene.fake.groups, dict(scene.fake.groups.names)

    def hook(call: str) -> None:
        if call == "write.members:before" and not done:
            done.append(call)
            scene.clock.advance(1)
            scene.fake.person_sets_owner(ref, user_id(scene.fake, "carla@example.com"))
            scene.house.poll()
            groups.names = {}
        elif call == "write.members:after":
            groups.names = there

    scene.fake.on_call = hook
    scene.clock.advance(60)
    scene.fake.update(ref, status="Later")
    scene.work()
    assert done
    assert scene.stages() == set()
    refused = [j for j in journal.of_lead(scene.house.db, ref) if j.event == "effect.refused"]
    assert [str(j.detail["reason"]).split("; ")[-1] for j in refused] == [
        "not needed any more: its round is over"
    ]
    scene.later(minutes=5)
    assert not scene.inside(ref)


def test_who_could_not_leave_the_list_and_is_recycled_again_stays_in_it(scene: Played) -> None:
    ref = scene.lead()
    scene.recycle(ref)
    assert scene.inside(ref)
    scene.fake.person_sets_owner(ref, user_id(scene.fake, "carla@example.com"))
    scene.clock.advance(60)
    scene.house.poll()
    scene.fake.faults.refuse(ref)
    scene.work()
    scene.fake.faults.clear()
    assert f"deliver group {scene.list}" in scene.stages()
    scene.fake.update(ref, status="Working")
    scene.later(minutes=1)
    scene.recycle(ref)
    assert scene.stages() == set()
    assert "a later write took its place" in scene.overtaken(ref)
    scene.house.commands.retry(None)
    scene.later(minutes=1)
    assert scene.inside(ref)


def test_a_lead_that_could_not_leave_the_list_waits_for_a_person_whoever_gets_it(
    scene: Played,
) -> None:
    ref = scene.lead()
    scene.recycle(ref)
    scene.clock.advance(timedelta(days=31))
    for _ in range(2):
        scene.house.poll()
        scene.house.sweep()
    name, scene.fake.groups.names = scene.fake.groups.names, {}
    scene.work()
    scene.fake.groups.names = name
    assert scene.house.state(ref) is LeadState.ASSIGNED
    assert scene.stages() == {f"deliver group {scene.list}"}
    args = {"lead": str(ref), "to": "carla@example.com", "reason": "a test"}
    scene.house.orders.override(args)
    scene.later(minutes=1)
    assert scene.inside(ref)
    assert scene.stages() == {f"deliver group {scene.list}"}, "it is in the list still"
    scene.house.commands.retry(None)
    scene.later(minutes=1)
    assert not scene.inside(ref)
    assert scene.stages() == set()


def test_a_refused_queue_is_tried_again_and_the_lead_stays_recycled(scene: Played) -> None:
    ref = scene.refused_and_recycled()
    before = owner_email(scene.fake, ref)
    scene.fake.faults.clear()
    assert scene.house.commands.retry(None) == {"retried": 3, "overtaken": []}
    scene.later(minutes=1)
    assert scene.house.state(ref) is LeadState.RECYCLED
    assert scene.inside(ref)
    assert scene.fake.row(ref).fields["status"] == "Nurture"
    assert (before, owner_email(scene.fake, ref)) == (before, None), "the queue has it"
    assert before is not None
    assert scene.stages() == set()


def test_one_from_before_is_told_to_whoever_retries_it(scene: Played) -> None:
    """A state from before such dead letters were closed by themselves."""
    ref = scene.refused_and_recycled()
    scene.fake.person_sets_owner(ref, user_id(scene.fake, "carla@example.com"))
    scene.fake.faults.clear()
    scene.later(minutes=1)
    scene.house.db.execute("UPDATE dead_letters SET state = 'open', closed_at = NULL")
    number = next(d["id"] for d in scene.house.commands.dead_letters() if "group" in d["stage"])
    told = scene.house.commands.retry(number)
    assert told == {
        "retried": 0,
        "overtaken": [{"id": number, "lead": str(ref), "reason": "its round is over"}],
    }
    scene.later(minutes=1)
    assert not scene.inside(ref)

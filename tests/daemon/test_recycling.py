"""Second chances in a running house: what people, tools, merges and edits do to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from daemon.house import House, an_org, owner_email, the_policy, user_id

from fairlead.core.activity import ActivityKind
from fairlead.core.types import Kind, LeadState, Ref
from fairlead.reports.human import human_dead_letters, human_why
from fairlead.reports.recycling import human_recycling
from fairlead.store import decisions, journal, leads, outbox, recyclings
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

POLICY = """\
version: 1
sources:
  sf: {crm: salesforce}
  hs: {crm: hubspot, object: contacts}
reps:
  anna@example.com: {}
  ben@example.com: {}
  carla@example.com: {}
teams:
  inbound: {members: [anna@example.com, ben@example.com, carla@example.com]}
slas: {first: {respond_within: 4h, hours: always}}
recycling:
  max_cycles: 2
  cool_down: 2d
  contact_cap: {at_most: 3, within: 10d}
  disqualified: [{reason: spam, when: status == "Spam"}]
  tracks:
    later:
      when: status == "Later"
      set: {salesforce: {status: Nurture}, hubspot: {status: Nurture}}
      set_back: {salesforce: {status: Open}, hubspot: {status: Open}}
      join: {salesforce: "701000000000001AAA", hubspot: "42"}
      owner: {queue: Inbound}
      after: 30d
      reenter_when: rating == "Hot"
rules: [{name: All, to: {team: inbound}, sla: first}]
otherwise: {to: {team: inbound}}
"""
GROUP = "701000000000001AAA"
SIGNALLED = POLICY.replace('rating == "Hot"', "score >= 50").replace(
    "slas:",
    "fields: {last_visit: {type: instant, salesforce: Last_Visit__c}}\n"
    "signals: {visited: {at: last_visit}}\n"
    "scoring: {groups: {did: {points: [{when: 'signal(\"visited\")', points: 50}]}}}\n"
    "slas:",
)


@dataclass
class Scene:
    clock: ManualClock
    fake: FakeCrm
    house: House

    def lead(self, email: str = "x@acme.test", **more: str) -> Ref:
        ref = self.fake.create_lead(email=email, status="New", **more)
        self.work()
        return ref

    def work(self) -> None:
        for _ in range(2):
            self.house.poll()
            self.house.sweep()
            self.house.deliver()

    def later(self, **time: int) -> None:
        self.clock.advance(timedelta(**time))
        self.work()

    def recycle(self, ref: Ref) -> None:
        self.clock.advance(60)
        self.fake.update(ref, status="Later", rating="Cold")
        self.work()
        assert self.house.state(ref) is LeadState.RECYCLED

    def members(self) -> set[Ref]:
        return set(self.fake.groups.members(GROUP))

    def rounds(self, ref: Ref) -> list[recyclings.Round]:
        return recyclings.of_lead(self.house.db, ref)


@pytest.fixture
def scene() -> Iterator[Scene]:
    clock = ManualClock()
    fake = an_org(clock)
    fake.groups.create("Later", id=GROUP)
    house = House(None, [fake], clock, policy=POLICY)
    house.start()
    clock.advance(1)
    yield Scene(clock, fake, house)
    house.close()


def test_the_turn_and_the_decision_of_a_return_can_be_taken_again(scene: Scene) -> None:
    ref = scene.lead()
    first = owner_email(scene.fake, ref)
    scene.recycle(ref)
    scene.later(days=31)
    row = leads.get_lead(scene.house.db, ref)
    assert row is not None
    assert row.decision_id is not None
    assert owner_email(scene.fake, ref) not in (first, None)
    kept = decisions.get_decision(scene.house.db, row.decision_id)
    assert kept is not None
    assert kept.generation == 2
    told = scene.house.commands.routes()["replay"]({"decision": row.decision_id})
    assert told["equal"]
    [why] = scene.house.commands.why(str(ref))
    assert why["recycling"]["cycles"] == 1
    moved = [line for line in human_why([why]) if "its owner was changed" in line]
    assert len(moved) == 1, "to the queue, by us: nobody of theirs is named for it"
    assert any("back from recycling later" in line for line in why["decision"]["text"])


def test_a_person_who_takes_it_out_while_its_queue_is_written_wins(scene: Scene) -> None:
    ref = scene.lead()
    scene.house.allow(False)
    scene.recycle(ref)
    scene.fake.person_sets_owner(ref, user_id(scene.fake, "carla@example.com"))
    scene.house.allow(True)
    scene.later(minutes=5)
    assert scene.house.state(ref) is LeadState.ASSIGNED
    assert owner_email(scene.fake, ref) == "carla@example.com"
    assert scene.members() == set()
    scene.later(days=60)
    assert owner_email(scene.fake, ref) == "carla@example.com"
    assert [r.how for r in scene.rounds(ref)] != [""]


def test_a_person_between_our_guard_and_our_queue_wins_too(scene: Scene) -> None:
    ref = scene.lead()
    carla = user_id(scene.fake, "carla@example.com")
    done = []

    def hook(call: str) -> None:
        if call == "write.owners:before" and not done:
            done.append(call)
            scene.fake.person_sets_owner(ref, carla)

    scene.clock.advance(60)
    scene.fake.update(ref, status="Later")
    scene.fake.on_call = hook
    scene.work()
    scene.later(minutes=10)
    assert done
    assert scene.fake.owner_of(ref) == carla
    assert scene.house.state(ref) is LeadState.ASSIGNED
    assert scene.members() == set()


def test_a_queue_that_the_crm_refuses_leaves_the_lead_recycled(scene: Scene) -> None:
    ref = scene.lead()
    queue = scene.fake.rows(Kind.QUEUE)[0].ref.id
    scene.fake.faults.bad_owners.add(queue)
    scene.recycle(ref)
    scene.later(minutes=10)
    assert scene.house.state(ref) is LeadState.RECYCLED
    assert owner_email(scene.fake, ref) is not None
    scene.later(days=31)
    assert scene.house.state(ref) is LeadState.ASSIGNED


def test_somebodys_own_status_is_not_set_back(scene: Scene) -> None:
    ref = scene.lead()
    scene.recycle(ref)
    assert scene.fake.row(ref).fields["status"] == "Nurture"
    scene.fake.update(ref, status="Customer")
    scene.later(days=31)
    assert scene.house.state(ref) is LeadState.ASSIGNED
    assert scene.fake.row(ref).fields["status"] == "Customer"


def test_our_own_status_is_no_answer_of_the_next_owner(scene: Scene) -> None:
    ref = scene.lead()
    scene.recycle(ref)
    scene.later(days=31)
    assert scene.fake.row(ref).fields["status"] == "Open"
    [clock] = scene.house.commands.why(str(ref))[0]["clocks"][-1:]
    assert clock["state"] == "running"
    scene.later(minutes=5)
    scene.fake.update(ref, status="Contacted")
    scene.work()
    [clock] = scene.house.commands.why(str(ref))[0]["clocks"][-1:]
    assert clock["state"] == "answered"


def test_a_person_who_moves_it_to_what_we_set_back_has_answered(scene: Scene) -> None:
    """Between two looks: it shows again what it showed when the clock began."""
    ref = scene.lead()
    scene.recycle(ref)
    scene.clock.advance(timedelta(days=31))
    scene.house.poll()
    scene.house.sweep()
    scene.house.deliver()
    assert scene.fake.row(ref).fields["status"] == "Open"
    scene.clock.advance(timedelta(minutes=5))
    scene.fake.update(ref, status="Nurture")
    scene.work()
    [clock] = scene.house.commands.why(str(ref))[0]["clocks"][-1:]
    assert clock["state"] == "answered"


def test_a_converted_or_deleted_lead_ends_its_round(scene: Scene) -> None:
    one, two = scene.lead("a@acme.test"), scene.lead("b@beta.test")
    scene.recycle(one)
    scene.recycle(two)
    scene.fake.convert(one)
    scene.fake.delete(two)
    scene.later(minutes=5)
    assert {scene.house.state(one), scene.house.state(two)} == {LeadState.GONE}
    assert not recyclings.all_open(scene.house.db, recyclings.RECYCLED, 10)
    scene.later(days=60)
    assert outbox.open_rows(scene.house.db) == []


def test_cycles_of_merged_persons_add_up(scene: Scene) -> None:
    one, two = scene.lead("a@acme.test"), scene.lead("b@beta.test")
    for ref in (one, two):
        scene.recycle(ref)
    scene.later(days=31)
    assert scene.house.state(one) is scene.house.state(two) is LeadState.ASSIGNED
    scene.fake.merge(two, one)
    scene.later(minutes=5)
    scene.fake.update(one, status="Later")
    scene.work()
    assert scene.house.state(one) is LeadState.TERMINAL
    assert scene.house.reason(one) == "recycled 2 times already: later"


def test_the_survivor_of_a_merge_leaves_the_list_of_a_recycled_one(scene: Scene) -> None:
    one, two = scene.lead("a@acme.test"), scene.lead("b@beta.test")
    scene.recycle(two)
    scene.fake.groups.add(one, GROUP)
    scene.fake.merge(two, one)
    scene.later(minutes=5)
    assert scene.house.state(one) is LeadState.ASSIGNED
    assert one not in scene.members()


def test_two_records_of_a_person_go_round_together_as_one_cycle(scene: Scene) -> None:
    one = scene.lead("a@acme.test")
    two = scene.lead("a@acme.test")
    scene.recycle(one)
    scene.recycle(two)
    assert [r.cycle for r in (*scene.rounds(one), *scene.rounds(two))] == [1, 1]
    scene.later(days=31)
    assert scene.house.state(one) is scene.house.state(two) is LeadState.ASSIGNED
    scene.recycle(one)
    assert scene.rounds(one)[-1].cycle == 2


def test_a_track_that_the_policy_has_no_longer_leaves_its_leads_their_date(scene: Scene) -> None:
    ref = scene.lead()
    scene.recycle(ref)
    due = scene.rounds(ref)[-1].due_at
    scene.house.policy = POLICY.replace("    later:", "    other:").replace('"Later"', '"Other"')
    scene.house.restart()
    scene.later(days=10)
    assert scene.house.state(ref) is LeadState.RECYCLED
    assert scene.rounds(ref)[-1].due_at == due
    told = scene.house.commands.routes()["recycling"]({})
    assert told["tracks_gone"] == {"later": 1}
    scene.later(days=21)
    assert scene.house.state(ref) is LeadState.ASSIGNED
    assert scene.members() == set()


def test_a_policy_that_waits_longer_moves_the_date_at_once(scene: Scene) -> None:
    ref = scene.lead()
    scene.recycle(ref)
    scene.house.policy = POLICY.replace("after: 30d", "after: 90d")
    scene.house.restart()
    scene.later(days=31)
    assert scene.house.state(ref) is LeadState.RECYCLED
    scene.later(days=60)
    assert scene.house.state(ref) is LeadState.ASSIGNED


def test_without_recycling_in_the_policy_leads_keep_their_date(scene: Scene) -> None:
    ref = scene.lead()
    scene.recycle(ref)
    before, _, rest = POLICY.partition("recycling:")
    scene.house.policy = before + "rules:" + rest.partition("rules:")[2]
    scene.house.restart()
    scene.later(days=5)
    assert scene.house.state(ref) is LeadState.RECYCLED
    scene.later(days=26)
    assert scene.house.state(ref) is LeadState.ASSIGNED


def test_a_record_that_cannot_be_read_stays_recycled_until_it_can(scene: Scene) -> None:
    ref = scene.lead()
    scene.recycle(ref)
    scene.fake.corrupt(ref)
    scene.later(days=31)
    assert scene.house.state(ref) is LeadState.RECYCLED
    assert scene.rounds(ref)[-1].waits == "the record cannot be read"
    scene.fake.mend(ref)
    scene.later(hours=2)
    assert scene.house.state(ref) is LeadState.ASSIGNED


def test_a_reason_that_still_holds_does_not_recycle_at_once_again(scene: Scene) -> None:
    scene.house.policy = POLICY.replace("      set: ", "      # set: ").replace(
        "      set_back: ", "      # set_back: "
    )
    scene.house.restart()
    ref = scene.lead()
    scene.recycle(ref)
    scene.later(days=31)
    assert scene.house.state(ref) is LeadState.ASSIGNED
    scene.fake.update(ref, rating="Warm")
    scene.later(minutes=1)
    assert scene.house.state(ref) is LeadState.ASSIGNED
    scene.fake.update(ref, status="Working")
    scene.later(minutes=1)
    scene.recycle(ref)
    assert scene.rounds(ref)[-1].cycle == 2


def test_who_recycles_it_again_before_a_poll_has_seen_it_open_is_heard(scene: Scene) -> None:
    ref = scene.lead()
    scene.recycle(ref)
    scene.clock.advance(timedelta(days=31))
    scene.house.sweep()
    scene.house.deliver()
    assert scene.fake.row(ref).fields["status"] == "Open"
    scene.later(seconds=30)
    scene.house.sweep()
    scene.clock.advance(timedelta(days=3))
    scene.fake.update(ref, status="Later")
    scene.work()
    assert scene.rounds(ref)[-1].cycle == 2


def test_recycled_leads_are_no_load_and_are_not_taken_along_by_reassign(scene: Scene) -> None:
    ref = scene.lead()
    first = owner_email(scene.fake, ref)
    assert first is not None
    scene.recycle(ref)
    owner = user_id(scene.fake, first)
    assert leads.open_of_owner(scene.house.db, "salesforce", owner) == []


def test_numbers_of_rounds_are_published(scene: Scene) -> None:
    ref = scene.lead()
    scene.recycle(ref)
    scene.later(days=31)
    scene.fake.update(ref, status="Spam")
    scene.later(minutes=1)
    body = scene.house.metrics.render()[0].decode()
    assert 'fairlead_leads_recycled_total{reason="later"} 1.0' in body
    assert 'fairlead_leads_returned_total{reason="later"} 1.0' in body
    assert 'fairlead_leads_terminal_total{reason="spam"} 1.0' in body
    events = [j.event for j in journal.of_lead(scene.house.db, ref)]
    assert events.count("lead.recycled") == events.count("lead.returned") == 1


def test_where_a_crm_has_no_such_queue_the_owner_is_left_and_somebody_else_gets_it(
    scene: Scene,
) -> None:
    scene.house.policy = POLICY.replace("owner: {queue: Inbound}", "owner: {queue: Elsewhere}")
    scene.house.restart()
    ref = scene.lead()
    first = owner_email(scene.fake, ref)
    scene.recycle(ref)
    assert owner_email(scene.fake, ref) == first
    scene.later(days=31)
    assert owner_email(scene.fake, ref) not in (first, None)


def test_news_of_a_person_has_their_leads_looked_at_but_not_before_the_cool_down(
    scene: Scene,
) -> None:
    ref = scene.lead()
    scene.recycle(ref)
    [round_] = scene.rounds(ref)
    db = scene.house.db
    recyclings.wake(db, round_.person_id, scene.clock.now())
    assert recyclings.open_of(db, ref) is not None
    assert scene.rounds(ref)[-1].look_at == round_.cool_until
    scene.later(days=3)
    assert scene.rounds(ref)[-1].look_at == round_.due_at
    now = scene.clock.now()
    recyclings.wake(db, round_.person_id, now)
    assert recyclings.due(db, "salesforce", now, 10) == [ref]
    scene.later(minutes=1)
    assert scene.house.state(ref) is LeadState.RECYCLED


def test_what_is_done_with_a_record_of_the_same_person_counts_as_contact(scene: Scene) -> None:
    one = scene.lead("a@acme.test")
    two = scene.lead("a@acme.test")
    scene.recycle(one)
    scene.later(days=28)
    for kind in ("call", "email", "message"):
        scene.fake.activities.log(two, ActivityKind(kind))
    scene.fake.activities.log(one, ActivityKind.EMAIL, incoming=True)
    scene.later(days=3)
    assert scene.rounds(one)[-1].waits == "the contact cap is reached"
    scene.later(days=8)
    assert scene.house.state(one) is LeadState.ASSIGNED


def test_points_for_what_a_lead_did_before_bring_nothing_back(scene: Scene) -> None:
    scene.house.policy = SIGNALLED
    scene.house.restart()
    ref = scene.lead(Last_Visit__c=scene.clock.now().isoformat())
    scene.recycle(ref)
    scene.later(days=10)
    assert scene.house.state(ref) is LeadState.RECYCLED
    scene.fake.update(ref, Last_Visit__c=scene.clock.now().isoformat())
    scene.later(minutes=1)
    assert scene.house.state(ref) is LeadState.ASSIGNED


def test_a_signal_brings_a_lead_back_and_an_older_one_does_not(scene: Scene) -> None:
    scene.house.policy = SIGNALLED.replace("score >= 50", 'signal("visited")')
    scene.house.restart()
    ref = scene.lead(Last_Visit__c=scene.clock.now().isoformat())
    scene.recycle(ref)
    scene.later(days=10)
    assert scene.house.state(ref) is LeadState.RECYCLED
    scene.fake.update(ref, Last_Visit__c=scene.clock.now().isoformat())
    scene.later(minutes=1)
    assert scene.house.state(ref) is LeadState.ASSIGNED
    last = list(scene.fake.tasks.values())[-1]
    assert "signal visited" in last.body


# -- a campaign or list that refuses ---------------------------------------------------------


def told(scene: Scene, ref: Ref) -> str:
    """What `why` says of the lead's round."""
    [why] = scene.house.commands.why(str(ref))
    return "\n".join(human_why([why]))


def listed(scene: Scene) -> str:
    """What `fairlead recycling` says."""
    return "\n".join(human_recycling(scene.house.commands.routes()["recycling"]({})))


def test_a_list_is_told_as_joined_once_the_crm_has_taken_the_lead(scene: Scene) -> None:
    ref = scene.lead()
    scene.house.allow(False)
    scene.recycle(ref)
    for text in (told(scene, ref), listed(scene)):
        assert f"is being put into campaign or list {GROUP}" in text
    scene.house.allow(True)
    scene.later(minutes=5)
    for text in (told(scene, ref), listed(scene)):
        assert f"was put into campaign or list {GROUP}" in text


def test_a_list_that_is_gone_is_told_with_why_and_what_to_do(scene: Scene) -> None:
    ref = scene.lead()
    scene.fake.groups.delete(GROUP)
    scene.recycle(ref)
    [letter] = journal.dead_letters(scene.house.db)
    for text in (told(scene, ref), listed(scene)):
        assert f"is NOT in campaign or list {GROUP}: there is no group {GROUP}" in text
        assert f"fairlead dead-letters retry {letter.id}" in text
        assert "was put into" not in text
    assert f"JOIN REFUSED: 1 lead of salesforce could not be put into campaign or list {GROUP}" in (
        listed(scene)
    )
    scene.fake.groups.create("Later", id=GROUP)
    scene.house.commands.retry(letter.id)
    scene.later(minutes=5)
    assert scene.members() == {ref}
    assert "was put into" in told(scene, ref)
    assert "JOIN REFUSED" not in listed(scene)


def test_whom_a_list_refused_leaves_none_and_is_no_dead_letter_when_it_is_back(
    scene: Scene,
) -> None:
    ref = scene.lead()
    scene.fake.groups.delete(GROUP)
    scene.recycle(ref)
    scene.later(days=31)
    assert scene.house.state(ref) is LeadState.ASSIGNED
    assert journal.dead_letters(scene.house.db) == []
    assert [o for o in outbox.of_lead(scene.house.db, ref) if o.kind.value == "set_member"][
        1:
    ] == []


def test_a_dead_letter_is_listed_with_what_to_do(scene: Scene) -> None:
    ref = scene.lead()
    scene.fake.groups.delete(GROUP)
    scene.recycle(ref)
    *_, last = human_dead_letters(scene.house.commands.routes()["dead-letters"]({}))
    [letter] = journal.dead_letters(scene.house.db)
    assert f"fairlead dead-letters retry {letter.id}" in last


def test_whom_a_person_gave_it_to_is_told_by_name_and_not_as_our_decision(scene: Scene) -> None:
    ref = scene.lead()
    before = owner_email(scene.fake, ref)
    assert "its owner was changed since" not in told(scene, ref)
    other = "carla@example.com" if before != "carla@example.com" else "ben@example.com"
    scene.fake.person_sets_owner(ref, user_id(scene.fake, other))
    scene.later(minutes=1)
    text = told(scene, ref)
    assert f"its owner was changed since), owner {other}" in text.splitlines()[0]
    assert f"its owner was changed: {other}" in text


def test_an_owner_that_is_not_written_yet_is_not_told_as_if_it_were(scene: Scene) -> None:
    scene.house.allow(False)
    ref = scene.lead()
    assert "not written to the CRM yet), owner " in told(scene, ref).splitlines()[0]
    scene.house.allow(True)
    scene.later(minutes=5)
    assert "not written" not in told(scene, ref)


def test_a_given_up_join_is_told_as_one(scene: Scene) -> None:
    ref = scene.lead()
    scene.fake.groups.delete(GROUP)
    scene.recycle(ref)
    [letter] = journal.dead_letters(scene.house.db)
    scene.house.commands.drop(letter.id)
    assert "a person gave that write up" in told(scene, ref)


def test_another_list_in_the_policy_takes_whom_the_first_refused(scene: Scene) -> None:
    ref = scene.lead()
    scene.fake.groups.delete(GROUP)
    scene.recycle(ref)
    other = "701000000000002AAA"
    scene.fake.groups.create("Later still", id=other)
    scene.house.policy = POLICY.replace(GROUP, other)
    scene.house.in_force.swap(the_policy(scene.house.policy))
    scene.lead("somebody@else.test")
    while scene.house.in_force.router.plan_more(scene.clock.now()):
        pass
    scene.later(minutes=5)
    assert list(scene.fake.groups.members(other)) == [ref]
    assert journal.dead_letters(scene.house.db) == []
    assert f"was put into campaign or list {other}" in told(scene, ref)
    scene.later(days=31)
    assert list(scene.fake.groups.members(other)) == []

"""Laws of second chances over random histories with crashes, people and time."""

from __future__ import annotations

from datetime import timedelta

from daemon.house import House, an_org, user_id
from daemon.test_recycling import GROUP, POLICY
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.core.activity import ActivityKind
from fairlead.core.recycling import capped_until, contacts
from fairlead.core.recycling_terms import ContactCap
from fairlead.core.types import LeadState, Ref
from fairlead.store import journal, leads, outbox, recyclings
from fairlead.testing.clock import ManualClock

PEOPLE = ("anna@example.com", "ben@example.com", "carla@example.com")
CAP = ContactCap(3, timedelta(days=10))
ACTIONS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from((1, 24, 49, 24 * 11, 24 * 31))),
    st.tuples(st.just("status"), st.sampled_from(("Later", "Later", "Working", "Spam"))),
    st.tuples(st.just("rating"), st.sampled_from(("Hot", "Cold"))),
    st.tuples(st.just("contact"), st.sampled_from(("call", "email", "meeting", "message"))),
    st.tuples(st.just("given"), st.sampled_from(PEOPLE)),
    st.tuples(st.just("dies"), st.integers(0, 6)),
)


class Died(BaseException):
    """The process is killed here."""


class World:
    """A house whose process can die at any commit."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.fake = an_org(self.clock)
        self.fake.groups.create("Later", id=GROUP)
        self.house = House(None, [self.fake], self.clock, policy=POLICY)
        self.house.start()
        self.clock.advance(1)
        self.dies_in: int | None = None
        self.house.on_commit = self._commit
        self.most = 0
        self.ref: Ref = self.fake.create_lead(email="x@acme.test", status="New")
        self.work()

    def _commit(self, _when: str) -> None:
        if self.dies_in is not None:
            self.dies_in -= 1
            if self.dies_in < 0:
                self.dies_in = None
                raise Died

    def work(self) -> None:
        """A round of the daemon; one that dies begins again with what was committed."""
        for _ in range(2):
            while True:
                try:
                    self.house.poll()
                    self.house.sweep()
                    self.house.deliver()
                    break
                except Died:
                    self.house.restart()
        kept = len(recyclings.of_lead(self.house.db, self.ref))
        assert kept >= self.most, "a count was lost"
        self.most = kept

    def do(self, what: str, value: object) -> None:
        if what == "wait":
            assert isinstance(value, int)
            self.clock.advance(timedelta(hours=value))
        elif what == "dies":
            assert isinstance(value, int)
            self.dies_in = value
        elif what == "contact":
            self.fake.activities.log(self.ref, ActivityKind(str(value)))
        elif what == "given":
            self.fake.person_sets_owner(self.ref, user_id(self.fake, str(value)))
        else:
            self.fake.update(self.ref, **{what: value})
        self.clock.advance(1)
        self.work()

    def settle(self) -> None:
        self.dies_in = None
        for _ in range(4):
            self.clock.advance(timedelta(minutes=3))
            self.work()


@settings(max_examples=60)
@given(st.lists(ACTIONS, min_size=4, max_size=18))
def test_no_lead_goes_round_too_often_or_comes_back_early_or_twice(
    actions: list[tuple[str, object]],
) -> None:
    world = World()
    try:
        for what, value in actions:
            world.do(what, value)
        world.settle()
        db, ref = world.house.db, world.ref
        rounds = recyclings.of_lead(db, ref)
        went = [r for r in rounds if r.kind == recyclings.RECYCLED]
        assert [r.cycle for r in went] == list(range(1, len(went) + 1))
        assert len(went) <= 2, "more cycles than the policy has"
        back = [
            j.at for j in journal.of_lead(db, ref)
            if j.event == "lead.ordered" and j.detail["kind"] == "recycle"
        ]  # fmt: skip
        assert len(set(back)) == len(back), "came back twice"
        done = world.fake.activities.of(ref, world.clock.now() - timedelta(days=4000))
        for at in back:
            [of] = [r for r in went if r.ended_at == at]
            assert at >= (of.cool_until or at), "before its cool-down"
            assert of.cool_until is not None
            known = [a for a in done if a.at <= at]
            assert capped_until(CAP, contacts(known, at), at) is None, "over the contact cap"
        row = leads.get_lead(db, ref)
        assert row is not None
        inside = ref in world.fake.groups.members(GROUP)
        assert inside is (row.state is LeadState.RECYCLED), "joined while recycled, and only then"
        ended = [r for r in rounds if r.ended_at is None]
        out = row.state in (LeadState.RECYCLED, LeadState.TERMINAL)
        assert len(ended) == int(out)
        assert outbox.open_rows(db) == [], "every effect reaches the CRM"
    finally:
        world.house.on_commit = lambda _: None
        world.house.close()

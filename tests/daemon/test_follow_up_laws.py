"""Laws of follow-ups over random histories: once, in working time, one open at a time."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from daemon.house import user_id
from daemon.test_clock_laws import Died, World
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.core.activity import ActivityKind
from fairlead.core.durations import parse_duration
from fairlead.core.effects import effect_key
from fairlead.core.types import Actor
from fairlead.core.worktime import Calendar, is_open
from fairlead.store import cadences, journal, outbox
from fairlead.store.cadences import CadenceRow
from fairlead.testing.fake_crm import FakeTask

POLICY = """\
version: 1
sources: {sf: {crm: salesforce}}
calendars:
  berlin: {timezone: Europe/Berlin, hours: {mon-fri: ["09:00-12:30", "13:30-18:00"]}}
closed_when: status == "Closed"
reps: {anna@example.com: {calendar: berlin}, ben@example.com: {calendar: berlin}}
teams: {inbound: {members: [anna@example.com, ben@example.com]}}
cadences: {standard: [2h, 1d, 3d, 4d]}
slas:
  hot: {respond_within: 4h, when: source == "Web", on_breach: [{after: 1h, reassign: next}]}
rules: [{name: Everybody, to: {team: inbound}, cadence: standard}]
otherwise: {to: {team: inbound}}
"""
_DAY = ((540, 750), (810, 1080))
BERLIN = Calendar("berlin", "Europe/Berlin", (_DAY,) * 5 + ((), ()))
WAITS = ("1m", "1h", "3h", "9h", "1d", "3d", "16d")
ACTIONS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from(WAITS)),
    st.tuples(st.just("off"), st.sampled_from(WAITS)),
    st.tuples(st.just("lead"), st.sampled_from(("Web", "Fair"))),
    st.tuples(st.just("done"), st.just("")),
    st.tuples(st.just("call"), st.just("")),
    st.tuples(st.just("buyer"), st.just("")),
    st.tuples(st.just("status"), st.sampled_from(("Contacted", "Closed"))),
    st.tuples(st.just("given"), st.sampled_from(("anna@example.com", "ben@example.com"))),
    st.tuples(st.just("dies"), st.sampled_from("012345")),
)


class Followed(World):
    """The world of the clocks' laws, with follow-ups; `history` is what each act left open."""

    def settle_held(self) -> None:
        while True:
            try:
                for ingest in self.house.ingests.values():
                    ingest.release_held()
                return
            except Died:
                self.house.restart()

    def act(self, what: str, value: str) -> None:
        fake = self.fake
        if what in ("wait", "off"):
            length = parse_duration(value)
            steps = 1 if what == "off" else 8
            for _ in range(steps):
                self.pass_time(length / steps)
                self.settle_held()
                self.work()
                self.one_open()
            return
        if what == "dies":
            self.dies_in = int(value)
        elif what == "lead":
            n = len(self.refs)
            found = fake.create_lead(
                email=f"x{n}@acme{n}.test", status="New", source=value, country="DE"
            )
            self.refs.append(found)
        elif self.refs and what == "done":
            for marker in [t.marker for t in self.follow_ups() if t.open]:
                fake.close_task(marker)
        elif self.refs and what == "call":
            fake.activities.log(self.refs[-1], ActivityKind.CALL)
        elif self.refs and what == "buyer":
            fake.activities.log(
                self.refs[-1], ActivityKind.EMAIL, actor=Actor.UNKNOWN, incoming=True
            )
        elif self.refs and what == "status":
            fake.update(self.refs[-1], status=value)
        elif self.refs and what == "given":
            fake.person_sets_owner(self.refs[-1], user_id(fake, value))
        self.work()
        self.one_open()

    def follow_ups(self) -> list[FakeTask]:
        keys = {
            f"fl-{o.key}"
            for ref in self.refs
            for o in outbox.of_lead(self.house.db, ref)
            if getattr(o.effect, "role", "") == "cadence"
        }
        return [t for m, t in self.fake.tasks.items() if m in keys]

    def one_open(self) -> None:
        """Of one cadence no two tasks are open."""
        for ref in self.refs:
            for row in cadences.of_lead(self.house.db, ref):
                told = [
                    j
                    for j in journal.of_lead(self.house.db, ref)
                    if j.event in ("cadence.task", "cadence.done", "cadence.missed")
                    and j.detail["follow_up"] == row.id
                ]
                made = 0
                for j in told:
                    made += 1 if j.event == "cadence.task" else -1
                    assert made in (0, 1)
                keys = {_key(row, generation, n) for generation in range(9) for n in range(1, 6)}
                mine = [t for t in self.follow_ups() if t.marker.removeprefix("fl-") in keys]
                assert sum(t.open for t in mine) <= 1


def _key(row: CadenceRow, generation: int, number: int) -> str:
    return effect_key(row.person_id, generation, row.ref, f"follow-up {row.id}", number)


@settings(max_examples=40)
@given(st.lists(ACTIONS, min_size=4, max_size=16))
def test_follow_ups_come_once_in_working_time_and_never_two_at_once(
    actions: list[tuple[str, str]],
) -> None:
    world = Followed(POLICY)
    try:
        world.act("lead", "Fair")
        for what, value in actions:
            world.act(what, value)
        world.dies_in = None
        world.act("wait", "1h")
        db, now = world.house.db, world.ours.now()
        for ref in world.refs:
            told = [j for j in journal.of_lead(db, ref) if j.event == "cadence.task"]
            times = Counter((j.detail["follow_up"], j.detail["step"]) for j in told)
            assert set(times.values()) <= {1}, "made twice"
            assert all(is_open(BERLIN, j.at) for j in told), "outside working time"
            for row in cadences.of_lead(db, ref):
                steps = [j.detail["step"] for j in told if j.detail["follow_up"] == row.id]
                assert steps == list(range(1, row.made + 1)), "in order, none left out"
                if row.ended_at is None and row.since is not None:
                    assert row.look_at is not None, "forgotten"
                    assert row.look_at > now - timedelta(minutes=10), "due and not looked at"
        assert outbox.open_rows(db) == []
    finally:
        world.house.on_commit = lambda _: None
        world.house.close()


def test_days_off_make_one_follow_up_not_all_that_were_missed() -> None:
    world = Followed(POLICY)
    try:
        world.act("lead", "Fair")
        world.act("off", "16d")
        world.act("wait", "3h")
        assert len(world.follow_ups()) <= 1
        (row,) = cadences.of_lead(world.house.db, world.refs[0])
        assert row.made <= 1
    finally:
        world.house.close()

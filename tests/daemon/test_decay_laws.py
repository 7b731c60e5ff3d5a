"""Laws of decay over random histories with crashes, wrong clocks and days off: each level at most
once, never early, none lost."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from daemon.house import owner_email, user_id
from daemon.test_clock_laws import World as ClockWorld
from daemon.test_clocks import ANNA, BEN, CARLA, MONA
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.core.activity import ActivityKind
from fairlead.core.types import Actor, Ref
from fairlead.store import decays, journal

POLICY = f"""\
version: 1
sources: {{sf: {{crm: salesforce}}}}
reps: {{{ANNA}: {{}}, {BEN}: {{}}, {CARLA}: {{}}}}
teams:
  inbound: {{members: [{ANNA}, {BEN}], manager: {MONA}}}
  rescue: {{members: [{CARLA}, {BEN}]}}
decay:
  - {{name: cooling, after: {{silence: 8h}}, do: [{{raise: priority}}, {{notify: rep}}]}}
  - {{name: cold, after: {{silence: 20h}}, critical: true, do: [{{notify: manager}}]}}
  - {{name: old, after: {{age: 2d}}, do: [{{reassign: {{team: rescue}}}}]}}
  - {{name: frozen, after: {{silence: 3d}}, do: [{{reassign: next}}, {{notify: rep}}]}}
rules: [{{name: Everybody, to: {{team: inbound}}}}]
otherwise: {{to: {{team: rescue}}}}
"""
SILENCE = {"cooling": timedelta(hours=8), "cold": timedelta(hours=20), "frozen": timedelta(days=3)}
AGE = timedelta(days=2)
HOURS = (1, 3, 7, 9, 13, 30, 100)

ACTIONS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([h * 60 for h in HOURS])),
    st.tuples(st.just("lead"), st.just(0)),
    st.tuples(st.just("call"), st.sampled_from(("rep", "buyer", "tool"))),
    st.tuples(st.just("given"), st.sampled_from((ANNA, BEN, CARLA))),
    st.tuples(st.just("dies"), st.integers(0, 5)),
    st.tuples(st.just("jump"), st.sampled_from((-7200, 7200, 3650 * 86_400))),
)


class World(ClockWorld):
    """The same world; it keeps when each lead came and when something was done with it."""

    def __init__(self) -> None:
        super().__init__(POLICY)
        self.came: dict[Ref, datetime] = {}
        self.done: dict[Ref, list[datetime]] = {}

    def do(self, what: str, value: object) -> None:
        now, ref = self.right.now(), self.refs[-1] if self.refs else None
        if what == "call" and ref is not None:
            actor = {"rep": Actor.PERSON, "tool": Actor.AUTOMATION}.get(str(value), Actor.UNKNOWN)
            buyer = value == "buyer"
            self.fake.activities.log(ref, ActivityKind.EMAIL, actor=actor, incoming=buyer)
            if value != "tool":
                self.done[ref].append(now)
            self.work()
            return
        if what == "given" and ref is not None and owner_email(self.fake, ref) != value:
            self.done[ref].append(now)
        super().do(what, value)
        for one in self.refs:
            self.came.setdefault(one, now)
            self.done.setdefault(one, [])

    def silent_at(self, ref: Ref, at: datetime) -> timedelta:
        return at - max([self.came[ref], *(d for d in self.done[ref] if d < at)])


@settings(max_examples=25)
@given(st.lists(ACTIONS, min_size=3, max_size=14))
def test_each_level_is_reached_once_not_early_and_none_is_lost(
    actions: list[tuple[str, object]],
) -> None:
    world = World()
    try:
        world.do("lead", 0)
        for what, value in actions:
            world.do(what, value)
        world.settle()
        now, db = world.ours.now(), world.house.db
        for ref in world.refs:
            told = [j for j in journal.of_lead(db, ref) if j.event == "lead.decayed"]
            times = Counter(str(j.detail["level"]) for j in told)
            assert set(times.values()) <= {1}, "a level is reached once"
            rows = {r.level: r.reached_at for r in decays.levels_of(db, ref, 0)}
            assert {n for n, at in rows.items() if at is not None} == set(times)
            for one in told:
                level = str(one.detail["level"])
                if level in SILENCE:
                    assert world.silent_at(ref, one.at) >= SILENCE[level], "never early"
                else:
                    assert one.at - world.came[ref] >= AGE, "never early"
            waited = timedelta(minutes=15)
            for level, length in SILENCE.items():
                assert level in times or world.silent_at(ref, now) < length + waited, "lost"
            assert "old" in times or now - world.came[ref] < AGE + waited, "lost"
            moves = [j for j in journal.of_lead(db, ref) if j.event == "lead.ordered"]
            assert len(moves) <= 2, "no lead goes round in circles"
    finally:
        world.house.close()


def test_the_levels_of_the_law_are_reached() -> None:
    """A world in which nothing is done keeps the promise; its levels are really reached."""
    world = World()
    try:
        world.do("lead", 0)
        world.do("wait", 4 * 24 * 60)
        world.settle()
        told = journal.of_lead(world.house.db, world.refs[0])
        reached = [j.detail["level"] for j in told if j.event == "lead.decayed"]
        assert reached == ["cooling", "cold", "old", "frozen"]
        assert owner_email(world.fake, world.refs[0]) in (BEN, CARLA)
        assert user_id(world.fake, MONA) in {t.owner_id for t in world.fake.tasks.values()}
    finally:
        world.house.close()

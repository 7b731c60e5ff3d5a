"""A changed policy or roster plans anew what is stored: by batches, the same as at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from daemon.house import House, an_org, the_policy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead.daemon import replanning
from fairlead.store import clocks, journal
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

REPS = "[anna@example.com, ben@example.com, carla@example.com]"
HEAD = f"""\
version: 1
sources: {{sf: {{crm: salesforce}}}}
reps: {{anna@example.com: {{}}, ben@example.com: {{}}, carla@example.com: {{}}}}
teams: {{inbound: {{members: {REPS}}}}}
"""
TAIL = """
rules:
  - {name: Hot, when: employees >= 1000, to: {team: inbound}, sla: hot}
  - {name: Rest, to: {team: inbound}, cadence: standard}
otherwise: {to: {team: inbound}}
"""
RECYCLING = """
recycling:
  cool_down: 1d
  disqualified: [{reason: spam, when: status == "Spam"}]
  tracks: {later: {when: 'status == "Later"', after: 30d}}
"""


def policy(hours: str, silence: str, step: str, *, more: str = "") -> str:
    return (
        f"{HEAD}slas:\n  hot: {{respond_within: {hours}, warn_at: [50%], hours: always}}\n"
        f"cadences: {{standard: [{step}, 9d]}}\n"
        f"decay:\n  - {{name: cooling, after: {{silence: {silence}}}}}\n{more}{RECYCLING}{TAIL}"
    )


BEFORE = policy("4h", "3d", "2d", more="  - {name: old, after: {age: 40d}}\n")
AFTER = policy("8h", "5d", "1d", more="  - {name: lost, after: {age: 60d}}\n")
SOONER = policy("2h", "1d", "3d")
TABLES = (
    "SELECT c.lead_id, s.step, s.due_at, s.look_at, s.fired_at, c.ended_at FROM clocks c"
    " JOIN clock_steps s ON s.clock_id = c.id ORDER BY 1, 2",
    "SELECT lead_id, level, due_at, look_at, reached_at FROM decay_levels ORDER BY 1, 2",
    "SELECT lead_id, made, look_at, ended_at FROM cadences ORDER BY 1",
    "SELECT lead_id, look_at FROM recyclings ORDER BY 1",
    "SELECT lead_id, look_at FROM recycling_looks ORDER BY 1",
)


class Played:
    """Leads with clocks, follow-ups, levels and rounds, under one policy and then others."""

    def __init__(self, leads: int = 6) -> None:
        self.clock = ManualClock()
        self.sf: FakeCrm = an_org(self.clock)
        self.house = House(None, [self.sf], self.clock, BEFORE)
        self.house.start()
        self.clock.advance(1)
        self.refs = [
            self.sf.create_lead(email=f"x{n}@acme{n}.test", employees=2000 * (n % 2))
            for n in range(leads)
        ]
        self.house.round()
        self.sf.update(self.refs[0], status="Later")
        self.clock.advance(60)
        self.house.round()

    def change(self, text: str) -> None:
        self.house.policy = text
        self.house.in_force.swap(the_policy(text))
        self.house.poll()

    def go_on(self) -> bool:
        return self.house.in_force.router.plan_more(self.clock.now())

    def rows(self) -> list[list[tuple[object, ...]]]:
        return [[tuple(r) for r in self.house.db.rows(sql)] for sql in TABLES]


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Iterator[Played]:
    played = Played()
    monkeypatch.setattr(replanning, "BATCH", 1)
    yield played
    played.house.close()


def finished(played: Played) -> int:
    """Plan to the end; in how many transactions."""
    count = 0
    while played.go_on():
        count += 1
    return count


def at_once(monkeypatch: pytest.MonkeyPatch, *policies: str) -> list[list[tuple[object, ...]]]:
    monkeypatch.setattr(replanning, "BATCH", 1000)
    played = Played()
    for text in policies:
        played.change(text)
        assert not played.go_on()
    found = played.rows()
    played.house.close()
    return found


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    size=st.integers(1, 8),
    changes=st.lists(st.sampled_from([BEFORE, AFTER, SOONER]), min_size=1, max_size=3),
    crash_at=st.sets(st.integers(0, 12)),
    patience=st.integers(0, 6),
)
def test_batches_of_any_size_plan_the_same_as_one_however_often_it_begins_anew_or_dies(
    monkeypatch: pytest.MonkeyPatch,
    size: int,
    changes: list[str],
    crash_at: set[int],
    patience: int,
) -> None:
    last = changes[-1]
    expected = at_once(monkeypatch, last) if last != BEFORE else None
    monkeypatch.setattr(replanning, "BATCH", 1000)
    played = Played()
    before = played.rows()
    monkeypatch.setattr(replanning, "BATCH", size)
    try:
        for text in changes:
            played.change(text)
            for _ in range(patience):
                played.go_on()
        count = 0
        while True:
            if count in crash_at:
                played.house.restart()
            count += 1
            if not played.go_on():
                break
        clocks_, levels, follow_ups, rounds, _ = played.rows()
        want = before if expected is None else expected
        assert clocks_ == want[0]
        assert levels == want[1]
        assert follow_ups == want[2]
        # A round is due to be looked at from the change on.
        assert all(at is not None for _, at in rounds)
    finally:
        played.house.close()


def test_each_batch_is_a_transaction_of_its_own_and_the_end_is_remembered(
    played: Played,
) -> None:
    played.change(AFTER)
    commits: list[str] = []
    played.house.on_commit = commits.append
    count = finished(played)
    assert count >= len(played.refs)
    assert commits.count("commit:after") == count + 1
    played.house.restart()
    commits.clear()
    assert not played.go_on()
    assert commits == []


def test_a_step_that_is_due_by_the_old_policy_alone_is_planned_anew_and_not_fired(
    played: Played,
) -> None:
    fired = "SELECT count(*) n FROM journal WHERE event = 'clock.fired'"
    played.clock.advance(timedelta(hours=5))
    played.change(AFTER)
    # The other batches are held back: only what is due is planned.
    played.house.in_force.router.plan_more = lambda _: False  # type: ignore[method-assign]
    played.house.sweep()
    rows = played.house.db.rows(fired)
    assert [r["n"] for r in rows] == [3]
    steps = [s for c in clocks.running(played.house.db) for s in clocks.steps_of(
        played.house.db, c.id)]  # fmt: skip
    assert {s.step for s in steps if s.fired_at is not None} == {"warning 50%"}


def test_a_lead_that_is_answered_meanwhile_is_late_or_not_by_the_policy_in_force(
    played: Played,
) -> None:
    hot = played.refs[-1]
    played.clock.advance(timedelta(hours=5))
    played.change(AFTER)
    played.sf.update(hot, status="Working")
    played.house.poll()
    played.house.sweep()
    answered = [
        j.detail["late"]
        for j in journal.of_lead(played.house.db, hot)
        if j.event == "clock.answered"
    ]
    assert answered == [False]


def test_a_change_that_is_taken_back_half_way_plans_all_again(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = played.rows()
    played.change(AFTER)
    played.go_on()
    played.change(BEFORE)
    finished(played)
    assert played.rows()[:3] == before[:3]

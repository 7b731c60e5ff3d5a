"""Whole ticks of the sweep over many armed clocks, levels of decay and follow-ups, none due; and a
re-planning of all of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from daemon.house import POLICY, House, an_org, the_policy

from fairlead.daemon.sweep import Sweep
from fairlead.store.db import Db
from fairlead.testing.clock import ManualClock

ARMED = 500_000
SOME = 20_000
SLAS = """
slas:
  hot: {respond_within: 2d, hours: always}
cadences:
  standard: [2d, 9d]
decay:
  - {name: cooling, after: {silence: 3d}}
recycling:
  cool_down: 1d
  tracks: {later: {when: status == "Later", after: 30d}}
"""
"""Appended to a policy, it makes the sweep ask all that it ever asks."""


@contextmanager
def armed(count: int = ARMED) -> Iterator[tuple[House, Sweep]]:
    """A daemon in memory with so many of each, and its sweep."""
    clock = ManualClock()
    house = House(None, [an_org(clock)], clock, policy())
    try:
        house.start()
        now = clock.now()
        arm(house.db, now.isoformat(), (now + timedelta(days=1)).isoformat(), count)
        house.poll()
        yield house, house.sweeps["salesforce"]
    finally:
        house.close()


def policy(hours: str = "2d") -> str:
    return POLICY + SLAS.replace("2d", hours)


def arm(db: Db, now: str, due: str, count: int = ARMED) -> None:
    """So many leads that were assigned `now`, each with a clock, a level of decay, a follow-up, a
    recycled round's look and a look at an answer, all of them `due` alike."""
    with db.transaction():
        db.execute("CREATE TEMP TABLE n AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL"
                   " SELECT i + 1 FROM n WHERE i < ?) SELECT i FROM n", (count,))  # fmt: skip
        for sql in ROWS:
            db.execute(sql, {"now": now, "due": due})
        db.execute("DROP TABLE n")


ROWS = (
    "INSERT INTO clocks (id, crm, object, lead_id, person_id, sla, decision_id, owner_id, since)"
    " SELECT 'c' || i, 'salesforce', 'Lead', 'l' || i, 'p' || i, 'hot', 'd' || i, 'o', :now FROM n",
    "INSERT INTO clock_steps (clock_id, step, number, crm, due_at, look_at)"
    " SELECT 'c' || i, 'breach', 0, 'salesforce', :due, :due FROM n",
    "INSERT INTO decays (crm, object, lead_id, cycle, since)"
    " SELECT 'salesforce', 'Lead', 'l' || i, 0, :now FROM n",
    "INSERT INTO decay_levels (crm, object, lead_id, cycle, level, number, due_at, look_at)"
    " SELECT 'salesforce', 'Lead', 'l' || i, 0, 'cooling', 0, :due, :due FROM n",
    "INSERT INTO cadences (id, crm, object, lead_id, person_id, decision_id, name, owner_id, since,"
    " made, look_at, how) SELECT 'f' || i, 'salesforce', 'Lead', 'l' || i, 'p' || i, 'd' || i,"
    " 'standard', 'o', :now, 0, :due, 'running' FROM n",
    "INSERT INTO recyclings (id, person_id, cycle, crm, object, lead_id, kind, reason, since,"
    " look_at, waits, told, values_set, values_back, how, holds, story) SELECT 'r' || i, 'q' || i,"
    " 1, 'salesforce', 'Lead', 'r' || i, 'recycled', 'later', :now, :due, '', 0, '{}', '{}', '',"
    " '', '' FROM n",
    "INSERT INTO recycling_looks (crm, object, lead_id, look_at)"
    " SELECT 'salesforce', 'Lead', 'l' || i, :due FROM n",
    "INSERT INTO answers (clock_id, crm, object, lead_id, sla, owner_id, since, at, kind, proof,"
    " look_at) SELECT 'a' || i, 'salesforce', 'Lead', 'l' || i, 'hot', 'o', :now, :now, 'change',"
    " '', :due FROM n",
)


def a_tick() -> dict[str, float]:
    """CPU seconds of a whole tick that fires nothing, each with all its questions."""
    with armed() as (house, sweep):
        while house.in_force.router.plan_more(house.clock.now()):
            pass
        ticks = 20
        began = time.process_time()
        for _ in range(ticks):
            sweep.afterwards._asked = None
            if sweep.tick():
                raise RuntimeError("something was due")
        passed = (time.process_time() - began) / ticks
    return {f"tick of {ARMED} clocks, levels, follow-ups": passed}


def a_replanning() -> dict[str, float]:
    """CPU seconds of planning anew after a changed policy, and of the longest transaction."""
    with armed(SOME) as (house, _):
        router = house.in_force.router
        while router.plan_more(house.clock.now()):
            pass
        house.in_force.swap(the_policy(policy("30h")))
        longest = whole = timed(house.poll)
        more = True
        while more:
            began = time.process_time()
            more = house.in_force.router.plan_more(house.clock.now())
            took = time.process_time() - began
            longest, whole = max(longest, took), whole + took
    return {
        f"re-planning of {SOME} clocks, levels, follow-ups": whole,
        "its longest transaction": longest,
    }


def timed(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began

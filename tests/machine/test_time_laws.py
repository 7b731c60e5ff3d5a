"""I5, I6 and I14 over random histories, judged by what the CRMs themselves have in their logs.

Both CRMs; SLA clocks, reassignment, follow-ups, decay and second chances; calendars with changes of
summer time in both hemispheres, holidays, half-days and nights; a machine whose clock jumps by
seconds or ten years, either way, at any input or output, and stays wrong; crashes between and
inside transactions; outages, sleep and days off. `FAIRLEAD_TIME_LAWS` is how many histories; where
it is set, they are other ones with each run.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from machine.lawful import LawfulWorld
from machine.lawful_audit import Auditor
from machine.lawful_policy import WEEKS, ZONES, Hours, Terms

ASKED = os.environ.get("FAIRLEAD_TIME_LAWS")
HISTORIES = int(ASKED or "40")
YEARS = 10 * 366 * 86_400
STARTS = (
    datetime(2026, 3, 27, 8, tzinfo=UTC),
    datetime(2026, 4, 3, 20, tzinfo=UTC),
    datetime(2026, 9, 4, 8, tzinfo=UTC),
    datetime(2026, 10, 2, 21, tzinfo=UTC),
    datetime(2026, 10, 23, 8, tzinfo=UTC),
    datetime(2026, 12, 23, 8, tzinfo=UTC),
    datetime(2027, 3, 25, 18, tzinfo=UTC),
)
"""Before clocks change, north and south, and before Christmas, New Year and Easter."""

calendars = st.builds(
    Hours, st.sampled_from(tuple(ZONES)), st.sampled_from(tuple(WEEKS)), st.booleans()
)
terms = st.builds(
    Terms,
    anna=calendars, ben=calendars, counts=st.sampled_from(("rep", "team", "always")),
    respond=st.sampled_from((6, 20, 90, 240, 600)), escalate=st.sampled_from((10, 60, 300)),
    follow=st.sampled_from((30, 360, 1440)), silence=st.sampled_from((480, 1200, 4000)),
    age=st.sampled_from((2880, 600)),
)  # fmt: skip
starts = st.builds(
    lambda day, minutes: day + timedelta(minutes=minutes),
    st.sampled_from(STARTS), st.integers(0, 3 * 1440),
)  # fmt: skip
numbers = st.integers(0, 30)
jumps = st.one_of(
    st.integers(-90, 90),
    st.integers(-100_000, 100_000),
    st.integers(-YEARS, YEARS),
    st.sampled_from((3600, -3600, YEARS, -YEARS)),
)
minutes = st.one_of(st.sampled_from((1, 3, 7, 11, 31, 95)), st.integers(1, 1500))
lengths = st.one_of(st.integers(20, 900), st.sampled_from((480, 1500, 4000, 5800, 10_100)))
moves = st.one_of(
    *(st.tuples(st.just("lead"), numbers) for _ in range(3)),
    *(st.tuples(st.just("wait"), minutes) for _ in range(3)),
    *(st.tuples(st.just(name), numbers)
      for name in ("call", "buyer", "later", "later", "waiting", "open", "closed", "given", "given",
                   "down", "down", "up", "clock_right")),
    *(st.tuples(st.just(name), lengths) for name in ("off", "off", "sleep", "naps", "wait")),
    *(st.tuples(st.just(name), jumps) for name in ("jump", "jumps")),
    *(st.tuples(st.just(name), st.one_of(st.integers(0, 60), st.integers(0, 400)))
      for name in ("dies", "crashes", "crashes")),
)  # fmt: skip


@settings(max_examples=HISTORIES, derandomize=ASKED is None)
@given(terms, starts, st.lists(moves, min_size=5, max_size=22), st.booleans(), lengths)
def test_I5_I6_I14_hold_by_the_crms_own_logs(
    terms: Terms, start: datetime, history: list[tuple[str, int]], right: bool, last: int
) -> None:
    world = LawfulWorld(terms, start)
    try:
        for n in range(3):
            world.do("lead", 2 * n + n % 2)
        for what, n in history:
            world.do(what, n)
        world.heal(right=right)
        world.do("wait", last)
        world.heal(right=right)
        for crm in world.crms:
            Auditor(world, crm).judge()
    finally:
        world.close()

"""Waiting for people: the formula, the queue played through, and what more people do to it."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.core.queueing import (
    Job,
    begun_within,
    drawn,
    erlang_c,
    opening_of,
    people_needed,
    served,
    served_in_turns,
)

ALWAYS = [(0.0, 1e12)]


def test_erlangs_formula_in_cases_known_by_heart() -> None:
    # One server: the share that waits is the load itself. Two: load 1 waits one time in three.
    assert erlang_c(1, 0.5) == pytest.approx(0.5)
    assert erlang_c(2, 1.0) == pytest.approx(1 / 3)
    # By the sum in the textbooks.
    load, people = 7.5, 10
    top = load**people / math.factorial(people) * people / (people - load)
    below = sum(load**n / math.factorial(n) for n in range(people)) + top
    assert erlang_c(people, load) == pytest.approx(top / below)


@pytest.mark.parametrize(
    ("people", "load", "within"), [(1, 0.6, 0.5), (2, 1.2, 0.4), (4, 3.2, 0.25)]
)
def test_a_long_play_comes_out_as_the_formula_says(people: int, load: float, within: float) -> None:
    work = 720.0
    jobs = drawn([load * 40] * 1500, 40 * work, work, seed=7)
    begun = served(jobs, opening_of([ALWAYS] * people))
    met = [b is not None and b - j.at <= within * work for j, b in zip(jobs, begun, strict=True)]
    expected = begun_within(people, load / work, work, within * work)
    assert sum(met) / len(met) == pytest.approx(expected, abs=0.015)


def test_the_people_needed_are_the_fewest_who_reach_the_target() -> None:
    needed = people_needed(20 / 3600, 720, 300, 0.9)
    assert begun_within(needed, 20 / 3600, 720, 300) >= 0.9
    assert begun_within(needed - 1, 20 / 3600, 720, 300) < 0.9
    assert people_needed(0, 720, 300, 0.9) == 0


def test_as_many_come_as_the_rates_say_and_none_where_they_are_0() -> None:
    jobs = drawn([10, 0, 30] * 400, 100, 5, seed=1)
    by_part = [0, 0, 0]
    for job in jobs:
        by_part[int(job.at / 100) % 3] += 1
    assert by_part[1] == 0
    assert by_part[0] == pytest.approx(4000, rel=0.06)
    assert by_part[2] == pytest.approx(12000, rel=0.06)
    assert sum(j.work for j in jobs) / len(jobs) == pytest.approx(5, rel=0.05)
    assert all(a.at <= b.at for a, b in pairwise(jobs))
    assert drawn([10] * 3, 100, 5, seed=1) == drawn([10] * 3, 100, 5, seed=1)


STRETCHES = st.lists(
    st.tuples(st.integers(0, 80), st.integers(1, 40)), max_size=4
).map(lambda parts: _apart([(float(a), float(a + n)) for a, n in parts]))  # fmt: skip
JOBS = st.lists(st.tuples(st.integers(0, 100), st.integers(1, 30)), max_size=25).map(
    lambda rows: [Job(float(at), float(work)) for at, work in sorted(rows)]
)


def _apart(stretches: list[tuple[float, float]]) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for begins, ends in sorted(stretches):
        if not found or begins >= found[-1][1]:
            found.append((begins, ends))
    return found


def by_brute_force(jobs: list[Job], people: list[list[tuple[float, float]]]) -> list[float | None]:
    """Second by second: whoever waits longest begins while fewer are busy than work."""
    begun: list[float | None] = [None] * len(jobs)
    for second in range(2_000):
        busy = sum(
            b is not None and b <= second < b + j.work for j, b in zip(jobs, begun, strict=True)
        )
        working = sum(any(a <= second < z for a, z in one) for one in people)
        for n, job in enumerate(jobs):
            if begun[n] is None and job.at <= second and busy < working:
                begun[n] = float(second)
                busy += 1
    return begun


@settings(max_examples=60, deadline=None)
@given(JOBS, st.lists(STRETCHES, max_size=4))
def test_the_play_is_what_one_sees_second_by_second(
    jobs: list[Job], people: list[list[tuple[float, float]]]
) -> None:
    assert served(jobs, opening_of(people)) == by_brute_force(jobs, people)


@settings(max_examples=300, deadline=None)
@given(JOBS, st.lists(STRETCHES, max_size=4), STRETCHES)
def test_a_person_more_never_makes_any_lead_wait_longer(
    jobs: list[Job],
    people: list[list[tuple[float, float]]],
    another: list[tuple[float, float]],
) -> None:
    before = served(jobs, opening_of(people))
    after = served(jobs, opening_of([*people, another]))
    for old, new in zip(before, after, strict=True):
        assert old is None or (new is not None and new <= old)


@given(JOBS, st.lists(STRETCHES, min_size=1, max_size=4))
def test_in_turns_nothing_begins_before_it_came_or_while_its_owner_is_away(
    jobs: list[Job], people: list[list[tuple[float, float]]]
) -> None:
    everybody = opening_of(people)
    for job, found in zip(jobs, served_in_turns(jobs, people), strict=True):
        if found is None:
            continue
        given_at, begun = found
        assert job.at <= given_at <= begun
        assert everybody.at(given_at) > 0
        assert everybody.at(begun) > 0


def test_open_time_is_the_time_in_which_anybody_works() -> None:
    opening = opening_of([[(10, 20), (30, 40)], [(15, 35)]])
    assert [opening.at(t) for t in (5, 10, 15, 20, 32, 37, 40)] == [0, 1, 2, 1, 2, 1, 0]
    assert opening.open_before(5) == 0
    assert opening.open_before(22) == 12
    assert opening.open_before(100) == 30

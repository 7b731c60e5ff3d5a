"""Laws of clocks: working time only, in order, pauses count for nothing, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fairlead.core.sla import Hours, planned
from fairlead.core.sla_terms import DUE, Notify, Reassign, short, stages_of
from fairlead.core.worktime import Calendar, Span, is_open

ZONES = (
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia",
    "America/Sao_Paulo",
)  # fmt: skip
OFFICE = ((540, 750), (810, 1080))
NIGHT = ((1320, 1800),)
FIRST = datetime(2027, 1, 1, tzinfo=UTC)
INSTANTS = st.integers(0, 730 * 86_400).map(lambda s: FIRST + timedelta(seconds=s))
LENGTHS = st.integers(1, 10 * 60).map(lambda m: timedelta(minutes=m))


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    blocks = draw(st.sampled_from((OFFICE, NIGHT, ((0, 1440),), ((600, 660),))))
    days = draw(st.integers(3, 7))
    week = tuple(blocks if day < days else () for day in range(7))
    regions = draw(st.sampled_from(((), ("DE",), ("US",))))
    return Calendar("c", draw(st.sampled_from(ZONES)), week, regions)


@st.composite
def spans(draw: st.DrawFn, since: datetime) -> tuple[Span, ...]:
    at, found = since, []
    for gap, length in draw(st.lists(st.tuples(LENGTHS, LENGTHS), max_size=3)):
        found.append((at + gap, at + gap + length))
        at = at + gap + length
    return tuple(found)


@st.composite
def clocks(draw: st.DrawFn) -> tuple[Hours, datetime, tuple[Span, ...]]:
    since = draw(INSTANTS)
    people = draw(st.lists(calendars(), min_size=1, max_size=3))
    hours = Hours(tuple((c, draw(spans(since))) for c in people))
    return hours, since, draw(spans(since))


@given(clocks(), LENGTHS)
def test_by_a_stages_instant_exactly_its_time_has_passed(
    clock: tuple[Hours, datetime, tuple[Span, ...]], worked: timedelta
) -> None:
    hours, since, pauses = clock
    at = hours.after(since, worked, pauses)
    assert at is not None
    assert hours.between(since, at, pauses) == worked
    assert hours.between(since, at - timedelta(seconds=1), pauses) < worked


@given(clocks(), LENGTHS)
def test_it_comes_in_somebodys_working_time_and_in_no_pause(
    clock: tuple[Hours, datetime, tuple[Span, ...]], worked: timedelta
) -> None:
    hours, since, pauses = clock
    at = hours.after(since, worked, pauses)
    assert at is not None
    before = at - timedelta(microseconds=1)
    assert any(is_open(c, before, (*off, *pauses)) for c, off in hours.people)


@given(clocks(), LENGTHS, LENGTHS)
def test_what_comes_later_on_the_clock_comes_later(
    clock: tuple[Hours, datetime, tuple[Span, ...]], one: timedelta, more: timedelta
) -> None:
    hours, since, pauses = clock
    first, second = hours.after(since, one, pauses), hours.after(since, one + more, pauses)
    assert first is not None
    assert second is not None
    assert second >= first + more


@given(clocks(), LENGTHS)
def test_a_pause_never_brings_a_stage_nearer(
    clock: tuple[Hours, datetime, tuple[Span, ...]], worked: timedelta
) -> None:
    hours, since, pauses = clock
    without, paused = hours.after(since, worked), hours.after(since, worked, pauses)
    assert without is not None
    assert paused is not None
    assert paused >= without


@given(INSTANTS, LENGTHS, LENGTHS)
def test_a_clock_that_always_runs_stands_just_as_long_as_it_is_paused(
    since: datetime, worked: timedelta, pause: timedelta
) -> None:
    half = since + worked / 2
    assert Hours().after(since, worked, ((half, half + pause),)) == since + worked + pause


@given(
    LENGTHS,
    st.lists(st.integers(1, 99), max_size=3, unique=True),
    st.lists(LENGTHS, max_size=4),
    clocks(),
)
def test_stages_are_numbered_in_the_order_in_which_they_come(
    within: timedelta,
    percents: list[int],
    after: list[timedelta],
    clock: tuple[Hours, datetime, tuple[Span, ...]],
) -> None:
    steps = tuple((a, Notify("manager") if n % 2 else Reassign()) for n, a in enumerate(after))
    warnings = tuple(Fraction(p, 100) for p in percents)
    stages = stages_of(within, warnings, steps)
    assert [s.number for s in stages] == list(range(len(stages)))
    assert len({s.key for s in stages}) == len(stages)
    hours, since, pauses = clock
    instants = [at for _, at in planned(stages, hours, since, pauses) if at is not None]
    assert len(instants) == len(stages)
    assert all(one <= other for one, other in pairwise(instants))
    due = [s.number for s in stages if s.key == DUE]
    assert due == [len(percents)]


def test_the_hour_that_comes_twice_is_worked_twice_and_the_skipped_one_not_at_all() -> None:
    night = Calendar("n", "Europe/Berlin", (((0, 240),),) * 7)
    autumn = datetime(2027, 10, 30, 22, 0, tzinfo=UTC)
    spring = datetime(2027, 3, 27, 23, 0, tzinfo=UTC)
    hours = Hours(((night, ()),))
    assert hours.after(autumn, timedelta(hours=5)) == autumn + timedelta(hours=5)
    assert hours.after(spring, timedelta(hours=3)) == spring + timedelta(hours=3)
    assert hours.between(spring, spring + timedelta(hours=10)) == timedelta(hours=3)


def test_a_duration_is_told_as_it_is_written() -> None:
    told = [short(timedelta(seconds=s)) for s in (30, 300, 5400, 7200, 172_800)]
    assert told == ["30s", "5m", "90m", "2h", "2d"]

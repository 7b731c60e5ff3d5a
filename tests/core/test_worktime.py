"""Working time against a walker that looks at every minute's wall clock and knows no shortcut."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.core.holiday_days import is_holiday, regions
from fairlead.core.worktime import (
    HORIZON,
    Block,
    Calendar,
    Span,
    add_working,
    at_wall,
    close_of,
    is_open,
    next_open,
    openings,
    overlapping,
    window_end,
    window_start,
    working_days,
    working_time,
)
from fairlead.core.zones import VERSION, zone, zone_names

MINUTE = timedelta(minutes=1)
# A zone and a night in which its clocks change, or a day that never was.
CHANGES = [
    ("Europe/Berlin", "2026-03-29"), ("Europe/Berlin", "2026-10-25"),
    ("America/New_York", "2026-03-08"), ("America/New_York", "2026-11-01"),
    ("Australia/Sydney", "2026-04-05"), ("Australia/Sydney", "2026-10-04"),
    ("Australia/Lord_Howe", "2026-04-05"), ("Australia/Lord_Howe", "2026-10-04"),
    ("Pacific/Apia", "2011-12-30"), ("Pacific/Apia", "2012-04-01"),
    ("Africa/Casablanca", "2026-02-15"), ("Africa/Casablanca", "2026-03-22"),
    ("America/Santiago", "2026-04-05"), ("America/Santiago", "2026-09-06"),
    ("America/Havana", "2026-11-01"), ("Asia/Kathmandu", "2026-06-01"),
    ("Asia/Beirut", "2024-03-31"), ("America/Nuuk", "2024-03-31"), ("UTC", "2026-01-01"),
]  # fmt: skip


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def week(*blocks: Block, days: tuple[int, ...] = (0, 1, 2, 3, 4)) -> tuple[tuple[Block, ...], ...]:
    return tuple(blocks if day in days else () for day in range(7))


BERLIN = Calendar("berlin", "Europe/Berlin", week((540, 750), (810, 1080)), ("DE-BE",))
NIGHT = Calendar("night", "America/New_York", week((1320, 1800), days=(0, 1, 2, 3, 4, 5, 6)))
ALWAYS = Calendar("always", "UTC", week((0, 1440), days=(0, 1, 2, 3, 4, 5, 6)))


# -- the oracle ------------------------------------------------------------------------------------


def walk(calendar: Calendar, first: datetime, days: int) -> Iterator[tuple[datetime, bool]]:
    """Every minute and whether it is worked: a block begins and ends when the clock gets there.

    Begins four days early, so that every block in question is seen to begin. Holidays and leave are
    not its business.
    """
    tz = zone(calendar.timezone)
    at = first - timedelta(days=4)
    day = at.astimezone(tz).date()
    marks = sorted(
        (datetime.combine(day + timedelta(days=d), time()) + timedelta(minutes=m), is_end)
        for d in range(-2, days + 8)
        for block in calendar.hours[(day + timedelta(days=d)).weekday()]
        for m, is_end in zip(block, (False, True), strict=True)
    )
    depth = 0
    while at < first + timedelta(days=days):
        wall = at.astimezone(tz).replace(tzinfo=None)
        while marks and marks[0][0] <= wall:
            depth += -1 if marks.pop(0)[1] else 1
        if at >= first:
            yield at, depth > 0
        at += MINUTE


@st.composite
def calendars(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    """A calendar with up to three blocks a day, and the eve of a change of its clocks."""
    name, day = draw(st.sampled_from(CHANGES))
    cuts = draw(
        st.lists(
            st.integers(0, 48).map(lambda n: n * 30) | st.integers(0, 1440),
            min_size=2,
            max_size=6,
            unique=True,
        ).map(sorted)
    )
    blocks = [(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=False)]
    if draw(st.booleans()):
        blocks[-1] = (blocks[-1][0], 1440 + draw(st.integers(0, blocks[0][0])))
    calendar = Calendar("c", name, week(*blocks, days=(0, 1, 2, 3, 4, 5, 6)))
    assert overlapping(calendar.hours) is None
    return calendar, utc(f"{day}T00:00:00") - timedelta(hours=30)


OFF = st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 2000)), max_size=3)


def spans_of(off: list[tuple[int, int]], start: datetime) -> list[Span]:
    return [(start + a * MINUTE, start + (a + b) * MINUTE) for a, b in off]


@settings(max_examples=120, deadline=None)
@given(calendars(), OFF, st.integers(0, 3000), st.integers(0, 3000), st.integers(0, 2000))
def test_it_agrees_with_looking_at_every_minute(
    seen: tuple[Calendar, datetime], off: list[tuple[int, int]], at: int, more: int, amount: int
) -> None:
    calendar, start = seen
    leave = spans_of(off, start)
    worked = {
        minute: is_worked and not any(a <= minute < b for a, b in leave)
        for minute, is_worked in walk(calendar, start, 5)
    }
    now, later = start + at * MINUTE, start + (at + more) * MINUTE
    assert is_open(calendar, now, leave) is worked[now]
    assert working_time(calendar, now, later, leave) == MINUTE * sum(
        worked[m] for m in worked if now <= m < later
    )
    ahead = [m for m in worked if m >= now]
    opens = next((m for m in ahead if worked[m]), None)
    if opens is not None:
        assert next_open(calendar, now, leave) == opens
    closes = next((m for m in ahead if not worked[m]), None)
    if worked[now] and closes is not None:
        assert close_of(calendar, now, leave) == closes
    minutes_worked = [m for m in ahead if worked[m]]
    if 0 < amount <= len(minutes_worked):
        done = minutes_worked[amount - 1] + MINUTE
        assert add_working(calendar, now, amount * MINUTE, leave) == done


@settings(max_examples=60, deadline=None)
@given(calendars(), OFF, st.integers(0, 4000), st.integers(1, 3000))
def test_adding_and_measuring_undo_each_other(
    seen: tuple[Calendar, datetime], off: list[tuple[int, int]], at: int, minutes: int
) -> None:
    calendar, start = seen
    leave, now = spans_of(off, start), start + at * MINUTE
    amount = minutes * MINUTE
    done = add_working(calendar, now, amount, leave)
    if done is not None:
        assert working_time(calendar, now, done, leave) == amount
        assert working_time(calendar, now, done - MINUTE, leave) < amount


@settings(max_examples=60, deadline=None)
@given(calendars(), OFF)
def test_openings_are_in_order_apart_and_open(
    seen: tuple[Calendar, datetime], off: list[tuple[int, int]]
) -> None:
    calendar, start = seen
    leave, before = spans_of(off, start), start - timedelta(days=9)
    for number, (begins, ends) in enumerate(openings(calendar, start, leave)):
        assert before <= begins < ends
        assert is_open(calendar, begins, leave)
        assert is_open(calendar, ends - MINUTE / 60, leave)
        before = ends
        if number > 20:
            break


# -- named cases -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wall", "zone_name", "instant"),
    [
        ("2026-03-08T02:30:00", "America/New_York", "2026-03-08T07:00:00"),
        ("2026-11-01T01:30:00", "America/New_York", "2026-11-01T05:30:00"),
        ("2026-10-04T02:15:00", "Australia/Lord_Howe", "2026-10-03T15:30:00"),
        ("2026-04-05T01:45:00", "Australia/Lord_Howe", "2026-04-04T14:45:00"),
        ("2011-12-30T09:00:00", "Pacific/Apia", "2011-12-30T10:00:00"),
        ("2026-06-01T09:00:00", "Asia/Kathmandu", "2026-06-01T03:15:00"),
    ],
)
def test_a_wall_clock_time_is_the_first_instant_that_reaches_it(
    wall: str, zone_name: str, instant: str
) -> None:
    assert at_wall(datetime.fromisoformat(wall), zone_name) == utc(instant)


@pytest.mark.parametrize(
    ("night", "hours"), [("2026-03-08T03:00:00", 7), ("2026-03-09T02:00:00", 8),
                         ("2026-11-01T02:00:00", 9)],
)  # fmt: skip
def test_a_night_shift_is_as_long_as_the_night_really_was(night: str, hours: int) -> None:
    begins = utc(night)
    assert is_open(NIGHT, begins)
    assert not is_open(NIGHT, begins - MINUTE)
    assert close_of(NIGHT, begins) == begins + timedelta(hours=hours)


def test_between_the_blocks_of_a_day_it_is_closed() -> None:
    noon = utc("2026-06-03T11:00:00")  # 13:00 in Berlin
    assert not is_open(BERLIN, noon)
    assert next_open(BERLIN, noon) == noon + timedelta(minutes=30)
    assert working_time(BERLIN, noon - timedelta(hours=1), noon + timedelta(hours=1)) == timedelta(
        hours=1
    )


def test_public_holidays_of_the_region_are_closed_and_those_of_the_neighbour_are_not() -> None:
    womens_day = utc("2027-03-08T09:00:00")  # a holiday in Berlin and not in Bavaria
    bavaria = Calendar("munich", "Europe/Berlin", BERLIN.hours, ("DE-BY",))
    assert not is_open(BERLIN, womens_day)
    assert is_open(bavaria, womens_day)
    assert next_open(BERLIN, womens_day) == utc("2027-03-09T08:00:00")


def test_a_night_shift_that_begins_before_a_holiday_is_worked_to_its_end() -> None:
    nights = Calendar("nights", "Europe/Berlin", NIGHT.hours, ("DE",))
    assert is_open(nights, utc("2026-12-25T02:00:00"))
    assert not is_open(nights, utc("2026-12-25T22:00:00"))


def test_a_day_observed_in_the_neighbouring_year_counts() -> None:
    assert is_holiday(("US",), date(2021, 12, 31))
    assert not is_holiday(("US",), date(2026, 12, 31))


def test_leave_is_no_working_time() -> None:
    leave = [(utc("2026-06-01T00:00:00"), utc("2026-06-03T00:00:00"))]
    monday = utc("2026-06-01T08:00:00")
    assert not is_open(BERLIN, monday, leave)
    assert next_open(BERLIN, monday, leave) == utc("2026-06-03T07:00:00")
    assert add_working(BERLIN, monday, timedelta(hours=1), leave) == utc("2026-06-03T08:00:00")


def test_what_never_closes_and_what_never_opens() -> None:
    now = utc("2026-06-01T08:00:00")
    forever = [(now - HORIZON, now + 2 * HORIZON)]
    assert close_of(ALWAYS, now) is None
    assert next_open(ALWAYS, now, forever) is None
    assert add_working(ALWAYS, now, timedelta(minutes=1), forever) is None
    assert working_time(ALWAYS, now, now + 2 * HORIZON) == 2 * HORIZON


def test_day_and_week_begin_by_the_clock_of_the_zone() -> None:
    at = utc("2026-06-07T20:00:00")  # Monday 01:45 in Kathmandu
    assert window_start(at, "week", "Asia/Kathmandu") == utc("2026-06-07T18:15:00")
    assert window_start(at, "week", "UTC") == utc("2026-06-01T00:00:00")
    assert window_end(at, "day", "Asia/Kathmandu") == utc("2026-06-08T18:15:00")
    assert window_end(at, "hour", "Asia/Kathmandu") == utc("2026-06-07T20:15:00")


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(CHANGES), st.integers(0, 6000), st.sampled_from(["hour", "day", "week"]))
def test_every_instant_lies_in_its_window(
    change: tuple[str, str], minutes: int, window: str
) -> None:
    name, day = change
    at = utc(f"{day}T00:00:00") - timedelta(days=2) + minutes * MINUTE
    assert window_start(at, window, name) <= at < window_end(at, window, name)


def test_working_days_pass_over_weekends_and_holidays() -> None:
    assert working_days(BERLIN, date(2026, 12, 28), -1) == date(2026, 12, 24)
    assert working_days(BERLIN, date(2027, 1, 1), 2) == date(2027, 1, 5)


@pytest.mark.parametrize(
    ("hours", "found"),
    [
        (week((540, 600), (600, 700)), None),
        (week((540, 601), (600, 700)), (0, 0)),
        (week((1320, 1800), (300, 420)), (0, 1)),
        ((((0, 60),), (), (), (), (), (), ((1380, 1470),)), (6, 0)),
    ],
)
def test_blocks_that_overlap_are_found(
    hours: tuple[tuple[Block, ...], ...], found: tuple[int, int] | None
) -> None:
    assert overlapping(hours) == found


def test_zones_are_the_pinned_ones() -> None:
    assert "Europe/Berlin" in zone_names()
    assert "tzdata 20" in VERSION
    with pytest.raises(ValueError, match="unknown time zone"):
        zone("../etc/passwd")
    assert {"DE", "DE-BE", "GB-SCT"} <= regions()

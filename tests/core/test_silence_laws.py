"""When a source is silent against its rhythm: laws over random weeks, and the plain cases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fairlead.core.silence import HOUR, HOURS, Rhythm, hour_of, is_silent, rhythm_of

MONDAY = datetime(2027, 1, 4, tzinfo=UTC)
WEEK = HOURS * HOUR
rhythms = st.lists(st.floats(0, 50), min_size=HOURS, max_size=HOURS).map(
    lambda rates: Rhythm(tuple(rates))
)
instants = st.integers(0, 4 * 10_080).map(lambda m: MONDAY + timedelta(minutes=m))
counts = st.dictionaries(
    st.integers(1, 6 * HOURS).map(lambda h: MONDAY - h * HOUR), st.integers(1, 40), max_size=400
)


def office(weeks: int, per_hour: int) -> dict[datetime, int]:
    """So many an hour on working days from 9 to 17, in the weeks before a Monday."""
    hours = (MONDAY - h * HOUR for h in range(1, weeks * HOURS + 1))
    return {at: per_hour for at in hours if at.weekday() < 5 and 9 <= at.hour < 17}


def learnt(arrivals: dict[datetime, int]) -> Rhythm:
    rhythm = rhythm_of(arrivals, MONDAY - 10 * WEEK, MONDAY)
    assert rhythm is not None
    return rhythm


@given(rhythms, instants, instants, instants)
def test_what_is_expected_adds_up_and_never_falls(
    rhythm: Rhythm, a: datetime, b: datetime, c: datetime
) -> None:
    a, b, c = sorted((a, b, c))
    whole = rhythm.expected(a, c)
    assert abs(whole - rhythm.expected(a, b) - rhythm.expected(b, c)) < 1e-6 * (1 + whole)
    assert whole >= 0


@given(rhythms, instants, instants, instants)
def test_once_silent_it_stays_silent_until_somebody_comes(
    rhythm: Rhythm, a: datetime, b: datetime, c: datetime
) -> None:
    last, soon, later = sorted((a, b, c))
    if is_silent(rhythm, last, soon):
        assert is_silent(rhythm, last, later)


@given(counts)
def test_a_rhythm_never_expects_more_than_came(arrivals: dict[datetime, int]) -> None:
    rhythm = rhythm_of(arrivals, MONDAY - 6 * WEEK, MONDAY)
    if rhythm is not None:
        assert 6 * sum(rhythm.rates) <= sum(arrivals.values()) + 1e-6


@given(counts)
def test_one_campaign_in_one_week_changes_no_rhythm_for_the_worse(
    arrivals: dict[datetime, int],
) -> None:
    usual = rhythm_of(arrivals, MONDAY - 6 * WEEK, MONDAY)
    rush = {MONDAY - h * HOUR: 5000 for h in range(1, HOURS + 1)}
    if usual is not None:
        quiet_week = {at: n for at, n in arrivals.items() if at < MONDAY - WEEK}
        with_rush = learnt({**quiet_week, **rush})
        without = rhythm_of(quiet_week, MONDAY - 7 * WEEK, MONDAY - WEEK)
        if without is not None:
            assert sum(with_rush.rates) <= 2 * sum(quiet_week.values())


def test_a_busy_morning_without_a_lead_is_silence_and_the_night_before_is_not() -> None:
    rhythm = learnt(office(6, 4))
    last = MONDAY - timedelta(days=3) + timedelta(hours=16, minutes=50)
    assert last.weekday() == 4
    assert not is_silent(rhythm, last, MONDAY)
    assert not is_silent(rhythm, last, MONDAY + timedelta(hours=10, minutes=30))
    assert is_silent(rhythm, last, MONDAY + timedelta(hours=13))


def test_of_a_free_day_nothing_is_expected_however_long_ago_it_was() -> None:
    rhythm = learnt(office(6, 4))
    whole = rhythm.expected(MONDAY, MONDAY + 3 * WEEK)
    tuesday = MONDAY + timedelta(days=8)
    kept = rhythm.expected(MONDAY, MONDAY + 3 * WEEK, lambda at: at.date() == tuesday.date())
    assert abs(whole - kept - whole / 15) < 1e-6
    assert rhythm.expected(tuesday, tuesday + 24 * HOUR, lambda _: True) == 0


def test_after_summer_time_the_same_morning_an_hour_later_alarms_nobody() -> None:
    rhythm = learnt(office(6, 200))
    last = MONDAY - timedelta(days=3) + timedelta(hours=16, minutes=59)
    assert not is_silent(rhythm, last, MONDAY + timedelta(hours=10))


def test_few_leads_or_few_weeks_make_no_rhythm() -> None:
    few = {MONDAY - n * 40 * HOUR: 1 for n in range(1, 25)}
    assert rhythm_of(few, MONDAY - 10 * WEEK, MONDAY) is None
    assert rhythm_of(office(2, 4), MONDAY - 2 * WEEK - HOUR, MONDAY) is None
    assert rhythm_of(office(3, 4), MONDAY - 3 * WEEK, MONDAY) is not None


@given(instants)
def test_nobody_is_silent_before_they_could_come(at: datetime) -> None:
    assert not is_silent(Rhythm((1000.0,) * HOURS), at, at)
    assert hour_of(at) <= at

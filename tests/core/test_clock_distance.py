"""How far two clocks are apart: against reading both, over summer time and the date line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.core.clock_distance import clock_distance
from fairlead.core.zones import zone

ZONES = st.sampled_from(
    [
        "UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "Asia/Kathmandu",
        "Australia/Lord_Howe", "Australia/Adelaide", "Pacific/Apia", "Pacific/Kiritimati",
        "Pacific/Honolulu", "Pacific/Chatham", "America/Santiago", "Africa/Casablanca",
    ]
)  # fmt: skip
START = datetime(2000, 1, 1, tzinfo=UTC)
INSTANTS = st.integers(0, 35 * 365 * 24 * 4).map(lambda n: START + n * timedelta(minutes=15))


@given(ZONES, ZONES, INSTANTS)
def test_it_is_what_the_two_clocks_show(one: str, other: str, at: datetime) -> None:
    def minute(name: str) -> int:
        wall = at.astimezone(zone(name))
        return wall.hour * 60 + wall.minute

    apart = abs(minute(one) - minute(other))
    shown = timedelta(minutes=min(apart, 1440 - apart))
    found = clock_distance(one, other, at)
    assert found == shown
    assert found == clock_distance(other, one, at)
    assert timedelta() <= found <= timedelta(hours=12)


@pytest.mark.parametrize(
    ("one", "other", "at", "hours"),
    [
        ("Europe/Berlin", "America/New_York", "2026-03-01", 6),
        ("Europe/Berlin", "America/New_York", "2026-03-20", 5),  # America changed, Europe not yet
        ("Europe/London", "Australia/Sydney", "2026-01-15", 11),
        ("Europe/London", "Australia/Sydney", "2026-07-15", 9),
        ("Australia/Sydney", "Australia/Lord_Howe", "2026-07-15", 0.5),
        ("Australia/Sydney", "Australia/Lord_Howe", "2026-01-15", 0),
        ("Asia/Kathmandu", "Asia/Kolkata", "2026-01-15", 0.25),
        ("Pacific/Apia", "Pacific/Pago_Pago", "2011-12-29", 1),
        ("Pacific/Apia", "Pacific/Pago_Pago", "2012-01-02", 1),  # a day apart, by the clock not
        ("Pacific/Honolulu", "Pacific/Kiritimati", "2026-01-15", 0),
        ("Pacific/Auckland", "America/Los_Angeles", "2026-01-15", 3),
    ],
)
def test_named_pairs(one: str, other: str, at: str, hours: float) -> None:
    noon = datetime.fromisoformat(at).replace(hour=12, tzinfo=UTC)
    assert clock_distance(one, other, noon) == timedelta(hours=hours)


def test_what_is_no_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown time zone"):
        clock_distance("Mars/Base", "UTC", datetime(2026, 1, 1, tzinfo=UTC))

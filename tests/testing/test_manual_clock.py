"""A clock that moves only when told, with wall and intervals apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fairlead.testing import ManualClock


def test_time_passes_on_both_clocks_only_when_told() -> None:
    clock = ManualClock(datetime(2027, 1, 4, 9, tzinfo=UTC))
    wall, interval = clock.now(), clock.monotonic()
    assert (clock.now(), clock.monotonic()) == (wall, interval)
    clock.advance(timedelta(minutes=1))
    clock.advance(0.5)
    assert clock.now() - wall == timedelta(seconds=60.5)
    assert clock.monotonic() - interval == 60.5


def test_setting_the_wall_clock_leaves_intervals_alone() -> None:
    clock = ManualClock()
    before = clock.monotonic()
    clock.set(datetime(2020, 1, 1, tzinfo=UTC))
    assert clock.now().year == 2020
    assert clock.monotonic() == before


def test_time_does_not_pass_backwards_and_naive_instants_are_refused() -> None:
    clock = ManualClock()
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)
    with pytest.raises(ValueError, match="naive"):
        clock.set(datetime(2027, 1, 1))  # noqa: DTZ001

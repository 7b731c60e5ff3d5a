"""Polls spend at most 40 % of what is left of the day's calls; the rest is for others."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fairlead.daemon.pace import DAY, LONGEST, SHARE, poll_interval
from fairlead.spi.connector import Budget


def test_with_plenty_left_the_base_interval_holds() -> None:
    assert poll_interval(5.0, Budget(100_000, 100_000)) == 5.0


def test_an_unknown_quota_holds_nothing_back() -> None:
    assert poll_interval(0.5, Budget()) == 0.5


def test_with_little_left_polls_become_rare_but_go_on() -> None:
    assert poll_interval(5.0, Budget(100_000, 2_000)) == DAY / (SHARE * 2_000)
    assert poll_interval(5.0, Budget(100_000, 0)) == LONGEST


def test_a_poll_of_several_calls_waits_longer() -> None:
    few, many = (poll_interval(5.0, Budget(9_999, 9_999), calls_per_poll=n) for n in (1, 3))
    assert many == 3 * few


@given(
    base=st.floats(0.1, 600),
    left=st.integers(0, 10_000_000),
    calls=st.integers(1, 10),
)
def test_the_spend_rate_stays_under_the_share(base: float, left: int, calls: int) -> None:
    wait = poll_interval(base, Budget(left, left), calls_per_poll=calls)
    assert wait >= base
    assert wait >= LONGEST or calls / wait <= SHARE * left / DAY * (1 + 1e-9)

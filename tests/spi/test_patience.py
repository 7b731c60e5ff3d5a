"""One-shot commands wait a little for a CRM, never long, and never for what is not `RetryLater`."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from fairlead.errors import AuthFailed, RateLimited, Unavailable
from fairlead.spi.patience import LONGEST_WAIT, TRIES, patiently


def failing(times: int, error: Exception) -> tuple[list[int], Callable[[], str]]:
    calls: list[int] = []

    def read() -> str:
        calls.append(1)
        if len(calls) <= times:
            raise error
        return "read"

    return calls, read


def test_a_crm_that_comes_back_is_read() -> None:
    calls, read = failing(2, Unavailable("down", after=0.001))
    assert patiently(read) == "read"
    assert len(calls) == 3


def test_patience_ends() -> None:
    calls, read = failing(99, Unavailable("down", after=0.001))
    with pytest.raises(Unavailable, match="down"):
        patiently(read)
    assert len(calls) == TRIES


def test_a_crm_that_asks_for_a_long_wait_is_not_waited_for() -> None:
    calls, read = failing(99, RateLimited("spent", after=LONGEST_WAIT + 1, daily=True))
    with pytest.raises(RateLimited):
        patiently(read)
    assert len(calls) == 1


def test_what_is_no_retry_is_raised_at_once() -> None:
    calls, read = failing(99, AuthFailed("no"))
    with pytest.raises(AuthFailed):
        patiently(read)
    assert len(calls) == 1


def test_a_stop_ends_the_waiting() -> None:
    stop = threading.Event()
    stop.set()
    _, read = failing(99, Unavailable("down", after=LONGEST_WAIT))
    with pytest.raises(Unavailable):
        patiently(read, stop=stop)

"""Short, stoppable patience with a CRM, for commands that run once and then are over.

The daemon needs none of this: its loops come round again, and its long waits are rows with a due
time. A write is never repeated here; only what is safe to do again goes through `patiently`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.nap import sleep_using_event
from tenacity.wait import wait_random_exponential

from fairlead.errors import RetryLater

T = TypeVar("T")

TRIES = 4
LONGEST_WAIT = 20.0
"""Seconds; a CRM that asks for more is not waited for, the command says so instead."""

_jittered = wait_random_exponential(multiplier=0.25, max=5.0)


def patiently(read: Callable[[], T], *, stop: threading.Event | None = None) -> T:
    """What `read` gives, trying again a few times when the CRM asks to come back later.

    `Retry-After` is honoured up to `LONGEST_WAIT`. `stop` ends the waiting. Raises the last
    RetryLater; any other error at once.
    """
    retrying = Retrying(
        retry=retry_if_exception_type(RetryLater),
        wait=_wait,
        stop=_enough,
        sleep=sleep_using_event(stop or threading.Event()),
        reraise=True,
    )
    return retrying(read)


def _asked_for(state: RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error.after if isinstance(error, RetryLater) else None


def _wait(state: RetryCallState) -> float:
    asked = _asked_for(state)
    return _jittered(state) if asked is None else asked


def _enough(state: RetryCallState) -> bool:
    asked = _asked_for(state)
    return stop_after_attempt(TRIES)(state) or (asked is not None and asked > LONGEST_WAIT)

"""One seed gives one run, however fast the machine is."""

from __future__ import annotations

import time
from itertools import count

import pytest

from fairlead.simulation.play import Outcome, simulate


def played() -> Outcome:
    return simulate(leads=60, reps=12, days=2, seed=11)


def test_a_slow_machine_plays_the_same_two_weeks(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = played()
    steady, looks = time.monotonic, count()
    monkeypatch.setattr(time, "monotonic", lambda: steady() + next(looks) * 60.0)
    slow = played()
    assert (slow.counts, slow.calls, slow.findings) == (fast.counts, fast.calls, fast.findings)

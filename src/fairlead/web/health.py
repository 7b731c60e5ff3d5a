"""Whether the daemon does its work: the judgement behind /healthz, without any I/O.

The daemon tells its signs, this module judges them. A daemon that is paused, or whose kill switch
is set, does what it was told and is healthy, and so is one that goes on with the last good policy;
one that cannot see a CRM is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from fairlead.telemetry import scrub

LATE_AFTER_INTERVALS = 3


@dataclass(frozen=True, slots=True)
class PollSign:
    """How one enabled connector's polling stands.

    `age_seconds` since its last good poll, None before the first; `interval_seconds` as it is now,
    stretched or not; `stopped` is why the connector waits for a person, if it does.
    """

    age_seconds: float | None
    interval_seconds: float
    stopped: str | None = None


@dataclass(frozen=True, slots=True)
class Signs:
    """The daemon's signs of life: each enabled connector's polling, each loop, and its switches.

    `policy_refused` is why the policy on disk is not the one in force, if it was refused.
    """

    polls: Mapping[str, PollSign]
    loops: Mapping[str, bool]
    paused: bool = False
    kill_switch: bool = False
    policy_refused: str | None = None


class Health(Protocol):
    """What the daemon gives the health page; called from the web thread at any time."""

    def signs(self) -> Signs: ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What /healthz answers: 200 when nothing is wrong, else 503, with the same JSON."""

    wrong: tuple[str, ...]
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return 503 if self.wrong else 200


def judge(signs: Signs) -> Verdict:
    """Whether each connector was polled within three intervals and every loop lives."""
    wrong = []
    for crm, poll in sorted(signs.polls.items()):
        latest = LATE_AFTER_INTERVALS * poll.interval_seconds
        if poll.stopped is not None:
            wrong.append(f"{crm}: stopped: {scrub(poll.stopped)}")
        elif poll.age_seconds is None:
            wrong.append(f"{crm}: not polled yet")
        elif poll.age_seconds > latest:
            wrong.append(
                f"{crm}: last polled {poll.age_seconds:.0f} s ago, late after {latest:g} s"
            )
    wrong += [
        f"{name}: loop is not running" for name, alive in sorted(signs.loops.items()) if not alive
    ]
    body = {
        "ok": not wrong,
        "wrong": wrong,
        "paused": signs.paused,
        "kill_switch": signs.kill_switch,
        "policy_refused": None if signs.policy_refused is None else scrub(signs.policy_refused),
    }
    return Verdict(tuple(wrong), body)

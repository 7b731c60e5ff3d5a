"""The health verdict: which signs make the daemon unwell, and which do not."""

from __future__ import annotations

import pytest

from fairlead.web.health import PollSign, Signs, judge

WELL = PollSign(age_seconds=4.0, interval_seconds=5.0)
LOOPS = {"deliver": True, "sweep": True}


def test_a_daemon_that_polls_in_time_is_well() -> None:
    verdict = judge(Signs({"hubspot": WELL, "salesforce": WELL}, LOOPS))
    assert verdict.status == 200
    assert verdict.body == {
        "ok": True,
        "wrong": [],
        "paused": False,
        "kill_switch": False,
        "policy_refused": None,
    }


@pytest.mark.parametrize(
    ("age", "interval", "status"),
    [(15.0, 5.0, 200), (15.1, 5.0, 503), (80.0, 30.0, 200), (2.0, 0.5, 503)],
)
def test_a_poll_is_late_after_three_of_its_present_intervals(
    age: float, interval: float, status: int
) -> None:
    assert judge(Signs({"hubspot": PollSign(age, interval)}, LOOPS)).status == status


def test_what_is_wrong_is_listed_in_full() -> None:
    verdict = judge(
        Signs(
            {
                "a": PollSign(61.2, 5.0),
                "b": PollSign(None, 5.0),
                "c": PollSign(1.0, 5.0, stopped="AuthFailed"),
                "d": WELL,
            },
            {"deliver": False, "sweep": True},
        )
    )
    assert verdict.status == 503
    assert verdict.wrong == (
        "a: last polled 61 s ago, late after 15 s",
        "b: not polled yet",
        "c: stopped: AuthFailed",
        "deliver: loop is not running",
    )
    assert verdict.body["wrong"] == list(verdict.wrong)


def test_a_daemon_that_was_told_to_rest_is_well_and_says_so() -> None:
    verdict = judge(Signs({"hubspot": WELL}, LOOPS, paused=True, kill_switch=True))
    assert verdict.status == 200
    assert (verdict.body["paused"], verdict.body["kill_switch"]) == (True, True)


def test_a_refused_policy_is_shown_and_no_reason_to_restart_the_daemon() -> None:
    reason = "policy.yaml:3:1: jane.canary@mail.example is no rep"
    verdict = judge(Signs({"hubspot": WELL}, LOOPS, policy_refused=reason))
    assert verdict.status == 200
    assert verdict.body["policy_refused"] == "policy.yaml:3:1: [redacted] is no rep"


def test_why_a_connector_stopped_is_told_without_lead_data() -> None:
    stopped = PollSign(1.0, 5.0, stopped="INVALID: jane.canary@mail.example\nis no user")
    assert judge(Signs({"a": stopped}, {})).wrong == (
        "a: stopped: INVALID: [redacted]\\nis no user",
    )

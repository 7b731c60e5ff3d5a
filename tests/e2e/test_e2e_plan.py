"""`plan` shows what would be written and writes nothing; `once` does one round."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from e2e.live import Stage, staged, wait_for

WAITING = 12
"""Existing leads of the sample org that nobody owns: six in each CRM."""


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged(start=False, crms={"search_lag": None}) as stage:
        yield stage


def nothing_written(stage: Stage) -> bool:
    return not any(stage.crms.our_writes(crm) for crm in stage.crms.both.faces)


def state(stage: Stage) -> str:
    path = stage.folder / "s.sqlite"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "none"


def test_before_the_first_start_there_is_nothing_to_do_and_no_state_is_made(stage: Stage) -> None:
    done = stage.fairlead("plan")
    assert done.stdout == "Nothing would be written.\n"
    assert state(stage) == "none"
    assert nothing_written(stage)


def test_created_since_shows_whom_the_waiting_leads_would_go_to(stage: Stage) -> None:
    planned = stage.json("plan", "--created-since", "1d", exit_code=3)
    owners = [w for w in planned["writes"] if w["kind"] == "owner"]
    assert len(owners) == WAITING
    assert {w["lead"].split(":", 1)[0] for w in owners} == {"salesforce", "hubspot"}
    assert {w["owner"] for w in owners} <= set(stage.crms.reps["salesforce"])
    assert planned["states"]["salesforce"] == {"assigned": 6, "left": 18}
    assert state(stage) == "none"
    assert nothing_written(stage)
    done = stage.fairlead("plan", "--created-since", "yesterday", exit_code=78)
    assert "'yesterday' is no time; write 7d, 24h or 2026-01-31T09:00Z" in done.stderr


def test_a_plan_is_what_once_then_does(stage: Stage) -> None:
    stage.fairlead("once")
    assert nothing_written(stage), "existing leads are old"
    keys = stage.crms.arrivals(4)
    before = state(stage)
    planned = stage.json("plan", exit_code=3)
    text = stage.fairlead("plan", exit_code=3).stdout.splitlines()
    assert text[0] == "8 writes would go out:"
    assert state(stage) == before
    assert nothing_written(stage)
    status = stage.json("once")
    assert stage.crms.routed_once(keys)
    assert status["running"] is False
    assert {k: n for k, n in status["outbox"].items() if n} == {"done": 8}
    told = {w["lead"]: w["owner"] for w in planned["writes"] if w["kind"] == "owner"}
    assert told == {
        f"{crm}:{'Lead' if crm == 'salesforce' else 'contacts'}:{id}": stage.crms.owner(crm, id)
        for crm, id in keys
    }
    assert stage.fairlead("plan").stdout == "Nothing would be written.\n"


def test_once_with_nothing_to_do_writes_nothing(stage: Stage) -> None:
    stage.fairlead("once")
    before = {crm: len(stage.crms.our_writes(crm)) for crm in stage.crms.both.faces}
    stage.fairlead("once")
    assert {crm: len(stage.crms.our_writes(crm)) for crm in stage.crms.both.faces} == before


def test_a_plan_with_another_policy_shows_that_policys_owners(stage: Stage) -> None:
    stage.fairlead("once")
    other = stage.folder / "other.yaml"
    text = (stage.folder / "demo.yaml").read_text("utf-8")
    other.write_text(
        text.replace("members: [anna@example.com, ben@example.com, carla@example.com]",
                     "members: [hana@example.com]")
    )  # fmt: skip
    keys = stage.crms.arrivals(2)
    planned = stage.json("plan", "--policy", str(other), exit_code=3)
    assert {w["owner"] for w in planned["writes"]} == {"hana@example.com"}
    stage.fairlead("once")
    assert stage.crms.routed_once(keys)


def test_a_plan_beside_a_running_daemon_shows_what_waits_and_what_is_new(stage: Stage) -> None:
    stage.fairlead("pause")
    stage.start()
    try:
        keys = stage.crms.arrivals(2)
        wait_for("they wait", lambda: stage.status()["outbox"].get("new") == 4)
        done = stage.fairlead("plan", exit_code=3)
        assert done.stdout.startswith("4 writes would go out:")
        assert done.stdout.count("(already waiting)") == 4
        assert not any(stage.crms.owner_writes(*k) for k in keys)
        stage.client.call("resume")
        wait_for("they go out", lambda: stage.crms.routed_once(keys) and stage.idle())
        assert stage.json("plan")["writes"] == []
    finally:
        assert stage.stop() == 0

"""`plan` shows what would be written and writes nothing; `once` does one round."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from e2e.live import Stage, staged, wait_for

WAITING = 12
"""Existing leads of the sample org that nobody owns: six in each CRM."""


@pytest.fixture(scope="module")
def fresh() -> Iterator[Stage]:
    """Nothing was ever started here."""
    with staged(start=False, crms={"search_lag": None}) as stage:
        yield stage


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """What existed has been read, and no daemon runs."""
    with staged(start=False, crms={"search_lag": None}) as stage:
        stage.fairlead("once")
        assert nothing_written(stage), "existing leads are old"
        yield stage


def writes(stage: Stage) -> int:
    return sum(len(stage.crms.our_writes(crm)) for crm in stage.crms.both.faces)


def nothing_written(stage: Stage) -> bool:
    return writes(stage) == 0


def state(stage: Stage) -> str:
    path = stage.folder / "s.sqlite"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "none"


def test_before_the_first_start_there_is_nothing_to_do_and_no_state_is_made(fresh: Stage) -> None:
    done = fresh.fairlead("plan")
    assert done.stdout == "Nothing would be written.\n"
    assert state(fresh) == "none"
    assert nothing_written(fresh)


def test_created_since_shows_whom_the_waiting_leads_would_go_to(fresh: Stage) -> None:
    planned = fresh.json("plan", "--created-since", "1d", exit_code=3)
    owners = [w for w in planned["writes"] if w["kind"] == "owner"]
    assert len(owners) == WAITING
    assert {w["lead"].split(":", 1)[0] for w in owners} == {"salesforce", "hubspot"}
    assert {w["owner"] for w in owners} <= set(fresh.crms.reps["salesforce"])
    assert planned["states"]["salesforce"] == {"assigned": 6, "left": 18}
    assert state(fresh) == "none"
    assert nothing_written(fresh)
    done = fresh.fairlead("plan", "--created-since", "yesterday", exit_code=78)
    assert "'yesterday' is no time; write 7d, 24h or 2026-01-31T09:00Z" in done.stderr


def test_a_plan_is_what_once_then_does(stage: Stage) -> None:
    keys = stage.crms.arrivals(4)
    before, written = state(stage), writes(stage)
    planned = stage.json("plan", exit_code=3)
    text = stage.fairlead("plan", exit_code=3).stdout.splitlines()
    assert text[0] == "8 writes would go out:"
    assert (state(stage), writes(stage)) == (before, written)
    status = stage.json("once")
    assert stage.crms.routed_once(keys)
    assert status["running"] is False
    assert set(status["outbox"]) == {"done"}
    told = {w["lead"]: w["owner"] for w in planned["writes"] if w["kind"] == "owner"}
    assert told == {
        f"{crm}:{'Lead' if crm == 'salesforce' else 'contacts'}:{id}": stage.crms.owner(crm, id)
        for crm, id in keys
    }
    assert stage.fairlead("plan").stdout == "Nothing would be written.\n"
    written = writes(stage)
    stage.fairlead("once")
    assert writes(stage) == written, "with nothing to do it writes nothing"


def test_a_plan_with_another_policy_shows_that_policys_owners(stage: Stage) -> None:
    other = stage.folder / "other.yaml"
    text = (stage.folder / "demo.yaml").read_text("utf-8")
    other.write_text(
        text.replace("members: [anna@example.com, ben@example.com, carla@example.com]",
                     "members: [hana@example.com]")
    )  # fmt: skip
    keys = stage.crms.arrivals(2)
    planned = stage.json("plan", "--policy", str(other), exit_code=3)
    ids = {id for _, id in keys}
    new = [w for w in planned["writes"] if w["lead"].rpartition(":")[2] in ids]
    assert len(new) == 4
    assert {w["owner"] for w in new} == {"hana@example.com"}


def test_a_plan_beside_a_running_daemon_shows_what_waits_and_what_is_new(stage: Stage) -> None:
    stage.fairlead("pause")
    stage.start()
    try:
        keys = stage.crms.arrivals(2)
        wait_for("they are known", lambda: all(stage.known(id) for _, id in keys))
        wait_for("they wait", lambda: stage.status()["outbox"].get("new", 0) >= 4)
        done = stage.fairlead("plan", exit_code=3)
        for _, id in keys:
            lines = [x for x in done.stdout.splitlines() if id in x]
            assert [x.endswith("(already waiting)") for x in lines] == [True, True]
        assert not any(stage.crms.owner_writes(*k) for k in keys)
        stage.client.call("resume")
        wait_for("they go out", lambda: stage.crms.routed_once(keys) and stage.idle())
        assert stage.json("plan")["writes"] == []
    finally:
        assert stage.stop() == 0

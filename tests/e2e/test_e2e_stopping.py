"""SIGTERM ends the daemon in time, whatever a CRM does; a second one on the state is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from e2e.live import Stage, staged, wait_for


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged() as stage:
        yield stage


def test_sigterm_while_both_crms_hang_parks_the_work_and_the_next_start_ends_it() -> None:
    with staged() as stage:
        crms = stage.crms
        since = {crm: crms.last_seq(crm) for crm in crms.both.faces}
        # One write takes effect and is never answered, the other never arrives.
        hang = {"seconds": 20, "count": None}
        crms.fault("salesforce", "hang", where="after", body='"method":"PATCH"', **hang)
        crms.fault("hubspot", "hang", path="/contacts/batch/update$", **hang)
        keys = crms.arrivals(4)
        for crm in crms.both.faces:
            wait_for(
                f"a write to {crm} hangs",
                lambda crm=crm: [r for r in crms.requests(crm, since[crm]) if r.note == "hang"],
            )
        assert stage.stop(within=10.0) == 0
        assert len(stage.events("daemon.stopped")) == 1
        assert stage.events("daemon.crashed") == []
        assert not all(crms.owned(*k) for k in keys)
        crms.heal()
        stage.start()
        wait_for("what was parked is done", lambda: crms.routed_once(keys) and stage.idle())


def test_a_second_daemon_on_the_same_state_exits_73_and_changes_nothing(stage: Stage) -> None:
    said, status = stage.said(), stage.status()
    socket = (stage.folder / "s.sqlite.sock").stat()
    writes = {crm: len(stage.crms.writes(crm)) for crm in stage.crms.both.faces}
    for words in (["run"], ["once"]):
        done = stage.fairlead(*words, exit_code=73)
        assert done.stderr.rstrip().endswith(f"another fairlead has {stage.folder}/s.sqlite open")
    assert (stage.folder / "s.sqlite.sock").stat() == socket
    assert numbers(stage.status()) == numbers(status)
    assert {crm: len(stage.crms.writes(crm)) for crm in stage.crms.both.faces} == writes
    assert stage.said().startswith(said)
    assert stage.events("daemon.crashed") == []
    late = stage.crms.arrivals(1)
    wait_for("the first one goes on", lambda: stage.crms.routed_once(late))


def numbers(status: dict[str, Any]) -> dict[str, Any]:
    """A status without what says how the daemon feels at the moment."""
    return {k: v for k, v in status.items() if k not in ("running", "health")}


def test_commands_work_beside_a_daemon_and_on_the_state_alone(stage: Stage) -> None:
    [(_, id)] = keys = stage.crms.arrivals(1)
    wait_for("it is routed", lambda: stage.crms.routed_once(keys) and stage.idle())
    running = stage.json("status")
    assert running["running"] is True
    assert running["health"]["ok"] is True
    [told] = stage.json("why", id)
    assert "daemon: running" in stage.fairlead("status").stdout
    assert stage.stop() == 0
    stopped = stage.json("status")
    assert stopped["running"] is False
    assert numbers(stopped) == numbers(running)
    assert stage.json("why", id) == [told]
    assert stage.json("dead-letters", "list") == []


def test_a_pause_given_without_a_daemon_holds_for_the_next_one(stage: Stage) -> None:
    if stage.process is not None:
        assert stage.stop() == 0
    stage.fairlead("pause", "--reason", "import running")
    keys = stage.crms.arrivals(2)
    stage.start()
    wait_for("both wait", lambda: stage.status()["outbox"].get("new", 0) >= 4)
    assert "import running" in stage.status()["paused"]
    assert not any(stage.crms.owner_writes(*k) for k in keys)
    stage.fairlead("resume")
    wait_for("they go out", lambda: stage.crms.routed_once(keys) and stage.idle())

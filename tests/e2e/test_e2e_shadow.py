"""A daemon with a shadow routes as ever; replay answers beside it; a broken file is harmless."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e.live import Stage, staged, wait_for

from fairlead.demo.play import policy_folder


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """A daemon with the demo's policy and, as its shadow, the same once more."""
    with staged(start=False, crms={"search_lag": None}, shadow="next.yaml") as stage:
        write_next(stage, next_policy())
        stage.start()
        yield stage


def next_policy() -> str:
    return (policy_folder() / "demo.yaml").read_text(encoding="utf-8")


def write_next(stage: Stage, text: str) -> None:
    (stage.folder / "next.yaml").write_text(text, encoding="utf-8")


def test_it_routes_each_lead_once_and_the_shadow_answers_for_it(stage: Stage) -> None:
    keys = stage.crms.arrivals(12)
    wait_for("all are routed", lambda: stage.crms.routed_once(keys))
    found = stage.json("shadow")
    assert found["leads"] >= len(keys)
    assert found["same"] == found["leads"]


def test_replay_answers_beside_the_running_daemon(stage: Stage) -> None:
    before = {p.name for p in stage.folder.iterdir()}
    found = stage.json("replay", "--policy", str(stage.folder / "next.yaml"), "--since", "1d")
    assert found["changed"] == []
    assert found["reproduced"] == found["checked"] > 0
    assert {p.name for p in stage.folder.iterdir()} - before == set()


def test_a_broken_file_is_said_once_and_routing_goes_on(stage: Stage) -> None:
    write_next(stage, "version: 1\nrules: nonsense\n")
    wait_for("the fault is said", lambda: stage.events("shadow.rejected"), within=20)
    keys = stage.crms.arrivals(4)
    wait_for("all are routed", lambda: stage.crms.routed_once(keys))
    [said] = stage.events("shadow.rejected")
    assert "next.yaml:2:" in said["error"]
    assert stage.events("shadow.failed") == []

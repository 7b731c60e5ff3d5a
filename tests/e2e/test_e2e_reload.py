"""The policy changes under a daemon that runs: by itself, by SIGHUP, by command; and at a start."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e.live import Stage, environment, staged, wait_for

from fairlead.errors import EXIT_CONFIG, EXIT_TEMPORARY

NEW_RULE = """\
rules:
  - name: Reload says hello
    when: industry == "Shipbuilding"
    to: {rep: REP}
"""


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged() as stage:
        yield stage


@pytest.fixture
def policy(stage: Stage) -> Iterator[Path]:
    """The policy on disk, put back and in force again at the end."""
    path = stage.folder / "demo.yaml"
    text = path.read_text("utf-8")
    yield path
    path.write_text(text, "utf-8")
    stage.fairlead("reload")


def new_text(text: str, rep: str) -> str:
    assert "\nrules:\n" in text
    return text.replace("rules:\n", NEW_RULE.replace("REP", rep), 1)


def a_rep(stage: Stage, number: int) -> str:
    return sorted(stage.crms.reps["salesforce"])[number]


def ship(stage: Stage) -> tuple[str, str | None]:
    """A lead that the new rule takes: its id, and who got it."""
    id = stage.crms.lead(Industry="Shipbuilding")
    wait_for("it has an owner", lambda: stage.crms.owned("salesforce", id))
    return id, stage.crms.owner("salesforce", id)


def test_a_saved_policy_decides_the_leads_that_come_after_and_a_broken_one_does_not(
    stage: Stage, policy: Path
) -> None:
    good, rep = policy.read_text("utf-8"), a_rep(stage, 0)
    before = stage.status()["policy"]
    policy.write_text(new_text(good, rep), "utf-8")
    wait_for("it is in force", lambda: stage.status()["policy"] != before)
    said = stage.events("config.activated")[-1]
    assert said["old_policy_hash"] == before[:12]
    assert {"count", "elsewhere", "policy_hash"} <= set(said)
    id, owner = ship(stage)
    assert owner == rep
    assert stage.json("why", id)[0]["decision"]["rule"] == "Reload says hello"

    now = stage.status()["policy"]
    policy.write_text(new_text(good, rep).replace("industry ==", "industri =="), "utf-8")
    wait_for("it is refused", lambda: stage.status()["policy_refused"])
    assert stage.status()["policy"] == now
    assert ship(stage)[1] == rep
    [said] = stage.events("config.rejected")
    assert said["reason"].startswith("demo.yaml:")
    assert "industri" in said["reason"]
    text = stage.fairlead("status").stdout
    assert "THE POLICY ON DISK IS REFUSED" in text
    health = stage.status()["health"]
    assert health["ok"]
    assert health["policy_refused"].startswith("demo.yaml:")
    refused = stage.json("reload", exit_code=EXIT_CONFIG)
    assert (refused["outcome"], refused["policy"]) == ("refused", now)
    [problem] = refused["problems"]
    assert problem["line"] == 1 + new_text(good, rep).split("industry ==")[0].count("\n")
    findings = stage.json("doctor", exit_code=EXIT_CONFIG)
    assert [f["check"] for f in findings if not f["ok"]] == [
        "reads well",
        "runs the policy on disk",
    ]
    assert len(stage.events("config.rejected")) == 1


def test_sighup_reads_the_policy_and_the_daemon_runs_on(stage: Stage, policy: Path) -> None:
    assert stage.process is not None
    before, rep = stage.status()["policy"], a_rep(stage, 1)
    policy.write_text(new_text(policy.read_text("utf-8"), rep), "utf-8")
    stage.process.send_signal(signal.SIGHUP)
    wait_for("it is in force", lambda: stage.status()["policy"] != before)
    assert ship(stage)[1] == rep
    assert stage.process.poll() is None


def test_a_line_of_a_table_is_a_change(stage: Stage, policy: Path) -> None:
    table = policy.with_name("territories.csv")
    lines, before = table.read_text("utf-8"), stage.status()["policy"]
    rows = lines.splitlines()
    table.write_text("\n".join([rows[0], *reversed(rows[1:])]) + "\n", "utf-8")
    try:
        wait_for("it is in force", lambda: stage.status()["policy"] != before)
    finally:
        table.write_text(lines, "utf-8")


def test_reload_tells_what_came_of_it(stage: Stage, policy: Path) -> None:
    stage.fairlead("pause", "--reason", "so that the state stands still")
    rep = a_rep(stage, 2)
    same = stage.json("reload")
    assert same["outcome"] == "unchanged"
    policy.write_text(new_text(policy.read_text("utf-8"), rep), "utf-8")
    done: dict[str, Any] = stage.json("reload")
    stage.fairlead("resume")
    # The watching loop may have been first.
    assert done["outcome"] in ("activated", "unchanged")
    assert done["policy"] == stage.status()["policy"] != same["policy"]


def test_settings_that_change_are_said_to_need_a_restart(stage: Stage) -> None:
    text = stage.config.read_text("utf-8")
    stage.config.write_text(text.replace("quiet_period = 1.5", "quiet_period = 3"), "utf-8")
    try:
        wait_for("it is said", lambda: stage.events("config.restart_needed"))
        line = "needs a restart: the setting quiet_period has changed"
        assert stage.json("reload")["needs_restart"] == [line]
        assert line in stage.fairlead("status").stdout
        assert line in stage.fairlead("doctor").stdout
    finally:
        stage.config.write_text(text, "utf-8")
    wait_for("it is taken back", lambda: not stage.status()["needs_restart"])
    assert len(stage.events("config.restart_needed")) == 1


def test_a_first_start_with_a_bad_file_exits_78_and_a_later_one_goes_on() -> None:
    with staged(start=False) as stage:
        path = stage.folder / "demo.yaml"
        good = path.read_text("utf-8")
        broken = new_text(good, a_rep(stage, 0)).replace("industry ==", "industri ==")
        path.write_text(broken, "utf-8")
        told = stage.fairlead("run", exit_code=EXIT_CONFIG).stderr
        assert "demo.yaml:" in told
        assert "did you mean 'industry'?" in told
        assert not (stage.folder / "s.sqlite").exists()
        path.write_text(good, "utf-8")
        stage.start()
        running = stage.status()["policy"]
        stage.kill()
        path.write_text(broken, "utf-8")
        stage.fairlead("once", exit_code=EXIT_CONFIG)
        stage.start()
        assert stage.status()["policy"] == running
        assert stage.status()["policy_refused"]
        key = ("salesforce", stage.crms.lead())
        wait_for("it is routed", lambda: stage.crms.routed_once([key]))
        assert stage.stop() == 0
        assert running[:12] in stage.fairlead("status").stdout
        stage.fairlead("reload", exit_code=EXIT_TEMPORARY)


def test_a_terminal_that_is_closed_ends_the_daemon_instead(stage: Stage) -> None:
    with staged(start=False) as other:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            other.command("run"), stdin=theirs, stdout=theirs, stderr=theirs,
            env=environment(), start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        try:
            wait_for("it runs", other.client.running)
            process.send_signal(signal.SIGHUP)
            assert other.status()["health"]["policy_refused"] is None
            assert process.poll() is None, "a terminal that is open is no reason to end"
            os.close(ours)
            process.send_signal(signal.SIGHUP)
            wait_for("it has ended", lambda: process.poll() is not None)
            assert process.returncode == 0
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()

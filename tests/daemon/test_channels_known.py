"""A policy that sends messages nowhere known is refused at the start; `check` says what it cannot
know; and the daemon knows when its own sender hangs."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from fairlead.cli import main
from fairlead.daemon.acceptance import PolicyRefused
from fairlead.daemon.active_policy import read_policy
from fairlead.daemon.app import SENDER_STUCK, App
from fairlead.settings import Settings, load_settings
from fairlead.store import messages
from fairlead.testing.clock import ManualClock

POLICY = """\
version: 1
sources: {sf: {crm: salesforce}}
reps: {anna@example.com: {}, ben@example.com: {}}
teams: {inbound: {members: [anna@example.com, ben@example.com]}}
slas:
  hot:
    respond_within: 5m
    when: employees >= 5
    on_breach:
      - {tell: room}
      - {notify: rep, by: email}
rules: [{name: Germany, when: country == "DE", to: {team: inbound}}]
otherwise: {to: {team: inbound}}
"""
ROOM = """\
[channels.room]
kind = "webhook"
url = "https://room.example/x"
secret_file = "room.secret"
[smtp]
host = "mail.example"
from = "us@example.com"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    secret = tmp_path / "room.secret"
    secret.touch(mode=0o600)
    secret.write_text("word")
    return tmp_path


def settings(folder: Path, tables: str) -> Settings:
    file = folder / "fairlead.toml"
    file.write_text(f'listen = "127.0.0.1:0"\n{tables}', encoding="utf-8")
    return load_settings(file)


def app(folder: Path, tables: str, clock: ManualClock | None = None) -> App:
    return App(settings(folder, tables), read_policy(folder / "policy.yaml"), {}, clock=clock)


def test_a_start_without_the_channel_or_the_mail_server_is_refused_with_both(
    folder: Path,
) -> None:
    with pytest.raises(PolicyRefused) as caught:
        app(folder, "")
    assert [f.message for f in caught.value.faults] == [
        "no channel is called 'room' in the settings",
        "the policy sends mail, and the settings have no mail server",
    ]
    assert "add [channels.room] to fairlead.toml" in str(caught.value)
    assert not (folder / "fairlead.sqlite").exists()


def test_check_looks_at_the_settings_where_there_are_some_and_says_so_where_not(
    folder: Path,
) -> None:
    done = CliRunner().invoke(main, ["check", "policy.yaml"])
    assert done.exit_code == 0
    assert "not checked, there are no settings here: channel room, [smtp]" in done.output
    settings(folder, "")
    done = CliRunner().invoke(main, ["check", "policy.yaml"])
    assert done.exit_code == 78
    assert "policy.yaml:6:3: no channel is called 'room'" in done.output
    assert "add [channels.room]" in done.output
    settings(folder, ROOM)
    done = CliRunner().invoke(main, ["check", "policy.yaml"])
    assert done.exit_code == 0, done.output


def test_a_sender_that_hangs_is_not_well(folder: Path) -> None:
    clock = ManualClock()
    daemon = app(folder, ROOM, clock)
    try:
        loops = {"policy", "messages", "messages-room", "messages-smtp"}
        idle = {f"{name}: loop is not running" for name in loops}
        assert set(daemon.not_well()) == idle
        daemon.senders.turn()
        clock.advance(SENDER_STUCK + 1)
        assert set(daemon.not_well()) - idle == {"messages: nothing was sent for long"}
        daemon.senders.turn()
        assert set(daemon.not_well()) == idle
    finally:
        daemon.close()


def test_one_round_sends_what_waits_and_the_alert_of_it(folder: Path) -> None:
    daemon = app(folder, ROOM)
    try:
        with daemon.db.transaction():
            messages.add(daemon.db, "a", "nowhere", "s", "t", daemon.clock.now())
        daemon.once(patience=5)
        [row] = messages.listed(daemon.db)
        assert row.state is messages.MessageState.FAILED
        assert daemon.commands.status()["messages"] == {"failed": 1}
    finally:
        daemon.close()

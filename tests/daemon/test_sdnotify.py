"""What systemd hears, on real datagram sockets."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.daemon.sdnotify import Notifier


@pytest.fixture(autouse=True)
def no_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["file", "abstract"])
def systemd(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    name = f"{tmp_path}/n" if request.param == "file" else f"@fairlead-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind("\0" + name[1:] if name.startswith("@") else name)
        s.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield s


def test_each_word_arrives_as_systemd_reads_it(systemd: socket.socket) -> None:
    notifier = Notifier.from_environment()
    notifier.ready("2 connectors")
    notifier.watchdog()
    notifier.status("polling")
    notifier.stopping()
    assert [systemd.recv(1024).decode() for _ in range(4)] == [
        "READY=1\nSTATUS=2 connectors",
        "WATCHDOG=1",
        "STATUS=polling",
        "STOPPING=1",
    ]


def test_a_status_cannot_smuggle_a_second_word(systemd: socket.socket) -> None:
    Notifier.from_environment().status("x\nSTOPPING=1")
    assert systemd.recv(1024).decode() == "STATUS=x\\nSTOPPING=1"


def test_the_watchdog_interval_is_read(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Notifier.from_environment().watchdog_seconds is None
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    assert Notifier.from_environment().watchdog_seconds == 30.0
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    assert Notifier.from_environment().watchdog_seconds == 30.0
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert Notifier.from_environment().watchdog_seconds is None


def test_without_a_supervisor_nothing_happens() -> None:
    notifier = Notifier.from_environment()
    assert notifier.watchdog_seconds is None
    notifier.ready("up")
    notifier.watchdog()
    notifier.stopping()


def test_a_supervisor_that_is_gone_does_not_stop_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    Notifier.from_environment().ready()

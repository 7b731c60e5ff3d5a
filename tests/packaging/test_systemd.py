"""The unit: systemd accepts it, it is shut as far as it can be, and Python still runs in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fairlead.daemon.app import STOP_WITHIN
from fairlead.errors import EXIT_CONFIG, EXIT_LOCKED
from fairlead.settings import PLAIN_KEYS, Settings, load_settings

SYSTEMD = Path(__file__).resolve().parents[2] / "systemd"
UNIT = SYSTEMD / "fairlead.service"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed here"
)


def directives() -> dict[str, str]:
    lines = [line for line in UNIT.read_text().splitlines() if re.match(r"[A-Z]\w*=", line)]
    return dict(line.split("=", 1) for line in lines)


@needs_systemd
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    # verify insists that the binary exists, which on this machine is somewhere else.
    unit = tmp_path / UNIT.name
    unit.write_text(re.sub(r"(?m)^(Exec\w+)=\S+", r"\1=/bin/true", UNIT.read_text()))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
def test_the_unit_is_exposed_as_little_as_a_network_daemon_can_be() -> None:
    done = subprocess.run(
        [
            "systemd-analyze",
            "security",
            "--offline=true",
            "--no-pager",
            "--threshold=20",
            str(UNIT),
        ],
        capture_output=True,
        text=True,
        env=os.environ | {"SYSTEMD_COLORS": "0", "LC_ALL": "C.UTF-8"},
    )
    exposure = re.search(r"Overall exposure level for fairlead\.service: ([\d.]+)", done.stdout)
    assert exposure
    assert float(exposure[1]) <= 1.3
    assert done.returncode == 0


def test_exits_that_a_restart_cannot_heal_do_not_loop() -> None:
    prevented = directives()["RestartPreventExitStatus"].split()
    assert {int(code) for code in prevented} == {EXIT_LOCKED, EXIT_CONFIG}
    assert directives()["Restart"] == "on-failure"


def test_a_reload_tells_systemd_whether_the_policy_was_refused() -> None:
    start, reload = (directives()[f"Exec{what}"].split() for what in ("Start", "Reload"))
    assert (start[:-1], reload[-1]) == (reload[:-1], "reload")


def test_the_stop_waits_longer_than_the_daemon_takes_to_end() -> None:
    assert 2 * STOP_WITHIN < int(directives()["TimeoutStopSec"]) <= 30


def test_every_library_loads_and_works_without_writable_and_executable_memory() -> None:
    script = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
if libc.prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0) != 0:
    sys.exit(77)
import mmap
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)
except (PermissionError, OSError):
    pass
else:
    sys.exit("the kernel does not enforce it")
import importlib.metadata, sqlite3
import apscheduler.schedulers.background, email_validator, hubspot, jwt, orjson, phonenumbers
import prometheus_client, publicsuffixlist, pydantic_settings, re2, requests, simple_salesforce
import sqlite_utils, starlette, structlog, tenacity, uvicorn, yaml
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
key = ec.generate_private_key(ec.SECP256R1())
key.public_key().verify(key.sign(b"x", ec.ECDSA(hashes.SHA256())), b"x", ec.ECDSA(hashes.SHA256()))
assert re2.search("a+b", "caab")
assert sqlite3.connect(":memory:").execute("select 1").fetchone() == (1,)
import fairlead.settings, fairlead.telemetry, fairlead.metrics, fairlead.web
for entry in importlib.metadata.entry_points(group="fairlead.connectors"):
    entry.load()
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True
    )
    if done.returncode == 77:
        pytest.skip("this kernel (before Linux 6.3) cannot refuse such memory to a process")
    assert (done.returncode, done.stderr) == (0, "")
    assert directives()["MemoryDenyWriteExecute"] == "yes"


class TestExamples:
    @pytest.fixture(autouse=True)
    def clean(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in [*os.environ]:
            if name.startswith("FAIRLEAD_") or name == "CREDENTIALS_DIRECTORY":
                monkeypatch.delenv(name)
        monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/fairlead")

    def test_the_example_settings_are_accepted_by_both_connectors(self) -> None:
        settings = load_settings(SYSTEMD / "fairlead.toml.example")
        assert set(settings.connectors) == {"salesforce", "hubspot"}
        for name in settings.connectors:
            assert settings.connector(name)[0].name == name

    def test_the_example_shows_every_key_with_its_default(self, tmp_path: Path) -> None:
        text = (SYSTEMD / "fairlead.toml.example").read_text()
        active = re.sub(r"(?m)^# (?=\w+ = )", "", text)
        assert all(re.search(rf"(?m)^{key} = ", active) for key in PLAIN_KEYS)
        copy = tmp_path / "fairlead.toml"
        copy.write_text(active)
        shown, default = load_settings(copy), Settings()
        assert shown.state == default.state
        assert shown.kill_switch == default.kill_switch_path
        assert shown.socket == default.socket_path
        for key in (
            "listen", "log_format", "log_level", "poll_interval", "signal_interval",
            "quiet_period",
        ):  # fmt: skip
            assert getattr(shown, key) == getattr(default, key)

    def test_the_example_environment_is_accepted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        text = (SYSTEMD / "fairlead.env.example").read_text()
        shown = re.findall(r"(?m)^# (FAIRLEAD_\w+)=(\S+)$", text)
        assert len(shown) == 3
        for name, value in shown:
            monkeypatch.setenv(name, value)
        settings = load_settings(SYSTEMD / "fairlead.toml.example")
        assert (settings.log_level, settings.poll_interval) == ("debug", 10.0)
        assert settings.connectors["hubspot"]["token_file"] == "hubspot.token"

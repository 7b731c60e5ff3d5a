"""The image, the make targets, the CI line and the locks, as far as they show without a run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
LOCKS = ("requirements.txt", "requirements-dev.txt")


class TestImage:
    def test_it_runs_as_a_numeric_user(self) -> None:
        assert re.findall(r"(?m)^USER (.*)$", DOCKERFILE)[-1] == "10001:10001"

    def test_what_it_installs_is_locked_by_hash(self) -> None:
        installs = re.findall(r"pip install ([^\n\\]*)", DOCKERFILE)
        assert installs
        assert all("--require-hashes" in i or "--no-deps" in i for i in installs)

    def test_it_is_stopped_by_the_signal_that_the_daemon_handles(self) -> None:
        assert "STOPSIGNAL SIGTERM" in DOCKERFILE
        assert 'ENTRYPOINT ["fairlead"]' in DOCKERFILE

    def test_the_health_check_asks_the_default_address(self) -> None:
        (command,) = re.findall(r'CMD \["python", "-c", "(.*)"\]', DOCKERFILE)
        assert "http://127.0.0.1:9464/healthz" in command
        compile(command, "HEALTHCHECK", "exec")

    def test_everything_it_copies_enters_the_build(self) -> None:
        allowed = set(re.findall(r"(?m)^!(\S+)$", (ROOT / ".dockerignore").read_text()))
        copied = {
            name
            for line in re.findall(r"(?m)^COPY (?!--from)(.*) \S+$", DOCKERFILE)
            for name in line.split()
        }
        assert copied == allowed
        assert all((ROOT / name).exists() for name in copied)

    def test_hadolint_has_nothing_to_say(self) -> None:
        hadolint = Path(sys.executable).with_name("hadolint")
        done = subprocess.run(
            [str(hadolint), str(ROOT / "Dockerfile")], capture_output=True, text=True
        )
        assert (done.returncode, done.stdout) == (0, "")


class TestMake:
    def test_help_lists_every_target(self) -> None:
        phony = re.findall(r"(?m)^\.PHONY: (.*)$", (ROOT / "Makefile").read_text())[0].split()
        done = subprocess.run(["make", "-C", str(ROOT)], capture_output=True, text=True, check=True)
        listed = re.findall(r"(?m)^  make (\w+) +\S", done.stdout)
        assert sorted(phony) == sorted(listed)
        assert {"demo", "test", "check", "lint", "format", "lock", "conformance", "clean"} < {
            *phony
        }

    def test_a_machine_without_a_fitting_python_is_told_what_to_do(self, tmp_path: Path) -> None:
        for tool in ("sh", "env", "make", "awk", "grep", "sed", "find", "rm", "touch", "test"):
            found = shutil.which(tool)
            if found:
                (tmp_path / tool).symlink_to(found)
        old = tmp_path / "python3"
        old.write_text("#!/bin/sh\nexit 1\n")
        old.chmod(0o755)
        copy = tmp_path / "tree"
        copy.mkdir()
        for name in ("Makefile", "pyproject.toml", "README.md", "LICENSE", "requirements.txt"):
            shutil.copy(ROOT / name, copy)
        for folder in ("src", "connectors"):
            (copy / folder).mkdir()
        done = subprocess.run(
            ["make", "demo"], cwd=copy, env={"PATH": str(tmp_path)}, capture_output=True, text=True
        )
        assert done.returncode != 0
        assert "fairlead needs Python 3.11, 3.12, 3.13 or 3.14" in done.stderr
        assert "apt install python3 python3-venv" in done.stderr
        assert not (copy / ".venv").exists()

    def test_ci_runs_the_test_command_in_a_fresh_environment_and_nothing_else(self) -> None:
        file = ROOT / ".ci" / "run"
        lines = [x for x in file.read_text().splitlines() if x and not x.startswith("#")]
        assert lines == [
            "set -euo pipefail",
            'cd "$(dirname "$0")/.."',
            "rm -rf .venv-test",
            "make test",
        ]
        assert os.access(file, os.X_OK)


class TestLocks:
    @pytest.mark.parametrize("lock", LOCKS)
    def test_every_package_is_pinned_and_hashed_and_no_address_is_named(self, lock: str) -> None:
        text = (ROOT / lock).read_text()
        entries = re.split(r"(?m)^(?=[a-z0-9])", text)[1:]
        assert len(entries) > 20
        for entry in entries:
            assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+", entry), entry[:40]
            assert "--hash=sha256:" in entry
        assert "://" not in text
        assert "--index-url" not in text

    def test_both_locks_agree(self) -> None:
        pins = [
            dict(re.findall(r"(?m)^([a-z0-9._-]+)==(\S+)", (ROOT / lock).read_text()))
            for lock in LOCKS
        ]
        assert all(pins[1].get(name) == version for name, version in pins[0].items())

    def test_every_dependency_is_in_the_lock(self) -> None:
        text = (ROOT / "pyproject.toml").read_text()
        block = re.search(r"(?ms)^dependencies = \[(.*?)^\]", text)
        assert block
        wanted = re.findall(r'(?m)^    "([A-Za-z0-9_-]+)', block[1])
        locked = re.findall(r"(?m)^([a-z0-9._-]+)==", (ROOT / "requirements.txt").read_text())
        assert {name.lower().replace("_", "-") for name in wanted} <= set(locked)

"""`fairlead sandbox`: both CRMs in one process, and how to reach them in one line."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from e2e.live import environment

PATHS = {"salesforce": "/services/data/v67.0/limits", "hubspot": "/crm/v3/owners"}


@contextmanager
def sandbox(*words: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The process and the lines it printed before it waits; ends by SIGTERM with exit 0."""
    command = [sys.executable, "-m", "fairlead", "sandbox", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline()]
            while not lines[0].startswith("{") and not lines[-1].startswith("control:"):
                assert lines[-1], lines
                lines.append(process.stdout.readline())
            yield process, lines
        except BaseException:
            process.kill()
            raise
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def ask(url: str, token: str, verify: Any = True) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    with requests.Session() as http:
        http.trust_env = False
        return http.get(url, headers=headers, verify=verify, timeout=10).status_code


def test_json_prints_addresses_and_a_token_that_both_accept() -> None:
    with sandbox("--json") as (_, [line]):
        about = json.loads(line)
        assert set(about) == {"salesforce", "hubspot", "token"}
        for crm, path in PATHS.items():
            assert about[crm].startswith("http://127.0.0.1:")
            assert ask(about[crm] + path, about["token"]) == 200
            assert ask(about[crm] + path, "another") == 401


def test_tls_with_a_token_of_ones_own_and_an_authority_to_trust() -> None:
    with sandbox("--json", "--tls", "--token", "mine", "--empty") as (_, [line]):
        about = json.loads(line)
        assert about["token"] == "mine"
        for crm, path in PATHS.items():
            assert about[crm].startswith("https://127.0.0.1:")
            assert ask(about[crm] + path, "mine", about["ca_file"]) == 200
            with pytest.raises(requests.exceptions.SSLError):
                ask(about[crm] + path, "mine")


def test_people_are_told_where_things_are_and_a_taken_port_is_named() -> None:
    with sandbox("--token", "mine") as (_, lines):
        told = dict(line.rstrip().split(": ", 1) for line in lines)
        assert told["token"] == "mine"
        assert ask(told["hubspot"] + PATHS["hubspot"], "mine") == 200
        port = told["hubspot"].rpartition(":")[2]
        words = ["sandbox", "--hubspot-port", port]
        second = subprocess.run(
            [sys.executable, "-m", "fairlead", *words],
            capture_output=True,
            text=True,
            timeout=60,
            env=environment(),
        )
        assert second.returncode == 78
        assert second.stderr.startswith(f"fairlead: cannot serve hubspot on port {port}: ")

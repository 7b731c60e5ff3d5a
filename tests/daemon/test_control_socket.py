"""Commands to a running daemon, over a real Unix socket."""

from __future__ import annotations

import http.client
import socket
import stat
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from fairlead.daemon.control_socket import (
    MAX_BODY_BYTES,
    ControlClient,
    ControlServer,
    _UnixConnection,
    serve_control,
)
from fairlead.errors import (
    Bug,
    ConfigError,
    FairleadError,
    PermissionMissing,
    RateLimited,
    StateLocked,
    Unavailable,
)


def refuse(args: Mapping[str, Any]) -> Any:
    raise ConfigError(f"no rep is called {args['rep']!r}")


def stop(args: Mapping[str, Any]) -> Any:
    raise PermissionMissing("cannot edit OwnerId", remedy="grant it")


def slow(args: Mapping[str, Any]) -> Any:
    raise RateLimited("quota", after=30.0, daily=True)


ROUTES = {
    "echo": lambda args: dict(args),
    "status": lambda args: {"at": datetime(2026, 11, 22, tzinfo=UTC), "share": Fraction(1, 3)},
    "refuse": refuse,
    "stop": stop,
    "slow": slow,
    "break": lambda args: {}["jane.canary@mail.example"],
    "unwritable": lambda args: {("a", "b"): 1},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fairlead.sqlite.sock"


@pytest.fixture
def server(path: Path) -> Iterator[ControlServer]:
    running = serve_control(path, ROUTES)
    yield running
    running.close()


@pytest.fixture
def client(server: ControlServer) -> ControlClient:
    return ControlClient(server.path, timeout=10)


def raw(path: Path, method: str, target: str, body: bytes) -> http.client.HTTPResponse:
    connection = _UnixConnection(path, 10)
    try:
        connection.request(method, target, body, {"Host": "localhost"})
        response = connection.getresponse()
        response.read()
        return response
    finally:
        connection.close()


def test_a_command_gets_its_arguments_and_gives_its_result(client: ControlClient) -> None:
    assert client.call("echo", lead="hubspot:contacts:1", n=[1, None, "é"]) == {
        "lead": "hubspot:contacts:1",
        "n": [1, None, "é"],
    }
    assert client.call("status") == {"at": "2026-11-22T00:00:00+00:00", "share": "1/3"}


def test_only_the_daemons_user_may_open_it(server: ControlServer) -> None:
    assert stat.S_IMODE(server.path.stat().st_mode) == 0o600


def test_an_error_of_the_house_comes_out_as_it_went_in(client: ControlClient) -> None:
    with pytest.raises(ConfigError, match="no rep is called 'ann'"):
        client.call("refuse", rep="ann")
    with pytest.raises(PermissionMissing) as missing:
        client.call("stop")
    assert missing.value.remedy == "grant it"
    with pytest.raises(RateLimited) as limited:
        client.call("slow")
    assert (limited.value.after, limited.value.daily) == (30.0, True)


@pytest.mark.parametrize("command", ["break", "unwritable"])
def test_a_fault_inside_is_a_bug_without_details(client: ControlClient, command: str) -> None:
    with pytest.raises(Bug, match="the daemon failed inside: ") as caught:
        client.call(command)
    assert "canary" not in str(caught.value)
    assert client.call("echo") == {}


def test_an_unknown_command_speaks_of_versions(client: ControlClient) -> None:
    with pytest.raises(FairleadError, match=r"unknown command 'frobnicate'.*another version"):
        client.call("frobnicate")


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [
        ("GET", b"", 405),
        ("POST", b"[1]", 422),
        ("POST", b"{", 422),
        ("POST", b" " * (MAX_BODY_BYTES + 1), 413),
    ],
)
def test_what_is_no_command_is_refused(
    server: ControlServer, method: str, body: bytes, status: int
) -> None:
    assert raw(server.path, method, "/echo", body).status == status


def test_commands_run_side_by_side(path: Path) -> None:
    both = threading.Barrier(2)

    def meet(args: Mapping[str, Any]) -> Any:
        both.wait(timeout=10)
        return args["n"]

    server = serve_control(path, {"meet": meet})
    results: list[int] = []
    client = ControlClient(path, timeout=20)
    threads = [
        threading.Thread(target=lambda n=n: results.append(client.call("meet", n=n)))
        for n in (1, 2)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join(timeout=20)
    server.close()
    assert sorted(results) == [1, 2]


def test_a_second_daemon_is_refused(server: ControlServer) -> None:
    with pytest.raises(StateLocked, match="another daemon answers"):
        serve_control(server.path, ROUTES)
    assert ControlClient(server.path).running()


def test_a_dead_daemons_socket_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert path.exists()
    assert not ControlClient(path).running()
    server = serve_control(path, ROUTES)
    assert ControlClient(path).call("echo") == {}
    server.close()


def test_a_file_that_is_no_socket_is_left_alone(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(ConfigError, match="exists and is no socket"):
        serve_control(path, ROUTES)
    assert path.read_text() == "precious"


def test_closing_removes_the_socket_and_only_ours(server: ControlServer) -> None:
    server.close()
    assert not server.path.exists()
    assert not server.alive
    with pytest.raises(Unavailable, match="no daemon answers on"):
        ControlClient(server.path).call("echo")


def test_closing_leaves_a_successors_socket(server: ControlServer) -> None:
    server.path.rename(server.path.with_suffix(".old"))
    server.path.write_text("successor")
    server.close()
    assert server.path.read_text() == "successor"


def test_a_folder_that_does_not_exist_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot listen on"):
        serve_control(tmp_path / "none" / "s.sock", ROUTES)

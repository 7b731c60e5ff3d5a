"""What the adapters of both sandboxes share: a served org, its control surface, its audit."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import requests

from fairlead.clock import SystemClock
from fairlead.sandbox.faults import FaultPlan
from fairlead.sandbox.org import Org, Row, SandboxClock, Write
from fairlead.sandbox.server import RunningServer, serve
from fairlead.sandbox.wire import FaceFactory

TOKEN = "sandbox-token"


_SERVERS: dict[str, RunningServer] = {}
"""One server per CRM for the whole run: stopping one takes longer than most tests."""


def close_servers() -> None:
    while _SERVERS:
        _SERVERS.popitem()[1].close()


def _server(factory: FaceFactory) -> RunningServer:
    if factory.name not in _SERVERS:
        # A placeholder: the address is known once the port is, and each test brings its own org.
        org = Org(SandboxClock(SystemClock().now))
        server = serve(factory.build(org, token=TOKEN, base_url=""))
        _SERVERS[factory.name] = server
    return _SERVERS[factory.name]


class ServedSandbox:
    """A fresh org over HTTP on loopback. Orders go through `/_sandbox`; truth is read in place."""

    def __init__(self, factory: FaceFactory) -> None:
        self.org = Org(SandboxClock(SystemClock().now), seed=7)
        server = _server(factory)
        self.url = server.url
        self.face = factory.build(self.org, token=TOKEN, base_url=self.url)
        server.app.face, server.app.faults = self.face, FaultPlan(self.org.rng)
        self._http = requests.Session()
        self._http.trust_env = False
        self._folder = tempfile.TemporaryDirectory()

    def control(self, what: str, order: Mapping[str, Any]) -> dict[str, Any]:
        answer = self._http.post(f"{self.url}/_sandbox/{what}", json=order, timeout=30)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def act(self, **order: Any) -> dict[str, Any]:
        return self.control("act", order)

    def tune(self, **settings: Any) -> None:
        self.control("settings", settings)

    def break_calls(self, kind: str, *, path: str, where: str) -> None:
        order = {"kind": kind, "path": path, "where": where, "count": None}
        self.control("faults", order)

    def heal(self) -> None:
        answer = self._http.delete(f"{self.url}/_sandbox/faults", timeout=30)
        assert answer.status_code == 200, answer.text

    def pass_time(self, seconds: float) -> None:
        self.control("clock", {"advance_seconds": seconds})

    def now(self) -> datetime:
        return self.org.now()

    def row(self, table: str, id: str) -> Row:
        row = self.org.get(table, id)
        assert row is not None, f"there is no {table} {id}"
        return row

    def our_writes(self) -> list[Write]:
        with self.org.lock:
            return [w for w in self.org.writes if w.who.kind == "integration"]

    def secret(self, name: str, text: str) -> Path:
        path = Path(self._folder.name) / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path

    def close(self) -> None:
        self._http.close()
        self._folder.cleanup()


def deserted_url() -> str:
    """An address on loopback at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"

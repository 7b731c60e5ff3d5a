"""The health and metrics server, over real HTTP on loopback."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from fairlead.errors import ConfigError
from fairlead.metrics import Metrics
from fairlead.web import PollSign, Signs, WebServer, build_app, serve_web


@dataclass
class FakeDaemon:
    signs_now: Signs = field(default_factory=lambda: Signs({"hubspot": PollSign(1.0, 5.0)}, {}))
    broken: bool = False

    def signs(self) -> Signs:
        if self.broken:
            raise RuntimeError("jane.canary@mail.example")
        return self.signs_now


@pytest.fixture
def daemon() -> FakeDaemon:
    return FakeDaemon()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def server(daemon: FakeDaemon, metrics: Metrics) -> Iterator[WebServer]:
    running = serve_web(build_app(daemon, metrics), "127.0.0.1", 0)
    yield running
    running.close()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str


def ask(server: WebServer, path: str, *, method: str = "GET", **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        text = response.read().decode()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, text)
    finally:
        connection.close()


def test_healthz_follows_the_signs(server: WebServer, daemon: FakeDaemon) -> None:
    well = ask(server, "/healthz")
    assert (well.status, json.loads(well.text)["ok"]) == (200, True)
    daemon.signs_now = Signs({"hubspot": PollSign(99.0, 5.0)}, {"sweep": False})
    ill = ask(server, "/healthz")
    assert ill.status == 503
    assert json.loads(ill.text)["wrong"] == [
        "hubspot: last polled 99 s ago, late after 15 s",
        "sweep: loop is not running",
    ]


def test_metrics_are_served_in_prometheus_form(server: WebServer, metrics: Metrics) -> None:
    metrics.leads_seen_total.labels(crm="hubspot").inc(3)
    answer = ask(server, "/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert 'fairlead_leads_seen_total{crm="hubspot"} 3.0' in answer.text


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/nowhere"])
def test_every_answer_carries_the_safety_headers(server: WebServer, path: str) -> None:
    headers = ask(server, path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


@pytest.mark.parametrize("path", ["/", "/docs", "/healthz/", "/metrics/x", "/openapi.json"])
def test_there_is_nothing_else(server: WebServer, path: str) -> None:
    assert ask(server, path).status in (307, 404)
    assert "location" not in ask(server, "/docs").headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(server: WebServer, method: str) -> None:
    assert ask(server, "/healthz", method=method).status == 405


@pytest.mark.parametrize("host", ["rebound.example", "192.0.2.1:9464", "", "127.0.0.1.example"])
def test_a_page_that_points_its_own_name_at_loopback_is_refused(
    server: WebServer, host: str
) -> None:
    assert ask(server, "/metrics", Host=host).status == 421


@pytest.mark.parametrize("host", ["localhost", "localhost:9464", "127.0.0.1", "[::1]:9464"])
def test_this_machines_names_are_not(server: WebServer, host: str) -> None:
    assert ask(server, "/healthz", Host=host).status == 200


def test_a_fault_inside_tells_the_caller_nothing(server: WebServer, daemon: FakeDaemon) -> None:
    daemon.broken = True
    answer = ask(server, "/healthz")
    assert answer.status == 500
    assert "canary" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_closed_server_lets_its_port_go(server: WebServer) -> None:
    server.close()
    server.close()
    assert not server.alive
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", server.port))


def test_a_taken_port_is_a_configuration_error(server: WebServer) -> None:
    with pytest.raises(ConfigError, match=rf"cannot use 127.0.0.1:{server.port}: Address already"):
        serve_web(build_app(FakeDaemon(), Metrics()), "127.0.0.1", server.port)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "metrics.example"])
def test_it_listens_on_loopback_only(host: str) -> None:
    with pytest.raises(ConfigError, match="is not a loopback address"):
        serve_web(build_app(FakeDaemon(), Metrics()), host, 0)

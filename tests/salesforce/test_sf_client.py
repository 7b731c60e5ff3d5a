"""The transport: what is on the wire, one refresh at most, typed errors only, no call unbounded."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from salesforce.wire_sf import DATA, NOW, ORG, Wire, rows

from fairlead.core.types import Kind, Ref
from fairlead.errors import (
    Ambiguous,
    AuthFailed,
    ConfigError,
    FairleadError,
    PermissionMissing,
    RateLimited,
    Unavailable,
)
from fairlead.spi.connector import Direction, Wanted
from fairlead_salesforce.composite import Part, send
from fairlead_salesforce.connector import FACTORY, SalesforceConnector
from fairlead_salesforce.settings import SalesforceSettings

EXPIRED = [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}]
CONSTANT = {
    "Sforce-Auto-Assign": "FALSE",
    "Sforce-Call-Options": "client=fairlead",
    "X-PrettyPrint": "0",
    "Accept-Encoding": "gzip",
}


def poll(connector: SalesforceConnector) -> None:
    connector.changes({Kind.LEAD: connector.start_cursor(Kind.LEAD, since=None)})


def test_every_call_carries_the_constant_headers_and_a_timeout(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    wire.composite(rows())
    poll(connect(connect_timeout=3, read_timeout=7))
    assert wire.paths() == [
        "/services/data/v67.0/sobjects/Lead/describe",
        "/services/data/v67.0/composite",
    ]
    for call in wire.mock.calls:
        assert call.request.url.startswith(ORG), "plain http reached loopback through the adapter"
        assert call.request.headers["Authorization"] == "Bearer 00D000000000001!first"
        assert {k: call.request.headers[k] for k in CONSTANT} == CONSTANT
        assert call.request.req_kwargs["timeout"] == (3, 7)


def test_an_expired_token_is_renewed_once_and_the_call_keeps_its_headers(
    wire: Wire, connect: Callable[..., Any], token_file: Path
) -> None:
    connector = connect()
    wire.composite(rows())
    poll(connector)
    wire.mock.calls.reset()
    token_file.write_text("00D000000000001!second", encoding="utf-8")
    wire.raw_composite(status=401, json=EXPIRED)
    wire.composite(rows())
    poll(connector)
    first, again = wire.mock.calls
    assert first.request.headers["Authorization"].endswith("!first")
    assert again.request.headers["Authorization"].endswith("!second")
    assert first.request.body == again.request.body
    assert {k: again.request.headers[k] for k in CONSTANT} == CONSTANT


def test_a_token_that_stays_refused_ends_after_one_more_try(
    wire: Wire, connect: Callable[..., Any], token_file: Path
) -> None:
    connector = connect()
    wire.composite(rows())
    poll(connector)
    wire.mock.calls.reset()
    token_file.write_text("00D000000000001!second", encoding="utf-8")
    wire.raw_composite(status=401, json=EXPIRED)
    with pytest.raises(AuthFailed):
        poll(connector)
    assert len(wire.mock.calls) == 2


def test_a_dead_token_file_asks_for_a_new_one(wire: Wire, connect: Callable[..., Any]) -> None:
    connector = connect()
    wire.raw_composite(status=401, json=EXPIRED)
    with pytest.raises(AuthFailed) as caught:
        poll(connector)
    assert "new token" in caught.value.remedy
    assert "first" not in str(caught.value) + caught.value.remedy


def test_a_session_without_api_rights_is_never_refreshed(
    wire: Wire, connect: Callable[..., Any], token_file: Path
) -> None:
    connector = connect()
    token_file.write_text("00D000000000001!second", encoding="utf-8")
    text = "This session is not valid for use with the REST API"
    wire.raw_composite(status=401, json=[{"errorCode": "INVALID_SESSION_ID", "message": text}])
    with pytest.raises(PermissionMissing):
        poll(connector)
    assert len(wire.composites) == 1


@pytest.mark.parametrize(
    ("answer", "reading", "writing"),
    [
        ({"status": 503, "body": "<html>busy</html>"}, Unavailable, Ambiguous),
        ({"status": 420, "body": "<html>slow down</html>"}, Unavailable, Unavailable),
        ({"status": 200, "body": "<html>login</html>"}, Unavailable, Ambiguous),
        ({"status": 200, "body": ""}, Unavailable, Ambiguous),
        ({"status": 200, "body": "true"}, Unavailable, Ambiguous),
        ({"status": 200, "body": "[]"}, Unavailable, Ambiguous),
        ({"status": 200, "body": '{"other": 1}'}, Unavailable, Ambiguous),
        ({"status": 302, "body": ""}, Unavailable, Unavailable),
        ({"body": requests.exceptions.ReadTimeout()}, Unavailable, Ambiguous),
        ({"body": requests.exceptions.ConnectTimeout()}, Unavailable, Unavailable),
        ({"body": requests.exceptions.ConnectionError("reset")}, Unavailable, Ambiguous),
        ({"body": requests.exceptions.ChunkedEncodingError()}, Unavailable, Ambiguous),
    ],
)
def test_no_foreign_exception_leaves(
    wire: Wire,
    connect: Callable[..., Any],
    answer: dict[str, Any],
    reading: type[FairleadError],
    writing: type[FairleadError],
) -> None:
    client = connect()._client
    for is_write, expected in ((False, reading), (True, writing)):
        wire.mock.upsert("POST", f"{DATA}/composite", headers={"Date": NOW}, **answer)
        with pytest.raises(FairleadError) as caught:
            send(client, [Part("GET", "/x")], writing=is_write)
        assert type(caught.value) is expected


def test_retry_after_reaches_the_caller(wire: Wire, connect: Callable[..., Any]) -> None:
    wire.raw_composite(
        status=429, json=[], headers={"Retry-After": "Mon, 02 Mar 2026 10:00:42 GMT", "Date": NOW}
    )
    with pytest.raises(RateLimited) as caught:
        poll(connect())
    assert caught.value.after == 42


@pytest.mark.parametrize(
    ("header", "limit", "left"),
    [
        ("api-usage=18/5000", 5000, 4982),
        ("api-usage=25/5000; per-app-api-usage=17/250(appName=fairlead)", 250, 233),
        ("api-usage=4990/5000;per-app-api-usage=17/250(appName=fairlead)", 5000, 10),
        ("per-app-api-usage=17/250(appName=fairlead)", 250, 233),
        ("api-usage=5001/5000", 5000, 0),
        ("nonsense", None, None),
    ],
)
def test_the_budget_follows_the_tighter_limit(
    wire: Wire, connect: Callable[..., Any], header: str, limit: int | None, left: int | None
) -> None:
    connector = connect()
    assert connector.budget.calls_made == 0
    wire.headers["Sforce-Limit-Info"] = header
    wire.describe("Lead", {"fields": []})
    assert connector.fields() == ()
    assert (connector.budget.daily_limit, connector.budget.daily_remaining) == (limit, left)
    assert connector.budget.calls_made == 1


def test_the_record_url_needs_no_call(wire: Wire, connect: Callable[..., Any]) -> None:
    url = connect().record_url(Ref("salesforce", "Lead", "00Q000000000001AAA"))
    assert url == f"{ORG}/lightning/r/Lead/00Q000000000001AAA/view"
    assert len(wire.mock.calls) == 0


class _Org(BaseHTTPRequestHandler):
    """An org on loopback that voids a token as soon as a newer one was given out."""

    protocol_version = "HTTP/1.1"
    lock = threading.Lock()
    logins = 0
    refused = 0
    all_hit = threading.Barrier(8)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        with self.lock:
            type(self).logins += 1
            token = f"token-{self.logins}"
        port = self.server.server_address[1]
        url = f"http://127.0.0.1:{port}"
        self._answer(200, {"access_token": token, "instance_url": url, "id": f"{url}/id/a/b"})

    def do_GET(self) -> None:
        if self.headers["Authorization"] == f"Bearer token-{type(self).logins}" != "Bearer token-1":
            self._answer(200, {"fields": [{"name": "Id", "type": "id"}]})
            return
        if self.headers["Authorization"] == "Bearer token-1":
            self.all_hit.wait(timeout=20)
        with self.lock:
            type(self).refused += 1
        self._answer(401, EXPIRED)

    def _answer(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture
def org() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Org)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_eight_threads_meeting_one_expired_token_log_in_once(org: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret", encoding="utf-8")
    secret.chmod(0o600)
    settings = SalesforceSettings(
        login="client_credentials", login_url=org, consumer_key="k", consumer_secret_file=secret
    )
    connectors = [FACTORY.build(settings, Direction.READ, Wanted()) for _ in range(8)]
    results: list[Any] = [None] * 8

    def work(place: int) -> None:
        try:
            results[place] = connectors[place].fields()
        except FairleadError as e:
            results[place] = e

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    for connector in connectors:
        connector.close()
    assert [len(fields) for fields in results] == [1] * 8
    assert _Org.logins == 2, "one log-in to begin with, one for all eight after the refusal"
    assert _Org.refused == 8


def test_a_host_outside_salesforce_never_gets_the_token(
    connect: Callable[..., Any], wire: Wire
) -> None:
    connector = connect()
    client = connector._client
    client.token()
    with pytest.raises(ConfigError, match="not a host"):
        client._exchange("GET", "https://evil.example/services/data/v67.0/limits")
    assert len(wire.mock.calls) == 0

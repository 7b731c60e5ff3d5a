"""The one HTTP seam holds against servers that hang, drip, lie, break off and redirect."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from fairlead.errors import Ambiguous, ConfigError, Unavailable
from fairlead.spi import http
from fairlead.spi.http import Pacer, build_session, call, is_loopback, typed_error


class Server:
    """A loopback server whose answer to every call is one function; counts calls and peers."""

    def __init__(self) -> None:
        self.answer: Callable[[BaseHTTPRequestHandler], None] = lambda handler: reply(handler, b"")
        self.calls: list[str] = []
        self.peers: list[Any] = []
        self.let_go = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.calls.append(self.path)
                outer.peers.append(self.client_address)
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.answer(self)

            do_POST = do_GET

            def handle(self) -> None:
                # A client that goes away is what these tests are about.
                with contextlib.suppress(ConnectionError):
                    super().handle()

            def log_message(self, format: str, *args: Any) -> None:
                return

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = False
        self._http.block_on_close = True
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def close(self) -> None:
        self.let_go.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def reply(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def session_of(server: Server) -> Iterator[Callable[..., requests.Session]]:
    made: list[requests.Session] = []

    def build(**settings: Any) -> requests.Session:
        session = build_session(**{"allowed_hosts": ["127.0.0.1"], **settings})
        made.append(session)
        return session

    yield build
    for session in made:
        session.close()
    server.let_go.set()


def broken(session: requests.Session, url: str) -> requests.exceptions.RequestException:
    with pytest.raises(requests.exceptions.RequestException) as caught:
        session.post(url, data=b"{}")
    return caught.value


def test_a_server_that_never_answers_is_left_after_the_read_timeout(
    server: Server, session_of: Callable[..., requests.Session]
) -> None:
    server.answer = lambda handler: (server.let_go.wait(20), None)[1]
    error = broken(session_of(read_timeout=0.1), server.url)
    assert isinstance(error, requests.exceptions.ReadTimeout)
    assert isinstance(typed_error(error, writing=True), Ambiguous)
    assert isinstance(typed_error(error, writing=False), Unavailable)
    assert len(server.calls) == 1, "nothing was sent again"


def test_a_server_that_drips_is_left_at_the_deadline(
    server: Server, session_of: Callable[..., requests.Session]
) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        try:
            while not server.let_go.wait(0.02):
                handler.wfile.write(b".")
        except OSError:
            return

    server.answer = drip
    error = broken(session_of(read_timeout=5, deadline=0.2), server.url)
    assert isinstance(error, requests.exceptions.ReadTimeout)
    assert "too long" in str(error)


def test_a_half_read_connection_is_not_used_again(
    server: Server, session_of: Callable[..., requests.Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MAX_BODY_BYTES", 1000)
    server.answer = lambda handler: reply(handler, b"x" * 200_000)
    session = session_of()
    assert isinstance(broken(session, server.url), http.BodyTooLarge)
    server.answer = lambda handler: reply(handler, b"fresh")
    assert session.get(server.url).content == b"fresh"
    assert server.peers[0] != server.peers[1]


def test_whole_answers_keep_their_connection(
    server: Server, session_of: Callable[..., requests.Session]
) -> None:
    server.answer = lambda handler: reply(handler, b"one")
    session = session_of()
    assert session.get(server.url).text == session.get(server.url).text == "one"
    assert server.peers[0] == server.peers[1]


def test_closing_a_session_hangs_up_at_once(
    server: Server, session_of: Callable[..., requests.Session]
) -> None:
    hung_up = threading.Event()

    def then_wait(handler: BaseHTTPRequestHandler) -> None:
        reply(handler, b"ok")
        if handler.rfile.read(1) == b"":
            hung_up.set()
        handler.close_connection = True

    server.answer = then_wait
    session = session_of()
    kept = session.get(server.url)
    session.close()
    assert hung_up.wait(10)
    assert kept.text == "ok"


def cut_length(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b'{"half":')
    handler.close_connection = True


def cut_chunks(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"5\r\nhello\r\n5\r\nwor")
    handler.close_connection = True


def false_gzip(handler: BaseHTTPRequestHandler) -> None:
    reply(handler, b"no gzip at all", Content_Encoding="gzip")


def no_answer(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


@pytest.mark.parametrize("answer", [cut_length, cut_chunks, false_gzip, no_answer])
def test_an_answer_that_breaks_off_is_ambiguous_for_a_write(
    server: Server,
    session_of: Callable[..., requests.Session],
    answer: Callable[[BaseHTTPRequestHandler], None],
) -> None:
    server.answer = answer
    error = broken(session_of(), server.url)
    assert isinstance(typed_error(error, writing=True), Ambiguous)
    assert isinstance(typed_error(error, writing=False), Unavailable)
    assert len(server.calls) == 1


def test_a_refused_connection_was_never_sent(session_of: Callable[..., requests.Session]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = broken(session_of(), f"http://127.0.0.1:{port}")
    assert isinstance(typed_error(error, writing=True), Unavailable)


def test_redirects_are_not_followed(
    server: Server, session_of: Callable[..., requests.Session]
) -> None:
    server.answer = lambda handler: reply(handler, b"", 302, Location="http://127.0.0.1:1/stolen")
    error = broken(session_of(), server.url)
    assert isinstance(error, requests.exceptions.TooManyRedirects)
    assert server.calls == ["/"]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "https://my.salesforce.com.evil.example/",
        "https://salesforce.com/",
        "http://acme.my.salesforce.com/",
        "https://127.0.0.2/",
        "https://user:pw@evil.example/",
    ],
)
def test_only_listed_hosts_and_only_https_beyond_loopback(
    session_of: Callable[..., requests.Session], url: str
) -> None:
    error = broken(session_of(allowed_hosts=[".salesforce.com", "127.0.0.1"]), url)
    assert isinstance(error, http.HostRefused)
    assert isinstance(typed_error(error, writing=True), ConfigError)


def test_a_session_without_hosts_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one"):
        build_session(allowed_hosts=[])


def test_proxies_and_netrc_of_the_environment_are_ignored(
    server: Server,
    session_of: Callable[..., requests.Session],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/absent")
    server.answer = lambda handler: reply(handler, handler.path.encode())
    assert session_of().get(f"{server.url}/direct").text == "/direct"


def test_every_answer_is_shown_to_the_listener_with_its_body_read(
    server: Server, session_of: Callable[..., requests.Session]
) -> None:
    seen: list[tuple[int, bytes]] = []
    session = session_of(on_response=lambda r: seen.append((r.status_code, r.content)))
    server.answer = lambda handler: reply(handler, b"busy", 503)
    assert session.get(server.url).status_code == 503
    assert seen == [(503, b"busy")], "an error status is an answer, and nothing is sent again"


def test_an_unknown_certificate_means_that_nothing_was_sent() -> None:
    inner = ssl.SSLCertVerificationError("self-signed certificate")
    error = requests.exceptions.SSLError(inner)
    assert isinstance(typed_error(error, writing=True), Unavailable)
    late = requests.exceptions.SSLError(ssl.SSLError("decryption failed or bad record mac"))
    assert isinstance(typed_error(late, writing=True), Ambiguous)


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("[::1]", True),
        ("::1", True),
        ("localhost.evil.example", False),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_loopback_is_told_from_the_rest(host: str, answer: bool) -> None:
    assert is_loopback(host) is answer


class Ticking:
    """A monotonic clock that moves only when somebody waits on its event."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        self.stopped = False

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.now += seconds
        return self.stopped


def pacer_of(clock: Ticking, limit: int, window: float) -> Pacer:
    pacer = Pacer(limit, window, monotonic=clock)
    pacer._stop = clock  # type: ignore[assignment]
    return pacer


def test_no_rolling_window_ever_holds_more_than_the_limit() -> None:
    clock = Ticking()
    pacer = pacer_of(clock, 3, 10.0)
    sent = []
    for pause in (0, 0, 4, 0, 0, 1, 7, 0, 0, 0):
        clock.now += pause
        pacer.acquire()
        sent.append(clock.now)
    for start in sent:
        assert sum(start <= at < start + 10.0 for at in sent) <= 3
    assert clock.waits, "the limit was reached, so somebody waited"


def test_a_hold_stops_everybody_for_its_time() -> None:
    clock = Ticking()
    pacer = pacer_of(clock, 100, 1.0)
    pacer.hold(30)
    pacer.hold(5)
    pacer.acquire()
    assert clock.now == 30


def test_a_stop_ends_the_wait() -> None:
    clock = Ticking()
    clock.stopped = True
    pacer = pacer_of(clock, 1, 60.0)
    pacer.acquire()
    with pytest.raises(Unavailable, match="stopping"):
        pacer.acquire()


def test_the_pacer_is_asked_before_every_call(
    server: Server, session_of: Callable[..., requests.Session]
) -> None:
    stop = threading.Event()
    pacer = Pacer(1, 3600.0, stop=stop)
    session = session_of(pacer=pacer)
    server.answer = lambda handler: reply(handler, b"ok")
    assert session.get(server.url).text == "ok"
    stop.set()
    with pytest.raises(Unavailable):
        session.get(server.url)
    assert len(server.calls) == 1


def test_a_call_says_what_it_is_given_and_keeps_nothing_of_the_last_one(
    server: Server, session_of: Callable[..., requests.Session]
) -> None:
    told: list[dict[str, str]] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        told.append({k.lower(): v for k, v in handler.headers.items()})
        reply(handler, b"{}", 302, Location=f"{server.url}/elsewhere", Set_Cookie="a=1")

    server.answer = answer
    session = session_of()
    session.headers.update({"Accept": "application/json", "X-Kind": "ours"})
    for _ in range(2):
        own = {"x-kind": "theirs", "Authorization": "Bearer t"}
        params = [("q", "a b"), ("q", "\u00e4&")]
        found = call(session, "POST", f"{server.url}/there", own, params=params, body=b"[1]")
        assert found.status_code == 302, "a redirect is an answer"
    call(session, "POST", f"{server.url}/there", {})
    assert server.calls == ["/there?q=a+b&q=%C3%A4%26"] * 2 + ["/there"]
    for headers in told[:2]:
        assert headers["accept"] == "application/json"
        assert headers["x-kind"] == "theirs"
        assert headers["content-length"] == "3"
        assert "cookie" not in headers
    assert told[2]["content-length"] == "0"
    assert "authorization" not in told[2]


def test_a_header_that_would_begin_another_one_is_not_sent(
    server: Server, session_of: Callable[..., requests.Session]
) -> None:
    with pytest.raises(requests.exceptions.InvalidHeader):
        call(session_of(), "GET", server.url, {"Authorization": "Bearer t\r\nX-More: 1"})
    assert server.calls == []


def test_a_call_to_another_host_is_refused(session_of: Callable[..., requests.Session]) -> None:
    with pytest.raises(http.HostRefused):
        call(session_of(), "GET", "https://elsewhere.example/", {"Authorization": "Bearer t"})

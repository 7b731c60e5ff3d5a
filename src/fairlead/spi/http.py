"""The one HTTP seam: every call to a CRM goes through a session built here.

What it adds to `requests`: a timeout on every call and a deadline on the whole answer (a server
that drips bytes cannot hold us), no hidden retries, no redirects, a host allow-list (a token never
leaves for another host), https everywhere but on loopback, no proxy or netrc surprises, a size cap,
and a pacer that waits before a call when the CRM's burst limit asks for it.

`call` sends through such a session without what `requests` does beside it for others (cookies,
hooks, redirects, settings merged from six places), which takes longer than many an answer.

`answered_here` lets a host be answered by a function of this process (`fairlead simulate`): all of
the above still holds, only the socket is left out.

`typed_error` turns what `requests` raises into the house's errors: a *write* that broke after it
may have left is `Ambiguous`, everything else is `Unavailable`.
"""

from __future__ import annotations

import ipaddress
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from fairlead.errors import Ambiguous, ConfigError, FairleadError, Unavailable

MAX_BODY_BYTES = 64 * 1024 * 1024

Answer = Callable[[requests.PreparedRequest], requests.Response]
Seconds = Callable[[], float]
_ANSWERED_HERE: dict[str, Answer] = {}
_TIMED_HERE: dict[str, Seconds] = {}


def seconds_at(netloc: str) -> float:
    """Seconds that only grow, to count what has passed since an answer of `host:port`.

    The machine's, but where the host is answered here, its own.
    """
    return _TIMED_HERE.get(netloc, time.monotonic)()


@contextmanager
def answered_here(netloc: str, answer: Answer, seconds: Seconds = time.monotonic) -> Iterator[None]:
    """Meanwhile `host:port` is a CRM inside this process; loopback only, as plain http is.

    `answer` gets the request that would have gone out and returns a response that is read whole.
    `seconds` is how time passes there.
    """
    host = urlsplit(f"//{netloc}").hostname or ""
    if not is_loopback(host):
        raise ConfigError(f"{host} is not on this machine; it cannot be answered here")
    _ANSWERED_HERE[netloc], _TIMED_HERE[netloc] = answer, seconds
    try:
        yield
    finally:
        del _ANSWERED_HERE[netloc], _TIMED_HERE[netloc]


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether `host` (a name or an address, no port) is this machine's loopback."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class HostRefused(requests.exceptions.RequestException):
    """A call to a host outside the allow-list, or plain http beyond loopback; never sent."""


class BodyTooLarge(requests.exceptions.RequestException):
    """The answer passed the size cap."""


class Pacer:
    """At most `limit` calls in any rolling `window` seconds; `acquire` waits for a free place.

    Thread-safe; one pacer is shared by both directions of a connector. `stop` ends a wait early.
    """

    def __init__(
        self,
        limit: int,
        window: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        stop: threading.Event | None = None,
    ) -> None:
        self.limit = limit
        self.window = window
        self._monotonic = monotonic
        self._stop = stop or threading.Event()
        self._sent: deque[float] = deque()
        self._lock = threading.Lock()
        self._not_before = 0.0

    def acquire(self) -> None:
        """Take a place, waiting if none is free; raises Unavailable when stopped meanwhile."""
        while True:
            with self._lock:
                now = self._monotonic()
                while self._sent and now - self._sent[0] >= self.window:
                    self._sent.popleft()
                wait = self._not_before - now
                if wait <= 0 and len(self._sent) < self.limit:
                    self._sent.append(now)
                    return
                if wait <= 0:
                    wait = self.window - (now - self._sent[0])
            if self._stop.wait(max(wait, 0.001)):
                raise Unavailable("stopping")

    def hold(self, seconds: float) -> None:
        """Let nobody pass for `seconds`: the CRM said Retry-After."""
        with self._lock:
            self._not_before = max(self._not_before, self._monotonic() + seconds)


class HouseAdapter(HTTPAdapter):
    """The transport under every session: see the module docstring."""

    def __init__(
        self,
        *,
        allowed: Callable[[str], bool],
        connect_timeout: float,
        read_timeout: float,
        deadline: float,
        on_response: Callable[[requests.Response], None] | None = None,
        pacer: Pacer | None = None,
        pool_size: int = 4,
    ) -> None:
        super().__init__(pool_connections=pool_size, pool_maxsize=pool_size, max_retries=0)
        self._allowed = allowed
        self._timeout = (connect_timeout, read_timeout)
        self._deadline = deadline
        self._on_response = on_response
        self._pacer = pacer

    def send(  # type: ignore[override]
        self, request: requests.PreparedRequest, **kwargs: Any
    ) -> requests.Response:
        self._check_host(request.url or "")
        if self._pacer is not None:
            self._pacer.acquire()
        kwargs["timeout"] = self._timeout
        kwargs["stream"] = True
        ends = time.monotonic() + self._deadline
        here = _ANSWERED_HERE.get(urlsplit(request.url or "").netloc) if _ANSWERED_HERE else None
        if here is not None:
            response = here(request)
        else:
            response = super().send(request, **kwargs)
            self._read_all(response, ends)
        if self._on_response is not None:
            self._on_response(response)
        return response

    def close(self) -> None:
        # urllib3 only forgets its pools, so sockets would stay open until they are collected.
        pools = self.poolmanager.pools
        for key in pools.keys():  # noqa: SIM118 - it refuses plain iteration
            pool = pools.get(key)
            if pool is not None:
                pool.close()
        super().close()

    def _check_host(self, url: str) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme != "https" and not is_loopback(host):
            raise HostRefused(f"refused plain {parts.scheme} to {host}")
        if not self._allowed(host):
            raise HostRefused(f"refused to call {host}: it is not a host of this CRM")

    def _read_all(self, response: requests.Response, ends: float) -> None:
        # read1 returns what one recv brought; read() would block until the whole chunk is there.
        # A connection left half read is closed, never pooled: its rest would answer the next call.
        chunks: list[bytes] = []
        size = 0
        whole = False
        try:
            while chunk := response.raw.read1(1 << 16, decode_content=True):
                chunks.append(chunk)
                size += len(chunk)
                if size > MAX_BODY_BYTES:
                    raise BodyTooLarge(f"answer larger than {MAX_BODY_BYTES} bytes")
                if time.monotonic() > ends:
                    raise requests.exceptions.ReadTimeout("the whole answer took too long")
            whole = True
        except urllib3.exceptions.ReadTimeoutError as e:
            raise requests.exceptions.ReadTimeout(e) from e
        except urllib3.exceptions.HTTPError as e:
            raise requests.exceptions.ChunkedEncodingError(e) from e
        finally:
            if not whole:
                response.raw.close()
            response.raw.release_conn()
        response._content = b"".join(chunks)
        response._content_consumed = True  # type: ignore[attr-defined]


def build_session(
    *,
    allowed_hosts: Iterable[str],
    connect_timeout: float = 5.0,
    read_timeout: float = 30.0,
    deadline: float = 120.0,
    on_response: Callable[[requests.Response], None] | None = None,
    pacer: Pacer | None = None,
    ca_file: str | None = None,
) -> requests.Session:
    """A session for one direction of one connector.

    `allowed_hosts` are names (`api.hubapi.com`) or suffixes that begin with a dot
    (`.my.salesforce.com`). `ca_file` trusts one more authority (the sandbox's). Sessions are not
    shared between threads.
    """
    hosts = tuple(allowed_hosts)
    if not hosts:
        raise ConfigError("a session needs at least one allowed host")

    def allowed(host: str) -> bool:
        return any(host == h or (h.startswith(".") and host.endswith(h)) for h in hosts)

    session = requests.Session()
    session.trust_env = False
    session.max_redirects = 0
    if ca_file is not None:
        session.verify = ca_file
    adapter = HouseAdapter(
        allowed=allowed,
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        deadline=deadline,
        on_response=on_response,
        pacer=pacer,
    )
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def call(
    session: requests.Session,
    method: str,
    url: str,
    headers: Mapping[str, str],
    *,
    params: Iterable[tuple[str, str]] = (),
    body: bytes | None = None,
) -> requests.Response:
    """One call with the session's headers and these; never redirected, no cookie kept or sent.

    Raises what `requests` raises, a header or address that cannot be sent included; see
    `typed_error`.
    """
    request = requests.PreparedRequest()
    request.method = method
    request.url = _address(url, tuple(params))
    request.prepare_headers({**session.headers, **headers})
    request.body = body or None
    if body:
        request.headers["Content-Length"] = str(len(body))
    elif method not in ("GET", "HEAD"):
        request.headers["Content-Length"] = "0"
    verify = True if session.verify is None else session.verify
    return session.get_adapter(request.url).send(request, verify=verify)


@lru_cache(maxsize=256)
def _address(url: str, params: tuple[tuple[str, str], ...]) -> str:
    request = requests.PreparedRequest()
    request.prepare_url(url, params)
    return request.url or ""


def typed_error(exc: requests.exceptions.RequestException, *, writing: bool) -> FairleadError:
    """The house's error for a call that brought no answer.

    A refused or unresolved connection, or a certificate we do not trust, means that nothing was
    sent, so it is `Unavailable` even for a write. Any other TLS failure may have come later.
    """
    never_sent = isinstance(exc, requests.exceptions.ConnectTimeout | HostRefused) or (
        isinstance(exc, requests.exceptions.ConnectionError)
        and any(
            isinstance(e, urllib3.exceptions.NewConnectionError | ssl.SSLCertVerificationError)
            for e in _causes(exc)
        )
    )
    if isinstance(exc, HostRefused):
        return ConfigError(str(exc))
    text = f"no answer: {type(exc).__name__}"
    if writing and not never_sent:
        return Ambiguous(text)
    return Unavailable(text)


def _causes(exc: BaseException) -> Iterable[BaseException]:
    seen: set[int] = set()
    todo: list[BaseException] = [exc]
    while todo:
        e = todo.pop()
        if id(e) in seen:
            continue
        seen.add(id(e))
        yield e
        todo += [a for a in (*e.args, e.__cause__, e.__context__) if isinstance(a, BaseException)]
        reason = getattr(e, "reason", None)
        if isinstance(reason, BaseException):
            todo.append(reason)

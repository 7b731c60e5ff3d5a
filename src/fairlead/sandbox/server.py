"""The HTTP shell of a sandbox: uvicorn around `Face.handle`, with faults, latency and the audit.

Loopback only. A fault can answer for the service, delay, drop the connection before or *after* the
request took effect, or cut the answer short: the cases a client must tell apart.
`/_sandbox/...` is the control surface (`sandbox/control.py`), on the same port, outside the audit.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import uvicorn

from fairlead.sandbox import control
from fairlead.sandbox.faults import Fault, FaultPlan
from fairlead.sandbox.wire import Face, Request, Response

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_REQUEST_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files the server speaks TLS with."""

    certificate: str
    key: str


class SandboxApp:
    """ASGI application over one face."""

    def __init__(self, face: Face) -> None:
        self.face = face
        self.faults = FaultPlan(face.org.rng)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = await _read(scope, receive)
        if request is None:
            await _answer(send, Response(413), "")
            return
        if request.path.startswith("/_sandbox"):
            await _answer(send, control.handle(self.face, self.faults, request), "")
            return
        fault = self.faults.draw(request.method, request.path, request.body)
        latency = float(self.face.org.settings.get("latency_ms", 0.0)) / 1000.0
        await asyncio.sleep(latency / 2)
        if fault and fault.where == "before" and await self._strike(fault, request, send):
            return
        response = await asyncio.to_thread(
            exchange, self.face, request, fault.kind if fault else ""
        )
        if fault and fault.where == "after" and await self._strike(fault, request, send):
            return
        await asyncio.sleep(latency / 2)
        encoding = request.headers.get("accept-encoding", "")
        await _answer(send, response, encoding, cut=bool(fault and fault.kind == "truncate"))

    async def _strike(self, fault: Fault, request: Request, send: Send) -> bool:
        """Play the fault; True when it has answered (or hung up) itself."""
        if fault.kind == "truncate":
            return False
        if fault.where == "before":
            org = self.face.org
            with org.lock:
                seq = org.begin_request()
                who = self.face.identify(request)
                org.end_request(seq, request.method, request.path, 0, who, fault.kind)
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
            return False
        if fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
            _hang_up(send)
            return True
        if fault.kind == "reset":
            _hang_up(send)
            return True
        await _answer(send, self.face.fault(fault.kind, fault.params), "")
        return True


def exchange(face: Face, request: Request, note: str = "") -> Response:
    """One request answered by a face, and entered in the audit; the Date is the org's own."""
    org = face.org
    with org.lock:
        org.settle()
        seq = org.begin_request()
        status = 500
        try:
            response = face.handle(request)
            status = response.status
        finally:
            who = face.identify(request)
            org.end_request(seq, request.method, request.path, status, who, note)
        if "Date" not in response.headers and "date" not in map(str.lower, response.headers):
            dated = {**response.headers, "Date": _http_date(org.now())}
            response = Response(response.status, response.body, dated)
        return response


@lru_cache(maxsize=16)
def _http_date(at: datetime) -> str:
    """An instant as the Date header has it."""
    return format_datetime(at, usegmt=True)


async def _read(scope: Scope, receive: Receive) -> Request | None:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_REQUEST_BYTES:
            return None
        if not message.get("more_body"):
            break
    raw = scope.get("raw_path") or scope["path"].encode()
    headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
    return Request(
        method=scope["method"],
        path=unquote(raw.decode("latin-1").split("?")[0]),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=bytes(body),
        raw_path=raw.decode("latin-1"),
    )


async def _answer(send: Send, response: Response, encoding: str, *, cut: bool = False) -> None:
    body = response.body or b""
    headers = [(k.lower().encode(), v.encode("latin-1")) for k, v in response.headers.items()]
    if "gzip" in encoding and len(body) > 512 and not cut:
        body = gzip.compress(body, 1)
        headers.append((b"content-encoding", b"gzip"))
    if response.status != 204:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if cut:
        await send(
            {"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True}
        )
        _hang_up(send)
        return
    await send({"type": "http.response.body", "body": body})


def _hang_up(send: Send) -> None:
    """Drop the connection without an answer, as a broken network does.

    ASGI has no word for it; uvicorn's `send` is a method of the cycle that holds the transport.
    """
    transport: asyncio.Transport = send.__self__.transport  # type: ignore[attr-defined]
    transport.abort()


class RunningServer:
    """A sandbox being served; `url` is its base address, `close()` stops it."""

    def __init__(self, face: Face, bound: socket.socket, *, tls: TlsFiles | None = None) -> None:
        self.face = face
        self.app = SandboxApp(face)
        self._socket = bound
        self.port: int = bound.getsockname()[1]
        self.url = base_url(bound, tls)
        config = uvicorn.Config(
            self.app,
            log_level="critical",
            access_log=False,
            lifespan="off",
            ws="none",
            date_header=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
            ssl_certfile=tls.certificate if tls else None,
            ssl_keyfile=tls.key if tls else None,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run,
            kwargs={"sockets": [self._socket]},
            name=f"sandbox-{face.name}",
            daemon=True,
        )

    def start(self) -> RunningServer:
        self._thread.start()
        return self

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def bind(port: int = 0) -> socket.socket:
    """A listening socket on 127.0.0.1; port 0 picks a free one. Raises OSError when taken."""
    # Only with its protocol named does asyncio switch Nagle's algorithm off; else every answer,
    # being sent in two pieces, waits 40 ms for a delayed acknowledgement.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", port))
        bound.listen(128)
    except OSError:
        bound.close()
        raise
    return bound


def base_url(bound: socket.socket, tls: TlsFiles | None = None) -> str:
    """The address under which a bound socket will be served."""
    return f"{'https' if tls else 'http'}://127.0.0.1:{bound.getsockname()[1]}"


def serve(
    face: Face, *, port: int = 0, tls: TlsFiles | None = None, bound: socket.socket | None = None
) -> RunningServer:
    """Serve a face on 127.0.0.1, on `bound` if given. Connections wait until it is up."""
    return RunningServer(face, bound or bind(port), tls=tls).start()

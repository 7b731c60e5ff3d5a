"""The daemon's HTTP face: /healthz and /metrics, on loopback, for machines.

No page here shows a lead, takes a parameter or changes anything. Requests whose Host is another
name than this machine's are refused, so that a web page cannot read the numbers through a browser
on the same machine by pointing its own name at 127.0.0.1.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from fairlead.errors import ConfigError
from fairlead.metrics import Metrics
from fairlead.serving import Serving
from fairlead.spi.http import is_loopback
from fairlead.web.health import Health, judge

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def build_app(health: Health, metrics: Metrics) -> Hardened:
    """The ASGI application over the daemon's signs and numbers."""

    def healthz(request: Request) -> Response:
        verdict = judge(health.signs())
        return JSONResponse(dict(verdict.body), status_code=verdict.status)

    def numbers(request: Request) -> Response:
        body, content_type = metrics.render(request.headers.get("accept"))
        return Response(body, media_type=content_type)

    return Hardened(Starlette(routes=[Route("/healthz", healthz), Route("/metrics", numbers)]))


class Hardened:
    """Lays the safety headers on every answer and refuses foreign Host names."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", ()),
                    *((k.encode(), v.encode()) for k, v in HEADERS.items()),
                ]
            await send(message)

        host = next((v.decode("latin-1") for k, v in scope["headers"] if k == b"host"), "")
        if is_loopback(_name_of(host)):
            await self._app(scope, receive, send_with_headers)
        else:
            refusal = PlainTextResponse("wrong Host\n", status_code=421)
            await refusal(scope, receive, send_with_headers)


def _name_of(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def serve_web(app: Callable[..., Any], host: str, port: int) -> WebServer:
    """Serve on a loopback address; port 0 picks a free one, see `WebServer.port`.

    Raises ConfigError when the address is not loopback or is taken.
    """
    if not is_loopback(host):
        raise ConfigError(f"listen: {host} is not a loopback address; use 127.0.0.1")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as e:
        bound.close()
        raise ConfigError(
            f"listen: cannot use {host}:{port}: {e.strerror}; choose another port"
        ) from e
    return WebServer(app, bound)


class WebServer:
    """The running health and metrics server; `url` is its base address."""

    def __init__(self, app: Callable[..., Any], bound: socket.socket) -> None:
        host, self.port = bound.getsockname()[:2]
        self.url = f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"
        self._serving = Serving(app, bound, name="web")

    @property
    def alive(self) -> bool:
        return self._serving.alive

    def close(self) -> None:
        self._serving.close()

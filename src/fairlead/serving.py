"""A small HTTP server in a thread: what the health page and the control socket stand on.

The socket is bound and listening before the thread starts, so a caller that connects at once is
kept waiting and not refused.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Any

import uvicorn

TICK = 1.0
"""Seconds; the date of answers is renewed so often."""


class _Quiet(uvicorn.Server):
    """uvicorn, which looks ten times a second whether it should end, told so instead.

    An idle daemon has two of these; their looking was a third of all it did.
    """

    _loop: asyncio.AbstractEventLoop | None = None

    async def main_loop(self) -> None:
        self._over = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            try:
                await asyncio.wait_for(self._over.wait(), TICK)
            except TimeoutError:
                continue

    def end(self) -> None:
        """From any thread: answer what is in hand, then end."""
        self.should_exit = True
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._over.set)


class Serving:
    """One ASGI application served on one bound socket until `close()`.

    `on_closed` runs after the last answer, before the socket is closed. `close()` may be called
    twice, and waits at most five seconds for requests in hand.
    """

    def __init__(
        self,
        app: Callable[..., Any],
        bound: socket.socket,
        *,
        name: str,
        on_closed: Callable[[], None] = lambda: None,
    ) -> None:
        self._socket = bound
        self._on_closed = on_closed
        self._closed = False
        self._server = _Quiet(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                server_header=False,
                proxy_headers=False,
                limit_concurrency=64,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=3,
            )
        )
        bound.listen(64)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [bound]}, name=name, daemon=True
        )
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the serving thread runs."""
        return self._thread.is_alive()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._server.end()
        self._thread.join(timeout=5)
        self._on_closed()
        self._socket.close()

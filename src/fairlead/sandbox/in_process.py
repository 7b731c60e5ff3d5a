"""Both sandboxes without sockets: the connectors' own HTTP calls are answered in this thread.

For `fairlead simulate`, whose time is not the machine's: the same faces, the same audit, the same
bytes as over loopback (`sandbox/server.py`), at a fraction of the time for a call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from urllib.parse import unquote, urlsplit

import requests
from requests.structures import CaseInsensitiveDict

from fairlead.sandbox.both import load_faces
from fairlead.sandbox.org import Org, SandboxClock
from fairlead.sandbox.server import exchange
from fairlead.sandbox.wire import Face, Request
from fairlead.spi.http import answered_here

FIRST_PORT = 1
"""Nobody listens there, so a call that slipped past would be refused and not answered."""


@contextmanager
def faces_in_process(
    *, token: str, seed: int, now: Callable[[], datetime]
) -> Iterator[dict[str, tuple[Face, str]]]:
    """Each CRM's empty face and base URL; while this lasts, calls to those URLs reach them.

    Time passes there by `now` alone: how long the machine takes for a call changes nothing.
    """

    def seconds() -> float:
        return now().timestamp()

    with ExitStack() as stack:
        found = {}
        for port, (name, factory) in enumerate(load_faces().items(), start=FIRST_PORT):
            url = f"http://127.0.0.1:{port}"
            face = factory.build(Org(SandboxClock(now), seed=seed), token=token, base_url=url)
            stack.enter_context(answered_here(urlsplit(url).netloc, _answering(face), seconds))
            found[name] = (face, url)
        yield found


def _answering(face: Face) -> Callable[[requests.PreparedRequest], requests.Response]:
    def answer(prepared: requests.PreparedRequest) -> requests.Response:
        parts = urlsplit(prepared.url or "")
        body = prepared.body or b""
        given = exchange(
            face,
            Request(
                method=prepared.method or "GET",
                path=unquote(parts.path),
                query=parts.query,
                headers={k: _text(v) for k, v in prepared.headers.lower_items()},
                body=body.encode() if isinstance(body, str) else bytes(body),
                raw_path=parts.path,
            ),
        )
        response = requests.Response()
        response.status_code = given.status
        response.headers = CaseInsensitiveDict(given.headers)
        response.encoding = "utf-8"
        response.url = prepared.url or ""
        response.request = prepared
        response._content = given.body or b""
        return response

    return answer


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value

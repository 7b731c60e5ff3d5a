"""What a face gets and gives: one HTTP exchange as plain values, so that it runs without sockets.

`Face.handle` is synchronous and deterministic under the org's lock. The HTTP shell
(`sandbox/server.py`) and, later, the in-process simulator call the same method.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl

from fairlead.sandbox.org import Org


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `path` is decoded and without query; header names are lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    raw_path: str = ""

    def params(self) -> dict[str, str]:
        return dict(parse_qsl(self.query, keep_blank_values=True))

    def json(self) -> Any:
        """The parsed body; raises ValueError when it is not JSON."""
        return json.loads(self.body or b"null")


@dataclass(frozen=True, slots=True)
class Response:
    """One answer; `body` None means an empty one (204)."""

    status: int
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Face(Protocol):
    """One CRM's HTTP surface over an org."""

    name: str
    org: Org

    def handle(self, request: Request) -> Response:
        """Answer one request as the real service would. Never raises for bad input."""
        ...

    def identify(self, request: Request) -> str:
        """A short name of the caller for the audit log; no secret in it."""
        ...

    def fault(self, kind: str, params: Mapping[str, Any]) -> Response:
        """The real service's own answer for a fault by name (docs/sandbox.md lists them)."""
        ...

    def act(self, order: Mapping[str, Any]) -> Mapping[str, Any]:
        """Act as a person or another tool (`/_sandbox/act`); raises ValueError on a bad order."""
        ...

    def tune(self, settings: Mapping[str, Any]) -> None:
        """Change the face's own knobs (`/_sandbox/settings`); raises ValueError on unknown ones."""
        ...


class FaceFactory(Protocol):
    """What the entry-point group `fairlead.sandboxes` names."""

    name: str

    def build(self, org: Org, *, token: str, base_url: str) -> Face:
        """An empty but working CRM: users, queues, schema; `token` is accepted as bearer."""
        ...

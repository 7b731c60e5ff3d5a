"""The smallest face: `PUT /rows/<id>` stores the body, `GET` shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from fairlead.clock import SystemClock
from fairlead.sandbox.faults import FaultPlan
from fairlead.sandbox.org import Org, SandboxClock, Who
from fairlead.sandbox.server import RunningServer, TlsFiles, serve
from fairlead.sandbox.wire import Request, Response

CLIENT = Who("integration", "client", "A client")


def new_org() -> Org:
    return Org(SandboxClock(SystemClock().now), seed=1)


@dataclass
class PlainFace:
    """Rows of text by path; `GET /boom` breaks."""

    org: Org = field(default_factory=new_org)
    name: str = "plain"

    def handle(self, request: Request) -> Response:
        if request.path == "/boom":
            raise RuntimeError("the face broke")
        id = request.path.rpartition("/")[2]
        if request.method == "PUT":
            fields = {"text": request.body.decode()}
            if self.org.get("rows", id) is None:
                self.org.create("rows", id, fields, CLIENT)
            else:
                self.org.update("rows", id, fields, CLIENT)
            return Response(204)
        row = self.org.get("rows", id)
        if row is None:
            return Response(404, b"{}")
        return Response(200, row.fields["text"].encode(), {"Content-Type": "text/plain"})

    def identify(self, request: Request) -> str:
        return "client" if "authorization" in request.headers else "anonymous"

    def fault(self, kind: str, params: Mapping[str, Any]) -> Response:
        if kind != "out_of_tea":
            raise ValueError(f"unknown fault {kind}")
        return Response(418, b"no tea", {"X-Pot": str(params.get("pot", "empty"))})

    def act(self, order: Mapping[str, Any]) -> Mapping[str, Any]:
        if order.get("op") != "write":
            raise ValueError("unknown op")
        who = Who("person", "ada", "Ada")

        def write() -> None:
            self.org.create("rows", str(order["id"]), {"text": "hers"}, who)

        delay = timedelta(seconds=float(order.get("commit_delay_seconds", 0)))
        self.org.later(self.org.now() + delay, write)
        return {"id": order["id"]}

    def tune(self, settings: Mapping[str, Any]) -> None:
        if set(settings) != {"colour"}:
            raise ValueError(f"unknown settings {sorted(settings)}")
        self.org.settings["colour"] = settings["colour"]


@dataclass
class Served:
    """A running server; `reset` gives it a fresh face."""

    server: RunningServer

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def org(self) -> Org:
        return self.server.app.face.org

    def reset(self) -> None:
        face = PlainFace()
        self.server.app.face, self.server.app.faults = face, FaultPlan(face.org.rng)


@contextmanager
def served_face(tls: TlsFiles | None = None) -> Iterator[Served]:
    with serve(PlainFace(), tls=tls) as server:
        yield Served(server)

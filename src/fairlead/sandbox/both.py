"""Both sandboxes at once, as `fairlead sandbox` and the demo run them.

Faces are found by entry point (`fairlead.sandboxes`), so this module knows no CRM. One token is
accepted by both. With `tls` they speak https under an authority made for this run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, cast

from fairlead.clock import SystemClock
from fairlead.errors import ConfigError
from fairlead.sandbox.authority import make_authority
from fairlead.sandbox.org import Org, SandboxClock
from fairlead.sandbox.sample_org import FURNISH, SampleOrg
from fairlead.sandbox.server import RunningServer, base_url, bind, serve
from fairlead.sandbox.wire import Face, FaceFactory

GROUP = "fairlead.sandboxes"


def load_faces() -> dict[str, FaceFactory]:
    """The installed sandboxes by name; raises ConfigError when there is none."""
    found = {e.name: cast(FaceFactory, e.load()) for e in entry_points(group=GROUP)}
    if not found:
        raise ConfigError("no sandbox is installed; reinstall fairlead")
    return dict(sorted(found.items(), reverse=True))


class BothSandboxes:
    """Running sandboxes; a context manager that stops them."""

    def __init__(
        self,
        *,
        token: str,
        ports: Mapping[str, int] | None = None,
        seed: int = 1,
        tls: bool = False,
        sample_org: bool = True,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self.token = token
        self.faces: dict[str, Face] = {}
        self.servers: dict[str, RunningServer] = {}
        self.samples: dict[str, SampleOrg] = {}
        self.ca_file: Path | None = None
        self._stack = ExitStack()
        try:
            self._start(dict(ports or {}), seed, tls, sample_org, now or SystemClock().now)
        except BaseException:
            self._stack.close()
            raise

    def _start(
        self,
        ports: Mapping[str, int],
        seed: int,
        tls: bool,
        sample_org: bool,
        now: Callable[[], datetime],
    ) -> None:
        files = None
        if tls:
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory("-fairlead")))
            self.ca_file, files = make_authority(folder, now())
        for name, factory in load_faces().items():
            try:
                bound = self._stack.enter_context(bind(ports.get(name, 0)))
            except OSError as e:
                raise ConfigError(f"cannot serve {name} on port {ports.get(name)}: {e}") from e
            org = Org(SandboxClock(now), seed=seed)
            face = factory.build(org, token=self.token, base_url=base_url(bound, files))
            if sample_org:
                self.samples[name] = FURNISH[name](face)
            server = serve(face, tls=files, bound=bound)
            self._stack.callback(server.close)
            self.faces[name], self.servers[name] = face, server

    def describe(self) -> dict[str, Any]:
        """What a client needs: each base URL, the token, the authority's file with TLS."""
        about: dict[str, Any] = {name: server.url for name, server in self.servers.items()}
        about["token"] = self.token
        if self.ca_file is not None:
            about["ca_file"] = str(self.ca_file)
        return about

    def __enter__(self) -> BothSandboxes:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

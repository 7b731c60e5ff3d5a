"""The other commands' way into a running daemon: HTTP on a Unix socket only its owner may open.

`POST /<command>` with a JSON object answers `{"ok": true, "result": ...}`, or 400 with
`{"ok": false, "kind": "ConfigError", "error": "..."}` for an error of the house, which the client
raises again as what it was: the command exits as if it had done the work itself. What commands
exist is the caller's table; here is only the wire.

Mode 0600 is the whole of the authentication. The socket listens only after its mode is set, so
there is no moment in which another user could connect.
"""

from __future__ import annotations

import http.client
import os
import socket
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fairlead import errors
from fairlead.errors import Bug, ConfigError, FairleadError, StateLocked, Unavailable
from fairlead.serving import Serving
from fairlead.telemetry import error_fields, get_logger

Command = Callable[[Mapping[str, Any]], Any]

MAX_BODY_BYTES = 1024 * 1024


def serve_control(path: Path, routes: Mapping[str, Command]) -> ControlServer:
    """Listen on `path` and answer each command with its function, in a thread pool.

    A function takes the JSON object and gives anything orjson can write. A socket file that a dead
    daemon left behind is replaced. Raises StateLocked when a living one answers there, ConfigError
    when the path is taken by something else or cannot be bound.
    """
    _make_way(path)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.bind(str(path))
        os.chmod(path, 0o600)
    except OSError as e:
        bound.close()
        raise ConfigError(f"socket: cannot listen on {path}: {e.strerror or e}") from e
    return ControlServer(path, bound, routes)


class ControlServer:
    """The running control socket; `close()` also removes its file."""

    def __init__(self, path: Path, bound: socket.socket, routes: Mapping[str, Command]) -> None:
        self.path = path
        self._inode = path.stat().st_ino
        self._serving = Serving(_app(routes), bound, name="control", on_closed=self._remove)

    @property
    def alive(self) -> bool:
        return self._serving.alive

    def close(self) -> None:
        self._serving.close()

    def _remove(self) -> None:
        # Another daemon may have taken the place over; its file is not ours to remove.
        if self.path.exists() and self.path.stat().st_ino == self._inode:
            self.path.unlink()


def _make_way(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigError(f"socket: {path} exists and is no socket; move it away")
    if _answers(path):
        raise StateLocked(f"another daemon answers on {path}")
    path.unlink(missing_ok=True)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(2)
        try:
            s.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except (BlockingIOError, TimeoutError):
            return True  # somebody listens and is busy
        except OSError as e:
            raise ConfigError(f"socket: cannot use {path}: {e.strerror or e}") from e
        return True


def _app(routes: Mapping[str, Command]) -> Starlette:
    async def answer(request: Request) -> Response:
        name = request.path_params["command"]
        command = routes.get(name)
        if command is None:
            return _json(404, {"ok": False, "kind": "", "error": f"unknown command {name!r}"})
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return _json(413, {"ok": False, "kind": "", "error": "the command is too large"})
        try:
            args = orjson.loads(bytes(body) or b"{}")
        except orjson.JSONDecodeError:
            args = None
        if not isinstance(args, dict):
            return _json(422, {"ok": False, "kind": "", "error": "expected a JSON object"})
        return await run_in_threadpool(_run, name, command, args)

    return Starlette(routes=[Route("/{command}", answer, methods=["POST"])])


def _run(name: str, command: Command, args: dict[str, Any]) -> Response:
    log = get_logger(command=name)
    try:
        result = command(args)
        response = _json(200, {"ok": True, "result": result})
    except Exception as e:
        if isinstance(e, FairleadError) and not isinstance(e, Bug):
            log.info("control.called", outcome="refused", **error_fields(e))
            answer = {"ok": False, "kind": type(e).__name__, "error": str(e), "detail": vars(e)}
            return _json(400, answer)
        log.error("control.failed", **error_fields(e))
        text = f"the daemon failed inside: {type(e).__name__} (its log says where)"
        return _json(500, {"ok": False, "kind": "Bug", "error": text})
    log.debug("control.called", outcome="done")
    return response


def _json(status: int, value: Any) -> Response:
    body = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
    return Response(body, status_code=status, media_type="application/json")


class ControlClient:
    """Calls a running daemon's commands; opens one connection for each call."""

    def __init__(self, path: Path, *, timeout: float = 60.0) -> None:
        self.path = path
        self._timeout = timeout

    def running(self) -> bool:
        """Whether a daemon listens there now."""
        return _answers(self.path)

    def call(self, command: str, **args: Any) -> Any:
        """The command's result; its error is raised as the house's error that it was.

        Raises Unavailable when no daemon answers, or not within the timeout.
        """
        connection = _UnixConnection(self.path, self._timeout)
        try:
            headers = {"Content-Type": "application/json", "Host": "localhost"}
            connection.request("POST", f"/{command}", orjson.dumps(args), headers)
            response = connection.getresponse()
            answer = orjson.loads(response.read())
        except PermissionError as e:
            raise ConfigError(
                f"{self.path} belongs to another user; run this as root or as the daemon's user"
            ) from e
        except (OSError, http.client.HTTPException, orjson.JSONDecodeError) as e:
            raise Unavailable(f"no daemon answers on {self.path} ({type(e).__name__})") from e
        finally:
            connection.close()
        if answer["ok"]:
            return answer["result"]
        if response.status == 404:
            raise FairleadError(f"{answer['error']}: the running daemon is of another version")
        error = _error_called(answer["kind"])(answer["error"])
        vars(error).update(answer.get("detail", {}))
        raise error


def _error_called(kind: str) -> type[FairleadError]:
    found = getattr(errors, kind, None)
    return found if isinstance(found, type) and issubclass(found, FairleadError) else FairleadError


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))

"""The control surface `/_sandbox/...`: what a test, a demo or a person may do to the org.

| request | does |
|---|---|
| `GET  /_sandbox/health` | says the name of the CRM and its clock |
| `POST /_sandbox/act` | acts as a person, another tool or the system (the face documents orders) |
| `POST /_sandbox/settings` | `latency_ms` and the face's own knobs |
| `POST /_sandbox/clock` | `{"advance_seconds": n}` moves the org's clock |
| `POST /_sandbox/faults`, `DELETE` | adds a fault (`sandbox/faults.py`), clears all |
| `GET  /_sandbox/audit?since=N` | requests and writes with a sequence number above N |
| `GET  /_sandbox/rows/{table}` | every row as it truly is, deleted ones included |

Bad orders are answered 400 with a sentence; nothing is ignored.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any

from fairlead.sandbox.faults import TRANSPORT_KINDS, Fault, FaultPlan
from fairlead.sandbox.org import Org, Row
from fairlead.sandbox.wire import Face, Request, Response


def handle(face: Face, faults: FaultPlan, request: Request) -> Response:
    """Answer one control request."""
    route = request.path.removeprefix("/_sandbox").rstrip("/")
    try:
        with face.org.lock:
            face.org.settle()
            if request.method == "GET" and route.startswith("/rows/"):
                return _json(200, _rows(face.org, route.removeprefix("/rows/")))
            do = _ROUTES.get((request.method, route))
            if do is None:
                return _json(404, {"error": f"no such control: {request.method} {request.path}"})
            return _json(200, do(face, faults, request))
    except (ValueError, KeyError, TypeError) as e:
        return _json(400, {"error": f"{type(e).__name__}: {e}"})


def _health(face: Face, _: FaultPlan, __: Request) -> Any:
    return {"name": face.name, "now": face.org.now()}


def _act(face: Face, _: FaultPlan, request: Request) -> Any:
    return face.act(_object(request))


def _settings(face: Face, _: FaultPlan, request: Request) -> Any:
    order = dict(_object(request))
    if "latency_ms" in order:
        face.org.settings["latency_ms"] = float(order.pop("latency_ms"))
    if order:
        face.tune(order)
    return face.org.settings


def _clock(face: Face, _: FaultPlan, request: Request) -> Any:
    order = _object(request)
    face.org.clock.advance(timedelta(seconds=float(order["advance_seconds"])))
    face.org.settle()
    return {"now": face.org.now()}


def _add_fault(face: Face, faults: FaultPlan, request: Request) -> Any:
    order = _object(request)
    known = {f.name for f in fields(Fault)}
    if unknown := sorted(set(order) - known):
        raise ValueError(f"unknown fault setting {unknown[0]}; known: {', '.join(sorted(known))}")
    fault = Fault(**order)
    if fault.kind not in TRANSPORT_KINDS:
        face.fault(fault.kind, fault.params)
    faults.add(fault)
    return {"added": order["kind"]}


def _clear_faults(_: Face, faults: FaultPlan, __: Request) -> Any:
    faults.clear()
    return {"cleared": True}


def _audit(face: Face, _: FaultPlan, request: Request) -> Any:
    since = int(request.params().get("since", "0"))
    return {
        "requests": [asdict(r) for r in face.org.requests if r.seq > since],
        "writes": [asdict(w) for w in face.org.writes if w.seq > since],
    }


_ROUTES: dict[tuple[str, str], Callable[[Face, FaultPlan, Request], Any]] = {
    ("GET", "/health"): _health,
    ("POST", "/act"): _act,
    ("POST", "/settings"): _settings,
    ("POST", "/clock"): _clock,
    ("POST", "/faults"): _add_fault,
    ("DELETE", "/faults"): _clear_faults,
    ("GET", "/audit"): _audit,
}


def _rows(org: Org, table: str) -> list[dict[str, Any]]:
    return [_row(r) for r in org.rows(table)]


def _row(row: Row) -> dict[str, Any]:
    return asdict(row)


def _object(request: Request) -> Mapping[str, Any]:
    order = request.json()
    if not isinstance(order, dict):
        raise ValueError("the body must be a JSON object")
    return order


def _json(status: int, value: Any) -> Response:
    body = json.dumps(value, default=_plain).encode()
    return Response(status, body, {"Content-Type": "application/json"})


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    return str(value)

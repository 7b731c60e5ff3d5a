"""A HubSpot account on a clock that stands still until a test moves it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fairlead.sandbox.org import Org, SandboxClock
from fairlead.sandbox.wire import Request
from fairlead_hubspot.sandbox.app import FACE, HubspotFace

TOKEN = "pat-eu1-sandbox"
START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str]


class Account:
    """Calls the face as an API client would, without a socket."""

    def __init__(self) -> None:
        self.clock = SandboxClock(lambda: START, frozen_at=START)
        self.org = Org(self.clock, seed=7)
        face = FACE.build(self.org, token=TOKEN, base_url="http://127.0.0.1:4010")
        assert isinstance(face, HubspotFace)
        self.face = face

    def call(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        token: str | None = TOKEN,
        raw: bytes | None = None,
    ) -> Answer:
        path, _, query = target.partition("?")
        headers = {"content-type": "application/json"}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        sent = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        r = self.face.handle(Request(method, path, query, headers, sent, path))
        is_json = "json" in r.headers.get("Content-Type", "")
        return Answer(r.status, json.loads(r.body or b"null") if is_json else r.body, r.headers)

    def get(self, target: str) -> Answer:
        return self.call("GET", target)

    def post(self, target: str, body: Any) -> Answer:
        return self.call("POST", target, body)

    def patch(self, target: str, **properties: str) -> Answer:
        return self.call("PATCH", target, {"properties": properties})

    def make(self, kind: str, **properties: str) -> str:
        made = self.post(f"/crm/v3/objects/{kind}", {"properties": properties})
        assert made.status == 201, made.body
        id: str = made.body["id"]
        return id

    def search(self, kind: str, *filters: dict[str, Any], **more: Any) -> Answer:
        groups = [{"filters": list(filters)}] if filters else []
        return self.post(f"/crm/v3/objects/{kind}/search", {"filterGroups": groups, **more})

    def found(self, kind: str, *filters: dict[str, Any], **more: Any) -> list[str]:
        answer = self.search(kind, *filters, **more)
        assert answer.status == 200, answer.body
        return [r["id"] for r in answer.body["results"]]

    def act(self, **order: Any) -> dict[str, Any]:
        order = {"as" if k == "as_" else k: v for k, v in order.items()}
        return dict(self.face.act(order))

    def owner(self, email: str) -> str:
        id: str = self.act(op="create_owner", email=email)["id"]
        return id

    def tune(self, **knobs: Any) -> None:
        self.face.tune(knobs)

    def pass_seconds(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        self.org.settle()


def eq(name: str, value: str) -> dict[str, str]:
    return {"propertyName": name, "operator": "EQ", "value": value}


def where(name: str, operator: str, **operands: Any) -> dict[str, Any]:
    return {"propertyName": name, "operator": operator, **operands}


def tie(to_id: str, type_id: int) -> dict[str, Any]:
    return {
        "to": {"id": to_id},
        "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}],
    }

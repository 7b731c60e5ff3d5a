"""A Salesforce sandbox in the hand: requests without sockets, a clock that moves when told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote, urlencode

from fairlead.sandbox.org import Org, SandboxClock
from fairlead.sandbox.wire import Request, Response
from fairlead_salesforce.sandbox.app import FACE, SalesforceFace

TOKEN = "integration-token"
START = datetime(2026, 11, 23, 9, 0, 0, 250_000, tzinfo=UTC)
DATA = "/services/data/v67.0"
NO_RULES = {"Sforce-Auto-Assign": "FALSE"}


class Answer:
    """A response with its JSON body parsed."""

    def __init__(self, response: Response) -> None:
        self.status = response.status
        self.headers = response.headers
        self.raw = response.body or b""

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def code(self) -> str:
        """The error code of a REST refusal."""
        return str(self.json[0]["errorCode"])


class Client:
    """One API user of one org."""

    def __init__(self, face: SalesforceFace, token: str = TOKEN) -> None:
        self.face = face
        self.token = token

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        **params: str,
    ) -> Answer:
        """`path` is below the version unless it begins with a slash; it may hold a query."""
        path, _, query = path.partition("?")
        full = path if path.startswith("/") else f"{DATA}/{path}"
        sent = {"authorization": f"Bearer {self.token}"}
        if body is not None:
            sent["content-type"] = "application/json"
        sent |= {k.lower(): v for k, v in (headers or {}).items()}
        data = b"" if body is None else json.dumps(body).encode()
        query = query or urlencode(params, quote_via=quote)
        return Answer(
            self.face.handle(Request(method, unquote(full), query, sent, data, raw_path=full))
        )

    def soql(self, statement: str, *, all_rows: bool = False, **options: str) -> Answer:
        return self.call("GET", "queryAll" if all_rows else "query", headers=options, q=statement)

    def rows(self, statement: str, *, all_rows: bool = False) -> list[dict[str, Any]]:
        answer = self.soql(statement, all_rows=all_rows)
        assert answer.status == 200, answer.raw
        return list(answer.json["records"])

    def values(self, statement: str, field: str = "Id") -> list[Any]:
        return [r[field] for r in self.rows(statement)]

    def lead(self, headers: dict[str, str] | None = None, **fields: Any) -> str:
        """Create a lead without assignment rules and give its id."""
        body = {"LastName": "Lovelace", "Company": "Analytical", **fields}
        answer = self.call("POST", "sobjects/Lead", body, NO_RULES | (headers or {}))
        assert answer.status == 201, answer.raw
        return str(answer.json["id"])

    def get(self, object_name: str, id: str) -> dict[str, Any]:
        answer = self.call("GET", f"sobjects/{object_name}/{id}")
        assert answer.status == 200, answer.raw
        return dict(answer.json)

    def advance(self, seconds: float) -> None:
        self.face.org.clock.advance(timedelta(seconds=seconds))

    def act(self, op: str, **order: Any) -> dict[str, Any]:
        actor = order.pop("who", "person")
        return dict(self.face.act({"op": op, "as": actor, **order}))


def new_client(seed: int = 1) -> Client:
    """A client of a fresh org whose clock stands still."""
    clock = SandboxClock(lambda: START, frozen_at=START)
    return Client(FACE.build(Org(clock, seed=seed), token=TOKEN, base_url=""))

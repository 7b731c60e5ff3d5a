"""One connector over recorded answers at the HTTP seam: `wire` answers, `connect` builds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import responses

from fairlead.spi.connector import Direction, Wanted
from fairlead_hubspot.connector import HubSpotConnector, HubSpotFactory
from fairlead_hubspot.settings import HubSpotSettings

BASE = "https://api.hubapi.com"
DATE = "Mon, 02 Nov 2026 10:00:00 GMT"
PATHS = {
    "search": "/crm/objects/2026-09/{}/search",
    "read": "/crm/objects/2026-09/{}/batch/read",
    "update": "/crm/objects/2026-09/{}/batch/update",
    "create": "/crm/objects/2026-09/{}/batch/create",
    "properties": "/crm/properties/2026-09/{}",
    "list": "/crm/objects/2026-09/{}",
}
FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "hubspot"


class Wire:
    """Answers by address, in the order given, the last one for ever; keeps what was asked."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.mock = mock

    def path(self, call: str, kind: str = "contacts") -> str:
        return PATHS[call].format(kind) if call in PATHS else call

    def on(
        self,
        call: str,
        body: Any = None,
        *,
        kind: str = "contacts",
        status: int = 200,
        headers: dict[str, str] | None = None,
        method: str | None = None,
        base: str = BASE,
    ) -> None:
        """Answer `call` with a JSON body, a text as it is, or an exception."""
        path = self.path(call, kind)
        reads = (
            call in ("properties", "list") or "/owners/" in path or path.startswith("/account-info")
        )
        raw = body if isinstance(body, str | Exception) else json.dumps(body)
        self.mock.add(
            method or ("GET" if reads else "POST"),
            base + path,
            body=raw,
            status=status,
            headers={"Date": DATE, **(headers or {})},
            content_type="application/json;charset=utf-8",
        )

    def answer(
        self,
        call: str,
        respond: Callable[[dict[str, Any]], tuple[int, Any]],
        kind: str = "contacts",
    ) -> None:
        """Answer `call` by a function of the asked body."""

        def reply(request: Any) -> tuple[int, dict[str, str], str]:
            status, body = respond(json.loads(request.body))
            return status, {"Date": DATE}, json.dumps(body)

        self.mock.add_callback(
            "POST", BASE + self.path(call, kind), callback=reply, content_type="application/json"
        )

    def schema(self, *, marker: bool = True, audit: bool = True, lead: str = "contacts") -> None:
        """The property definitions that the first write asks for."""
        tasks = [{"name": "hs_task_body"}]
        if marker:
            tasks.append({"name": "fairlead_key", "hasUniqueValue": True})  # type: ignore[dict-item]
        leads = [{"name": "email"}, *([{"name": "fairlead_reason"}] if audit else [])]
        self.on("properties", {"results": tasks}, kind="tasks")
        self.on("properties", {"results": leads}, kind=lead)

    def users(self, *properties: dict[str, Any], after: str | None = None) -> None:
        """One more page of user records; none means that nothing is told of anybody."""
        page: dict[str, Any] = {"results": [{"id": "9", "properties": p} for p in properties]}
        if after is not None:
            page["paging"] = {"next": {"after": after}}
        self.on("list", page, kind="users")

    def asked(self, call: str, kind: str = "contacts") -> list[Any]:
        """The bodies sent to `call`, in order."""
        path = self.path(call, kind)
        return [
            json.loads(c.request.body) if c.request.body else None
            for c in self.mock.calls
            if c.request.url.split("?")[0] == BASE + path
        ]


@pytest.fixture
def wire() -> Iterator[Wire]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Wire(mock)


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., HubSpotSettings]:
    token = tmp_path / "token"
    token.write_text("pat-test-token\n")
    token.chmod(0o600)

    def make(**options: Any) -> HubSpotSettings:
        fast = {"burst_per_10s": 10_000, "search_per_second": 10_000, "portal_id": "1234"}
        return HubSpotSettings(**{"token_file": token, **fast, **options})

    return make


@pytest.fixture
def connect(
    settings: Callable[..., HubSpotSettings],
) -> Iterator[Callable[..., HubSpotConnector]]:
    made: list[HubSpotConnector] = []
    factory = HubSpotFactory()

    def make(*, wanted: Wanted | None = None, **options: Any) -> HubSpotConnector:
        connector = factory.build(settings(**options), Direction.WRITE, wanted or Wanted())
        made.append(connector)
        return connector

    yield make
    for connector in made:
        connector.close()


@pytest.fixture
def payload() -> Callable[[str], Any]:
    """A recorded answer by its file name."""
    return lambda name: json.loads((FIXTURES / f"{name}.json").read_text())

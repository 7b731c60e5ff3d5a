"""Scripted answers of an org and the requests it got, at the HTTP seam."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import responses

ORG = "http://127.0.0.1:4711"
DATA = f"{ORG}/services/data/v67.0"
NOW = "Mon, 02 Mar 2026 10:00:00 GMT"
FIXTURES = Path(__file__).parents[2] / "fixtures" / "salesforce"

ANNA, BEN, ROBOT = "005000000000001AAA", "005000000000002AAA", "005000000000003AAA"
INBOUND = "00G000000000001AAA"


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))


def rows(*records: Any, more: str | None = None) -> dict[str, Any]:
    body = {"totalSize": len(records), "done": more is None, "records": list(records)}
    return body if more is None else {**body, "nextRecordsUrl": more}


def lead(n: int, stamp: str = "2026-03-02T09:00:00.000+0000", **fields: Any) -> dict[str, Any]:
    return {**fixture("lead"), "Id": f"00Q{n:012d}AAA", "SystemModstamp": stamp, **fields}


def shape(*names: str) -> dict[str, Any]:
    """A describe that shows just these fields."""
    return {"fields": [{"name": name} for name in names]}


class Wire:
    """What the org will answer, and what it was asked."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.mock = mock
        self.headers = {"Date": NOW, "Sforce-Limit-Info": "api-usage=18/5000"}
        for name in ("Lead", "Task", "Account"):
            self.describe(name, fixture(f"describe_{name.lower()}"))
        self.describe("Event", shape("DurationInMinutes", "Fairlead_Key__c"))
        self.describe("EmailMessage", shape("MessageDate", "AutomationType", "ActivityId"))
        self.mock.get(
            f"{ORG}/services/oauth2/userinfo", json={"user_id": ROBOT}, headers=self.headers
        )

    def describe(self, obj: str, body: Any, status: int = 200) -> None:
        self.mock.upsert(
            "GET", f"{DATA}/sobjects/{obj}/describe", json=body, status=status, headers=self.headers
        )

    def composite(self, *parts: Any, headers: dict[str, str] | None = None) -> None:
        """One more composite answer: per part a body, or (status, body), or None for no answer."""
        answers = []
        for i, part in enumerate(parts):
            if part is None:
                continue
            status, body = part if isinstance(part, tuple) else (200, part)
            answers.append(
                {"body": body, "httpHeaders": {}, "httpStatusCode": status, "referenceId": f"p{i}"}
            )
        self.raw_composite(json={"compositeResponse": answers}, headers=headers or self.headers)

    def activities(self, *parts: Any) -> None:
        """One more answer about leads: tasks, events, e-mails, status moves, converted leads."""
        self.composite(*parts, *[rows()] * (5 - len(parts)))

    def raw_composite(self, **answer: Any) -> None:
        answer.setdefault("headers", self.headers)
        self.mock.post(f"{DATA}/composite", **answer)

    def people(self, users: Any = None, *, absences: Any = None, presence: Any = None) -> None:
        """Everybody; unless said otherwise nobody is away and nobody signed in to Omni-Channel."""
        everybody = users or fixture("users"), fixture("queues"), fixture("queue_sobjects")
        self.composite(*everybody, absences or rows(), presence or rows())

    @property
    def composites(self) -> list[list[dict[str, Any]]]:
        """The parts of each composite that was sent."""
        return [
            json.loads(call.request.body)["compositeRequest"]
            for call in self.mock.calls
            if call.request.url == f"{DATA}/composite"
        ]

    def paths(self) -> list[str]:
        return [urlsplit(call.request.url).path for call in self.mock.calls]


def soql_of(part: dict[str, Any]) -> str:
    return parse_qs(urlsplit(part["url"]).query)["q"][0]

"""One round trip for several parts: Salesforce's `/composite`, which counts as one API call.

At most five parts may be queries or Collections, and all of ours are one or the other. Parts run in
their order, and what an earlier part committed a later query sees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fairlead_salesforce.client import Client
from fairlead_salesforce.failures import call_error, problems

PARTS = 5
"""Most queries and Collections of one composite [developer docs, `composite` resource]."""

ROWS = 200
"""Most rows of one Collections write."""

WRITE_HEADERS = {
    # Parts inherit only Accept, Authorization and Content-Type of the whole call.
    "Sforce-Auto-Assign": "FALSE",
    "Sforce-Call-Options": "client=fairlead",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One request inside the composite; `url` begins with `/services/data/`."""

    method: str
    url: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """One part's answer; `status` None when Salesforce gave none for it."""

    status: int | None
    body: Any = None

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def send(
    client: Client, parts: Sequence[Part], *, writing: bool
) -> tuple[list[Answer], datetime | None]:
    """Send up to five parts; one answer per part in their order, and the server's clock."""
    payload = {
        "allOrNone": False,
        "collateSubrequests": False,
        "compositeRequest": [
            {
                "method": part.method,
                "url": part.url,
                "referenceId": f"p{i}",
                **({"body": part.body} if part.body is not None else {}),
                **({"httpHeaders": dict(part.headers)} if part.headers else {}),
            }
            for i, part in enumerate(parts)
        ],
    }
    reply = client.call("POST", "composite", payload, writing=writing)
    answers = reply.body.get("compositeResponse") if isinstance(reply.body, dict) else None
    if not isinstance(answers, list):
        raise client.unreadable("holds no compositeResponse")
    by_reference = {
        answer.get("referenceId"): Answer(answer.get("httpStatusCode"), answer.get("body"))
        for answer in answers
        if isinstance(answer, dict) and isinstance(answer.get("httpStatusCode"), int)
    }
    return [by_reference.get(f"p{i}", Answer(None)) for i in range(len(parts))], reply.date


def body_of(client: Client, answer: Answer, what: str) -> Any:
    """The body of a read part; raises the house's error when the part failed."""
    if answer.status is None:
        raise client.unreadable(f"leaves out {what}")
    if not answer.ok:
        raise call_error(answer.status, problems(answer.body), writing=False, what=what)
    return answer.body


def rows_of(client: Client, answer: Answer, what: str) -> tuple[list[Any], str | None]:
    """A query part's rows and the address of the rest, if Salesforce cut the result."""
    body = body_of(client, answer, what)
    if not isinstance(body, dict) or not isinstance(body.get("records"), list):
        raise client.unreadable(f"holds no rows for {what}")
    more = body.get("nextRecordsUrl") if body.get("done") is False else None
    if body.get("done") is False and not isinstance(more, str):
        raise client.unreadable(f"is cut without a next page for {what}")
    return body["records"], more


def all_rows(client: Client, answer: Answer, what: str) -> list[Any]:
    """Every row of a query part, following its pages by further calls."""
    rows, more = rows_of(client, answer, what)
    while more is not None:
        # /services/data/vXX.X/query/01g… : the client puts the first three parts back.
        reply = client.call("GET", more.lstrip("/").split("/", 3)[-1])
        page, more = rows_of(client, Answer(200, reply.body), what)
        rows = rows + page
    return rows


def query_all(client: Client, urls: Sequence[str], what: str) -> list[list[Any]]:
    """The rows of each query, five queries to a round trip."""
    results: list[list[Any]] = []
    for start in range(0, len(urls), PARTS):
        parts = [Part("GET", url) for url in urls[start : start + PARTS]]
        answers, _ = send(client, parts, writing=False)
        results += [all_rows(client, answer, what) for answer in answers]
    return results

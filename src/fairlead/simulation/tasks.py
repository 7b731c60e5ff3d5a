"""Our tasks as the CRMs have them: by their own API, and from when until when each was open."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from fairlead.sandbox.server import exchange
from fairlead.sandbox.wire import Face, Request
from fairlead.simulation.crms import A_FOLLOW_UP, DONE, TASK_TABLE, TOKEN

MARKER = {"salesforce": "Fairlead_Key__c", "hubspot": "fairlead_key"}
OUR_TASKS = (
    "SELECT Fairlead_Key__c, WhoId, OwnerId, Subject, Description FROM Task"
    " WHERE Fairlead_Key__c != null"
)


@dataclass(frozen=True, slots=True)
class Task:
    """A task with our marker as the CRM tells it."""

    marker: str
    lead: str
    owner: str
    subject: str
    text: str

    @property
    def follow_up(self) -> bool:
        return A_FOLLOW_UP in self.text


@dataclass(frozen=True, slots=True)
class Span:
    """When a task was made, and when it was ticked off, if it was."""

    made: datetime
    done: datetime | None


def tasks_of(crm: str, face: Face) -> Iterator[Task]:
    """Our tasks of a CRM, by its own API and not by what our connector makes of it."""
    if crm == "salesforce":
        soql = quote(OUR_TASKS)
        path: str | None = f"/services/data/v67.0/query?q={soql}"
        while path is not None:
            page = _get(face, path)
            for r in page["records"]:
                words = (r["WhoId"], r["OwnerId"], r["Subject"] or "", r["Description"] or "")
                yield Task(r["Fairlead_Key__c"], *words)
            path = page.get("nextRecordsUrl")
        return
    names = "fairlead_key,hubspot_owner_id,hs_task_subject,hs_task_body"
    start = f"/crm/v3/objects/tasks?limit=100&associations=contacts&properties={names}"
    path = start
    while path is not None:
        page = _get(face, path)
        for row in page["results"]:
            given = row["properties"]
            ties = row.get("associations", {}).get("contacts", {}).get("results", [])
            if given.get("fairlead_key"):
                owner, subject, text = (given.get(n) or "" for n in names.split(",")[1:])
                lead = ",".join(sorted({t["id"] for t in ties}))
                yield Task(given["fairlead_key"], lead, owner, subject, text)
        after = page.get("paging", {}).get("next", {}).get("after")
        path = None if after is None else f"{start}&after={after}"


def spans_of(crm: str, face: Face) -> dict[str, Span]:
    """When each of our tasks was open, by its marker, from the history of the sandbox."""
    field, said = DONE[crm]
    found = {}
    for row in face.org.rows(TASK_TABLE[crm]):
        marker = row.fields.get(MARKER[crm])
        if marker:
            ticked = [c.at for c in row.history if c.field == field and c.new == said]
            found[str(marker)] = Span(row.created_at, min(ticked, default=None))
    return found


def _get(face: Face, path: str) -> Any:
    parts = urlsplit(path)
    headers = {"authorization": f"Bearer {TOKEN}"}
    request = Request("GET", unquote(parts.path), parts.query, headers, b"", parts.path)
    answer = exchange(face, request, "audit")
    if answer.status != 200:
        raise ValueError(f"{face.name} answers the audit with {answer.status}")
    return json.loads(answer.body or b"null")

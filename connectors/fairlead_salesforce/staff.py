"""Reading everybody: users, queues and availability, in one call for up to 2,000 of each.

`people` and `availability` say what the rows mean. Absences and presence may be out of our user's
sight, or not exist in the org: then they are told as nothing, and `doctor` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.core.types import CrmOwner, Kind
from fairlead.errors import PermissionMissing, SchemaDrift
from fairlead_salesforce import availability, people, soql
from fairlead_salesforce.availability import Told
from fairlead_salesforce.client import Client
from fairlead_salesforce.composite import Answer, Part, all_rows, send
from fairlead_salesforce.mapping import FEEDS, to_18

USER_COLUMNS = tuple(f for f in FEEDS[Kind.REP].fields if f != "SystemModstamp")
QUERIES = (
    soql.select(USER_COLUMNS, "User"),
    soql.select(("Id", "Name", "DeveloperName", "Email"), "Group", where="Type = 'Queue'"),
    soql.select(("QueueId",), "QueueSobject", where="SobjectType = 'Lead'"),
    availability.ABSENCES,
    availability.PRESENCE,
)
"""As many as one composite takes."""


@dataclass(frozen=True, slots=True)
class Staff:
    """Everybody who can own records, and which parts of their availability the org shows."""

    owners: tuple[CrmOwner, ...]
    tells_absences: bool
    tells_presence: bool


def read(client: Client) -> Staff:
    """All users and queues with their availability; raises as any read does, but not for that."""
    version = client.settings.api_version
    parts = [Part("GET", soql.url(version, query, deleted_too=False)) for query in QUERIES]
    answers, _ = send(client, parts, writing=False)
    users, queues, for_leads = (all_rows(client, answer, "owners") for answer in answers[:3])
    told = Told(
        _rows_if_shown(client, answers[3], "OutOfOffice"),
        _rows_if_shown(client, answers[4], "UserServicePresence"),
    )
    lead_queues = frozenset(to_18(row["QueueId"]) for row in for_leads)
    known = availability.of_users(users, told)
    return Staff(
        people.owners(users, queues, lead_queues, known),
        told.absences is not None,
        told.presence is not None,
    )


def _rows_if_shown(client: Client, answer: Answer, what: str) -> list[Mapping[str, Any]] | None:
    try:
        return all_rows(client, answer, what)
    except (PermissionMissing, SchemaDrift):
        # No such object, or none for us: the same code. The next reading asks again, for free.
        return None

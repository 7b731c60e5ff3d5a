"""The two CRMs of the simulation as people use them, through the sandboxes' own orders.

`moved` collects every change of a lead's owner as it happens, whoever made it: people hear of their
leads in the CRM, not from us.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fairlead.sandbox.org import Row, Write
from fairlead.sandbox.wire import Face
from fairlead.simulation.company import Arrival, Company

OWNER_FIELD = {"salesforce": "OwnerId", "hubspot": "hubspot_owner_id"}
LEAD_TABLE = {"salesforce": "Lead", "hubspot": "contacts"}
TASK_TABLE = {"salesforce": "Task", "hubspot": "tasks"}
STATUS_FIELD = {"salesforce": "Status", "hubspot": "hs_lead_status"}
CONTACTED = {"salesforce": "Working - Contacted", "hubspot": "CONNECTED"}
DISQUALIFIED = {"salesforce": "Closed - Not Converted", "hubspot": "UNQUALIFIED"}
QUEUE = "Inbound"
TOKEN = "simulation"  # noqa: S105 - opens nothing but this run's sandboxes
UNLIMITED = 10**9
SETTLES = {"salesforce": 0.0, "hubspot": 30.0}
"""Seconds after which a search shows each change, HubSpot's own late ones included."""

Key = tuple[str, str]
"""CRM and record id of a lead."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A lead has an owner whom it had not."""

    key: Key
    owner_id: str
    at: datetime


class Crms:
    """Both faces, furnished with the company's people."""

    def __init__(self, faces: Mapping[str, Face], company: Company) -> None:
        self.faces = dict(faces)
        self.company = company
        self.owners: dict[str, dict[str, str]] = {}
        """Owner id by e-mail, for each CRM."""
        self.leads: dict[Key, Arrival] = {}
        self.moved: list[Moved] = []
        self._queue = ""
        self._furnish()
        self.emails = {c: {i: e for e, i in ids.items()} for c, ids in self.owners.items()}
        for crm, face in self.faces.items():
            face.org.listeners.append(self._listener(crm))

    def _furnish(self) -> None:
        people = self.company.people()
        sf, hs = self.faces["salesforce"], self.faces["hubspot"]
        # Calls of minutes fall into one instant here, so limits by the second say nothing.
        limits = ("burst_limit", "associations_limit", "search_per_second")
        hs.tune(dict.fromkeys(limits, UNLIMITED))
        made = sf.act(
            {
                "as": "system",
                "op": "seed_people",
                "people": [
                    {"name": name, "email": email, "timezone": zone}
                    for email, (name, zone) in people.items()
                ],
                "queues": [{"name": QUEUE, "objects": ["Lead"]}],
            }
        )
        self.owners["salesforce"] = {e: made["users"][e] for e in people}
        self._queue = made["queues"][QUEUE]
        self.owners["hubspot"] = {}
        for email, (name, zone) in people.items():
            first, _, last = name.partition(" ")
            order = {"op": "create_owner", "email": email, "first_name": first, "last_name": last}
            owner = hs.act({**order, "time_zone": zone})
            self.owners["hubspot"][email] = str(owner["id"])

    def _listener(self, crm: str) -> Any:
        table, field, people = LEAD_TABLE[crm], OWNER_FIELD[crm], self.emails[crm]

        def tell(row: Row, diff: Mapping[str, tuple[Any, Any]]) -> None:
            if row.table == table and diff.get(field, (None, None))[1] in people:
                self.moved.append(Moved((crm, row.id), str(diff[field][1]), row.modified_at))

        return tell

    # -- what is so -------------------------------------------------------------------------

    def row(self, key: Key) -> Row:
        row = self.faces[key[0]].org.get(LEAD_TABLE[key[0]], key[1])
        assert row is not None, f"there is no lead {key}"
        return row

    def owner(self, key: Key) -> str | None:
        """The e-mail of the person who has a lead; None while nobody does."""
        return self.emails[key[0]].get(str(self.row(key).fields.get(OWNER_FIELD[key[0]])))

    def writes(self, crm: str) -> list[Write]:
        return self.faces[crm].org.writes

    # -- what people and forms do -----------------------------------------------------------

    def arrive(self, a: Arrival) -> Key:
        """A form makes a record; one that is not ours is a rep's own or a subscriber."""
        name, _, domain = a.email.partition("@")
        fields: dict[str, Any]
        if a.crm == "salesforce":
            mine = self.owners["salesforce"][self.company.of_office(a.office)[0].email]
            fields = {
                "FirstName": "Visitor",
                "LastName": name,
                "Company": domain.partition(".")[0].capitalize(),
                "Email": a.email,
                "CountryCode": a.office.country,
                "NumberOfEmployees": a.employees,
                "OwnerId": self._queue if a.kind == "routable" else mine,
            }
        else:
            fields = {
                "firstname": "Visitor",
                "lastname": name,
                "email": a.email,
                "country": a.office.country_name,
                "numemployees": "1000+" if a.employees >= 1000 else "25-50",
                "lifecyclestage": "lead" if a.kind == "routable" else "subscriber",
            }
        order = {"as": "tool", "op": "create", "object": LEAD_TABLE[a.crm], "fields": fields}
        key = (a.crm, str(self.faces[a.crm].act(order)["id"]))
        self.leads[key] = a
        return key

    def logs(self, key: Key, who: str, what: str) -> None:
        """A person logs a call or an e-mail they sent."""
        crm, rid = key
        if crm == "salesforce":
            self._act(crm, who, op="log_call" if what == "call" else "log_email", id=rid)
        else:
            self._act(crm, who, op="log", object=f"{what}s", contact=rid)

    def sets_status(self, key: Key, who: str, status: Mapping[str, str]) -> None:
        """A person moves a lead's status."""
        self._sets(key, who, {STATUS_FIELD[key[0]]: status[key[0]]})

    def gives(self, key: Key, who: str, to: str) -> None:
        """A person makes somebody else the owner."""
        self._sets(key, who, {OWNER_FIELD[key[0]]: self.owners[key[0]][to]})

    def _sets(self, key: Key, who: str, fields: Mapping[str, str]) -> None:
        table = LEAD_TABLE[key[0]]
        self._act(key[0], who, op="update", object=table, id=key[1], fields=dict(fields))

    def _act(self, crm: str, who: str, **order: Any) -> None:
        self.faces[crm].act({"as": "person", "user": who, **order})

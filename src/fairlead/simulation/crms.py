"""The two CRMs of the simulation as people use them, through the sandboxes' own orders.

`moved` collects every change of a lead's owner as it happens, whoever made it, and `asked` every
follow-up that is put on somebody's list: people hear of their work in the CRM, not from us.
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
RECYCLED = {"salesforce": "Nurture", "hubspot": "BAD_TIMING"}
DEAL = {"salesforce": ("Rating", "Hot"), "hubspot": ("hs_lead_status", "OPEN_DEAL")}
"""The field that tells that a deal has begun, and what it says then."""
REASON_FIELD = {"salesforce": "Lost_Reason__c", "hubspot": "lost_reason"}
DATE_FIELD = {"salesforce": "Future_Interest__c", "hubspot": "future_interest"}
DEMO_FIELD = {"salesforce": "Demo_Requested__c", "hubspot": "demo_requested"}
REPLY_FIELD = {"salesforce": "Instant_Reply__c", "hubspot": "instant_reply"}
DONE = {
    "salesforce": ("Status", "Completed"),
    "hubspot": ("hs_task_status", "COMPLETED"),
}
"""The field that tells that a task is done, and what it says then."""
TEXT_FIELD = {"salesforce": "Description", "hubspot": "hs_task_body"}
TASK_OWNER = {"salesforce": "OwnerId", "hubspot": "hubspot_owner_id"}
A_FOLLOW_UP = "fairlead: follow-up"
QUEUE, NURTURE = "Inbound", "Nurture"
TOKEN = "simulation"  # noqa: S105 - opens nothing but this run's sandboxes
UNLIMITED = 10**9
SETTLES = {"salesforce": 1.0, "hubspot": 30.0}
"""Seconds after which a search shows each change, ours and HubSpot's own late ones included."""

Key = tuple[str, str]
"""CRM and record id of a lead."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A lead has an owner whom it had not."""

    key: Key
    owner_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """A follow-up stands on somebody's list, a new one or one that takes the place of the last."""

    crm: str
    task: str
    owner_id: str
    at: datetime


class Crms:
    """Both faces, furnished with the company's people, queues, campaigns and lists."""

    def __init__(self, faces: Mapping[str, Face], company: Company) -> None:
        self.faces = dict(faces)
        self.company = company
        self.owners: dict[str, dict[str, str]] = {}
        """Owner id by e-mail, for each CRM."""
        self.leads: dict[Key, Arrival] = {}
        self.moved: list[Moved] = []
        self.asked: list[Asked] = []
        self.groups: dict[str, str] = {}
        """The webinar's and the nurture campaign or list of each CRM, as `webinar_salesforce`."""
        self.nurture = ""
        """The queue of recycled leads, in Salesforce."""
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
                "queues": [{"name": name, "objects": ["Lead"]} for name in (QUEUE, NURTURE)],
            }
        )
        self.owners["salesforce"] = {e: made["users"][e] for e in people}
        self._queue, self.nurture = made["queues"][QUEUE], made["queues"][NURTURE]
        self.owners["hubspot"] = {}
        for email, (name, zone) in people.items():
            first, _, last = name.partition(" ")
            order = {"op": "create_owner", "email": email, "first_name": first, "last_name": last}
            owner = hs.act({**order, "time_zone": zone})
            self.owners["hubspot"][email] = str(owner["id"])
        for name in ("webinar", "nurture"):
            made = sf.act({"op": "create", "object": "Campaign", "fields": {"Name": name}})
            self.groups[f"{name}_salesforce"] = str(made["id"])
            made = hs.act({"op": "create_list", "name": name, "object": "contacts"})
            self.groups[f"{name}_hubspot"] = str(made["id"])

    def _listener(self, crm: str) -> Any:
        table, field, people = LEAD_TABLE[crm], OWNER_FIELD[crm], self.emails[crm]
        tasks, text, done = TASK_TABLE[crm], TEXT_FIELD[crm], DONE[crm]

        def tell(row: Row, diff: Mapping[str, tuple[Any, Any]]) -> None:
            if row.table == table and diff.get(field, (None, None))[1] in people:
                self.moved.append(Moved((crm, row.id), str(diff[field][1]), row.modified_at))
            told = row.table == tasks and A_FOLLOW_UP in str(diff.get(text, ("", ""))[1])
            if told and row.fields.get(done[0]) != done[1]:
                owner = str(row.fields.get(TASK_OWNER[crm]))
                self.asked.append(Asked(crm, row.id, owner, row.modified_at))

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

    def begins_deal(self, key: Key, who: str) -> None:
        """A person says that there is a deal."""
        field, said = DEAL[key[0]]
        self._sets(key, who, {field: said})

    def recycles(self, key: Key, who: str, reason: str, until: datetime | None) -> None:
        """A person says that nothing can be done with a lead now, why, and until when."""
        crm = key[0]
        fields = {STATUS_FIELD[crm]: RECYCLED[crm], REASON_FIELD[crm]: reason}
        if until is not None:
            fields[DATE_FIELD[crm]] = until.isoformat(timespec="milliseconds")
        self._sets(key, who, fields)

    def does(self, asked: Asked, who: str) -> bool:
        """A person ticks a follow-up off; False when it is not open on their list any more."""
        field, said = DONE[asked.crm]
        row = self.faces[asked.crm].org.get(TASK_TABLE[asked.crm], asked.task)
        if row is None or row.deleted or row.fields.get(field) == said:
            return False
        if self.emails[asked.crm].get(str(row.fields.get(TASK_OWNER[asked.crm]))) != who:
            return False
        table = TASK_TABLE[asked.crm]
        self._act(asked.crm, who, op="update", object=table, id=row.id, fields={field: said})
        return True

    def asks_for_demo(self, key: Key, at: datetime) -> None:
        """The buyer asks for a demo: the form writes its date."""
        crm, text = key[0], at.isoformat(timespec="milliseconds")
        order = {"as": "tool", "op": "update", "object": LEAD_TABLE[crm], "id": key[1]}
        self.faces[crm].act({**order, "fields": {DEMO_FIELD[crm]: text}})

    def attends(self, key: Key) -> None:
        """The buyer was at the webinar: its tool says so."""
        crm, id = key
        group = self.groups[f"webinar_{crm}"]
        if crm == "hubspot":
            self.faces[crm].act({"as": "tool", "op": "join", "list": group, "ids": [id]})
            return
        fields = {"CampaignId": group, "LeadId": id, "Status": "Responded"}
        order = {"as": "tool", "op": "create", "object": "CampaignMember", "fields": fields}
        self.faces[crm].act(order)

    def members(self, crm: str, name: str) -> set[str]:
        """The leads that are in a campaign or list now."""
        group, org = self.groups[f"{name}_{crm}"], self.faces[crm].org
        if crm == "salesforce":
            rows = [r for r in org.rows("CampaignMember") if r.fields["CampaignId"] == group]
            return {str(r.fields["LeadId"]) for r in rows if not r.deleted}
        rows = [r for r in org.rows("list_memberships") if r.fields["list"] == group]
        return {str(r.fields["record"]) for r in rows if not r.deleted}

    def gives(self, key: Key, who: str, to: str) -> None:
        """A person makes somebody else the owner."""
        self._sets(key, who, {OWNER_FIELD[key[0]]: self.owners[key[0]][to]})

    def _sets(self, key: Key, who: str, fields: Mapping[str, str]) -> None:
        table = LEAD_TABLE[key[0]]
        self._act(key[0], who, op="update", object=table, id=key[1], fields=dict(fields))

    def _act(self, crm: str, who: str, **order: Any) -> None:
        self.faces[crm].act({"as": "person", "user": who, **order})

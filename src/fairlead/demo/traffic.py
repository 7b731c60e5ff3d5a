"""What happens in the two CRMs during the demo: arrivals in bursts, duplicates, people at work.

The script is made beforehand from a seed; `Traffic` plays it through the sandboxes' own orders, as
a web form and as people would.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fairlead.sandbox.both import BothSandboxes
from fairlead.sandbox.sample_org import CUSTOMER_DOMAINS, REPS

LEAVER = "dana@example.com"
"""Deactivated in both CRMs half-way."""
COUNTRIES = {
    "DE": "Germany", "AT": "Austria", "FR": "France", "GB": "United Kingdom",
    "US": "United States", "CA": "Canada", "JP": "Japan",
}  # fmt: skip
SIZES = {5: "1-5", 40: "25-50", 180: "100-500", 1500: "1000+", 6000: "1000+"}
"""The sizes of companies that arrive, and the range HubSpot's contact form keeps of each."""
OWNER_FIELD = {"salesforce": "OwnerId", "hubspot": "hubspot_owner_id"}
LEAD_TABLE = {"salesforce": "Lead", "hubspot": "contacts"}


@dataclass(frozen=True, slots=True)
class Arrival:
    """One lead that comes in: when (seconds from the start), where, who, and what is planted.

    `kind` is routable, unreadable or not_ours (a subscriber, or a lead a rep made for herself).
    """

    at: float
    crm: str
    email: str
    country: str
    employees: int
    kind: str = "routable"


@dataclass(slots=True)
class Planted:
    """What really arrived, by record id, for the verdict."""

    leads: dict[tuple[str, str], Arrival] = field(default_factory=dict)
    taken_by_person: tuple[str, str, str] | None = None
    """(crm, record id, owner id) that a person chose."""
    leaver_since: dict[str, int] = field(default_factory=dict)
    """Audit sequence number in each CRM at which the leaver was deactivated."""


def script(leads: int, seconds: float, seed: int) -> list[Arrival]:
    """The arrivals in order of time: three bursts on a steady trickle, a fifth of them repeats."""
    rng = random.Random(seed)
    bursts = [seconds * f for f in (0.15, 0.5, 0.8)]
    arrivals: list[Arrival] = []
    for i in range(leads):
        if rng.random() < 0.45:
            at = rng.choice(bursts) + rng.random() * 0.3
        else:
            at = rng.random() * seconds * 0.97
        crm = "salesforce" if rng.random() < 0.55 else "hubspot"
        earlier = [a for a in arrivals if a.kind == "routable" and a.at < at - 1.0]
        if earlier and rng.random() < 0.18:
            email = rng.choice(earlier).email
            if crm == "hubspot" and any(a.email == email and a.crm == crm for a in arrivals):
                crm = "salesforce"
        elif rng.random() < 0.08:
            email = f"buyer{i}@{rng.choice(CUSTOMER_DOMAINS)}"
        else:
            email = f"person{i}@company{i}.example"
        employees = rng.choice(tuple(SIZES))
        kind = "not_ours" if rng.random() < 0.04 else "routable"
        if kind == "not_ours":
            email = f"other{i}@elsewhere{i}.example"
        arrivals.append(Arrival(at, crm, email, rng.choice(list(COUNTRIES)), employees, kind))
    spoiled = Arrival(seconds * 0.4, "salesforce", "spoiled@broken.example", "DE", 10, "unreadable")
    return sorted([*arrivals, spoiled], key=lambda a: a.at)


class Traffic:
    """Plays arrivals and people's doings into running sandboxes."""

    def __init__(self, both: BothSandboxes, seed: int) -> None:
        self.both = both
        self.planted = Planted()
        self._rng = random.Random(seed + 1)

    def arrive(self, a: Arrival) -> None:
        """Create the lead as the CRM's web form does (or, if not ours, as somebody else does)."""
        face = self.both.faces[a.crm]
        fields = self._salesforce(a) if a.crm == "salesforce" else self._hubspot(a)
        order: dict[str, Any] = {
            "as": "tool", "op": "create", "object": LEAD_TABLE[a.crm], "fields": fields,
        }  # fmt: skip
        with face.org.lock:
            made = face.act(order)
            if a.kind == "unreadable":
                face.act({"op": "corrupt", "object": LEAD_TABLE[a.crm], "id": made["id"]})
        self.planted.leads[a.crm, str(made["id"])] = a

    def _salesforce(self, a: Arrival) -> Mapping[str, Any]:
        sample = self.both.samples["salesforce"]
        owner = sample.queues["Inbound"]
        if a.kind == "not_ours":
            owner = sample.reps[self._rng.choice(REPS)[1]]
        return {
            "FirstName": "Demo",
            "LastName": a.email.partition("@")[0],
            "Company": a.email.partition("@")[2].partition(".")[0].capitalize(),
            "Email": a.email,
            "CountryCode": a.country,
            "NumberOfEmployees": a.employees,
            "OwnerId": owner,
        }

    def _hubspot(self, a: Arrival) -> Mapping[str, Any]:
        return {
            "firstname": "Demo",
            "lastname": a.email.partition("@")[0],
            "email": a.email,
            "country": COUNTRIES[a.country],
            "numemployees": SIZES[a.employees],
            "lifecyclestage": "subscriber" if a.kind == "not_ours" else "lead",
        }

    def somebody_leaves(self) -> None:
        """A rep is deactivated in both CRMs."""
        for crm, op in (("salesforce", "deactivate_user"), ("hubspot", "deactivate_owner")):
            face = self.both.faces[crm]
            with face.org.lock:
                face.act({"op": op, "id": self.both.samples[crm].reps[LEAVER]})
                self.planted.leaver_since[crm] = last_seq(self.both, crm)

    def somebody_reassigns(self) -> bool:
        """A person gives a lead that we routed to another rep; False while there is none yet."""
        crm = "salesforce"
        face, sample = self.both.faces[crm], self.both.samples[crm]
        reps = {rid: email for email, rid in sample.reps.items()}
        with face.org.lock:
            for rid, a in ((r, a) for (c, r), a in self.planted.leads.items() if c == crm):
                row = face.org.get(LEAD_TABLE[crm], rid)
                alone = sum(b.email == a.email for b in self.planted.leads.values()) == 1
                if row is None or a.kind != "routable" or not alone:
                    continue
                owner = row.fields.get(OWNER_FIELD[crm])
                if owner in reps:
                    other = next(i for i, e in reps.items() if i != owner and e != LEAVER)
                    fields = {OWNER_FIELD[crm]: other}
                    order = {"as": "person", "op": "update", "object": LEAD_TABLE[crm], "id": rid}
                    face.act({**order, "fields": fields})
                    self.planted.taken_by_person = (crm, rid, other)
                    return True
        return False


def last_seq(both: BothSandboxes, crm: str) -> int:
    """The newest audit number of a CRM."""
    writes = both.faces[crm].org.writes
    return writes[-1].seq if writes else 0

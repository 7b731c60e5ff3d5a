"""A plausible org for both sandboxes: reps, queues, accounts, leads that already exist.

Furnished through `Face.act`, as an administrator and people would; names are of example domains.
Seeded by the org's own random numbers: one seed, one org.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fairlead.sandbox.wire import Face

REPS = (
    ("Anna Berger", "anna@example.com"),
    ("Ben Okafor", "ben@example.com"),
    ("Carla Rossi", "carla@example.com"),
    ("Dana Whitfield", "dana@example.com"),
    ("Emil Sand", "emil@example.com"),
    ("Fatima Haddad", "fatima@example.com"),
    ("George Lindqvist", "george@example.com"),
    ("Hana Sato", "hana@example.com"),
)
QUEUES = ("Inbound", "Unmatched")
COUNTRIES = ("DE", "AT", "FR", "GB", "US", "CA", "NO", "JP", "BR")
CUSTOMER_DOMAINS = tuple(f"customer{i}.example" for i in range(1, 13))
COMPANIES = ("Harbour", "Granite", "Juniper", "Lantern", "Meadow", "Orchard", "Quarry", "Saffron")


@dataclass(frozen=True, slots=True)
class SampleOrg:
    """Ids in one CRM: reps by e-mail, queues by name."""

    reps: dict[str, str]
    queues: dict[str, str]


def furnish_salesforce(face: Face) -> SampleOrg:
    """Reps, queues, customer accounts and two dozen open leads, all older than an hour."""
    people = [{"name": name, "email": email} for name, email in REPS]
    made = face.act(
        {
            "as": "system",
            "op": "seed_people",
            "people": people,
            "queues": [{"name": q, "objects": ["Lead"]} for q in QUEUES],
        }
    )
    org = SampleOrg(dict(made["users"]), dict(made["queues"]))
    rng, owners = face.org.rng, list(org.reps.values())
    for i, domain in enumerate(CUSTOMER_DOMAINS):
        fields: dict[str, Any] = {
            "Name": f"{COMPANIES[i % len(COMPANIES)]} {i + 1}",
            "Website": f"https://www.{domain}",
            "Type": "customer" if i % 3 else "prospect",
            "NumberOfEmployees": rng.choice((40, 300, 2500)),
            "OwnerId": owners[i % len(owners)],
        }
        face.act({"as": "system", "op": "create", "object": "Account", "fields": fields})
    before = face.org.now() - timedelta(hours=2)
    for i in range(24):
        fields = {
            "FirstName": "Existing",
            "LastName": f"Lead{i}",
            "Company": f"{COMPANIES[i % len(COMPANIES)]} Works",
            "Email": f"existing{i}@open{i % 9}.example",
            "CountryCode": rng.choice(("DE", "US", "FR")),
            "OwnerId": owners[i % len(owners)] if i % 4 else org.queues["Inbound"],
        }
        at = (before + timedelta(minutes=i)).isoformat()
        face.act({"as": "system", "op": "create", "object": "Lead", "fields": fields, "at": at})
    return org


def furnish_hubspot(face: Face) -> SampleOrg:
    """Owners, customer companies and two dozen contacts, all older than an hour."""
    reps = {}
    for name, email in REPS:
        first, _, last = name.partition(" ")
        made = face.act(
            {"op": "create_owner", "email": email, "first_name": first, "last_name": last}
        )
        reps[email] = str(made["id"])
    org = SampleOrg(reps, {})
    rng, owners = face.org.rng, list(reps.values())
    before = face.org.now() - timedelta(hours=2)
    for i, domain in enumerate(CUSTOMER_DOMAINS):
        fields: dict[str, Any] = {
            "name": f"{COMPANIES[i % len(COMPANIES)]} {i + 1}",
            "domain": domain,
            "numberofemployees": str(rng.choice((40, 300, 2500))),
            "hubspot_owner_id": owners[i % len(owners)],
        }
        at = before.isoformat()
        face.act(
            {"op": "create", "object": "companies", "fields": fields, "at": at, "settled": True}
        )
    for i in range(24):
        person = i + 12  # the first dozen are known to Salesforce, too
        fields = {
            "firstname": "Existing",
            "lastname": f"Contact{i}",
            "email": f"existing{person}@open{person % 9}.example",
            "country": rng.choice(("Germany", "United States", "France")),
            "lifecyclestage": "lead",
        }
        if i % 4:
            fields["hubspot_owner_id"] = owners[i % len(owners)]
        at = (before + timedelta(minutes=i)).isoformat()
        face.act(
            {"op": "create", "object": "contacts", "fields": fields, "at": at, "settled": True}
        )
    return org


FURNISH = {"salesforce": furnish_salesforce, "hubspot": furnish_hubspot}

"""Where the house's names live in HubSpot: object types, property names, the field map. Data only.

A Lead object (0-136) says little of the person, who is its primary contact: properties read from
that contact carry the prefix `contact.`, in our map as well as in a policy's `fields:`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fairlead.core.types import Kind

CRM = "hubspot"
OWNER = "hubspot_owner_id"
MARKER = "fairlead_key"
AUDIT = "fairlead_reason"
CONTACT_PREFIX = "contact."


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One HubSpot object type: its kind for us and the names that differ from type to type."""

    name: str
    type_id: str
    kind: Kind
    created: str
    modified: str
    properties: tuple[str, ...]


# Contacts alone keep the old names of the two dates; hs_lastmodifieddate on them finds nothing.
CONTACTS = ObjectType(
    "contacts",
    "0-1",
    Kind.LEAD,
    "createdate",
    "lastmodifieddate",
    (
        "email",
        "phone",
        "mobilephone",
        "firstname",
        "lastname",
        "jobtitle",
        "company",
        "website",
        "hs_email_domain",
        "country",
        "state",
        "zip",
        "city",
        "hs_timezone",
        "hs_language",
        "industry",
        "hs_analytics_source",
        "hs_analytics_source_data_1",
        "recent_conversion_event_name",
        "hs_analytics_first_url",
        "numberofemployees",
        "numemployees",
        "annualrevenue",
        "hs_lead_status",
        "lifecyclestage",
        "hs_email_optout",
        "associatedcompanyid",
    ),
)
LEADS = ObjectType(
    "leads",
    "0-136",
    Kind.LEAD,
    "hs_createdate",
    "hs_lastmodifieddate",
    ("hs_lead_name", "hs_lead_type", "hs_lead_label", "hs_pipeline", "hs_pipeline_stage"),
)
COMPANIES = ObjectType(
    "companies",
    "0-2",
    Kind.ACCOUNT,
    "createdate",
    "hs_lastmodifieddate",
    (
        "name",
        "domain",
        "website",
        "type",
        "lifecyclestage",
        "industry",
        "numberofemployees",
        "annualrevenue",
        "country",
        "hs_parent_company_id",
    ),
)
TASKS = ObjectType(
    "tasks",
    "0-27",
    Kind.ACTIVITY,
    "hs_createdate",
    "hs_lastmodifieddate",
    ("hs_task_status", "hs_task_subject", "hs_timestamp"),
)
OBJECTS: Mapping[str, ObjectType] = {o.name: o for o in (CONTACTS, LEADS, COMPANIES, TASKS)}

_PERSON: Mapping[str, tuple[str, ...]] = {
    "email": ("email",),
    "phone": ("phone",),
    "mobile": ("mobilephone",),
    "first_name": ("firstname",),
    "last_name": ("lastname",),
    "title": ("jobtitle",),
    "company": ("company",),
    "website": ("website",),
    "domain": ("hs_email_domain",),
    "country": ("country",),
    "state": ("state",),
    "postal_code": ("zip",),
    "city": ("city",),
    "timezone": ("hs_timezone",),
    "language": ("hs_language",),
    "industry": ("industry",),
    "source": ("hs_analytics_source",),
    "source_detail": ("hs_analytics_source_data_1",),
    "form": ("recent_conversion_event_name",),
    "page": ("hs_analytics_first_url",),
    "employees": ("numberofemployees", "numemployees"),
    "revenue": ("annualrevenue",),
    "status": ("hs_lead_status",),
    "lifecycle_stage": ("lifecyclestage",),
    "opted_out": ("hs_email_optout",),
    "account.id": ("associatedcompanyid",),
}
_OF_ACCOUNT: Mapping[str, tuple[str, ...]] = {
    "account.name": ("name",),
    "account.domain": ("domain",),
    "account.website": ("website",),
    "account.owner": (OWNER,),
    "account.type": ("type", "lifecyclestage"),
    "account.industry": ("industry",),
    "account.employees": ("numberofemployees",),
    "account.parent": ("hs_parent_company_id",),
}


@dataclass(frozen=True, slots=True)
class HubSpotFields:
    """The field map; `account.*` names (but `account.id`) are properties of a company's record."""

    table: Mapping[str, tuple[str, ...]]

    def sources(self, name: str) -> tuple[str, ...]:
        return self.table.get(name, ())

    def names(self) -> tuple[str, ...]:
        return tuple(self.table)


CONTACT_FIELDS = HubSpotFields(
    {
        **_PERSON,
        "created_at": (CONTACTS.created,),
        "modified_at": (CONTACTS.modified,),
        **_OF_ACCOUNT,
    }
)
LEAD_FIELDS = HubSpotFields(
    {
        **{k: tuple(CONTACT_PREFIX + s for s in v) for k, v in _PERSON.items()},
        "status": ("hs_pipeline_stage", CONTACT_PREFIX + "hs_lead_status"),
        "rating": ("hs_lead_label",),
        "created_at": (LEADS.created,),
        "modified_at": (LEADS.modified,),
        **_OF_ACCOUNT,
    }
)

"""What HubSpot calculates on a contact from the work logged with it, and what it hides of mail.

The facts of a first engagement belong to the owner of now: a new owner begins without any, so a
contact that is given on has lost its evidence. All of them show late and move no modified date.
"""

from __future__ import annotations

from fairlead.sandbox.org import Row
from fairlead_hubspot.sandbox.moments import instant_ms, wire_time

KINDS = frozenset({"calls", "emails", "meetings", "communications"})
"""Object types that count as a contact made."""


def contacted(person: Row, act: Row) -> dict[str, str]:
    """What one logged outreach changes on a contact or company, as HubSpot calculates it."""
    f, at = person.fields, act.fields.get("hs_timestamp") or wire_time(act.created_at)
    count = int(f.get("num_contacted_notes") or "0") + 1
    fields = {
        "notes_last_contacted": _later(f.get("notes_last_contacted"), at),
        "num_contacted_notes": str(count),
    }
    if person.table != "contacts":
        return fields
    fields["hs_is_unworked"] = "false"
    if not f.get("hs_first_outreach_date"):
        fields["hs_first_outreach_date"] = at
    owner = f.get("hubspot_owner_id")
    assigned = instant_ms(f.get("hubspot_owner_assigneddate") or "")
    when = instant_ms(at)
    by_owner = owner and act.fields.get("hubspot_owner_id") == owner
    if not by_owner or f.get("hs_sa_first_engagement_date") or assigned is None or when is None:
        return fields
    if when >= assigned:
        fields["hs_sa_first_engagement_date"] = at
        fields["hs_first_engagement_object_id"] = act.id
        fields["hs_time_to_first_engagement"] = str(when - assigned)
    return fields


def forgotten(person: Row) -> dict[str, str]:
    """What a new owner clears: the first engagement was the old one's."""
    names = (
        "hs_sa_first_engagement_date",
        "hs_first_engagement_object_id",
        "hs_time_to_first_engagement",
    )
    return {name: "" for name in names if person.fields.get(name)}


def redacted(plural: str, name: str) -> bool:
    """Whether a property hides from a token without the scope `sales-email-read`."""
    return plural == "emails" and name.startswith("hs_email_") and name != "hs_email_direction"


def _later(old: str | None, new: str) -> str:
    before, after = instant_ms(old or ""), instant_ms(new)
    return new if before is None or after is None or after >= before else str(old)

"""Campaigns and who is in them: one membership per person, statuses that count as a response.

Asked by `rows` while a membership is saved, and by `acts` when people are merged or converted. Each
campaign has its own statuses (`CampaignMemberStatus`); a new one gets the platform's two.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fairlead.sandbox.org import Row, Who
from fairlead_salesforce.sandbox.errors import Refused
from fairlead_salesforce.sandbox.state import Sandbox

MEMBER, STATUS = "CampaignMember", "CampaignMemberStatus"
_FIRST_STATUSES = (("Sent", True, False), ("Responded", False, True))
"""Label, IsDefault, HasResponded."""


def check(sb: Sandbox, row: Row | None, after: dict[str, Any]) -> None:
    """Refuse a membership of nobody and a second one of the same person.

    With both ids the contact counts and the lead is dropped, as in the object reference.
    """
    if row is not None:
        return
    if after.get("ContactId"):
        after["LeadId"] = None
    link = "ContactId" if after.get("ContactId") else "LeadId"
    if not after.get(link):
        raise Refused(
            "FIELD_INTEGRITY_EXCEPTION",
            "Lead ID or Contact ID required",
            fields=["LeadId", "ContactId"],
        )
    if member_of(sb, str(after.get("CampaignId")), link, str(after[link])) is not None:
        raise Refused("DUPLICATE_VALUE", "Already a campaign member.", fields=[])


def derive(sb: Sandbox, before: Mapping[str, Any], after: dict[str, Any], at: datetime) -> None:
    """Give a status that the campaign has, and what follows from it."""
    statuses = _statuses(sb, str(after.get("CampaignId")))
    if after.get("Status") not in statuses:
        after["Status"] = next((n for n, s in statuses.items() if s["IsDefault"]), "Sent")
    responded = bool(statuses.get(str(after["Status"]), {}).get("HasResponded"))
    if responded and not before.get("HasResponded") and not after.get("FirstRespondedDate"):
        after["FirstRespondedDate"] = at.date().isoformat()
    after["HasResponded"] = responded


def begin(sb: Sandbox, campaign: Row, who: Who, at: datetime) -> None:
    """A new campaign has the platform's two statuses."""
    status = sb.schema.find(STATUS)
    if status is None:
        return
    for order, (label, default, responded) in enumerate(_FIRST_STATUSES, start=1):
        values = {
            "CampaignId": campaign.id,
            "Label": label,
            "SortOrder": order,
            "IsDefault": default,
            "HasResponded": responded,
        }
        sb.insert(status, sb.ids.new(status.prefix), values, who, at)


def has_statuses(sb: Sandbox, campaign: str) -> bool:
    return bool(_statuses(sb, campaign))


def members(sb: Sandbox, id: str) -> list[Row]:
    """The live memberships of a person, or in a campaign."""
    link = {"00Q": "LeadId", "003": "ContactId", "701": "CampaignId"}[id[:3]]
    known = sb.org.having(MEMBER, link, [id])
    return [r for r in known if not r.deleted and r.fields.get(link) == id]


def member_of(sb: Sandbox, campaign: str, link: str, person: str) -> Row | None:
    """The live membership of a person in a campaign."""
    known = sb.org.few(MEMBER, {link: [person], "CampaignId": [campaign]}, None)
    return next(
        (
            m
            for m in known
            if not m.deleted
            and (m.fields.get(link), m.fields.get("CampaignId")) == (person, campaign)
        ),
        None,
    )


def move(sb: Sandbox, old: str, new: str, who: Who, at: datetime) -> None:
    """Memberships follow a merged or converted person; where the other is in already, they end.

    A converted lead's membership keeps the lead's id beside the contact's.
    """
    link = "ContactId" if new.startswith("003") else "LeadId"
    for row in members(sb, old):
        if member_of(sb, row.fields["CampaignId"], link, new) is not None:
            sb.remove(row, who, at)
        else:
            sb.change(row, {link: new}, who, at)


def _statuses(sb: Sandbox, campaign: str) -> dict[str, Mapping[str, Any]]:
    rows = [r for r in sb.org.rows(STATUS) if not r.deleted]
    return {r.fields["Label"]: r.fields for r in rows if r.fields["CampaignId"] == campaign}

"""What `fairlead doctor` says where a right is taken away: which one, and by what name to ask for
it. Each right is one that speed and second chances need.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from e2e.live import Stage, staged
from e2e.test_e2e_recycling import furnish

TAKEN: list[tuple[str, dict[str, Any], str, str]] = [
    ("salesforce", {"permissions": {"CampaignMember": "r"}}, "campaign members",
     "Create and Delete on Campaign Members"),
    ("salesforce", {"permissions": {"CampaignMember": ""}}, "campaigns",
     "Read on Campaigns and Read, Create and Delete on Campaign Members"),
    ("salesforce", {"permissions": {"Campaign": ""}}, "campaigns", "Read on Campaigns"),
    ("salesforce", {"fields_read_only": ["Lead.Status"]}, "field Status to write",
     "edit access to the field Status of Lead"),
    ("salesforce", {"fields_missing": ["Lead.Future_Interest__c"]}, "lead fields",
     "give read access to these fields"),
    ("salesforce", {"objects_missing": ["LeadHistory"]}, "status moves as evidence",
     "Set History Tracking: tick Lead Status"),
    ("salesforce", {"permissions": {"Task": "cr"}}, "create tasks", "Edit Tasks"),
    ("salesforce", {"permissions": {"Event": ""}}, "meetings as evidence", "Read on Activities"),
    ("salesforce", {"permissions": {"EmailMessage": ""}}, "e-mails as evidence",
     "read Email Messages"),
    ("salesforce", {"permissions": {"Lead": "r"}}, "change lead owner", "Transfer Leads"),
    ("hubspot", {"missing_scopes": ["crm.lists.read"]}, "lists are readable", "crm.lists.read"),
    ("hubspot", {"missing_scopes": ["crm.lists.write"]}, "lists can be written",
     "crm.lists.write"),
    ("hubspot", {"missing_scopes": ["crm.objects.contacts.write"]},
     "scopes for writing are granted", "docs/connectors-hubspot.md"),
    ("hubspot", {"missing_scopes": ["crm.objects.contacts.read"]}, "calls as evidence",
     "crm.objects.contacts.read"),
    ("hubspot", {"missing_scopes": ["sales-email-read"]}, "e-mails are told in full",
     "sales-email-read"),
    ("hubspot", {"missing_scopes": ["crm.schemas.contacts.read"]},
     "contacts properties are readable", "crm.schemas.contacts.read"),
    ("hubspot", {"fields_missing": ["contacts.future_interest"]},
     "properties that the policy reads", "create them"),
    ("hubspot", {"fields_missing": ["contacts.hs_lead_status"]},
     "contacts have the property hs_lead_status to write", "create the property hs_lead_status"),
]  # fmt: skip


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged(start=False) as stage:
        furnish(stage)
        yield stage


def complaints(stage: Stage, crm: str) -> dict[str, dict[str, Any]]:
    found = stage.json("doctor", exit_code=None)
    return {f["check"]: f for f in found if f["where"] == crm and not f["ok"]}


@pytest.mark.parametrize(("crm", "taken", "check", "asks_for"), TAKEN)
def test_doctor_names_the_right_that_is_missing(
    stage: Stage, crm: str, taken: dict[str, Any], check: str, asks_for: str
) -> None:
    stage.crms.tune(crm, **taken)
    try:
        found = complaints(stage, crm)
    finally:
        stage.crms.tune(crm, **{knob: type(value)() for knob, value in taken.items()})
    assert asks_for in found[check]["remedy"]
    for told in found.values():
        assert "\n" not in told["detail"]
        assert "SELECT" not in told["detail"]


def test_with_every_right_there_is_nothing_to_complain_of(stage: Stage) -> None:
    assert set(complaints(stage, "hubspot")) == set()
    # The sandbox has no owner change yet that its history could show.
    assert set(complaints(stage, "salesforce")) == {"owner history"}

"""`probe()` says who we are and what is missing, each fault with its remedy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fairlead.core.activity import ActivityKind
from fairlead.core.types import Ref
from fairlead.errors import AuthFailed
from fairlead.spi.connector import Finding
from fairlead_hubspot.connector import HubSpotConnector

Connect = Callable[..., HubSpotConnector]
ACCOUNT = {"portalId": 4711, "uiDomain": "app-eu1.hubspot.com", "timeZone": "Europe/Berlin"}
INFO = "/oauth/v2/private-apps/get/access-token-info"
SCOPES = ["crm.objects.contacts.read", "crm.objects.contacts.write", "crm.objects.owners.read",
          "sales-email-read"]  # fmt: skip
WORK = ("calls", "emails", "meetings", "communications", "notes", "tasks")
USERS = "crm.objects.users.read"
FORBIDDEN = {
    "category": "MISSING_SCOPES",
    "errors": [{"context": {"requiredGranularScopes": ["crm.objects.companies.read"]}}],
}


def healthy(wire: Any, **schema: Any) -> None:
    wire.on("/account-info/2026-09/details", ACCOUNT)
    wire.on("/crm/owners/2026-09", {"results": [{"id": "501"}]})
    wire.users()
    for kind in WORK:
        wire.on("read", {"results": []}, kind=kind)
    wire.on("search", {"results": []})
    wire.schema(**schema)


def failed(findings: tuple[Finding, ...]) -> dict[str, Finding]:
    return {f.check: f for f in findings if not f.ok}


def test_a_healthy_portal_has_no_complaint(connect: Connect, wire: Any) -> None:
    healthy(wire)
    wire.on("search", {"results": []}, kind="companies")
    wire.on(INFO, {"appId": 31337, "hubId": 4711, "scopes": SCOPES})
    connector = connect(portal_id=None)
    probe = connector.probe()
    assert failed(probe.findings) == {}
    assert probe.account == "4711"
    assert probe.our_ids == ("31337",)
    assert abs(probe.server_now - datetime(2026, 11, 2, 10, tzinfo=UTC)) < timedelta(seconds=10)
    assert probe.capabilities.task_marker
    assert probe.capabilities.audit_field
    url = connector.record_url(Ref("hubspot", "companies", "9"))
    assert url == "https://app-eu1.hubspot.com/contacts/4711/record/0-2/9"
    assert wire.asked(INFO) == [{"tokenKey": "pat-test-token"}]


def test_each_missing_thing_is_said_with_its_remedy(connect: Connect, wire: Any) -> None:
    healthy(wire, marker=False, audit=False)
    wire.on("search", FORBIDDEN, kind="companies", status=403)
    wire.on(INFO, {"scopes": SCOPES[:1]})
    probe = connect().probe()
    faults = failed(probe.findings)
    assert set(faults) == {
        "our app id is known",
        "scopes for writing are granted",
        "e-mails are told in full",
        "companies are searchable",
        "tasks have the unique property fairlead_key",
        "contacts have the property fairlead_reason",
    }
    assert all(f.remedy for f in faults.values())
    assert "crm.objects.companies.read" in faults["companies are searchable"].remedy
    assert "crm.objects.contacts.write" in faults["scopes for writing are granted"].detail
    assert not faults["tasks have the unique property fairlead_key"].fatal
    assert not probe.capabilities.task_marker


def test_a_service_key_without_token_page_is_no_fault_of_its_own(
    connect: Connect, wire: Any
) -> None:
    healthy(wire)
    wire.on("search", {"results": []}, kind="companies")
    wire.on(INFO, {"status": "error", "message": "not a private app"}, status=404)
    probe = connect(app_id="31337").probe()
    assert failed(probe.findings) == {}
    assert probe.our_ids == ("31337",)


def test_a_marker_that_is_not_unique_does_not_count(connect: Connect, wire: Any) -> None:
    wire.on("properties", {"results": [{"name": "fairlead_key"}]}, kind="tasks")
    healthy(wire)
    wire.on("search", {"results": []}, kind="companies")
    wire.on(INFO, {"appId": 1})
    probe = connect().probe()
    assert (
        "not unique" in failed(probe.findings)["tasks have the unique property fairlead_key"].detail
    )


def test_hidden_users_are_said_and_stop_nothing(connect: Connect, wire: Any) -> None:
    lacking = {**FORBIDDEN, "errors": [{"context": {"requiredGranularScopes": [USERS]}}]}
    wire.on("list", lacking, kind="users", status=403)
    healthy(wire)
    wire.on("search", {"results": []}, kind="companies")
    wire.on(INFO, {"appId": 1})
    [fault] = failed(connect().probe().findings).values()
    assert not fault.fatal
    assert "presence" in fault.detail
    assert USERS in fault.remedy


def test_work_that_is_hidden_is_said_type_by_type_and_is_no_capability(
    connect: Connect, wire: Any
) -> None:
    wire.on("read", FORBIDDEN, kind="emails", status=403)
    wire.on("read", {"category": "VALIDATION_ERROR"}, kind="communications", status=400)
    healthy(wire)
    wire.on("search", {"results": []}, kind="companies")
    wire.on(INFO, {"appId": 1})
    probe = connect().probe()
    faults = failed(probe.findings)
    assert set(faults) == {"emails as evidence", "communications as evidence"}
    assert not any(f.fatal for f in faults.values())
    hidden = set(ActivityKind) - probe.capabilities.activities
    assert hidden == {ActivityKind.EMAIL, ActivityKind.MESSAGE}


def test_a_refused_token_is_not_a_finding(connect: Connect, wire: Any) -> None:
    wire.on("/account-info/2026-09/details", {"category": "INVALID_AUTHENTICATION"}, status=401)
    with pytest.raises(AuthFailed):
        connect().probe()


def test_fields_are_the_lead_object_s_properties(connect: Connect, wire: Any) -> None:
    definitions = [
        {"name": "email", "label": "E-mail", "type": "string", "hubspotDefined": True},
        {"name": "product_interest", "label": "Product", "type": "enumeration",
         "fieldType": "checkbox", "options": [{"value": "a"}, {"value": "b"}]},
    ]  # fmt: skip
    wire.on("properties", {"results": definitions})
    email, product = connect().fields()
    assert (email.custom, email.type) == (False, "text")
    assert (product.custom, product.type, product.options) == (True, "list", ("a", "b"))

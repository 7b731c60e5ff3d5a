"""What the probe finds, says, and leaves to the operator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from salesforce.wire_sf import DATA, ORG, ROBOT, Wire, fixture, rows

from fairlead.core.activity import ActivityKind
from fairlead.errors import PermissionMissing
from fairlead.spi.connector import Finding, Probe


def probe(
    wire: Wire,
    connector: Any,
    *,
    history: Any = None,
    limits: Any = None,
    absences: Any = None,
    work: Any = None,
) -> Probe:
    known = {"json": fixture("limits"), "headers": wire.headers}
    wire.mock.get(f"{DATA}/limits", **(limits or known))
    answer = history if history is not None else {"json": rows({"Id": "017000000000001AAA"})}
    wire.mock.get(f"{DATA}/query", **{"headers": wire.headers, **answer})
    wire.people(absences=absences)
    wire.activities(*(work or ()))
    result = connector.probe()
    assert isinstance(result, Probe)
    return result


def by_check(result: Probe) -> dict[str, Finding]:
    return {finding.check: finding for finding in result.findings}


def test_a_well_set_up_org_has_no_complaints(wire: Wire, connect: Callable[..., Any]) -> None:
    result = probe(wire, connect())
    assert [f.check for f in result.findings if not f.ok] == []
    assert result.server_now == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert result.our_ids == (ROBOT,)
    assert result.account == f"00D000000000001 at {ORG}"
    assert result.capabilities.task_marker
    assert result.capabilities.audit_field
    assert result.capabilities.owner_history
    assert result.capabilities.lead_objects == ("Lead",)
    assert "98500 of 100000" in by_check(result)["API calls"].detail


def test_a_token_that_does_not_name_its_org_is_not_shown(
    wire: Wire, connect: Callable[..., Any], token_file: Path
) -> None:
    """Salesforce's session ids begin with the org; its JWT access tokens do not."""
    secret = "header.payload.signature"
    token_file.write_text(secret)
    assert secret not in probe(wire, connect()).account


def test_capabilities_are_modest_before_the_org_was_looked_at(
    connect: Callable[..., Any], wire: Wire
) -> None:
    known = connect().capabilities
    assert (known.task_marker, known.audit_field) == (False, False)
    assert len(wire.mock.calls) == 0


def test_a_bare_org_works_and_is_told_what_is_missing(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    lead = fixture("describe_lead")
    lead["fields"] = [
        f for f in lead["fields"] if f["name"] not in ("Fairlead_Reason__c", "AnnualRevenue")
    ]
    task = fixture("describe_task")
    task["fields"][-1]["unique"] = False
    wire.describe("Lead", lead)
    wire.describe("Task", task)
    result = probe(
        wire,
        connect(),
        history={"status": 400, "json": [{"errorCode": "INVALID_TYPE", "message": "LeadHistory"}]},
    )
    bad = {f.check: f for f in result.findings if not f.ok}
    assert set(bad) == {
        *("standard lead fields", "task marker", "audit field", "owner history"),
        "status moves as evidence",
    }
    assert "AnnualRevenue" in bad["standard lead fields"].detail
    assert "may be made twice" in bad["task marker"].detail
    assert all(f.remedy and not f.fatal for f in bad.values())
    assert not result.capabilities.task_marker
    assert not result.capabilities.audit_field
    assert not result.capabilities.owner_history


def test_missing_rights_are_fatal(wire: Wire, connect: Callable[..., Any]) -> None:
    lead = fixture("describe_lead")
    lead["updateable"] = False
    wire.describe("Lead", lead)
    result = probe(wire, connect(wanted=("Budget__c",)), history={"json": rows()})
    found = by_check(result)
    assert found["change lead owner"].fatal
    assert not found["change lead owner"].ok
    assert "Budget__c" in found["lead fields"].detail
    assert "shows no owner change yet" in found["owner history"].detail


def test_limits_out_of_sight_are_no_reason_to_stop(wire: Wire, connect: Callable[..., Any]) -> None:
    hidden = {"status": 403, "json": [{"errorCode": "INSUFFICIENT_ACCESS"}]}
    finding = by_check(probe(wire, connect(), limits=hidden))["API calls"]
    assert not finding.ok
    assert not finding.fatal


def test_an_org_without_out_of_office_is_told_so_and_goes_on(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    hidden = (400, [{"errorCode": "INVALID_TYPE", "message": "not supported"}])
    found = by_check(probe(wire, connect(), absences=hidden))["out of office"]
    assert (found.ok, found.fatal) == (False, False)
    assert "Chatter" in found.remedy


def test_work_out_of_sight_is_told_kind_by_kind_and_missing_from_the_capabilities(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    hidden = (400, [{"errorCode": "INVALID_TYPE", "message": "not supported"}])
    result = probe(wire, connect(), work=(rows(), hidden, hidden))
    found = {c: f for c, f in by_check(result).items() if "evidence" in c}
    assert {c for c, f in found.items() if not f.ok} == {
        "meetings as evidence",
        "e-mails as evidence",
    }
    assert "Enhanced Email" in found["e-mails as evidence"].remedy
    assert not any(f.fatal for f in found.values())
    seen = result.capabilities.activities
    assert ActivityKind.MEETING not in seen
    # E-mails copied in by BCC are tasks, and those are read.
    assert {ActivityKind.CALL, ActivityKind.EMAIL, ActivityKind.STATUS_CHANGE} <= seen


def test_a_nearly_spent_quota_is_said(wire: Wire, connect: Callable[..., Any]) -> None:
    spent = {"DailyApiRequests": {"Max": 100_000, "Remaining": 900}}
    result = probe(wire, connect(), limits={"json": spent, "headers": wire.headers})
    assert not by_check(result)["API calls"].ok


def test_our_user_is_found_by_name_when_the_org_will_not_say(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    wire.mock.upsert("GET", f"{ORG}/services/oauth2/userinfo", status=403, body="Missing scope")
    connector = connect()
    wire.mock.get(f"{DATA}/limits", json=fixture("limits"), headers=wire.headers)
    wire.mock.get(f"{DATA}/query", json=rows(), headers=wire.headers)
    wire.people()
    wire.activities()
    result = connector.probe()
    assert result.our_ids == ()
    assert by_check(result)["our user"].fatal
    assert "username" in by_check(result)["our user"].remedy
    named = connect(username="fairlead@acme.example")
    wire.mock.remove("POST", f"{DATA}/composite")
    wire.people()
    wire.composite(rows({"Id": ROBOT}))
    wire.activities()
    assert named.probe().our_ids == (ROBOT,)


def test_an_object_out_of_sight_is_a_missing_right(wire: Wire, connect: Callable[..., Any]) -> None:
    wire.describe("Lead", [{"errorCode": "NOT_FOUND", "message": "does not exist"}], status=404)
    with pytest.raises(PermissionMissing, match="cannot see Lead"):
        connect().fields()

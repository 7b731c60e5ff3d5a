"""Effects on the wire, one receipt each, and nothing applied that is called unsent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from salesforce.wire_sf import ANNA, BEN, DATA, INBOUND, Wire, fixture, lead, rows

from fairlead.core.effects import Effect, SetOwner, UpsertTask
from fairlead.core.types import Kind, Ref
from fairlead.errors import PermissionMissing, RateLimited, SchemaDrift, Unavailable
from fairlead.spi.connector import Outcome

DUE = datetime(2026, 3, 2, 2, 30, tzinfo=UTC)
OK = {"success": True, "errors": []}


def ref(n: int, obj: str = "Lead") -> Ref:
    return Ref("salesforce", obj, f"00Q{n:012d}AAA")


def owner(n: int, to: str = ANNA, obj: str = "Lead") -> SetOwner:
    return SetOwner(f"o{n}", ref(n, obj), to, INBOUND, audit=f"rule {n}")


def task(n: int, to: str = BEN, marker: str | None = None) -> UpsertTask:
    return UpsertTask(f"t{n}", ref(n), marker or f"m{n}", to, "Call", "soon", DUE)


def applied(n: int, prefix: str = "00Q") -> dict[str, Any]:
    return {"id": f"{prefix}{n:012d}AAA", **OK}


def refused(code: str, message: str = "no", fields: tuple[str, ...] = ()) -> dict[str, Any]:
    error = {"statusCode": code, "message": message, "fields": list(fields)}
    return {"success": False, "errors": [error]}


def outcomes(written: Any) -> list[Outcome]:
    return [receipt.outcome for receipt in written.receipts]


def test_owners_then_tasks_then_the_poll_in_one_call(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    connector = connect()
    wire.people()
    wire.composite([applied(1), applied(2)], [applied(7, "00T")], rows(lead(1)), rows())
    cursors = {k: connector.start_cursor(k, since=DUE) for k in (Kind.LEAD, Kind.ACCOUNT)}
    written = connector.write([task(1), owner(1), owner(2)], then_poll=cursors)
    parts = wire.composites[-1]
    assert [(p["method"], p["url"].partition("?")[0]) for p in parts] == [
        ("PATCH", "/services/data/v67.0/composite/sobjects"),
        ("PATCH", "/services/data/v67.0/composite/sobjects/Task/Fairlead_Key__c"),
        ("GET", "/services/data/v67.0/queryAll"),
        ("GET", "/services/data/v67.0/queryAll"),
    ]
    for part in parts[:2]:
        assert part["httpHeaders"]["Sforce-Auto-Assign"] == "FALSE"
        assert part["httpHeaders"]["Sforce-Call-Options"] == "client=fairlead"
        assert not {"Accept", "Authorization", "Content-Type"} & part["httpHeaders"].keys()
    assert "allowSave=true" in parts[0]["httpHeaders"]["Sforce-Duplicate-Rule-Header"]
    assert parts[0]["body"] == {
        "allOrNone": False,
        "records": [
            {
                "attributes": {"type": "Lead"},
                "id": ref(n).id,
                "OwnerId": ANNA,
                "Fairlead_Reason__c": f"rule {n}",
            }
            for n in (1, 2)
        ],
    }
    [row] = parts[1]["body"]["records"]
    assert row["Fairlead_Key__c"] == "m1"
    assert row["ActivityDate"] == "2026-03-01", "Ben's calendar says the day before"
    assert [r.key for r in written.receipts] == ["t1", "o1", "o2"]
    assert outcomes(written) == [Outcome.APPLIED] * 3
    assert written.receipts[0].remote_id == "00T000000000007AAA"
    assert [r.ref for r in written.pages[Kind.LEAD].records] == [ref(1)]
    assert written.pages[Kind.ACCOUNT].records == []


def test_owners_alone_need_no_user_list(wire: Wire, connect: Callable[..., Any]) -> None:
    wire.composite([applied(1)])
    assert outcomes(connect().write([owner(1)])) == [Outcome.APPLIED]
    assert len(wire.composites) == 1


def test_rows_are_answered_one_by_one(wire: Wire, connect: Callable[..., Any]) -> None:
    wire.composite(
        [
            applied(1),
            refused("INACTIVE_OWNER_OR_USER"),
            refused("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Region is required"),
            refused("UNABLE_TO_LOCK_ROW"),
            refused("CANNOT_UPDATE_CONVERTED_LEAD"),
            {"success": "perhaps"},
        ]
    )
    written = connect().write([owner(n) for n in range(1, 7)])
    assert outcomes(written) == [
        Outcome.APPLIED,
        Outcome.BAD_OWNER,
        Outcome.REFUSED,
        Outcome.RETRY,
        Outcome.GONE,
        Outcome.AMBIGUOUS,
    ]
    assert written.receipts[2].detail == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert "Region is required" in written.receipts[2].said


@pytest.mark.parametrize("body", [[applied(1)], [], {"odd": 1}, None, "text"])
def test_rows_without_a_result_of_their_own_are_ambiguous(
    wire: Wire, connect: Callable[..., Any], body: Any
) -> None:
    wire.composite((200, body))
    assert outcomes(connect().write([owner(1), owner(2)])) == [Outcome.AMBIGUOUS] * 2


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (None, Outcome.AMBIGUOUS),
        ((500, []), Outcome.AMBIGUOUS),
        ((503, "<html>"), Outcome.AMBIGUOUS),
        ((403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "x"}]), Outcome.RETRY),
        ((400, [{"errorCode": "INVALID_FIELD", "message": "Fairlead_Key__c"}]), Outcome.RETRY),
    ],
)
def test_a_failed_part_is_the_answer_for_all_its_rows(
    wire: Wire, connect: Callable[..., Any], answer: Any, outcome: Outcome
) -> None:
    wire.people()
    wire.composite([applied(1)], answer)
    written = connect().write([owner(1), task(1), task(2)])
    assert outcomes(written) == [Outcome.APPLIED, outcome, outcome]


def test_a_fault_of_the_org_that_stops_every_row_is_raised_and_the_org_looked_at_anew(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    connector = connect()
    wire.composite((400, [{"errorCode": "INVALID_FIELD", "message": "Fairlead_Reason__c"}]))
    with pytest.raises(SchemaDrift, match="Fairlead_Reason__c"):
        connector.write([owner(1)])
    wire.describe(
        "Lead",
        {"fields": [f for f in fixture("describe_lead")["fields"] if "Reason" not in f["name"]]},
    )
    wire.composite([applied(1)])
    assert outcomes(connector.write([owner(1)])) == [Outcome.APPLIED]
    assert "Fairlead_Reason__c" not in wire.composites[-1][0]["body"]["records"][0]
    assert not connector.capabilities.audit_field


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": 403, "json": [{"errorCode": "REQUEST_LIMIT_EXCEEDED"}]}, RateLimited),
        ({"status": 403, "json": [{"errorCode": "API_DISABLED_FOR_ORG"}]}, PermissionMissing),
        ({"body": requests.exceptions.ConnectTimeout()}, Unavailable),
    ],
)
def test_a_call_that_never_arrived_raises(
    wire: Wire, connect: Callable[..., Any], answer: dict[str, Any], error: type[Exception]
) -> None:
    wire.raw_composite(**answer)
    with pytest.raises(error):
        connect().write([owner(1)])


@pytest.mark.parametrize(
    "answer",
    [
        {"body": requests.exceptions.ReadTimeout()},
        {"body": requests.exceptions.ConnectionError("reset by peer")},
        {"status": 502, "body": "<html>"},
        {"status": 200, "body": '{"compositeResponse": [{"bo'},
    ],
)
def test_a_call_of_unknown_end_leaves_every_effect_ambiguous_and_is_not_repeated(
    wire: Wire, connect: Callable[..., Any], answer: dict[str, Any]
) -> None:
    wire.raw_composite(**answer)
    written = connect().write([owner(1), owner(2)])
    assert outcomes(written) == [Outcome.AMBIGUOUS] * 2
    assert len(wire.composites) == 1


def test_four_hundred_leads_are_one_call_with_a_poll(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    connector = connect()
    assert connector.capabilities.max_effects == 400
    effects: list[Effect] = [owner(n) for n in range(1, 401)]
    effects += [task(n) for n in range(1, 401)]
    wire.people()
    wire.composite(
        [applied(n) for n in range(1, 201)],
        [applied(n) for n in range(201, 401)],
        [applied(n, "00T") for n in range(1, 201)],
        [applied(n, "00T") for n in range(201, 401)],
        rows(),
    )
    cursors = {k: connector.start_cursor(k, since=DUE) for k in (Kind.LEAD, Kind.ACCOUNT)}
    written = connector.write(effects, then_poll=cursors)
    assert outcomes(written) == [Outcome.APPLIED] * 800
    assert [r.key for r in written.receipts] == [e.key for e in effects]
    assert list(written.pages) == [Kind.LEAD], "one free part, one poll"
    assert len(wire.composites) == 2


def test_after_the_first_call_nothing_is_raised_any_more(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    effects = [owner(n) for n in range(1, 2201)]
    for answer in (
        {"status": 429, "json": [], "headers": {"Retry-After": "9"}},
        {"body": requests.exceptions.ReadTimeout()},
    ):
        wire.mock.remove("POST", f"{DATA}/composite")
        wire.composite(*[[applied(n) for n in range(200)] for _ in range(5)])
        wire.raw_composite(**answer)
        written = connect().write(effects)
        assert outcomes(written)[:1000] == [Outcome.APPLIED] * 1000
        if "status" in answer:
            assert outcomes(written)[1000:] == [Outcome.RETRY] * 1200
            assert written.receipts[1000].after == 9
        else:
            assert outcomes(written)[1000:2000] == [Outcome.AMBIGUOUS] * 1000
            assert outcomes(written)[2000:] == [Outcome.RETRY] * 200, "these were never sent"


def test_one_record_stands_once_in_a_part_and_objects_are_grouped(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    wire.composite([applied(3), applied(1), applied(2)], [applied(1)])
    effects = [owner(1), owner(2), owner(1, BEN), owner(3, obj="Contact")]
    written = connect().write(effects)
    first, second = (p["body"]["records"] for p in wire.composites[0])
    assert [r["attributes"]["type"] for r in first] == ["Contact", "Lead", "Lead"]
    assert [r["OwnerId"] for r in second] == [BEN]
    assert "Fairlead_Reason__c" not in first[0], "the field stands on leads only"
    assert [r.key for r in written.receipts] == ["o1", "o2", "o1", "o3"]


GONE_OR_NOT = [
    (refused("INVALID_CROSS_REFERENCE_KEY"), [None], Outcome.GONE),
    (refused("INVALID_CROSS_REFERENCE_KEY"), [lead(1)], Outcome.BAD_OWNER),
    (refused("INVALID_CROSS_REFERENCE_KEY"), [lead(1, IsConverted=True)], Outcome.GONE),
    (refused("INVALID_CROSS_REFERENCE_KEY"), "unreadable", Outcome.RETRY),
]


@pytest.mark.parametrize(("row", "there", "outcome"), GONE_OR_NOT)
def test_a_refusal_that_may_mean_either_record_or_owner_is_settled_by_reading(
    wire: Wire, connect: Callable[..., Any], row: Any, there: Any, outcome: Outcome
) -> None:
    wire.composite([applied(2), row])
    wire.composite(there, rows())
    if there == [None]:
        wire.composite(rows())
    assert outcomes(connect().write([owner(2), owner(1)])) == [Outcome.APPLIED, outcome]


def test_a_task_refused_as_deleted_is_gone_only_with_its_lead(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    wire.people()
    wire.composite([refused("ENTITY_IS_DELETED"), refused("ENTITY_IS_DELETED")])
    wire.composite([lead(1), None], rows())
    wire.composite(rows({"Id": ref(2).id, "IsDeleted": True, "MasterRecordId": None}))
    written = connect().write([task(1), task(2)])
    assert outcomes(written) == [Outcome.AMBIGUOUS, Outcome.GONE], "the first one's task is binned"


def test_a_queue_gets_no_task_and_nothing_is_sent_for_it(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    wire.people()
    written = connect().write([task(1, INBOUND)])
    assert outcomes(written) == [Outcome.BAD_OWNER]
    assert all(part["method"] == "GET" for parts in wire.composites for part in parts)


def test_without_the_marker_field_tasks_are_created_with_the_marker_in_their_text(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    wire.describe("Task", {"fields": [{"name": "Id"}], "createable": True})
    connector = connect()
    wire.people()
    wire.composite([applied(1, "00T")])
    connector.write([task(1)])
    [part] = wire.composites[-1]
    assert (part["method"], part["url"]) == ("POST", "/services/data/v67.0/composite/sobjects")
    assert part["body"]["records"][0]["Description"].endswith("fairlead: m1")
    assert not connector.capabilities.task_marker


def test_a_poll_that_fails_costs_no_receipt(wire: Wire, connect: Callable[..., Any]) -> None:
    connector = connect()
    wire.composite([applied(1)], (400, [{"errorCode": "QUERY_TIMEOUT", "message": "x"}]))
    cursor = {Kind.LEAD: connector.start_cursor(Kind.LEAD, since=DUE)}
    written = connector.write([owner(1)], then_poll=cursor)
    assert outcomes(written) == [Outcome.APPLIED]
    assert written.pages == {}


def test_nothing_to_write_is_no_call(wire: Wire, connect: Callable[..., Any]) -> None:
    assert connect().write([]).receipts == ()
    assert len(wire.mock.calls) == 0

"""Writing: one receipt per effect, whatever HubSpot answers; a task is never made twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from fairlead.core.effects import Effect, SetOwner, UpsertTask
from fairlead.core.types import Actor, Kind, Record, Ref
from fairlead.errors import AuthFailed, RateLimited
from fairlead.spi.connector import Outcome, Receipt
from fairlead_hubspot.connector import HubSpotConnector

Connect = Callable[..., HubSpotConnector]
DUE = datetime(2026, 11, 2, 10, 5, tzinfo=UTC)
LIMIT = {"message": "You have reached your ten_secondly_rolling limit."}


def own(rid: int, owner: str = "501", audit: str = "") -> SetOwner:
    return SetOwner(f"o{rid}", Ref("hubspot", "contacts", str(rid)), owner, None, audit)


def task(rid: int, owner: str = "501", object_: str = "contacts") -> UpsertTask:
    ref = Ref("hubspot", object_, str(rid))
    return UpsertTask(f"t{rid}", ref, f"m{rid}", owner, "Call back", "Why: rule 3", DUE)


def outcomes(receipts: Sequence[Receipt]) -> list[str]:
    return [r.outcome.value for r in receipts]


def updated(body: dict[str, Any]) -> tuple[int, Any]:
    """Yes to all, shuffled, as HubSpot does."""
    return 200, {"results": [{"id": i["id"], "properties": {}} for i in reversed(body["inputs"])]}


def created(body: dict[str, Any]) -> tuple[int, Any]:
    rows = [
        {"id": str(9000 + n), "properties": i["properties"],
         "objectWriteTraceId": i["objectWriteTraceId"]}
        for n, i in enumerate(body["inputs"])
    ]  # fmt: skip
    return 201, {"results": rows[::-1]}


def refusing(bad: Callable[[dict[str, Any]], bool], status: int, refusal: Any, yes: Any) -> Any:
    """Refuse the whole batch for one bad input, as HubSpot does."""

    def respond(body: dict[str, Any]) -> tuple[int, Any]:
        if any(bad(i) for i in body["inputs"]):
            return status, refusal
        return yes(body)  # type: ignore[no-any-return]

    return respond


def test_owners_go_before_tasks_in_hundreds_and_receipts_keep_the_order(
    connect: Connect, wire: Any
) -> None:
    wire.schema()
    wire.answer("update", updated)
    wire.answer("create", created, kind="tasks")
    effects: list[Effect] = []
    for i in range(1, 131):
        effects += [task(i), own(i, audit="rule 3")]
    connector = connect()
    receipts = connector.write(effects).receipts
    assert [r.key for r in receipts] == [e.key for e in effects]
    assert set(outcomes(receipts)) == {"applied"}
    assert [r.remote_id for r in receipts[1::2]] == [str(i) for i in range(1, 131)]
    paths = [c.request.url.rsplit("/", 3)[1:] for c in wire.mock.calls[2:]]
    assert paths == [["contacts", "batch", "update"]] * 2 + [["tasks", "batch", "create"]] * 2
    assert [len(b["inputs"]) for b in wire.asked("update")] == [100, 30]
    assert wire.asked("update")[0]["inputs"][0] == {
        "id": "1",
        "properties": {"hubspot_owner_id": "501", "fairlead_reason": "rule 3"},
    }


def test_what_a_task_looks_like(connect: Connect, wire: Any) -> None:
    wire.schema(lead="leads")
    wire.answer("create", created, kind="tasks")
    urgent = UpsertTask("t2", task(2, object_="leads").ref, "m2", "502", "S", "B", DUE, True)
    connector = connect(lead_object="leads")
    assert outcomes(connector.write([task(1), urgent]).receipts) == ["applied"] * 2
    one, two = wire.asked("create", "tasks")[0]["inputs"]
    assert one == {
        "properties": {
            "hs_timestamp": "1793613900000",
            "hs_task_subject": "Call back",
            "hs_task_body": "Why: rule 3",
            "hs_task_status": "NOT_STARTED",
            "hs_task_priority": "NONE",
            "hs_task_type": "TODO",
            "hubspot_owner_id": "501",
            "fairlead_key": "m1",
        },
        "associations": [
            {
                "to": {"id": "1"},
                "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 204}],
            }
        ],
        "objectWriteTraceId": "t1",
    }
    assert two["properties"]["hs_task_priority"] == "HIGH"
    assert two["associations"][0]["types"][0]["associationTypeId"] == 647


def test_one_bad_input_is_found_by_halving_and_the_others_are_applied(
    connect: Connect, wire: Any, payload: Any
) -> None:
    wire.schema()
    refusal = payload("refusals")["invalid_value"]["body"]
    wire.answer("update", refusing(lambda i: i["id"] == "63", 400, refusal, updated))
    receipts = connect().write([own(i) for i in range(1, 101)]).receipts
    assert outcomes(receipts) == ["refused" if i == 63 else "applied" for i in range(1, 101)]
    assert len(wire.asked("update")) <= 2 * 7 + 1
    applied = [i["id"] for b in wire.asked("update") for i in b["inputs"] if len(b["inputs"]) < 100]
    assert applied.count("1") == 1, "nothing that was applied is sent again"


def test_a_bad_owner_is_learnt_once(connect: Connect, wire: Any, payload: Any) -> None:
    wire.schema()
    refusal = payload("refusals")["bad_owner"]["body"]
    bad = refusing(lambda i: i["properties"]["hubspot_owner_id"] == "999", 400, refusal, updated)
    wire.answer("update", bad)
    wire.answer("create", created, kind="tasks")
    effects: list[Effect] = [own(i, "999" if i % 2 else "501") for i in range(1, 101)]
    receipts = connect().write([*effects, task(1, "999")]).receipts
    assert outcomes(receipts[:100]) == ["bad_owner" if i % 2 else "applied" for i in range(1, 101)]
    assert receipts[100].outcome is Outcome.BAD_OWNER
    assert len(wire.asked("update")) < 20
    assert not wire.asked("create", "tasks")


@pytest.mark.parametrize(
    "name",
    ["bad_owner", "invalid_value", "unknown_id", "not_found_category",
     "association_target_gone", "association_to_nothing", "bare"],
)  # fmt: skip
def test_a_refusal_is_a_verdict_on_its_record(
    connect: Connect, wire: Any, payload: Any, name: str
) -> None:
    wire.schema()
    refusal = payload("refusals")[name]
    wire.on("update", refusal["body"], status=refusal["status"])
    (receipt,) = connect().write([own(7)]).receipts
    assert receipt.outcome == refusal["outcome"]


def test_a_partial_answer_is_matched_by_id_and_silence_is_ambiguous(
    connect: Connect, wire: Any
) -> None:
    wire.schema()
    errors = [{"category": "OBJECT_NOT_FOUND", "context": {"ids": ["2"]}}]
    body = {"results": [{"id": "4"}, {"id": "1"}], "numErrors": 1, "errors": errors}
    wire.on("update", body, status=207)
    receipts = connect().write([own(i) for i in (1, 2, 3, 4)]).receipts
    assert outcomes(receipts) == ["applied", "gone", "ambiguous", "applied"]


def test_what_was_not_sent_after_a_broken_call_is_to_be_retried(
    connect: Connect, wire: Any
) -> None:
    wire.schema()
    wire.on("update", requests.exceptions.ReadTimeout("slow"))
    receipts = connect().write([*(own(i) for i in range(1, 151)), task(1)]).receipts
    assert outcomes(receipts) == ["ambiguous"] * 100 + ["retry"] * 51
    assert len(wire.asked("update")) == 1


def test_a_limit_before_anything_was_applied_raises(connect: Connect, wire: Any) -> None:
    wire.schema()
    wire.on("update", LIMIT, status=429, headers={"Retry-After": "0.1"})
    with pytest.raises(RateLimited):
        connect().write([own(1)])


def test_a_limit_in_the_middle_leaves_the_rest_to_be_retried(connect: Connect, wire: Any) -> None:
    wire.schema()
    wire.answer("update", updated)
    wire.on("create", LIMIT, kind="tasks", status=429, headers={"Retry-After": "0.1"})
    receipts = connect().write([own(1), task(1)]).receipts
    assert outcomes(receipts) == ["applied", "retry"]
    assert receipts[1].after == pytest.approx(0.1)


def test_a_lost_token_before_anything_was_applied_raises(connect: Connect, wire: Any) -> None:
    wire.on("properties", {}, kind="tasks", status=401)
    with pytest.raises(AuthFailed):
        connect().write([own(1)])


def test_no_effects_make_no_call(connect: Connect, wire: Any) -> None:
    assert connect().write([]).receipts == []
    assert not wire.mock.calls


# -- tasks that exist already -------------------------------------------------------------------

CONFLICT = {"status": "error", "message": "a unique value is taken", "category": "CONFLICT"}


def existing(*found: tuple[str, str, str, str]) -> dict[str, Any]:
    """A batch read answer of tasks (id, marker, owner, status)."""
    return {
        "results": [
            {"id": i, "properties": {"fairlead_key": m, "hubspot_owner_id": o, "hs_task_status": s}}
            for i, m, o, s in found
        ]
    }


@pytest.mark.parametrize("status", [409, 400])
def test_a_task_that_exists_is_brought_to_its_state_and_not_made_again(
    connect: Connect, wire: Any, status: int
) -> None:
    wire.schema()
    taken = refusing(
        lambda i: i["properties"]["fairlead_key"] in ("m1", "m2", "m3"), status, CONFLICT, created
    )
    wire.answer("create", taken, kind="tasks")
    wire.on(
        "read",
        existing(
            ("31", "m1", "501", "NOT_STARTED"),
            ("32", "m2", "777", "IN_PROGRESS"),
            ("33", "m3", "777", "COMPLETED"),
        ),
        kind="tasks",
    )
    wire.answer("update", updated, kind="tasks")
    receipts = connect().write([task(i) for i in (1, 2, 3, 4)]).receipts
    assert outcomes(receipts) == ["applied"] * 4
    assert [r.remote_id for r in receipts[:3]] == ["31", "32", "33"]
    (update,) = wire.asked("update", "tasks")
    assert [i["id"] for i in update["inputs"]] == ["31", "32"], "what is done stays as it is"
    changed = update["inputs"][1]
    assert changed["properties"]["hubspot_owner_id"] == "501"
    assert changed["properties"]["hs_task_subject"] == "Call back"
    assert "hs_task_status" not in changed["properties"], "a person may have begun it"
    assert [len(b["inputs"]) for b in wire.asked("create", "tasks")] == [4, 1]


def test_a_conflict_told_row_by_row_is_looked_up_too(connect: Connect, wire: Any) -> None:
    wire.schema()
    errors = [{"category": "CONFLICT", "context": {"objectWriteTraceId": ["t1"]}}]
    rows = [{"id": "90", "properties": {"fairlead_key": "m2"}}]
    wire.on("create", {"results": rows, "errors": errors}, kind="tasks", status=207)
    wire.on("read", existing(("31", "m1", "501", "NOT_STARTED")), kind="tasks")
    wire.answer("update", updated, kind="tasks")
    receipts = connect().write([task(1), task(2)]).receipts
    assert outcomes(receipts) == ["applied"] * 2
    assert [r.remote_id for r in receipts] == ["31", "90"]


def test_rows_refused_one_by_one_keep_their_verdict(connect: Connect, wire: Any) -> None:
    wire.schema()
    errors = [
        {"category": "VALIDATION_ERROR", "context": {"objectWriteTraceId": ["t1"]}},
        {"category": "OBJECT_NOT_FOUND", "context": {"objectWriteTraceId": ["t2"]}},
    ]
    wire.on("create", {"results": [], "errors": errors}, kind="tasks", status=207)
    wire.on("read", {"results": []}, kind="tasks")
    receipts = connect().write([task(1), task(2), task(3)]).receipts
    assert outcomes(receipts) == ["refused", "gone", "ambiguous"]


def test_a_conflict_whose_task_cannot_be_read_yet_is_tried_again(
    connect: Connect, wire: Any
) -> None:
    wire.schema()
    wire.on("create", CONFLICT, kind="tasks", status=409)
    wire.on("read", {"results": []}, kind="tasks")
    (receipt,) = connect().write([task(1)]).receipts
    assert receipt.outcome is Outcome.RETRY
    assert receipt.after is not None


def test_a_task_refused_for_its_own_sake_is_refused(
    connect: Connect, wire: Any, payload: Any
) -> None:
    wire.schema()
    refusal = payload("refusals")["invalid_value"]["body"]
    bad = refusing(lambda i: i["associations"][0]["to"]["id"] == "2", 400, refusal, created)
    wire.answer("create", bad, kind="tasks")
    wire.on("read", {"results": []}, kind="tasks")
    receipts = connect().write([task(i) for i in (1, 2, 3)]).receipts
    assert outcomes(receipts) == ["applied", "refused", "applied"]


def test_without_the_marker_property_the_record_s_own_tasks_are_looked_at(
    connect: Connect, wire: Any
) -> None:
    wire.schema(marker=False)
    links = {"results": [{"from": {"id": "1"}, "to": [{"toObjectId": 31}]}]}
    wire.on("/crm/associations/2026-09/contacts/tasks/batch/read", links)
    there = {"hs_task_body": "Why\n\n[fairlead m1]", "hubspot_owner_id": "501"}
    wire.on("read", {"results": [{"id": "31", "properties": there}]}, kind="tasks")
    wire.answer("create", created, kind="tasks")
    wire.answer("update", updated, kind="tasks")
    receipts = connect().write([task(1), task(2)]).receipts
    assert outcomes(receipts) == ["applied"] * 2
    assert receipts[0].remote_id == "31"
    (made,) = wire.asked("create", "tasks")[0]["inputs"]
    assert made["properties"]["hs_task_body"] == "Why: rule 3\n\n[fairlead m2]"
    assert "fairlead_key" not in made["properties"]


def test_a_marker_property_that_vanished_is_looked_for_again(connect: Connect, wire: Any) -> None:
    wire.schema()
    gone = {
        "category": "VALIDATION_ERROR",
        "errors": [
            {"code": "PROPERTY_DOESNT_EXIST", "context": {"propertyName": ["fairlead_key"]}}
        ],
    }
    wire.on("create", gone, kind="tasks", status=400)
    connector = connect()
    assert outcomes(connector.write([task(1), task(2)]).receipts) == ["retry"] * 2
    assert not connector.capabilities.task_marker


def test_an_audit_property_that_vanished_does_not_stop_owners(connect: Connect, wire: Any) -> None:
    wire.schema()
    gone = {
        "category": "VALIDATION_ERROR",
        "message": 'Property values were not valid: [{"isValid":false,'
        '"error":"PROPERTY_DOESNT_EXIST","name":"fairlead_reason"}]',
    }
    wire.answer(
        "update", refusing(lambda i: "fairlead_reason" in i["properties"], 400, gone, updated)
    )
    connector = connect()
    receipts = connector.write([own(1, audit="r"), own(2, audit="r")]).receipts
    assert outcomes(receipts) == ["applied"] * 2
    assert len(wire.asked("update")) == 2
    assert not connector.capabilities.audit_field


def test_the_audit_text_is_left_out_where_there_is_no_field(connect: Connect, wire: Any) -> None:
    wire.schema(audit=False)
    wire.answer("update", updated)
    connect().write([own(1, audit="rule 3")])
    assert wire.asked("update")[0]["inputs"][0]["properties"] == {"hubspot_owner_id": "501"}


# -- around a write -----------------------------------------------------------------------------


def test_a_poll_that_fails_after_the_write_does_not_lose_the_receipts(
    connect: Connect, wire: Any
) -> None:
    wire.schema()
    wire.answer("update", updated)
    wire.on("search", {"results": []})
    wire.on("search", LIMIT, status=429, headers={"Retry-After": "0.1"})
    connector = connect()
    poll = {Kind.LEAD: connector.start_cursor(Kind.LEAD, since=DUE - timedelta(hours=1))}
    assert set(connector.write([own(1)], poll).pages) == {Kind.LEAD}
    written = connector.write([own(2)], poll)
    assert outcomes(written.receipts) == ["applied"]
    assert written.pages == {}


def test_our_app_id_is_learnt_from_the_history_of_our_first_write(
    connect: Connect, wire: Any
) -> None:
    wire.schema()
    wire.answer("update", updated)

    def history(source: str, at: str, value: str = "501") -> dict[str, Any]:
        entry = {"value": value, "timestamp": at, "sourceType": source, "sourceId": "31337"}
        changed = {"lastmodifieddate": at, "hubspot_owner_id": value}
        return {
            "id": "1",
            "properties": changed,
            "propertiesWithHistory": {"hubspot_owner_id": [entry]},
        }

    now = "2026-11-02T10:00:00.400Z"
    wire.on("read", {"results": [history("INTEGRATION", "2026-11-02T09:40:00Z")]})
    wire.on("read", {"results": [history("CRM_UI", now)]})
    wire.on("read", {"results": [history("INTEGRATION", now, value="502")]})
    wire.on("read", {"results": [history("INTEGRATION", now)]})
    connector = connect()
    connector.write([own(1)])
    ref = own(1).ref

    def newest() -> Actor:
        found = connector.read([ref])[ref]
        assert isinstance(found, Record)
        assert found.owner_history
        return found.owner_history[-1].actor

    assert newest() is Actor.UNKNOWN, "older than our write"
    assert newest() is Actor.PERSON
    assert newest() is Actor.UNKNOWN, "another value than ours"
    assert newest() is Actor.US
    assert connector._portal.app_id == "31337"

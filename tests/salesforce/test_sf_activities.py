"""What was done with leads, read at the HTTP seam: one call, who did it, what is left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from salesforce.wire_sf import ANNA, BEN, ROBOT, Wire, rows

from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.types import Actor, Ref
from fairlead.errors import Unavailable
from fairlead.spi.connector import ActivitiesOf

LEAD = Ref("salesforce", "Lead", "00Q000000000001AAA")
OTHER = Ref("salesforce", "Lead", "00Q000000000002AAA")
CONTACT = "003000000000001AAA"
SINCE = datetime(2026, 3, 2, 9, tzinfo=UTC)
STAMP = "2026-03-02T09:05:00.000+0000"
Connect = Callable[..., Any]


def task(n: int = 1, **fields: Any) -> dict[str, Any]:
    """A call that Anna logged at five past nine."""
    return {
        "Id": f"00T{n:012d}AAA",
        "WhoId": LEAD.id,
        "OwnerId": ANNA,
        "CreatedDate": STAMP,
        "CreatedById": ANNA,
        "LastModifiedById": ANNA,
        "CompletedDateTime": STAMP,
        "IsDeleted": False,
        "Status": "Completed",
        "TaskSubtype": "Call",
        "ActivityDate": "2026-03-02",
        **fields,
    }


def mail(n: int = 1, **message: Any) -> dict[str, Any]:
    """The relation of a message that Anna sent to the lead."""
    return {
        "Id": f"0EM{n:012d}AAA",
        "RelationId": LEAD.id,
        "EmailMessageId": f"02s{n:012d}AAA",
        "IsDeleted": False,
        "EmailMessage": {
            "Incoming": False,
            "Status": "3",
            "CreatedDate": STAMP,
            "CreatedById": ANNA,
            "MessageDate": STAMP,
            **message,
        },
    }


def moved(by: str = ANNA) -> dict[str, Any]:
    return {
        "Id": "017000000000001AAA",
        "LeadId": LEAD.id,
        "OldValue": "Open",
        "NewValue": "Working",
        "CreatedById": by,
        "CreatedDate": STAMP,
    }


def told(wire: Wire, connector: Any, *parts: Any, since: datetime = SINCE) -> list[Activity]:
    wire.activities(*parts)
    wire.people()
    return list(connector.activities([ActivitiesOf(LEAD, since)])[LEAD])


def queries(wire: Wire, call: int = 0) -> list[str]:
    """The statements of one composite, with their resource."""
    sent = [
        json.loads(c.request.body) for c in wire.mock.calls if c.request.url.endswith("composite")
    ]
    return [unquote(p["url"]).rpartition("/")[2] for p in sent[call]["compositeRequest"]]


def test_one_call_asks_for_everything_done_with_two_hundred_leads(
    wire: Wire, connect: Connect
) -> None:
    refs = [Ref("salesforce", "Lead", f"00Q{n:012d}AAA") for n in range(200)]
    wire.activities()
    answers = connect().activities([ActivitiesOf(r, SINCE) for r in refs])
    assert dict(answers) == dict.fromkeys(refs, ())
    objects = [q.split(" FROM ")[1].split(" ")[0] for q in queries(wire)]
    assert objects == ["Task", "Event", "EmailMessageRelation", "LeadHistory", "Lead"]
    composites = [c for c in wire.mock.calls if c.request.url.endswith("composite")]
    assert len(composites) == 1
    # Archived tasks show in queryAll only.
    assert all(q.startswith("queryAll?q=") for q in queries(wire)[:4])
    assert (
        max(len(p["url"]) for p in json.loads(composites[0].request.body)["compositeRequest"])
        < 9000
    )


def test_a_logged_call_is_told_with_its_length_and_outcome(wire: Wire, connect: Connect) -> None:
    row = task(CallType="Outbound", CallDurationInSeconds=7, CallDisposition="No answer")
    [call] = told(wire, connect(), rows(row))
    assert call == Activity(
        Ref("salesforce", "Task", "00T000000000001AAA"),
        ActivityKind.CALL,
        SINCE + timedelta(minutes=5),
        SINCE + timedelta(minutes=5),
        ANNA,
        Actor.PERSON,
        "done by a standard user",
        seconds=7,
        detail="Outbound; No answer",
    )


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"TaskSubtype": "Call"}, ActivityKind.CALL),
        ({"TaskSubtype": "Task", "Type": "Call"}, ActivityKind.CALL),
        ({"TaskSubtype": None, "CallType": "Inbound"}, ActivityKind.CALL),
        ({"TaskSubtype": "Email"}, ActivityKind.EMAIL),
        ({"TaskSubtype": "Task", "Type": "Email"}, ActivityKind.EMAIL),
        ({"TaskSubtype": "LinkedIn"}, ActivityKind.MESSAGE),
        ({"TaskSubtype": "Cadence"}, ActivityKind.TASK_DONE),
        ({"TaskSubtype": "Task", "Type": "Other"}, ActivityKind.TASK_DONE),
    ],
)
def test_a_completed_task_is_what_its_subtype_or_type_says(
    wire: Wire, connect: Connect, fields: dict[str, Any], kind: ActivityKind
) -> None:
    [done] = told(wire, connect(), rows(task(**fields)))
    assert done.kind is kind
    assert done.incoming == (fields.get("CallType") == "Inbound")


@pytest.mark.parametrize(
    ("fields", "actor", "why"),
    [
        ({"CreatedById": ROBOT}, Actor.US, "fairlead's own user"),
        ({"Fairlead_Key__c": "abc"}, Actor.US, "fairlead's own task"),
        ({"CreatedById": "005000000000009AAA"}, Actor.UNKNOWN, "cannot see"),
        ({"CreatedById": BEN}, Actor.PERSON, f"logged by the standard user {BEN}"),
        ({"TaskSubtype": "ListEmail"}, Actor.AUTOMATION, "list e-mail"),
    ],
)
def test_only_what_a_standard_user_did_by_hand_is_a_person_s(
    wire: Wire, connect: Connect, fields: dict[str, Any], actor: Actor, why: str
) -> None:
    [done] = told(wire, connect(), rows(task(**fields)))
    assert (done.actor, done.by) == (actor, ANNA)
    assert why in done.why


def test_a_task_done_later_than_planned_is_its_last_editor_s(wire: Wire, connect: Connect) -> None:
    planned = task(
        CreatedById=ROBOT, CreatedDate="2026-02-01T09:00:00.000+0000", ActivityDate="2026-02-05"
    )
    [done] = told(wire, connect(), rows(planned))
    assert (done.actor, done.by) == (Actor.PERSON, ANNA)
    assert done.at == SINCE + timedelta(minutes=5)
    assert "dated" not in done.detail


def test_a_call_logged_after_the_fact_names_the_day_it_was_on(wire: Wire, connect: Connect) -> None:
    [done] = told(wire, connect(), rows(task(ActivityDate="2026-02-27")))
    assert "dated 2026-02-27" in done.detail


def test_an_e_mail_and_the_task_beside_it_are_one_activity(wire: Wire, connect: Connect) -> None:
    beside = task(3, TaskSubtype="Email")
    message = mail(ActivityId=beside["Id"])
    again = mail(ActivityId=beside["Id"]) | {"Id": "0EM000000000009AAA"}
    done = told(wire, connect(), rows(beside), rows(), rows(message, again))
    assert [(a.ref.object, a.kind) for a in done] == [("EmailMessage", ActivityKind.EMAIL)]


@pytest.mark.parametrize(
    ("message", "actor"),
    [
        ({"AutomationType": "AiAutomated"}, Actor.AUTOMATION),
        ({"AutomationType": "SomethingNew"}, Actor.AUTOMATION),
        ({"AutomationType": "AiAssisted"}, Actor.PERSON),
        ({"CreatedById": ROBOT, "AutomationType": "AiAutomated"}, Actor.US),
        ({}, Actor.PERSON),
    ],
)
def test_mail_that_an_assistant_sent_is_told_from_a_person_s(
    wire: Wire, connect: Connect, message: dict[str, Any], actor: Actor
) -> None:
    [done] = told(wire, connect(), rows(), rows(), rows(mail(**message)))
    assert done.actor is actor


def test_incoming_mail_has_no_doer_and_a_draft_is_not_told(wire: Wire, connect: Connect) -> None:
    received, draft = mail(1, Incoming=True, Status="0"), mail(2, Status="5")
    [done] = told(wire, connect(), rows(), rows(), rows(received, draft))
    assert (done.incoming, done.by) == (True, None)


def test_a_meeting_is_told_by_its_start_which_may_lie_ahead(wire: Wire, connect: Connect) -> None:
    meeting = {
        "Id": "00U000000000001AAA",
        "WhoId": LEAD.id,
        "OwnerId": ANNA,
        "CreatedDate": STAMP,
        "CreatedById": BEN,
        "StartDateTime": "2026-03-09T14:00:00.000+0000",
        "DurationInMinutes": 30,
        "IsDeleted": False,
    }
    [done] = told(wire, connect(), rows(), rows(meeting))
    assert done.at == datetime(2026, 3, 9, 14, tzinfo=UTC)
    assert (done.logged_at, done.seconds, done.by) == (SINCE + timedelta(minutes=5), 1800, ANNA)


def test_a_move_of_the_status_names_both_values_and_its_row(wire: Wire, connect: Connect) -> None:
    [done] = told(wire, connect(), rows(), rows(), rows(), rows(moved()))
    assert (done.ref.object, done.by, done.detail) == ("LeadHistory", ANNA, "Open > Working")


def test_deleted_and_unreadable_rows_prove_nothing(wire: Wire, connect: Connect) -> None:
    broken = [task(2, CreatedDate="soon"), task(3, OwnerId=None), "no row", {}]
    done = told(wire, connect(), rows(task(1, IsDeleted=True), *broken, task(9)))
    assert [a.ref.id for a in done] == ["00T000000000009AAA"]


def test_the_second_of_the_assignment_still_counts(wire: Wire, connect: Connect) -> None:
    """Salesforce cuts stamps down: a call 0.3 s after the assignment may be stamped before it."""
    since = SINCE + timedelta(minutes=5, milliseconds=400)
    assert len(told(wire, connect(), rows(task()), since=since)) == 1
    assert f"SystemModstamp >= {'2026-03-02T09:05:00Z'}" in queries(wire)[0]


def test_a_converted_lead_s_contact_is_asked_about_in_a_second_call(
    wire: Wire, connect: Connect
) -> None:
    converted = {"Id": LEAD.id, "ConvertedContactId": CONTACT}
    wire.activities(rows(), rows(), rows(), rows(moved()), rows(converted))
    wire.composite(rows(task(WhoId=CONTACT)), rows(), rows())
    wire.people()
    connector = connect()
    done = connector.activities([ActivitiesOf(LEAD, SINCE), ActivitiesOf(OTHER, SINCE)])
    assert {a.kind for a in done[LEAD]} == {ActivityKind.CALL, ActivityKind.STATUS_CHANGE}
    assert done[OTHER] == ()
    assert all(CONTACT in q and LEAD.id not in q for q in queries(wire, 1))


def test_a_hidden_object_is_left_out_and_asked_for_again_ten_minutes_later(
    wire: Wire, connect: Connect
) -> None:
    connector = connect()
    hidden = (400, [{"errorCode": "INVALID_TYPE", "message": "not supported"}])
    done = told(wire, connector, rows(task()), hidden)
    assert [a.kind for a in done] == [ActivityKind.CALL]
    assert ActivityKind.MEETING not in connector.capabilities.activities
    wire.mock.remove("POST", wire.mock.calls[-1].request.url.partition("?")[0])
    wire.composite(*[rows()] * 4)
    connector.activities([ActivitiesOf(LEAD, SINCE)])
    assert not any("FROM Event" in q for q in queries(wire, -1))
    wire.headers["Date"] = "Mon, 02 Mar 2026 10:11:00 GMT"
    for name in ("Task", "EmailMessage", "Event"):
        body = {"fields": [{"name": "DurationInMinutes"}]}
        wire.describe(name, body)
    wire.mock.remove("POST", wire.mock.calls[-1].request.url)
    wire.activities()
    connector.activities([ActivitiesOf(LEAD, SINCE)])
    connector.activities([ActivitiesOf(LEAD, SINCE)])
    assert any("FROM Event" in q for q in queries(wire, -1))
    assert ActivityKind.MEETING in connector.capabilities.activities


def test_columns_that_our_user_cannot_see_are_not_asked_for(wire: Wire, connect: Connect) -> None:
    wire.describe("Task", {"fields": [{"name": "TaskSubtype"}]})
    wire.describe("EmailMessage", {"fields": []})
    bare = {k: v for k, v in task().items() if k not in ("CompletedDateTime", "Status")}
    [done] = told(wire, connect(), rows(bare))
    assert done.at == SINCE + timedelta(minutes=5)
    of_tasks, _, of_mail, *_ = queries(wire)
    assert "TaskSubtype" in of_tasks
    assert "CallType" not in of_tasks
    assert "AutomationType" not in of_mail


def test_a_part_that_fails_for_another_reason_fails_the_call(wire: Wire, connect: Connect) -> None:
    busy = (503, [{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}])
    with pytest.raises(Unavailable):
        told(wire, connect(), rows(), busy)


def test_what_is_no_salesforce_id_has_no_activities_and_costs_no_call(
    wire: Wire, connect: Connect
) -> None:
    strange = Ref("salesforce", "Lead", "x' OR Id != '")
    assert dict(connect().activities([ActivitiesOf(strange, SINCE)])) == {strange: ()}
    assert len(wire.mock.calls) == 0

"""What was done with leads, read at the HTTP seam: what is asked, who did it, what is left out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.types import Actor, Ref
from fairlead.errors import Unavailable
from fairlead.spi.connector import ActivitiesOf, Wanted
from fairlead_hubspot.connector import HubSpotConnector

Connect = Callable[..., HubSpotConnector]
LEAD = Ref("hubspot", "contacts", "101")
SINCE = datetime(2026, 11, 2, 9, tzinfo=UTC)
FIVE_PAST = "2026-11-02T09:05:00Z"
ANNA = {"id": "501", "userId": 77, "email": "anna@example.com"}
TIES = "/crm/associations/2026-09/{}/{}/batch/read"
WORK = ("calls", "emails", "meetings", "communications", "notes", "tasks")


def contact(last: Any = FIVE_PAST, *moves: dict[str, Any], id: str = "101") -> dict[str, Any]:
    """A contact as the look before shows it; `moves` are its status, newest first."""
    return {
        "id": id,
        "createdAt": "2026-11-01T08:00:00Z",
        "properties": {"notes_last_contacted": last},
        "propertiesWithHistory": {"hs_lead_status": list(moves)},
    }


def by_hand(user: str = "77") -> dict[str, Any]:
    return {"hs_object_source": "CRM_UI", "hs_object_source_id": f"userId:{user}"}


def record(id: str, **properties: Any) -> dict[str, Any]:
    """Something that user 77, who is owner 501, did at five past nine."""
    known = {"hs_timestamp": FIVE_PAST, "hs_createdate": FIVE_PAST, "hubspot_owner_id": "501"}
    return {"id": id, "properties": {**known, **by_hand(), **properties}}


def org(wire: Any, *, of: dict[str, list[dict[str, Any]]], person: Any = None) -> None:
    """One contact with these records of each type."""
    wire.on("read", {"results": [person or contact()]})
    for kind in WORK:
        rows = of.get(kind, [])
        ties = [{"toObjectId": int(r["id"])} for r in rows]
        link = [{"from": {"id": "101"}, "to": ties}] if ties else []
        wire.on(TIES.format("contacts", kind), {"results": link})
        wire.on("read", {"results": rows}, kind=kind)
    wire.on("/crm/owners/2026-09", {"results": [ANNA]})
    wire.users()


def told(connector: HubSpotConnector, **options: Any) -> list[Activity]:
    return list(connector.activities([ActivitiesOf(LEAD, SINCE, **options)])[LEAD])


def test_a_call_is_told_with_its_length_its_doer_and_its_proof(wire: Any, connect: Connect) -> None:
    call = record("9", hs_call_duration="7499", hs_call_direction="OUTBOUND", hs_call_status="BUSY")
    org(wire, of={"calls": [call]})
    assert told(connect(app_id="31337")) == [
        Activity(
            Ref("hubspot", "calls", "9"),
            ActivityKind.CALL,
            SINCE + timedelta(minutes=5),
            SINCE + timedelta(minutes=5),
            "501",
            Actor.PERSON,
            "HubSpot names user 77",
            seconds=7,
            detail="OUTBOUND; BUSY",
        )
    ]


@pytest.mark.parametrize(
    ("last", "asks"),
    [
        (FIVE_PAST, True),
        ("1793610300000", True),
        ("2026-11-02T08:59:59.999Z", False),
        (None, False),
        ("", False),
        ("last week", True),
    ],
)
def test_a_lead_nobody_contacted_since_is_not_looked_into(
    wire: Any, connect: Connect, last: Any, asks: bool
) -> None:
    org(wire, of={}, person=contact(last))
    connect().activities([ActivitiesOf(LEAD, SINCE)], [ActivityKind.CALL])
    assert bool(wire.asked(TIES.format("contacts", "calls"))) is asks


def test_a_thorough_look_trusts_no_calculated_date(wire: Any, connect: Connect) -> None:
    call = record("9", hs_email_direction="EMAIL")
    org(wire, of={"calls": [call]}, person=contact(None))
    assert told(connect()) == []
    assert len(told(connect(), thorough=True)) == 1


def test_a_portal_without_that_date_is_looked_into(wire: Any, connect: Connect) -> None:
    """HubSpot leaves out what it does not know: no date at all must not mean never contacted."""
    person = contact()
    del person["properties"]["notes_last_contacted"]
    org(wire, of={"calls": [record("9")]}, person=person)
    assert len(told(connect())) == 1


def test_notes_and_tasks_are_no_contact_made_and_are_looked_for_all_the_same(
    wire: Any, connect: Connect
) -> None:
    org(wire, of={"notes": [record("9")]}, person=contact(None))
    assert [a.kind for a in told(connect())] == [ActivityKind.NOTE]


@pytest.mark.parametrize(
    ("properties", "actor", "why"),
    [
        ({}, Actor.PERSON, "user 77"),
        ({"hs_sequence_id": "3"}, Actor.AUTOMATION, "sequence"),
        ({"hs_object_source": "INTEGRATION", "hs_object_source_id": "31337"}, Actor.US, "fairlead"),
        (
            {"hs_object_source": "INTEGRATION", "hs_object_source_id": "4"},
            Actor.UNKNOWN,
            "made by INTEGRATION 4, for its owner or by itself",
        ),
        ({"hs_object_source": "AUTOMATION_PLATFORM"}, Actor.AUTOMATION, "AUTOMATION_PLATFORM"),
        ({"hs_object_source": "SEQUENCES"}, Actor.AUTOMATION, "SEQUENCES"),
        (
            {
                "hs_object_source": "EMAIL",
                "hs_object_source_id": None,
                "hs_created_by_user_id": "77",
            },
            Actor.PERSON,
            "user 77",
        ),
        ({"hs_object_source": None, "hs_object_source_id": None}, Actor.UNKNOWN, "does not say"),
        ({"hs_email_direction": None}, Actor.UNKNOWN, "hides whether"),
    ],
)
def test_only_what_a_user_did_by_hand_is_a_person_s(
    wire: Any, connect: Connect, properties: dict[str, Any], actor: Actor, why: str
) -> None:
    mail = record("9", **{"hs_email_direction": "EMAIL", "hs_email_status": "SENT", **properties})
    org(wire, of={"emails": [mail]})
    [done] = told(connect(app_id="31337"))
    assert (done.actor, done.by) == (actor, "501")
    assert why in done.why


def test_while_our_app_is_not_known_no_app_is_taken_for_us(wire: Any, connect: Connect) -> None:
    mail = record("9", hs_object_source="INTEGRATION", hs_object_source_id="31337")
    org(wire, of={"calls": [mail]})
    assert [a.actor for a in told(connect())] == [Actor.UNKNOWN]


def test_who_owns_a_record_without_owner_is_the_user_who_made_it(
    wire: Any, connect: Connect
) -> None:
    org(wire, of={"calls": [record("9", hubspot_owner_id="")]})
    assert [a.by for a in told(connect())] == ["501"]


def test_a_stranger_is_looked_up_once(wire: Any, connect: Connect) -> None:
    org(wire, of={"calls": [record("9", hubspot_owner_id=None, **by_hand("88"))]})
    connector = connect()
    assert [a.by for a in told(connector)] == [None]
    asked = len(wire.asked("/crm/owners/2026-09"))
    told(connector)
    assert len(wire.asked("/crm/owners/2026-09")) == asked


@pytest.mark.parametrize(
    ("kind", "properties", "incoming"),
    [
        ("emails", {"hs_email_direction": "INCOMING_EMAIL"}, True),
        ("emails", {"hs_email_direction": "FORWARDED_EMAIL"}, True),
        ("emails", {"hs_email_direction": "EMAIL"}, False),
        ("calls", {"hs_call_direction": "INBOUND"}, True),
        ("calls", {"hs_call_direction": "OUTBOUND"}, False),
    ],
)
def test_what_came_from_the_lead_is_marked(
    wire: Any, connect: Connect, kind: str, properties: dict[str, Any], incoming: bool
) -> None:
    org(wire, of={kind: [record("9", **properties)]})
    [done] = told(connect())
    assert done.incoming is incoming
    assert (done.by is None) == (incoming and kind == "emails")


@pytest.mark.parametrize("status", ["SCHEDULED", "SENDING", "FAILED"])
def test_mail_that_was_not_sent_is_not_told(wire: Any, connect: Connect, status: str) -> None:
    org(wire, of={"emails": [record("9", hs_email_direction="EMAIL", hs_email_status=status)]})
    assert told(connect()) == []


def test_a_task_counts_from_its_completion_and_for_who_completed_it(
    wire: Any, connect: Connect
) -> None:
    done = record("9", hs_task_status="COMPLETED", **{"hs_object_source": "AUTOMATION_PLATFORM"})
    done["propertiesWithHistory"] = {
        "hs_task_status": [
            {"value": "COMPLETED", "timestamp": "2026-11-02T09:30:00Z",
             "sourceType": "CRM_UI", "sourceId": "userId:77", "updatedByUserId": 77},
            {"value": "NOT_STARTED", "timestamp": "2026-11-01T09:30:00Z",
             "sourceType": "AUTOMATION_PLATFORM"},
        ]
    }  # fmt: skip
    ours = {**done, "id": "10", "properties": {**done["properties"], "fairlead_key": "k"}}
    still_open = record("11", hs_task_status="NOT_STARTED")
    org(wire, of={"tasks": [done, ours, still_open]})
    by_id = {a.ref.id: a for a in told(connect())}
    assert set(by_id) == {"9", "10"}
    assert (by_id["9"].at, by_id["9"].by) == (SINCE + timedelta(minutes=30), "501")
    assert [by_id[i].actor for i in ("9", "10")] == [Actor.PERSON, Actor.US]


def test_moves_of_the_status_are_told_but_not_the_one_it_was_made_with(
    wire: Any, connect: Connect
) -> None:
    at = "2026-11-02T09:0{}:00Z".format
    moves = [
        {"value": "CONNECTED", "timestamp": at(7), "sourceType": "AUTOMATION_PLATFORM"},
        {"value": "OPEN", "timestamp": at(3), "sourceType": "CRM_UI", "updatedByUserId": 77},
        {"value": "NEW", "timestamp": at(0), "sourceType": "CRM_UI", "updatedByUserId": 77},
    ]
    person = contact(None, *moves) | {"createdAt": at(0)}
    org(wire, of={}, person=person)
    done = told(connect())
    assert [(a.detail, a.actor, a.by) for a in done] == [
        ("NEW > OPEN", Actor.PERSON, "501"),
        ("OPEN > CONNECTED", Actor.AUTOMATION, None),
    ]
    assert {a.ref for a in done} == {LEAD}


def test_a_hundred_leads_with_nothing_new_cost_two_calls(wire: Any, connect: Connect) -> None:
    refs = [Ref("hubspot", "contacts", str(n)) for n in range(100, 200)]
    wire.answer(
        "read", lambda body: (200, {"results": [contact(None, id=i["id"]) for i in body["inputs"]]})
    )
    kinds = [k for k in ActivityKind if k not in (ActivityKind.NOTE, ActivityKind.TASK_DONE)]
    connector = connect()
    answers = connector.activities([ActivitiesOf(r, SINCE) for r in refs], kinds)
    assert dict(answers) == dict.fromkeys(refs, ())
    assert len(wire.mock.calls) == 2


def test_a_contact_with_very_many_records_is_searched(wire: Any, connect: Connect) -> None:
    org(wire, of={"calls": [record("900")]})
    crowd = [{"from": {"id": "101"}, "to": [{"toObjectId": n} for n in range(101)]}]
    wire.mock.replace(
        "POST", "https://api.hubapi.com" + TIES.format("contacts", "calls"), json={"results": crowd}
    )
    wire.on("search", {"total": 1, "results": [{"id": "900"}]}, kind="calls")
    answer = connect().activities([ActivitiesOf(LEAD, SINCE)], [ActivityKind.CALL])
    assert [a.ref.id for a in answer[LEAD]] == ["900"]
    [asked] = wire.asked("search", "calls")
    assert asked["filterGroups"] == [
        {
            "filters": [
                {"propertyName": "associations.contact", "operator": "EQ", "value": "101"},
                {"propertyName": "hs_timestamp", "operator": "GTE", "value": "1793610000000"},
            ]
        }
    ]
    assert [i["id"] for i in wire.asked("read", "calls")[-1]["inputs"]] == ["900"]


def test_a_merged_lead_is_answered_by_the_record_that_survived(wire: Any, connect: Connect) -> None:
    survivor = contact(id="300")
    survivor["properties"]["hs_merged_object_ids"] = "101;102"
    org(wire, of={"calls": [record("9")]}, person=survivor)
    assert [a.ref.id for a in told(connect())] == ["9"]


def test_hidden_types_are_left_out_and_the_others_told(wire: Any, connect: Connect) -> None:
    wire.on(TIES.format("contacts", "emails"), {"category": "MISSING_SCOPES"}, status=403)
    wire.on("read", {"category": "VALIDATION_ERROR"}, kind="communications", status=400)
    tie = [{"from": {"id": "101"}, "to": [{"toObjectId": 5}]}]
    wire.on(TIES.format("contacts", "communications"), {"results": tie})
    org(wire, of={"calls": [record("9")]})
    connector = connect()
    assert [a.kind for a in told(connector)] == [ActivityKind.CALL]
    hidden = set(ActivityKind) - connector.capabilities.activities
    assert hidden == {ActivityKind.EMAIL, ActivityKind.MESSAGE}
    told(connector)
    assert len(wire.asked(TIES.format("contacts", "emails"))) == 1


def test_a_busy_hubspot_fails_the_call_and_hides_nothing(wire: Any, connect: Connect) -> None:
    wire.on(TIES.format("contacts", "emails"), {}, status=503)
    org(wire, of={})
    connector = connect()
    with pytest.raises(Unavailable):
        told(connector)
    assert connector.capabilities.activities == set(ActivityKind)


def test_lead_objects_have_their_own_records_and_their_contact_s(
    wire: Any, connect: Connect
) -> None:
    lead = Ref("hubspot", "leads", "55")
    link = [{"from": {"id": "55"}, "to": [{"toObjectId": 101}]}]
    wire.on(TIES.format("leads", "contacts"), {"results": link})
    own = [{"from": {"id": "55"}, "to": [{"toObjectId": 8}]}]
    wire.on(TIES.format("leads", "calls"), {"results": own})
    of_contact = [{"from": {"id": "101"}, "to": [{"toObjectId": 9}]}]
    wire.on(TIES.format("contacts", "calls"), {"results": of_contact})
    org(wire, of={"calls": [record("9"), record("8")]})
    answer = connect(wanted=Wanted(lead_object="leads")).activities(
        [ActivitiesOf(lead, SINCE)], [ActivityKind.CALL]
    )
    assert [a.ref.id for a in answer[lead]] == ["8", "9"]


def test_what_is_no_lead_of_this_portal_has_no_activities_and_costs_no_call(
    wire: Any, connect: Connect
) -> None:
    strange = [Ref("hubspot", "contacts", "1 OR 1"), Ref("hubspot", "leads", "1")]
    answers = connect().activities([ActivitiesOf(r, SINCE) for r in strange])
    assert dict(answers) == dict.fromkeys(strange, ())
    assert len(wire.mock.calls) == 0

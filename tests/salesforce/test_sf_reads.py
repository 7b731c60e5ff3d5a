"""Reading by id: one round trip, who changed the owner, and what became of what is not there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from salesforce.wire_sf import ANNA, BEN, DATA, INBOUND, ROBOT, Wire, fixture, lead, rows, soql_of

from fairlead.core.types import Actor, Gone, OwnerChange, OwnerKind, Record, Ref
from fairlead.errors import Unavailable


def ref(n: int) -> Ref:
    return Ref("salesforce", "Lead", f"00Q{n:012d}AAA")


def test_leads_and_their_history_come_in_one_round_trip(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    wire.composite([lead(1)], fixture("lead_history"))
    wire.people()
    found = connect().read([ref(1)])
    parts = wire.composites[0]
    assert parts[0]["method"] == "POST"
    assert parts[0]["url"] == "/services/data/v67.0/composite/sobjects/Lead"
    assert parts[0]["body"]["ids"] == [ref(1).id]
    assert "OwnerId" in parts[0]["body"]["fields"]
    assert soql_of(parts[1]) == (
        "SELECT LeadId,Field,NewValue,CreatedById,CreatedDate FROM LeadHistory "
        "WHERE LeadId IN ('00Q000000000001AAA') "
        "AND Field IN ('Owner','ownerAccepted','ownerAssignment') ORDER BY CreatedDate, Id"
    )
    record = found[ref(1)]
    assert isinstance(record, Record)
    assert record.owner_history == (
        OwnerChange(datetime(2026, 3, 2, 9, 1, tzinfo=UTC), ANNA, Actor.US, ROBOT),
        OwnerChange(datetime(2026, 3, 2, 9, 5, tzinfo=UTC), BEN, Actor.PERSON, ANNA),
    )


def change(by: str, to: str, minute: int = 1) -> dict[str, Any]:
    return {
        "LeadId": ref(1).id,
        "Field": "Owner",
        "NewValue": to,
        "CreatedById": by,
        "CreatedDate": f"2026-03-02T09:{minute:02d}:00.000+0000",
    }


@pytest.mark.parametrize(
    ("by", "actor"),
    [
        (ROBOT, Actor.US),
        (ANNA, Actor.PERSON),
        ("005000000000004AAA", Actor.AUTOMATION),
        ("005000000000005AAA", Actor.AUTOMATION),
        ("005000000000099AAA", Actor.UNKNOWN),
    ],
)
def test_the_actor_is_us_a_person_a_robot_or_unknown(
    wire: Wire, connect: Callable[..., Any], by: str, actor: Actor
) -> None:
    wire.composite([lead(1)], rows(change(by, BEN)))
    wire.people()
    record = connect(automation_users=("dialer@acme.example",)).read([ref(1)])[ref(1)]
    assert isinstance(record, Record)
    assert record.owner_history is not None
    assert [c.actor for c in record.owner_history] == [actor]


def test_somebody_who_joined_since_is_looked_up_once(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    connector = connect()
    stranger = "005000000000099AAA"
    wire.composite([lead(1)], rows(change(ANNA, BEN)))
    wire.people()
    connector.read([ref(1)])
    joined = {**fixture("users")["records"][0], "Id": stranger, "Name": "Cleo Conti"}
    wire.composite([lead(1)], rows(change(stranger, BEN)))
    wire.people(rows(*fixture("users")["records"], joined))
    record = connector.read([ref(1)])[ref(1)]
    assert record.owner_history[0].actor is Actor.PERSON
    nobody = "005000000000098AAA"
    wire.composite([lead(1)], rows(change(nobody, BEN)))
    wire.people()
    wire.composite([lead(1)], rows(change(nobody, BEN)))
    for _ in range(2):
        assert connector.read([ref(1)])[ref(1)].owner_history[0].actor is Actor.UNKNOWN
    assert len(wire.composites) == 7, "the lasting stranger is not asked for again"


def test_a_change_known_only_by_name_counts_when_the_name_is_unique(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    history = rows(
        change(ANNA, "Ben Bauer"), change(ANNA, "Somebody Else", 2), change(ANNA, "?", 3)
    )
    history["records"].append({"LeadId": 5})
    wire.composite([lead(1)], history)
    wire.people()
    record = connect().read([ref(1)])[ref(1)]
    assert [c.owner_id for c in record.owner_history] == [BEN]


def test_a_lead_without_changes_has_an_empty_history_and_needs_no_user_list(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    wire.composite([lead(1)], rows())
    record = connect().read([ref(1)])[ref(1)]
    assert record.owner_history == ()
    assert len(wire.composites) == 1


def test_an_org_without_lead_history_is_remembered(wire: Wire, connect: Callable[..., Any]) -> None:
    connector = connect()
    assert connector.capabilities.owner_history
    wire.composite([lead(1)], (400, [{"errorCode": "INVALID_TYPE", "message": "LeadHistory"}]))
    assert connector.read([ref(1)])[ref(1)].owner_history is None
    assert not connector.capabilities.owner_history
    wire.composite([lead(1)])
    assert connector.read([ref(1)])[ref(1)].owner_history is None
    assert len(wire.composites[1]) == 1


def test_a_history_that_could_not_be_read_is_no_missing_history(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    connector = connect()
    wire.composite([lead(1)], (400, [{"errorCode": "QUERY_TIMEOUT", "message": "slow"}]))
    with pytest.raises(Unavailable):
        connector.read([ref(1)])
    assert connector.capabilities.owner_history


def test_a_long_history_is_read_to_its_end(wire: Wire, connect: Callable[..., Any]) -> None:
    more = "/services/data/v67.0/query/01g000-2000"
    wire.composite([lead(1)], rows(change(ANNA, BEN, 1), more=more))
    wire.mock.get(f"{DATA}/query/01g000-2000", json=rows(change(BEN, ANNA, 2)))
    wire.people()
    record = connect().read([ref(1)])[ref(1)]
    assert [c.owner_id for c in record.owner_history] == [BEN, ANNA]


def test_what_is_not_there_is_looked_for_among_the_deleted(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    wire.composite([lead(1), None, None, None], rows())
    wire.composite(
        rows(
            {"Id": ref(2).id, "IsDeleted": True, "MasterRecordId": None},
            {"Id": ref(3).id, "IsDeleted": True, "MasterRecordId": ref(9).id},
        )
    )
    wire.composite([lead(9)], rows())
    found = connect().read([ref(1), ref(2), ref(3), ref(4)])
    assert list(found) == [ref(1), ref(2), ref(3), ref(4)]
    assert found[ref(2)] == Gone(ref(2), "deleted")
    assert found[ref(4)] == Gone(ref(4), "not there, or not visible to our user")
    survivor = found[ref(3)]
    assert isinstance(survivor, Record)
    assert survivor.ref == ref(9)
    assert survivor.owner_history == ()
    assert wire.composites[1][0]["url"].startswith("/services/data/v67.0/queryAll?q=")


def test_merges_in_a_circle_end(wire: Wire, connect: Callable[..., Any]) -> None:
    for n in (1, 2, 1, 2, 1, 2):
        wire.composite([None], rows())
        wire.composite(rows({"Id": ref(n).id, "IsDeleted": True, "MasterRecordId": ref(3 - n).id}))
    answer = connect().read([ref(1)])[ref(1)]
    assert isinstance(answer, Gone)
    assert "merged away" in answer.reason


def test_a_converted_lead_is_a_record_that_says_so(wire: Wire, connect: Callable[..., Any]) -> None:
    wire.composite([lead(1, IsConverted=True)], rows())
    assert connect().read([ref(1)])[ref(1)].converted


def test_many_ids_are_cut_into_round_trips_and_answered_each(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    refs = [ref(n) for n in range(1, 1001)]
    wire.composite([lead(n) for n in range(1, 801)], *[rows()] * 4)
    wire.composite([lead(n) for n in range(801, 1001)], rows())
    found = connect().read(refs)
    assert list(found) == refs
    assert all(isinstance(record, Record) for record in found.values())
    assert [len(parts) for parts in wire.composites] == [5, 2]
    assert len(connect().read([])) == 0


def test_ids_that_are_none_and_objects_we_do_not_read_are_gone(
    connect: Callable[..., Any], wire: Wire
) -> None:
    bad, other = Ref("salesforce", "Lead", "17"), Ref("salesforce", "Case", ref(1).id)
    found = connect().read([bad, other])
    assert found[bad] == Gone(bad, "not a Salesforce id")
    assert found[other] == Gone(other, "Case is not read by this connector")
    assert wire.composites == []


def test_owners_are_users_and_queues_over_several_pages(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    users = fixture("users")["records"]
    more = "/services/data/v67.0/query/01g9-2000"
    wire.people(rows(*users[:2], more=more))
    wire.mock.get(f"{DATA}/query/01g9-2000", json=rows(*users[2:]))
    found = {owner.id: owner for owner in connect().owners()}
    assert len(found) == len(users) + 2
    assert found[INBOUND].kind is OwnerKind.QUEUE
    assert found[BEN].fields["TimeZoneSidKey"] == "America/New_York"


def test_tasks_are_found_by_key_even_in_the_recycle_bin(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    def row(n: int, marker: Any, **fields: Any) -> dict[str, Any]:
        known = {"Id": f"00T{n:012d}AAA", "Fairlead_Key__c": marker, "OwnerId": ANNA}
        return {**known, "IsClosed": False, "IsDeleted": False, **fields}

    markers = [f"m{i}" for i in range(1, 251)]
    wire.composite(
        rows(row(1, "m1"), row(2, "m2", IsClosed=True), row(9, "other"), row(8, None)),
        rows(row(3, "m250", IsDeleted=True), row(5, "m249"), row(6, "m249", IsDeleted=True)),
    )
    found = connect().find_tasks(markers)
    assert {m: (t.remote_id[:15], t.open) for m, t in found.items()} == {
        "m1": ("00T000000000001", True),
        "m2": ("00T000000000002", False),
        "m250": ("00T000000000003", False),
        "m249": ("00T000000000005", True),
    }
    texts = [soql_of(p) for p in wire.composites[0]]
    assert texts[0].count("'m") == 200
    assert all("FROM Task WHERE Fairlead_Key__c IN (" in text for text in texts)


def test_without_the_marker_field_no_task_can_be_found(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    wire.describe("Task", {"fields": [{"name": "Id"}], "createable": True})
    connector = connect()
    assert connector.find_tasks(["m1"]) == {}
    assert not connector.capabilities.task_marker
    assert wire.composites == []

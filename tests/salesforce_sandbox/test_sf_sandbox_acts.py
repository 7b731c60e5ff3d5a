"""People and other tools at work behind our back, late commits above all."""

from __future__ import annotations

import contextlib

import pytest
from salesforce_sandbox.sf_face import NO_RULES, Client


def updated(sf: Client) -> dict[str, object]:
    answer = sf.call(
        "GET",
        "sobjects/Lead/updated",
        start="2026-11-23T08:00:00Z",
        end="2026-11-23T10:00:00+00:00",
    )
    assert answer.status == 200
    return dict(answer.json)


def test_a_late_commit_appears_after_its_delay_with_the_stamp_of_its_start(sf: Client) -> None:
    early = sf.act("create", fields={"LastName": "late", "Company": "c"}, commit_delay_seconds=300)
    sf.advance(299)
    other = sf.lead()
    assert sf.values("SELECT Id FROM Lead") == [other]
    assert sf.call("GET", f"sobjects/Lead/{early['id']}").code == "NOT_FOUND"
    sf.advance(1)
    rows = sf.rows("SELECT Id, CreatedDate FROM Lead ORDER BY SystemModstamp")
    assert [r["Id"] for r in rows] == [early["id"], other]
    assert rows[0]["CreatedDate"] == "2026-11-23T09:00:00.000+0000"


def test_a_late_edit_holds_its_rows_lock_until_it_commits(sf: Client, rep: str) -> None:
    id = sf.lead()
    sf.advance(10)
    sf.act("update", id=id, fields={"OwnerId": rep}, commit_delay_seconds=60)
    blocked = sf.call("PATCH", f"sobjects/Lead/{id}", {"Title": "x"}, NO_RULES)
    assert blocked.code == "UNABLE_TO_LOCK_ROW"
    assert sf.get("Lead", id)["OwnerId"] != rep
    sf.advance(60)
    row = sf.get("Lead", id)
    assert (row["OwnerId"], row["SystemModstamp"]) == (rep, "2026-11-23T09:00:10.000+0000")
    [history_row] = sf.rows(
        "SELECT CreatedDate FROM LeadHistory WHERE Field = 'Owner' AND DataType = 'Text'"
    )
    assert history_row["CreatedDate"] == "2026-11-23T09:00:10.000+0000"
    assert sf.call("PATCH", f"sobjects/Lead/{id}", {"Title": "x"}, NO_RULES).status == 204


def test_getupdated_covers_only_up_to_the_oldest_open_transaction(sf: Client) -> None:
    sf.advance(60)
    sf.act("create", fields={"LastName": "a", "Company": "c"}, commit_delay_seconds=500)
    sf.advance(60)
    sf.act("create", fields={"LastName": "b", "Company": "c"}, commit_delay_seconds=60)
    sf.advance(60)
    found = updated(sf)
    assert found["latestDateCovered"] == "2026-11-23T09:01:00.000+0000"
    assert len(found["ids"]) == 1  # type: ignore[arg-type]
    sf.advance(600)
    found = updated(sf)
    assert found["latestDateCovered"] == "2026-11-23T09:13:00.000+0000"
    assert len(found["ids"]) == 2  # type: ignore[arg-type]


def test_a_wrong_late_order_is_refused_at_once_and_leaves_no_trace(sf: Client) -> None:
    before = len(sf.face.org.writes)
    with pytest.raises(ValueError, match="REQUIRED_FIELD_MISSING"):
        sf.act("create", fields={"LastName": "x"}, commit_delay_seconds=5)
    sf.advance(10)
    assert sf.rows("SELECT Id FROM Lead") == []
    assert len(sf.face.org.writes) == before


def test_a_late_commit_that_falls_into_a_rolled_back_request_is_not_lost(sf: Client) -> None:
    sf.act("create", fields={"LastName": "late", "Company": "c"}, commit_delay_seconds=1)
    with contextlib.suppress(ZeroDivisionError), sf.face.sb.transaction():
        sf.advance(2)
        sf.face.org.settle()
        assert sf.face.sb.pending, "the commit waits for the request to end"
        raise ZeroDivisionError
    sf.advance(1)
    assert len(sf.rows("SELECT Id FROM Lead")) == 1


def test_the_past_can_be_written_and_the_deleted_listed(sf: Client) -> None:
    old = sf.act("create", fields={"LastName": "o", "Company": "c"}, at="2025-01-02T03:04:05Z")
    assert sf.get("Lead", old["id"])["CreatedDate"] == "2025-01-02T03:04:05.000+0000"
    sf.act("delete", id=old["id"])
    found = sf.call(
        "GET",
        "sobjects/Lead/deleted/",
        start="2026-11-23T08:00:00Z",
        end="2026-11-23T10:00:00Z",
    ).json
    assert found["deletedRecords"] == [
        {"id": old["id"], "deletedDate": "2026-11-23T09:00:00.000+0000"}
    ]
    assert found["latestDateCovered"] == "2026-11-23T09:00:00.000+0000"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-11-23T09:00:00Z", "2026-11-23T08:00:00Z"),
        ("2026-11-23T08:00:10Z", "2026-11-23T08:00:50Z"),
        ("2026-10-01T00:00:00Z", "2026-11-23T08:00:00Z"),
        ("2026-11-23T08:00:00", "2026-11-23T09:00:00Z"),
    ],
)
def test_spans_out_of_bounds_are_refused(sf: Client, start: str, end: str) -> None:
    answer = sf.call("GET", "sobjects/Lead/updated", start=start, end=end)
    assert answer.code == "INVALID_REPLICATION_DATE"


def test_a_merge_deletes_the_loser_names_the_winner_and_moves_the_tasks(sf: Client) -> None:
    winner, loser = sf.lead(), sf.lead()
    task = sf.call("POST", "sobjects/Task", {"WhoId": loser}).json["id"]
    sf.act("merge", id=winner, losers=[loser])
    [row] = sf.rows("SELECT Id, MasterRecordId FROM Lead WHERE IsDeleted = true", all_rows=True)
    assert (row["Id"], row["MasterRecordId"]) == (loser, winner)
    assert sf.get("Task", task)["WhoId"] == winner
    fields = sf.values("SELECT Field FROM LeadHistory WHERE Field LIKE 'lead%'", "Field")
    assert fields == ["leadMerged"]


def test_a_converted_lead_is_closed_for_good_and_its_tasks_follow_the_contact(sf: Client) -> None:
    id = sf.lead()
    task = sf.call("POST", "sobjects/Task", {"WhoId": id}).json["id"]
    made = sf.act("convert", id=id, opportunity=True)
    row = sf.get("Lead", id)
    assert (row["IsConverted"], row["ConvertedDate"]) == (True, "2026-11-23")
    assert row["ConvertedContactId"] == made["contact"] == sf.get("Task", task)["WhoId"]
    assert sf.get("Contact", made["contact"])["AccountId"] == made["account"]
    assert sf.get("Opportunity", made["opportunity"])["IsClosed"] is False
    refused = sf.call("PATCH", f"sobjects/Lead/{id}", {"Title": "x"}, NO_RULES)
    assert refused.code == "CANNOT_UPDATE_CONVERTED_LEAD"
    assert sf.call("POST", "sobjects/Task", {"WhoId": id}).code == "CANNOT_UPDATE_CONVERTED_LEAD"


def test_an_undeleted_lead_comes_back_with_its_tasks(sf: Client) -> None:
    id = sf.lead()
    task = sf.call("POST", "sobjects/Task", {"WhoId": id}).json["id"]
    sf.act("delete", id=id)
    sf.advance(5)
    sf.act("undelete", id=id)
    assert sf.get("Lead", id)["SystemModstamp"] == "2026-11-23T09:00:05.000+0000"
    assert sf.get("Task", task)["WhoId"] == id


def test_a_corrupt_row_is_garbage_on_the_wire_and_can_be_mended(sf: Client) -> None:
    id = sf.lead(Email="x@example.com")
    sf.advance(1)
    sf.act("corrupt", id=id)
    [row] = sf.rows("SELECT Id, Email, CreatedDate, SystemModstamp FROM Lead")
    assert isinstance(row["CreatedDate"], dict)
    assert isinstance(row["Email"], list)
    assert row["SystemModstamp"] == "2026-11-23T09:00:01.000+0000"
    sf.act("mend", id=id)
    assert sf.get("Lead", id)["Email"] == "x@example.com"


def test_each_actor_leaves_their_own_name(sf: Client, rep: str) -> None:
    id, sb = sf.lead(), sf.face.sb
    for actor, user_id in (("person", sb.admin.id), ("tool", sb.tool.id)):
        sf.act("update", who=actor, id=id, fields={"Title": actor})
        assert sf.get("Lead", id)["LastModifiedById"] == user_id
    sf.act("update", user="Rita Rep", id=id, fields={"Title": "rita"})
    assert sf.get("Lead", id)["LastModifiedById"] == rep
    kinds = [w.who.kind for w in sf.face.org.writes if w.table == "Lead"]
    assert kinds == ["integration", "person", "tool", "person"]


def test_people_and_queues_are_seeded_once(sf: Client) -> None:
    order = {
        "people": [
            {"name": "Mia Manager", "email": "mia@example.com"},
            {"name": "Ben", "email": "ben@example.com", "manager": "mia@example.com"},
        ],
        "queues": [{"name": "Inbound"}],
    }
    first = sf.act("seed_people", **order)
    assert sf.act("seed_people", **order) == first
    [ben] = sf.rows("SELECT Manager.Name, IsActive FROM User WHERE Email = 'ben@example.com'")
    assert ben["Manager"]["Name"] == "Mia Manager"
    [link] = sf.rows("SELECT SobjectType FROM QueueSobject WHERE Queue.Name = 'Inbound'")
    assert link["SobjectType"] == "Lead"


@pytest.mark.parametrize(
    "order",
    [
        {"op": "explode"},
        {"op": "create", "colour": "blue"},
        {"op": "create", "as": "ghost"},
        {"op": "create", "user": "nobody@example.com"},
        {"op": "create", "object": "Nonsense"},
        {"op": "update", "id": "00Q000000000000"},
        {"op": "undelete", "id": "00Q000000000000"},
        {"op": "merge", "id": "00Q000000000000"},
        {"op": "create", "at": "yesterday", "fields": {"LastName": "x", "Company": "c"}},
        {"op": "deactivate_user", "id": "nobody"},
    ],
)
def test_a_wrong_order_is_an_error(sf: Client, order: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        sf.face.act(order)

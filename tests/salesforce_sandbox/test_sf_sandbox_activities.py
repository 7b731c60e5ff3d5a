"""How the sandbox keeps calls, mail and meetings, with what makes them bad evidence."""

from __future__ import annotations

import pytest
from salesforce_sandbox.sf_face import Client

DAY = "2026-11-23"


def test_a_call_is_a_completed_task_without_an_instant_of_its_own(sf: Client) -> None:
    lead = sf.lead()
    call = sf.act("log_call", id=lead, seconds=12, disposition="No answer", day="2026-11-20")
    row = sf.get("Task", call["id"])
    assert (row["TaskSubtype"], row["IsClosed"], row["WhoId"]) == ("Call", True, lead)
    assert (row["CallDurationInSeconds"], row["CallType"]) == (12, "Outbound")
    assert row["ActivityDate"] == "2026-11-20"
    assert row["CompletedDateTime"] == row["CreatedDate"]
    assert row["CreatedDate"].startswith(DAY)


def test_a_dialer_logs_in_a_rep_s_name_by_its_own_user(sf: Client) -> None:
    people = [{"name": "Anna Rep", "email": "anna@example.com"}]
    anna = sf.act("seed_people", people=people)["users"]["anna@example.com"]
    call = sf.act("log_call", who="tool", id=sf.lead(), owner="anna@example.com")
    row = sf.get("Task", call["id"])
    status = sf.act("status")
    assert (row["OwnerId"], row["CreatedById"]) == (anna, status["other_integration_user"])


def test_mail_is_a_message_a_relation_and_a_task_and_takes_no_lead_itself(sf: Client) -> None:
    lead = sf.lead()
    mail = sf.act("log_email", id=lead, at=f"{DAY}T08:59:00Z", automation="AiAssisted")
    [relation] = sf.rows(
        "SELECT RelationType, RelationId, EmailMessage.Incoming, EmailMessage.AutomationType, "
        "EmailMessage.ActivityId FROM EmailMessageRelation"
    )
    message = relation["EmailMessage"]
    assert (relation["RelationType"], relation["RelationId"]) == ("ToAddress", lead)
    assert (message["Incoming"], message["AutomationType"]) == (False, "AiAssisted")
    assert message["ActivityId"] == mail["task"]
    assert sf.get("Task", mail["task"])["TaskSubtype"] == "Email"
    body = {"RelatedToId": lead, "Subject": "Hello"}
    assert sf.call("POST", "sobjects/EmailMessage", body).status == 400


def test_mail_by_bcc_leaves_a_task_and_captured_mail_leaves_nothing(sf: Client) -> None:
    lead = sf.lead()
    copied = sf.act("log_email", id=lead, how="bcc")
    assert sf.act("log_email", id=lead, how="captured") == {"id": None, "task": None}
    assert sf.values("SELECT Id FROM Task") == [copied["task"]]
    assert sf.values("SELECT Id FROM EmailMessage") == []


def test_a_draft_is_a_message_without_a_task_and_received_mail_says_so(sf: Client) -> None:
    lead = sf.lead()
    sf.act("log_email", id=lead, draft=True)
    assert sf.values("SELECT Status FROM EmailMessage", "Status") == ["5"]
    assert sf.values("SELECT Id FROM Task") == []
    sf.act("log_email", id=lead, incoming=True)
    statement = "SELECT Id FROM EmailMessage WHERE Incoming = true AND Status = '0'"
    assert len(sf.values(statement)) == 1
    statement = "SELECT RelationType FROM EmailMessageRelation ORDER BY CreatedDate, Id"
    assert set(sf.values(statement, "RelationType")) == {"ToAddress", "FromAddress"}


def test_a_meeting_has_a_start_that_may_lie_ahead(sf: Client) -> None:
    meeting = sf.act("log_meeting", id=sf.lead(), start="2026-12-01T10:00:00Z", minutes=45)
    row = sf.get("Event", meeting["id"])
    assert row["StartDateTime"].startswith("2026-12-01T10:00:00")
    assert row["DurationInMinutes"] == 45


@pytest.mark.parametrize("name", ["Task", "Event"])
def test_archived_activities_need_query_all(sf: Client, name: str) -> None:
    lead = sf.lead()
    made = sf.act("log_call" if name == "Task" else "log_meeting", id=lead)["id"]
    sf.act("archive", object=name, id=made)
    statement = f"SELECT Id, IsArchived FROM {name}"  # noqa: S608 - one of two names
    assert sf.rows(statement) == []
    [row] = sf.rows(statement, all_rows=True)
    assert (row["Id"], row["IsArchived"]) == (made, True)


def test_what_was_done_follows_a_converted_lead_to_its_contact(sf: Client) -> None:
    lead = sf.lead()
    sf.act("log_call", id=lead)
    sf.act("log_email", id=lead)
    contact = sf.act("convert", id=lead)["contact"]
    for statement in (
        "SELECT Id FROM Task WHERE WhoId = '{}'",
        "SELECT Id FROM EmailMessageRelation WHERE RelationId = '{}'",
    ):
        assert sf.values(statement.format(lead)) == []
        assert sf.values(statement.format(contact)) != []


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"op": "log_call", "id": "00Q000000000000AAA"}, "no lead or contact"),
        ({"op": "log_call", "id": None, "loud": True}, "unknown keys"),
        ({"op": "log_email", "how": "carrier pigeon"}, "how: one of"),
        ({"op": "log_email", "at": "yesterday"}, "at: not an instant"),
        ({"op": "log_email", "automation": "Magic"}, "refused"),
        ({"op": "log_call", "owner": "nobody@example.com"}, "no user"),
        ({"op": "archive", "object": "Lead"}, "is not archived"),
        ({"op": "archive", "id": "00T000000000000AAA"}, "no Task"),
    ],
)
def test_orders_that_make_no_sense_are_refused(
    sf: Client, order: dict[str, object], words: str
) -> None:
    lead = sf.lead()
    op = str(order.pop("op"))
    with pytest.raises(ValueError, match=words):
        sf.act(op, **{"id": lead, **order})
    assert sf.values("SELECT Id FROM EmailMessage") == []
    assert sf.values("SELECT Id FROM Task") == []

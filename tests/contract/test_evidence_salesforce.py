"""What proves a response in Salesforce, and what does not, over HTTP against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from contract.crm_salesforce import SalesforceUnderTest

from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.types import Actor, Ref
from fairlead.spi.connector import ActivitiesOf, Connector, Direction


class Org:
    """One org, one lead of Anna's, and a reader."""

    def __init__(self, crm: SalesforceUnderTest, reader: Connector) -> None:
        self.crm = crm
        self.reader = reader
        self.anna = crm.add_user("anna@example.com")
        self.lead = crm.create_lead({"email": "jo@acme.example"}, owner_id=self.anna)
        self.since = crm.now()
        crm.pass_time(2)

    def act(self, op: str, **order: Any) -> dict[str, Any]:
        who = {} if "as" in order else {"user": self.anna}
        return self.crm.sandbox.act(op=op, **{"id": self.lead.id, **who, **order})

    def told(self, since: datetime | None = None) -> Sequence[Activity]:
        return self.reader.activities([ActivitiesOf(self.lead, since or self.since)])[self.lead]


@pytest.fixture
def org() -> Iterator[Org]:
    crm = SalesforceUnderTest()
    reader = crm.connector(Direction.READ)
    yield Org(crm, reader)
    reader.close()
    crm.close()


def test_mail_and_the_task_beside_it_are_one_response(org: Org) -> None:
    mail = org.act("log_email")
    assert [a.ref.id for a in org.told()] == [mail["id"]]


def test_mail_copied_in_by_bcc_is_a_response_of_its_task(org: Org) -> None:
    mail = org.act("log_email", how="bcc")
    assert [(a.kind, a.ref.object, a.ref.id) for a in org.told()] == [
        (ActivityKind.EMAIL, "Task", mail["task"])
    ]


def test_captured_mail_cannot_be_seen(org: Org) -> None:
    org.act("log_email", how="captured")
    assert org.told() == ()


def test_an_assistant_s_mail_is_automation_and_a_draft_is_nothing(org: Org) -> None:
    org.act("log_email", automation="AiAutomated")
    org.act("log_email", draft=True)
    assert [a.actor for a in org.told()] == [Actor.AUTOMATION]


def test_archived_tasks_are_seen_and_deleted_ones_are_not(org: Org) -> None:
    kept, gone = org.act("log_call")["id"], org.act("log_call")["id"]
    org.act("archive", id=kept)
    org.crm.delete(Ref("salesforce", "Task", gone))
    assert [a.ref.id for a in org.told()] == [kept]


def test_a_call_logged_after_the_fact_counts_when_it_was_logged_and_names_its_day(
    org: Org,
) -> None:
    day = (org.crm.now() - timedelta(days=3)).date().isoformat()
    org.act("log_call", day=day)
    [call] = org.told()
    assert call.at >= org.since
    assert f"dated {day}" in call.detail


def test_a_dialer_s_user_logs_in_the_rep_s_name(org: Org) -> None:
    org.act("log_call", **{"as": "tool"}, owner=org.anna)
    [call] = org.told()
    assert (call.by, call.actor) == (org.anna, Actor.PERSON)
    assert "in its owner's name" in call.why


def test_a_listed_automation_user_is_no_person(org: Org) -> None:
    tool = org.crm.sandbox.act(op="status")["other_integration_user"]
    username = org.crm.sandbox.row("User", tool).fields["Username"]
    org.crm.settings["automation_users"] = (username,)
    reader = org.crm.connector(Direction.READ)
    org.act("log_call", **{"as": "tool"}, owner=org.anna)
    answer = reader.activities([ActivitiesOf(org.lead, org.since)])
    reader.close()
    assert [a.actor for a in answer[org.lead]] == [Actor.AUTOMATION]


def test_a_flow_s_status_move_is_not_a_person_s(org: Org) -> None:
    org.crm.update(org.lead, {"Status": "Working - Contacted"}, **{"as": "system"})
    [move] = org.told()
    assert (move.kind, move.actor) == (ActivityKind.STATUS_CHANGE, Actor.AUTOMATION)
    assert move.detail == "Open - Not Contacted > Working - Contacted"


def test_what_was_done_before_and_after_a_conversion_is_told_of_the_lead(org: Org) -> None:
    before = {org.act("log_call")["id"], org.act("log_email")["id"]}
    org.crm.pass_time(2)
    contact = org.act("convert")["contact"]
    org.crm.pass_time(2)
    after = org.act("log_meeting", id=contact)["id"]
    told = [a for a in org.told() if a.kind is not ActivityKind.STATUS_CHANGE]
    assert {a.ref.id for a in told[:2]} == before
    assert [a.ref.id for a in told[2:]] == [after]


def test_without_enhanced_email_the_rest_is_told_and_the_doctor_says_what_is_missing(
    org: Org,
) -> None:
    org.crm.sandbox.tune(objects_missing=["EmailMessage", "EmailMessageRelation"])
    org.act("log_email", how="bcc")
    org.act("log_call")
    assert {a.kind for a in org.told()} == {ActivityKind.EMAIL, ActivityKind.CALL}
    probe = org.reader.probe()
    [fault] = [f for f in probe.findings if f.check == "e-mails as evidence"]
    assert not fault.ok
    assert not fault.fatal
    assert ActivityKind.EMAIL in probe.capabilities.activities


@pytest.mark.parametrize(
    ("hidden", "kinds"),
    [
        ("Event", {ActivityKind.MEETING}),
        ("LeadHistory", {ActivityKind.STATUS_CHANGE}),
        ("Task", {ActivityKind.CALL, ActivityKind.MESSAGE, ActivityKind.TASK_DONE}),
    ],
)
def test_an_object_our_user_may_not_read_hides_its_kinds_and_no_other(
    org: Org, hidden: str, kinds: set[ActivityKind]
) -> None:
    org.act("log_call")
    org.act("log_email")
    org.act("log_meeting")
    org.crm.update(org.lead, {"Status": "Working - Contacted"}, user=org.anna)
    seen = {a.kind for a in org.told()}
    org.crm.sandbox.tune(permissions={hidden: ""})
    fresh = org.crm.connector(Direction.READ)
    answer = fresh.activities([ActivitiesOf(org.lead, org.since)])
    assert {a.kind for a in answer[org.lead]} == seen - kinds
    assert fresh.capabilities.activities == org.reader.capabilities.activities - kinds
    fresh.close()

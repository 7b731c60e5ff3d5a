"""What proves a response in HubSpot, and what does not, over HTTP against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from contract.crm_hubspot import HubSpotUnderTest

from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.effects import SetOwner
from fairlead.core.types import Actor
from fairlead.spi.connector import ActivitiesOf, Connector, Direction


class Portal:
    """One portal whose search index trails far behind, one contact of Anna's, and a reader."""

    def __init__(self, crm: HubSpotUnderTest, reader: Connector) -> None:
        self.crm = crm
        self.reader = reader
        self.anna = crm.add_user("anna@example.com")
        self.lead = crm.create_lead({"email": "jo@acme.example"}, owner_id=self.anna)
        crm.pass_time(5)
        self.since = crm.now()
        crm.pass_time(2)

    def log(self, object: str, **order: Any) -> Any:
        who = {} if "as" in order else {"user": self.anna}
        act = {"op": "log", "object": object, "contact": self.lead.id, **who, **order}
        return self.crm.sandbox.act(**act)["id"]

    def told(self, *, thorough: bool = False) -> Sequence[Activity]:
        question = ActivitiesOf(self.lead, self.since, thorough)
        return self.reader.activities([question])[self.lead]

    def fact(self, name: str) -> str | None:
        value: str | None = self.crm.sandbox.row("contacts", self.lead.id).fields.get(name)
        return value


@pytest.fixture
def portal() -> Iterator[Portal]:
    crm = HubSpotUnderTest(lag=(300, 300))
    reader = crm.connector(Direction.READ)
    reader.probe()
    yield Portal(crm, reader)
    reader.close()
    crm.close()


def test_neither_the_search_index_nor_a_calculated_date_delays_a_thorough_look(
    portal: Portal,
) -> None:
    call = portal.log("calls")
    assert portal.told() == ()
    assert [a.ref.id for a in portal.told(thorough=True)] == [call]
    portal.crm.wait_logged()
    assert [a.ref.id for a in portal.told()] == [call]


def test_a_new_owner_erases_hubspot_s_first_engagement_but_not_the_evidence(
    portal: Portal,
) -> None:
    call = portal.log("calls")
    portal.crm.wait_logged()
    assert portal.fact("hs_sa_first_engagement_date")
    ben = portal.crm.add_user("ben@example.com")
    writer = portal.crm.connector(Direction.WRITE)
    writer.write([SetOwner("k1", portal.lead, ben, portal.anna)])
    writer.close()
    portal.crm.wait_logged()
    assert not portal.fact("hs_sa_first_engagement_date")
    assert [(a.ref.id, a.by) for a in portal.told()] == [(call, portal.anna)]


def test_a_sequence_s_mail_and_captured_mail_are_no_person_s(portal: Portal) -> None:
    portal.log("emails", sequence="7")
    portal.log("emails", captured=True)
    portal.crm.wait_logged()
    assert [a.actor for a in portal.told()] == [Actor.AUTOMATION]


def test_another_app_may_log_for_its_owner_and_says_who_it_is(portal: Portal) -> None:
    portal.log("calls", **{"as": "tool"}, owner=portal.anna)
    portal.crm.wait_logged()
    [call] = portal.told()
    assert (call.actor, call.by) == (Actor.UNKNOWN, portal.anna)
    assert "4711999" in call.why


def test_a_call_logged_after_the_fact_counts_when_it_was_made(portal: Portal) -> None:
    made = portal.since + timedelta(seconds=1)
    portal.crm.pass_time(3600)
    portal.log("calls", at=made.isoformat())
    portal.log("calls", at=(portal.since - timedelta(days=1)).isoformat())
    portal.crm.wait_logged()
    [call] = portal.told()
    assert abs(call.at - made) < timedelta(milliseconds=1)
    assert call.logged_at is not None
    assert call.logged_at - call.at > timedelta(minutes=59)


def test_received_mail_alone_is_no_contact_made_and_is_told_beside_one(portal: Portal) -> None:
    portal.log("emails", incoming=True)
    portal.crm.wait_logged()
    assert portal.told() == ()
    portal.log("emails")
    portal.crm.wait_logged()
    assert [a.incoming for a in portal.told()] == [True, False]


def test_mail_without_its_scope_is_told_apart_by_direction_and_the_doctor_speaks(
    portal: Portal,
) -> None:
    portal.log("emails", incoming=True)
    portal.log("emails")
    portal.crm.wait_logged()
    portal.crm.sandbox.tune(missing_scopes=["sales-email-read"])
    assert [a.incoming for a in portal.told()] == [True, False]
    faults = {f.check: f for f in portal.reader.probe().findings if not f.ok}
    assert not faults["e-mails are told in full"].fatal
    assert "sales-email-read" in faults["e-mails are told in full"].remedy


def test_what_was_done_with_both_merged_contacts_is_told_under_either_id(portal: Portal) -> None:
    call = portal.log("calls")
    other = portal.crm.create_lead({"email": "other@acme.example"})
    merged = portal.crm.merge(portal.lead, other)
    portal.crm.wait_logged()
    asked = [ActivitiesOf(r, portal.since, thorough=True) for r in (portal.lead, merged)]
    answers = portal.reader.activities(asked, [ActivityKind.CALL])
    assert {r: [a.ref.id for a in done] for r, done in answers.items()} == {
        portal.lead: [call],
        merged: [call],
    }


def test_a_contact_with_hundreds_of_calls_is_found_by_search_and_only_then_late(
    portal: Portal,
) -> None:
    tie = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 194}
    ties = [{"to": {"id": portal.lead.id}, "types": [tie]}]
    old = [{"hs_timestamp": "1767603600000"}] * 150
    act = portal.crm.sandbox.act
    act(op="create", object="calls", items=old, associations=ties, settled=True)
    call = portal.log("calls")
    assert portal.told(thorough=True) == ()
    portal.crm.pass_time(301)
    assert [a.ref.id for a in portal.told()] == [call]


def test_leads_with_nothing_new_cost_a_fiftieth_of_a_call_each(portal: Portal) -> None:
    refs = portal.crm.create_twins(100)
    kinds = {ActivityKind.CALL, ActivityKind.EMAIL, ActivityKind.MEETING}
    before = portal.crm.calls()
    portal.reader.activities([ActivitiesOf(r, portal.since) for r in refs], kinds)
    assert portal.crm.calls() - before == 1
    portal.reader.activities(
        [ActivitiesOf(r, portal.since) for r in refs], {*kinds, ActivityKind.STATUS_CHANGE}
    )
    assert portal.crm.calls() - before == 3

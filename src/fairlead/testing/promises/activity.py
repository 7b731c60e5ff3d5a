"""Promises of `activities()`: the evidence of a response, with who did it and what proves it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pytest

from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.types import Actor, Ref
from fairlead.spi.connector import ActivitiesOf, Connector, Outcome
from fairlead.testing.promises.feed import JO
from fairlead.testing.promises.under_test import CrmUnderTest, Promises
from fairlead.testing.promises.writing import MARKER, needs_marker, task

MANY = 120
"""More leads than one call takes in some CRM."""


class ActivityPromises(Promises):
    @pytest.mark.parametrize("kind", list(ActivityKind))
    def test_what_a_person_did_is_told_with_the_person_and_the_record_that_proves_it(
        self, crm: CrmUnderTest, reader: Connector, kind: ActivityKind
    ) -> None:
        needs(crm, kind)
        anna = crm.add_user("anna@example.com")
        ref = crm.create_lead(JO, owner_id=anna)
        reader.probe()
        assert kind in reader.capabilities.activities
        crm.pass_time(2)
        before = floor(crm)
        proof = crm.log_activity(ref, kind, person=anna)
        crm.wait_logged()
        [done] = told(reader, ref, before)
        assert (done.kind, done.by, done.actor) == (kind, anna, Actor.PERSON)
        assert done.ref.id == proof
        assert done.why
        assert before <= done.at <= crm.now()
        assert not done.incoming

    def test_a_call_tells_how_long_it_took(self, crm: CrmUnderTest, reader: Connector) -> None:
        needs(crm, ActivityKind.CALL)
        anna = crm.add_user("anna@example.com")
        ref = crm.create_lead(JO, owner_id=anna)
        before = floor(crm)
        crm.log_activity(ref, ActivityKind.CALL, person=anna, seconds=4)
        crm.wait_logged()
        assert [a.seconds for a in told(reader, ref, before)] == [4]

    def test_an_e_mail_from_the_lead_is_marked_as_incoming(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        needs(crm, ActivityKind.EMAIL)
        anna = crm.add_user("anna@example.com")
        ref = crm.create_lead(JO, owner_id=anna)
        before = floor(crm)
        crm.log_activity(ref, ActivityKind.EMAIL, person=anna, incoming=True)
        crm.wait_logged()
        assert [a.incoming for a in told(reader, ref, before, thorough=True)] == [True]

    @pytest.mark.parametrize("kind", list(ActivityKind))
    def test_what_automation_did_is_not_taken_for_a_person_or_for_us(
        self, crm: CrmUnderTest, reader: Connector, kind: ActivityKind
    ) -> None:
        needs(crm, kind)
        ref = crm.create_lead(JO, owner_id=crm.add_user("anna@example.com"))
        crm.pass_time(2)
        before = floor(crm)
        crm.automation_logs(ref, kind)
        crm.wait_logged()
        for done in told(reader, ref, before, thorough=True):
            assert done.actor in (Actor.AUTOMATION, Actor.UNKNOWN)

    def test_our_own_task_is_no_evidence_whoever_completes_it(
        self, crm: CrmUnderTest, reader: Connector, writer: Connector
    ) -> None:
        needs(crm, ActivityKind.TASK_DONE)
        needs_marker(writer)
        anna = crm.add_user("anna@example.com")
        ref = crm.create_lead(JO, owner_id=anna)
        before = floor(crm)
        [receipt] = writer.write([task(crm, ref, anna)]).receipts
        assert receipt.outcome is Outcome.APPLIED, receipt
        crm.pass_time(2)
        crm.complete_task(MARKER, person=anna)
        crm.wait_logged()
        done = told(reader, ref, before, thorough=True)
        assert [(a.kind, a.actor) for a in done] == [(ActivityKind.TASK_DONE, Actor.US)]

    def test_only_what_happened_since_is_told_oldest_first(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        needs(crm, ActivityKind.CALL)
        anna = crm.add_user("anna@example.com")
        ref = crm.create_lead(JO, owner_id=anna)
        crm.log_activity(ref, ActivityKind.CALL, person=anna)
        crm.pass_time(5)
        since = floor(crm)
        proofs = []
        for _ in range(3):
            crm.pass_time(5)
            proofs.append(crm.log_activity(ref, ActivityKind.CALL, person=anna))
        crm.wait_logged()
        assert [a.ref.id for a in told(reader, ref, since)] == proofs

    def test_each_lead_is_told_its_own_and_every_ref_is_answered(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        needs(crm, ActivityKind.CALL)
        anna = crm.add_user("anna@example.com")
        busy, quiet = (crm.create_lead(JO | {"email": f"{n}@acme.example"}) for n in "ab")
        missing, before = crm.missing_ref(), floor(crm)
        proof = crm.log_activity(busy, ActivityKind.CALL, person=anna)
        crm.wait_logged()
        answers = reader.activities([ActivitiesOf(r, before) for r in (missing, busy, quiet)])
        assert {r: [a.ref.id for a in done] for r, done in answers.items()} == {
            missing: [],
            busy: [proof],
            quiet: [],
        }

    def test_only_the_kinds_asked_for_are_told(self, crm: CrmUnderTest, reader: Connector) -> None:
        needs(crm, ActivityKind.CALL)
        needs(crm, ActivityKind.STATUS_CHANGE)
        anna = crm.add_user("anna@example.com")
        ref = crm.create_lead(JO, owner_id=anna)
        crm.pass_time(2)
        before = floor(crm)
        crm.log_activity(ref, ActivityKind.CALL, person=anna)
        crm.log_activity(ref, ActivityKind.STATUS_CHANGE, person=anna)
        crm.wait_logged()
        for kind in (ActivityKind.CALL, ActivityKind.STATUS_CHANGE):
            answer = reader.activities([ActivitiesOf(ref, before, thorough=True)], [kind])
            assert [a.kind for a in answer[ref]] == [kind]
            asked = ActivitiesOf(ref, before, thorough=True, kinds=frozenset({kind}))
            assert kind in [a.kind for a in reader.activities([asked])[ref]], "of interest here"

    def test_the_number_of_calls_is_bounded_by_far_fewer_than_one_per_lead(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        refs = list(crm.create_twins(MANY))
        before = floor(crm)
        reader.owners()
        reader.activities([ActivitiesOf(refs[0], before, thorough=True)])
        calls = crm.calls()
        answers = reader.activities([ActivitiesOf(r, before, thorough=True) for r in refs])
        assert set(answers) == set(refs)
        assert crm.calls() - calls <= MANY // 4

    def test_asking_about_nothing_calls_nobody(self, crm: CrmUnderTest, reader: Connector) -> None:
        before = crm.calls()
        assert dict(reader.activities([])) == {}
        assert crm.calls() == before


def needs(crm: CrmUnderTest, kind: ActivityKind) -> None:
    if kind not in crm.abilities.activities:
        pytest.skip(f"this CRM keeps no {kind}")


def floor(crm: CrmUnderTest) -> datetime:
    """Now, cut down to the second, as some CRMs cut their stamps."""
    return crm.now().replace(microsecond=0)


def told(
    reader: Connector, ref: Ref, since: datetime, *, thorough: bool = False
) -> Sequence[Activity]:
    answers = reader.activities([ActivitiesOf(ref, since, thorough)])
    assert set(answers) == {ref}
    return answers[ref]

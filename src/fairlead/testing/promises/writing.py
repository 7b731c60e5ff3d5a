"""Promises of `write()` and `find_tasks()`: sent once, answered one by one, found again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from fairlead.core.effects import SetOwner, UpsertTask
from fairlead.core.types import Kind, Record, Ref
from fairlead.spi.connector import Connector, Outcome, Receipt
from fairlead.testing.promises.feed import HOSTILE, JO
from fairlead.testing.promises.under_test import (
    CrmUnderTest,
    Promises,
    drain,
    read_one,
    refs_of,
)

MARKER = "0123456789abcdef0123456789abcdef"


class WritePromises(Promises):
    def test_an_owner_is_set_and_can_be_read_at_once(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        anna = crm.add_user("anna@example.com")
        ref = crm.create_lead(JO)
        [receipt] = writer.write([to(ref, anna)]).receipts
        assert (receipt.key, receipt.outcome) == ("k1", Outcome.APPLIED), receipt
        assert crm.owner_of(ref) == anna
        assert read_one(writer, ref).owner_id == anna

    def test_a_queue_can_be_the_owner(self, crm: CrmUnderTest, writer: Connector) -> None:
        if not writer.capabilities.queues:
            pytest.skip("queues own nothing in this CRM")
        queue = crm.add_queue("Inbound")
        ref = crm.create_lead(JO)
        [receipt] = writer.write([to(ref, queue)]).receipts
        assert receipt.outcome is Outcome.APPLIED, receipt
        assert read_one(writer, ref).owner_id == queue

    def test_as_many_effects_as_it_says_it_takes_come_back_in_order(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        anna = crm.add_user("anna@example.com")
        refs = list(crm.create_twins(writer.capabilities.max_effects))
        effects = [to(ref, anna, f"k{i}") for i, ref in enumerate(refs)]
        receipts = writer.write(effects).receipts
        assert [r.key for r in receipts] == [e.key for e in effects]
        assert {r.outcome for r in receipts} == {Outcome.APPLIED}
        assert {crm.owner_of(ref) for ref in refs} == {anna}
        assert len(crm.took_effect()) == len(refs)

    def test_one_bad_record_does_not_spoil_the_others(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        anna = crm.add_user("anna@example.com")
        sound = [crm.create_lead(JO | {"email": f"jo{i}@acme.example"}) for i in range(4)]
        deleted = crm.create_lead(JO | {"email": "gone@acme.example"})
        crm.delete(deleted)
        refs = [sound[0], deleted, sound[1], crm.missing_ref(), sound[2], sound[3]]
        receipts = writer.write([to(r, anna, f"k{i}") for i, r in enumerate(refs)]).receipts
        assert [r.key for r in receipts] == [f"k{i}" for i in range(6)]
        applied, gone = Outcome.APPLIED, Outcome.GONE
        assert [r.outcome for r in receipts] == [applied, gone, applied, gone, applied, applied]
        assert {crm.owner_of(ref) for ref in sound} == {anna}

    def test_a_converted_lead_is_gone(self, crm: CrmUnderTest, writer: Connector) -> None:
        if not crm.abilities.convert:
            pytest.skip("this CRM does not convert leads")
        anna, ref = crm.add_user("anna@example.com"), crm.create_lead(JO)
        crm.convert(ref)
        assert outcomes(writer.write([to(ref, anna)]).receipts) == [Outcome.GONE]

    def test_an_owner_who_cannot_own_is_told_from_a_record_that_cannot_be_written(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        anna, ben = crm.add_user("anna@example.com"), crm.add_user("ben@example.com")
        crm.deactivate(ben)
        one, two, three = (crm.create_lead(JO | {"email": f"{n}@acme.example"}) for n in "abc")
        before = crm.owner_of(two), crm.owner_of(three)
        receipts = writer.write(
            [to(one, anna, "k1"), to(two, ben, "k2"), to(three, crm.missing_owner(), "k3")]
        ).receipts
        bad = Outcome.BAD_OWNER
        assert outcomes(receipts) == [Outcome.APPLIED, bad, bad], receipts
        assert (crm.owner_of(two), crm.owner_of(three)) == before

    def test_setting_the_same_owner_again_is_harmless(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        anna, ref = crm.add_user("anna@example.com"), crm.create_lead(JO)
        for _ in range(2):
            assert outcomes(writer.write([to(ref, anna)]).receipts) == [Outcome.APPLIED]
        assert [t for t in crm.took_effect() if t[0] == "owner"] == [("owner", ref.id)]

    def test_the_reason_goes_into_the_audit_field(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        if not writer.probe().capabilities.audit_field:
            pytest.skip("this CRM has no audit field")
        anna, ref = crm.add_user("anna@example.com"), crm.create_lead(JO)
        reason = 'rule "Söhne & Co"'
        writer.write([SetOwner("k1", ref, anna, None, audit=reason)])
        assert crm.audit_of(ref) == reason

    def test_nothing_to_write_calls_nobody(self, crm: CrmUnderTest, writer: Connector) -> None:
        before = crm.calls()
        assert list(writer.write([]).receipts) == []
        assert crm.calls() == before

    # -- tasks -------------------------------------------------------------------------------

    def test_one_marker_is_one_task_whose_owner_moves(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        needs_marker(writer)
        anna, ben = crm.add_user("anna@example.com"), crm.add_user("ben@example.com")
        ref = crm.create_lead(JO)
        [first] = writer.write([task(crm, ref, anna)]).receipts
        [second] = writer.write([task(crm, ref, ben, "k2")]).receipts
        assert outcomes([first, second]) == [Outcome.APPLIED, Outcome.APPLIED], (first, second)
        assert first.remote_id == second.remote_id
        [truth] = crm.tasks(MARKER)
        assert (truth.owner_id, truth.lead) == (ben, ref)

    def test_an_open_task_of_the_same_owner_takes_new_words_and_a_done_one_is_found_done(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        needs_marker(writer)
        anna, ref = crm.add_user("anna@example.com"), crm.create_lead(JO)
        first = task(crm, ref, anna)
        again = replace(first, subject="Send the price list", body="In the shared folder.")
        for effect in (first, again):
            assert outcomes(writer.write([effect]).receipts) == [Outcome.APPLIED]
        [truth] = crm.tasks(MARKER)
        assert (truth.subject, truth.owner_id) == ("Send the price list", anna)
        assert writer.find_tasks([MARKER])[MARKER].open
        crm.complete_task(MARKER, person=anna)
        assert not writer.find_tasks([MARKER])[MARKER].open

    def test_a_task_says_what_it_should_whatever_the_characters(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        needs_marker(writer)
        anna, ref = crm.add_user("anna@example.com"), crm.create_lead(JO)
        subject = f"Call {HOSTILE['first_name']} {HOSTILE['last_name']}"
        due = (crm.now() + timedelta(days=2)).replace(microsecond=0)
        effect = UpsertTask("k1", ref, MARKER, anna, subject, HOSTILE["company"], due, True)
        assert outcomes(writer.write([effect]).receipts) == [Outcome.APPLIED]
        [truth] = crm.tasks(MARKER)
        assert (truth.subject, truth.body) == (subject, HOSTILE["company"])
        assert truth.due_at is not None
        assert abs(truth.due_at - due) <= timedelta(days=1)

    def test_tasks_are_found_by_marker_and_absent_ones_left_out(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        needs_marker(writer)
        anna, ref = crm.add_user("anna@example.com"), crm.create_lead(JO)
        [receipt] = writer.write([task(crm, ref, anna)]).receipts
        found = writer.find_tasks([MARKER, "f" * 32])
        assert set(found) == {MARKER}
        assert found[MARKER].marker == MARKER
        assert (found[MARKER].owner_id, found[MARKER].open) == (anna, True)
        assert found[MARKER].remote_id == receipt.remote_id

    def test_looking_for_no_task_finds_none_and_calls_nobody(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        before = crm.calls()
        assert dict(writer.find_tasks([])) == {}
        assert crm.calls() == before

    def test_a_task_for_a_record_or_owner_that_is_no_more_is_told_apart(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        needs_marker(writer)
        anna, ben = crm.add_user("anna@example.com"), crm.add_user("ben@example.com")
        crm.deactivate(ben)
        deleted, sound = (crm.create_lead(JO | {"email": f"{n}@acme.example"}) for n in "ab")
        crm.delete(deleted)
        effects = [
            task(crm, deleted, anna, "k1", "a" * 32),
            task(crm, sound, ben, "k2", "b" * 32),
            task(crm, sound, anna, "k3", "c" * 32),
        ]
        receipts = writer.write(effects).receipts
        expected = [Outcome.GONE, Outcome.BAD_OWNER, Outcome.APPLIED]
        assert outcomes(receipts) == expected, receipts
        assert [len(crm.tasks(m * 32)) for m in "abc"] == [0, 0, 1]

    def test_owners_are_written_before_tasks_and_receipts_keep_the_order_given(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        needs_marker(writer)
        anna, ref = crm.add_user("anna@example.com"), crm.create_lead(JO)
        receipts = writer.write([task(crm, ref, anna, "k1"), to(ref, anna, "k2")]).receipts
        assert [r.key for r in receipts] == ["k1", "k2"]
        assert outcomes(receipts) == [Outcome.APPLIED, Outcome.APPLIED], receipts
        assert list(crm.took_effect()) == [("owner", ref.id), ("task", MARKER)]

    # -- the poll a write carries ------------------------------------------------------------

    def test_a_write_carries_the_next_poll_when_it_says_it_can(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        anna = crm.add_user("anna@example.com")
        cursor = writer.start_cursor(Kind.LEAD, since=crm.now())
        ref, other = (crm.create_lead(JO | {"email": f"{n}@acme.example"}) for n in "ab")
        for made in (ref, other):
            crm.wait_visible(made)
        written = writer.write([to(ref, anna)], then_poll={Kind.LEAD: cursor})
        assert outcomes(written.receipts) == [Outcome.APPLIED]
        if writer.capabilities.carries_poll:
            assert other in refs_of(written.pages[Kind.LEAD].records)
        seen: list[Record] = []
        for kind, page in written.pages.items():
            assert kind is page.kind is Kind.LEAD
            seen, cursor = list(page.records), page.cursor
        crm.wait_visible(ref)
        records, _ = drain(writer, cursor)
        assert refs_of([*seen, *records]) == {ref, other}

    def test_an_empty_write_that_polls_is_a_poll(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        cursor = writer.start_cursor(Kind.LEAD, since=crm.now())
        ref = crm.create_lead(JO)
        crm.wait_visible(ref)
        written = writer.write([], then_poll={Kind.LEAD: cursor})
        assert list(written.receipts) == []
        if writer.capabilities.carries_poll:
            assert refs_of(written.pages[Kind.LEAD].records) == {ref}


def to(ref: Ref, owner_id: str, key: str = "k1") -> SetOwner:
    return SetOwner(key, ref, owner_id, expected_owner_id=None)


def task(
    crm: CrmUnderTest, ref: Ref, owner_id: str, key: str = "k1", marker: str = MARKER
) -> UpsertTask:
    due = crm.now() + timedelta(days=1)
    return UpsertTask(key, ref, marker, owner_id, "Call them", "They asked for a demo.", due)


def outcomes(receipts: Sequence[Receipt]) -> list[Outcome]:
    return [r.outcome for r in receipts]


def needs_marker(writer: Connector) -> None:
    if not writer.probe().capabilities.task_marker:
        pytest.skip("this CRM has no unique field for the task marker")

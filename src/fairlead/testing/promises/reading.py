"""Promises of `read()`: every ref is answered from the records themselves, with who did what."""

from __future__ import annotations

import pytest

from fairlead.core.effects import SetOwner
from fairlead.core.types import Actor, Gone, Record, Ref
from fairlead.spi.connector import Connector
from fairlead.testing.promises.feed import JO
from fairlead.testing.promises.under_test import CrmUnderTest, Promises, read_one, value_of

MANY = 230
"""More refs than any CRM reads in one call with history."""


class ReadPromises(Promises):
    def test_every_ref_is_answered_and_a_missing_one_is_gone(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        ref, missing = crm.create_lead(JO), crm.missing_ref()
        answers = reader.read([missing, ref])
        assert set(answers) == {ref, missing}
        assert isinstance(answers[missing], Gone)
        record = answers[ref]
        assert isinstance(record, Record)
        assert record.ref == ref
        assert value_of(record, reader.field_map, "email") == "jo@acme.example"

    def test_reading_nothing_answers_nothing_and_calls_nobody(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        before = crm.calls()
        assert dict(reader.read([])) == {}
        assert crm.calls() == before

    def test_more_refs_than_one_call_takes_are_all_answered(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        refs = list(crm.create_twins(MANY))
        missing = crm.missing_ref()
        answers = reader.read([*refs[:100], missing, *refs[100:]])
        assert set(answers) == {*refs, missing}
        assert {r for r, a in answers.items() if isinstance(a, Record) and a.ref == r} == set(refs)

    def test_what_became_of_every_lead_is_told_and_nothing_of_new_or_missing_ones(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        new, missing = crm.create_lead(JO), crm.missing_ref()
        answers = reader.became([new, missing])
        assert set(answers) == {new, missing}
        assert {(f.converted, f.won, f.lost) for f in answers.values()} == {(False, None, False)}
        before = crm.calls()
        assert dict(reader.became([])) == {}
        assert crm.calls() == before

    def test_a_converted_lead_is_told_to_be_converted(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        if not crm.abilities.convert:
            pytest.skip("this CRM does not convert leads")
        ref = crm.create_lead(JO)
        crm.convert(ref)
        fate = reader.became([ref])[ref]
        assert fate.converted
        assert not fate.lost
        assert fate.why

    def test_a_change_is_read_at_once_without_waiting_for_any_index(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        anna = crm.add_user("anna@example.com")
        ref = crm.create_lead(JO)
        read_one(reader, ref)
        crm.person_sets_owner(ref, anna, person=anna)
        crm.edit(ref, {"title": "Chief buyer"})
        record = read_one(reader, ref)
        assert record.owner_id == anna
        assert value_of(record, reader.field_map, "title") == "Chief buyer"

    def test_a_deleted_lead_reads_as_gone(self, crm: CrmUnderTest, reader: Connector) -> None:
        ref = crm.create_lead(JO)
        crm.delete(ref)
        assert gone(reader.read([ref])[ref])

    def test_a_merged_lead_leads_to_its_survivor_or_is_gone(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        if not crm.abilities.merge:
            pytest.skip("this CRM does not merge leads")
        loser, survivor = (crm.create_lead(JO | {"email": f"{n}@acme.example"}) for n in "ab")
        merged = crm.merge(loser, survivor)
        answers = reader.read([loser, merged])
        assert isinstance(answers[merged], Record)
        answer = answers[loser]
        if isinstance(answer, Record):
            assert merged in (answer.ref, answer.merged_into)
            assert answer.ref == merged or answer.deleted

    def test_a_converted_lead_says_so(self, crm: CrmUnderTest, reader: Connector) -> None:
        if not crm.abilities.convert:
            pytest.skip("this CRM does not convert leads")
        ref = crm.create_lead(JO)
        crm.convert(ref)
        answer = reader.read([ref])[ref]
        assert isinstance(answer, Gone) or answer.converted

    def test_an_unreadable_row_keeps_its_ref_and_the_others_are_read(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        if not crm.abilities.corrupt:
            pytest.skip("this CRM cannot be made to show an unreadable row")
        broken, sound = (crm.create_lead(JO | {"email": f"{n}@acme.example"}) for n in "ab")
        crm.corrupt(broken)
        answers = reader.read([broken, sound])
        answer = answers[broken]
        assert isinstance(answer, Record)
        assert answer.ref == broken
        assert answer.unreadable
        assert read_one(reader, sound).unreadable is None

    def test_owner_history_names_people_and_ourselves_newest_last(
        self, crm: CrmUnderTest, reader: Connector, writer: Connector
    ) -> None:
        if not reader.probe().capabilities.owner_history:
            pytest.skip("this CRM keeps no owner history")
        anna, ben, carla = (crm.add_user(f"{n}@example.com") for n in ("anna", "ben", "carla"))
        ref = crm.create_lead(JO, owner_id=carla)
        crm.pass_time(2)
        [receipt] = writer.write([SetOwner("k1", ref, anna, carla)]).receipts
        assert receipt.outcome.value == "applied", receipt
        crm.pass_time(2)
        crm.person_sets_owner(ref, ben, person=carla)
        history = changes_of(reader, ref)
        assert history[-2:] == [(anna, Actor.US), (ben, Actor.PERSON)]

    def test_owner_history_does_not_take_automation_for_a_person_or_for_us(
        self, crm: CrmUnderTest, reader: Connector, writer: Connector
    ) -> None:
        if not reader.probe().capabilities.owner_history:
            pytest.skip("this CRM keeps no owner history")
        anna, ben = crm.add_user("anna@example.com"), crm.add_user("ben@example.com")
        ref = crm.create_lead(JO, owner_id=anna)
        crm.pass_time(2)
        crm.automation_sets_owner(ref, ben)
        owner_id, actor = changes_of(reader, ref)[-1]
        assert owner_id == ben
        assert actor in (Actor.AUTOMATION, Actor.UNKNOWN)

    def test_owner_history_instants_rise_and_end_with_the_owner_of_now(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        if not reader.probe().capabilities.owner_history:
            pytest.skip("this CRM keeps no owner history")
        anna, ben = crm.add_user("anna@example.com"), crm.add_user("ben@example.com")
        ref = crm.create_lead(JO, owner_id=anna)
        for owner_id in (ben, anna, ben):
            crm.pass_time(2)
            crm.person_sets_owner(ref, owner_id, person=anna)
        record = read_one(reader, ref)
        assert record.owner_history is not None
        instants = [c.at for c in record.owner_history]
        assert instants == sorted(instants)
        assert [c.owner_id for c in record.owner_history][-3:] == [ben, anna, ben]
        assert record.owner_id == ben


def gone(answer: Record | Gone) -> bool:
    return isinstance(answer, Gone) or answer.deleted


def changes_of(reader: Connector, ref: Ref) -> list[tuple[str | None, Actor]]:
    history = read_one(reader, ref).owner_history
    assert history is not None, "read() fills the owner history when the capability says so"
    return [(c.owner_id, c.actor) for c in history]

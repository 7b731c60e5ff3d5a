"""Promises of `write()` for scores and fields: any value, once, and in the way of nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fairlead.core.effects import Effect, SetField, SetScore
from fairlead.core.field_text import holds
from fairlead.core.types import Ref
from fairlead.spi.connector import Connector, Outcome
from fairlead.testing.promises.feed import HOSTILE, JO
from fairlead.testing.promises.under_test import CrmUnderTest, Promises, read_one
from fairlead.testing.promises.writing import outcomes, to

NOWHERE = "No_Such_Field__c"


class ValuePromises(Promises):
    def test_a_score_is_written_and_can_be_read_at_once(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        field, ref = number_of(crm), crm.create_lead(JO)
        for value in (70, 70, 0):
            [receipt] = writer.write([SetScore("k1", ref, field, value)]).receipts
            assert (receipt.key, receipt.outcome) == ("k1", Outcome.APPLIED), receipt
            assert holds(crm.value_of(ref, field), str(value))
            assert holds(read_one(writer, ref).fields[field], str(value))

    def test_a_field_takes_any_text_and_none(self, crm: CrmUnderTest, writer: Connector) -> None:
        field, ref = crm.abilities.text_written, crm.create_lead(JO)
        for value in ("Head of Sales", HOSTILE["company"], "5", ""):
            [receipt] = writer.write([SetField("k1", ref, field, value, None)]).receipts
            assert (receipt.key, receipt.outcome) == ("k1", Outcome.APPLIED), receipt
            assert crm.value_of(ref, field) == value
            assert holds(read_one(writer, ref).fields[field], value)

    def test_a_number_is_written_from_its_text_and_cleared(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        field, ref = number_of(crm), crm.create_lead(JO)
        for value in ("12", ""):
            [receipt] = writer.write([SetField("k1", ref, field, value, None)]).receipts
            assert receipt.outcome is Outcome.APPLIED, receipt
            assert holds(crm.value_of(ref, field), value)

    def test_what_the_field_held_before_is_not_the_connectors_to_check(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        field, ref = crm.abilities.text_written, crm.create_lead(JO)
        effect = SetField("k1", ref, field, "ours", expected="what nobody ever wrote")
        assert outcomes(writer.write([effect]).receipts) == [Outcome.APPLIED]
        assert crm.value_of(ref, field) == "ours"

    def test_writing_the_same_value_again_is_harmless(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        field, ref = crm.abilities.text_written, crm.create_lead(JO)
        for _ in range(2):
            effect = SetField("k1", ref, field, "Nurture", None)
            assert outcomes(writer.write([effect]).receipts) == [Outcome.APPLIED]
        assert [t for t in crm.took_effect() if t[0] == "field"] == [("field", ref.id)]

    def test_as_many_fields_as_it_says_it_takes_come_back_in_order(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        field = crm.abilities.text_written
        refs = list(crm.create_twins(writer.capabilities.max_effects))
        effects = [SetField(f"k{i}", r, field, f"v{i}", None) for i, r in enumerate(refs)]
        receipts = writer.write(effects).receipts
        assert [r.key for r in receipts] == [e.key for e in effects]
        assert {r.outcome for r in receipts} == {Outcome.APPLIED}
        assert [crm.value_of(ref, field) for ref in refs] == [e.value for e in effects]

    def test_two_fields_of_one_lead_and_its_owner_go_in_one_write(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        number = number_of(crm)
        anna, ref = crm.add_user("anna@example.com"), crm.create_lead(JO)
        effects: list[Effect] = [
            SetScore("k1", ref, number, 3),
            SetField("k2", ref, crm.abilities.text_written, "Nurture", None),
            to(ref, anna, "k3"),
        ]
        receipts = writer.write(effects).receipts
        assert [r.key for r in receipts] == ["k1", "k2", "k3"]
        assert outcomes(receipts) == [Outcome.APPLIED] * 3, receipts
        assert crm.owner_of(ref) == anna
        assert holds(crm.value_of(ref, number), "3")
        assert crm.value_of(ref, crm.abilities.text_written) == "Nurture"

    def test_a_record_that_is_gone_does_not_spoil_the_others(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        field = crm.abilities.text_written
        one, deleted, two = (crm.create_lead(JO | {"email": f"{n}@acme.example"}) for n in "abc")
        crm.delete(deleted)
        refs: Sequence[Ref] = [one, deleted, crm.missing_ref(), two]
        effects = [SetField(f"k{i}", r, field, "Nurture", None) for i, r in enumerate(refs)]
        gone = Outcome.GONE
        expected = [Outcome.APPLIED, gone, gone, Outcome.APPLIED]
        assert outcomes(writer.write(effects).receipts) == expected

    def test_a_field_that_is_not_there_is_refused_and_stops_nothing_else(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        if not crm.abilities.checks_field_names:
            pytest.skip("this CRM takes any field")
        anna, ref = crm.add_user("anna@example.com"), crm.create_lead(JO)
        effects: list[Effect] = [
            SetField("k1", ref, NOWHERE, "x", None),
            SetField("k2", ref, crm.abilities.text_written, "Nurture", None),
            SetScore("k3", ref, NOWHERE, 1),
            to(ref, anna, "k4"),
        ]
        refused, applied = Outcome.REFUSED, Outcome.APPLIED
        assert outcomes(writer.write(effects).receipts) == [refused, applied, refused, applied]
        assert crm.owner_of(ref) == anna
        assert crm.value_of(ref, crm.abilities.text_written) == "Nurture"


def number_of(crm: CrmUnderTest) -> str:
    if crm.abilities.number_written is None:
        pytest.skip("leads of this CRM have no number that we could write")
    return crm.abilities.number_written

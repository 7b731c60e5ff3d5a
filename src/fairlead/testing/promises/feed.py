"""Promises of `changes()`: everything comes, from where we said, whatever the CRM is doing."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from fairlead.core.types import Kind, Record
from fairlead.spi.connector import Connector, Cursor
from fairlead.testing.promises.under_test import (
    MAX_PAGES,
    CrmUnderTest,
    Promises,
    drain,
    next_page,
    of,
    read_one,
    refs_of,
    value_of,
)

JO = {
    "first_name": "Jo",
    "last_name": "Doe",
    "email": "jo@acme.example",
    "company": "Acme",
    "title": "Buyer",
}
AN_HOUR = 3600.0
TIES = 520


def now_cursor(crm: CrmUnderTest, connector: Connector) -> Cursor:
    return connector.start_cursor(Kind.LEAD, since=crm.now())


class FeedPromises(Promises):
    def test_a_cursor_at_now_sees_nothing_old(self, crm: CrmUnderTest, reader: Connector) -> None:
        old = crm.create_lead(JO)
        crm.wait_visible(old)
        crm.pass_time(AN_HOUR)
        records, cursor = drain(reader, now_cursor(crm, reader))
        assert records == []
        crm.pass_time(AN_HOUR)
        records, _ = drain(reader, cursor)
        assert records == []

    def test_a_cursor_at_the_beginning_of_time_sees_everything(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        old = crm.create_lead(JO)
        crm.wait_visible(old)
        crm.pass_time(400 * 24 * AN_HOUR)
        records, _ = drain(reader, reader.start_cursor(Kind.LEAD, since=None))
        assert old in refs_of(records)

    def test_a_new_lead_appears_with_its_owner_and_its_fields(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        anna = crm.add_user("anna@example.com")
        cursor = now_cursor(crm, reader)
        ref = crm.create_lead(JO, owner_id=anna)
        crm.wait_visible(ref)
        records, _ = drain(reader, cursor)
        record = of(records, ref)
        assert refs_of(records) == {ref}
        assert (record.kind, record.owner_id) == (Kind.LEAD, anna)
        assert record.unreadable is None
        for name, value in JO.items():
            assert value_of(record, reader.field_map, name) == value, name

    def test_numbers_come_as_numbers_or_their_text(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        name = crm.abilities.number_field
        if name is None:
            pytest.skip("no field of this CRM's leads is a number")
        ref = crm.create_lead(JO | {name: 4000})
        text = value_of(read_one(reader, ref), reader.field_map, name)
        assert text is not None
        assert float(text) == 4000

    def test_instants_are_the_crm_s_own_and_in_utc(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        cursor = now_cursor(crm, reader)
        before = crm.now() - timedelta(seconds=1)
        ref = crm.create_lead(JO)
        after = crm.now()
        crm.wait_visible(ref)
        records, _ = drain(reader, cursor)
        record = of(records, ref)
        assert record.created_at is not None
        assert record.created_at.utcoffset() == timedelta(0)
        assert record.modified_at.utcoffset() == timedelta(0)
        assert before <= record.created_at <= after
        assert record.created_at <= record.modified_at <= crm.now()

    def test_a_changed_lead_appears_again_with_a_later_version(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        ref = crm.create_lead(JO)
        crm.wait_visible(ref)
        records, cursor = drain(reader, reader.start_cursor(Kind.LEAD, since=None))
        first = of(records, ref)
        crm.pass_time(2)
        crm.edit(ref, {"title": "Chief buyer"})
        crm.wait_visible(ref)
        records, _ = drain(reader, cursor)
        second = of(records, ref)
        assert second.modified_at > first.modified_at
        assert second.version != first.version
        assert value_of(second, reader.field_map, "title") == "Chief buyer"

    def test_leads_that_come_between_polls_all_appear(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        cursor = now_cursor(crm, reader)
        made, seen = set(), set()
        for round_ in range(6):
            refs = [crm.create_lead(JO | {"email": f"jo{round_}{i}@acme.example"}) for i in (1, 2)]
            for ref in refs:
                crm.wait_visible(ref)
            made |= set(refs)
            records, cursor = drain(reader, cursor)
            seen |= refs_of(records)
            crm.pass_time(round_ * 7)
        assert seen == made

    def test_one_modification_stamp_over_many_pages_comes_complete_and_ends(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        cursor = now_cursor(crm, reader)
        twins = crm.create_twins(TIES)
        crm.wait_visible(twins[-1])
        records, cursor = drain(reader, cursor)
        assert refs_of(records) == set(twins)
        # Long after, the same stamp is neither a place to be stuck in nor one to come back to.
        for _ in range(3):
            crm.pass_time(8 * AN_HOUR)
            _, cursor = drain(reader, cursor)
        late = crm.create_lead(JO)
        crm.wait_visible(late)
        records, _ = drain(reader, cursor)
        assert refs_of(records) == {late}

    def test_leads_edited_between_two_pages_are_not_lost(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        cursor = now_cursor(crm, reader)
        refs = list(crm.create_twins(TIES))
        crm.wait_visible(refs[-1])
        seen: set[str] = set()
        for turn in range(MAX_PAGES):
            page = next_page(reader, cursor)
            cursor = page.cursor
            seen |= {r.ref.id for r in page.records}
            if not page.more:
                break
            if turn < 3:
                crm.pass_time(2)
                for ref in (refs[turn], refs[TIES // 2 + turn], refs[-1 - turn]):
                    crm.edit(ref, {"title": f"moved on page {turn}"})
                    crm.wait_visible(ref)
        assert seen == {r.id for r in refs}

    def test_a_change_that_shows_later_than_its_stamp_is_not_lost(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        delay = crm.abilities.late
        if delay is None:
            pytest.skip("this CRM shows every change at once")
        cursor = now_cursor(crm, reader)
        late = crm.create_late_lead(delay)
        crm.pass_time(2)
        prompt = crm.create_lead(JO)
        crm.wait_visible(prompt)
        records, cursor = drain(reader, cursor)
        assert refs_of(records) == {prompt}
        # Polling goes on all the while, the last time a second before the late one shows.
        wait = delay.total_seconds() - 3
        for step in (wait / 3, wait / 3, wait / 3):
            crm.pass_time(step)
            _, cursor = drain(reader, cursor)
        crm.pass_time(2)
        crm.wait_visible(late)
        records, _ = drain(reader, cursor)
        assert late in refs_of(records)

    def test_a_cursor_survives_json_in_the_middle_of_a_pass(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        cursor = now_cursor(crm, reader)
        twins = crm.create_twins(TIES)
        crm.wait_visible(twins[-1])
        seen: list[Record] = []
        for _ in range(MAX_PAGES):
            text = json.dumps(dict(cursor.position))
            page = next_page(reader, Cursor(json.loads(text), cursor.covered_until))
            seen += page.records
            cursor = page.cursor
            if not page.more:
                break
        assert refs_of(seen) == set(twins)

    def test_a_page_says_what_time_it_is_and_how_far_the_feed_is_complete(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        cursor = now_cursor(crm, reader)
        crm.pass_time(AN_HOUR)
        page = next_page(reader, cursor)
        assert abs(page.server_now - crm.now()) < timedelta(seconds=5)
        assert cursor.covered_until <= page.cursor.covered_until <= page.server_now
        lag = page.server_now - page.cursor.covered_until
        assert lag < timedelta(hours=1), "an hour without changes and the feed did not move on"

    def test_a_feed_never_says_it_is_less_complete_than_before(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        cursor = now_cursor(crm, reader)
        for i in range(5):
            crm.wait_visible(crm.create_lead(JO | {"email": f"jo{i}@acme.example"}))
            crm.pass_time(i * 60)
            before = cursor.covered_until
            _, cursor = drain(reader, cursor)
            assert cursor.covered_until >= before

    def test_deleted_merged_and_converted_leads_are_told(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        if not crm.abilities.tells_deletions:
            pytest.skip("this CRM's feed is silent about them; read() tells")
        deleted, loser, survivor, converted = (
            crm.create_lead(JO | {"email": f"{name}@acme.example"}) for name in "abcd"
        )
        for ref in (deleted, loser, survivor, converted):
            crm.wait_visible(ref)
        _, cursor = drain(reader, now_cursor(crm, reader))
        crm.pass_time(2)
        crm.delete(deleted)
        if crm.abilities.merge:
            survivor = crm.merge(loser, survivor)
        if crm.abilities.convert:
            crm.convert(converted)
        records, _ = drain(reader, cursor)
        assert of(records, deleted).deleted
        if crm.abilities.merge:
            assert of(records, loser).merged_into == survivor
        if crm.abilities.convert:
            assert of(records, converted).converted

    def test_an_unreadable_row_is_reported_and_does_not_stop_the_page(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        if not crm.abilities.corrupt:
            pytest.skip("this CRM cannot be made to show an unreadable row")
        cursor = now_cursor(crm, reader)
        refs = [crm.create_lead(JO | {"email": f"jo{i}@acme.example"}) for i in range(3)]
        crm.corrupt(refs[1])
        for ref in refs:
            crm.wait_visible(ref)
        records, _ = drain(reader, cursor)
        assert refs_of(records) == set(refs)
        assert of(records, refs[1]).unreadable
        assert [of(records, r).unreadable for r in (refs[0], refs[2])] == [None, None]

    def test_several_kinds_come_in_one_answer_each_with_its_cursor(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        if not crm.abilities.accounts:
            pytest.skip("this CRM has no accounts to read")
        cursors = {k: reader.start_cursor(k, since=crm.now()) for k in (Kind.LEAD, Kind.ACCOUNT)}
        lead, account = crm.create_lead(JO), crm.create_account("Acme", "acme.example")
        crm.wait_visible(lead)
        crm.wait_visible(account)
        pages = reader.changes(cursors)
        assert {k: p.kind for k, p in pages.items()} == {k: k for k in cursors}
        assert refs_of(pages[Kind.LEAD].records) == {lead}
        assert refs_of(pages[Kind.ACCOUNT].records) == {account}

    def test_hostile_values_come_through_unchanged(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        cursor = now_cursor(crm, reader)
        ref = crm.create_lead(JO | HOSTILE)
        crm.wait_visible(ref)
        records, _ = drain(reader, cursor)
        for record in (of(records, ref), reader.read([ref])[ref]):
            assert isinstance(record, Record)
            for name, value in HOSTILE.items():
                assert value_of(record, reader.field_map, name) == value


HOSTILE = {
    "first_name": "Zoë 李 \U0001f680",
    "last_name": "O'Brien\" OR Id != '' --",
    "company": "<b>Smith & Söhne</b> \\ {{7*7}} %27",
    "title": "a\tb\nc",
}
"""Names that break quoting, markup, templates and logs; every one is a legal name."""

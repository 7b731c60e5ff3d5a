"""Promises about groups, campaigns and lists: leads put in and out once, and nobody overlooked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest

from fairlead.core.effects import Effect, SetMember
from fairlead.core.membership import Member
from fairlead.core.types import Cursor
from fairlead.spi.connector import Connector, Outcome
from fairlead.testing.promises.feed import JO
from fairlead.testing.promises.under_test import (
    MAX_PAGES,
    Breakage,
    CrmUnderTest,
    Promises,
)
from fairlead.testing.promises.writing import outcomes, to

BURST = 320
"""More joinings than one page of any CRM under test holds."""


class GroupPromises(Promises):
    def test_a_lead_is_put_into_a_group_and_out_again(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        group, ref = crm.create_group("Nurture"), crm.create_lead(JO)
        for member in (True, False, True):
            [receipt] = writer.write([SetMember("k1", ref, group, member)]).receipts
            assert (receipt.key, receipt.outcome) == ("k1", Outcome.APPLIED), receipt
            assert list(crm.members(group)) == ([ref] if member else [])
            crm.wait_joined()
            assert dict(writer.members_of([(ref, group)])) == {(ref, group): member}

    def test_what_is_so_already_is_done_and_makes_no_second_member(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        group, ref = crm.create_group("Nurture"), crm.create_lead(JO)
        for member in (False, True, True, False, False):
            effect = SetMember("k1", ref, group, member)
            assert outcomes(writer.write([effect]).receipts) == [Outcome.APPLIED]
            assert list(crm.members(group)) == ([ref] if member else [])
        moves = [t for t in crm.took_effect() if t[0] == "member"]
        assert moves == [("member", ref.id)] * 2, "in once and out once"

    def test_somebody_whom_a_person_put_in_is_a_member_like_any_other(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        group, ref = crm.create_group("Nurture"), crm.create_lead(JO)
        crm.join([ref], group)
        assert outcomes(writer.write([SetMember("k1", ref, group, True)]).receipts) == [
            Outcome.APPLIED
        ]
        assert list(crm.members(group)) == [ref]
        assert outcomes(writer.write([SetMember("k2", ref, group, False)]).receipts) == [
            Outcome.APPLIED
        ]
        assert list(crm.members(group)) == []

    def test_as_many_members_as_it_says_it_takes_come_back_in_order(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        one, two = crm.create_group("One"), crm.create_group("Two")
        refs = list(crm.create_twins(writer.capabilities.max_effects))
        crm.join(refs[:3], two)
        effects = [SetMember(f"k{i}", r, two if i < 3 else one, i >= 3) for i, r in enumerate(refs)]
        receipts = writer.write(effects).receipts
        assert [r.key for r in receipts] == [e.key for e in effects]
        assert {r.outcome for r in receipts} == {Outcome.APPLIED}
        assert set(crm.members(one)) == set(refs[3:])
        assert list(crm.members(two)) == []

    def test_one_bad_row_does_not_spoil_the_others(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        group, anna = crm.create_group("Nurture"), crm.add_user("anna@example.com")
        one, deleted, two = (crm.create_lead(JO | {"email": f"{n}@acme.example"}) for n in "abc")
        crm.delete(deleted)
        effects: list[Effect] = [
            SetMember("k1", one, group, True),
            SetMember("k2", deleted, group, True),
            SetMember("k3", two, crm.missing_group(), True),
            SetMember("k4", crm.missing_ref(), group, True),
            SetMember("k5", two, group, True),
            to(two, anna, "k6"),
        ]
        receipts = writer.write(effects).receipts
        assert [r.key for r in receipts] == [e.key for e in effects]
        applied, gone = Outcome.APPLIED, Outcome.GONE
        expected = [applied, gone, Outcome.REFUSED, gone, applied, applied]
        assert outcomes(receipts) == expected, receipts
        assert set(crm.members(group)) == {one, two}

    def test_a_group_that_only_its_filters_fill_is_refused(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        group, ref = crm.create_group("All of Germany", dynamic=True), crm.create_lead(JO)
        [receipt] = writer.write([SetMember("k1", ref, group, True)]).receipts
        assert receipt.outcome is Outcome.REFUSED, receipt
        assert receipt.detail

    def test_an_answer_that_was_lost_is_settled_by_looking_and_made_no_second_member(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        group, ref = crm.create_group("Nurture"), crm.create_lead(JO)
        effect = SetMember("k1", ref, group, True)
        other = crm.create_lead(JO | {"email": "other@acme.example"})
        assert outcomes(writer.write([SetMember("k0", other, group, True)]).receipts) == [
            Outcome.APPLIED
        ]
        crm.break_calls(Breakage.DROPPED_AFTER, writes_only=True)
        assert outcomes(writer.write([effect]).receipts) == [Outcome.AMBIGUOUS]
        crm.heal()
        crm.wait_joined()
        assert writer.members_of([(ref, group)])[(ref, group)] is True
        assert outcomes(writer.write([effect]).receipts) == [Outcome.APPLIED]
        assert sorted(r.id for r in crm.members(group)) == sorted([ref.id, other.id])

    def test_every_pair_is_answered(self, crm: CrmUnderTest, reader: Connector) -> None:
        one, two = crm.create_group("One"), crm.create_group("Two")
        ann, ben = (crm.create_lead(JO | {"email": f"{n}@acme.example"}) for n in "ab")
        crm.join([ann], one)
        crm.wait_joined()
        asked = [
            (ann, one), (ann, two), (ben, one), (crm.missing_ref(), one),
            (ann, crm.missing_group()),
        ]  # fmt: skip
        found = reader.members_of(asked)
        assert dict(found) == {pair: pair == (ann, one) for pair in asked}

    def test_asking_about_nobody_and_no_group_calls_nobody(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        before = crm.calls()
        assert dict(reader.members_of([])) == {}
        page = reader.joined([], None)
        assert (list(page.members), page.more) == ([], False)
        assert crm.calls() == before

    # -- who joined --------------------------------------------------------------------------

    def test_who_joined_is_told_oldest_first_and_later_ones_later(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        assert reader.capabilities.groups
        group = crm.create_group("Webinar")
        start = crm.now() - timedelta(seconds=2)
        refs = [crm.create_lead(JO | {"email": f"{n}@acme.example"}) for n in "abc"]
        for ref in refs[:2]:
            crm.join([ref], group)
            crm.pass_time(2)
        crm.wait_joined()
        members, cursor = drain_joined(reader, [group])
        assert [m.ref for m in members] == refs[:2]
        assert {m.group for m in members} == {group}
        assert start <= members[0].at < members[1].at <= crm.now()
        assert len({m.row for m in members}) == 2
        assert not any(m.row.id == "" for m in members)
        crm.join([refs[2]], group)
        crm.wait_joined()
        more, _ = drain_joined(reader, [group], saved(cursor))
        assert refs[2] in {m.ref for m in more}

    def test_a_burst_over_many_pages_comes_complete_and_ends(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        group, refs = crm.create_group("Webinar"), list(crm.create_twins(BURST))
        crm.join(refs, group)
        crm.wait_joined()
        page = reader.joined([group], None)
        assert page.more, "one page cannot hold so many"
        members, _ = drain_joined(reader, [group])
        assert {m.ref for m in members} == set(refs)

    def test_who_shows_later_than_they_joined_is_not_lost(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        late = crm.abilities.late
        if late is None:
            pytest.skip("this CRM shows everything at once")
        group = crm.create_group("Webinar")
        slow, quick = (crm.create_lead(JO | {"email": f"{n}@acme.example"}) for n in "ab")
        crm.join([slow], group, late=late)
        crm.pass_time(2)
        crm.join([quick], group)
        crm.pass_time(1)
        members, cursor = drain_joined(reader, [group])
        seen = {m.ref for m in members}
        for _ in range(10):
            crm.pass_time(late.total_seconds() / 9)
            members, cursor = drain_joined(reader, [group], saved(cursor))
            seen |= {m.ref for m in members}
        assert seen == {slow, quick}

    def test_nobody_is_skipped_when_others_leave_meanwhile(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        group = crm.create_group("Webinar")
        refs = list(crm.create_twins(BURST + 12))
        early, rest, newer = refs[:5], refs[5:BURST], refs[BURST:]
        crm.join([*early, *rest], group)
        crm.wait_joined()
        page = reader.joined([group], None)
        seen = {m.ref for m in page.members}
        for ref in early:
            crm.leave(ref, group)
        members, cursor = drain_joined(reader, [group], saved(page.cursor))
        seen |= {m.ref for m in members}
        for ref in rest[:5]:
            crm.leave(ref, group)
        crm.pass_time(1)
        crm.join(newer, group)
        for _ in range(3):
            crm.wait_joined()
            members, cursor = drain_joined(reader, [group], saved(cursor))
            seen |= {m.ref for m in members}
        assert seen >= {*rest, *newer}

    def test_a_group_that_is_new_to_the_cursor_begins_at_its_own_beginning(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        one, two = crm.create_group("One"), crm.create_group("Two")
        ann, ben = (crm.create_lead(JO | {"email": f"{n}@acme.example"}) for n in "ab")
        crm.join([ann], one)
        crm.join([ben], two)
        crm.wait_joined()
        members, cursor = drain_joined(reader, [one])
        assert [(m.ref, m.group) for m in members] == [(ann, one)]
        crm.pass_time(3600)
        members, cursor = drain_joined(reader, [one], saved(cursor))
        members, cursor = drain_joined(reader, [one, two], saved(cursor))
        assert (ben, two) in {(m.ref, m.group) for m in members}
        members, _ = drain_joined(reader, [two], saved(cursor))
        assert {m.group for m in members} <= {two}

    def test_a_status_that_changed_is_told(self, crm: CrmUnderTest, reader: Connector) -> None:
        if not crm.abilities.member_status:
            pytest.skip("this CRM keeps no status of a membership")
        group, ref = crm.create_group("Webinar"), crm.create_lead(JO)
        crm.join([ref], group)
        crm.wait_joined()
        [before], cursor = drain_joined(reader, [group])
        crm.pass_time(7200)
        _, cursor = drain_joined(reader, [group], saved(cursor))
        crm.set_member_status(ref, group, "Responded")
        crm.wait_joined()
        told, _ = drain_joined(reader, [group], saved(cursor))
        assert len(told) == 1, "the change comes, and by then nothing older repeats"
        after = told[0]
        assert (after.ref, after.row, after.status) == (ref, before.row, "Responded")
        assert before.status != "Responded"
        assert after.at >= before.at + timedelta(seconds=7190)

    def test_a_group_that_is_not_there_has_nobody_in_it(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        group, ref = crm.create_group("Webinar"), crm.create_lead(JO)
        crm.join([ref], group)
        crm.wait_joined()
        members, _ = drain_joined(reader, [crm.missing_group(), group])
        assert [m.ref for m in members] == [ref]

    def test_looking_again_takes_few_calls(self, crm: CrmUnderTest, reader: Connector) -> None:
        groups = [crm.create_group(f"Group {n}") for n in range(4)]
        refs = list(crm.create_twins(8))
        for group in groups:
            crm.join(refs, group)
        crm.wait_joined()
        _, cursor = drain_joined(reader, groups)
        before = crm.calls()
        reader.joined(groups, saved(cursor))
        assert crm.calls() - before <= len(groups)


def drain_joined(
    connector: Connector, groups: Sequence[str], cursor: Cursor | None = None
) -> tuple[list[Member], Cursor]:
    """All pages from `cursor` until the connector says there are no more now."""
    members: list[Member] = []
    for _ in range(MAX_PAGES):
        page = connector.joined(groups, cursor)
        members += page.members
        cursor = page.cursor
        if not page.more:
            return members, cursor
    raise AssertionError(f"still more after {MAX_PAGES} pages: the feed does not terminate")


def saved(cursor: Cursor) -> Cursor:
    """The cursor as it comes back from the store."""
    return Cursor(json.loads(json.dumps(cursor.position)), cursor.covered_until)

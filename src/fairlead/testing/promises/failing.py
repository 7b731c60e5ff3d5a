"""Promises for bad days: every failure is one of `fairlead.errors`, and says what may be done."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from fairlead.core.effects import Effect
from fairlead.core.types import Kind
from fairlead.errors import (
    Ambiguous,
    AuthFailed,
    Bug,
    FairleadError,
    RateLimited,
    RetryLater,
    Unavailable,
)
from fairlead.spi.connector import ActivitiesOf, Connector, Outcome
from fairlead.testing.promises.feed import JO
from fairlead.testing.promises.under_test import Breakage, CrmUnderTest, Promises
from fairlead.testing.promises.writing import MARKER, needs_marker, task, to

Call = Callable[[], object]

TOOK_EFFECT = (Breakage.DROPPED_AFTER, Breakage.TRUNCATED)
UNCLEAR = (Breakage.SERVER_ERROR, Breakage.PROXY_PAGE, Breakage.DROPPED)
"""The client cannot tell these from a request that took effect."""


class FailurePromises(Promises):
    def test_credentials_that_are_not_accepted_are_named_so_by_every_call(
        self, crm: CrmUnderTest
    ) -> None:
        anna, ref = crm.add_user("anna@example.com"), crm.create_lead(JO)
        effects = [to(ref, anna)]
        connector = crm.impostor()
        try:
            writing: Call = partial(connector.write, effects)
            for call in [*reading_calls(connector, crm), writing]:
                with pytest.raises(AuthFailed) as caught:
                    call()
                assert caught.value.remedy, "a person must act, so tell what to do"
        finally:
            connector.close()
        assert list(crm.took_effect()) == []

    def test_a_crm_that_nobody_answers_for_is_unavailable_even_for_a_write(
        self, crm: CrmUnderTest
    ) -> None:
        anna, ref = crm.add_user("anna@example.com"), crm.create_lead(JO)
        effects = [to(ref, anna)]
        connector = crm.stranded()
        try:
            writing: Call = partial(connector.write, effects)
            for call in [*reading_calls(connector, crm), writing]:
                with pytest.raises(Unavailable):
                    call()
        finally:
            connector.close()

    @pytest.mark.parametrize("how", list(Breakage))
    def test_a_read_that_fails_raises_only_errors_of_the_house(
        self, crm: CrmUnderTest, reader: Connector, how: Breakage
    ) -> None:
        crm.create_lead(JO)
        reader.owners()
        crm.break_calls(how)
        for call in reading_calls(reader, crm):
            with pytest.raises(FairleadError) as caught:
                call()
            assert not isinstance(caught.value, Bug)
            if how is Breakage.RATE_LIMITED:
                assert isinstance(caught.value, RateLimited)
            else:
                assert isinstance(caught.value, RetryLater), "reading again harms nobody"
        crm.heal()
        for call in reading_calls(reader, crm):
            call()

    def test_a_write_refused_for_quota_was_not_applied_and_says_so(
        self, crm: CrmUnderTest, writer: Connector
    ) -> None:
        anna, ref = crm.add_user("anna@example.com"), crm.create_lead(JO)
        before = warmed_up(crm, writer, anna)
        crm.break_calls(Breakage.RATE_LIMITED, writes_only=True)
        try:
            said = [r.outcome for r in writer.write([to(ref, anna)]).receipts]
        except RateLimited:
            said = [Outcome.RETRY]
        assert said == [Outcome.RETRY]
        assert list(crm.took_effect()) == before

    @pytest.mark.parametrize("how", [*TOOK_EFFECT, *UNCLEAR])
    def test_a_write_without_a_clear_answer_is_ambiguous_and_was_sent_once(
        self, crm: CrmUnderTest, writer: Connector, how: Breakage
    ) -> None:
        anna, ref = crm.add_user("anna@example.com"), crm.create_lead(JO)
        before = warmed_up(crm, writer, anna)
        crm.break_calls(how, writes_only=True)
        try:
            said = [r.outcome for r in writer.write([to(ref, anna)]).receipts]
        except Ambiguous:
            said = [Outcome.AMBIGUOUS]
        assert said == [Outcome.AMBIGUOUS]
        applied = [("owner", ref.id)] if how in TOOK_EFFECT else []
        assert list(crm.took_effect()) == [*before, *applied]
        crm.heal()
        assert writer.write([to(ref, anna)]).receipts[0].outcome is Outcome.APPLIED

    @pytest.mark.parametrize("how", [*TOOK_EFFECT, *UNCLEAR])
    def test_after_an_ambiguous_task_the_marker_tells_whether_it_exists(
        self, crm: CrmUnderTest, writer: Connector, how: Breakage
    ) -> None:
        needs_marker(writer)
        anna, ref = crm.add_user("anna@example.com"), crm.create_lead(JO)
        warmed_up(crm, writer, anna)
        crm.break_calls(how, writes_only=True)
        try:
            said = [r.outcome for r in writer.write([task(crm, ref, anna)]).receipts]
        except Ambiguous:
            said = [Outcome.AMBIGUOUS]
        assert said == [Outcome.AMBIGUOUS]
        crm.heal()
        assert len(writer.find_tasks([MARKER])) == len(crm.tasks(MARKER))
        [again] = writer.write([task(crm, ref, anna, "k2")]).receipts
        assert again.outcome is Outcome.APPLIED, again
        assert len(crm.tasks(MARKER)) == 1


def warmed_up(crm: CrmUnderTest, writer: Connector, owner_id: str) -> list[tuple[str, str]]:
    """Let the writer learn what it needs to know of the org, so that the next write only writes;
    returns what has taken effect so far.
    """
    ref = crm.create_lead(JO | {"email": "first@acme.example"})
    effects: list[Effect] = [to(ref, owner_id, "w1")]
    if writer.probe().capabilities.task_marker:
        effects.append(task(crm, ref, owner_id, "w2", "e" * 32))
    assert {r.outcome for r in writer.write(effects).receipts} == {Outcome.APPLIED}
    return list(crm.took_effect())


def reading_calls(connector: Connector, crm: CrmUnderTest) -> list[Call]:
    """Every call that reads, each ready to be made."""
    missing, group = crm.missing_ref(), crm.missing_group()
    cursor = connector.start_cursor(Kind.LEAD, since=crm.now())
    return [
        lambda: connector.changes({Kind.LEAD: cursor}),
        lambda: connector.read([missing]),
        lambda: connector.joined([group], None),
        lambda: connector.members_of([(missing, group)]),
        lambda: connector.activities([ActivitiesOf(missing, crm.now(), thorough=True)]),
        connector.owners,
        connector.fields,
        connector.probe,
    ]

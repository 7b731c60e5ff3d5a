"""The contract is worth nothing unless it fails: each of these connectors breaks one promise."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from inspect import signature
from typing import Any

import pytest
from contract.crm_fake import FakeUnderTest

from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.effects import Effect, SetField, SetMember, SetOwner, SetScore, UpsertTask
from fairlead.core.types import Actor, CrmOwner, Gone, Kind, Record, Ref
from fairlead.errors import Unavailable
from fairlead.spi.connector import (
    ActivitiesOf,
    ChangePage,
    Cursor,
    MemberPage,
    Outcome,
    Receipt,
    Written,
)
from fairlead.testing import FakeConnector, FakeCrm
from fairlead.testing.contract import Breakage, ConnectorContract

C = ConnectorContract
ALL_KINDS = tuple(ActivityKind)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def sound(fake: FakeCrm) -> FakeConnector:
    return FakeConnector(fake, page_size=50)


def skipping_ties(fake: FakeCrm) -> FakeConnector:
    """Goes on after the last stamp instead of after the last (stamp, id)."""

    class Skipping(FakeConnector):
        def _page(self, kind: Kind, cursor: Cursor) -> ChangePage:
            after = cursor.position["after"]
            if after:
                position = {**cursor.position, "after": [after[0], "\U0010ffff"]}
                cursor = Cursor(position, cursor.covered_until)
            return super()._page(kind, cursor)

    return Skipping(fake, page_size=50)


def stuck_on_ties(fake: FakeCrm) -> FakeConnector:
    """Goes on at the last stamp, so that a page of one stamp repeats for ever."""

    class Stuck(FakeConnector):
        def _page(self, kind: Kind, cursor: Cursor) -> ChangePage:
            after = cursor.position["after"]
            if after:
                position = {**cursor.position, "after": [after[0], ""]}
                cursor = Cursor(position, cursor.covered_until)
            return super()._page(kind, cursor)

    return Stuck(fake, page_size=50)


def without_look_back(fake: FakeCrm) -> FakeConnector:
    return FakeConnector(fake, page_size=50, look_back=timedelta(0))


def from_the_beginning(fake: FakeCrm) -> FakeConnector:
    """Ignores where it was told to start."""

    class Eager(FakeConnector):
        def start_cursor(self, kind: Kind, *, since: Any) -> Cursor:
            return super().start_cursor(kind, since=None)

    return Eager(fake, page_size=50)


def dropping_unreadable_rows(fake: FakeCrm) -> FakeConnector:
    class Dropping(FakeConnector):
        def _page(self, kind: Kind, cursor: Cursor) -> ChangePage:
            page = super()._page(kind, cursor)
            sound = [r for r in page.records if not r.unreadable]
            return replace(page, records=sound)

    return Dropping(fake, page_size=50)


def taking_everybody_for_a_person(fake: FakeCrm) -> FakeConnector:
    class Blind(FakeConnector):
        def read(self, refs: Sequence[Ref]) -> Mapping[Ref, Record | Gone]:
            return {k: self._blinded(v) for k, v in super().read(refs).items()}

        @staticmethod
        def _blinded(answer: Record | Gone) -> Record | Gone:
            if isinstance(answer, Gone) or answer.owner_history is None:
                return answer
            people = tuple(replace(c, actor=Actor.PERSON) for c in answer.owner_history)
            return replace(answer, owner_history=people)

    return Blind(fake)


def forgetting_missing_refs(fake: FakeCrm) -> FakeConnector:
    class Forgetting(FakeConnector):
        def read(self, refs: Sequence[Ref]) -> Mapping[Ref, Record | Gone]:
            return {k: v for k, v in super().read(refs).items() if isinstance(v, Record)}

    return Forgetting(fake)


def trusting_the_call(fake: FakeCrm) -> FakeConnector:
    """Takes "HTTP 200" for every row's yes."""

    class Trusting(FakeConnector):
        def write(
            self, effects: Sequence[Effect], then_poll: Mapping[Kind, Cursor] | None = None
        ) -> Written:
            written = super().write(effects, then_poll)
            yes = [replace(r, outcome=Outcome.APPLIED) for r in written.receipts]
            return replace(written, receipts=yes)

    return Trusting(fake)


def tasks_before_owners(fake: FakeCrm) -> FakeConnector:
    class Hasty(FakeConnector):
        def write(
            self, effects: Sequence[Effect], then_poll: Mapping[Kind, Cursor] | None = None
        ) -> Written:
            parts = [[e for e in effects if isinstance(e, t)] for t in (UpsertTask, SetOwner)]
            receipts = [r for part in parts for r in super(Hasty, self).write(part).receipts]
            return Written(receipts)

    return Hasty(fake)


def sending_twice(fake: FakeCrm) -> FakeConnector:
    """Sends a write again when no answer came, as HTTP clients like to."""

    class Twice(FakeConnector):
        def write(
            self, effects: Sequence[Effect], then_poll: Mapping[Kind, Cursor] | None = None
        ) -> Written:
            written = super().write(effects, then_poll)
            if any(r.outcome is Outcome.AMBIGUOUS for r in written.receipts):
                fake.faults.clear()
                written = super().write(effects, then_poll)
            return written

    return Twice(fake)


def calling_a_timeout_unavailable(fake: FakeCrm) -> FakeConnector:
    class Sure(FakeConnector):
        def write(
            self, effects: Sequence[Effect], then_poll: Mapping[Kind, Cursor] | None = None
        ) -> Written:
            written = super().write(effects, then_poll)
            if any(r.outcome is Outcome.AMBIGUOUS for r in written.receipts):
                raise Unavailable("timeout")
            return written

    return Sure(fake)


def counting_nothing(fake: FakeCrm) -> FakeConnector:
    class Free(FakeConnector):
        @property
        def budget(self) -> Any:
            return replace(super().budget, calls_made=0)

    return Free(fake)


def leaking_a_library_s_error(fake: FakeCrm) -> FakeConnector:
    class Leaking(FakeConnector):
        def changes(self, cursors: Mapping[Kind, Cursor]) -> Mapping[Kind, ChangePage]:
            try:
                return super().changes(cursors)
            except Unavailable as e:
                raise OSError("connection reset by peer") from e

    return Leaking(fake)


def silent_about_absences(fake: FakeCrm) -> FakeConnector:
    class Silent(FakeConnector):
        def owners(self) -> Sequence[CrmOwner]:
            return [replace(o, availability=None) for o in super().owners()]

    return Silent(fake)


def reading_presence_once(fake: FakeCrm) -> FakeConnector:
    class Stale(FakeConnector):
        def owners(self) -> Sequence[CrmOwner]:
            self.kept = getattr(self, "kept", None) or super().owners()
            return self.kept

    return Stale(fake)


def taking_all_work_for_a_person_s(fake: FakeCrm) -> FakeConnector:
    """Trusts that whoever logs has worked: flows and our own tasks become responses."""

    class Trusting(FakeConnector):
        def activities(
            self, asked: Sequence[ActivitiesOf], kinds: Collection[ActivityKind] = ALL_KINDS
        ) -> Mapping[Ref, Sequence[Activity]]:
            told = super().activities(asked, kinds)
            return {r: [replace(a, actor=Actor.PERSON) for a in done] for r, done in told.items()}

    return Trusting(fake)


def telling_work_of_before(fake: FakeCrm) -> FakeConnector:
    class Early(FakeConnector):
        def activities(
            self, asked: Sequence[ActivitiesOf], kinds: Collection[ActivityKind] = ALL_KINDS
        ) -> Mapping[Ref, Sequence[Activity]]:
            return super().activities([replace(a, since=LONG_AGO) for a in asked], kinds)

    return Early(fake)


def asking_lead_by_lead(fake: FakeCrm) -> FakeConnector:
    class Slow(FakeConnector):
        def activities(
            self, asked: Sequence[ActivitiesOf], kinds: Collection[ActivityKind] = ALL_KINDS
        ) -> Mapping[Ref, Sequence[Activity]]:
            return {a.ref: super(Slow, self).activities([a], kinds)[a.ref] for a in asked}

    return Slow(fake)


def silent_about_quiet_leads(fake: FakeCrm) -> FakeConnector:
    class Silent(FakeConnector):
        def activities(
            self, asked: Sequence[ActivitiesOf], kinds: Collection[ActivityKind] = ALL_KINDS
        ) -> Mapping[Ref, Sequence[Activity]]:
            return {r: done for r, done in super().activities(asked, kinds).items() if done}

    return Silent(fake)


def writing_scores_as_owners_only(fake: FakeCrm) -> FakeConnector:
    """Says yes to values and sends none."""

    class Deaf(FakeConnector):
        def _apply(self, effect: Effect) -> Receipt:
            if isinstance(effect, SetScore | SetField):
                return Receipt(effect.key, Outcome.APPLIED)
            return super()._apply(effect)

    return Deaf(fake)


def clearing_nothing(fake: FakeCrm) -> FakeConnector:
    """Takes an empty text for nothing to do."""

    class Keeping(FakeConnector):
        def _apply(self, effect: Effect) -> Receipt:
            if isinstance(effect, SetField) and not effect.value:
                return Receipt(effect.key, Outcome.APPLIED)
            return super()._apply(effect)

    return Keeping(fake)


def guarding_by_itself(fake: FakeCrm) -> FakeConnector:
    """Refuses a field that shows not what the decision saw: that is the house's to judge."""

    class Guarding(FakeConnector):
        def _apply(self, effect: Effect) -> Receipt:
            if isinstance(effect, SetField):
                held = self.fake.row(effect.ref).fields.get(effect.field)
                if (held or "") != (effect.expected or ""):
                    return Receipt(effect.key, Outcome.REFUSED, "changed")
            return super()._apply(effect)

    return Guarding(fake)


def complaining_of_members(fake: FakeCrm) -> FakeConnector:
    """Passes on the CRM's "already a member" as a refusal."""

    class Complaining(FakeConnector):
        def _apply(self, effect: Effect) -> Receipt:
            has = self.fake.groups.has
            if isinstance(effect, SetMember) and has(effect.ref, effect.group) is effect.member:
                return Receipt(effect.key, Outcome.REFUSED, "DUPLICATE_VALUE")
            return super()._apply(effect)

    return Complaining(fake)


def never_taking_out(fake: FakeCrm) -> FakeConnector:
    class Sticky(FakeConnector):
        def _apply(self, effect: Effect) -> Receipt:
            if isinstance(effect, SetMember) and not effect.member:
                return Receipt(effect.key, Outcome.APPLIED)
            return super()._apply(effect)

    return Sticky(fake)


def filling_any_group(fake: FakeCrm) -> FakeConnector:
    class Eager(FakeConnector):
        def _refusal(self, effect: Effect) -> Receipt | None:
            self.fake.groups.dynamic.clear()
            return super()._refusal(effect)

    return Eager(fake)


def silent_about_outsiders(fake: FakeCrm) -> FakeConnector:
    class Silent(FakeConnector):
        def members_of(self, asked: Sequence[tuple[Ref, str]]) -> Mapping[tuple[Ref, str], bool]:
            return {pair: inside for pair, inside in super().members_of(asked).items() if inside}

    return Silent(fake)


def joined_without_look_back(fake: FakeCrm) -> FakeConnector:
    return FakeConnector(fake, page_size=50, look_back=timedelta(0))


def one_cursor_for_all_groups(fake: FakeCrm) -> FakeConnector:
    """Goes on for a new group where the others are."""

    class Hasty(FakeConnector):
        def joined(self, groups: Collection[str], cursor: Cursor | None) -> MemberPage:
            if cursor is not None and cursor.position:
                [known, *_] = cursor.position.values()
                positions = {g: cursor.position.get(g, known) for g in groups}
                cursor = Cursor(positions, cursor.covered_until)
            return super().joined(groups, cursor)

    return Hasty(fake)


def first_page_only(fake: FakeCrm) -> FakeConnector:
    class Short(FakeConnector):
        def joined(self, groups: Collection[str], cursor: Cursor | None) -> MemberPage:
            return replace(super().joined(groups, cursor), more=False)

    return Short(fake, page_size=50)


def telling_each_member_once(fake: FakeCrm) -> FakeConnector:
    """Takes a membership for a thing that never changes."""

    class Once(FakeConnector):
        told: set[Ref] = set()  # noqa: RUF012

        def joined(self, groups: Collection[str], cursor: Cursor | None) -> MemberPage:
            page = super().joined(groups, cursor)
            new = [m for m in page.members if m.row not in self.told]
            self.told = self.told | {m.row for m in page.members}
            return replace(page, members=new)

    return Once(fake, page_size=50)


def asking_about_nothing(fake: FakeCrm) -> FakeConnector:
    class Chatty(FakeConnector):
        def members_of(self, asked: Sequence[tuple[Ref, str]]) -> Mapping[tuple[Ref, str], bool]:
            self.owners()
            return super().members_of(asked)

    return Chatty(fake)


BROKEN: Sequence[tuple[Callable[[FakeCrm], FakeConnector], Callable[..., None]]] = [
    (skipping_ties, C.test_one_modification_stamp_over_many_pages_comes_complete_and_ends),
    (stuck_on_ties, C.test_one_modification_stamp_over_many_pages_comes_complete_and_ends),
    (without_look_back, C.test_a_change_that_shows_later_than_its_stamp_is_not_lost),
    (from_the_beginning, C.test_a_cursor_at_now_sees_nothing_old),
    (dropping_unreadable_rows, C.test_an_unreadable_row_is_reported_and_does_not_stop_the_page),
    (forgetting_missing_refs, C.test_every_ref_is_answered_and_a_missing_one_is_gone),
    (
        taking_everybody_for_a_person,
        C.test_owner_history_does_not_take_automation_for_a_person_or_for_us,
    ),
    (trusting_the_call, C.test_one_bad_record_does_not_spoil_the_others),
    (
        tasks_before_owners,
        C.test_owners_are_written_before_tasks_and_receipts_keep_the_order_given,
    ),
    (sending_twice, C.test_a_write_without_a_clear_answer_is_ambiguous_and_was_sent_once),
    (
        calling_a_timeout_unavailable,
        C.test_a_write_without_a_clear_answer_is_ambiguous_and_was_sent_once,
    ),
    (silent_about_absences, C.test_out_of_office_in_the_crm_is_told),
    (reading_presence_once, C.test_presence_is_told_and_follows_the_user),
    (
        taking_all_work_for_a_person_s,
        C.test_our_own_task_is_no_evidence_whoever_completes_it,
    ),
    (telling_work_of_before, C.test_only_what_happened_since_is_told_oldest_first),
    (
        asking_lead_by_lead,
        C.test_the_number_of_calls_is_bounded_by_far_fewer_than_one_per_lead,
    ),
    (silent_about_quiet_leads, C.test_each_lead_is_told_its_own_and_every_ref_is_answered),
    (writing_scores_as_owners_only, C.test_a_score_is_written_and_can_be_read_at_once),
    (writing_scores_as_owners_only, C.test_a_field_takes_any_text_and_none),
    (clearing_nothing, C.test_a_number_is_written_from_its_text_and_cleared),
    (guarding_by_itself, C.test_what_the_field_held_before_is_not_the_connectors_to_check),
    (trusting_the_call, C.test_a_record_that_is_gone_does_not_spoil_the_others),
    (trusting_the_call, C.test_one_bad_row_does_not_spoil_the_others),
    (complaining_of_members, C.test_what_is_so_already_is_done_and_makes_no_second_member),
    (never_taking_out, C.test_a_lead_is_put_into_a_group_and_out_again),
    (filling_any_group, C.test_a_group_that_only_its_filters_fill_is_refused),
    (sending_twice, C.test_an_answer_that_was_lost_is_settled_by_looking_and_made_no_second_member),
    (silent_about_outsiders, C.test_every_pair_is_answered),
    (asking_about_nothing, C.test_asking_about_nobody_and_no_group_calls_nobody),
    (joined_without_look_back, C.test_who_shows_later_than_they_joined_is_not_lost),
    (
        one_cursor_for_all_groups,
        C.test_a_group_that_is_new_to_the_cursor_begins_at_its_own_beginning,
    ),
    (first_page_only, C.test_a_burst_over_many_pages_comes_complete_and_ends),
    (telling_each_member_once, C.test_a_status_that_changed_is_told),
    (counting_nothing, C.test_calls_are_counted_as_the_crm_counts_them),
    (leaking_a_library_s_error, C.test_a_read_that_fails_raises_only_errors_of_the_house),
]


@pytest.mark.parametrize(
    ("broken", "promise"), [pytest.param(b, p, id=b.__name__) for b, p in BROKEN]
)
def test_a_connector_that_breaks_a_promise_is_caught(
    broken: Callable[[FakeCrm], FakeConnector], promise: Callable[..., None]
) -> None:
    def keep(make: Callable[[FakeCrm], FakeConnector]) -> None:
        crm = FakeUnderTest()
        known = {
            "self": ConnectorContract(),
            "crm": crm,
            "reader": make(crm.fake),
            "writer": make(crm.fake),
            "how": Breakage.DROPPED_AFTER,
        }
        promise(**{name: known[name] for name in signature(promise).parameters})

    keep(sound)
    with pytest.raises((AssertionError, OSError, Unavailable)):
        keep(broken)

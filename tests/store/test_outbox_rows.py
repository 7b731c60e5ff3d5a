"""The outbox: what is claimed when, and that no transition loses a write or its quiet period."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from fairlead.core.effects import Effect, SetField, SetMember, SetOwner, SetScore, UpsertTask
from fairlead.core.types import Actor, OwnerChange, Ref
from fairlead.store import outbox, times
from fairlead.store.db import Db
from fairlead.store.outbox import OutboxState
from fairlead.store.times import TimesRow
from fairlead.testing.clock import START

QUIET = timedelta(seconds=120)


@pytest.fixture
def db() -> Iterator[Db]:
    db = Db(None)
    yield db
    db.close()


def owner(n: int, to: str = "rep-1", key: str | None = None) -> SetOwner:
    return SetOwner(key or f"o{n}", Ref("sf", "Lead", str(n)), to, None)


def task(n: int, to: str = "rep-1") -> UpsertTask:
    return UpsertTask(f"t{n}", Ref("sf", "Lead", str(n)), f"fl-t{n}", to, "Call", "", START)


def add(db: Db, *effects: Effect, urgent: bool = False, at: datetime = START) -> None:
    with db.transaction():
        for e in effects:
            outbox.add(db, e, decision_id="d", urgent=urgent, now=at)


def claim(db: Db, at: datetime = START, limit: int = 100) -> list[str]:
    with db.transaction():
        return [r.key for r in outbox.claim(db, "sf", at, at + QUIET, limit)]


def state(db: Db, key: str) -> OutboxState:
    row = outbox.get(db, key)
    assert row is not None
    return row.state


def test_I14_in_a_backlog_the_newest_do_not_wait_and_the_oldest_are_not_forgotten(db: Db) -> None:
    add(db, *(owner(n) for n in range(100)))
    taken: list[str] = []
    for turn in range(20):
        fresh = owner(1000 + turn)
        add(db, fresh)
        before = [f"o{n}" for n in range(100) if f"o{n}" not in taken]
        batch = claim(db, limit=10)
        assert fresh.key in batch, "the freshest waits for one batch at most"
        assert batch[:2] == before[:2] or len(before) < 2, "a fifth is of the longest waiting"
        assert len(batch) == min(10, len(before) + 1)
        taken += batch
    assert len(taken) == len(set(taken)) == 120, "the backlog finishes"


def test_I14_what_is_urgent_goes_out_before_the_rest_of_a_backlog(db: Db) -> None:
    add(db, *(owner(n) for n in range(30)))
    add(db, *(owner(n) for n in range(100, 104)), urgent=True)
    add(db, *(owner(n) for n in range(200, 230)))
    assert claim(db, limit=10) == [
        "o100", "o101", "o102", "o103", "o0", "o1", "o226", "o227", "o228", "o229",
    ]  # fmt: skip


def test_urgent_first_then_in_order_owners_before_tasks(db: Db) -> None:
    add(db, owner(1), task(1), owner(2), task(2))
    add(db, owner(3), task(3), urgent=True)
    assert claim(db) == ["o3", "o1", "o2", "t3", "t1", "t2"]
    assert claim(db) == [], "claimed is claimed until the quiet period is over"


def test_the_limit_is_for_each_kind(db: Db) -> None:
    add(db, *(e for n in range(5) for e in (owner(n), task(n))))
    assert claim(db, limit=2) == ["o0", "o4", "t0", "t4"]
    assert claim(db, limit=2) == ["o1", "o3", "t1", "t3"]


def test_a_claim_is_for_one_crm(db: Db) -> None:
    add(db, SetOwner("h", Ref("hs", "contacts", "1"), "r", None), owner(1))
    assert claim(db) == ["o1"]


def test_a_claimed_row_is_in_flight_and_quiet_and_then_claimed_again(db: Db) -> None:
    add(db, owner(1))
    claim(db)
    row = outbox.get(db, "o1")
    assert row is not None
    assert (row.state, row.not_before, row.attempts) == (OutboxState.INFLIGHT, START + QUIET, 1)
    assert claim(db, START + QUIET - timedelta(seconds=1)) == []
    assert claim(db, START + QUIET) == ["o1"]


def test_a_task_waits_for_an_owner_in_flight_and_does_not_block_the_others(db: Db) -> None:
    add(db, *(owner(n) for n in range(4)))
    claim(db)
    add(db, *(task(n) for n in range(4)), task(9))
    assert claim(db, limit=2) == ["t9"]
    with db.transaction():
        outbox.sent(db, "o0", None, START + timedelta(hours=1))
    assert claim(db) == ["t0"]


def test_the_next_look_does_not_count_tasks_that_wait(db: Db) -> None:
    assert outbox.next_due(db, "sf") is None
    add(db, owner(1))
    claim(db)
    add(db, task(1))
    assert outbox.next_due(db, "sf") == START + QUIET


def test_what_is_planned_twice_goes_out_once(db: Db) -> None:
    add(db, owner(1))
    add(db, owner(1))
    assert claim(db) == ["o1"]
    with db.transaction():
        outbox.sent(db, "o1", "id", START)
        outbox.settle(db, "o1", OutboxState.DONE, "", START)
    add(db, owner(1))
    assert state(db, "o1") is OutboxState.DONE
    add(db, owner(1, "rep-2"))
    assert state(db, "o1") is OutboxState.NEW


def test_a_new_payload_does_not_shorten_the_quiet_period(db: Db) -> None:
    add(db, task(1))
    claim(db)
    later = START + timedelta(seconds=10)
    add(db, task(1, "rep-2"), at=later)
    row = outbox.get(db, "t1")
    assert row is not None
    assert (row.state, row.not_before) == (OutboxState.INFLIGHT, START + QUIET)
    assert row.effect.owner_id == "rep-2"
    assert claim(db, later) == []


def test_an_acknowledged_row_stays_sent_when_it_is_claimed_for_verifying(db: Db) -> None:
    add(db, owner(1))
    claim(db)
    with db.transaction():
        outbox.sent(db, "o1", "id", START)
    assert claim(db) == ["o1"]
    assert state(db, "o1") is OutboxState.SENT


def test_tries_are_counted_until_something_else_happens(db: Db) -> None:
    add(db, owner(1))
    for n in (1, 2, 3):
        claim(db)
        with db.transaction():
            outbox.asked_again(db, "o1", START, "locked", START + timedelta(seconds=n))
        row = outbox.get(db, "o1")
        assert row is not None
        assert (row.retries, row.retrying_since) == (n, START + timedelta(seconds=1))
    with db.transaction():
        outbox.settle(db, "o1", OutboxState.REFUSED, "locked", START)
        outbox.again(db, "o1", START, "retried by a person")
    row = outbox.get(db, "o1")
    assert row is not None
    assert (row.retries, row.retrying_since, row.state) == (0, None, OutboxState.NEW)


def test_only_an_end_is_an_end(db: Db) -> None:
    for s in outbox.OPEN:
        with pytest.raises(ValueError, match="is not an end"):
            outbox.settle(db, "o1", s, "", START)


def test_cancelling_ends_what_is_open_and_leaves_the_rest(db: Db) -> None:
    add(db, owner(1), task(1), owner(2))
    with db.transaction():
        outbox.settle(db, "o1", OutboxState.DONE, "", START)
        count = outbox.cancel_open(db, Ref("sf", "Lead", "1"), OutboxState.GONE, "gone", START)
    assert count == 1
    assert [state(db, k) for k in ("o1", "t1", "o2")] == [
        OutboxState.DONE, OutboxState.GONE, OutboxState.NEW
    ]  # fmt: skip


def test_what_is_stored_comes_back_as_it_was(db: Db) -> None:
    add(db, owner(1), task(1))
    rows = outbox.of_lead(db, Ref("sf", "Lead", "1"))
    assert [r.effect for r in rows] == [owner(1), task(1)]
    assert outbox.depth(db) == {"new": 2}
    assert outbox.oldest_open(db) == START
    found = outbox.task_of(db, Ref("sf", "Lead", "1"))
    assert found is not None
    assert found.key == "t1"


def test_history_marks_tell_every_entry_apart(db: Db) -> None:
    a = OwnerChange(START, "rep-1", Actor.PERSON, "x")
    b = OwnerChange(START, "rep-1", Actor.US, "x")
    c = OwnerChange(START, None, Actor.PERSON, "x")
    marks = outbox.history_marks([a, b, c, a])
    assert len(set(marks)) == 3
    assert marks[0] == marks[3]
    add(db, owner(1))
    with db.transaction():
        outbox.remember_guard(db, [("o1", marks)])
    row = outbox.get(db, "o1")
    assert row is not None
    assert row.guard_history == marks


def field(n: int, key: str, name: str = "Status") -> SetField:
    return SetField(key, Ref("sf", "Lead", str(n)), name, "Nurture", None)


def member(n: int, key: str, group: str = "701") -> SetMember:
    return SetMember(key, Ref("sf", "Lead", str(n)), group, True)


def test_every_effect_comes_back_as_it_was(db: Db) -> None:
    ref = Ref("sf", "Lead", "1")
    effects: list[Effect] = [
        owner(1),
        task(1),
        SetScore("s", ref, "Score__c", 70),
        SetField("f", ref, "Status", "", "Working"),
        SetMember("m", ref, "701", False),
    ]
    add(db, *effects)
    assert [r.effect for r in outbox.open_rows(db)] == effects


def test_fields_and_members_follow_owners_and_tasks(db: Db) -> None:
    add(db, member(1, "m1"), field(1, "f1"), owner(2), task(3))
    assert claim(db) == ["o2", "t3", "f1", "m1"]


def test_a_write_waits_for_an_earlier_one_to_the_same_field_or_group(db: Db) -> None:
    add(db, field(1, "f1"), field(1, "f2"), field(1, "f3", "Rating"), field(2, "f4"))
    add(db, member(1, "m1"), member(1, "m2"), member(1, "m3", "702"))
    assert claim(db) == ["f1", "f3", "f4", "m1", "m3"]
    assert outbox.next_due(db, "sf") == START + QUIET, "what waits wants no attention"
    with db.transaction():
        for key in ("f1", "m1"):
            outbox.settle(db, key, OutboxState.DONE, "", START)
    assert claim(db) == ["f2", "m2"]


@pytest.mark.parametrize("role", [None, "manager"])
def test_only_the_owner_s_own_task_tells_that_they_were_notified(db: Db, role: str | None) -> None:
    effect = replace(task(1), role=role)
    row = TimesRow(effect.ref, "d", "All", None, None, "rep-1", None, None, START, START)
    times.begin(db, row)
    add(db, effect)
    with db.transaction():
        outbox.sent_and_done(db, effect.key, "T1", START)
    told = times.get(db, effect.ref, "d")
    assert told is not None
    assert (told.notified_at is not None) is (role is None)

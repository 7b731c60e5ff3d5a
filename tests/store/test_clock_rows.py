"""Clocks as rows: what is due is found by the index, and a step fires once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from fairlead.core.types import Ref
from fairlead.store import clocks, decays
from fairlead.store.clocks import ClockRow
from fairlead.store.db import Db
from fairlead.store.decays import DecayRow

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
REF = Ref("salesforce", "Lead", "00Q1")


@pytest.fixture
def db() -> Iterator[Db]:
    db = Db(None)
    yield db
    db.close()


def a_clock(db: Db, ref: Ref = REF) -> ClockRow:
    row = ClockRow(
        clocks.next_id(db, ref, "hot"), ref, "p1", "hot", "d1", "u1", "anna@example.com", None,
        "New", NOW,
    )  # fmt: skip
    clocks.put(db, row)
    return row


def test_a_look_that_finds_nothing_due_asks_the_index_alone(db: Db) -> None:
    statements: list[str] = []
    db._conn.set_trace_callback(statements.append)
    assert clocks.due(db, "salesforce", NOW, 500) == []
    db._conn.set_trace_callback(None)
    [asked] = statements
    plan = [str(r["detail"]) for r in db.rows(f"EXPLAIN QUERY PLAN {asked}")]
    searched = [line for line in plan if "clock_steps" in line]
    assert len(searched) == 1
    assert "USING INDEX clock_steps_due (crm=? AND look_at" in searched[0]
    assert not any(line.startswith("SCAN clocks") or "SCAN c " in line for line in plan)


def test_so_does_a_look_for_moved_statuses_and_for_levels_of_decay(db: Db) -> None:
    statements: list[str] = []
    db._conn.set_trace_callback(statements.append)
    assert clocks.moved(db, "salesforce", 500) == decays.due(db, "salesforce", NOW, 500) == []
    db._conn.set_trace_callback(None)
    moved, levels = (
        " ".join(str(r["detail"]) for r in db.rows(f"EXPLAIN QUERY PLAN {s}")) for s in statements
    )
    assert "USING INDEX clocks_moved (crm=? AND moved_at" in moved
    assert "USING INDEX decay_levels_due (crm=? AND look_at" in levels
    assert "SCAN clocks" not in moved
    assert "SCAN decay_levels" not in levels


def test_which_of_some_leads_have_decayed_is_asked_for_each_by_its_key(db: Db) -> None:
    statements: list[str] = []
    db._conn.set_trace_callback(statements.append)
    assert decays.due_of(db, "salesforce", [Ref("salesforce", "Lead", "1")], NOW) == frozenset()
    db._conn.set_trace_callback(None)
    [asked] = statements
    plan = " ".join(str(r["detail"]) for r in db.rows(f"EXPLAIN QUERY PLAN {asked}"))
    assert "SEARCH d USING PRIMARY KEY (crm=? AND object=? AND lead_id=?)" in plan


def test_what_fired_stays_when_the_rest_is_planned_anew(db: Db) -> None:
    clock = a_clock(db)
    later = NOW + timedelta(minutes=5)
    clocks.set_steps(db, clock, [("due", 0, NOW), ("step 1", 1, NOW)])
    clocks.fire(db, clock.id, ["due"], NOW)
    clocks.fire(db, clock.id, ["due"], later)
    clocks.set_steps(db, clock, [("due", 0, later), ("step 2", 1, later)])
    told = {s.step: (s.due_at, s.fired_at) for s in clocks.steps_of(db, clock.id)}
    assert told == {"due": (NOW, NOW), "step 2": (later, None)}


def test_a_paused_clock_is_never_due(db: Db) -> None:
    clock = a_clock(db)
    clocks.set_steps(db, clock, [("due", 0, NOW)])
    assert clocks.due(db, "salesforce", NOW, 10) == [REF]
    clocks.set_steps(db, clock, [("due", 0, None)])
    assert clocks.due(db, "salesforce", NOW, 10) == []


def test_what_is_put_off_stays_due_at_its_instant_and_is_looked_at_later(db: Db) -> None:
    clock = a_clock(db)
    clocks.set_steps(db, clock, [("due", 0, NOW)])
    clocks.put_off(db, clock.id, NOW, NOW + timedelta(seconds=30))
    clocks.set_steps(db, clock, [("due", 0, NOW)])
    assert clocks.due(db, "salesforce", NOW, 10) == []
    assert clocks.due(db, "salesforce", NOW + timedelta(seconds=30), 10) == [REF]
    assert [s.due_at for s in clocks.steps_of(db, clock.id)] == [NOW]


def test_ids_are_the_same_again_on_lost_state_and_differ_from_clock_to_clock(db: Db) -> None:
    first = a_clock(db)
    second = a_clock(db)
    again = Db(None)
    assert first.id != second.id
    assert a_clock(again).id == first.id
    again.close()


def test_a_clock_is_read_as_it_was_kept(db: Db) -> None:
    row = ClockRow(
        "c1", REF, "p1", "hot", "d1", "u1", None, "inbound", None, NOW,
        ((NOW, NOW + timedelta(hours=1)),), NOW, "step 1", "step 2", NOW, NOW, "answered",
        True,
    )  # fmt: skip
    clocks.put(db, row)
    assert clocks.of_lead(db, REF) == [row]
    assert clocks.previous_owners(db, "p1") == {"u1"}


def test_of_some_leads_those_have_decayed_whose_level_has_come_and_is_not_reached(db: Db) -> None:
    refs = [Ref("salesforce", "Lead", n) for n in ("due", "later", "reached", "not asked")]
    for ref in refs:
        row = DecayRow(ref, 0, NOW)
        look = NOW + timedelta(hours=1 if ref.id == "later" else -1)
        decays.put(db, row)
        decays.set_levels(db, row, [("cold", 1, look, None, look)])
        if ref.id == "reached":
            decays.reach(db, row, ["cold"], NOW)
    assert decays.due_of(db, "salesforce", refs[:3], NOW) == {refs[0]}

"""When members leave, the rotation begins again: tighter bound, nothing lost, all printed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
import sqlite_utils
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.core.fairness import bound, charge
from fairlead.core.turns import HOUSE, OUTSIDE, aside
from fairlead.store import decisions, ledger, weights
from fairlead.store.db import Db
from fairlead.store.migrations import MIGRATIONS
from fairlead.testing.clock import START

NAMES = ("a", "b", "c", "d")
POOL, SIDE = "team:t", "beside team:t"


@pytest.fixture
def db() -> Iterator[Db]:
    db = Db(None)
    with db.transaction():
        yield db
    db.close()


def turn(db: Db, there: list[str]) -> str:
    running = decisions.balances(db)
    eligible = [(n, Fraction(1 + NAMES.index(n))) for n in there]
    winner, entries = charge(POOL, eligible, running.get(POOL, {}))
    decisions.post(db, "d", entries, running, START)
    return winner


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.frozensets(st.sampled_from(NAMES), min_size=1).map(sorted),
            st.sampled_from(NAMES),
        ),
        max_size=25,
    )
)
def test_over_joins_and_leaves_the_bound_is_that_of_who_is_there_and_the_books_close(
    steps: list[list[str] | str],
) -> None:
    db, members = Db(None), set[str]()
    with db.transaction():
        for step in steps:
            if isinstance(step, list):
                members |= set(step)
                turn(db, step)
            elif step in members:
                running = decisions.balances(db)
                total = {
                    m: running[POOL].get(m, Fraction(0)) + running.get(SIDE, {}).get(m, Fraction(0))
                    for m in members - {step}
                }
                ledger.restart(db, POOL, [step], running, START)
                assert {p: h for p, h in running.items() if h} == decisions.balances(db)
                members.discard(step)
                for name, owed in total.items():
                    assert running[POOL].get(name, 0) == 0
                    assert running.get(SIDE, {}).get(name, 0) == owed
                assert running.get(SIDE, {}).get(step, 0) == 0
            held = decisions.balances(db)
            assert all(abs(b) <= bound(len(members)) for b in held.get(POOL, {}).values())
            assert all(sum(of.values()) == 0 for of in held.values())
            assert set(held.get(POOL, {})) <= members
    db.close()


def test_a_leaver_s_balance_is_written_off_in_the_open_and_the_others_are_carried_over(
    db: Db,
) -> None:
    turn(db, ["a", "b", "c"])
    running = decisions.balances(db)
    was = dict(running[POOL])
    decisions.post(db, "x", aside(SIDE, "c", Fraction(2), "credit"), running, START)
    assert ledger.restart(db, POOL, ["c"], running, START) == was
    kept = ledger.books(db).kept[POOL]
    assert kept["c"].beside == {
        "credit": 2, "carried over": was["c"], "written off": -2 - was["c"]
    }  # fmt: skip
    assert [kept[n].beside for n in "ab"] == [{"carried over": was[n]} for n in "ab"]
    assert not set(kept) & set(HOUSE)
    assert ledger.books(db).since == {POOL: START}


def test_a_restart_with_nothing_to_carry_is_kept_with_its_time(db: Db) -> None:
    turn(db, ["a"])
    ledger.restart(db, POOL, ["a"], decisions.balances(db), START)
    assert ledger.books(db).since == {POOL: START}
    assert decisions.received(db) == []


def test_a_pool_that_refunds_had_moved_begins_again_when_the_state_is_brought_up_to_date(
    tmp_path: Path,
) -> None:
    old = sqlite_utils.Database(tmp_path / "state.db")
    MIGRATIONS.apply(old, stop_before="0010_beside_the_rotation")
    old.conn.executescript(
        "INSERT INTO balances VALUES ('team:t', 'a', '5/2', 3), ('team:t', 'b', '-5/2', 4),"
        " ('team:u', 'a', '1/2', 1), ('team:u', 'b', '-1/2', 1);"
        "INSERT INTO ledger (at, decision_id, pool, rep_id, delta, reason) VALUES"
        " ('2026-01-01T00:00:00+00:00', 'd', 'team:t', 'a', '5/2', 'refund'),"
        " ('2026-01-01T00:00:00+00:00', 'd', 'team:t', 'b', '-5/2', 'turn')"
    )
    old.conn.commit()
    old.close()
    db = Db(tmp_path / "state.db")
    assert decisions.balances(db) == {
        "beside team:t": {"a": Fraction(5, 2), "b": Fraction(-5, 2)},
        "team:t": {"a": 0, "b": 0},
        "team:u": {"a": Fraction(1, 2), "b": Fraction(-1, 2)},
    }
    assert [n for _, _, _, n in decisions.received(db)] == [3, 4, 1, 1]
    assert set(ledger.books(db).since) == {"team:t"}
    db.close()


def test_weights_in_force_are_replaced_whole(db: Db) -> None:
    weights.put_factors(db, "t", {"a": Fraction(3, 2), "b": Fraction(1)}, START)
    weights.put_factors(db, "t", {"a": Fraction(5, 4)}, START)
    weights.put_factors(db, "u", {"a": Fraction(1, 2)}, START)
    assert weights.factors(db) == {"t": {"a": Fraction(5, 4)}, "u": {"a": Fraction(1, 2)}}


def test_the_counter_entry_of_what_is_owed_is_no_rep(db: Db) -> None:
    entries = aside(SIDE, "a", Fraction(1), "credit")
    assert [(e.rep_id, e.delta) for e in entries] == [("a", 1), (OUTSIDE, -1)]
    assert json.dumps(OUTSIDE) == '"(outside)"'

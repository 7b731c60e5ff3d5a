"""Rows of signals: kept for good, the same whatever the order, and due leads found by an index."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead.core.signals import Occurrence, folded
from fairlead.core.types import Cursor, Ref
from fairlead.store import signals
from fairlead.store.db import Db

NOW = datetime(2027, 1, 4, 10, tzinfo=UTC)
LEAD = Ref("salesforce", "Lead", "1")
OCCURRENCES = st.builds(
    Occurrence,
    st.sampled_from(["demo_requested", "webinar_attended"]),
    st.integers(-50, 50).map(lambda h: NOW + timedelta(hours=h)),
    st.sampled_from(["campaign 1 Attended", "list 42 2027-01-04", "call 7"]),
)
RECORDS = itertools.count()


@pytest.fixture
def db() -> Iterator[Db]:
    found = Db(None)
    yield found
    found.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from([0, 1]), OCCURRENCES), max_size=10),
    st.randoms(use_true_random=False),
)
def test_what_is_kept_is_what_folding_says_in_any_order_and_however_often(
    db: Db, found: list[tuple[int, Occurrence]], random: Any
) -> None:
    def stored(rows: list[tuple[int, Occurrence]]) -> list[list[Occurrence]]:
        refs = [Ref("salesforce", "Lead", str(next(RECORDS))) for _ in range(2)]
        with db.transaction():
            new = sum(signals.add(db, refs[r], o.name, o.at, o.evidence) for r, o in rows)
        mine = [[s.occurrence for s in signals.seen_on(db, "nobody", ref)] for ref in refs]
        at_once = signals.seen_on_records(db, [*refs, LEAD])
        for ref, own in zip(refs, mine, strict=True):
            assert {s.occurrence for s in at_once if s.ref == ref} == set(own)
        assert new == sum(map(len, mine)) == len({(r, o.name, o.evidence) for r, o in rows})
        return mine

    again = [*found, *found[::2]]
    random.shuffle(again)
    one = stored(found)
    assert stored(again) == one
    assert folded(o for some in one for o in some) == folded(o for _, o in found)


def test_a_look_is_due_once_at_its_soonest_and_a_later_one_stays(db: Db) -> None:
    later = NOW + timedelta(hours=1)
    with db.transaction():
        signals.look_at(db, [LEAD], later)
        assert signals.due(db, "salesforce", NOW, 10) == []
        signals.look_at(db, [LEAD], NOW)
        signals.look_at(db, [LEAD], later)
        assert signals.due(db, "salesforce", NOW, 10) == [LEAD]
        assert signals.due(db, "hubspot", NOW, 10) == []
        signals.looked(db, LEAD, NOW)
        assert signals.due(db, "salesforce", later, 10) == []
        signals.look_at(db, [LEAD], later)
        signals.looked(db, LEAD, NOW)
        assert signals.due(db, "salesforce", later, 10) == [LEAD]


def test_due_looks_are_found_by_an_index(db: Db) -> None:
    plan = db.rows(
        "EXPLAIN QUERY PLAN SELECT object, lead_id FROM signal_looks WHERE crm = ? AND due_at <= ?"
        " ORDER BY due_at, object, lead_id LIMIT 10",
        ("salesforce", NOW.isoformat()),
    )
    assert all("INDEX signal_looks_due" in row["detail"] for row in plan)


def test_groups_are_read_from_the_start_when_something_else_is_asked(db: Db) -> None:
    with db.transaction():
        signals.put_cursor(db, "salesforce", "webinar: 701", Cursor({"since": "x"}, NOW))
    assert signals.get_cursor(db, "salesforce", "webinar: 701") == Cursor({"since": "x"}, NOW)
    assert signals.get_cursor(db, "salesforce", "webinar: 702") is None
    assert signals.get_cursor(db, "hubspot", "webinar: 701") is None

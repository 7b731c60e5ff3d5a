"""Time may jump to the next row that comes due: no table that has such rows is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fairlead.store import agenda
from fairlead.store.db import Db

NOW = datetime(2027, 1, 4, 10, tzinfo=UTC)
DUE = ("look_at", "due_at", "retry_at", "moved_at", "until", "not_before")
"""The names of columns that say when a row is looked at."""
WAITING: dict[str, dict[str, Any]] = {
    "claims": {"state": "open"},
    "leads": {"state": "held"},
}
"""What else a row must say to be one that waits."""
DONE: dict[str, dict[str, Any]] = {
    "answers": {"look_at": None},
    "cadences": {"ended_at": NOW.isoformat()},
    "claims": {"state": "taken"},
    "clock_steps": {"fired_at": NOW.isoformat()},
    "clocks": {"ended_at": NOW.isoformat()},
    "contact_asks": {"look_at": None},
    "decay_levels": {"reached_at": NOW.isoformat()},
    "leads": {"state": "assigned"},
    "recyclings": {"ended_at": NOW.isoformat()},
    "scores": {"due_at": None},
}
"""What a row says that does not wait any more; rows of the other tables go away."""


@pytest.fixture
def db() -> Iterator[Db]:
    db = Db(None)
    db.execute("PRAGMA foreign_keys=OFF")
    yield db
    db.close()


def columns(db: Db) -> dict[str, list[Any]]:
    tables = [r["name"] for r in db.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {t: db.rows("SELECT * FROM pragma_table_info(?)", (t,)) for t in tables}


def put(db: Db, table: str, **values: Any) -> None:
    """A row of a table with these values, and something in each other column that needs it."""
    row = {
        c["name"]: 1 if c["type"] == "INTEGER" else "x"
        for c in columns(db)[table]
        if (c["notnull"] or c["pk"]) and c["dflt_value"] is None
    }
    row.update(values)
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))  # noqa: S608


def test_each_table_with_an_instant_to_look_at_is_on_the_agenda(db: Db) -> None:
    due = {t for t, cs in columns(db).items() if any(c["name"] in DUE for c in cs)}
    assert due == {*agenda.LOOKS, *agenda.BESIDE}
    assert not {*agenda.LOOKS} & {*agenda.BESIDE}


@pytest.mark.parametrize("table", agenda.LOOKS)
def test_a_row_that_waits_is_the_next_look_and_one_that_is_done_is_none(db: Db, table: str) -> None:
    at = NOW + timedelta(hours=3)
    when = {c["name"]: at.isoformat() for c in columns(db)[table] if c["name"] in DUE}
    values = {"crm": "salesforce", **when, **WAITING.get(table, {})}
    with db.transaction():
        put(db, table, **values)
    assert agenda.next_look(db, "salesforce") == (agenda.LONG_AGO if table == "clocks" else at)
    assert agenda.next_look(db, "hubspot") is None
    with db.transaction():
        db.execute(f"DELETE FROM {table}")  # noqa: S608
        if table in DONE:
            put(db, table, **values | DONE[table])
    assert agenda.next_look(db, "salesforce") is None


def test_the_earliest_of_several_is_the_next(db: Db) -> None:
    with db.transaction():
        for hours, table in ((5, "signal_looks"), (2, "recycling_looks"), (4, "scores")):
            name = "look_at" if table == "recycling_looks" else "due_at"
            put(db, table, crm="salesforce", **{name: (NOW + timedelta(hours=hours)).isoformat()})
    assert agenda.next_look(db, "salesforce") == NOW + timedelta(hours=2)


def test_a_held_lead_without_an_instant_is_looked_at_now(db: Db) -> None:
    with db.transaction():
        put(db, "leads", crm="salesforce", state="held", retry_at=None)
    assert agenda.next_look(db, "salesforce") == agenda.LONG_AGO


def test_a_message_is_due_until_it_has_gone(db: Db) -> None:
    assert agenda.next_message(db) is None
    with db.transaction():
        put(db, "messages", key="k", due_at=NOW.isoformat())
    assert agenda.next_message(db) == NOW
    with db.transaction():
        db.execute("UPDATE messages SET state = 'sent'")
    assert agenda.next_message(db) is None

"""The state file: made from nothing, owned by one process, all or nothing, copied whole."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from fairlead.errors import ConfigError, StateLocked, Unavailable
from fairlead.store import journal
from fairlead.store.db import Db

TABLES = {
    "accounts", "account_domains", "balances", "connectors", "cursors", "dead_letters",
    "decisions", "identity", "journal", "leads", "ledger", "meta", "outbox", "owners", "persons",
    "policies", "rosters",
}  # fmt: skip


def tables(db: Db) -> set[str]:
    return {r["name"] for r in db.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_an_empty_file_gets_the_whole_schema_once(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    first = Db(path)
    assert tables(first) >= TABLES
    applied = first.rows("SELECT * FROM _sqlite_migrations")
    first.close()
    again = Db(path)
    assert len(again.rows("SELECT * FROM _sqlite_migrations")) == len(applied) >= 2
    again.close()


def test_a_state_of_the_first_schema_is_carried_over(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    db = Db(path)
    with db.transaction():
        journal.set_switch(db, "paused", "yes")
        for column in ("retries", "retrying_since", "looks"):
            db.execute(f"ALTER TABLE outbox DROP COLUMN {column}")
        db.execute("ALTER TABLE leads DROP COLUMN urgent")
        db.execute("DROP INDEX outbox_seq")
        db.execute("DELETE FROM _sqlite_migrations WHERE name = '0002_bounded_tries'")
    db.close()
    db = Db(path)
    assert journal.get_switch(db, "paused") == "yes"
    assert "retries" in {r["name"] for r in db.rows("PRAGMA table_info(outbox)")}
    db.close()


def test_a_second_opener_is_turned_away_and_may_come_back_later(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    first = Db(path)
    with pytest.raises(StateLocked, match="another fairlead"):
        Db(path)
    first.close()
    second = Db(path)
    second.close()


def test_nobody_else_can_read_the_state(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    db = Db(path)
    with db.transaction():
        journal.set_switch(db, "x", "y")
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}
    db.close()
    assert set(modes.values()) == {0o600}, modes


def test_a_file_that_is_no_database_is_a_matter_of_configuration(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    path.write_text("this is a letter to my aunt, long enough to be looked at " * 20)
    with pytest.raises(ConfigError, match="cannot use the state file"):
        Db(path)
    path.unlink()
    Db(path).close()


def test_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot use the state folder"):
        Db(tmp_path / "file" / "state.sqlite")


class Died(BaseException):
    """Not an Exception: nothing may catch it by accident."""


@pytest.mark.parametrize("error", [ValueError, Died])
def test_a_transaction_is_all_or_nothing(error: type[BaseException]) -> None:
    db = Db(None)

    def half() -> None:
        with db.transaction():
            journal.set_switch(db, "a", "1")
            with db.transaction():
                journal.set_switch(db, "b", "1")
            raise error

    with pytest.raises(error):
        half()
    assert journal.get_switch(db, "a") is None
    assert journal.get_switch(db, "b") is None
    with db.transaction():
        journal.set_switch(db, "a", "2")
    assert journal.get_switch(db, "a") == "2"
    db.close()


def test_a_savepoint_undoes_only_what_is_in_it() -> None:
    db = Db(None)

    def one_that_fails() -> None:
        with db.savepoint():
            journal.set_switch(db, "inside", "1")
            raise ValueError("no")

    with db.transaction():
        journal.set_switch(db, "before", "1")
        with pytest.raises(ValueError, match="no"):
            one_that_fails()
        with db.savepoint():
            journal.set_switch(db, "after", "1")
    switches = [journal.get_switch(db, n) for n in ("before", "inside", "after")]
    assert switches == ["1", None, "1"]
    db.close()


def test_a_commit_that_fails_leaves_nothing_and_the_store_usable() -> None:
    db = Db(None)

    def an_orphan() -> None:
        with db.transaction():
            db.execute("PRAGMA defer_foreign_keys=ON")
            db.execute("INSERT INTO identity (key, person_id) VALUES ('email:x', 'nobody')")

    with pytest.raises(sqlite3.IntegrityError):
        an_orphan()
    assert db.rows("SELECT * FROM identity") == []
    with db.transaction():
        journal.set_switch(db, "a", "1")
    db.close()


def test_a_full_disk_is_said_as_such_and_leaves_nothing(tmp_path: Path) -> None:
    db = Db(tmp_path / "state.sqlite")
    pages = db.row("PRAGMA page_count")
    assert pages is not None
    db.execute(f"PRAGMA max_page_count={pages[0]}")

    def too_much() -> None:
        with db.transaction(), db.savepoint():
            for i in range(1000):
                journal.set_switch(db, f"n{i}", "x" * 4000)

    with pytest.raises(Unavailable, match=r"is full; make room on its disk"):
        too_much()
    assert db.rows("SELECT * FROM meta") == []
    db.execute(f"PRAGMA max_page_count={pages[0] + 100}")
    with db.transaction():
        journal.set_switch(db, "a", "1")
    db.close()


def test_a_backup_is_whole_and_the_original_goes_on(tmp_path: Path) -> None:
    db = Db(tmp_path / "state.sqlite")
    with db.transaction():
        journal.set_switch(db, "a", "1")
    db.backup_to(tmp_path / "copy.sqlite")
    with db.transaction():
        journal.set_switch(db, "a", "2")
    copy = Db(tmp_path / "copy.sqlite")
    assert journal.get_switch(copy, "a") == "1"
    copy.close()
    memory = db.copy_to_memory()
    with memory.transaction():
        journal.set_switch(memory, "a", "3")
    assert journal.get_switch(db, "a") == "2"
    memory.close()
    db.close()

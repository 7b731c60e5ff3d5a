"""Opening the state: the file lock, the one connection, transactions.

One connection behind one lock (SQLite's WAL-reset bug before 3.51.3 needs two connections to
strike), WAL, `synchronous=FULL`: an acknowledged commit survives a power cut. Every write happens
inside `transaction()`, which begins IMMEDIATE and is all or nothing. Network calls never happen
inside one.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlite_utils

from fairlead.errors import ConfigError, StateLocked, Unavailable
from fairlead.store.migrations import MIGRATIONS

KEPT_STATEMENTS = 1024
"""Statements that stay prepared: more than the store has, so that none is parsed twice."""
MEMORY_PAGE = 8192
"""Bytes of a page of a state in memory: with each commit SQLite goes through all pages of one."""


class Db:
    """The open state. Thread-safe: every call takes the one lock.

    `path` None keeps it in memory (plans, tests). Raises StateLocked when another process has it
    open, ConfigError when the file cannot be used.
    """

    def __init__(self, path: Path | None, *, memory_page: int = MEMORY_PAGE) -> None:
        self.path = path
        self._memory_page = memory_page
        self._lock = threading.RLock()
        self._depth = 0
        self.read_before: dict[str, Any] = {}
        """What is asked for with every page and rarely changes, with the mark by which that shows;
        its module of the store puts it here and looks after it."""
        self._file_lock = _lock_file(path) if path is not None else None
        try:
            if path is not None:
                _make_private(path)
            self._conn = sqlite3.connect(
                str(path) if path is not None else ":memory:",
                check_same_thread=False,
                isolation_level=None,
                cached_statements=KEPT_STATEMENTS,
            )
            self._conn.row_factory = sqlite3.Row
            self._prepare()
        except (sqlite3.Error, OSError) as e:
            self.close()
            raise ConfigError(f"cannot use the state file {path}: {e}") from e

    def _prepare(self) -> None:
        if self.path is None:
            self._conn.execute(f"PRAGMA page_size={self._memory_page}")
        else:
            self._conn.execute("PRAGMA journal_mode=WAL")
            check = self._conn.execute("PRAGMA quick_check(1)").fetchone()[0]
            if check != "ok":
                raise sqlite3.DatabaseError(f"quick_check says: {check}; restore a backup")
        self._conn.execute("PRAGMA synchronous=FULL")
        self._conn.execute("PRAGMA foreign_keys=ON")
        MIGRATIONS.apply(sqlite_utils.Database(self._conn))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: commits at the end, rolls back on any exception. Nests by joining in.

        Raises Unavailable when the disk is full or broken; the same work may be done again.
        """
        with self._lock:
            if self._depth:
                self._depth += 1
                try:
                    yield
                finally:
                    self._depth -= 1
                return
            self._conn.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
                self._depth = 0
                self._commit()
            except sqlite3.OperationalError as e:
                self._depth = 0
                self._undo("ROLLBACK")
                trouble = _disk_trouble(e)
                if trouble is None:
                    raise
                raise trouble from e
            except BaseException:
                self._depth = 0
                self._undo("ROLLBACK")
                raise

    def _commit(self) -> None:
        try:
            self._conn.execute("COMMIT")
        except BaseException:
            self._undo("ROLLBACK")
            raise

    def _undo(self, *statements: str) -> None:
        """A full disk makes SQLite roll back by itself; a second time would hide the reason."""
        for statement in statements:
            if self._conn.in_transaction:
                self._conn.execute(statement)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Inside a transaction: undo only what happened in here when it raises."""
        with self._lock:
            self._conn.execute("SAVEPOINT one_record")
            try:
                yield
            except BaseException:
                self._undo("ROLLBACK TO one_record", "RELEASE one_record")
                raise
            self._conn.execute("RELEASE one_record")

    def execute(self, sql: str, args: Sequence[Any] | dict[str, Any] = ()) -> sqlite3.Cursor:
        """Run one statement; writes must be inside `transaction()`."""
        with self._lock:
            return self._conn.execute(sql, args)

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        with self._lock:
            self._conn.executemany(sql, rows)

    def rows(self, sql: str, args: Sequence[Any] | dict[str, Any] = ()) -> list[sqlite3.Row]:
        with self._lock:
            return self._conn.execute(sql, args).fetchall()

    def row(self, sql: str, args: Sequence[Any] | dict[str, Any] = ()) -> sqlite3.Row | None:
        with self._lock:
            found: sqlite3.Row | None = self._conn.execute(sql, args).fetchone()
            return found

    def copy_to_memory(self) -> Db:
        """A copy of the whole state in memory, to plan on; the original is untouched."""
        with self._lock:
            # SQLite copies into memory only where the pages have one size.
            copy = Db(None, memory_page=self._conn.execute("PRAGMA page_size").fetchone()[0])
            self._conn.backup(copy._conn)
        return copy

    def backup_to(self, path: Path) -> None:
        """Write a consistent copy of the state to `path` (SQLite's online backup)."""
        target = sqlite3.connect(str(path))
        try:
            with self._lock:
                self._conn.backup(target)
        finally:
            target.close()

    def close(self) -> None:
        with self._lock:
            if hasattr(self, "_conn"):
                self._conn.close()
            if self._file_lock is not None:
                os.close(self._file_lock)
                self._file_lock = None


def _make_private(path: Path) -> None:
    """The state holds lead data: nobody else may read it. SQLite's side files copy the mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _disk_trouble(error: sqlite3.OperationalError) -> Unavailable | None:
    """The house's error when the disk is full or broken; None for anything else."""
    if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return None
    text = f"the state cannot be written: {error}; make room on its disk, work goes on by itself"
    return Unavailable(text, after=15.0)


def _lock_file(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as e:
        raise ConfigError(f"cannot use the state folder {path.parent}: {e.strerror}") from e
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as e:
        os.close(fd)
        raise StateLocked(f"another fairlead has {path} open") from e
    return fd

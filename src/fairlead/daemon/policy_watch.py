"""Notices that the files of a policy have changed, and that whoever writes them has finished.

A file is told by its stat signature. It counts as changed when it looks the same twice in a row
and otherwise than when it was read: a save that is half done is not read, and a write in the same
clock tick as a read cannot hide, for what is read has stood still since the look before.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

Signature = dict[str, tuple[int, ...] | None]


class PolicyWatch:
    """Watches the files `names` in one folder; used by one thread at a time."""

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        self.folder = folder
        self.names = frozenset(names)
        self._before: Signature | None = None
        self._read: Signature | None = None

    def changed(self) -> bool:
        """Look once; whether the files stand still as nobody has read them yet."""
        now = self._signature()
        still = now == self._before
        self._before = now
        return still and now != self._read

    def stood_still(self, read: Iterable[str]) -> bool:
        """To be asked after reading the files `read`: whether none changed since the last look.

        From then on these are watched, and this form of them counts as read.
        """
        whole = self._signature() == self._before
        self.names = frozenset(read)
        now = self._signature()
        self._before = now
        if whole:
            self._read = now
        return whole

    def forget(self) -> None:
        """Read again what is there, once it stands still: it was read without waiting for that."""
        self._before = self._read = None

    def _signature(self) -> Signature:
        return {name: _stat(self.folder / name) for name in sorted(self.names)}


def _stat(path: Path) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

"""Where a key stands in a TOML file, for messages. Below the settings, which read the file itself.

Looks at lines and knows no values: a key inside an inline table is told by the line of that table,
one that is missing by the line of the table in which it belongs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_WORD = r"(?:[A-Za-z0-9_-]+|\"[^\"\n]*\"|'[^'\n]*')"
_DOTTED = rf"{_WORD}(?:\s*\.\s*{_WORD})*"
_HEADER = re.compile(rf"\s*\[{{1,2}}\s*({_DOTTED})\s*\]{{1,2}}\s*(?:#.*)?")
_KEY = re.compile(rf"\s*({_DOTTED})\s*=")


def line_of(text: str, path: tuple[str, ...]) -> int | None:
    """The line, from 1, of the key with this path, or of the innermost table around it.

    None when none of it is written plainly.
    """
    best, found = 0, None
    for number, written in _written(text):
        if best < len(written) <= len(path) and path[: len(written)] == written:
            best, found = len(written), number
    return found


def _written(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Each line that names a table or a key, with the whole path of it."""
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(line):
            table = _parts(header[1])
            yield number, table
        elif key := _KEY.match(line):
            yield number, table + _parts(key[1])


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(word.strip("\"'") for word in re.findall(_WORD, dotted))

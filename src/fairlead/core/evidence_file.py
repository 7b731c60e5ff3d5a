"""The evidence as a file: any CSV with a header, whatever wrote it, and where each mistake is.

First step of a calibration. Commas, semicolons, tabs or bars; cells are trimmed; blank lines are
skipped. What the columns mean is not known here.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from fairlead.core.carets import nearest
from fairlead.core.place import Place
from fairlead.errors import ConfigError

SHOWN = 20
"""The most mistakes told at once."""
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_DELIMITERS = ",;\t|"


class EvidenceError(ConfigError):
    """The file cannot be used; each line names its place, and the last one says what to do."""

    def __init__(self, mistakes: Iterable[str], remedy: str, more: int = 0) -> None:
        told = list(mistakes)
        more += max(0, len(told) - SHOWN)
        super().__init__("\n".join([*told[:SHOWN], *([f"and {more} more"] if more else [])]))
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A header and its rows, all of one width; `lines` has the line on which each row begins."""

    file: str
    delimiter: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    text: str

    def column(self, name: str) -> int:
        """The position of a column; raises EvidenceError with the nearest name."""
        if name in self.header:
            return self.header.index(name)
        near = nearest(name, self.header)
        hint = f"did you mean '{near}'? " if near else ""
        raise EvidenceError(
            [f"{self.file}: there is no column '{name}'"],
            f"{hint}the columns are: {', '.join(self.header)}",
        )

    def refuse(
        self, column: int, mistakes: Sequence[tuple[int, str]], remedy: str
    ) -> EvidenceError:
        """The error about cells of one column: rows, and what is wrong with each."""
        shown = [f"{self.place(row, column)}: {what}" for row, what in mistakes[:SHOWN]]
        return EvidenceError(shown, remedy, len(mistakes) - len(shown))

    def place(self, row: int, column: int) -> Place:
        """Where a cell begins, counted in characters from 1."""
        start = _offset(self.text, self.lines[row])
        at, line, begin = start, self.lines[row], start
        for _ in range(column):
            at = _end_of_cell(self.text, at, self.delimiter) + 1
        for found in _BREAK.finditer(self.text, start, at):
            line, begin = line + 1, found.end()
        return Place(self.file, line, at - begin + 1)


def decode(data: bytes) -> tuple[str, str]:
    """The text and the name of its encoding: as its mark says, else UTF-8, else Windows-1252."""
    for mark, name in _MARKS.items():
        if data.startswith(mark):
            return data.decode(name, errors="replace"), name.removesuffix("-sig").upper()
    try:
        return data.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace"), "Windows-1252"


def read_evidence(file: str, text: str) -> EvidenceFile:
    """Read a whole file; raises EvidenceError when it has no header or a line of another width."""
    if "\0" in text:
        line = len(_BREAK.findall(text, 0, text.index("\0"))) + 1
        raise EvidenceError(
            [f"{Place(file, line, 1)}: this is not a text file"], "save it as CSV in UTF-8"
        )
    if not text.strip():
        raise EvidenceError([f"{Place(file, 1, 1)}: the file is empty"], "give it a header line")
    delimiter = _delimiter(text.lstrip())
    header: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = []
    begins: list[int] = []
    mistakes = []
    try:
        for line, cells in _records(text, delimiter):
            if not any(cells):
                continue
            if not header:
                header = _names(cells)
            elif len(cells) != len(header):
                mistakes.append(
                    f"{Place(file, line, 1)}: this line has {len(cells)} cells,"
                    f" the header has {len(header)}"
                )
            else:
                rows.append(tuple(cells))
                begins.append(line)
    except csv.Error as e:
        after = begins[-1] + 1 if begins else 1
        raise EvidenceError(
            [f"{Place(file, after, 1)}: {e}"], "perhaps a quote opens there and is never closed"
        ) from e
    if mistakes:
        raise EvidenceError(mistakes, "a cell that has the separator in it stands in quotes")
    return EvidenceFile(file, delimiter, header, tuple(rows), tuple(begins), text)


_BREAK = re.compile(r"\r\n|\r|\n")


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line it begins on."""
    reader = csv.reader(_lines(text), delimiter=delimiter, skipinitialspace=True)
    begins = 1
    for cells in reader:
        yield begins, [cell.strip() for cell in cells]
        begins = reader.line_num + 1


def _lines(text: str) -> Iterator[str]:
    # str.splitlines knows more line ends than a CSV file has, such as the form feed.
    start = 0
    for found in _BREAK.finditer(text):
        yield text[start : found.end()]
        start = found.end()
    if start < len(text):
        yield text[start:]


def _delimiter(text: str) -> str:
    """The one that the header line has most of, outside quotes; a comma when it has none."""
    bare = re.sub(r'"[^"]*"', "", _BREAK.split(text, maxsplit=1)[0])
    return max(_DELIMITERS, key=bare.count)


def _names(cells: list[str]) -> tuple[str, ...]:
    """The column names, made different where the file has none or the same twice."""
    names: list[str] = []
    for at, cell in enumerate(cells, 1):
        name = wanted = cell or f"column {at}"
        again = 2
        while name in names:
            name, again = f"{wanted} ({again})", again + 1
        names.append(name)
    return tuple(names)


def _offset(text: str, line: int) -> int:
    at = 0
    for _ in range(line - 1):
        found = _BREAK.search(text, at)
        assert found is not None
        at = found.end()
    return at


def _end_of_cell(text: str, at: int, delimiter: str) -> int:
    """Where the delimiter or line break after a cell stands."""
    plain = rf"[^{re.escape(delimiter)}\r\n]*"
    found = re.compile(rf' *"(?:[^"]|"")*"{plain}|{plain}').match(text, at)
    assert found is not None
    return found.end()

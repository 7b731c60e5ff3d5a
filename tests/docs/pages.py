"""The pages of the house and the blocks in them, as the tests of this folder read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


@dataclass(frozen=True)
class Block:
    """One fenced block: `kind` and `name` as the fence says, and the line it starts on."""

    page: str
    line: int
    kind: str
    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Every page a person reads."""
    return [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        *sorted(DOCS.rglob("*.md")),
        *sorted((ROOT / "fixtures").rglob("*.md")),
    ]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(name_of(page), text[: m.start()].count("\n") + 1, m[1], m[2] or "", m[3])
        for m in re.finditer(r"(?ms)^```(\w*)(?: (\S+))?\n(.*?)^```$", text)
    ]


def all_blocks() -> list[Block]:
    return [block for page in pages() for block in blocks(page)]


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"(?ms)^```.*?^```$", "", text)


def anchors(text: str) -> set[str]:
    """The names that links into a page may use, as GitHub makes them from its headings."""
    found = set()
    for heading in re.findall(r"(?m)^#+ (.+)$", prose(text)):
        plain = re.sub(r"[^\w\- ]", "", heading.lower())
        found.add(plain.strip().replace(" ", "-"))
    return found


def table(text: str, heading: str) -> list[list[str]]:
    """The cells of the one table whose header line begins with this cell."""
    found = re.findall(rf"(?m)^\| {re.escape(heading)} \|.*\n\|[-| ]+\n((?:\|.*\n)+)", text)
    assert len(found) == 1, f"{len(found)} tables begin with {heading!r}"
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]
        for row in found[0].splitlines()
    ]

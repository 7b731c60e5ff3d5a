"""Record ids: 15 and 18 characters, and a source of new ones that are not in order of creation.

Bottom layer of the sandbox. The suffix of an 18-character id tells which of the first fifteen
characters are capitals, so that two ids that differ in case only stay apart.
"""

from __future__ import annotations

import random
import re
from functools import lru_cache

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_FORM = re.compile(r"[0-9A-Za-z]{15}(?:[A-Za-z0-5]{3})?\Z")
_SPACE: int = 62**9


def suffix(id15: str) -> str:
    """The three characters that make a 15-character id case-safe."""
    out = ""
    for start in (0, 5, 10):
        bits = sum(1 << i for i, c in enumerate(id15[start : start + 5]) if "A" <= c <= "Z")
        out += _SUFFIX[bits]
    return out


def canonical(text: object) -> str | None:
    """The 18-character form of a 15- or 18-character id; None for anything else.

    An 18-character id whose case was mangled is repaired from its suffix, as the vendor does.
    """
    return _canonical(text) if isinstance(text, str) else None


@lru_cache(maxsize=65_536)
def _canonical(text: str) -> str | None:
    if not _FORM.match(text):
        return None
    if len(text) == 15:
        return text + suffix(text)
    fixed = ""
    for block in range(3):
        bits = _SUFFIX.index(text[15 + block].upper())
        for i, char in enumerate(text[block * 5 : block * 5 + 5]):
            fixed += char.upper() if bits >> i & 1 else char.lower()
    return fixed + suffix(fixed) if suffix(fixed) == text[15:].upper() else None


class IdSource:
    """New ids per key prefix: unique, scrambled, and every second one a case twin of the last."""

    def __init__(self, rng: random.Random) -> None:
        self._factor = rng.randrange(62**8, _SPACE) * 62 + 1
        self._shift = rng.randrange(_SPACE)
        self._count = 0
        self._used: set[str] = set()
        self._last: dict[str, str] = {}

    def new(self, prefix: str) -> str:
        """An 18-character id that begins with `prefix` and was not given before."""
        twin = self._twin(self._last.pop(prefix, ""))
        if twin:
            return self._take(twin)
        while True:
            self._count += 1
            n = (self._count * self._factor + self._shift) % _SPACE
            body = ""
            for _ in range(9):
                n, digit = divmod(n, 62)
                body = DIGITS[digit] + body
            fresh = f"{prefix}Fl0{body}"
            if fresh not in self._used:
                self._last[prefix] = fresh
                return self._take(fresh)

    def _twin(self, id15: str) -> str:
        for i in range(len(id15) - 1, 5, -1):
            if id15[i].isalpha():
                twin = id15[:i] + id15[i].swapcase() + id15[i + 1 :]
                return "" if twin in self._used else twin
        return ""

    def _take(self, id15: str) -> str:
        self._used.add(id15)
        return id15 + suffix(id15)

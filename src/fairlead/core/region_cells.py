"""The cells of one axis: examples between and around the constants that conditions compare with.

Sound by construction: every value that the axis can take behaves like one of its cells.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from fairlead.core.schema import FieldType

EXAMPLE_NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
"""The instant of the decision in examples."""

ORDERED: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
FLIPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
SAMPLE_CODE = "10115"
"""How long postal codes are in examples."""
_DAY = timedelta(days=1)


def fold(value: Any) -> Any:
    """The form in which conditions compare: texts without regard to case."""
    return value.casefold() if isinstance(value, str) else value


def around(kind: FieldType, constants: Sequence[Any], *, whole: bool = False) -> list[Any]:
    """Values for the gaps between sorted constants, below the first and above the last.

    `whole`: the axis takes whole numbers only, so that some gaps are empty.
    """
    if not constants:
        return [] if kind is FieldType.TEXT else [_plain(kind)]
    if whole:
        found = [math.floor(a) + 1 for a in constants]
        inside = [n for n, b in zip(found, constants[1:], strict=False) if n < b]
        return [*inside, found[-1], math.ceil(constants[0]) - 1]
    gaps = [_between(a, b) for a, b in pairwise(constants)]
    gaps += [_beyond(constants[-1], 1), _beyond(constants[0], -1)]
    return [value for value in gaps if value is not None]


def _plain(kind: FieldType) -> Any:
    plain: Mapping[FieldType, Any] = {
        FieldType.NUMBER: 50,
        FieldType.INSTANT: EXAMPLE_NOW - _DAY,
        FieldType.DURATION: _DAY,
    }
    return plain[kind]


def _between(a: Any, b: Any) -> Any:
    if isinstance(a, str):
        tries = (*_numbered(a, b), f"{a} a", f"{a}\x00")
        return next((t for t in tries if a < t < b), None)
    if isinstance(a, datetime | timedelta):
        middle = a + (b - a) / 2
        return middle if a < middle < b else None
    floor = (
        math.floor((a + b) / 2) if isinstance(a, float) or isinstance(b, float) else (a + b) // 2
    )
    return next((n for n in (floor, floor + 1, (a + b) / 2) if a < n < b), None)


def _numbered(a: str, b: str) -> Iterator[str]:
    """Codes of digits that follow: 20000 on 19999 where 30000 is next, 10000 on 10."""
    if a.isdecimal() and a.isascii():
        if len(a) == len(b) and b.isdecimal():
            yield str(int(a) + 1).zfill(len(a))
        yield a.ljust(len(SAMPLE_CODE), "0")
        yield f"{a}0"


def _beyond(edge: Any, sign: int) -> Any:
    """A value past the edge; None when there is none."""
    if isinstance(edge, str):
        if sign > 0:
            return f"{edge} and more"
        return next((t for t in ("0", "\x00", "") if t < edge), None)
    try:
        if isinstance(edge, datetime | timedelta):
            return edge + sign * _DAY
        step = max(1, abs(edge) // 10) if abs(edge) >= 2**52 else 1
        return edge + sign * step
    except OverflowError:
        return edge + sign * timedelta.resolution if edge not in _ENDS else None


_ENDS: tuple[Any, ...] = (
    datetime.max.replace(tzinfo=UTC),
    datetime.min.replace(tzinfo=UTC),
    timedelta.max,
    timedelta.min,
)


def bits(places: Iterable[int]) -> int:
    """The set of these places."""
    found = bytearray()
    for place in places:
        at = place >> 3
        if at >= len(found):
            found.extend(bytes(at + 1 - len(found)))
        found[at] |= 1 << (place & 7)
    return int.from_bytes(found, "little")


def places(cells: int) -> Iterator[int]:
    """The places in a set, the lowest first."""
    below = (cells & -cells).bit_length() - 1
    text = bin(cells >> max(below, 0))[:1:-1]
    at = text.find("1") if cells else -1
    while at >= 0:
        yield below + at
        at = text.find("1", at + 1)


def end_of_prefix(start: str) -> str | None:
    """The least text that lies behind every text with this beginning; None for no end."""
    for at in range(len(start) - 1, -1, -1):
        code = ord(start[at])
        if code < _LAST_CHARACTER:
            following = chr(code + 1) if not 0xD7FF <= code < 0xE000 else chr(0xE000)
            return start[:at] + following
    return None


_LAST_CHARACTER = 0x10FFFF

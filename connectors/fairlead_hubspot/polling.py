"""The cursor: which query finds the next changes, and where a page leaves us. Pure.

HubSpot's search matches on an index that trails the records by seconds, but shows the records as
they are now. So a row in a page sorted by modification date may show a *later* date than the one it
was sorted by, and that date must not become the place to go on from: rows in between would be
skipped. Only dates older than the look-back are trusted, because by then the index has caught up.

A walk therefore goes by date through what is settled, each page starting at the last trusted date
of the one before (no offsets: they shift under a set that changes, and end at 10,000 rows), and by
record id, which never changes, through the rest: the hot minutes before now, and a burst of rows
that share one millisecond. Ids are no order in time; they are only a stable way through one fixed
query. A walk that has come to its end starts again one look-back behind the time it began.

A second, slow walk over the last hour goes along, one page per poll, for rows that the index showed
later than the look-back allows for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fairlead_hubspot.mapping import to_ms

PAGE = 200
MOST_SHOWN = 100_000

Key = tuple[int, int | None]
"""Of a row: its record id, and the modification ms it shows, None when that cannot be read."""

FLOOR_MS = 1_136_073_600_000
"""2006-01-01, before HubSpot existed: the beginning of time. Epoch 0 was seen to answer 500."""


@dataclass(frozen=True, slots=True)
class Walk:
    """One way through changes: rows modified in [at, until] ms, in id mode those behind `after_id`.

    `began` is the server's clock in ms at the first page. `end` is the walk's own last ms; in id
    mode `until` may lie before it, then the walk goes on by date behind `until`.
    """

    at: int
    after_id: int | None = None
    until: int | None = None
    began: int | None = None
    end: int | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "at": self.at,
            "after_id": self.after_id,
            "until": self.until,
            "began": self.began,
            "end": self.end,
        }

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> Walk:
        return cls(data["at"], data["after_id"], data["until"], data["began"], data["end"])


@dataclass(frozen=True, slots=True)
class Position:
    """What a cursor holds: the walk that keeps up, and the slow one with its last start."""

    walk: Walk
    slow: Walk | None = None
    slow_began: int | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "walk": self.walk.as_json(),
            "slow": self.slow.as_json() if self.slow else None,
            "slow_began": self.slow_began,
        }

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> Position:
        slow = data["slow"]
        return cls(
            Walk.of_json(data["walk"]),
            Walk.of_json(slow) if slow is not None else None,
            data["slow_began"],
        )


class Shown:
    """What the main walk has lately shown, so that the slow walk tells news from old rows.

    Memory only: forgetting it repeats rows, nothing else. What the slow walk finds is not entered,
    so that a page of it that the house could not store comes again.
    """

    def __init__(self) -> None:
        self._stamps: dict[int, int] = {}

    def add(self, keys: Iterable[Key], *, keep_from: int) -> None:
        """Enter rows; stamps before `keep_from` ms may be forgotten."""
        self._stamps.update((rid, ms) for rid, ms in keys if ms is not None)
        if len(self._stamps) > MOST_SHOWN:
            self._stamps = {r: ms for r, ms in self._stamps.items() if ms >= keep_from}
        if len(self._stamps) > MOST_SHOWN:
            self._stamps = {}

    def __contains__(self, key: Key) -> bool:
        return key[1] is not None and self._stamps.get(key[0]) == key[1]


def start(since: datetime | None) -> Position:
    """Before the first page: everything modified at `since` or later."""
    return Position(Walk(FLOOR_MS if since is None else max(FLOOR_MS, to_ms(since))))


def query(walk: Walk, modified: str, properties: Sequence[str]) -> dict[str, Any]:
    """The search body for the walk's next page: at most three filters, one sort."""
    until = walk.until if walk.until is not None else walk.end
    filters: list[dict[str, str]]
    if until == walk.at:
        filters = [{"propertyName": modified, "operator": "EQ", "value": str(walk.at)}]
    else:
        filters = [{"propertyName": modified, "operator": "GTE", "value": str(walk.at)}]
        if until is not None:
            filters.append({"propertyName": modified, "operator": "LTE", "value": str(until)})
    sort = modified
    if walk.after_id is not None:
        filters.append(
            {"propertyName": "hs_object_id", "operator": "GT", "value": str(walk.after_id)}
        )
        sort = "hs_object_id"
    return {
        "filterGroups": [{"filters": filters}],
        "sorts": [{"propertyName": sort, "direction": "ASCENDING"}],
        "properties": list(properties),
        "limit": PAGE,
    }


def advance(walk: Walk, rows: Sequence[Key], *, more: bool, settled_ms: int) -> Walk | None:
    """Where the walk goes on after a page, or None when it has come to its end.

    `more` is whether HubSpot has rows behind the page. Dates after `settled_ms` are not trusted.
    """
    if walk.after_id is not None:
        last = max((rid for rid, _ in rows), default=walk.after_id)
        if more and last > walk.after_id:
            return replace(walk, after_id=last)
        if walk.until is None:
            return None
        return replace(walk, at=walk.until + 1, after_id=None, until=None)
    if not more or not rows:
        return None
    trusted = [ms for _, ms in rows if ms is not None and ms <= settled_ms]
    furthest = max(trusted, default=walk.at)
    if furthest > walk.at:
        return replace(walk, at=furthest)
    same = sum(1 for ms in trusted if ms == walk.at)
    if same * 2 >= len(rows):
        return replace(walk, after_id=0, until=walk.at)
    return replace(walk, after_id=0)


def follow(
    position: Position,
    rows: Sequence[Key],
    *,
    more: bool,
    now_ms: int,
    look_back_ms: int,
) -> tuple[Position, bool, int]:
    """The position after a page of the main walk; whether more is due at once; covered-until ms.

    Covered is never past the look-back, and never behind which rows may still be missing.
    """
    walk = position.walk
    began = walk.began if walk.began is not None else now_ms
    settled = now_ms - look_back_ms
    going = advance(walk, rows, more=more, settled_ms=settled)
    if going is not None:
        going = replace(going, began=began)
        return replace(position, walk=going), True, min(going.at, began - look_back_ms)
    restart = max(walk.at, began - look_back_ms)
    return replace(position, walk=Walk(restart)), False, began - look_back_ms


def slow_due(
    position: Position, *, now_ms: int, look_back_ms: int, behind_ms: int, every_ms: int
) -> Position:
    """Send the slow walk out when its time has come; the first time is one period from now."""
    if behind_ms <= look_back_ms or every_ms == 0 or position.slow is not None:
        return position
    if position.slow_began is None:
        return replace(position, slow_began=now_ms)
    if now_ms - position.slow_began < every_ms:
        return position
    walk = Walk(max(FLOOR_MS, now_ms - behind_ms), end=now_ms - look_back_ms)
    return replace(position, slow=walk, slow_began=now_ms)


def follow_slow(
    position: Position,
    rows: Sequence[Key],
    *,
    more: bool,
    now_ms: int,
    look_back_ms: int,
) -> Position:
    """The position after a page of the slow walk."""
    if position.slow is None:
        return position
    going = advance(position.slow, rows, more=more, settled_ms=now_ms - look_back_ms)
    if going is not None and going.end is not None and going.at > going.end:
        going = None
    return replace(position, slow=going)

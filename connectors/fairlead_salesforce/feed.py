"""The change feed: pages by (SystemModstamp, Id), and a look-back for rows that commit late.

A row is stamped inside its transaction and becomes visible when that commits, up to ten minutes
later. So no poll trusts the newest stamp it saw: a *wide* chain of pages starts at the floor (the
point up to which everything is known to be visible, `lookback` behind the server's clock when a
page passed it) and runs to the end. While that fits on one page every poll is wide. When it does
not (a mass update), polls start a minute back instead and a wide chain runs once a minute: new
rows stay fast, and calls do not grow with the burst.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from fairlead.core.types import Kind
from fairlead.errors import Bug, SchemaDrift
from fairlead.spi.connector import ChangePage, Cursor
from fairlead_salesforce import soql
from fairlead_salesforce.mapping import NEVER, Feed, record, stamp

NEAR = timedelta(seconds=60)
"""Where a poll starts behind the clock while wide chains are too long to run every time."""

WIDE_EVERY = timedelta(seconds=60)
"""How often a wide chain runs then."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where the next page of one kind begins, and what the present chain of pages has proved.

    The next page holds rows after (`at`, `last_id`). `floor` is the point known complete. `held` is
    where the floor may move when this chain ends: `lookback` before the first page that came
    nearer than that to the clock. `crowded`: this chain needs several pages inside the look-back.
    """

    at: datetime
    last_id: str
    floor: datetime
    wide: bool = True
    held: datetime | None = None
    crowded: bool = False
    wide_due: datetime | None = None

    def cursor(self) -> Cursor:
        position: dict[str, Any] = {
            "at": self.at.isoformat(),
            "id": self.last_id,
            "floor": self.floor.isoformat(),
            "wide": self.wide,
            "held": self.held.isoformat() if self.held is not None else None,
            "crowded": self.crowded,
            "wide_due": self.wide_due.isoformat() if self.wide_due is not None else None,
        }
        return Cursor(position, covered_until=self.floor)

    @classmethod
    def start(cls, since: datetime | None) -> Position:
        # Stamps are cut down to the second, so what changes right now may bear an earlier one.
        at = since.replace(microsecond=0) if since is not None else NEVER
        return cls(at=at, last_id="", floor=at)

    @classmethod
    def of(cls, cursor: Cursor) -> Position:
        """Read a cursor back; raises Bug for one that this connector did not make."""
        p = cursor.position
        try:
            return cls(
                at=stamp(p["at"]),
                last_id=p["id"],
                floor=stamp(p["floor"]),
                wide=p["wide"],
                held=stamp(p["held"]) if p["held"] is not None else None,
                crowded=p["crowded"],
                wide_due=stamp(p["wide_due"]) if p["wide_due"] is not None else None,
            )
        except (KeyError, ValueError, TypeError) as e:
            raise Bug(f"not a Salesforce cursor: {e!r}") from e


def advance(
    pos: Position,
    last: tuple[datetime, str] | None,
    *,
    full: bool,
    now: datetime,
    lookback: timedelta,
) -> Position:
    """The position after a page whose last row is `last`, read at `now` by the server's clock.

    `full` says that there may be more rows. The floor never moves back, and never past a point
    that was read less than `lookback` after its stamp.
    """
    horizon = now - lookback
    at, last_id = last if last is not None else (pos.at, pos.last_id)
    held = pos.held
    if pos.wide and held is None and (not full or at > horizon):
        held = horizon
    floor = pos.floor
    if pos.wide:
        reached = at if full else max(at, horizon)
        floor = max(floor, reached if held is None else min(reached, held))
    if full:
        return replace(
            pos,
            at=at,
            last_id=last_id,
            floor=floor,
            held=held,
            crowded=pos.crowded or held is not None,
        )
    due = pos.wide_due
    if pos.wide:
        due = now + WIDE_EVERY if pos.crowded else None
    wide = due is None or now >= due
    start = floor if wide else max(floor, now - NEAR)
    return Position(at=start, last_id="", floor=floor, wide=wide, wide_due=due)


def statement(feed: Feed, columns: tuple[str, ...], pos: Position, page_size: int) -> str:
    """The SOQL of the next page."""
    return soql.select(
        columns,
        feed.object,
        where=soql.both(feed.where, soql.after(pos.at, pos.last_id)),
        order="SystemModstamp, Id",
        limit=page_size,
    )


def page(
    kind: Kind,
    feed: Feed,
    pos: Position,
    rows: list[Any],
    *,
    cut: bool,
    now: datetime,
    page_size: int,
    lookback: timedelta,
    base_url: str,
) -> ChangePage:
    """Rows as a page. `cut` says that Salesforce itself announced more rows.

    A row that cannot be read stays in the page as unreadable and the cursor moves past it. Raises
    SchemaDrift when no row of a full page has a stamp, since nothing could then move on.
    """
    full = cut or len(rows) >= page_size
    last = last_of(rows)
    if full and (last is None or last == (pos.at, pos.last_id)):
        raise SchemaDrift(f"{feed.object}: no row of a full page has a readable stamp and id")
    records = [record(kind, feed.object, row, base_url) for row in rows if isinstance(row, Mapping)]
    after = advance(pos, last, full=full, now=now, lookback=lookback)
    return ChangePage(
        kind=kind,
        records=[r for r in records if r is not None],
        cursor=after.cursor(),
        more=full,
        server_now=now,
    )


def last_of(rows: list[Any]) -> tuple[datetime, str] | None:
    """The stamp and id of the last row that has both."""
    for row in reversed(rows):
        if not isinstance(row, Mapping):
            continue
        row_id = row.get("Id")
        try:
            at = stamp(row.get("SystemModstamp"))
        except ValueError:
            continue
        if isinstance(row_id, str) and row_id:
            return at, row_id
    return None

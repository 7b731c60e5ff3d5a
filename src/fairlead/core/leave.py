"""Leave as people write it, and as time off: from which instant to which, and what to call it.

Between the policy's `away:` lists (and `fairlead rep away`) and the roster. A leave by dates covers
whole days, the last one included, in the rep's zone; one by instants ends at its end. Around it a
calendar may keep working days free: nobody wants a new lead on the eve of a holiday.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from fairlead.core.types import TimeOff
from fairlead.core.worktime import Calendar, at_wall, wall_at, working_days

Moment = date | datetime
"""A day; or an instant: aware, or naive by the clock of the rep's zone."""

FORM = "2026-12-24, 2026-12-24..2027-01-02 or 2026-12-24T12:00..2026-12-24T18:00"
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?", re.ASCII
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Leave:
    """One leave as written; both ends are of one kind."""

    start: Moment
    end: Moment


@dataclass(frozen=True, slots=True)
class Switch:
    """What was last said of a rep from the command line: away since and until, or back since."""

    rep_id: str
    back_since: datetime | None
    away_since: datetime | None
    away_until: str | None
    reason: str
    cover: str = ""


def read_moment(text: str) -> Moment:
    """A day or an instant; raises ValueError."""
    text = text.strip()
    if _DATE.fullmatch(text):
        return date.fromisoformat(text)
    if _INSTANT.fullmatch(text):
        found = datetime.fromisoformat(text)
        return found if found.tzinfo is None else found.astimezone(UTC)
    raise ValueError(f"expected a day or an instant such as 2026-12-24T12:00, found {text!r}")


def read_leave(text: str) -> Leave:
    """Read one entry of `away:`; raises ValueError with the form it should have."""
    first, dots, last = text.partition("..")
    try:
        start = read_moment(first)
        end = read_moment(last) if dots else start
    except ValueError:
        raise ValueError(f"expected {FORM}, found {text!r}") from None
    if isinstance(start, datetime) is not isinstance(end, datetime):
        raise ValueError(f"a leave is from day to day or from instant to instant: {text!r}")
    if isinstance(start, datetime) and isinstance(end, datetime):
        if (start.tzinfo is None) is not (end.tzinfo is None):
            raise ValueError(f"both ends have a zone or neither: {text!r}")
        if start >= end:
            raise ValueError(f"this leave ends before it begins: {text!r}")
    elif start > end:
        raise ValueError(f"this leave ends before it begins: {text!r}")
    return Leave(start, end)


def time_off(
    leaves: Iterable[Leave],
    calendar: Calendar | None,
    switch: Switch | None,
    told: Iterable[tuple[str, datetime, datetime]] = (),
) -> tuple[TimeOff, ...]:
    """All of a rep's time off, in order of time. Who came back is out of the leave of that hour.

    `told` are out-of-office times with the CRM that told them; around one shorter than a day
    nothing is kept free.
    """
    before = calendar.buffer_before if calendar else 0
    found = [_off(begin_of(v.start, calendar), v.end, calendar, before) for v in leaves]
    for crm, start, end in told:
        whole = end - start >= timedelta(days=1)
        off = _off(start, end, calendar, before) if whole else _bare(start, end, calendar)
        found.append(replace(off, crm=crm))
    if switch is not None and switch.away_since is not None and switch.away_until is not None:
        off = _off(switch.away_since, read_moment(switch.away_until), calendar, 0)
        found.append(replace(off, cover=switch.cover))
    back = None if switch is None else switch.back_since
    kept = [o for o in found if back is None or not o.quiet_from <= back < o.quiet_until]
    return tuple(sorted(kept, key=lambda o: (o.start, o.end)))


def begin_of(moment: Moment, calendar: Calendar | None) -> datetime:
    """The instant at which a moment begins: of a day its first, by the rep's clock."""
    if isinstance(moment, datetime):
        return moment if moment.tzinfo is not None else at_wall(moment, _zone(calendar))
    return at_wall(datetime.combine(moment, time()), _zone(calendar))


def end_of(moment: Moment, calendar: Calendar | None) -> datetime:
    """The instant at which a moment is over: of a day the beginning of the next."""
    if isinstance(moment, datetime):
        return begin_of(moment, calendar)
    return begin_of(moment + timedelta(days=1), calendar)


def _off(start: datetime, last: Moment, calendar: Calendar | None, before: int) -> TimeOff:
    end = end_of(last, calendar)
    quiet_from, quiet_until = start, end
    if calendar is not None and before:
        first = working_days(calendar, wall_at(start, calendar.timezone).date(), -before)
        quiet_from = begin_of(first, calendar)
    if calendar is not None and calendar.buffer_after:
        last_away = wall_at(end - timedelta(microseconds=1), calendar.timezone).date()
        quiet_until = end_of(working_days(calendar, last_away, calendar.buffer_after), calendar)
    return TimeOff(start, end, quiet_from, quiet_until, _until(last, end, calendar))


def _bare(start: datetime, end: datetime, calendar: Calendar | None) -> TimeOff:
    return TimeOff(start, end, start, end, _until(end, end, calendar))


def _until(last: Moment, end: datetime, calendar: Calendar | None) -> str:
    return local(end, calendar) if isinstance(last, datetime) else last.isoformat()


def local(at: datetime, calendar: Calendar | None) -> str:
    """An instant as the rep's clock shows it, with the name of the zone."""
    return f"{wall_at(at, _zone(calendar)):%Y-%m-%d %H:%M} {_zone(calendar)}"


def _zone(calendar: Calendar | None) -> str:
    return "UTC" if calendar is None else calendar.timezone

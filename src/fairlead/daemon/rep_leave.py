"""`rep away` and `rep back`: what is said of a rep's leave between two changes of the policy.

Used by `commands`. Stored, journaled, and seen by the next decision: no restart, no policy change.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from fairlead.core.carets import nearest
from fairlead.core.leave import Switch, end_of, local, read_moment, time_off
from fairlead.core.policy import Policy, RosterEntry
from fairlead.core.types import TimeOff
from fairlead.errors import ConfigError
from fairlead.store import journal, leads, loads
from fairlead.store.db import Db
from fairlead.telemetry import get_logger

log = get_logger()


def go_away(
    db: Db, policy: Policy | None, rep: str, until: str, reason: str, now: datetime
) -> dict[str, Any]:
    """The rep gets no new leads from now until that day is over, or that instant is reached.

    Replaces what was said before. Raises ConfigError for an unknown rep and a time that has passed.
    """
    entry = _entry(policy, rep)
    calendar = policy.calendars.get(entry.calendar or "") if policy else None
    try:
        moment = read_moment(until)
    except ValueError as e:
        raise ConfigError(f"--until: {e}") from None
    end = end_of(moment, calendar)
    if end <= now:
        raise ConfigError(f"--until {until} has passed")
    day = isinstance(moment, date) and not isinstance(moment, datetime)
    kept = moment.isoformat() if day else end.astimezone(UTC).isoformat()
    with db.transaction():
        loads.set_away(db, entry.id, now, kept.replace("+00:00", "Z"), reason)
        leads.wake_held(db)
        journal.write(db, now, "rep.away", rep=entry.id, until=kept, reason=reason)
    log.info("rep.away", due=end)
    return {"rep": entry.id, "until": kept if day else local(end, calendar)}


def come_back(db: Db, policy: Policy | None, rep: str, now: datetime) -> dict[str, Any]:
    """Whatever leave the rep is on ends now, the policy's too; a later one stands."""
    entry = _entry(policy, rep)
    with db.transaction():
        was = [o for r, o, _ in _off_now(db, policy, now) if r == entry.id]
        loads.set_back(db, entry.id, now)
        leads.wake_held(db)
        journal.write(db, now, "rep.back", rep=entry.id)
    log.info("rep.back")
    return {"rep": entry.id, "was_away": bool(was)}


def away_now(db: Db, policy: Policy | None, now: datetime) -> list[dict[str, str]]:
    """Who is on leave now, for `status`: until when, and the reason if one was given."""
    return [
        {"rep": rep, "until": off.until, "reason": switch.reason if switch else ""}
        for rep, off, switch in _off_now(db, policy, now)
    ]


def _off_now(
    db: Db, policy: Policy | None, now: datetime
) -> list[tuple[str, TimeOff, Switch | None]]:
    switched = {s.rep_id: s for s in loads.switches(db)}
    found: list[tuple[str, TimeOff, Switch | None]] = []
    for entry in policy.roster.values() if policy else ():
        calendar = policy.calendars.get(entry.calendar or "") if policy else None
        switch = switched.get(entry.id)
        here = [o for o in time_off(entry.away, calendar, switch) if o.start <= now < o.end]
        if here:
            last = max(here, key=lambda o: o.end)
            said = switch if switch and last.start == switch.away_since else None
            found.append((entry.id, last, said))
    return found


def _entry(policy: Policy | None, rep: str) -> RosterEntry:
    if policy is None:
        raise ConfigError("there is no policy, so nobody is in the roster")
    name = rep.strip().lower()
    if name not in policy.roster:
        guess = nearest(name, policy.roster)
        hint = f"; did you mean {guess}?" if guess else ""
        raise ConfigError(f"{rep!r} is not in the roster{hint}")
    return policy.roster[name]

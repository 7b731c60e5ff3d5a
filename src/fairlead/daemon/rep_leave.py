"""`rep away` and `rep back`: what is said of a rep's leave between two changes of the policy.

Used by `commands`. Stored, journaled, and seen by the next decision: no restart, no policy change.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from fairlead.core.carets import nearest
from fairlead.core.crm_word import absent_now
from fairlead.core.leave import end_of, local, read_moment
from fairlead.core.policy import Policy, RosterEntry
from fairlead.core.rep_clock import calendar_of
from fairlead.core.roster import join_roster
from fairlead.core.worktime import Calendar
from fairlead.errors import ConfigError
from fairlead.store import directory, journal, leads, loads
from fairlead.store.db import Db
from fairlead.telemetry import get_logger

log = get_logger()


def go_away(
    db: Db,
    policy: Policy | None,
    rep: str,
    until: str,
    reason: str,
    now: datetime,
    cover: str = "",
) -> dict[str, Any]:
    """The rep gets no new leads from now until that day is over, or that instant is reached.

    `cover` is the rep who gets what would go to this one by name, before the policy's own. Replaces
    what was said before. Raises ConfigError for an unknown rep and a time that has passed.
    """
    entry = _entry(policy, rep)
    covering = _entry(policy, cover).id if cover else ""
    if covering == entry.id:
        raise ConfigError("--cover: nobody covers for themselves")
    calendar = _calendar(db, policy, entry)
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
        loads.set_away(db, entry.id, now, kept.replace("+00:00", "Z"), reason, covering)
        leads.wake_held(db)
        said: dict[str, Any] = {"cover": covering} if covering else {}
        journal.write(db, now, "rep.away", rep=entry.id, until=kept, reason=reason, **said)
    log.info("rep.away", due=end)
    covered = covering or entry.cover
    return {
        "rep": entry.id,
        "until": kept if day else local(end, calendar),
        **({"cover": covered} if covered else {}),
    }


def come_back(db: Db, policy: Policy | None, rep: str, now: datetime) -> dict[str, Any]:
    """Whatever leave the rep is on ends now, the policy's too; a later one stands."""
    entry = _entry(policy, rep)
    with db.transaction():
        was = [a for a in away_now(db, policy, now) if a["rep"] == entry.id and a["until"]]
        loads.set_back(db, entry.id, now)
        leads.wake_held(db)
        journal.write(db, now, "rep.back", rep=entry.id)
    log.info("rep.back")
    return {"rep": entry.id, "was_away": bool(was)}


def away_now(db: Db, policy: Policy | None, now: datetime) -> list[dict[str, str]]:
    """Who is away now, for `status`: until when, why, and who covers if anybody does.

    `until` is "" for who is away by the CRM's word of now.
    """
    if policy is None:
        return []
    owners = directory.get_owners(db)
    reps = join_roster(policy, owners, loads.switches(db))
    absent = absent_now(policy, reps, owners)
    switched = {s.rep_id: s for s in loads.switches(db)}
    found = []
    for rep in reps.values():
        here = [o for o in rep.off if o.start <= now < o.end]
        if here:
            off, said = max(here, key=lambda o: o.end), switched.get(rep.id)
            reason = said.reason if said and off.start == said.away_since else ""
            reason = f"out of office in {off.crm}" if off.crm else reason
            cover = off.cover or rep.cover
            covered = {"cover": cover} if cover else {}
            found.append({"rep": rep.id, "until": off.until, "reason": reason, **covered})
        elif rep.id in absent:
            told = f"away in {absent[rep.id]} now"
            found.append({"rep": rep.id, "until": "", "reason": told})
    return found


def _calendar(db: Db, policy: Policy | None, entry: RosterEntry) -> Calendar | None:
    """By whose clock a time without a zone is meant."""
    if policy is None:
        return None
    rep = join_roster(policy, directory.get_owners(db))[entry.id]
    return calendar_of(rep, policy.calendars)


def _entry(policy: Policy | None, rep: str) -> RosterEntry:
    if policy is None:
        raise ConfigError("there is no policy, so nobody is in the roster")
    name = rep.strip().lower()
    if name not in policy.roster:
        guess = nearest(name, policy.roster)
        hint = f"; did you mean {guess}?" if guess else ""
        raise ConfigError(f"{rep!r} is not in the roster{hint}")
    return policy.roster[name]

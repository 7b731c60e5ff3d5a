"""When leads came for which team, and how long the past ones took: what staffing is asked from."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime

from fairlead.store.db import Db

_POOL = re.compile(r"(?:^|\.)team:([^./]+)")


@dataclass(frozen=True, slots=True)
class Arrival:
    """One lead that a team had to answer. `team` None: the rep's own, whichever that is."""

    at: datetime
    team: str | None
    rep_id: str | None
    waits: bool = False
    """Nobody has it yet."""


def arrivals(db: Db, since: datetime) -> list[Arrival]:
    """Each lead once for each team that got it since then, the oldest first.

    The first time it came when the CRM says it was made (when we saw it, if that was later by
    mistake of clocks or it was made before we watched); given on to another team it came then.
    """
    rows = db.rows(
        "SELECT d.crm, d.object, d.lead_id, d.at, d.rep_id, l.created_at, l.first_seen_at,"
        " (SELECT c.team FROM clocks c WHERE c.crm = d.crm AND c.object = d.object"
        "   AND c.lead_id = d.lead_id AND c.decision_id = d.id ORDER BY c.team DESC LIMIT 1) team,"
        " (SELECT g.pool FROM ledger g WHERE g.decision_id = d.id AND g.pool LIKE '%team:%'"
        "   ORDER BY g.seq LIMIT 1) pool,"
        " EXISTS (SELECT 1 FROM decisions b WHERE b.crm = d.crm AND b.object = d.object"
        "   AND b.lead_id = d.lead_id AND b.outcome = 'assign' AND b.at < d.at) given_before"
        " FROM decisions d LEFT JOIN leads l ON l.crm = d.crm AND l.object = d.object"
        " AND l.id = d.lead_id WHERE d.outcome = 'assign' AND d.at >= ? ORDER BY d.at, d.id",
        (since.isoformat(),),
    )
    found: list[Arrival] = []
    known: set[tuple[str, str, str, str | None]] = set()
    for r in rows:
        named = _POOL.search(r["pool"] or "")
        team = r["team"] or (named[1] if named else None)
        key = (r["crm"], r["object"], r["lead_id"], team or r["rep_id"])
        if key in known:
            continue
        known.add(key)
        at = datetime.fromisoformat(r["at"])
        came = at if r["given_before"] else _came(r["created_at"], r["first_seen_at"], at, since)
        found.append(Arrival(came, team, r["rep_id"]))
    waiting = db.rows(
        "SELECT created_at, first_seen_at, waits_for FROM leads WHERE state = 'held'"
        " AND waits_for <> '' AND first_seen_at >= ?",
        (since.isoformat(),),
    )
    for r in waiting:
        teams = [p[5:] for p in json.loads(r["waits_for"]) if p.startswith("team:")]
        seen = datetime.fromisoformat(r["first_seen_at"])
        if teams:
            at = _came(r["created_at"], r["first_seen_at"], seen, since)
            found.append(Arrival(at, teams[0], None, waits=True))
    return sorted(found, key=lambda a: (a.at, a.team or "", a.rep_id or ""))


def watched_since(db: Db) -> datetime | None:
    """From when on new leads were routed: the first start with any CRM."""
    r = db.row("SELECT min(baseline) at FROM connectors")
    return None if r is None or r["at"] is None else datetime.fromisoformat(r["at"])


def lengths(db: Db, since: datetime) -> list[tuple[str | None, int]]:
    """(team, seconds) of the calls and meetings that were answers, where the CRM tells them."""
    rows = db.rows(
        "SELECT team, seconds FROM answers WHERE at >= ? AND kind IN ('call', 'meeting')"
        " AND seconds > 0 GROUP BY proof ORDER BY at",
        (since.isoformat(),),
    )
    return [(r["team"], r["seconds"]) for r in rows]


def taken_until_answered(
    db: Db, since: datetime
) -> list[tuple[str | None, str | None, datetime, datetime]]:
    """(team, rep, accepted, answered) of clocks whose status was moved before the answer came."""
    rows = db.rows(
        "SELECT team, rep_id, accepted_at, ended_at FROM clocks WHERE how = 'answered'"
        " AND accepted_at IS NOT NULL AND ended_at > accepted_at AND ended_at >= ?"
        " ORDER BY ended_at, id",
        (since.isoformat(),),
    )
    return [
        (
            r["team"], r["rep_id"], datetime.fromisoformat(r["accepted_at"]),
            datetime.fromisoformat(r["ended_at"]),
        )
        for r in rows
    ]  # fmt: skip


def _came(created: str | None, seen: str | None, at: datetime, since: datetime) -> datetime:
    first = at if seen is None else datetime.fromisoformat(seen)
    made = first if created is None else datetime.fromisoformat(created)
    return made if since <= made <= first else min(first, at)

"""What reps have already: open leads, and leads received lately; and what was said of their leave.

Read once per page, only for those whose capacity is limited or whose team is balanced by load.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from fairlead.core.leave import Switch
from fairlead.core.load import Summed
from fairlead.store.db import Db


def open_leads(db: Db, people: Iterable[tuple[str, str, str]]) -> dict[str, int]:
    """Open leads by rep id, of (rep id, CRM, owner id); a person in both CRMs counts once.

    Open is a lead that arrived since the first start, is owned by the rep, is neither gone nor
    given up, and for which the policy's `closed_when` does not hold.
    """
    rows = db.rows(
        "SELECT json_extract(asked.value, '$[0]') rep, count(DISTINCT l.person_id) n"
        " FROM json_each(?) asked JOIN leads l INDEXED BY leads_owner"
        " ON l.crm = json_extract(asked.value, '$[1]')"
        " AND l.owner_id = json_extract(asked.value, '$[2]')"
        " WHERE l.state IN ('assigned', 'left') AND NOT l.closed GROUP BY rep",
        (json.dumps([list(p) for p in people]),),
    )
    return {r["rep"]: r["n"] for r in rows}


def open_sums(
    db: Db, people: Iterable[tuple[str, str, str]], names: Sequence[str]
) -> dict[str, dict[str, Summed]]:
    """Number fields summed over the open leads, by rep id and field; exact.

    Of a person in both CRMs the record that was seen first counts. A value is the one the lead had
    when it was last read.
    """
    rows = db.rows(
        "SELECT json_extract(asked.value, '$[0]') rep, l.person_id, l.numbers"
        " FROM json_each(?) asked JOIN leads l INDEXED BY leads_owner"
        " ON l.crm = json_extract(asked.value, '$[1]')"
        " AND l.owner_id = json_extract(asked.value, '$[2]')"
        " WHERE l.state IN ('assigned', 'left') AND NOT l.closed"
        " ORDER BY rep, l.person_id, l.first_seen_at, l.crm, l.object, l.id",
        (json.dumps([list(p) for p in people]),),
    )
    return summed(rows, names)


def summed(rows: Iterable[Any], names: Sequence[str]) -> dict[str, dict[str, Summed]]:
    """Rows of (rep, person, numbers), in order of both, added up; the first of a person counts."""
    found: dict[str, dict[str, Summed]] = {}
    counted: set[tuple[str, str]] = set()
    for r in rows:
        if (r["rep"], r["person_id"]) in counted:
            continue
        counted.add((r["rep"], r["person_id"]))
        numbers = json.loads(r["numbers"] or "{}")
        sums = found.setdefault(r["rep"], dict.fromkeys(names, Summed()))
        for name in names:
            value = numbers.get(name)
            old = sums[name]
            sums[name] = (
                Summed(old.total, old.missing + 1)
                if value is None
                else Summed(old.total + Fraction(value), old.missing)
            )
    return found


def received(db: Db, asked: Iterable[tuple[str, str, datetime]]) -> dict[tuple[str, str], int]:
    """Leads received by (rep id, window), of (rep id, window, since).

    A turn given back does not count, nor a second record of a person whom the rep had already. What
    a rep took out of a claim queue counts, and a part in somebody else's lead as one of a group; a
    turn that was paid without a lead, for one charged before, does not.
    """
    found: dict[tuple[str, str], int] = {}
    windows = json.dumps([[rep, window, since.isoformat()] for rep, window, since in asked])
    for rows in (
        db.rows(
            "SELECT json_extract(asked.value, '$[0]') rep, json_extract(asked.value, '$[1]') span,"
            " count(*) n FROM json_each(?) asked JOIN decisions d"
            " ON d.rep_id = json_extract(asked.value, '$[0]')"
            " AND d.at >= json_extract(asked.value, '$[2]')"
            " WHERE d.outcome = 'assign' AND d.rule <> '' AND NOT d.refunded GROUP BY rep, span",
            (windows,),
        ),
        db.rows(
            "SELECT json_extract(asked.value, '$[0]') rep, json_extract(asked.value, '$[1]') span,"
            " count(*) n FROM json_each(?) asked JOIN ledger l"
            " ON l.rep_id = json_extract(asked.value, '$[0]')"
            " AND l.at >= json_extract(asked.value, '$[2]')"
            " AND l.reason IN ('turn', 'owed', 'claimed')"
            " AND l.delta LIKE '-%' JOIN decisions d ON d.id = l.decision_id"
            " WHERE d.rep_id IS NOT l.rep_id AND NOT EXISTS (SELECT 1 FROM ledger b"
            " WHERE b.decision_id = d.id AND (b.reason = 'refund' OR l.reason = 'turn'"
            " AND b.reason = 'turn' AND b.pool = l.pool AND b.seq > l.seq)) GROUP BY rep, span",
            (windows,),
        ),
    ):
        for r in rows:
            key = (r["rep"], r["span"])
            found[key] = found.get(key, 0) + r["n"]
    return found


def switches(db: Db) -> list[Switch]:
    """What was said last of each rep's leave, by rep id."""
    return [
        Switch(
            r["rep_id"], _when(r["back_since"]), _when(r["away_since"]), r["away_until"],
            r["reason"], r["cover"],
        )
        for r in db.rows("SELECT * FROM rep_switches ORDER BY rep_id")
    ]  # fmt: skip


def set_away(
    db: Db, rep_id: str, since: datetime, until: str, reason: str, cover: str = ""
) -> None:
    """The rep is away from `since` until the day or instant `until`, as `leave.read_moment`."""
    db.execute(
        "INSERT INTO rep_switches (rep_id, away_since, away_until, reason, cover)"
        " VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (rep_id) DO UPDATE SET away_since = excluded.away_since,"
        " away_until = excluded.away_until, reason = excluded.reason, cover = excluded.cover",
        (rep_id, since.isoformat(), until, reason, cover),
    )


def set_back(db: Db, rep_id: str, since: datetime) -> None:
    """The rep is back: every leave that runs at `since` is over."""
    db.execute(
        "INSERT INTO rep_switches (rep_id, back_since) VALUES (?, ?) ON CONFLICT (rep_id) DO"
        " UPDATE SET back_since = excluded.back_since, away_since = NULL, away_until = NULL,"
        " reason = '', cover = ''",
        (rep_id, since.isoformat()),
    )


def waiting(db: Db) -> dict[str, int]:
    """How many people wait for each team, by its name; who waits for several counts for each."""
    rows = db.rows(
        "SELECT substr(place.value, 6) team, count(DISTINCT l.person_id) n"
        " FROM leads l, json_each(l.waits_for) place"
        " WHERE l.state = 'held' AND l.waits_for <> '' AND place.value LIKE 'team:%'"
        " GROUP BY team ORDER BY team"
    )
    return {r["team"]: r["n"] for r in rows}


def peaks(db: Db) -> frozenset[str]:
    """The teams whose peak plan is on."""
    return frozenset(r["team"] for r in db.rows("SELECT team FROM peaks"))


def set_peak(db: Db, team: str, since: datetime | None) -> None:
    """The team's peak plan is on since then; None: off."""
    if since is None:
        db.execute("DELETE FROM peaks WHERE team = ?", (team,))
    else:
        db.execute(
            "INSERT OR IGNORE INTO peaks (team, since) VALUES (?, ?)", (team, since.isoformat())
        )


def _when(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)

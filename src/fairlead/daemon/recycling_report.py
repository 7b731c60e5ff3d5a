"""What is told of rounds: who is recycled until when, what would bring them back, who is at an end.

Used by `commands`; JSON-safe values, instants in ISO 8601 UTC. Reads only.
"""

from __future__ import annotations

from typing import Any

from fairlead.core.policy import Policy
from fairlead.core.recycling_terms import Track
from fairlead.daemon.rounds import member_key
from fairlead.store import journal, outbox, recyclings
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow
from fairlead.store.recyclings import RECYCLED, TERMINAL, Round


def recycling_report(db: Db, policy: Policy | None, limit: int = 50) -> dict[str, Any]:
    """The leads that are out of the reps' hands, and the tracks that the policy has no longer."""
    counts = recyclings.counts(db)
    terms = None if policy is None else policy.recycling
    tracks = set() if terms is None else set(terms.tracks)
    recycled = recyclings.all_open(db, RECYCLED, limit)
    terminal = recyclings.all_open(db, TERMINAL, limit)
    return {
        "recycled": sum(counts[RECYCLED].values()),
        "terminal": sum(counts[TERMINAL].values()),
        "by_reason": counts,
        "max_cycles": None if terms is None else terms.max_cycles,
        "joins_refused": [
            {"crm": crm, "group": group, "leads": n, "reason": why}
            for crm, group, n, why in recyclings.refused_by(db)
        ],
        "tracks_gone": {r: n for r, n in counts[RECYCLED].items() if r not in tracks},
        "leads": [_open(db, r, policy) for r in (*recycled, *terminal)],
    }


def rounds_of(db: Db, row: LeadRow, policy: Policy | None) -> dict[str, Any] | None:
    """The rounds of a lead's person, for `why`; None when there was none."""
    rounds = recyclings.of_person(db, row.person_id)
    if not rounds:
        return None
    now = recyclings.open_of(db, row.ref)
    terms = None if policy is None else policy.recycling
    return {
        "cycles": max((r.cycle for r in rounds if r.kind == RECYCLED), default=0),
        "max_cycles": None if terms is None else terms.max_cycles,
        "now": None if now is None else _open(db, now, policy),
        "rounds": [
            {
                "lead": str(r.ref),
                "kind": r.kind,
                "reason": r.reason,
                "cycle": r.cycle,
                "had_by": r.rep_id or r.owner_id,
                "since": r.since.isoformat(),
                "ended_at": None if r.ended_at is None else r.ended_at.isoformat(),
                "how": r.how,
            }
            for r in rounds
        ],
    }


def _open(db: Db, row: Round, policy: Policy | None) -> dict[str, Any]:
    terms = None if policy is None else policy.recycling
    track = None if terms is None else terms.tracks.get(row.reason)
    again = None if track is None else track.reenter_when
    return {
        "lead": str(row.ref),
        "kind": row.kind,
        "reason": row.reason,
        "cycle": row.cycle,
        "since": row.since.isoformat(),
        "had_by": row.rep_id or row.owner_id,
        "not_before": None if row.cool_until is None else row.cool_until.isoformat(),
        "comes_back": None if row.due_at is None else row.due_at.isoformat(),
        "why_then": row.due_why,
        "or_when": None if again is None else " ".join(again.text.split()),
        "waits_for_date": _lacks_date(row, track),
        "waits": row.waits,
        "next_look": None if row.look_at is None else row.look_at.isoformat(),
        "join": _join(db, row),
        "track_gone": row.kind == RECYCLED and track is None,
    }


def _join(db: Db, row: Round) -> dict[str, Any] | None:
    """What has become of putting the lead into its campaign or list; None where it has none.

    `state` is that of the write: only what is `done` was taken by the CRM.
    """
    if row.member_of is None or row.kind != RECYCLED:
        return None
    key = member_key(row.id, row.ref, row.member_of, member=True)
    write = outbox.get(db, key)
    return {
        "group": row.member_of,
        "state": None if write is None else write.state.value,
        "reason": "" if write is None else write.detail,
        "dead_letter": journal.dead_letter_of_effect(db, key),
    }


def _lacks_date(row: Round, track: Track | None) -> str | None:
    """The field whose date would bring it back, while it has none."""
    return track.until if track is not None and row.due_at is None else None

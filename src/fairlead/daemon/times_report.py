"""What is told of times: the seven of a lead and of each assignment, and how long their steps take.

Used by `commands`; JSON-safe values, instants in ISO 8601 UTC, lengths in seconds. Reads only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from fairlead.core.types import Ref
from fairlead.store import cadences, times
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow
from fairlead.store.times import TimesRow

TIMES = (
    "captured", "eligible", "decided", "assigned", "notified", "accepted", "first_response",
)  # fmt: skip
"""In the order in which they come; kept apart, since each can be late for reasons of its own."""


def _instants(row: TimesRow) -> tuple[datetime | None, ...]:
    return (
        row.captured_at, row.eligible_at, row.decided_at, row.assigned_at, row.notified_at,
        row.accepted_at, row.responded_at,
    )  # fmt: skip


def times_of(db: Db, row: LeadRow) -> dict[str, str | None]:
    """The seven times of a lead; of its latest assignment where there were several.

    Captured: created in the CRM. Eligible: first taken as ours to route. Decided: by us. Assigned:
    the owner was seen in the CRM. Notified: the owner's task was there. Accepted: the status was
    moved, or the lead answered. First response: the evidence that stopped a clock.
    """
    found = times.get(db, row.ref, row.decision_id)
    if found is not None:
        return _named(_instants(found))
    eligible = times.first_eligible(db, row.ref)
    return _named((row.created_at, eligible, *[None] * 5))


def _named(instants: Iterable[datetime | None]) -> dict[str, str | None]:
    told = (None if at is None else at.isoformat() for at in instants)
    return dict(zip(TIMES, told, strict=True))


def assignments_of(db: Db, ref: Ref) -> list[dict[str, Any]]:
    """Each assignment a record has had: its times, the decision's result and the write's."""
    return [
        {
            "decision": t.decision_id,
            "rule": t.rule or None,
            "team": t.team,
            "rep": t.rep_id,
            "owner_id": t.owner_id,
            "decision_result": t.result,
            "write_result": t.wrote,
            "times": _named(_instants(t)),
            "proof": t.proof or None,
        }
        for t in times.of_lead(db, ref)
    ]


def cadences_of(db: Db, ref: Ref) -> list[dict[str, Any]]:
    """The follow-up cadences a lead has had: how far each is, and when it is looked at next."""
    return [
        {
            "cadence": c.name,
            "owner": c.rep_id or c.owner_id,
            "since": None if c.since is None else c.since.isoformat(),
            "made": c.made,
            "made_at": None if c.made_at is None else c.made_at.isoformat(),
            "next_look": None if c.look_at is None else c.look_at.isoformat(),
            "state": c.how,
            "ended_at": None if c.ended_at is None else c.ended_at.isoformat(),
        }
        for c in cadences.of_lead(db, ref)
    ]


STEPS: dict[str, Callable[[TimesRow], tuple[datetime | None, datetime | None]]] = {
    "captured_to_decided": lambda t: (t.captured_at, t.decided_at),
    "decided_to_assigned": lambda t: (t.decided_at, t.assigned_at),
    "assigned_to_accepted": lambda t: (t.assigned_at, t.accepted_at),
    "speed_to_lead": lambda t: (t.captured_at, t.responded_at),
}
"""From one time to a later one; speed to lead is from captured to the first response."""
OF_THE_LEAD = ("captured_to_decided", "speed_to_lead")
"""Counted once for a lead: of its first assignment, of its first response."""


def times_report(db: Db, since: datetime, now: datetime) -> dict[str, Any]:
    """How long each step took, over the assignments decided since then: in all, and by rule, team
    and rep; the median and the value that 90 % do not exceed, in seconds."""
    rows = times.since(db, since)
    once = _once(rows, times.before(db, since))
    groups: dict[str, Callable[[TimesRow], str | None]] = {
        "rules": lambda t: t.rule or None,
        "teams": lambda t: t.team,
        "reps": lambda t: t.rep_id,
    }
    answer: dict[str, Any] = {
        "since": since.isoformat(),
        "until": now.isoformat(),
        "assignments": len(rows),
        "all": _steps(rows, once),
    }
    for name, key in groups.items():
        by: dict[str, list[TimesRow]] = {}
        for row in rows:
            found = key(row)
            if found is not None:
                by.setdefault(found, []).append(row)
        answer[name] = {k: _steps(by[k], once) for k in sorted(by)}
    return answer


def _once(rows: Sequence[TimesRow], before: Sequence[TimesRow]) -> dict[str, set[str]]:
    """By each step that a lead has once the decisions of which it is told, whatever the group."""
    told: dict[str, set[str]] = {}
    for name in OF_THE_LEAD:
        seen = {row.ref for row in before if None not in STEPS[name](row)}
        told[name] = set()
        for row in rows:
            if None not in STEPS[name](row) and row.ref not in seen:
                seen.add(row.ref)
                told[name].add(f"{row.ref} {row.decision_id}")
    return told


def _steps(rows: Sequence[TimesRow], once: Mapping[str, set[str]]) -> dict[str, Any]:
    told = {}
    for name, ends in STEPS.items():
        lengths = []
        for row in rows:
            start, end = ends(row)
            if start is None or end is None:
                continue
            if name in OF_THE_LEAD and f"{row.ref} {row.decision_id}" not in once[name]:
                continue
            lengths.append(max(0.0, (end - start).total_seconds()))
        told[name] = _shares(sorted(lengths))
    return told


def _shares(lengths: Sequence[float]) -> dict[str, Any]:
    """The smallest value that half, and that nine of ten, do not exceed."""

    def at(tenths: int) -> float | None:
        return lengths[-(-len(lengths) * tenths // 10) - 1] if lengths else None

    return {"count": len(lengths), "median": at(5), "p90": at(9)}

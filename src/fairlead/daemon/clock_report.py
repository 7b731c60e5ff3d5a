"""What is told of clocks: those that run and what comes next.

Used by `commands`; JSON-safe values, instants in ISO 8601 UTC. Reads only.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from fairlead.core.policy import Policy
from fairlead.core.sla_terms import DUE, short, told
from fairlead.core.types import Ref
from fairlead.errors import ConfigError
from fairlead.store import clocks, directory
from fairlead.store.clocks import ClockRow, StepRow
from fairlead.store.db import Db

MOST_HOURS = 168


def sla_report(
    db: Db, policy: Policy | None, now: datetime, hours: int = 8, limit: int = 50
) -> dict[str, Any]:
    """The running clocks, the next to come first, and how many are due in each coming hour.

    The forecast is what is over if nobody answers until then. Raises ConfigError for odd `hours`.
    """
    if not 1 <= hours <= MOST_HOURS:
        raise ConfigError(f"--hours is from 1 to {MOST_HOURS}")
    found = [(c, clocks.steps_of(db, c.id)) for c in clocks.running(db)]
    names = {(o.crm, o.id): o.email or o.name for o in directory.get_owners(db)}
    rows = sorted(
        (_running(c, steps, policy, names) for c, steps in found),
        key=lambda r: (r["next_at"] is None, r["next_at"] or "", r["lead"]),
    )
    coming = [(c, d) for c, steps in found if (d := _due(c, steps)) is not None]
    forecast = []
    for n in range(1, hours + 1):
        start, end = now + timedelta(hours=n - 1), now + timedelta(hours=n)
        here = [c for c, at in coming if (at < end if n == 1 else start <= at < end)]
        by = Counter(c.rep_id or names.get((c.ref.crm, c.owner_id), c.owner_id) for c in here)
        forecast.append(
            {"until": end.isoformat(), "due": len(here), "by": dict(sorted(by.items()))}
        )
    return {
        "at": now.isoformat(),
        "running": sum(c.paused_since is None and c.after is None for c, _ in found),
        "paused": sum(c.paused_since is not None and c.after is None for c, _ in found),
        "over": sum(_over(steps) and c.after is None for c, steps in found),
        "rest": sum(c.after is not None for c, _ in found),
        "clocks": rows[:limit],
        "more": max(0, len(rows) - limit),
        "forecast": forecast,
        "promises": [] if policy is None else _promises(policy, now),
    }


def _promises(policy: Policy, now: datetime) -> list[dict[str, Any]]:
    """What each SLA promises today, by UTC's day, and from which day on something shorter."""
    return [
        {
            "sla": sla.name,
            "respond_within": short(sla.on(now.date()).respond_within),
            "tighter": [
                {"from": t.begins.isoformat(), "respond_within": short(t.respond_within)}
                for t in sla.tighter
                if t.begins > now.date()
            ],
        }
        for sla in policy.slas.values()
    ]


def _running(
    clock: ClockRow, steps: list[StepRow], policy: Policy | None, names: dict[Any, str]
) -> dict[str, Any]:
    coming = [s for s in steps if s.fired_at is None and s.due_at is not None]
    first = min(coming, key=lambda s: (s.due_at or clock.since, s.number), default=None)
    due = next((s.due_at for s in steps if s.step == DUE), None)
    return {
        "lead": str(clock.ref),
        "sla": clock.sla,
        "owner": clock.rep_id or names.get((clock.ref.crm, clock.owner_id), clock.owner_id),
        "since": clock.since.isoformat(),
        "due": None if due is None else due.isoformat(),
        "state": "paused" if clock.paused_since else "over" if _over(steps) else "running",
        "rest_of_path": clock.after is not None,
        "next": None if first is None else first.step,
        "next_does": None if first is None else _does(clock.sla, first.step, policy),
        "next_at": None if first is None or first.due_at is None else first.due_at.isoformat(),
    }


def _does(sla: str, step: str, policy: Policy | None) -> str:
    found = None if policy is None else policy.slas.get(sla)
    stage = None if found is None else found.stage(step)
    return step if stage is None else told(stage.act)


def _due(clock: ClockRow, steps: list[StepRow]) -> datetime | None:
    """When the time of a clock will be over; None when it is, or stands."""
    return next((s.due_at for s in steps if s.step == DUE and s.fired_at is None), None)


def _over(steps: list[StepRow]) -> bool:
    return any(s.step == DUE and s.fired_at is not None for s in steps)


def clocks_of(db: Db, ref: Ref, policy: Policy | None) -> list[dict[str, Any]]:
    """The clocks a lead has had, with each step: when it is due, when it fired."""
    return [
        {
            "sla": c.sla,
            "owner": c.rep_id or c.owner_id,
            "since": c.since.isoformat(),
            "state": "paused" if c.paused_since and c.ended_at is None else c.how,
            "late": c.late,
            "rest_of_path": c.after is not None,
            "ended_at": None if c.ended_at is None else c.ended_at.isoformat(),
            "paused": [[a.isoformat(), b.isoformat()] for a, b in c.pauses],
            "steps": [
                {
                    "step": s.step,
                    "does": _does(c.sla, s.step, policy),
                    "due": None if s.due_at is None else s.due_at.isoformat(),
                    "fired": None if s.fired_at is None else s.fired_at.isoformat(),
                }
                for s in clocks.steps_of(db, c.id)
            ],
        }
        for c in clocks.of_lead(db, ref)
    ]

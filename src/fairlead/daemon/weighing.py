"""Weights that follow results: shown before they apply, applied by order or on schedule.

`commands` shows and applies; `app` ticks. What is in force is kept in the store, and is part of the
roster that decisions are stored with.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fairlead.core.carets import nearest
from fairlead.core.performance import Evidence, weigh
from fairlead.core.policy import Policy, RosterEntry, Team, Weighing
from fairlead.core.pools import gives, rotation_of
from fairlead.errors import ConfigError
from fairlead.store import decisions, journal, weights
from fairlead.store.db import Db
from fairlead.telemetry import get_logger

log = get_logger()


def show_weights(db: Db, policy: Policy | None, now: datetime) -> list[dict[str, Any]]:
    """For each team that measures: the evidence, the weights in force and the next ones."""
    return [_shown(db, policy, team, team.weights, now) for team in _measured(policy)
            if policy is not None and team.weights is not None]  # fmt: skip


def apply_weights(
    db: Db, policy: Policy | None, team: str | None, now: datetime
) -> list[dict[str, Any]]:
    """Put the next weights in force, of one team or all; what they were. Raises ConfigError."""
    chosen = [t for t in _measured(policy) if team is None or t.name == team]
    if not chosen:
        names = [t.name for t in _measured(policy)]
        hint = f"; did you mean {found}?" if (found := nearest(team or "", names)) else ""
        what = f"team {team!r} has no 'weights'" if team else "no team has 'weights'"
        raise ConfigError(f"{what} in the policy{hint}")
    with db.transaction():
        return [_apply(db, policy, t, now) for t in chosen if policy is not None]


def apply_due(db: Db, policy: Policy, now: datetime) -> int:
    """Put in force what the schedule says is due; how many teams. Idempotent within a period.

    The first time is one period after a team was first seen to measure.
    """
    done = 0
    for team in _measured(policy):
        terms = team.weights
        if terms is None:
            continue
        with db.transaction():
            last = _last(db, team)
            if last is None:
                journal.set_switch(db, _mark(team), now.isoformat())
            elif terms.apply and now - last >= terms.every:
                _apply(db, policy, team, now)
                done += 1
    return done


def _measured(policy: Policy | None) -> list[Team]:
    teams = policy.teams.values() if policy else ()
    return [t for t in teams if t.weights is not None]


def _shown(db: Db, policy: Policy, team: Team, terms: Weighing, now: datetime) -> dict[str, Any]:
    last = _last(db, team)
    due = None if last is None or not terms.apply else (last + terms.every).isoformat()
    return {
        "team": team.name,
        "since": (now - terms.over).isoformat(),
        "applies": due,
        "by_schedule": terms.apply,
        "applied": False,
        "reps": [_line(e, policy.roster[e.rep]) for e in _evidence(db, team, terms, now)],
    }


def _line(e: Evidence, entry: RosterEntry) -> dict[str, Any]:
    return {
        "rep": e.rep,
        "given": e.given,
        "won": e.won,
        "rate": str(e.rate),
        "roster": str(entry.weight),
        "now": str(entry.weight * e.now),
        "next": str(entry.weight * e.next),
    }


def _evidence(db: Db, team: Team, terms: Weighing, now: datetime) -> tuple[Evidence, ...]:
    pools = sorted({rotation_of(p) for p in decisions.balances(db)})
    own = [p for p in pools if gives(team, p)]
    results = weights.results(db, own, now - terms.over)
    return weigh(team.members, results, weights.factors(db).get(team.name, {}), terms)


def _apply(db: Db, policy: Policy, team: Team, now: datetime) -> dict[str, Any]:
    assert team.weights is not None
    shown = _shown(db, policy, team, team.weights, now)
    found = _evidence(db, team, team.weights, now)
    weights.put_factors(db, team.name, {e.rep: e.next for e in found}, now)
    journal.set_switch(db, _mark(team), now.isoformat())
    changed = {e.rep: [str(e.now), str(e.next)] for e in found if e.now != e.next}
    journal.write(db, now, "weights.changed", team=team.name, factors=changed)
    log.info("weights.changed", pool=team.name, count=len(changed))
    return {**shown, "applied": True}


def _last(db: Db, team: Team) -> datetime | None:
    at = journal.get_switch(db, _mark(team))
    return None if at is None else datetime.fromisoformat(at)


def _mark(team: Team) -> str:
    return f"weights:{team.name}"

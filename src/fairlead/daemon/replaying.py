"""`replay --policy`: a period of stored decisions, taken again by a candidate policy.

Between the store's history and the pure fold in `core.replay`. Only reads; meant for a copy of the
state, since a month may take a minute.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from fairlead.core.decision import World
from fairlead.core.distribute import balanced_by_load
from fairlead.core.leave import Switch
from fairlead.core.policy import Policy
from fairlead.core.policy_file import load_policy
from fairlead.core.replay import Compared, Kind, Outcome, Replay
from fairlead.core.replay_events import Credited, Ended, Event, Given, Look, Stored, TakenBack
from fairlead.core.roster import join_roster
from fairlead.core.snapshot import freeze_roster, thaw_inputs
from fairlead.core.types import NO_LIMITS, Ref
from fairlead.daemon.ingest import ODD_DATA
from fairlead.errors import ConfigError
from fairlead.store import decisions, history
from fairlead.store.db import Db
from fairlead.store.decisions import DecisionRow

LONGEST_WINDOW = timedelta(days=9)
"""A week by any clock, and the hours by which zones differ."""
_NOBODY = freeze_roster(World({}, {}, {}))


def replay_period(
    db: Db,
    candidate: Policy,
    since: datetime,
    until: datetime,
    progress: Callable[[int, int], None] = lambda done, all: None,
) -> dict[str, Any]:
    """Who would have got what from `since` to `until` (not in it), as JSON-safe values.

    Compared is with the policy that took the last decision of the period, replayed the same way.
    `progress` is told how many decisions of how many are done. Raises ConfigError when the period
    has no decision.
    """
    looks = history.taken(db, since, until)
    if not looks:
        raise ConfigError(f"no decision was taken from {since:%Y-%m-%d %H:%M}Z on")
    last = next(history.rows_of(db, [looks[-1].id]))
    active = load_policy(*decisions.get_policy(db, last.policy_hash))
    people = _People(db)
    first = next(history.rows_of(db, [looks[0].id]))
    run = Replay(
        active,
        candidate,
        history.balances_at(db, since),
        history.received_before(db, since - LONGEST_WINDOW, since),
        _open_before(db, since, active, candidate, people.of(first)),
    )
    lost: dict[str, str] = {}
    policies: dict[str, int] = {}
    done = 0
    for event in _events(db, looks, since, until, people, lost):
        if isinstance(event, Look):
            policies[event.stored.policy_hash] = policies.get(event.stored.policy_hash, 0) + 1
            done += 1
            if done % 100 == 0:
                progress(done, len(looks))
        run.take(event)
    run.end(until)
    progress(len(looks), len(looks))
    return {
        "since": since.isoformat(),
        "until": until.isoformat(),
        "policy": active.hash,
        "candidate": candidate.hash,
        "decisions": len(looks),
        "policies": policies,
        **_told(run.outcome()),
        "not_replayed": lost,
        "fields_not_stored": _new_fields(active, candidate),
    }


class _People:
    """Users, queues and reps by roster hash; each roster is thawed once."""

    def __init__(self, db: Db) -> None:
        self.db = db
        self._known: dict[str, World] = {}
        self._balanced: dict[str, frozenset[str]] = {}

    def of(self, row: DecisionRow) -> World:
        if row.roster_hash not in self._known:
            roster = decisions.get_roster(self.db, row.roster_hash)
            self._known[row.roster_hash] = thaw_inputs(row.inputs, roster)[1]
        return self._known[row.roster_hash]

    def balanced(self, row: DecisionRow) -> frozenset[str]:
        """The reps whose open leads were counted because their team is balanced by load."""
        if row.policy_hash not in self._balanced:
            policy = load_policy(*decisions.get_policy(self.db, row.policy_hash))
            self._balanced[row.policy_hash] = balanced_by_load(policy)[0]
        return self._balanced[row.policy_hash]


def _events(
    db: Db,
    looks: Sequence[history.Taken],
    since: datetime,
    until: datetime,
    people: _People,
    lost: dict[str, str],
) -> Iterator[Event]:
    """Decisions and what became of them, in the order in which they happened."""
    beside = (((h.at, h.seq, 1), _what(h)) for h in history.happened(db, since, until))
    told = _looks(db, looks, until, people, lost)
    for _, event in heapq.merge(told, beside, key=lambda pair: pair[0]):
        yield event


def _what(h: history.Happened) -> Event:
    if h.event == history.CREDITED:
        return Credited(h.at, h.ref, h.generation)
    if h.event == history.REFUNDED:
        return TakenBack(h.at, h.ref, h.rep, h.generation)
    return Ended(h.at, h.ref)


def _looks(
    db: Db,
    looks: Sequence[history.Taken],
    until: datetime,
    people: _People,
    lost: dict[str, str],
) -> Iterator[tuple[tuple[datetime, int, int], Event]]:
    switches = _Switches(history.said_of_leave(db, until))
    coming: dict[tuple[Ref, int], datetime] = {}
    next_at: dict[str, datetime] = {}
    for t in reversed(looks):
        if (t.ref, t.generation) in coming:
            next_at[t.id] = coming[t.ref, t.generation]
        coming[t.ref, t.generation] = t.at
    for t, row in zip(looks, history.rows_of(db, [t.id for t in looks]), strict=True):
        try:
            world = people.of(row)
            case, then = thaw_inputs(row.inputs, _NOBODY)
        except KeyError:
            lost[row.id] = "its roster is not in this state file"
            continue
        except ODD_DATA:
            lost[row.id] = "its inputs are of a form that this version cannot read"
            continue
        balanced = people.balanced(row)
        counted = {
            rep: load.open
            for rep, load in then.loads.items()
            if world.reps[rep].capacity.open is not None or rep in balanced
        }
        stored = Stored(row.id, row.policy_hash, row.outcome, row.rule, row.rep_id, row.owner_id)
        yield (
            (row.at, t.seq, 0),
            Look(
                row.at, case, row.roster_hash, world.owners, switches.before(row.at, t.seq),
                then.time_data, counted, stored, next_at.get(row.id), world.reps, then.absent,
                then.waiting, then.peaks,
            ),
        )  # fmt: skip


class _Switches:
    """What had been said of leave from the command line, at moments that only come later."""

    def __init__(self, said: Sequence[history.Said]) -> None:
        self._coming = list(reversed(said))
        self._now: dict[str, Switch] = {}

    def before(self, at: datetime, seq: int) -> tuple[Switch, ...]:
        while self._coming and (self._coming[-1].at, self._coming[-1].seq) < (at, seq):
            said = self._coming.pop()
            rep = str(said.detail["rep"])
            now = Switch(rep, said.at, None, None, "")
            if said.event == "rep.away":
                before = self._now.get(rep)
                now = Switch(
                    rep,
                    None if before is None else before.back_since,
                    said.at,
                    str(said.detail["until"]).replace("+00:00", "Z"),
                    str(said.detail.get("reason") or ""),
                    str(said.detail.get("cover") or ""),
                )
            self._now[rep] = now
        return tuple(self._now[rep] for rep in sorted(self._now))


def _open_before(
    db: Db, since: datetime, active: Policy, candidate: Policy, world: World
) -> dict[str, int]:
    """Leads from before that are open until now, by rep: for those whose loads nobody counted."""
    limited = any(r.capacity != NO_LIMITS for r in candidate.roster.values())
    if not limited and not balanced_by_load(candidate)[0]:
        return {}
    whose: dict[tuple[str, str], str] = {}
    for policy in (active, candidate):
        for rep in join_roster(policy, world.owners.values()).values():
            whose.update({(crm, owner): rep.id for crm, owner in rep.crm_ids.items()})
    found: dict[str, int] = {}
    for crm, owner, count in history.open_since_before(db, since):
        name = whose.get((crm, owner))
        if name is not None:
            found[name] = found.get(name, 0) + count
    return found


def _new_fields(active: Policy, candidate: Policy) -> list[str]:
    """Fields of the candidate that were not read then, or from elsewhere: they are missing."""
    return sorted(n for n, spec in candidate.fields.items() if active.fields.get(n) != spec)


def _told(found: Outcome) -> dict[str, Any]:
    changed = [c for c in found.leads if c.kind is not Kind.SAME]
    return {
        "leads": len(found.leads),
        **{kind.value: found.count(kind) for kind in Kind},
        "reproduced": found.reproduced,
        "checked": found.checked,
        "not_reproduced": list(found.not_reproduced),
        "fresh_pools": list(found.fresh_pools),
        "uncounted": list(found.uncounted),
        "reps": {n: {"was": a, "would": b} for n, (a, b) in found.by_rep().items()},
        "rules": {n: {"was": a, "would": b} for n, (a, b) in found.by_rule().items()},
        "ends": {n: {"was": a, "would": b} for n, (a, b) in found.by_end().items()},
        "changed": [_change(c) for c in changed],
    }


def _change(c: Compared) -> dict[str, Any]:
    return {
        "lead": str(c.ref),
        "generation": c.generation,
        "decision": c.decision_id,
        "kind": c.kind.value,
        "was": _side(c.was),
        "would": _side(c.would),
    }


def _side(g: Given) -> dict[str, Any]:
    return {
        "state": g.state.value,
        "rule": g.rule,
        "place": g.place,
        "rep": g.rep_id,
        "owner": g.owner_id,
        "at": g.at.isoformat(),
        "reason": g.reason,
    }

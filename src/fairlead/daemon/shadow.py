"""Shadow: a second policy takes every real decision, too, with a ledger of its own, and only tells.

Called by `routing` once a decision is stored, inside its transaction. Nothing here makes an effect,
and nothing that goes wrong here reaches the real decision: it is undone, counted, and said once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from fairlead.clock import Clock
from fairlead.core.decide import decide
from fairlead.core.decision import Case, Decision, LedgerEntry, OutcomeKind, World
from fairlead.core.fairness import after
from fairlead.core.load import Summed
from fairlead.core.policy import Policy
from fairlead.core.replay import kind_of
from fairlead.core.replay_events import Given, asks_again, fitting, given, still_refused
from fairlead.core.roster import join_roster
from fairlead.core.snapshot import thaw_inputs
from fairlead.core.turns import CREDIT, REFUND, given_back
from fairlead.core.types import LeadState, Rep
from fairlead.daemon.active_policy import ActivePolicy, read_policy
from fairlead.daemon.capacity import count_loads
from fairlead.daemon.ingest import ODD_DATA
from fairlead.daemon.routing import Router
from fairlead.daemon.snapshots import Snapshot
from fairlead.daemon.waiting import HELD_RETRY
from fairlead.errors import FairleadError, RetryLater
from fairlead.metrics import Metrics
from fairlead.store import decisions, loads, shadow, weights
from fairlead.store.db import Db
from fairlead.store.shadow import Answer, ShadowRow
from fairlead.telemetry import error_fields, get_logger

log = get_logger()

PER_DECISION = 0.02
"""Seconds that the shadow may take for each real decision, on the average."""
SAVED = 2.0
"""Seconds it may save up for a burst."""
RELEASED_AT_ONCE = 20
_STATES = {
    OutcomeKind.ASSIGN: LeadState.ASSIGNED,
    OutcomeKind.HOLD: LeadState.HELD,
    OutcomeKind.LEAVE: LeadState.LEFT,
}


class Shadow:
    """The second policy, if there is one; `path` None: there is none."""

    def __init__(self, db: Db, path: Path | None, clock: Clock, metrics: Metrics) -> None:
        self.db = db
        self.path = path
        self.clock = clock
        self.metrics = metrics
        self.policy: Policy | None = None
        self.refused: str | None = None
        """Why the file is not used as it is now."""
        self._named: tuple[Path, ...] = ()
        self._mark: tuple[tuple[str, int, int], ...] | None = None
        self._failing = False
        self._budget = SAVED
        self._people: tuple[object, Mapping[str, Rep]] | None = None

    def on(self, router: Router) -> Router:
        """This router, telling the shadow of what it decides."""
        router.beside = self
        return router

    def look(self) -> None:
        """Read the file if it has changed; a bad one is said once, and the last good one stays."""
        if self.path is None:
            return
        mark = tuple(_stat(p) for p in (self.path, *self._named))
        if mark == self._mark:
            return
        self._mark = mark
        try:
            active = read_policy(self.path)
            self._named = tuple(self.path.parent / n for n in active.files if n != active.main)
            self._mark = (mark[0], *(_stat(p) for p in self._named))
            self._start(active)
            self.refused = None
        except (FairleadError, *ODD_DATA) as e:
            self._mark = None  # which file is at fault is not known: all are read again
            if str(e) != self.refused:
                self.refused = str(e)
                log.warning("shadow.rejected", **error_fields(e))

    def _start(self, active: ActivePolicy) -> None:
        new = active.policy
        if self.policy is not None and self.policy.hash == new.hash:
            return
        with self.db.transaction():
            now = self.clock.now()
            decisions.keep_policy(self.db, new.hash, active.files, active.main, now)
            shadow.begin(self.db, new.hash, now)
            self._people, self._failing, self.policy = None, False, new
        log.info("shadow.activated", policy_hash=new.hash[:12])

    # -- beside each decision ---------------------------------------------------------------

    def take(
        self, case: Case, decision: Decision, decision_id: str, snap: Snapshot, now: datetime
    ) -> None:
        """Take the same decision; call before the real one is charged. Raises what the disk does"""
        policy = self.policy
        if policy is None:
            return
        self._budget = min(SAVED, self._budget + PER_DECISION)
        if self._budget <= 0:
            self.metrics.shadow_decisions_total.labels(outcome="skipped").inc()
            return
        begun = self.clock.monotonic()
        try:
            with self.db.savepoint():
                kind = self._take(policy, case, decision, decision_id, snap, now)
        except RetryLater:
            raise
        except (FairleadError, *ODD_DATA, *shadow.BROKEN) as e:
            kind = "failed"
            if not self._failing:
                self._failing = True
                log.warning("shadow.failed", decision=decision_id, **error_fields(e))
        spent = self.clock.monotonic() - begun
        self._budget -= spent
        self.metrics.shadow_decisions_total.labels(outcome=kind).inc()
        self.metrics.shadow_seconds_total.inc(spent)

    def _take(
        self,
        policy: Policy,
        case: Case,
        decision: Decision,
        decision_id: str,
        snap: Snapshot,
        now: datetime,
    ) -> str:
        ref, generation = case.lead.ref, case.generation
        before = shadow.get(self.db, policy.hash, ref, generation)
        was = given(decision, now)
        if before is not None and _stands(before, case):
            kind = kind_of(was, _given(before.would, before.at), direct=before.direct)
            row = replace(
                before, decision_id=decision_id, was=_answer(was), kind=kind.value,
                back=shadow.KEPT,
            )  # fmt: skip
            shadow.put(self.db, row)
            return kind.value
        self._give_back(policy)
        self._release(policy, snap, now)
        here = fitting(self._as_here(policy, case), policy)
        world = self._world(policy, snap, now)
        would = decide(here, world, policy, now)
        found = given(would, now)
        direct = before is not None and before.direct
        if found.where != was.where:
            counted = {**world.loads, **snap.world.loads}
            real = replace(world, balances=snap.world.balances, loads=counted)
            alone = decide(fitting(case, policy), real, policy, now)
            direct = direct or given(alone, now).where != was.where
        kind = kind_of(was, found, direct=direct)
        self._put(policy, case, would, decision_id, was, direct, now)
        return kind.value

    def _put(
        self,
        policy: Policy,
        case: Case,
        would: Decision,
        decision_id: str,
        was: Given,
        direct: bool,
        now: datetime,
    ) -> None:
        found = given(would, now)
        retry_at = None
        if would.outcome is OutcomeKind.HOLD:
            soon = now + HELD_RETRY
            retry_at = soon if would.retry_at is None else max(soon, would.retry_at)
        self._charge(policy, would.ledger)
        shadow.put(
            self.db,
            ShadowRow(
                policy.hash, case.lead.ref, case.generation, decision_id, now, _answer(was),
                _answer(found), would.reason, kind_of(was, found, direct=direct).value, direct,
                retry_at, would.ledger,
            ),
        )  # fmt: skip

    def _release(self, policy: Policy, snap: Snapshot, now: datetime) -> None:
        """Look again at what the shadow holds and is due, as it was when it came."""
        for row in shadow.due(self.db, policy.hash, now, RELEASED_AT_ONCE):
            kept = decisions.get_decision(self.db, row.decision_id)
            if kept is None:
                continue
            case, _ = thaw_inputs(kept.inputs, decisions.get_roster(self.db, kept.roster_hash))
            case = still_refused(case, kept.at, now)
            case = fitting(self._as_here(policy, case), policy)
            would = decide(case, self._world(policy, snap, now), policy, now)
            was = _given(row.was, row.at)
            self._put(policy, case, would, row.decision_id, was, row.direct, now)

    def _give_back(self, policy: Policy) -> None:
        for row in shadow.to_give_back(self.db, policy.hash):
            credited, unable = row.back == shadow.TO_CREDIT, row.back == shadow.TO_UNDO
            reason = CREDIT if credited else REFUND
            rep = row.would.rep_id or ""
            self._charge(policy, given_back(row.ledger, rep, reason, unable=unable))
            done = shadow.CREDITED if credited else shadow.GIVEN_BACK
            shadow.put(self.db, replace(row, ledger=(), back=done))

    def _charge(self, policy: Policy, entries: Sequence[LedgerEntry]) -> None:
        known = shadow.balances(self.db, policy.hash) if entries else {}
        for pool in {e.pool for e in entries}:
            moved = after(known.get(pool, {}), [e for e in entries if e.pool == pool])
            shadow.put_balances(self.db, policy.hash, pool, moved)

    # -- the world as the shadow has it -----------------------------------------------------

    def _world(self, policy: Policy, snap: Snapshot, now: datetime) -> World:
        reps = self._reps(policy, snap)
        return replace(
            snap.world,
            reps=reps,
            balances=shadow.balances(self.db, policy.hash),
            loads=count_loads(ShadowBook(self.db, policy.hash), policy, reps, now),
        )

    def _reps(self, policy: Policy, snap: Snapshot) -> Mapping[str, Rep]:
        mark = (policy.hash, snap.roster_hash)
        if self._people is None or self._people[0] != mark:
            found = join_roster(
                policy, snap.world.owners.values(), loads.switches(self.db),
                weights.factors(self.db),
            )  # fmt: skip
            self._people = (mark, found)
        return self._people[1]

    def _as_here(self, policy: Policy, case: Case) -> Case:
        """The case with the owners that duplicates have in the shadow."""
        known = []
        for k in case.match.known:
            row = shadow.latest_of(self.db, policy.hash, k.ref)
            if row is not None and k.owner_id == row.was.owner_id:
                would = row.would
                k = replace(k, owner_id=would.owner_id, rep_id=would.rep_id, decided_at=row.at)
            known.append(k)
        return replace(case, match=replace(case.match, known=tuple(known)))


@dataclass(frozen=True, slots=True)
class ShadowBook:
    """What reps would have under the shadow of this policy."""

    db: Db
    policy_hash: str

    def open_leads(self, people: Sequence[tuple[str, str, str]]) -> Mapping[str, int]:
        return shadow.open_leads(self.db, self.policy_hash, people)

    def received(self, asked: Sequence[tuple[str, str, datetime]]) -> Mapping[tuple[str, str], int]:
        return shadow.received(self.db, self.policy_hash, asked)

    def open_sums(
        self, people: Sequence[tuple[str, str, str]], names: Sequence[str]
    ) -> Mapping[str, Mapping[str, Summed]]:
        return shadow.open_sums(self.db, self.policy_hash, people, names)


def _stands(before: ShadowRow, case: Case) -> bool:
    """Whether what the shadow said of the lead holds, though it was really decided once more."""
    if asks_again(_given(before.would, before.at), case):
        return False
    return before.back in (shadow.KEPT, shadow.CREDITED) or bool(case.excluded)


def _stat(path: Path) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), found.st_mtime_ns, found.st_size


def _answer(g: Given) -> Answer:
    return Answer(g.outcome.value, g.rule, g.place, g.rep_id, g.owner_id)


def _given(a: Answer, at: datetime) -> Given:
    outcome = OutcomeKind(a.outcome)
    return Given(outcome, _STATES[outcome], a.rule, a.place, a.rep_id, a.owner_id, "", at)

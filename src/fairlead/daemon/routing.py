"""One record in, one state out: the step between a connector's page and the store.

Stands between `ingest` (which brings records and owns the transaction) and the pure core (which
decides). Everything here happens inside the caller's transaction: the lead's state, the decision
with its inputs, the ledger, the outbox and the journal move together or not at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from fairlead.core.activity import Activity
from fairlead.core.decide import decide
from fairlead.core.decision import (
    OVERRIDE,
    RECYCLE,
    REFUSAL_HOLDS,
    REROUTE,
    Case,
    Decision,
    Order,
    OutcomeKind,
    World,
)
from fairlead.core.distribute import balanced_by_load
from fairlead.core.identity import identity_keys
from fairlead.core.normalise import normalise
from fairlead.core.policy import Policy
from fairlead.core.snapshot import freeze_inputs, order_in
from fairlead.core.types import Lead, LeadState, Record, Ref, Value
from fairlead.daemon import claiming, signalling, timing
from fairlead.daemon.capacity import (
    add_lead,
    frees,
    numbers_of,
)
from fairlead.daemon.clocking import Clocking
from fairlead.daemon.decaying import Decaying
from fairlead.daemon.gone import lead_gone, why_gone
from fairlead.daemon.intending import intend
from fairlead.daemon.keeping import believed_owner, kept_as
from fairlead.daemon.known import known_of, with_known
from fairlead.daemon.matching import match_of
from fairlead.daemon.merging import survives_others
from fairlead.daemon.outcomes import learn
from fairlead.daemon.recycling import Recycling, is_out
from fairlead.daemon.replanning import planning_of
from fairlead.daemon.reroute import rerouting
from fairlead.daemon.rounds import OUT
from fairlead.daemon.scores import keep_score
from fairlead.daemon.sightings import is_news, is_old, is_persons, version_of
from fairlead.daemon.snapshots import Snapshot, Snapshots
from fairlead.daemon.telling import tell
from fairlead.daemon.waiting import held_until, line_up, overtakes
from fairlead.metrics import Metrics
from fairlead.store import (
    claims,
    decisions,
    directory,
    journal,
    leads,
    outbox,
    weights,
)
from fairlead.store.db import Db
from fairlead.store.decays import LevelRow
from fairlead.store.leads import LeadRow
from fairlead.telemetry import get_logger

log = get_logger()

GIVEN = (LeadState.ASSIGNED, LeadState.LEFT)
"""States in which what a decision was is asked for."""


@dataclass(frozen=True, slots=True)
class Feed:
    """What routing must know of a connector: its name, and where our field names live in it."""

    crm: str
    sources: Mapping[str, tuple[str, ...]]


class Beside(Protocol):
    """Somebody who is told of every decision that is stored, before it is charged."""

    def take(
        self, case: Case, decision: Decision, decision_id: str, snap: Snapshot, now: datetime
    ) -> None: ...


class Router:
    """Routes records under one policy; a new policy makes a new router."""

    def __init__(self, db: Db, policy: Policy, metrics: Metrics) -> None:
        self.db = db
        self.policy = policy
        self.metrics = metrics
        self.beside: Beside | None = None
        self.just_read: Mapping[Ref, Sequence[Activity]] = {}
        """What one round of the sweep has read of activities; for the tasks that it gives on."""
        self.clocking = Clocking(db, policy, metrics)
        self.decaying = Decaying(db, policy)
        self.recycling = Recycling(db, policy, metrics, self.clocking)
        self.replanning = planning_of(
            db, policy.hash, self.clocking, self.decaying, self.recycling
        )  # fmt: skip
        self.counts_open = any(r.capacity.open is not None for r in policy.roster.values())
        self._summed = balanced_by_load(policy)[1]
        self._asks_decision = policy.recycling is not None or bool(policy.reroute_on)
        self.snapshots = Snapshots(db, policy)

    def snapshot(self, now: datetime) -> Snapshot:
        """The reps, owners and balances as they are now; call inside the transaction.

        What a changed policy or roster means for clocks, levels and rounds is planned with it.
        """
        snap = self.snapshots.take(now)
        snap.unplanned = self.replanning.start(snap.world, snap.roster_hash, now)
        return snap

    def people(self) -> World:
        """The reps and owners as they are now, without what moves with each lead."""
        return self.snapshots.roster(directory.get_owners(self.db))[0]

    def plan_more(self, now: datetime) -> bool:
        """Plan some more of what is stored by this policy and roster; whether there is more.

        In a transaction of its own. Asks the store one question when there is nothing to do.
        """
        if not self.replanning.under_way():
            return False
        with self.db.transaction():
            world, _, name = self.snapshots.roster(directory.get_owners(self.db))
            return self.replanning.go_on(world, name, now)

    def observe(
        self,
        record: Record,
        feed: Feed,
        snap: Snapshot,
        now: datetime,
        *,
        baseline: datetime,
        first_reading: bool,
        ready: bool,
        again: bool = False,
        anew: bool = False,
        rerun: bool = False,
        order: Order | None = None,
    ) -> LeadState | None:
        """Bring a record's lead into the state it belongs in; None when nothing was new.

        `again` looks afresh at a record that is known (held release, dead-letter retry, a refused
        owner); `anew` takes it as news though it is the same, for a signal has been seen elsewhere;
        `rerun` also routes it away from the rep who has it (who left before the assignment was
        complete); `order` is what a person asked for. Raises BadRecord for one that cannot be read:
        the caller dead-letters it.
        """
        row = leads.get_lead(self.db, record.ref)
        version = version_of(record)
        if row is not None and not again and not anew and not is_news(row.version, record, version):
            return None
        if row is not None and snap.unplanned:
            self.replanning.one(record.ref, snap.world, now)
        reason = why_gone(record.ref, record)
        if reason is not None:
            return self._gone(record, row, version, reason, snap, now)
        lead = self._normalised(record, feed, snap)
        keys = identity_keys(lead)
        before, pending = row, None
        if row is None:
            row = self._first_sight(record, lead, keys, version, now)
        elif row.decision_id is None and row.state not in (LeadState.PRE_EXISTING, *OUT):
            # Not routed yet, perhaps not even read: who it is may have come out only now.
            first = row.first_seen_at
            row = replace(
                self._first_sight(record, lead, keys, version, now), state=row.state,
                first_seen_at=first,
            )  # fmt: skip
        else:
            leads.add_keys(self.db, row.person_id, keys)
            pending = outbox.open_owner_write(self.db, record.ref)
            row = replace(row, version=version, owner_id=believed_owner(row, record, pending))
        occurred = signalling.keep(self.db, self.policy, lead, row, now)
        lead, levels = known_of(self.db, self.policy, lead, row.person_id, now, occurred)
        done = self.policy.closed_when
        closed = done is not None and done.test({**lead.values, "now": now})
        row = replace(row, closed=closed, numbers=numbers_of(lead, self._summed))
        if before is None or before.version != version:
            self.metrics.leads_seen_total.labels(crm=feed.crm).inc()
            log.debug("lead.seen", crm=feed.crm, lead=str(record.ref), state=row.state.value)
        known = None if before is None or again else before
        if order is None and is_old(record, row, baseline, first_reading=first_reading):
            known = row = replace(row, state=LeadState.PRE_EXISTING)
        kept: LeadRow | None
        decision: decisions.DecisionRow | None = None
        if order is None and before is not None and is_out(before):
            kept = self.recycling.stays(record, lead, row, before, snap.world, now)
        else:
            kept = kept_as(self.db, row, known, snap.world, ready=ready, pending=pending)
            if self._asks_decision and kept is not None and kept.state in GIVEN:
                decision = self._decision_of(kept)
            if kept is not None and order is None and kept.state is not LeadState.HELD:
                kept = self.recycling.takes(record, lead, kept, snap.world, now, decision) or kept
        if kept is not None and known is not None and self._reroutes(kept):
            decision = decision or self._decision_of(kept)
            order = rerouting(self.db, self.policy, snap.world, lead, kept, decision, now)
            if order is not None and outbox.open_owner_write(self.db, record.ref) is None:
                row, kept = kept, None
                leads.raise_generation(self.db, row.person_id)
                journal.write(self.db, now, "lead.rerouted", ref=record.ref, reason=order.reason)
        if kept is None:
            return self._decide(
                record, lead, row, decision, levels, snap, now,
                again=again, rerun=rerun, order=order,
            )  # fmt: skip
        learn(self.db, self.policy, lead, before, kept, snap, now)
        handed_on = before is not None and before.owner_id != kept.owner_id
        if self.counts_open and frees(before, kept):
            leads.wake_held(self.db)
        if handed_on:
            journal.write(
                self.db, now, "lead.owner_changed", ref=record.ref, owner_id=kept.owner_id
            )
            taken = self._new_owner(record.ref, kept.owner_id, snap, now)
            person = is_persons(snap.world, record.ref.crm, kept.owner_id)
            kept = replace(kept, reason=taken or kept.reason, by_person=person and taken is None)
        if before is not None and before.closed is not kept.closed:
            journal.write(
                self.db, now, "lead.closed" if kept.closed else "lead.open", ref=record.ref
            )
        leads.put_lead(self.db, kept)
        values = keep_score(self.db, self.policy, lead, kept, snap.world, now)
        self.clocking.seen(lead, kept, snap.world, values, now)
        timing.seen(self.db, self.metrics, lead, kept, snap.world, now)
        self.clocking.follow_ups.seen(kept, snap.world, now)
        # Whoever has just left the reps has lost the levels that were to come.
        there = None if kept.state in OUT else levels
        self.decaying.seen(
            lead, kept, snap.world, values, now, handed_on=handed_on, levels=there
        )  # fmt: skip
        if kept.state is not LeadState.DEAD_LETTER:
            dead = before is not None and before.state is LeadState.DEAD_LETTER
            stages = journal.ROUTED if dead else ("read",)
            journal.close_dead_letters_of(self.db, record.ref, now, stages)
        return kept.state

    def rescore(
        self, record: Record, feed: Feed, snap: Snapshot, now: datetime
    ) -> Mapping[str, Value]:
        """What time alone has made of a known record, which is no news: its values, score and all.

        Raises BadRecord for one that cannot be read.
        """
        row = leads.get_lead(self.db, record.ref)
        if row is None:
            return {}
        lead = self._normalised(record, feed, snap)
        lead, levels = known_of(self.db, self.policy, lead, row.person_id, now)
        values = keep_score(self.db, self.policy, lead, row, snap.world, now)
        self.decaying.seen(lead, row, snap.world, values, now, levels=levels)
        return values

    def read(
        self, record: Record, feed: Feed, snap: Snapshot, person_id: str, now: datetime
    ) -> Lead:
        """The lead of a known record as rules see it; raises BadRecord for an unreadable one."""
        lead = self._normalised(record, feed, snap)
        return with_known(self.db, self.policy, lead, person_id, now)

    # -- steps ------------------------------------------------------------------------------

    def _normalised(self, record: Record, feed: Feed, snap: Snapshot) -> Lead:
        return normalise(record, feed.sources, self.policy.fields, snap.world.owners)

    def _first_sight(
        self, record: Record, lead: Lead, keys: tuple[str, ...], version: str, now: datetime
    ) -> LeadRow:
        person_id, shared = leads.person_for(self.db, record.ref, keys)
        survives_others(self.db, record.ref, person_id)
        return LeadRow(
            record.ref, person_id, LeadState.HELD, "not decided yet", record.owner_id, version,
            lead.created_at, now, None, None, shared, None,
        )  # fmt: skip

    def _gone(
        self,
        record: Record,
        row: LeadRow | None,
        version: str,
        reason: str,
        snap: Snapshot,
        now: datetime,
    ) -> LeadState | None:
        if row is None:
            return None
        if record.converted and row.decision_id is not None:
            weights.win(self.db, row.decision_id, now)
        leads.put_lead(self.db, replace(row, version=version, retry_at=None))
        if self.counts_open and frees(row, None):
            leads.wake_held(self.db)
        lead_gone(self.db, record.ref, reason, now, snap.running)
        return LeadState.GONE

    def _decide(
        self,
        record: Record,
        lead: Lead,
        row: LeadRow,
        last: decisions.DecisionRow | None,
        levels: Sequence[LevelRow],
        snap: Snapshot,
        now: datetime,
        *,
        again: bool,
        rerun: bool,
        order: Order | None,
    ) -> LeadState:
        fresh = row.decision_id is None and row.state is LeadState.HELD
        generation = leads.generation_of(self.db, row.person_id)
        attempt = 1
        if row.decision_id is not None:
            attempt += decisions.attempts_of(self.db, lead.ref, generation)
        others = (
            []
            if fresh and row.shared_key is None
            else leads.leads_of_person(self.db, row.person_id)
        )
        match = match_of(self.db, lead, others, snap.world)
        last = last or self._decision_of(row)
        order = order or _order_of(last, generation)
        excluded = self._refused_owners(lead, generation, now) if attempt > 1 else frozenset()
        if order is not None:
            excluded, rerun = excluded | order.leaving, rerun or order.takes
        offers = () if fresh else claims.offers_of(self.db, lead.ref)
        case = Case(
            row.person_id, generation, lead, match, excluded, rerun, row.first_seen_at, order,
            offers,
        )  # fmt: skip
        decision = decide(case, snap.world, self.policy, now)
        if order is None and not rerun and decision.outcome is not OutcomeKind.LEAVE:
            out = self.recycling.takes(record, lead, row, snap.world, now, last)
            if out is not None:
                leads.put_lead(self.db, out)
                return out.state
        if not rerun and order is None and overtakes(self.db, row, decision, now):
            snap.overtaken = True
            return line_up(self.db, row, decision, now)
        inputs = freeze_inputs(case, snap.world, decision)
        decision_id, before = decision_name(case, attempt), row.decision_id
        reason = decision.reason
        if (row.state, row.reason) != (decision.state, reason) or (
            decision.outcome is OutcomeKind.ASSIGN
        ):
            decisions.put_decision(
                self.db,
                decisions.DecisionRow(
                    decision_id, row.person_id, generation, attempt, lead.ref, now,
                    self.policy.hash, snap.roster_hash, inputs, decision.outcome.value,
                    decision.state.value, reason, decision.rule, decision.rep_id,
                    decision.owner_id,
                ),
            )  # fmt: skip
            row = replace(row, decision_id=decision_id, decided_at=now)
            if self.beside is not None:
                self.beside.take(case, decision, decision_id, snap, now)
            tell(self.db, self.metrics, self.policy, case, decision, decision_id, now)
            behind = (now - lead.modified_at).total_seconds()
            self.metrics.decision_lag_seconds.observe(max(0.0, behind))
            begun = case, decision, decision_id, snap.world, now
            self.clocking.decided(*begun, closed=row.closed)
            self.clocking.follow_ups.decided(*begun, closed=row.closed)
        if decision.outcome is OutcomeKind.ASSIGN:
            decisions.charge(self.db, decision_id, decision, snap.running, now)
            override = order is not None and order.kind == OVERRIDE
            by_hand = override and bool(decision.ledger)
            rerouted = order is not None and order.kind == REROUTE
            if before and attempt == 1 and (by_hand or rerouted):
                # The turn is no longer one of the rep who had it. By hand only where that counts.
                decisions.refund(self.db, before, lead.ref, now, snap.running)
            add_lead(snap.loads, decision, lead)
            if order is not None and order.kind != RECYCLE:
                self.recycling.ordered(record, lead, row, f"{order.kind} by {order.by}", now)
            done = self.just_read.get(lead.ref, ())
            intend(self.db, self.policy, snap.world, case, decision, decision_id, others, now, done)
            timing.decided(self.db, self.metrics, lead, now)
            row = replace(row, owner_id=decision.owner_id, by_person=override)
        claiming.decided(self.db, case, decision, decision_id, self.policy, now)
        if offers and decision.outcome is OutcomeKind.LEAVE:
            self._new_owner(lead.ref, lead.owner_id, snap, now)
        row = replace(
            row, state=decision.state, reason=reason, urgent=decision.high_priority,
            retry_at=held_until(decision, now, again=again),
            waits_for=decision.places if decision.outcome is OutcomeKind.HOLD else (),
        )  # fmt: skip
        leads.put_lead(self.db, row)
        values = keep_score(self.db, self.policy, lead, row, snap.world, now, match)
        self.decaying.seen(lead, row, snap.world, values, now, levels=levels)
        if not fresh:
            journal.close_dead_letters_of(self.db, lead.ref, now, journal.ROUTED)
        return decision.state

    def _reroutes(self, row: LeadRow) -> bool:
        return bool(self.policy.reroute_on) and row.state is LeadState.ASSIGNED

    def _decision_of(self, row: LeadRow) -> decisions.DecisionRow | None:
        return None if row.decision_id is None else decisions.get_decision(self.db, row.decision_id)

    def _new_owner(
        self, ref: Ref, owner_id: str | None, snap: Snapshot, now: datetime
    ) -> str | None:
        person = is_persons(snap.world, ref.crm, owner_id)
        reason = claiming.new_owner(
            self.db, ref, owner_id, now, person=person, running=snap.running
        )  # fmt: skip
        if reason is not None:
            # Offered under a policy that has changed since: its pool may go by turns now.
            self.snapshots.forget_pools()
        return reason

    def _refused_owners(self, lead: Lead, generation: int, now: datetime) -> frozenset[str]:
        """Owners that the CRM would not take lately; a refusal is no verdict for ever."""
        return frozenset(
            str(j.detail["rep"])
            for j in journal.of_lead(self.db, lead.ref, "effect.bad_owner")
            if j.detail["generation"] == generation and j.at > now - REFUSAL_HOLDS
        )


def _order_of(kept: decisions.DecisionRow | None, generation: int) -> Order | None:
    """The order that this generation began with, while what it asked for is not settled."""
    if kept is None or kept.generation != generation or kept.outcome == OutcomeKind.LEAVE.value:
        return None
    return order_in(kept.inputs)


def decision_name(case: Case, attempt: int) -> str:
    """The decision's id: the same for the same case, record and attempt, also on lost state."""
    text = f"{case.person_id}|{case.generation}|{case.lead.ref}|{attempt}"
    return "d" + hashlib.sha256(text.encode()).hexdigest()[:23]

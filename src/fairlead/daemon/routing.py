"""One record in, one state out: the step between a connector's page and the store.

Stands between `ingest` (which brings records and owns the transaction) and the pure core (which
decides). Everything here happens inside the caller's transaction: the lead's state, the decision
with its inputs, the ledger, the outbox and the journal move together or not at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

import orjson

from fairlead.core.decide import decide
from fairlead.core.decision import Case, Decision, Known, Match, OutcomeKind, World
from fairlead.core.effects import SetOwner
from fairlead.core.identity import identity_keys
from fairlead.core.match import match_account
from fairlead.core.normalise import normalise
from fairlead.core.plan import FollowerRecord, plan
from fairlead.core.policy import Policy
from fairlead.core.roster import join_roster
from fairlead.core.snapshot import freeze_inputs, freeze_roster, roster_hash
from fairlead.core.types import Lead, LeadState, Record
from fairlead.errors import BadRecord
from fairlead.metrics import Metrics
from fairlead.store import decisions, directory, journal, leads, outbox
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow
from fairlead.telemetry import get_logger

log = get_logger()


@dataclass(frozen=True, slots=True)
class Feed:
    """What routing must know of a connector: its name, and where our field names live in it."""

    crm: str
    sources: Mapping[str, tuple[str, ...]]


@dataclass(slots=True)
class Snapshot:
    """The world at the start of a transaction; balances run on as leads are decided one by one."""

    world: World
    running: dict[str, dict[str, Fraction]]
    roster: bytes
    roster_hash: str


class Router:
    """Routes records under one policy; a new policy makes a new router."""

    def __init__(self, db: Db, policy: Policy, metrics: Metrics) -> None:
        self.db = db
        self.policy = policy
        self.metrics = metrics
        self._people: tuple[object, World, bytes, str] | None = None

    def snapshot(self, now: datetime) -> Snapshot:
        """The reps, owners and balances as they are now; call inside the transaction."""
        owners = directory.get_owners(self.db)
        running = decisions.balances(self.db)
        mark = tuple((o.crm, o.id, o.active, o.email, o.name) for o in owners)
        if self._people is None or self._people[0] != mark:
            base = World(
                join_roster(self.policy.roster, owners), directory.owner_index(owners), running
            )
            frozen = freeze_roster(base)
            self._people = (mark, base, frozen, roster_hash(frozen))
        _, base, frozen, name = self._people
        decisions.keep_roster(self.db, name, frozen, now)
        return Snapshot(replace(base, balances=running), running, frozen, name)

    def observe(
        self,
        record: Record,
        feed: Feed,
        snap: Snapshot,
        now: datetime,
        *,
        baseline: datetime,
        ready: bool,
        again: bool = False,
        rerun: bool = False,
    ) -> LeadState | None:
        """Bring a record's lead into the state it belongs in; None when nothing was new.

        `again` looks afresh at a record that is known (held release, dead-letter retry, a refused
        owner); `rerun` also routes it away from the rep who has it (who left before the assignment
        was complete). Raises BadRecord for one that cannot be read: the caller dead-letters it.
        """
        row = leads.get_lead(self.db, record.ref)
        version = version_of(record)
        if row is not None and not again and not _is_news(row, record, version):
            return None
        if record.unreadable is not None:
            raise BadRecord(record.unreadable)
        if record.deleted or record.converted:
            return self._gone(record, row, version, now)
        owners = snap.world.owners
        lead = normalise(record, feed.sources, self.policy.fields, owners)
        keys = identity_keys(lead)
        before = row
        if row is None:
            row = self._first_sight(record, lead, keys, version, now)
            self.metrics.leads_seen_total.labels(crm=feed.crm).inc()
        else:
            leads.add_keys(self.db, row.person_id, keys)
            row = replace(row, version=version, owner_id=self._believed_owner(row, record))
        if _is_old(record, row, baseline):
            leads.put_lead(
                self.db,
                replace(row, state=LeadState.PRE_EXISTING, reason="older than the first start"),
            )
            return LeadState.PRE_EXISTING
        if not ready:
            leads.put_lead(
                self.db,
                replace(row, state=LeadState.HELD, reason="existing records are still being read"),
            )
            return LeadState.HELD
        if row.state is LeadState.ASSIGNED and not again:
            if before is not None and before.owner_id != row.owner_id:
                journal.write(
                    self.db, now, "lead.owner_changed", ref=record.ref, owner_id=row.owner_id
                )
            leads.put_lead(self.db, row)
            return LeadState.ASSIGNED
        return self._decide(lead, row, snap, now, rerun)

    # -- steps ------------------------------------------------------------------------------

    def _first_sight(
        self, record: Record, lead: Lead, keys: tuple[str, ...], version: str, now: datetime
    ) -> LeadRow:
        person_id, shared = leads.person_for(self.db, record.ref, keys)
        return LeadRow(
            record.ref, person_id, LeadState.HELD, "not decided yet", record.owner_id, version,
            lead.created_at, now, None, None, shared, None,
        )  # fmt: skip

    def _believed_owner(self, row: LeadRow, record: Record) -> str | None:
        """The owner seen, unless our write is on its way and the CRM still shows the old one."""
        pending = outbox.open_owner_write(self.db, record.ref)
        if (
            pending is not None
            and isinstance(pending.effect, SetOwner)
            and record.owner_id == pending.effect.expected_owner_id
        ):
            return row.owner_id
        return record.owner_id

    def _gone(
        self, record: Record, row: LeadRow | None, version: str, now: datetime
    ) -> LeadState | None:
        if row is None:
            return None
        if record.merged_into is not None:
            reason = f"merged into {record.merged_into}"
        else:
            reason = "converted" if record.converted else "deleted"
        outbox.cancel_open(self.db, record.ref, outbox.OutboxState.GONE, reason, now)
        leads.put_lead(
            self.db,
            replace(row, state=LeadState.GONE, reason=reason, version=version, retry_at=None),
        )
        journal.write(self.db, now, "lead.gone", ref=record.ref, reason=reason)
        return LeadState.GONE

    def _decide(
        self, lead: Lead, row: LeadRow, snap: Snapshot, now: datetime, rerun: bool
    ) -> LeadState:
        generation = leads.generation_of(self.db, row.person_id)
        attempt = decisions.attempts_of(self.db, lead.ref, generation) + 1
        others = leads.leads_of_person(self.db, row.person_id)
        match = self._match(lead, others, snap)
        excluded = self._refused_owners(lead, generation) if attempt > 1 else frozenset()
        case = Case(row.person_id, generation, lead, match, excluded, rerun)
        decision = decide(case, snap.world, self.policy, now)
        pools = () if decision.trace.pool is None else (decision.trace.pool,)
        inputs = freeze_inputs(case, snap.world, pools)
        decision_id = decision_name(case, attempt)
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
            self._tell(case, decision, decision_id, now)
        if decision.outcome is OutcomeKind.ASSIGN:
            decisions.charge(self.db, decision_id, decision, snap.running, now)
            self._intend(case, decision, decision_id, others, now)
            row = replace(row, owner_id=decision.owner_id)
        leads.put_lead(self.db, replace(row, state=decision.state, reason=reason, retry_at=None))
        journal.close_dead_letters_of(self.db, lead.ref, now)
        return decision.state

    def _refused_owners(self, lead: Lead, generation: int) -> frozenset[str]:
        return frozenset(
            str(j.detail["rep"])
            for j in journal.of_lead(self.db, lead.ref)
            if j.event == "effect.bad_owner" and j.detail["generation"] == generation
        )

    def _match(self, lead: Lead, others: list[LeadRow], snap: Snapshot) -> Match:
        domain = lead.get("domain")
        candidates = (
            directory.accounts_of_domain(self.db, lead.ref.crm, domain)
            if isinstance(domain, str)
            else []
        )
        account, reason = match_account(lead, candidates)
        known = tuple(_known(o, snap.world) for o in others if o.ref != lead.ref and _counts(o))
        return Match(account, reason, known)

    def _intend(
        self,
        case: Case,
        decision: Decision,
        decision_id: str,
        others: list[LeadRow],
        now: datetime,
    ) -> None:
        followers = tuple(
            FollowerRecord(o.ref, o.owner_id)
            for o in others
            if o.ref.crm == case.lead.ref.crm
            and o.ref != case.lead.ref
            and o.state is LeadState.HELD
            and o.decision_id is not None
        )
        for effect in plan(case, decision, self.policy, now, followers=followers):
            outbox.add(
                self.db, effect, decision_id=decision_id, urgent=decision.high_priority, now=now
            )
        for f in followers:
            leads.set_state(
                self.db,
                f.ref,
                LeadState.ASSIGNED,
                "follows a duplicate",
                owner_id=decision.owner_id,
            )

    def _tell(self, case: Case, decision: Decision, decision_id: str, now: datetime) -> None:
        ref = case.lead.ref
        journal.write(
            self.db, now, "lead.decided", ref=ref, decision_id=decision_id,
            outcome=decision.outcome.value, state=decision.state.value, rule=decision.rule,
            reason=decision.reason, policy=self.policy.hash[:12],
        )  # fmt: skip
        self.metrics.decisions_total.labels(
            outcome=decision.outcome.value, rule=decision.rule
        ).inc()
        event = "lead.held" if decision.outcome is OutcomeKind.HOLD else "lead.decided"
        log.info(
            event, crm=ref.crm, lead=str(ref), decision=decision_id,
            outcome=decision.outcome.value, state=decision.state.value, rule=decision.rule,
            owner=decision.owner_id, policy_hash=self.policy.hash[:12],
        )  # fmt: skip


def version_of(record: Record) -> str:
    """What tells two sightings apart: the stamp, and (stamps being coarse) a hash of the values."""
    seen = orjson.dumps(
        [record.fields, record.owner_id, record.deleted, record.converted, record.unreadable],
        default=str,
        option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS,
    )
    return f"{record.version}#{hashlib.blake2b(seen, digest_size=8).hexdigest()}"


def decision_name(case: Case, attempt: int) -> str:
    """The decision's id: the same for the same case, record and attempt, also on lost state."""
    text = f"{case.person_id}|{case.generation}|{case.lead.ref}|{attempt}"
    return "d" + hashlib.sha256(text.encode()).hexdigest()[:23]


def _is_news(row: LeadRow, record: Record, version: str) -> bool:
    if row.version == version:
        return False
    return record.version >= row.version.split("#", 1)[0]


def _is_old(record: Record, row: LeadRow, baseline: datetime) -> bool:
    if row.decision_id is not None:
        return False
    return record.created_at is not None and record.created_at < baseline


def _counts(row: LeadRow) -> bool:
    """Whether a record of the same person tells whom to follow: live ones, and merged-away ones."""
    if row.state is LeadState.GONE:
        return row.reason.startswith("merged")
    return row.state is not LeadState.DEAD_LETTER


def _known(row: LeadRow, world: World) -> Known:
    rep = world.rep_of(row.ref.crm, row.owner_id) if row.owner_id else None
    return Known(
        row.ref, row.owner_id, rep.id if rep else None, row.shared_key or "email", row.decided_at
    )

"""Recycled leads that are due: read by id, looked at, and given to somebody again, once.

Run by the reader of each CRM between two polls, beside the clocks. The end of the round, the new
decision and its writes are one transaction, so that a crash brings a lead back once or not at all.
What cannot come back stays recycled and is looked at again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from fairlead.clock import Clock
from fairlead.core.activity import Activity
from fairlead.core.decide import decide
from fairlead.core.decision import RECYCLE, Case, Decision, Order, OutcomeKind
from fairlead.core.effects import UpsertTask, effect_key
from fairlead.core.recycling import Coming, capped_until, coming, contacts
from fairlead.core.recycling_terms import Recycling
from fairlead.core.sla import manager_of
from fairlead.core.types import LeadState, OwnerKind, Record, Ref, Value
from fairlead.daemon.asking_once import Ask, Told
from fairlead.daemon.batch_apply import begin
from fairlead.daemon.batch_plan import case_of, under
from fairlead.daemon.capacity import frees
from fairlead.daemon.contacts_elsewhere import elsewhere
from fairlead.daemon.gone import still_here
from fairlead.daemon.ingest import ODD_DATA, Ingest
from fairlead.daemon.lead_story import story
from fairlead.daemon.recycling import AFTER_ITS_OWNER
from fairlead.daemon.rounds import TOLD_OF_ROUND, end_round
from fairlead.daemon.routing import Router
from fairlead.daemon.snapshots import Snapshot
from fairlead.errors import BadRecord
from fairlead.metrics import Metrics
from fairlead.store import clocks, contact_asks, journal, leads, outbox, recyclings
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow
from fairlead.store.recyclings import Round
from fairlead.telemetry import get_logger

log = get_logger()

BATCH = 100
TRY_AGAIN = timedelta(hours=1)
"""The next look at a lead that was due and that nobody can take now, or that cannot be read."""
ASK_AGAIN = timedelta(seconds=30)
"""The next look at a lead of whose person another CRM has yet to tell the contacts."""
TRY_ANOTHER = timedelta(days=1)
"""The same where only former owners could: who else there is changes with the policy, and then it
is looked at, too."""
NOBODY_ELSE = "only who had it before could take it"


class ComingBack:
    """Brings back the due leads of one CRM; used by its reader thread."""

    def __init__(self, db: Db, ingest: Ingest, clock: Clock, metrics: Metrics) -> None:
        self.db = db
        self.ingest = ingest
        self.crm = ingest.crm
        self.clock = clock
        self.metrics = metrics

    def due(self) -> list[Ref]:
        """The leads to look at now, a question to an index."""
        now = self.clock.now()
        back = recyclings.due(self.db, self.crm, now, BATCH)
        return list(dict.fromkeys([*back, *recyclings.looks_due(self.db, self.crm, now, BATCH)]))

    def look(self, refs: Sequence[Ref], told: Told) -> None:
        """Look at these leads, on what the CRM has just told of them."""
        with self.db.transaction():
            now = self.clock.now()
            here = still_here(self.db, refs, told.records, now)
            self.ingest.observe_all(here)
            router = self.ingest.router()
            snap = router.snapshot(now)
            for record in here:
                if _Look(self, router, snap, told.done, now).at(record):
                    snap = router.snapshot(now)

    def asks(self, refs: Sequence[Ref]) -> Ask:
        """The leads, and what was done with the records that recycled leads' persons have here."""
        terms, now = self.ingest.router().policy.recycling, self.clock.now()
        span = timedelta() if terms is None or terms.cap is None else terms.cap.within
        begun: dict[Ref, datetime] = {}
        for ref in refs:
            row = leads.get_lead(self.db, ref)
            out = row is not None and row.state is LeadState.RECYCLED
            for one in self.records(row) if row is not None and out else ():
                begun[one.ref] = min(one.created_at or one.first_seen_at, now - span)
        return Ask(refs, begun)

    def records(self, row: LeadRow) -> list[LeadRow]:
        """The records of a lead's person in this CRM."""
        found = leads.leads_of_person(self.db, row.person_id)
        return [o for o in found if o.ref.crm == self.crm and o.state is not LeadState.GONE]


class _Look:
    """One lead looked at, inside the transaction of its round."""

    def __init__(
        self,
        back: ComingBack,
        router: Router,
        snap: Snapshot,
        done: Mapping[Ref, Sequence[Activity]],
        now: datetime,
    ) -> None:
        self.back = back
        self.db = back.db
        self.router = router
        self.policy = router.policy
        self.terms: Recycling | None = router.policy.recycling
        self.snap = snap
        self.done = done
        self.now = now

    def at(self, record: Record) -> bool:
        """Bring the lead back if it is due and may, or set its next look; whether it moved."""
        round_ = recyclings.open_of(self.db, record.ref)
        row = leads.get_lead(self.db, record.ref)
        if row is not None and row.state is not LeadState.RECYCLED:
            return self._still_there(record, row)
        if round_ is None or row is None or row.state is not LeadState.RECYCLED:
            return False
        if record.ref not in self.done:
            return False  # recycled since the look began; the next one asks what was done with it
        if outbox.open_owner_write(self.db, record.ref) is not None:
            self._wait(round_, self.now + AFTER_ITS_OWNER, "its queue is being written")
            return False
        try:
            case = case_of(
                self.db, self.policy, self.snap, record, row, self.back.ingest.feed, None
            )
            values = self.router.recycling.values(case.lead, row, self.snap.world, self.now)
            round_, why = self._due(round_, values)
            if not why:
                recyclings.put(self.db, round_)
                return False
            capped = self._capped(row)
            if capped is not None:
                self._wait(round_, *capped)
                return False
            order = self._order(record, row, round_, why)
            case = under(case, order)
            found = decide(case, self.snap.world, self.policy, self.now)
        except (BadRecord, *ODD_DATA) as e:
            log.debug("recycling.waits", crm=record.ref.crm, error_class=type(e).__name__)
            self._wait(round_, self.now + TRY_AGAIN, "the record cannot be read")
            return False
        stays = self._stays(case, order, found)
        if stays is not None:
            until, free_at = self.now + TRY_ANOTHER, found.retry_at
            if stays != NOBODY_ELSE and (free_at is None or free_at <= self.now):
                until = self.now + TRY_AGAIN
            elif free_at is not None and free_at > self.now:
                until = min(until, free_at)
            self._wait(round_, until, stays)
            if stays == NOBODY_ELSE:
                self._tell_manager(round_, row)
            return False
        self._return(record, row, round_, values, order, why)
        return True

    def _still_there(self, record: Record, row: LeadRow) -> bool:
        """Time has passed for a lead that is with the reps: it may be recycled now; whether so."""
        recyclings.look_at(self.db, row.ref, None)
        if row.state not in (LeadState.ASSIGNED, LeadState.LEFT):
            return False
        if outbox.open_owner_write(self.db, row.ref) is not None:
            recyclings.look_at(self.db, row.ref, self.now + AFTER_ITS_OWNER)
            return False
        world = self.snap.world
        try:
            case = case_of(
                self.db, self.policy, self.snap, record, row, self.back.ingest.feed, None
            )
            out = self.router.recycling.takes(record, case.lead, row, world, self.now)
        except (BadRecord, *ODD_DATA) as e:
            log.debug("recycling.waits", crm=row.ref.crm, error_class=type(e).__name__)
            recyclings.look_at(self.db, row.ref, self.now + TRY_AGAIN)
            return False
        if out is not None:
            leads.put_lead(self.db, out)
            if self.router.counts_open and frees(row, out):
                leads.wake_held(self.db)
        return out is not None

    def _due(self, round_: Round, values: dict[str, Value]) -> tuple[Round, str]:
        """The round as planned now, and why its lead can come back; "" while it cannot."""
        planned = self.router.recycling.planned(round_, values, self.now)
        track = None if self.terms is None else self.terms.tracks.get(round_.reason)
        if self.terms is None or track is None:
            over = round_.due_at is not None and round_.due_at <= self.now
            return planned, (round_.due_why or "its time is over") if over else ""
        cool = round_.cool_until or round_.since
        found: Coming = coming(self.terms, track, values, round_.since, cool, self.now)
        return planned, found.now

    def _capped(self, row: LeadRow) -> tuple[datetime, str] | None:
        """Until when the person is not to be contacted, and why; None: they may be now."""
        cap = None if self.terms is None else self.terms.cap
        if cap is None:
            return None
        everything = [a for o in self.back.records(row) for a in self.done.get(o.ref, ())]
        here = contacts(everything, self.now)
        until, waiting = capped_until(cap, here, self.now), list[str]()
        if until is None:
            there, waiting = elsewhere(self.db, self.policy, row, cap, self.now)
            until = capped_until(cap, [*here, *there], self.now)
        if until is not None:
            return until, "the contact cap is reached"
        if waiting:
            why = f"{' and '.join(waiting)} has yet to tell how often the person was contacted"
            return self.now + ASK_AGAIN, why
        contact_asks.drop(self.db, row.person_id)
        return None

    def _order(self, record: Record, row: LeadRow, round_: Round, why: str) -> Order:
        """Not to who had the person before, unless they have another record of theirs now."""
        world, crm = self.snap.world, record.ref.crm
        before = set(clocks.previous_owners(self.db, row.person_id))
        for r in recyclings.of_person(self.db, row.person_id):
            before |= {name for name in (r.owner_id, r.rep_id) if name}
        if record.owner_id is not None:
            rep = world.rep_of(crm, record.owner_id)
            before |= {record.owner_id} | ({rep.id} if rep else set())
        for other in leads.leads_of_person(self.db, row.person_id):
            if other.ref != row.ref and other.state is LeadState.ASSIGNED and not other.closed:
                rep = world.rep_of(other.ref.crm, other.owner_id or "")
                before -= {other.owner_id or "", rep.id if rep else ""}
        queues = {o.id for o in world.owners.values() if o.kind is OwnerKind.QUEUE}
        track = None if self.terms is None else self.terms.tracks.get(round_.reason)
        return Order(
            RECYCLE, f"recycling {round_.reason}", why, record.owner_id,
            frozenset(before - queues), team=None if track is None else track.team,
        )  # fmt: skip

    def _stays(self, case: Case, order: Order, found: Decision) -> str | None:
        """Why the lead stays recycled; None when somebody else can take it now."""
        last = self.policy.otherwise.name
        if found.outcome is OutcomeKind.ASSIGN and found.rule != last:
            return None
        free = replace(order, leaving=frozenset())
        anybody = replace(case, order=free, excluded=case.excluded - order.leaving)
        other = decide(anybody, self.snap.world, self.policy, self.now)
        if other.outcome is OutcomeKind.ASSIGN and other.rule != found.rule:
            return NOBODY_ELSE
        if found.outcome is OutcomeKind.ASSIGN:
            return None
        return NOBODY_ELSE if other.outcome is OutcomeKind.ASSIGN else "nobody can take it now"

    def _wait(self, round_: Round, until: datetime, why: str) -> None:
        recyclings.put(self.db, replace(round_, look_at=until, waits=why))
        if round_.waits != why:
            journal.write(self.db, self.now, "recycling.waits", ref=round_.ref, reason=why,
                          until=until.isoformat())  # fmt: skip
            log.info(
                "recycling.waits", crm=round_.ref.crm, lead=str(round_.ref), reason=why, due=until
            )

    def _tell_manager(self, round_: Round, row: LeadRow) -> None:
        """The manager is told once a round that there is nobody else."""
        kept = recyclings.open_of(self.db, round_.ref)
        if kept is None or kept.told:
            return
        recyclings.put(self.db, replace(kept, told=True))
        track = None if self.terms is None else self.terms.tracks.get(round_.reason)
        manager = manager_of(self.policy, None if track is None else track.team, round_.rep_id)
        owner = self._owner(manager)
        if owner is None:
            log.warning("recycling.nobody", crm=round_.ref.crm, lead=str(round_.ref))
            return
        key = effect_key(round_.id, 0, round_.ref, "manager")
        task = UpsertTask(
            key, round_.ref, f"fl-{key}", owner, "A recycled lead has nobody to go to",
            f"fairlead, recycling {round_.reason}: the lead is due, and {NOBODY_ELSE}. It stays"
            " recycled and is tried again every day; give it to somebody to end that.",
            self.now + timedelta(days=1), role=TOLD_OF_ROUND,
        )  # fmt: skip
        outbox.add(self.db, task, decision_id=round_.id, urgent=False, now=self.now)

    def _owner(self, email: str | None) -> str | None:
        """The active user of this e-mail in the CRM at hand."""
        owners = self.snap.world.owners.values()
        found = [
            o.id for o in owners
            if o.crm == self.back.crm and o.kind is OwnerKind.REP and o.active and o.email == email
        ]  # fmt: skip
        return found[0] if email and len(found) == 1 else None

    def _return(
        self,
        record: Record,
        row: LeadRow,
        round_: Round,
        values: dict[str, Value],
        order: Order,
        why: str,
    ) -> None:
        """The round ends, and the lead is somebody's, in one."""
        dates = self.terms.dates if self.terms is not None else frozenset()
        refs = [o.ref for o in leads.leads_of_person(self.db, row.person_id)]
        told = story(self.db, self.snap.world, round_, refs, self.done, values, dates, why)
        holds = self.router.recycling.holds(row, values)
        end_round(self.db, round_, why, self.now, holds=holds, story=told, fields=record.fields)
        begin(self.db, record, row.person_id, order, self.now)
        self.back.ingest.observe_all([record], again=True, order=order, snap=self.snap)
        self.back.metrics.leads_returned_total.labels(reason=round_.reason).inc()

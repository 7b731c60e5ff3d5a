"""Clocks as leads move: begun with the assignment, paused, stopped, begun anew for a new owner.

Called by `routing` inside its transaction, with each decision and each sighting. Level-triggered:
what is done follows from the lead and its clocks as they are, so that doing it twice is once.
`sweep` fires what comes due.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from fairlead.core.activity import Activity
from fairlead.core.decision import SLA, Case, Decision, OutcomeKind, World
from fairlead.core.policy import Policy
from fairlead.core.scoring import score_values
from fairlead.core.sla import hours_of, in_force, planned, slas_for
from fairlead.core.sla_terms import DUE, Sla, Stage
from fairlead.core.types import Lead, LeadState, Ref, Value
from fairlead.daemon import timing
from fairlead.daemon.afterwards import keep_answer
from fairlead.daemon.evidence import SKEW, evidence, who_moved
from fairlead.daemon.follow_ups import FollowUps
from fairlead.daemon.sightings import is_persons
from fairlead.metrics import Metrics
from fairlead.store import clocks, decisions, journal, outbox
from fairlead.store.clocks import ClockRow
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow
from fairlead.telemetry import get_logger

log = get_logger()


class Clocking:
    """Keeps the clocks of leads under one policy."""

    def __init__(self, db: Db, policy: Policy, metrics: Metrics) -> None:
        self.db = db
        self.policy = policy
        self.metrics = metrics
        self.follow_ups = FollowUps(db, policy, metrics)

    # -- by a decision ----------------------------------------------------------------------

    def decided(
        self,
        case: Case,
        decision: Decision,
        decision_id: str,
        world: World,
        now: datetime,
        *,
        closed: bool = False,
    ) -> None:
        """Begin the clocks of whoever got the lead; those of the former owner end.

        A reassignment by an SLA is `sweep`'s own: it knows which clock goes on. One that could not
        come true and is decided again gives the path on to whoever gets the lead then. A `closed`
        lead has none.
        """
        lead, owner = case.lead, decision.owner_id
        before = clocks.of_lead(self.db, lead.ref)
        running = [c for c in before if c.ended_at is None]
        given = (
            decision.outcome is OutcomeKind.ASSIGN
            and is_persons(world, lead.ref.crm, owner)
            and not closed
        )
        if case.order is not None and case.order.kind == SLA:
            own = [c for c in running if c.after is None]
            if any(c.owner_id == case.order.taken_from for c in own):
                return
            if own and given and owner is not None:
                self.end(own, "decided again", now)
                for clock in own:
                    self.begin(
                        lead, case.person_id, clock.sla, decision_id, owner, decision.rep_id,
                        clock.team, world, now, upto=clock.upto,
                    )  # fmt: skip
                return
        self.end(running, "decided again", now)
        if not given or owner is None:
            return
        scored = decision.trace.score
        points = {} if scored is None else score_values(scored)
        values = {**lead.values, **points, "now": now}
        names = slas_for(self.policy, decision.rule, values, [c.sla for c in before])
        team = next((p[5:] for p in reversed(decision.places) if p.startswith("team:")), None)
        for name in names:
            if decision.follows is None or not clocks.open_of_person(self.db, case.person_id, name):
                self.begin(
                    lead, case.person_id, name, decision_id, owner, decision.rep_id, team, world,
                    now,
                )  # fmt: skip

    def begin(
        self,
        lead: Lead,
        person_id: str,
        name: str,
        decision_id: str,
        owner_id: str,
        rep_id: str | None,
        team: str | None,
        world: World,
        now: datetime,
        *,
        upto: str | None = None,
    ) -> ClockRow:
        """A new clock of this owner."""
        status = lead.get("status")
        clock = ClockRow(
            clocks.next_id(self.db, lead.ref, name), lead.ref, person_id, name, decision_id,
            owner_id, rep_id, team, status if isinstance(status, str) else None, now,
            upto=upto,
        )  # fmt: skip
        clocks.put(self.db, clock)
        self.plan(clock, world)
        due = next((s.due_at for s in clocks.steps_of(self.db, clock.id) if s.step == DUE), None)
        self._tell("clock.armed", clock, now, owner_id=owner_id, due=due and due.isoformat())
        self.metrics.clocks_armed_total.labels(sla=name).inc()
        return clock

    # -- by a sighting ----------------------------------------------------------------------

    def seen(
        self, lead: Lead, row: LeadRow, world: World, values: Mapping[str, Value], now: datetime
    ) -> None:
        """Bring the clocks of a lead that needs no decision to what it shows.

        `values` are the lead's, with its score.
        """
        if not self.policy.slas:
            return
        running = clocks.open_of(self.db, row.ref)
        person = is_persons(world, row.ref.crm, row.owner_id)
        if not running:
            if person and row.state is LeadState.ASSIGNED:
                self._claimed(lead, row, world, values, now)
            return
        if row.closed:
            self.end(running, "closed", now)
        elif row.state is not LeadState.ASSIGNED or not person or row.owner_id is None:
            self.end(running, "nobody owns it", now)
        elif any(c.after is None and c.owner_id != row.owner_id for c in running):
            self._restart(lead, row, running, row.owner_id, world, now)
        else:
            for clock in running:
                self._look(clock, lead, world, now)

    def _claimed(
        self, lead: Lead, row: LeadRow, world: World, values: Mapping[str, Value], now: datetime
    ) -> None:
        """Somebody took the lead out of a claim queue: their time begins."""
        if row.decision_id is None or not row.reason.startswith("taken from its claim queue"):
            return
        if any(c.decision_id == row.decision_id for c in clocks.of_lead(self.db, row.ref)):
            return
        kept = decisions.get_decision(self.db, row.decision_id)
        rule = "" if kept is None else kept.rule
        names = slas_for(self.policy, rule, values)
        for name in names:
            self._for_owner(lead, row, name, None, world, now)

    def _restart(
        self,
        lead: Lead,
        row: LeadRow,
        running: list[ClockRow],
        owner_id: str,
        world: World,
        now: datetime,
    ) -> None:
        """A person gave the lead to somebody else, who has the whole time for it."""
        self.end(running, "given to somebody else", now)
        for name in dict.fromkeys(c.sla for c in running):
            if name in self.policy.slas:
                team = next((c.team for c in running if c.sla == name), None)
                self._for_owner(lead, row, name, team, world, now)

    def _for_owner(
        self,
        lead: Lead,
        row: LeadRow,
        name: str,
        team: str | None,
        world: World,
        now: datetime,
    ) -> None:
        owner = row.owner_id or ""
        rep = world.rep_of(row.ref.crm, owner)
        rep_id = None if rep is None else rep.id
        self.begin(
            lead, row.person_id, name, row.decision_id or "", owner, rep_id, team, world,
            now,
        )  # fmt: skip

    def _look(self, clock: ClockRow, lead: Lead, world: World, now: datetime) -> None:
        sla = self.policy.slas.get(clock.sla)
        if sla is None:
            return
        ours = outbox.texts_set(self.db, clock.ref, clock.since - SKEW)
        found = evidence(sla, clock, lead, now, ours)
        # The change is as old as the record says; it can have waited for us to look.
        at = min(now, max(lead.modified_at, clock.paused_since or clock.since))
        open_ = clock.accepted_at is None or (sla.responded_when is None and not found.waiting)
        if found.moved and open_ and clock.moved_at is None:
            clock = replace(clock, moved_at=at)
            clocks.put(self.db, clock)
        if found.answered is not None:
            self.answered(clock, found.answered, at, now)
        elif found.waiting and clock.paused_since is None:
            clock = replace(clock, paused_since=at)
            clocks.put(self.db, clock)
            self.plan(clock, world)
            self._tell("clock.paused", clock, now)
        elif not found.waiting and clock.paused_since is not None:
            span = (clock.paused_since, at)
            clock = replace(clock, paused_since=None, pauses=(*clock.pauses, span))
            clocks.put(self.db, clock)
            self.plan(clock, world)
            self._tell("clock.resumed", clock, now)

    def moved(
        self, clock: ClockRow, sla: Sla, lead: Lead, done: Iterable[Activity], now: datetime
    ) -> ClockRow:
        """Whoever moved the status is known now, as far as it ever will be; the clock then.

        What nobody of ours moved becomes the status that the next move is told from.
        """
        ours = outbox.texts_set(self.db, clock.ref, clock.since - SKEW)
        move = who_moved(sla, clock, lead, done, now, ours)
        seen = evidence(sla, clock, lead, now)
        status = lead.get("status")
        if clock.accepted_at is None and move is not None:
            clock = self.taken(clock, move.at)
        if not seen.waiting and move is None and isinstance(status, str):
            clock = replace(clock, status=status)
        clock = replace(clock, moved_at=None)
        clocks.put(self.db, clock)
        if move is not None and sla.responded_when is None:
            self.answered(clock, move.how, move.at, now, move.change)
            return clocks.get(self.db, clock.id) or clock
        return clock

    def taken(self, clock: ClockRow, at: datetime) -> ClockRow:
        """The owner has taken the lead up; the clock then."""
        clock = replace(clock, accepted_at=at)
        clocks.put(self.db, clock)
        timing.taken(self.db, self.metrics, clock.ref, clock.decision_id, at)
        return clock

    # -- ends -------------------------------------------------------------------------------

    def answered(
        self,
        clock: ClockRow,
        how: str,
        at: datetime,
        now: datetime,
        done: Activity | None = None,
    ) -> None:
        """The lead has its answer, `done` as far as the CRM has it; late if the time was over."""
        if clock.after is not None:
            self.end([clock], "answered by the next owner", now)
            return
        due = next((s.due_at for s in clocks.steps_of(self.db, clock.id) if s.step == DUE), None)
        late = due is not None and due < at
        clocks.put(self.db, replace(clock, ended_at=at, how=clocks.ANSWERED, late=late))
        clocks.drop_unfired(self.db, clock.id)
        proof = {} if done is None else {"by": done.by, "proof": str(done.ref)}
        self._tell("clock.answered", clock, now, reason=how, late=late, **proof)
        timing.responded(
            self.db, self.metrics, clock.ref, clock.decision_id, at, proof.get("proof") or ""
        )
        self.follow_ups.answered(clock.ref, at, now)
        keep_answer(self.db, clock, at, now, due, done)
        result = "late" if late else "in_time"
        self.metrics.clocks_ended_total.labels(sla=clock.sla, how=result).inc()

    def end(self, running: Iterable[ClockRow], why: str, now: datetime) -> None:
        """End clocks that have nobody to wait for any more."""
        for clock in running:
            end_clock(self.db, clock, why, now)
            self.metrics.clocks_ended_total.labels(sla=clock.sla, how="ended").inc()

    def reassigned(
        self,
        lead: Lead,
        row: LeadRow,
        clock: ClockRow,
        sla: Sla,
        key: str,
        world: World,
        now: datetime,
    ) -> None:
        """The new owner has the whole time, and the path up to stage `key`; the rest goes on."""
        owner = row.owner_id or ""
        if not is_persons(world, row.ref.crm, owner):
            # Offered in a queue: the time of whoever takes it out begins then.
            self.end(clocks.open_of(self.db, row.ref), "nobody owns it", now)
            return
        rep = world.rep_of(row.ref.crm, owner)
        rep_id = None if rep is None else rep.id
        began: list[tuple[str, str | None, str | None]] = [(sla.name, clock.team, key)]
        for other in clocks.open_of(self.db, row.ref):
            mine = other.sla == sla.name
            if other.id == clock.id:
                rest = replace(clock, after=key)
                if path_of(sla, rest):
                    clocks.put(self.db, rest)
                    self.plan(rest, world)
                    continue
            elif mine and other.after is not None:
                continue
            end_clock(self.db, other, "reassigned", now)
            if not mine and other.after is None and other.sla in self.policy.slas:
                began.append((other.sla, other.team, None))
        for name, team, upto in began:
            self.begin(
                lead, row.person_id, name, row.decision_id or "", owner, rep_id, team, world, now,
                upto=upto,
            )  # fmt: skip

    # -- instants ---------------------------------------------------------------------------

    def plan(self, clock: ClockRow, world: World) -> None:
        """Give the stages to come their instants; what has fired stays."""
        sla = self.promise(clock, world)
        stages = path_of(sla, clock)
        if clock.paused_since is not None:
            clocks.set_steps(self.db, clock, [(s.key, s.number, None) for s in stages])
            return
        hours = hours_of(sla, clock.rep_id, clock.team, self.policy, world.reps)
        found = planned(stages, hours, clock.since, clock.pauses)
        clocks.set_steps(self.db, clock, [(s.key, s.number, at) for s, at in found])

    def promise(self, clock: ClockRow, world: World) -> Sla:
        """What the policy promises to this clock; KeyError when it has no such SLA."""
        sla = self.policy.slas[clock.sla]
        return in_force(sla, clock.since, clock.rep_id, self.policy, world.reps)

    def replan(
        self, world: World, after: Sequence[str], limit: int, now: datetime
    ) -> Sequence[str] | None:
        """Plan so many clocks anew, as `replanning` asks: the policy or the roster is another."""
        rows = clocks.running_after(self.db, after[0] if after else "", limit)
        for clock in rows:
            self.plan_anew(clock, world, now)
        return (rows[-1].id,) if len(rows) == limit else None

    def plan_anew(self, clock: ClockRow, world: World, now: datetime) -> None:
        """Plan a clock that another policy or roster may have planned. Idempotent."""
        if clock.sla in self.policy.slas:
            self.plan(clock, world)
        else:
            self.end([clock], "the policy has no such SLA any more", now)

    def _tell(self, event: str, clock: ClockRow, now: datetime, **detail: Any) -> None:
        tell(self.db, event, clock, now, **detail)


def path_of(sla: Sla, clock: ClockRow) -> tuple[Stage, ...]:
    """The stages of a clock: all, or the part of the path that is its own."""
    first = None if clock.after is None else sla.stage(clock.after)
    last = None if clock.upto is None else sla.stage(clock.upto)
    return tuple(
        s
        for s in sla.stages
        if (first is None or s.number > first.number) and (last is None or s.number <= last.number)
    )


def end_clock(db: Db, clock: ClockRow, why: str, now: datetime) -> None:
    """End one clock without an answer. Idempotent."""
    if clock.ended_at is not None:
        return
    clocks.put(db, replace(clock, ended_at=now, how=why))
    clocks.drop_unfired(db, clock.id)
    tell(db, "clock.ended", clock, now, reason=why)


def end_all(db: Db, ref: Ref, why: str, now: datetime) -> None:
    """End all clocks of a lead that has left."""
    for clock in clocks.open_of(db, ref):
        end_clock(db, clock, why, now)


def tell(db: Db, event: str, clock: ClockRow, now: datetime, **detail: Any) -> None:
    """Journal and log one event of a clock."""
    journal.write(
        db, now, event, ref=clock.ref, decision_id=clock.decision_id, sla=clock.sla,
        clock=clock.id, **detail,
    )  # fmt: skip
    told = {k: v for k, v in detail.items() if k in ("reason", "due", "step")}
    log.info(event, crm=clock.ref.crm, lead=str(clock.ref), sla=clock.sla, **told)

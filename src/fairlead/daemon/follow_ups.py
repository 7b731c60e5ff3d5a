"""Follow-up cadences as leads move: begun with the assignment or its first response, ended, told.

Inside the transactions of `routing` and `clocking`. Level-triggered: what is done follows from the
lead and its cadence as they are. `following` makes the steps that come due.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from fairlead.core.cadence import WorkingDays, days_of
from fairlead.core.decision import SLA, Case, Decision, OutcomeKind, World
from fairlead.core.policy import Policy
from fairlead.core.sla import find_rule, slas_for
from fairlead.core.types import LeadState, Ref
from fairlead.daemon.sightings import is_persons
from fairlead.metrics import Metrics
from fairlead.store import cadences, clocks, journal, outbox
from fairlead.store.cadences import CadenceRow
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow
from fairlead.store.outbox import OutboxState
from fairlead.telemetry import get_logger

log = get_logger()

DUE_IN = timedelta(hours=1)
LATER = timedelta(days=1)
"""When a cadence is looked at again whose rep never works, as far as one can see."""
ROLE = "cadence"
"""The role in a task that belongs to a cadence; such a task is never the owner's own."""


class FollowUps:
    """Keeps the cadences of leads under one policy."""

    def __init__(self, db: Db, policy: Policy, metrics: Metrics) -> None:
        self.db = db
        self.policy = policy
        self.metrics = metrics

    @property
    def due_in(self) -> timedelta:
        """How long after it was made a follow-up's task is due, and is reminded of."""
        return DUE_IN if self.policy.task is None else self.policy.task.due_in

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
        """Begin the cadence of whoever got the lead; that of the former owner ends.

        With an SLA it waits for the first response; without one it counts from the decision. A
        `closed` lead has none.
        """
        lead, owner = case.lead, decision.owner_id
        before = cadences.of_lead(self.db, lead.ref)
        for row in before:
            self.end(row, "decided again", now)
        if decision.outcome is not OutcomeKind.ASSIGN or owner is None or closed:
            return
        rule = find_rule(self.policy, decision.rule)
        name = rule.cadence if rule is not None else before[-1].name if before else None
        if name not in self.policy.cadences or not is_persons(world, lead.ref.crm, owner):
            return
        if decision.follows is not None and cadences.open_of_person(self.db, case.person_id):
            return
        values = {**lead.values, "now": now}
        by_clock = case.order is not None and case.order.kind == SLA
        waits = by_clock or bool(slas_for(self.policy, decision.rule, values, self._had(lead.ref)))
        text = f"{lead.ref}|{decision_id}|{name}"
        row = CadenceRow(
            "f" + hashlib.sha256(text.encode()).hexdigest()[:23], lead.ref, case.person_id,
            decision_id, str(name), owner, decision.rep_id, None,
        )  # fmt: skip
        cadences.put(self.db, row)
        if not waits:
            self._begin(row, now, world, now)

    def _had(self, ref: Ref) -> list[str]:
        return [c.sla for c in clocks.of_lead(self.db, ref)]

    def seen(self, row: LeadRow, world: World, now: datetime) -> None:
        """Bring the cadences of a lead that needs no decision to what it shows."""
        if not self.policy.cadences:
            return
        for found in cadences.open_of(self.db, row.ref):
            why = why_over(found, row)
            if why is not None:
                self.end(found, why, now)
            elif found.since is None and not clocks.open_of(self.db, row.ref):
                # Its clocks ended by something else than an answer.
                self._begin(found, now, world, now)

    def answered(self, ref: Ref, at: datetime, now: datetime) -> None:
        """A clock of the lead was stopped by its first response: from here on it counts."""
        for row in cadences.open_of(self.db, ref):
            if row.since is None:
                self._begin(row, at, None, now)

    def _begin(self, row: CadenceRow, since: datetime, world: World | None, now: datetime) -> None:
        began = replace(row, since=since, look_at=now)
        if world is not None:
            began = replace(began, look_at=self.next_look(began, self._days(began, world), now))
        cadences.put(self.db, began)
        tell(self.db, "cadence.begun", began, now)

    def next_look(self, row: CadenceRow, days: WorkingDays, now: datetime) -> datetime | None:
        """When there is something to do for a cadence, counted from now."""
        if row.since is None:
            return None
        cadence = self.policy.cadences.get(row.name)
        if cadence is None:
            return now
        ends = row.day_ends or now
        if row.made >= len(cadence.steps):
            return max(now, ends)
        step = cadence.steps[row.made]
        at = days.comes(step, row.since, now)
        return at if at is not None else now + LATER

    def _days(self, row: CadenceRow, world: World) -> WorkingDays:
        return days_of(row.rep_id, self.policy, world.reps)

    def replan(
        self, world: World, after: Sequence[str], limit: int, now: datetime
    ) -> Sequence[str] | None:
        """Look anew, as `replanning` asks, at when so many cadences go on: the policy or the
        roster is another one."""
        rows = cadences.running_after(self.db, after[0] if after else "", limit)
        for row in rows:
            if row.since is not None:
                look = self.next_look(row, self._days(row, world), now)
                cadences.put(self.db, replace(row, look_at=look))
        return (rows[-1].id,) if len(rows) == limit else None

    def end(self, row: CadenceRow, why: str, now: datetime) -> None:
        """End a cadence; a task that has not gone out does not. Idempotent."""
        if row.ended_at is not None:
            return
        end_cadence(self.db, row, why, now)


def why_over(row: CadenceRow, lead: LeadRow | None) -> str | None:
    """Why a lead is not to be followed up any more by this owner; None: it is."""
    if lead is None or lead.state is not LeadState.ASSIGNED:
        return "nobody owns it"
    if lead.closed:
        return "closed"
    if lead.owner_id != row.owner_id:
        return "given to somebody else"
    return None


def end_cadence(db: Db, row: CadenceRow, why: str, now: datetime) -> None:
    """End one cadence; what of it has never been sent is called off."""
    cadences.put(db, replace(row, ended_at=now, how=why, look_at=None))
    task = None if row.task_key is None else outbox.get(db, row.task_key)
    if task is not None and task.state is OutboxState.NEW and task.attempts == 0:
        outbox.settle(db, task.key, OutboxState.CANCELLED, why, now)
    tell(db, "cadence.ended", row, now, reason=why)


def end_all(db: Db, ref: Ref, why: str, now: datetime) -> None:
    """End the cadences of a lead that has left."""
    for row in cadences.open_of(db, ref):
        end_cadence(db, row, why, now)


def tell(db: Db, event: str, row: CadenceRow, now: datetime, **detail: Any) -> None:
    """Journal and log one event of a cadence."""
    journal.write(
        db, now, event, ref=row.ref, decision_id=row.decision_id, cadence=row.name,
        follow_up=row.id, **detail,
    )  # fmt: skip
    told = {k: v for k, v in detail.items() if k in ("reason", "due", "step")}
    log.info(event, crm=row.ref.crm, lead=str(row.ref), cadence=row.name, **told)

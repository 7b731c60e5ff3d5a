"""Follow-ups that come due: each lead is looked at, and its next step made, once.

Called by `sweep`, while the machine's clock can be trusted. A due lead is read by id, its task is
looked up, and what the buyer has sent since is asked for; then the step is marked and its task put
into the outbox in one transaction. A step that was missed is made again as the next one, under the
same task: a rep never has two open follow-ups of one lead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from fairlead.clock import Clock
from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.cadence import WorkingDays, days_of
from fairlead.core.cadence_terms import Cadence
from fairlead.core.decision import World
from fairlead.core.effects import UpsertTask, effect_key
from fairlead.daemon.asking_once import Ask, Told
from fairlead.daemon.follow_ups import ROLE, FollowUps, end_cadence, tell, why_over
from fairlead.daemon.gone import still_here
from fairlead.daemon.ingest import Ingest
from fairlead.metrics import Metrics
from fairlead.spi.connector import TaskFound
from fairlead.store import cadences, leads, outbox
from fairlead.store.cadences import CadenceRow
from fairlead.store.db import Db
from fairlead.store.outbox import OutboxState

BATCH = 200
FROM_BUYER = frozenset(
    {ActivityKind.CALL, ActivityKind.EMAIL, ActivityKind.MEETING, ActivityKind.MESSAGE}
)
SOON = timedelta(minutes=1)
"""When a lead is looked at again whose owner or task is not written yet."""


class Following:
    """Makes the follow-ups of one CRM's leads; used by its reader thread."""

    def __init__(self, db: Db, ingest: Ingest, clock: Clock, metrics: Metrics) -> None:
        self.db = db
        self.ingest = ingest
        self.clock = clock
        self.metrics = metrics

    def due(self) -> list[CadenceRow]:
        """What is to be looked at now."""
        return cadences.due(self.db, self.ingest.crm, self.clock.now(), BATCH)

    def asks(self, rows: Sequence[CadenceRow]) -> Ask:
        """What the CRM is asked before these are looked at: the leads, and what buyers sent."""
        refs = list(dict.fromkeys(r.ref for r in rows))
        since = {r.ref: r.since for r in rows if r.since is not None}
        return Ask(refs, since, FROM_BUYER)

    def look(self, rows: Sequence[CadenceRow], told: Told) -> None:
        """Look at these; raises what reading from the CRM raises, nothing is lost by it."""
        markers = [marker_of(r.task_key) for r in rows if r.task_key is not None]
        tasks = self.ingest.connector.find_tasks(markers) if markers else {}
        refs, said = list(told.records), told.done
        with self.db.transaction():
            now = self.clock.now()
            here = still_here(self.db, refs, told.records, now)
            self.ingest.observe_all(here)
            people = self.ingest.router().people()
            for row in rows:
                self._one(row.id, tasks, said.get(row.ref, ()), people, now)

    def _one(
        self,
        id: str,
        tasks: Mapping[str, TaskFound],
        said: Sequence[Activity],
        people: World,
        now: datetime,
    ) -> None:
        row = cadences.get(self.db, id)
        if row is None or row.ended_at is not None or row.since is None:
            return
        router = self.ingest.router()
        keeper, policy = router.clocking.follow_ups, router.policy
        cadence = policy.cadences.get(row.name)
        since = row.since
        why = why_over(row, leads.get_lead(self.db, row.ref))
        if why is None and cadence is None:
            why = "the policy has no such cadence any more"
        if why is None and any(a.incoming and since <= a.at <= now for a in said):
            why = "the buyer has answered"
        if why is not None or cadence is None:
            keeper.end(row, why or "", now)
            return
        days = days_of(row.rep_id, policy, people.reps)
        if outbox.open_owner_write(self.db, row.ref) is not None:
            cadences.put(self.db, replace(row, look_at=now + SOON))
            return
        state = self._state(row, tasks, now)
        if state is None:
            cadences.put(self.db, replace(row, look_at=now + SOON))
        elif state == OPEN and row.day_ends is not None:
            cadences.put(self.db, replace(row, look_at=row.day_ends))
        else:
            self._go_on(keeper, cadence, row, days, state, now)

    def _state(self, row: CadenceRow, tasks: Mapping[str, TaskFound], now: datetime) -> str | None:
        """What has become of the last step's task; None: it has not reached the CRM yet."""
        if row.task_key is None:
            return NONE
        kept = outbox.get(self.db, row.task_key)
        if kept is not None and kept.state in outbox.OPEN:
            return None
        found = tasks.get(marker_of(row.task_key))
        written = kept is not None and kept.state is OutboxState.DONE
        over = row.day_ends is None or row.day_ends <= now
        if written and not self.ingest.connector.capabilities.task_marker:
            return DONE if over else OPEN  # without the marker its task cannot be found again
        if written and (found is None or not found.open):
            return DONE
        return MISSED if over or found is None else OPEN

    def _go_on(
        self,
        keeper: FollowUps,
        cadence: Cadence,
        row: CadenceRow,
        days: WorkingDays,
        state: str,
        now: datetime,
    ) -> None:
        """Make the next step if its time has come; the last one's end is the cadence's."""
        ended = row.made >= len(cadence.steps)
        assert row.since is not None
        at = None if ended else days.comes(cadence.steps[row.made], row.since, now)
        if not ended and at != now:
            cadences.put(self.db, replace(row, look_at=keeper.next_look(row, days, now)))
            return
        if state in (DONE, MISSED):
            self.metrics.follow_ups_total.labels(cadence=row.name, how=state).inc()
            event = "cadence.done" if state == DONE else "cadence.missed"
            tell(self.db, event, row, now, step=row.made)
        if ended:
            end_cadence(self.db, row, "every follow-up was made", now)
            return
        self._make(cadence, row, days, state, now, keeper.due_in)

    def _make(
        self,
        cadence: Cadence,
        row: CadenceRow,
        days: WorkingDays,
        state: str,
        now: datetime,
        due_in: timedelta,
    ) -> None:
        number, of = row.made + 1, len(cadence.steps)
        step = cadence.steps[row.made]
        generation = leads.generation_of(self.db, row.person_id)
        key = row.task_key if state == MISSED else None
        if key is None:
            key = effect_key(row.person_id, generation, row.ref, f"follow-up {row.id}", number)
        ends = days.ends(now)
        lines = [step.body] if step.body else []
        lines.append(f"fairlead: follow-up {number} of {of}, cadence {row.name}.")
        if state == MISSED:
            lines.append("The one before was not done; this task stands for both.")
        task = UpsertTask(
            key, row.ref, marker_of(key), row.owner_id, step.subject, "\n".join(lines),
            min(ends, now + due_in), role=ROLE,
        )  # fmt: skip
        outbox.add(self.db, task, decision_id=row.decision_id, urgent=False, now=now)
        made = replace(row, made=number, task_key=key, made_at=now, day_ends=ends)
        look = ends
        if number < of and row.since is not None:
            # Done early, the next one may come on the same day.
            look = min(ends, max(now + SOON, row.since + cadence.steps[number].after))
        cadences.put(self.db, replace(made, look_at=look))
        self.metrics.follow_ups_total.labels(cadence=row.name, how="made").inc()
        tell(self.db, "cadence.task", made, now, step=number)


OPEN, DONE, MISSED, NONE = "open", "done", "missed", "none"


def marker_of(key: str) -> str:
    return f"fl-{key}"

"""What people and tools of a fake CRM do with its leads, and how much of it the CRM shows.

`FakeCrm.activities` is one of these; `FakeConnector.activities()` reads it.
"""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

from fairlead.clock import Clock
from fairlead.core.activity import Activity, ActivityKind, oldest_first
from fairlead.core.types import Actor, Ref

_WHY = {
    Actor.PERSON: "a user did it by hand",
    Actor.AUTOMATION: "a flow did it",
    Actor.US: "fairlead did it, or it is a task of fairlead's",
    Actor.UNKNOWN: "the record names nobody",
}


class FakeActivities:
    """The log of one CRM. `hidden` are kinds that our user may not read; `lag` is how much later
    than it was logged an activity shows, as behind a search index.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.hidden: set[ActivityKind] = set()
        self.lag = timedelta(0)
        self._log: list[tuple[Ref, Activity]] = []
        self._ids = itertools.count(1)

    @property
    def shown(self) -> frozenset[ActivityKind]:
        return frozenset(ActivityKind) - self.hidden

    def log(
        self,
        lead: Ref,
        kind: ActivityKind,
        *,
        by: str | None = None,
        actor: Actor = Actor.PERSON,
        at: datetime | None = None,
        incoming: bool = False,
        seconds: int | None = None,
        detail: str = "",
    ) -> Activity:
        """Write down now that this was done `at` (default now; earlier when logged afterwards)."""
        now = self.clock.now()
        ref = Ref(lead.crm, "Activity", f"activity-{next(self._ids):06}")
        done = Activity(
            ref, kind, at or now, now, by, actor, _WHY[actor], incoming, seconds, detail
        )
        self._log.append((lead, done))
        return done

    def of(self, lead: Ref, since: datetime) -> tuple[Activity, ...]:
        """What the CRM shows of a lead now."""
        now = self.clock.now()
        return oldest_first(
            (
                a
                for ref, a in self._log
                if ref == lead
                and a.kind not in self.hidden
                and (a.logged_at is None or a.logged_at + self.lag <= now)
            ),
            since,
        )

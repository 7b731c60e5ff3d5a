"""What counts as an answer to a lead: asked of the lead as it is, and of what was done with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from fairlead.core.activity import Activity
from fairlead.core.sla_terms import Sla
from fairlead.core.types import Actor, Lead
from fairlead.store.clocks import ClockRow


@dataclass(frozen=True, slots=True)
class Seen:
    """What a lead tells of one clock: whether it waits for the buyer, is accepted, is answered."""

    waiting: bool
    accepted: bool
    answered: str | None
    """What the answer is, in words; None while there is none."""


def evidence(
    sla: Sla, clock: ClockRow, lead: Lead, now: datetime, ours: Collection[str] = ()
) -> Seen:
    """By the policy's `responded_when`, else by the status that was moved since the clock began.

    A status in which the policy waits for the buyer is no answer, nor is one of `ours`, which we
    have written since. Who else moved it, no CRM tells here.
    """
    values = {**lead.values, "now": now}
    waiting = sla.paused_when is not None and sla.paused_when.test(values)
    status = lead.get("status")
    moved = status != clock.status and status not in ours
    if sla.responded_when is not None:
        answered = "responded_when holds" if sla.responded_when.test(values) else None
    else:
        answered = "its status was moved" if moved and not waiting else None
    return Seen(waiting, moved, answered)


def first_done(
    sla: Sla, clock: ClockRow, done: Iterable[Activity], now: datetime
) -> tuple[Activity, datetime] | None:
    """The first thing a person did since the clock began that is an answer, and when.

    A meeting that lies ahead is one when it was written down. What came from the buyer, and what a
    tool did or may have done, is none.
    """
    found = []
    for one in done:
        at = one.at if one.at <= now else (one.logged_at or one.at)
        ours = one.actor is Actor.PERSON and not one.incoming and one.kind in sla.counts
        if ours and clock.since <= at <= now:
            found.append((one, at))
    return min(found, key=lambda f: (f[1], str(f[0].ref)), default=None)

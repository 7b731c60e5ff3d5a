"""What counts as an answer to a lead: one question, asked of the lead as it is.

The seam for further evidence (logged calls, e-mails, meetings): whoever adds it answers here, with
the instant and what told of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fairlead.core.sla_terms import Sla
from fairlead.core.types import Lead
from fairlead.store.clocks import ClockRow


@dataclass(frozen=True, slots=True)
class Seen:
    """What a lead tells of one clock: whether it waits for the buyer, is accepted, is answered."""

    waiting: bool
    accepted: bool
    answered: str | None
    """What the answer is, in words; None while there is none."""


def evidence(sla: Sla, clock: ClockRow, lead: Lead, now: datetime) -> Seen:
    """By the policy's `responded_when`, else by the status that was moved since the clock began.

    A status in which the policy waits for the buyer is no answer. Who moved it, no CRM tells here.
    """
    values = {**lead.values, "now": now}
    waiting = sla.paused_when is not None and sla.paused_when.test(values)
    moved = lead.get("status") != clock.status
    if sla.responded_when is not None:
        answered = "responded_when holds" if sla.responded_when.test(values) else None
    else:
        answered = "its status was moved" if moved and not waiting else None
    return Seen(waiting, moved, answered)

"""What people and tools did with a lead, as a CRM keeps it: the evidence of a first response.

Pure values that connectors fill; whether one counts as a response is for the policy to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fairlead.core.types import Actor, Ref


class ActivityKind(StrEnum):
    """What was done, whatever the CRM calls its object."""

    CALL = "call"
    EMAIL = "email"
    MEETING = "meeting"
    MESSAGE = "message"
    """Text message, WhatsApp, LinkedIn, post."""
    TASK_DONE = "task_done"
    """A task that is neither a call nor an e-mail was completed."""
    STATUS_CHANGE = "status_change"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Activity:
    """One thing that was done with a lead, and the record that proves it.

    `ref` is that record; where the CRM keeps none for a change of status, it is the lead's own.
    `at` is when it happened as far as the CRM says (for a meeting its start, which may lie ahead),
    `logged_at` when it was written down, None when that is not told. `by` is the owner id of who
    did it. `actor` is PERSON only where the CRM shows a human user's own doing; `why` says in words
    what that rests on. `incoming` came from the lead. `seconds` is how long it took. `detail` holds
    codes of the CRM (outcome, old and new status), never text about the lead.
    """

    ref: Ref
    kind: ActivityKind
    at: datetime
    logged_at: datetime | None
    by: str | None
    actor: Actor
    why: str
    incoming: bool = False
    seconds: int | None = None
    detail: str = ""


def oldest_first(activities: Iterable[Activity], since: datetime) -> tuple[Activity, ...]:
    """Those at or after `since` in the order in which they happened, each record told once."""
    told = {(a.ref, a.kind, a.at): a for a in activities if a.at >= since}
    return tuple(sorted(told.values(), key=lambda a: (a.at, str(a.ref), a.kind)))

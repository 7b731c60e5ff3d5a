"""The mail to whom a lead was given, beside the task, where the policy says `task: {mail: true}`.

It goes when the task is in the CRM: then the lead is theirs, and nobody has overruled it.
"""

from __future__ import annotations

from datetime import datetime

from fairlead.core.effects import UpsertTask
from fairlead.core.types import Record
from fairlead.daemon.ingest import Ingest
from fairlead.daemon.lead_words import lead_words
from fairlead.store import directory, messages
from fairlead.store.db import Db
from fairlead.store.outbox import OutboxRow

ASSIGNED = "lead.assigned"
FOR_CLOCKS = "sla"


def mail_owner(db: Db, ingest: Ingest, row: OutboxRow, record: Record, now: datetime) -> None:
    """Mail a task's owner its words and what is known of the lead; once for each owner of it.

    Inside the transaction in which the task is done.
    """
    policy, task = ingest.router().policy, row.effect
    if policy.task is None or not policy.task.mail or not isinstance(task, UpsertTask):
        return
    if task.role == FOR_CLOCKS:
        return
    owners = directory.get_owners(db, row.ref.crm)
    address = next((o.email for o in owners if o.id == task.owner_id), None)
    if address is None:
        return
    due = f"Due: {task.due_at:%Y-%m-%d %H:%M} UTC"
    lines = [task.body, due, record.url or f"Lead: {row.ref}"]
    messages.add(
        db, f"task {task.key} {task.owner_id}", address, task.subject, "\n".join(lines), now,
        row.ref, event=ASSIGNED, lead=lead_words(record, ingest, policy),
        data={"items": [{"lead": str(row.ref), "decision": row.decision_id}]},
    )  # fmt: skip

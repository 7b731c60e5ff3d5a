"""How often a person was contacted in the other CRM, for the contact cap.

A connector is used by its own thread alone, so one CRM's reader asks by a row and the other's
answers by it; both are committed, and a crash between them loses neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fairlead.clock import Clock
from fairlead.core.activity import Activity
from fairlead.core.policy import Policy
from fairlead.core.recycling import contacts
from fairlead.core.recycling_terms import ContactCap
from fairlead.core.types import LeadState, Ref
from fairlead.daemon.asking_once import Ask
from fairlead.store import contact_asks, leads, recyclings
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow

BATCH = 50
PATIENCE = timedelta(days=1)
"""A CRM that has not answered for so long is not waited for: it cannot be read, or is not ours
any more."""


def elsewhere(
    db: Db, policy: Policy, row: LeadRow, cap: ContactCap, now: datetime
) -> tuple[list[datetime], list[str]]:
    """When the person was contacted in other CRMs, and which of these have yet to tell."""
    times: list[datetime] = []
    waiting: list[str] = []
    others = {o.ref.crm for o in leads.leads_of_person(db, row.person_id) if _there(o)}
    for crm in sorted(others - {row.ref.crm}):
        if policy.source_of(crm) is None:
            continue
        asked = contact_asks.get(db, row.person_id, crm)
        if asked is None:
            contact_asks.ask(db, row.person_id, crm, now - cap.within, now)
            waiting.append(crm)
        elif asked.told_at is not None:
            # Good for one look, however late that comes: the next one asks anew.
            times += asked.times
            contact_asks.drop(db, row.person_id, crm)
        elif now - asked.asked_at < PATIENCE:
            waiting.append(crm)
    return times, waiting


@dataclass(frozen=True, slots=True)
class Question:
    """What this CRM is asked of a person, and the records that they have here."""

    ask: contact_asks.Ask
    refs: tuple[Ref, ...]


def questions(db: Db, crm: str) -> list[Question]:
    """What a CRM is asked; a question to an index when that is nothing."""
    found = []
    for one in contact_asks.open_of(db, crm, BATCH):
        rows = leads.leads_of_person(db, one.person_id)
        here = [o.ref for o in rows if o.ref.crm == crm and _there(o)]
        found.append(Question(one, tuple(here)))
    return found


def asks(asked: Sequence[Question]) -> Ask:
    """What the CRM is to be asked for these."""
    return Ask(since={ref: q.ask.since for q in asked for ref in q.refs})


def answer(
    db: Db, asked: Sequence[Question], done: Mapping[Ref, Sequence[Activity]], clock: Clock
) -> None:
    """Tell it; what nobody asks any more is left alone."""
    with db.transaction():
        now = clock.now()
        for one in asked:
            if contact_asks.get(db, one.ask.person_id, one.ask.crm) != one.ask:
                continue
            seen = [a for ref in one.refs for a in done.get(ref, ())]
            contact_asks.tell(db, one.ask, contacts(seen, now), now)
            recyclings.wake(db, one.ask.person_id, now)


def _there(row: LeadRow) -> bool:
    return row.state is not LeadState.GONE

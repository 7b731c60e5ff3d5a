"""How often a person was contacted in the other CRM, for the contact cap.

A connector is used by its own thread alone, so one CRM's reader asks by a row and the other's
answers by it; both are committed, and a crash between them loses neither.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from fairlead.clock import Clock
from fairlead.core.policy import Policy
from fairlead.core.recycling import contacts
from fairlead.core.recycling_terms import ContactCap
from fairlead.core.types import LeadState, Ref
from fairlead.spi.connector import ActivitiesOf, Connector
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


def answer(db: Db, connector: Connector, clock: Clock) -> None:
    """Tell what this connector's CRM is asked; a question to an index when that is nothing.

    Raises what reading from the CRM raises; the questions stay.
    """
    open_ = contact_asks.open_of(db, connector.name, BATCH)
    if not open_:
        return
    asked: dict[Ref, ActivitiesOf] = {}
    records: dict[str, list[Ref]] = {}
    for one in open_:
        rows = leads.leads_of_person(db, one.person_id)
        here = [o.ref for o in rows if o.ref.crm == connector.name and _there(o)]
        records[one.person_id] = here
        asked |= {ref: ActivitiesOf(ref, one.since, thorough=True) for ref in here}
    done = connector.activities(list(asked.values())) if asked else {}
    with db.transaction():
        now = clock.now()
        for one in open_:
            seen = [a for ref in records[one.person_id] for a in done.get(ref, ())]
            contact_asks.tell(db, one, contacts(seen, now), now)
            recyclings.wake(db, one.person_id, now)


def _there(row: LeadRow) -> bool:
    return row.state is not LeadState.GONE

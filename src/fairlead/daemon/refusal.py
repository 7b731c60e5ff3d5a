"""A write that will not happen: the CRM said no for good, or asked for another try too often."""

from __future__ import annotations

from datetime import datetime

from fairlead.core.effects import Effect, SetField, SetMember, SetOwner, SetScore
from fairlead.core.types import LeadState, Record
from fairlead.daemon.overtaken import overtaken
from fairlead.store import claims, decisions, journal, leads, outbox
from fairlead.store.db import Db
from fairlead.store.outbox import OutboxRow, OutboxState
from fairlead.telemetry import get_logger

log = get_logger()


def refused(
    db: Db, row: OutboxRow, record: Record, detail: str, now: datetime, *, said: str = ""
) -> None:
    """Set one write aside for a person, inside the caller's transaction; others go on.

    Without its owner a lead is a dead letter, its task is off, and the rep gets the turn back. A
    score, a field or a membership that is refused leaves the lead as it is, and one that nobody
    should try again waits for nobody. `said` is what the CRM said in words; it may quote the lead,
    so only the list of dead letters shows it.
    """
    crm = row.ref.crm
    outbox.settle(db, row.key, OutboxState.REFUSED, detail, now)
    why = overtaken(db, row)
    if why:
        detail = f"{detail}; not needed any more: {why}"
        if isinstance(row.effect, SetOwner) and outbox.open_owner_write(db, row.ref) is None:
            leads.set_owner(db, row.ref, record.owner_id)
    if isinstance(row.effect, SetScore) or why:
        # Of a score the doctor names the field; a dead letter for each lead would hide others.
        journal.write(db, now, "effect.refused", ref=row.ref, effect_key=row.key, reason=detail)
        log.info("effect.refused", crm=crm, lead=str(row.ref), effect=row.key, reason=detail)
        return
    lead = leads.get_lead(db, row.ref)
    recycled = lead is not None and lead.state is LeadState.RECYCLED
    if isinstance(row.effect, SetOwner) and recycled:
        leads.set_owner(db, row.ref, record.owner_id)
    elif isinstance(row.effect, SetOwner):
        outbox.cancel_open(db, row.ref, OutboxState.CANCELLED, "its owner was refused", now)
        decisions.refund(db, row.decision_id, row.ref, now)
        claims.end(db, row.ref, now)
        leads.set_state(db, row.ref, LeadState.DEAD_LETTER, f"refused by {crm}: {detail}")
        leads.set_owner(db, row.ref, record.owner_id)
    shown = said or detail
    stage = _stage(row.effect)
    if journal.add_dead_letter(db, now, row.ref, stage, shown, record.version, row.key):
        log.warning("dead_letter.added", crm=crm, lead=str(row.ref), stage=stage, reason=detail)
    journal.write(db, now, "effect.refused", ref=row.ref, effect_key=row.key, reason=detail)
    log.warning("effect.refused", crm=crm, lead=str(row.ref), effect=row.key, reason=detail)


def _stage(effect: Effect) -> str:
    """Where it failed; a lead may wait for a person in each of them."""
    match effect:
        case SetField():
            return f"deliver field {effect.field}"
        case SetMember():
            return f"deliver group {effect.group}"
        case _:
            return "deliver"

"""Override: one lead given to a rep by hand, whoever has it; guarded and written like any other."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from fairlead.clock import Clock
from fairlead.core.decide import decide
from fairlead.core.decision import Decision, Order, OutcomeKind
from fairlead.core.types import Gone, Record, Ref, Rep
from fairlead.daemon.batch_apply import BUSY, begin
from fairlead.daemon.batch_plan import case_of
from fairlead.daemon.gone import why_gone
from fairlead.daemon.ingest import ODD_DATA, Ingest
from fairlead.errors import BadRecord, ConfigError, Unavailable
from fairlead.spi.connector import Connector
from fairlead.spi.patience import patiently
from fairlead.store import leads, outbox
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow


def read_one(connector: Connector, ref: Ref) -> Record:
    """The lead as it is in the CRM now; raises ConfigError when it is gone."""
    answer = patiently(partial(connector.read, [ref]))[ref]
    gone = why_gone(ref, answer)
    if gone is not None or isinstance(answer, Gone):
        raise ConfigError(f"{ref} is gone: {gone}")
    return answer


def give(
    db: Db, ingest: Ingest, record: Record, rep: Rep, order: Order, clock: Clock
) -> str | None:
    """Decide, journal and intend the override in one transaction; the id of the decision.

    Raises ConfigError with the obstacle when the rep cannot own it, Unavailable while a write to
    the lead is under way.
    """
    ref = record.ref
    with db.transaction():
        now = clock.now()
        row = leads.get_lead(db, ref)
        if row is None:
            raise ConfigError(f"{ref} has never been seen")
        if outbox.open_owner_write(db, ref) is not None:
            raise Unavailable(f"{BUSY}; try again in a moment")
        if record.owner_id == rep.crm_ids.get(ref.crm, ""):
            raise ConfigError(f"{rep.id} owns {ref} already")
        decision = _decided(db, ingest, record, row, order, clock)
        if decision.outcome is not OutcomeKind.ASSIGN:
            anyway = replace(order, even_if_away=True)
            can = _decided(db, ingest, record, row, anyway, clock)
            hint = "; if it is meant all the same, add --even-if-away"
            told = hint if can.outcome is OutcomeKind.ASSIGN else ""
            raise ConfigError(f"not done: {decision.reason}{told}")
        begin(db, record, row.person_id, order, now)
        ingest.observe_all([record], again=True, order=order)
        after = leads.get_lead(db, ref)
    return None if after is None else after.decision_id


def _decided(
    db: Db, ingest: Ingest, record: Record, row: LeadRow, order: Order, clock: Clock
) -> Decision:
    """What the order would come to; nothing is written."""
    router, now = ingest.router(), clock.now()
    snap = router.snapshot(now)
    try:
        case = case_of(db, router.policy, snap, record, row, ingest.feed, order)
        return decide(case, snap.world, router.policy, now)
    except (BadRecord, *ODD_DATA) as e:
        why = str(e) if isinstance(e, BadRecord) else type(e).__name__
        raise ConfigError(f"{record.ref} cannot be routed: {why}") from e

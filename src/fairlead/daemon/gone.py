"""How a lead leaves by itself: deleted, merged away or converted. Asked by reading and by writing.

Everything still open for it ends, its rep gets the turn back, and nobody is left waiting for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from fractions import Fraction

from fairlead.core.types import Gone, LeadState, Record, Ref
from fairlead.daemon import follow_ups, rounds
from fairlead.daemon.clocking import end_all
from fairlead.daemon.decaying import end_decay
from fairlead.daemon.merging import MERGED, become_one
from fairlead.store import claims, decisions, journal, leads, outbox, scores, signals
from fairlead.store.db import Db
from fairlead.telemetry import get_logger

log = get_logger()


def why_gone(ref: Ref, answer: Record | Gone) -> str | None:
    """Why the lead `ref`, read by id or seen in a feed, can take no more writes; None if it can."""
    if isinstance(answer, Gone):
        return answer.reason
    if answer.merged_into is not None:
        return f"{MERGED}{answer.merged_into}"
    if answer.ref != ref:
        return f"{MERGED}{answer.ref}"
    if answer.converted:
        return "converted"
    return "deleted" if answer.deleted else None


def still_here(
    db: Db, refs: Iterable[Ref], answers: Mapping[Ref, Record | Gone], now: datetime
) -> list[Record]:
    """The records of those that are there, in this order; the others are brought to their end.

    `answers` are those of a read by id, every ref among them. Inside the caller's transaction.
    """
    here: list[Record] = []
    for ref in refs:
        answer = answers[ref]
        gone = why_gone(ref, answer)
        if gone is not None:
            lead_gone(db, ref, gone, now)
        elif isinstance(answer, Record):
            here.append(answer)
    return here


def lead_gone(
    db: Db,
    ref: Ref,
    reason: str,
    now: datetime,
    running: dict[str, dict[str, Fraction]] | None = None,
) -> None:
    """Bring a lead to its end, inside the caller's transaction. Idempotent.

    A turn is given back when the owner never arrived, but not for a merged one: the survivor
    follows its owner. `running` are the balances of a snapshot in use.
    """
    pending = outbox.open_owner_write(db, ref)
    if pending is not None and not reason.startswith("merged"):
        decisions.refund(db, pending.decision_id, ref, now, running)
    outbox.cancel_open(db, ref, outbox.OutboxState.GONE, reason, now)
    claims.end(db, ref, now)
    scores.drop(db, ref)
    if reason.startswith(MERGED):
        survivor = Ref.parse(reason.removeprefix(MERGED))
        signals.hand_over(db, ref, survivor)
        signals.look_at(db, [survivor], now)
        become_one(db, ref, survivor)
    end_all(db, ref, reason, now)
    end_decay(db, ref)
    follow_ups.end_all(db, ref, reason, now)
    rounds.gone(db, ref, _survivor(reason), now)
    before = leads.get_lead(db, ref)
    leads.set_state(db, ref, LeadState.GONE, reason)
    journal.close_dead_letters_of(db, ref, now)
    if before is None or (before.state, before.reason) != (LeadState.GONE, reason):
        journal.write(db, now, "lead.gone", ref=ref, reason=reason)
        log.info("lead.gone", crm=ref.crm, lead=str(ref), reason=reason)


def _survivor(reason: str) -> Ref | None:
    if not reason.startswith(MERGED):
        return None
    return Ref.parse(reason.removeprefix(MERGED))

"""Signals as they are seen: kept as occurrences, shown to rules, and leads brought round for them.

Called by `routing` for each record, by `joining` for campaigns and lists, by `sweep` for what was
done with leads, inside their transactions. What is new for a person has the person's other records
looked at again: rows that are due, not a search.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from fairlead.core.policy import Policy
from fairlead.core.signals import Occurrence, folded, in_fields, latest, with_signals
from fairlead.core.types import Lead, LeadState, Ref
from fairlead.store import journal, leads, recyclings, signals
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow
from fairlead.store.signals import SeenOn
from fairlead.telemetry import get_logger

log = get_logger()

NEVER_LOOKED_AT = (LeadState.GONE, LeadState.PRE_EXISTING)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def keep(
    db: Db, policy: Policy, lead: Lead, row: LeadRow, now: datetime
) -> Sequence[Occurrence] | None:
    """Keep what a record shows; all that is kept then, for `as_seen`. Idempotent."""
    if not policy.signals:
        return None
    kept = signals.seen_on(db, row.person_id, lead.ref)
    shown = unseen(kept, lead.ref, in_fields(policy.signals, lead, now))
    if shown:
        note(db, lead.ref, row.person_id, shown, now, here=True)
        kept = signals.seen_on(db, row.person_id, lead.ref)
    if coming := [s.occurrence.at for s in kept if s.occurrence.at > now]:
        signals.look_at(db, [lead.ref], min(coming))
    return [s.occurrence for s in kept]


def as_seen(
    db: Db,
    policy: Policy,
    lead: Lead,
    person_id: str,
    now: datetime,
    kept: Sequence[Occurrence] | None = None,
) -> Lead:
    """The lead as rules see it, with what its record shows; writes nothing.

    `kept` is what `keep` has just told.
    """
    if not policy.signals:
        return lead
    if kept is None:
        before = [s.occurrence for s in signals.seen_on(db, person_id, lead.ref)]
        kept = [*before, *in_fields(policy.signals, lead, now)]
    return with_signals(policy.signals, lead, kept, now)


def unseen(seen: Iterable[SeenOn], ref: Ref, found: Iterable[Occurrence]) -> list[Occurrence]:
    """What of `found` is not kept of a record yet, or with a later date than told now."""
    kept = {
        (s.occurrence.name, s.occurrence.evidence): s.occurrence.at for s in seen if s.ref == ref
    }
    return [
        one for one in found
        if (at := kept.get((one.name, one.evidence))) is None or one.at < at
    ]  # fmt: skip


def note(
    db: Db,
    ref: Ref,
    person_id: str | None,
    found: Sequence[Occurrence],
    now: datetime,
    *,
    here: bool = False,
) -> int:
    """Keep occurrences seen on a record; how many were new on it.

    `here`: its lead is being looked at now. `person_id` None: nobody has seen the lead yet.
    """
    if not found:
        return 0
    before = [] if person_id is None else signals.seen_on(db, person_id, ref)
    known = {(s.occurrence.name, s.occurrence.evidence) for s in before}
    new = [one for one in found if signals.add(db, ref, one.name, one.at, one.evidence)]
    fresh = [one for one in new if (one.name, one.evidence) not in known]
    for one in fresh if person_id is not None else ():
        journal.write(
            db, now, "signal.seen", ref=ref, signal=one.name, at=one.at.isoformat(),
            evidence=one.evidence,
        )  # fmt: skip
        log.info("signal.seen", crm=ref.crm, lead=str(ref), signal=one.name)
    if person_id is not None:
        _bring_round(db, ref, person_id, [s.occurrence for s in before], fresh, now, here=here)
    return len(new)


def _bring_round(
    db: Db,
    ref: Ref,
    person_id: str,
    before: Iterable[Occurrence],
    fresh: Sequence[Occurrence],
    now: datetime,
    *,
    here: bool,
) -> None:
    """Have the person's records looked at when an instant that rules see has moved, or will."""
    last = latest(before, now)
    moved = [max(o.at, now) for o in fresh if o.at > now or o.at > last.get(o.name, _LONG_AGO)]
    if not moved:
        return
    others = [
        row.ref
        for row in leads.leads_of_person(db, person_id)
        if row.state not in NEVER_LOOKED_AT and not (here and row.ref == ref)
    ]
    signals.look_at(db, others, min(moved))
    recyclings.wake(db, person_id, min(moved))


def signals_told(db: Db, person_id: str) -> list[dict[str, Any]]:
    """Each occurrence of a person once, oldest first, with the records that show it; JSON-safe."""
    found = signals.seen_on(db, person_id)
    return [
        {
            "signal": one.name,
            "at": one.at.isoformat(),
            "evidence": one.evidence,
            "seen_on": sorted(
                str(s.ref)
                for s in found
                if (s.occurrence.name, s.occurrence.evidence) == (one.name, one.evidence)
            ),
        }
        for one in folded(s.occurrence for s in found)
    ]

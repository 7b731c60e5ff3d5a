"""The score of a lead that we route: kept, and written to its CRM when the whole points change.

Asked by `routing` for each sighting and each decision, and by `ingest` when time changes a grade,
inside their transactions. Our own write changes the record, which is then read again: the same
inputs give the same score, and nothing more is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from fairlead.core.decision import Match, World
from fairlead.core.effects import SetScore, effect_key
from fairlead.core.match import with_match, with_tables
from fairlead.core.next_grade import next_grade_at
from fairlead.core.policy import Policy
from fairlead.core.scorecard import Scorecard
from fairlead.core.scoring import Score, score, score_values
from fairlead.core.types import Lead, LeadState, Ref, Value
from fairlead.daemon.matching import match_of
from fairlead.store import journal, leads, outbox, scores
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow
from fairlead.store.outbox import OutboxState
from fairlead.telemetry import get_logger

log = get_logger()

ROUTED = (LeadState.HELD, LeadState.ASSIGNED)
"""States of the leads that we score: those that are left alone are left alone in this, too."""
SOONEST = timedelta(minutes=1)
"""A lead is looked at because of time alone at most once in so long."""


def keep_score(
    db: Db,
    policy: Policy,
    lead: Lead,
    row: LeadRow,
    world: World,
    now: datetime,
    match: Match | None = None,
) -> Mapping[str, Value]:
    """Bring the kept score and the CRM's field up to date; the lead's values with it. Idempotent.

    `row` is the lead as it will be stored; `match` is looked up where it is needed and not given.
    """
    card = policy.scoring
    if card is None:
        return {**lead.values, "now": now}
    if row.state not in ROUTED or row.decision_id is None:
        scores.drop(db, lead.ref)
        return {**lead.values, "now": now}
    if match is None:
        asked = {name.partition(".")[0] for name in card.reads}
        far = asked & {"account", *policy.tables}
        others = leads.leads_of_person(db, row.person_id) if far else []
        match = match_of(db, lead, others, world) if far else Match()
    values: dict[str, Value] = with_tables(with_match(lead, match, world.owners), policy.tables)
    found = score(card, values, now)
    kept, inputs = scores.get(db, lead.ref), _inputs(policy, card, values, closed=row.closed)
    if kept is not None and _still_due(kept, inputs, found, now):
        turns_at = kept.due_at
    else:
        turns_at = None if row.closed else next_grade_at(card, values, now, found=found)
        turns_at = None if turns_at is None else max(turns_at, now + SOONEST)
    _tell(db, lead.ref, kept, found, now)
    scores.put(db, scores.ScoreRow(lead.ref, found.total, found.grade, now, turns_at, inputs))
    field = card.write_to.get(lead.ref.crm)
    if field is not None:
        _intend(db, SetScore(_key(lead.ref), lead.ref, field, found.total), row.decision_id, now)
    return {**values, "now": now, **score_values(found)}


def _inputs(policy: Policy, card: Scorecard, values: Mapping[str, Value], *, closed: bool) -> str:
    """A name for all that the next look is worked out from."""
    seen = [(name, repr(values.get(name))) for name in sorted(card.reads) if name != "now"]
    return hashlib.sha256(f"{policy.hash} {closed} {seen}".encode()).hexdigest()[:16]


def _still_due(kept: scores.ScoreRow, inputs: str, found: Score, now: datetime) -> bool:
    """Whether the next look at this score stands: it follows from the same, and lies ahead."""
    ahead = kept.due_at is None or kept.due_at > now
    return ahead and (kept.inputs, kept.grade) == (inputs, found.grade)


def score_told(db: Db, ref: Ref) -> dict[str, Any] | None:
    """The score that a record had at its last look, JSON-safe; None when it has none."""
    kept = scores.get(db, ref)
    if kept is None:
        return None
    due = None if kept.due_at is None else kept.due_at.isoformat()
    return {"score": kept.score, "grade": kept.grade, "at": kept.at.isoformat(), "due_at": due}


def _tell(db: Db, ref: Ref, before: scores.ScoreRow | None, found: Score, now: datetime) -> None:
    if before is not None and (before.score, before.grade) == (found.total, found.grade):
        return
    journal.write(db, now, "lead.scored", ref=ref, score=found.total, grade=found.grade)
    log.debug("lead.scored", crm=ref.crm, lead=str(ref), score=found.total, grade=found.grade)


def _intend(db: Db, effect: SetScore, decision_id: str, now: datetime) -> None:
    """Write the score unless this very value is there, on its way, or was refused."""
    before = outbox.get(db, effect.key)
    over = (OutboxState.CANCELLED, OutboxState.GONE)
    if before is not None and before.effect == effect and before.state not in over:
        return
    outbox.add(db, effect, decision_id=decision_id, urgent=False, now=now)


def _key(ref: Ref) -> str:
    return effect_key(str(ref), 0, ref, "score")

"""Refused writes that nobody should try again: what they were for is over.

Asked when a write is refused, when a round begins or ends, and by whoever retries dead letters.
Inside the caller's transaction; each that is closed is told in the journal.
"""

from __future__ import annotations

from datetime import datetime

from fairlead.core.effects import SetMember, effect_key
from fairlead.core.types import Ref
from fairlead.store import journal, outbox, recyclings
from fairlead.store.db import Db
from fairlead.store.outbox import EffectKind, OutboxRow
from fairlead.store.recyclings import Round
from fairlead.telemetry import get_logger

log = get_logger()

LATER = "a later write took its place"
OVER = "its round is over"


def overtaken(db: Db, row: OutboxRow) -> str:
    """Why this write should not be made any more; "" while it should."""
    round_ = recyclings.get(db, row.decision_id)
    if round_ is not None and round_.ended_at is not None and not _of_its_end(round_, row):
        return OVER
    return LATER if outbox.followed(db, row) else ""


def back_part(field: str) -> str:
    """The part of a round's end that sets a field back, for its effect's key."""
    return f"back {field}"


def close_overtaken(db: Db, ref: Ref, now: datetime) -> None:
    """Close the dead letters of a lead whose writes should not be made any more."""
    for letter in journal.dead_letters_of(db, ref):
        row = outbox.get(db, letter.effect_key) if letter.effect_key else None
        why = "" if row is None else overtaken(db, row)
        if why:
            close(db, letter, why, now)


def close(db: Db, letter: journal.DeadLetter, why: str, now: datetime) -> None:
    """Close a dead letter for this reason, and say so."""
    journal.close_dead_letter(db, letter.id, journal.OVERTAKEN, now)
    journal.write(
        db, now, "dead_letter.overtaken", ref=letter.ref, effect_key=letter.effect_key, reason=why
    )
    log.info("dead_letter.overtaken", lead=str(letter.ref), stage=letter.stage, reason=why)


def _of_its_end(round_: Round, row: OutboxRow) -> bool:
    """Whether this is what the round's end asked for, or puts a person's choice back."""
    if isinstance(row.effect, SetMember):
        return not row.effect.member
    back = {effect_key(round_.id, 0, row.ref, back_part(name)) for name in round_.values_back}
    return row.kind is EffectKind.RESTORE_OWNER or row.key in back

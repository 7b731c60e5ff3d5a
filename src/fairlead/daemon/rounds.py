"""The rounds of a lead, told and ended: below all that reads a lead and all that writes one.

Ending is done here alone, inside the caller's transaction: whoever brings a lead back to the reps
also has it taken out of its campaign or list and its fields set back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from fairlead.core.effects import SetField, SetMember, effect_key
from fairlead.core.policy import Policy
from fairlead.core.types import Lead, LeadState, Ref, Value
from fairlead.daemon.overtaken import back_part, close_overtaken
from fairlead.store import journal, leads, outbox, recyclings
from fairlead.store.db import Db
from fairlead.store.outbox import OutboxState
from fairlead.store.recyclings import Round
from fairlead.telemetry import get_logger

log = get_logger()

TOLD_OF_ROUND = "recycling"
"""The role in the task of a manager who is told that a lead cannot come back."""
NOTHING: Mapping[str, Any] = {}
OUT = (LeadState.RECYCLED, LeadState.TERMINAL)
"""States of leads that are out of the reps' hands, and that nothing of ours gives away."""


def with_rounds(db: Db, policy: Policy, lead: Lead, person_id: str) -> Lead:
    """The lead with what its person's rounds tell conditions, where the policy recycles."""
    if policy.recycling is None:
        return lead
    rounds = recyclings.of_person(db, person_id)
    before = [r for r in rounds if r.kind == recyclings.RECYCLED]
    values: dict[str, Value] = {"cycles": max((r.cycle for r in before), default=0)}
    if before:
        values["recycled_at"] = before[-1].since
    if rounds:
        values["recycle_reason"] = rounds[-1].reason
    return replace(lead, values={**lead.values, **values})


def end_round(
    db: Db,
    row: Round,
    how: str,
    now: datetime,
    *,
    holds: str = "",
    story: str = "",
    fields: Mapping[str, Any] = NOTHING,
    back: bool = True,
) -> None:
    """End a round, once: leave the list, and set fields back if it comes `back` to somebody.

    `fields` are the record's own as they are now.
    """
    if row.ended_at is not None:
        return
    ended = replace(row, ended_at=now, how=how, holds=holds, story=story, look_at=None, waits="")
    recyclings.put(db, ended)
    if row.member_of is not None and not never_joined(db, row):
        be_member(db, row.ref, row.member_of, row.id, now, member=False)
    for name, value in row.values_back.items() if back else ():
        seen = shown(fields, name) if name in fields else row.values_set.get(name)
        if seen != value:
            key = effect_key(row.id, 0, row.ref, back_part(name))
            effect = SetField(key, row.ref, name, value, row.values_set.get(name, seen))
            outbox.add(db, effect, decision_id=row.id, urgent=False, now=now)
    close_overtaken(db, row.ref, now)
    if row.kind == recyclings.RECYCLED and back:
        journal.write(db, now, "lead.returned", ref=row.ref, reason=how, cycle=row.cycle)
        log.info("lead.returned", crm=row.ref.crm, lead=str(row.ref), reason=row.reason)


def be_member(db: Db, ref: Ref, group: str, round_id: str, now: datetime, *, member: bool) -> None:
    """Put a lead into a campaign or list, or take it out; writes to one go out in their order."""
    key = member_key(round_id, ref, group, member=member)
    effect = SetMember(key, ref, group, member)
    outbox.add(db, effect, decision_id=round_id, urgent=False, now=now)


def member_key(round_id: str, ref: Ref, group: str, *, member: bool) -> str:
    """The key of the effect by which a round's lead joins a group, or leaves it."""
    return effect_key(round_id, 0, ref, f"{'joins' if member else 'leaves'} {group}")


def never_joined(db: Db, row: Round) -> bool:
    """Whether a round's lead was refused by its group."""
    key = "" if row.member_of is None else member_key(row.id, row.ref, row.member_of, member=True)
    join = outbox.get(db, key)
    return join is not None and join.state is OutboxState.REFUSED


def shown(fields: Mapping[str, Any], name: str) -> str | None:
    """What a record shows in a field, as text; None for nothing."""
    held = fields.get(name)
    return None if held is None or held == "" else str(held)


def owner_chosen(db: Db, ref: Ref, now: datetime, *, owned: bool, why: str) -> LeadState | None:
    """The state of a recycled lead whose owner somebody else has set; None if it is not recycled.

    A person who gives it to somebody takes it out; a queue or nobody leaves it where it is.
    """
    lead = leads.get_lead(db, ref)
    if lead is None or lead.state is not LeadState.RECYCLED:
        return None
    row = recyclings.open_of(db, ref)
    if row is None or not owned:
        return LeadState.RECYCLED
    end_round(db, row, why, now, holds=row.reason)
    return LeadState.ASSIGNED


def gone(db: Db, ref: Ref, survivor: Ref | None, now: datetime) -> None:
    """A record is gone: its round ends. The survivor of a merge brings its list along; if that is
    not recycled itself, it leaves the list."""
    recyclings.look_at(db, ref, None)
    row = recyclings.open_of(db, ref)
    if row is None:
        return
    # The record takes no more writes.
    end_round(db, replace(row, member_of=None), "its record is gone", now, back=False)
    there = None if survivor is None else leads.get_lead(db, survivor)
    if row.member_of is not None and there is not None and there.state not in OUT:
        be_member(db, there.ref, row.member_of, row.id, now, member=False)
        close_overtaken(db, there.ref, now)

"""What counts as an answer to a lead: asked of the lead as it is, and of what was done with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.sla_terms import Sla
from fairlead.core.types import Actor, Lead, Value
from fairlead.store.clocks import ClockRow

SKEW = timedelta(seconds=60)
"""How far the CRM's clock, by which it writes its history, may be from ours."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a lead tells of one clock: whether it waits for the buyer, was moved, is answered."""

    waiting: bool
    moved: bool
    """Its status is another one; who moved it is for its history to say."""
    answered: str | None
    """What the answer is, in words; None while there is none."""


def evidence(
    sla: Sla, clock: ClockRow, lead: Lead, now: datetime, ours: Collection[str] = ()
) -> Seen:
    """By the policy's `responded_when`; else the status that was moved since the clock began may be
    an answer, which `who_moved` finds out. One of `ours`, which we have written since, is none."""
    values = {**lead.values, "now": now}
    waiting = sla.paused_when is not None and sla.paused_when.test(values)
    status = lead.get("status")
    moved = status != clock.status and status not in ours
    holds = sla.responded_when is not None and sla.responded_when.test(values)
    return Seen(waiting, moved, "responded_when holds" if holds else None)


@dataclass(frozen=True, slots=True)
class Move:
    """A person's move of the status that is an answer; `change` where the CRM's history has it."""

    at: datetime
    how: str
    change: Activity | None = None


def who_moved(
    sla: Sla,
    clock: ClockRow,
    lead: Lead,
    done: Iterable[Activity],
    now: datetime,
    ours: Collection[str] = (),
) -> Move | None:
    """The first move of the status, since the clock began, that is an answer; None: there is none.

    A status in which the policy waits for the buyer is no answer, nor is what we or automation
    moved. Where the CRM shows no history of it, any move but to one of `ours` counts as a
    person's.
    """
    begins = clock.since - SKEW
    shown = [a for a in done if a.kind is ActivityKind.STATUS_CHANGE and a.at >= begins]
    if not shown:
        seen = evidence(sla, clock, lead, now, ours)
        at = min(now, clock.moved_at or now)
        return None if seen.waiting or not seen.moved else Move(at, "its status was moved")
    for one, after in _since_it_began(shown, clock, lead):
        values = {**lead.values, "status": after, "now": now}
        waiting = sla.paused_when is not None and sla.paused_when.test(values)
        if one.actor in (Actor.PERSON, Actor.UNKNOWN) and not waiting and after != clock.status:
            at = min(now, max(clock.since, one.at))
            return Move(at, f"its status was moved: {one.why}", one)
    return None


def _since_it_began(
    shown: Iterable[Activity], clock: ClockRow, lead: Lead
) -> list[tuple[Activity, Value]]:
    """The moves and where they led, the oldest first, without those that made the status which the
    lead had when the clock began: a move of a minute before may be one since, by the CRM's clock.
    """
    moves: list[tuple[Activity, Value]] = [
        (one, one.detail.rpartition(" > ")[2] or lead.get("status"))
        for one in sorted(shown, key=lambda a: (a.at, str(a.ref)))
    ]
    led_there = [n for n, (a, to) in enumerate(moves) if a.at <= clock.since and to == clock.status]
    return moves[led_there[-1] + 1 :] if led_there else moves


def first_taken(clock: ClockRow, done: Iterable[Activity], now: datetime) -> datetime | None:
    """When the lead was taken up since the clock began: its status moved by a person, or the first
    thing that its owner did with it."""
    return min(
        (
            a.at for a in done
            if a.actor is Actor.PERSON and not a.incoming and clock.since <= a.at <= now
            and (a.kind is ActivityKind.STATUS_CHANGE or a.by == clock.owner_id)
        ),
        default=None,
    )  # fmt: skip


def first_done(
    sla: Sla, clock: ClockRow, done: Iterable[Activity], now: datetime
) -> tuple[Activity, datetime] | None:
    """The first thing a person did since the clock began that is an answer, and when.

    A meeting that lies ahead is one when it was written down. What came from the buyer, and what a
    tool did or may have done, is none.
    """
    found = []
    for one in done:
        at = one.at if one.at <= now else (one.logged_at or one.at)
        ours = one.actor is Actor.PERSON and not one.incoming and one.kind in sla.counts
        if ours and clock.since <= at <= now:
            found.append((one, at))
    return min(found, key=lambda f: (f[1], str(f[0].ref)), default=None)

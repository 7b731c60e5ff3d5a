"""Methods for which somebody who is free later may be better than somebody who is free now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fairlead.core.eligibility import Late
from fairlead.core.leave import local
from fairlead.core.methods import Pick, Turn, by_turn, nobody
from fairlead.core.rep_clock import calendar_of


class FirstAvailable:
    """Who is free now, by turns; else, at once, whoever's calendar opens first.

    Somebody who has as many leads as they take is not given one more to wait with.
    """

    name = "first_available"
    by_turns = True
    balances = "turns among those who are free, or free first"

    def pick(self, turn: Turn) -> Pick:
        if turn.able:
            return by_turn(turn, turn.able, f"next in team {turn.team.name}")
        opening = [late for late in turn.late() if late.free_at is not None and not late.full]
        first = min((late.free_at for late in opening if late.free_at is not None), default=None)
        if first is None:
            return nobody(turn)
        among = [late.rep for late in opening if late.free_at == first]
        pick = by_turn(turn, among, "")
        calendars = turn.question.policy.calendars
        calendar = None if pick.rep is None else calendar_of(pick.rep, calendars)
        opens = local(first, calendar)
        reason = f"nobody in team {turn.team.name} is free now; first available, from {opens}"
        return replace(pick, reason=reason, later=True)


class NextUp:
    """Strictly by turns: a lead waits for whoever's turn it is, and everybody has turns."""

    name = "next_up"
    by_turns = True
    balances = "everybody's share of the leads, absent or not"

    def pick(self, turn: Turn) -> Pick:
        return _in_turn(turn, turn.late())


class Override:
    """By turns among those who are free within `max_delay` of when we first saw the lead."""

    name = "override"
    by_turns = True
    balances = "everybody's share of the leads they could have had in time"

    def pick(self, turn: Turn) -> Pick:
        latest = turn.question.seen_at + turn.team.options.max_delay
        soon = [late for late in turn.late() if late.free_at is not None and late.free_at <= latest]
        return _in_turn(turn, soon)


def _in_turn(turn: Turn, late: Sequence[Late]) -> Pick:
    """The turn-holder among the free and the late; a late one is waited for."""
    among = sorted((*turn.able, *(x.rep for x in late)), key=lambda r: r.id)
    if not among:
        return nobody(turn)
    pick = by_turn(turn, among, f"next in team {turn.team.name}")
    holder = next((x for x in late if x.rep is pick.rep), None)
    if holder is None:
        return pick
    (seen,) = pick.balances
    return Pick(
        f"waits for {holder.rep.id}, whose turn it is in team {turn.team.name}: {holder.reason}",
        balances=(replace(seen, after=seen.before),),
        holds=True,
        until=holder.free_at,
        waiting=(holder.rep.id,),
    )

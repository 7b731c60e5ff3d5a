"""Whose turn it is: the rotation, and beside it the turns that are owed or were taken in advance.

The rotation alone is what `fairness` bounds, so nothing but its own turns may move it. A turn that
is given back, made up for or carried over is *owed*: the next lead goes to whom most is owed, and
the rotation stands still. A lead from outside that is charged was a turn *taken in advance*: when
the rotation comes to that rep, the turn is paid without a lead and the next one is asked. Leads
that are owed go out at most every other time, so that nobody meets a flood.

Every line outside the rotation has its counter line, to `OUTSIDE` (the leads that never counted) or
`PACED` (the lead owed that was given just now), so that each account adds up to 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from fairlead.core.decision import LedgerEntry, Passed, Question
from fairlead.core.distribute import METHODS
from fairlead.core.fairness import SHARE, TURN, after
from fairlead.core.policy import Team
from fairlead.core.pools import beside, missed_in, pool_of
from fairlead.core.skills import Wanted, skilled
from fairlead.core.types import Rep

OUTSIDE = "(outside)"
PACED = "(just given)"
HOUSE = (OUTSIDE, PACED)
"""The accounts that no rep has."""

CHARGED = "charged"
MADE_UP = "made up"
MISSED = "missed"
OWED = "owed"
SETTLED = "settled"
FORCED = ("account_owner", "named", "by_hand")
"""What `count_forced` charges, all at once."""
BY_TURNS = ("round_robin",)
"""The methods whose turns can be owed and taken in advance."""

_ZERO, _ONE = Fraction(0), Fraction(1)


@dataclass(frozen=True, slots=True)
class Turn:
    """Who gets the lead and why; `account` is what decided, with what it held before and after."""

    rep: Rep
    reason: str
    ledger: tuple[LedgerEntry, ...]
    passed: tuple[Passed, ...]
    account: str
    before: Mapping[str, Fraction]
    after: Mapping[str, Fraction]


def aside(account: str, rep_id: str, amount: Fraction, reason: str) -> tuple[LedgerEntry, ...]:
    """A line outside the rotation with its counter line."""
    return (
        LedgerEntry(account, rep_id, amount, reason),
        LedgerEntry(account, OUTSIDE, -amount, reason),
    )


def take_turn(team: Team, able: Sequence[Rep], question: Question, asks: Wanted) -> Turn:
    """The next of a team's reps who can take the lead; at least one, each once.

    Pure, and the same for the same balances. The lines of each account add up to 0.
    """
    pool, held = pool_of(team, question.rule), question.world.balances
    side, rotation = beside(pool), held.get(pool, {})
    able = [replace(r, weight=r.weights.get(team.name, r.weight)) for r in able]
    by_turns = team.method in BY_TURNS
    entries = list(_made_up(team, pool, able, held)) if by_turns else []
    owed = after(held.get(side, {}), _of(side, entries))
    payee = _payee(able, owed, rotation) if by_turns else None
    if payee is not None:
        entries += (
            LedgerEntry(side, payee.id, -_ONE, OWED),
            LedgerEntry(side, PACED, _ONE, OWED),
        )
        return _turn(
            payee, f"next in team {team.name}: a lead is owed", entries, (), side, held, able
        )
    if owed.get(PACED):
        entries += aside(side, PACED, -_ONE, OWED)
    if by_turns and team.make_up is not None:
        entries += _missed(team, pool, able, question, asks)
    settled: list[Passed] = []
    method, running = METHODS[team.method], rotation
    while True:
        pick = method.pick(pool, able, running)
        entries += pick.ledger
        winner = pick.rep.id
        if (
            not by_turns
            or not _in_advance(winner, owed)
            or all(_in_advance(r.id, owed) for r in able)
        ):
            break
        entries += aside(side, winner, _ONE, SETTLED)
        owed = {**owed, winner: owed[winner] + _ONE}
        running = after(running, pick.ledger)
        settled.append(Passed(winner, "had this turn already: a lead from outside counted as it"))
    reason = f"next in team {team.name}"
    return _turn(pick.rep, reason, entries, settled, pool, held, able)


def charged(kind: str, rep_id: str, question: Question) -> tuple[LedgerEntry, ...]:
    """What a lead from outside the rotation costs the rep: a turn in each team that says so.

    `kind` is `account_owner`, `named`, `by_hand` or `followed`. Teams that share a pool count once.
    """
    pools = {
        pool_of(team, question.rule)
        for team in question.policy.teams.values()
        if rep_id in team.members
        and (kind in team.charge or (team.count_forced and kind in FORCED))
    }
    return tuple(e for p in sorted(pools) for e in aside(beside(p), rep_id, -_ONE, CHARGED))


def undone(entries: Sequence[LedgerEntry], rep_id: str, reason: str) -> tuple[LedgerEntry, ...]:
    """Beside the rotation, the opposite of the last turn that this rep won; () if they won none.

    Turn and shares add up to 0, so this needs no counter line.
    """
    won = [n for n, e in enumerate(entries) if e.rep_id == rep_id and e.reason == TURN]
    if not won:
        return ()
    first = won[-1]
    while first and entries[first - 1].reason == SHARE:
        first -= 1
    return tuple(
        LedgerEntry(beside(e.pool), e.rep_id, -e.delta, reason)
        for e in entries[first : won[-1] + 1]
    )


def _turn(
    rep: Rep,
    reason: str,
    entries: Sequence[LedgerEntry],
    settled: Sequence[Passed],
    account: str,
    held: Mapping[str, Mapping[str, Fraction]],
    able: Sequence[Rep],
) -> Turn:
    balances = held.get(account, {})
    before = {r.id: balances.get(r.id, _ZERO) for r in able}
    then = after(before, _of(account, entries))
    shown = {r.id: then[r.id] for r in able}
    return Turn(rep, reason, tuple(entries), tuple(settled), account, before, shown)


def _payee(
    able: Sequence[Rep], owed: Mapping[str, Fraction], rotation: Mapping[str, Fraction]
) -> Rep | None:
    """To whom the lead is owed. Who is alone gets it by turns, and keeps what is owed."""
    claims = [r for r in sorted(able, key=lambda r: r.id) if owed.get(r.id, _ZERO) >= 1]
    if len(able) < 2 or owed.get(PACED) or not claims:
        return None
    return max(claims, key=lambda r: (owed[r.id], rotation.get(r.id, _ZERO)))


def _in_advance(rep_id: str, owed: Mapping[str, Fraction]) -> bool:
    return owed.get(rep_id, _ZERO) <= -1


def _made_up(
    team: Team, pool: str, able: Sequence[Rep], held: Mapping[str, Mapping[str, Fraction]]
) -> tuple[LedgerEntry, ...]:
    """What the returned have missed becomes owed, in whole leads up to the cap; the rest goes.

    Each absence is made up for once: nothing stays missed afterwards.
    """
    if team.make_up is None:
        return ()
    account = missed_in(pool)
    found: list[LedgerEntry] = []
    for rep in sorted(able, key=lambda r: r.id):
        missed = held.get(account, {}).get(rep.id, _ZERO)
        if missed > 0:
            found += aside(account, rep.id, -missed, MADE_UP)
            whole = min(int(missed), team.make_up)
            if whole:
                found += aside(beside(pool), rep.id, Fraction(whole), MADE_UP)
    return tuple(found)


def _missed(
    team: Team, pool: str, able: Sequence[Rep], question: Question, asks: Wanted
) -> tuple[LedgerEntry, ...]:
    """The share that each member on leave would have had of this turn."""
    total = sum((r.weight for r in able), _ZERO)
    found: list[LedgerEntry] = []
    for name in sorted(set(team.members)):
        rep = question.world.reps.get(name)
        if rep is None or not rep.usable_in(question.crm) or not skilled(rep, asks):
            continue
        if any(o.quiet_from <= question.now < o.quiet_until for o in rep.off):
            weight = rep.weights.get(team.name, rep.weight)
            found += aside(missed_in(pool), name, weight / (total + weight), MISSED)
    return tuple(found)


def _of(account: str, entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    return [e for e in entries if e.pool == account]

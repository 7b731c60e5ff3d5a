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
from dataclasses import dataclass
from fractions import Fraction

from fairlead.core.decision import LedgerEntry, Passed, Question
from fairlead.core.eligibility import in_team
from fairlead.core.fairness import SHARE, TURN, after, charge
from fairlead.core.policy import Team
from fairlead.core.pools import beside, missed_in, pool_of, rotation_of
from fairlead.core.skills import Wanted, skilled
from fairlead.core.types import Rep

OUTSIDE = "(outside)"
PACED = "(just given)"
HOUSE = (OUTSIDE, PACED)
"""The accounts that no rep has."""

CHARGED = "charged"
CREDIT = "credit"
REFUND = "refund"
MADE_UP = "made up"
MISSED = "missed"
OWED = "owed"
SETTLED = "settled"
_ZERO, _ONE = Fraction(0), Fraction(1)


@dataclass(frozen=True, slots=True)
class Taken:
    """Who gets the lead; `account` is what decided, with what it held before and after."""

    rep: Rep
    owed: bool
    """It was owed to them, so the rotation stood still."""
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


def take_turn(
    team: Team, pool: str, among: Sequence[Rep], question: Question, asks: Wanted
) -> Taken:
    """The next of these reps, at least one, each once, with their weights in the team.

    Pure, and the same for the same balances. The lines of each account add up to 0.
    """
    held = question.world.balances
    side, rotation = beside(pool), held.get(pool, {})
    entries = list(_made_up(team, pool, among, held))
    owed = after(held.get(side, {}), _of(side, entries))
    payee = _payee(among, owed, rotation)
    if payee is not None:
        entries += (
            LedgerEntry(side, payee.id, -_ONE, OWED),
            LedgerEntry(side, PACED, _ONE, OWED),
        )
        return _taken(payee, True, entries, (), side, held, among)
    if owed.get(PACED):
        entries += aside(side, PACED, -_ONE, OWED)
    if team.make_up is not None:
        entries += _missed(team, pool, among, question, asks)
    settled: list[Passed] = []
    shares, running = [(r.id, r.weight) for r in among], rotation
    while True:
        winner, lines = charge(pool, shares, running)
        entries += lines
        if not _in_advance(winner, owed) or all(_in_advance(r.id, owed) for r in among):
            break
        entries += aside(side, winner, _ONE, SETTLED)
        owed = {**owed, winner: owed[winner] + _ONE}
        running = after(running, lines)
        settled.append(Passed(winner, "had this turn already: a lead from outside counted as it"))
    rep = next(r for r in among if r.id == winner)
    return _taken(rep, False, entries, settled, pool, held, among)


def charged(kind: str, rep_id: str, question: Question) -> tuple[LedgerEntry, ...]:
    """What a lead from outside the rotation costs the rep: a turn in each team that says so.

    `kind` is `account_owner`, `named`, `by_hand` or `followed`. Teams that share a pool count once.
    """
    pools = {
        pool_of(team, question.rule)
        for team in question.policy.teams.values()
        if rep_id in team.members and kind in team.charge
    }
    return tuple(e for p in sorted(pools) for e in aside(beside(p), rep_id, -_ONE, CHARGED))


def given_back(
    entries: Sequence[LedgerEntry], rep_id: str, reason: str, *, unable: bool = False
) -> tuple[LedgerEntry, ...]:
    """What is owed beside the rotation when a decision's turns are given back; () if it cost none.

    `entries` are the decision's. A rep who was `unable` to own the lead is owed what the turn has
    cost and no more: the shares that it gave to all are taken back there, too. Those who had a part
    in a group beside the rep have theirs back as well. Who was alone paid what they gained by it.
    """
    turn = _undone(entries, rep_id, reason) if unable else ()
    done = {(rotation_of(e.pool), rep_id) for e in turn}
    paid = {*receivers(entries)} - _alone(entries)
    paid |= {(rotation_of(e.pool), e.rep_id) for e in entries if _pays(e, CHARGED)}
    back = [
        line for pool, rep in sorted(paid - done) for line in aside(beside(pool), rep, _ONE, reason)
    ]
    return (*back, *turn)


def receivers(entries: Sequence[LedgerEntry]) -> tuple[tuple[str, str], ...]:
    """Who received the lead, by (pool, rep id): by turns, or because it was owed.

    Of the turns of one pool the last: those before it were paid without a lead.
    """
    last = {e.pool: e for e in entries if e.reason == TURN}
    found = {(e.pool, e.rep_id) for e in last.values()}
    found |= {(rotation_of(e.pool), e.rep_id) for e in entries if _pays(e, OWED)}
    return tuple(sorted(found))


def _alone(entries: Sequence[LedgerEntry]) -> set[tuple[str, str]]:
    """Whose last turn in a pool cost them nothing, since nobody else could have had it."""
    whole: dict[str, str] = {}
    for e in entries:
        if e.reason == SHARE:
            whole.pop(e.pool, None)
            if e.delta == 1:
                whole[e.pool] = e.rep_id
    return set(whole.items())


def _pays(entry: LedgerEntry, reason: str) -> bool:
    return entry.reason == reason and entry.delta < 0 and entry.rep_id not in HOUSE


def _undone(entries: Sequence[LedgerEntry], rep_id: str, reason: str) -> tuple[LedgerEntry, ...]:
    """Beside the rotation, the opposite of the last turn that this rep won; () if they won none.

    Turn and shares add up to 0, so this needs no counter line.
    """
    won = [n for n, e in enumerate(entries) if e.rep_id == rep_id and e.reason == TURN]
    if not won:
        return ()
    first = won[-1]
    while (
        first
        and entries[first - 1].reason == SHARE
        and entries[first - 1].pool == entries[first].pool
    ):
        first -= 1
    return tuple(
        LedgerEntry(beside(e.pool), e.rep_id, -e.delta, reason)
        for e in entries[first : won[-1] + 1]
    )


def _taken(
    rep: Rep,
    owed: bool,
    entries: Sequence[LedgerEntry],
    settled: Sequence[Passed],
    account: str,
    held: Mapping[str, Mapping[str, Fraction]],
    among: Sequence[Rep],
) -> Taken:
    balances = held.get(account, {})
    before = {r.id: balances.get(r.id, _ZERO) for r in among}
    then = after(before, _of(account, entries))
    shown = {r.id: then[r.id] for r in among}
    return Taken(rep, owed, tuple(entries), tuple(settled), account, before, shown)


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
    here = {r.id for r in able}
    for name in sorted(set(team.members) - here):
        rep = question.world.reps.get(name)
        if rep is None or not rep.usable_in(question.crm) or not skilled(rep, asks):
            continue
        if any(o.quiet_from <= question.now < o.quiet_until for o in rep.off):
            weight = in_team(rep, team, question).weight
            found += aside(missed_in(pool), name, weight / (total + weight), MISSED)
    return tuple(found)


def _of(account: str, entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    return [e for e in entries if e.pool == account]

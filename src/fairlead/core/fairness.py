"""The entitlement ledger: what each rep is owed, in exact fractions.

Each turn every eligible rep of the pool gains weight / sum of eligible weights; the highest
balance wins (ties by rep id) and pays 1. Over a fixed membership that starts at 0, with any
absences and any changes of weight, no balance ever leaves +-(n-1)/2. Why: any k members hold
together at most f(k) = k(n-k)/2. If the winner is among them their sum does not rise. If not, take
an eligible member j among them: after the gains j is not above the winner, so j's balance is at
most the winner's after paying, plus 1, and twice the sum is at most f(k+1) + f(k-1) + 1 = 2 f(k).
k = 1 and k = n-1 give the bound (the carpool problem, for any weights and any tie-break). Floats
would leave the sequence within a few leads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from fairlead.core.decision import LedgerEntry

SHARE = "share"
TURN = "turn"


def charge(
    pool: str,
    eligible: Sequence[tuple[str, Fraction]],
    balances: Mapping[str, Fraction],
) -> tuple[str, tuple[LedgerEntry, ...]]:
    """Take one turn: the winner's rep id and the entries that the turn adds to the ledger.

    `eligible` are (rep id, weight > 0), each rep once and at least one, in any order. A rep without
    a balance starts at 0. Absent reps gain and pay nothing. The entries sum to 0.
    """
    total = sum((weight for _, weight in eligible), Fraction(0))
    # Exact division is slow and most reps of a team weigh the same: once per weight is enough.
    share_of = {weight: weight / total for weight in {weight for _, weight in eligible}}
    shares = [(rep, share_of[weight]) for rep, weight in sorted(eligible)]
    zero = Fraction(0)
    winner = max(shares, key=lambda gain: balances.get(gain[0], zero) + gain[1])[0]
    entries = [LedgerEntry(pool, rep, share, SHARE) for rep, share in shares]
    return winner, (*entries, LedgerEntry(pool, winner, Fraction(-1), TURN))


def after(balances: Mapping[str, Fraction], entries: Sequence[LedgerEntry]) -> dict[str, Fraction]:
    """The balances once the entries of one pool are applied; the argument is left as it was."""
    result = dict(balances)
    for e in entries:
        result[e.rep_id] = result.get(e.rep_id, Fraction(0)) + e.delta
    return result


def bound(members: int) -> Fraction:
    """How far any balance can be from 0 in a pool of this many members."""
    return Fraction(max(members - 1, 0), 2)

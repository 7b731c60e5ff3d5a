"""Weights from measured results: what each rep made of the leads they were given.

Few leads say little, so everybody's rate is drawn towards the team's: to the leads of each rep
`prior` more are added at the rate of the whole team (the mean of a beta distribution after
evidence; Efron and Morris, "Data analysis using Stein's estimator and its generalizations", 1975,
on why that errs less than the plain rates do).

    rate   = (won + prior * team's rate) / (given + prior)
    factor = rate / team's rate, within floor and ceiling, at most `step` from the one in force

The factor multiplies the roster's weight. A team without any success keeps what it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from fairlead.core.policy import Weighing

_PARTS = 100
"""Factors are whole hundredths: a weight that can be read, and exact."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One rep: leads given, successes, the rate drawn to the team's, the factor now and next."""

    rep: str
    given: int
    won: int
    rate: Fraction
    now: Fraction
    next: Fraction


def weigh(
    members: Sequence[str],
    results: Mapping[str, tuple[int, int]],
    now: Mapping[str, Fraction],
    terms: Weighing,
) -> tuple[Evidence, ...]:
    """The next factors of a team, by rep id. Pure and exact; a factor is always above 0.

    `results` is rep -> (given, won), `now` the factors in force; without one it is 1.
    """
    given = sum(results.get(m, (0, 0))[0] for m in members)
    won = sum(results.get(m, (0, 0))[1] for m in members)
    team = Fraction(won, given) if given else Fraction(0)
    return tuple(_one(m, *results.get(m, (0, 0)), team, now, terms) for m in sorted(set(members)))


def _one(
    rep: str, given: int, won: int, team: Fraction, now: Mapping[str, Fraction], terms: Weighing
) -> Evidence:
    rate = (won + terms.prior * team) / (given + terms.prior)
    before = now.get(rep, Fraction(1))
    wanted = rate / team if team else before
    stepped = min(max(wanted, before - terms.step), before + terms.step)
    rounded = Fraction(round(stepped * _PARTS), _PARTS)
    return Evidence(rep, given, won, rate, before, min(max(rounded, terms.floor), terms.ceiling))

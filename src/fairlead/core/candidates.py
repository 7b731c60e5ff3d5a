"""Who stands for a lead besides those it was meant for: helpers of a thin or busy team, covers.

Between `destination`, which asks, and `eligibility`, which knows who can take a lead. Everybody is
asked once; why somebody joins is a note of the decision.
"""

from __future__ import annotations

from dataclasses import dataclass

from fairlead.core.decision import Passed, Question
from fairlead.core.eligibility import Obstacle, eligible, in_team, obstacle
from fairlead.core.policy import Team
from fairlead.core.ramp import FULL
from fairlead.core.rep_clock import share_at
from fairlead.core.skills import Wanted, needed
from fairlead.core.types import Rep


@dataclass(frozen=True, slots=True)
class Gathered:
    """Those of a team and its helpers who can take the lead, and the others with their reasons."""

    able: tuple[Rep, ...]
    passed: tuple[Passed, ...]
    notes: tuple[str, ...] = ()


def gather(team: Team, question: Question, asks: Wanted) -> Gathered:
    """The candidates of a team: its members; with few of them free or many leads waiting, more.

    A thin team is one of which fewer than `coverage.below` can take the lead and have what is
    asked. Helpers are candidates like all others: the team's own ledger counts their turns.
    """
    able, passed = eligible(team.members, question)
    names, notes = set(team.members), list[str]()
    coverage, peak = team.coverage, team.peak
    if coverage is not None:
        free = len(needed(able, asks)[0])
        if free < coverage.below:
            names |= _members(coverage.team, question)
            notes.append(
                f"team {coverage.team} joins team {team.name}:"
                f" {free} of it can take the lead, fewer than {coverage.below}"
            )
    if peak is not None and team.name in question.world.peaks:
        names |= _members(peak.team, question)
        notes.append(
            f"team {peak.team} joins team {team.name}: its peak plan is on,"
            f" {question.world.waiting.get(team.name, 0)} leads wait"
        )
    if len(names) > len(set(team.members)):
        able, passed = eligible(tuple(names), question)
    weighed = tuple(in_team(rep, team, question) for rep in able)
    return Gathered(weighed, passed, (*notes, *_ramping(able, question)))


def _members(team: str, question: Question) -> frozenset[str]:
    return frozenset(question.policy.teams[team].members)


def _ramping(able: tuple[Rep, ...], question: Question) -> list[str]:
    shares = ((r, share_at(r, question.policy.calendars, question.now)) for r in able if r.ramp)
    return [
        f"{rep.id} is new: {100 * float(share):.0f}% of the full load"
        for rep, share in shares
        if share != FULL
    ]


@dataclass(frozen=True, slots=True)
class StandIn:
    """Who takes a lead that was meant for one rep: that rep, a cover, or nobody (None).

    `asked` are all that were asked, the rep meant first; `blocked` is what is in whose way.
    """

    rep: Rep | None
    asked: tuple[str, ...]
    blocked: tuple[tuple[str, Obstacle], ...] = ()

    @property
    def told(self) -> str:
        """Why the last one was asked, in words; "" when the rep meant takes it."""
        return ", ".join(
            f"{rep} is {found.reason}, {cover} covers"
            for (rep, found), cover in zip(self.blocked, self.asked[1:], strict=False)
        )


def stand_in(rep: Rep, question: Question) -> StandIn:
    """The rep, or while that one is on leave the cover, or the cover's cover; each asked once."""
    asked: list[str] = []
    blocked: list[tuple[str, Obstacle]] = []
    here: Rep | None = rep
    while here is not None and here.id not in asked:
        asked.append(here.id)
        found = obstacle(here, question)
        if found is None:
            return StandIn(here, tuple(asked), tuple(blocked))
        blocked.append((here.id, found))
        here = question.world.reps.get(found.cover)
    return StandIn(None, tuple(asked), tuple(blocked))

"""When the stages of an SLA's clock come: a pure function of its start, its pauses and calendars.

Because nothing else goes into it, a corrected calendar gives the corrected instants; what has
happened stays. Time counts while the clock runs: in the working time it goes by, outside pauses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from heapq import merge

from fairlead.core.policy import Policy, Rule
from fairlead.core.rep_clock import UTC_ZONE, calendar_of, zone_of
from fairlead.core.sla_terms import HOLIDAYS, LEAVE, REP, TEAM, Reassign, Sla, Stage
from fairlead.core.types import Rep, Value
from fairlead.core.worktime import Calendar, Span, openings, wall_at

_DAY = timedelta(days=1)
_NEVER_CLOSED = Calendar("always", "UTC", (((0, 1440),),) * 7)


@dataclass(frozen=True, slots=True)
class Hours:
    """The time a clock runs in: while anybody of these works, each with the leave deducted."""

    people: tuple[tuple[Calendar, tuple[Span, ...]], ...] = ((_NEVER_CLOSED, ()),)

    def after(
        self, since: datetime, worked: timedelta, pauses: Sequence[Span] = ()
    ) -> datetime | None:
        """The first instant by which `worked` has passed; None when it never comes."""
        left = worked
        for begins, ends in self._pieces(since, pauses):
            begins = max(begins, since)
            if left <= ends - begins:
                return begins + left
            left -= ends - begins
        return None

    def between(self, since: datetime, until: datetime, pauses: Sequence[Span] = ()) -> timedelta:
        """How much time has counted."""
        total = timedelta(0)
        for begins, ends in self._pieces(since, pauses):
            if begins >= until:
                break
            total += min(ends, until) - max(begins, since)
        return total

    def next_open(self, at: datetime) -> datetime | None:
        """The first working instant at or after `at`; None when none comes."""
        return self.after(at, timedelta(0))

    def work_began(self, at: datetime) -> datetime:
        """The beginning of the work that `at` lies in; `at` outside it or where it never ends."""
        begin, end = next(self._open(at, ()), (at, at))
        return begin if begin <= at and end - begin <= _DAY else at

    def work_ends(self, since: datetime, before: datetime) -> datetime:
        """The end of the last stretch of work that begins before that instant; `since` if none."""
        ends = since
        for begin, end in self._open(since, ()):
            if begin >= before:
                break
            # A stretch without an end is cut where the day ends.
            ends = end if end - begin <= _DAY else before
        return ends

    def _open(self, since: datetime, pauses: Sequence[Span]) -> Iterator[Span]:
        """The stretches that count, in order and apart."""
        last: Span | None = None
        for begins, ends in self._pieces(since, pauses):
            if last is None:
                last = begins, ends
            elif begins <= last[1]:
                last = last[0], ends
            else:
                yield last
                last = begins, ends
        if last is not None:
            yield last

    def _pieces(self, since: datetime, pauses: Sequence[Span]) -> Iterator[Span]:
        """What counts, in order and each instant once; pieces of one stretch touch.

        Lazily, day by day: a stretch without an end would be looked at up to the horizon.
        """
        reached: datetime | None = None
        each = (openings(c, since, (*off, *pauses)) for c, off in self.people)
        for begins, ends in merge(*each):
            if reached is not None:
                begins = max(begins, reached)
            if begins < ends:
                yield begins, ends
                reached = ends


def hours_of(
    sla: Sla, rep_id: str | None, team: str | None, policy: Policy, reps: Mapping[str, Rep]
) -> Hours:
    """Whose working time this clock goes by; a rep without a calendar, or none, works always."""
    names: Iterable[str] = ()
    if sla.hours == TEAM and team is not None and team in policy.teams:
        names = policy.teams[team].members
    elif sla.hours in (REP, TEAM) and rep_id is not None:
        names = (rep_id,)
    found = [_one(sla, reps[name], policy) for name in names if name in reps]
    return Hours(tuple(dict.fromkeys(found))) if found else Hours()


def hours_of_rep(rep: Rep, policy: Policy) -> Hours:
    """A rep's working time, less leave and holidays."""
    off = tuple((o.start, o.end) for o in rep.off)
    return Hours(((calendar_of(rep, policy.calendars) or _NEVER_CLOSED, off),))


def in_force(
    sla: Sla, since: datetime, rep_id: str | None, policy: Policy, reps: Mapping[str, Rep]
) -> Sla:
    """The promise that a clock of this rep took with it when it began.

    A day begins by the rep's clock, by UTC without a calendar.
    """
    if not sla.tighter:
        return sla
    rep = reps.get(rep_id or "")
    zone = UTC_ZONE if rep is None else zone_of(rep, policy.calendars)
    return sla.on(wall_at(since, zone).date())


def _one(sla: Sla, rep: Rep, policy: Policy) -> tuple[Calendar, tuple[Span, ...]]:
    calendar = calendar_of(rep, policy.calendars) or _NEVER_CLOSED
    if HOLIDAYS not in sla.deduct:
        calendar = replace(calendar, regions=())
    off = tuple((o.start, o.end) for o in rep.off) if LEAVE in sla.deduct else ()
    return calendar, off


def planned(
    stages: Iterable[Stage], hours: Hours, since: datetime, pauses: Sequence[Span] = ()
) -> tuple[tuple[Stage, datetime | None], ...]:
    """Each stage with its instant; None for one that the calendars never reach."""
    return tuple((stage, hours.after(since, stage.worked, pauses)) for stage in stages)


def slas_for(
    policy: Policy, rule_name: str, values: Mapping[str, Value], before: Iterable[str] = ()
) -> tuple[str, ...]:
    """The SLAs of an assigned lead: its rule's, and those whose `when` holds.

    Where no rule gave it (by hand), those it had `before`.
    """
    rule = find_rule(policy, rule_name)
    named = tuple(before) if rule is None else rule.slas
    tiers = (s.name for s in policy.slas.values() if s.when is not None and s.when.test(values))
    return tuple(dict.fromkeys(n for n in (*named, *tiers) if n in policy.slas))


def find_rule(policy: Policy, name: str) -> Rule | None:
    """The rule of this name, `otherwise` too."""
    if name == policy.otherwise.name:
        return policy.otherwise

    def within(rules: Iterable[Rule]) -> Rule | None:
        for rule in rules:
            found = rule if rule.name == name else within(rule.rules)
            if found is not None:
                return found
        return None

    return within(policy.rules)


def manager_of(policy: Policy, team: str | None, rep_id: str | None) -> str | None:
    """Who is told as the manager: the team's; else that of the first team that has the rep."""
    if team is not None and team in policy.teams and policy.teams[team].manager is not None:
        return policy.teams[team].manager
    mine = (t for t in policy.teams.values() if rep_id in t.members and t.manager is not None)
    return next((t.manager for t in mine), None)


def last_reassign(sla: Sla) -> int | None:
    """The number of the last stage that takes the lead away; None when none does."""
    return max((s.number for s in sla.stages if isinstance(s.act, Reassign)), default=None)

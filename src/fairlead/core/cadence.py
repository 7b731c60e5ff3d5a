"""When the steps of a follow-up cadence come. Pure.

Steps are counted from one beginning, by the clock on the wall; a step whose time lies outside its
rep's working time comes when they work again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from fairlead.core.cadence_terms import FollowUp
from fairlead.core.policy import Policy
from fairlead.core.rep_clock import UTC_ZONE, zone_of
from fairlead.core.sla import Hours, hours_of_rep
from fairlead.core.types import Rep
from fairlead.core.worktime import at_wall, wall_at


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """The days of one rep: their working time, less leave and holidays, and their zone."""

    hours: Hours
    zone: str

    def comes(self, step: FollowUp, since: datetime, not_before: datetime) -> datetime | None:
        """The working instant at which a step comes; None when the rep never works again."""
        return self.hours.next_open(max(since + step.after, not_before))

    def ends(self, made_at: datetime) -> datetime:
        """When the day of a step is over: the work that begins on that day has ended.

        A night shift belongs to the day on which it begins, and so does what comes after midnight.
        """
        began = self.hours.work_began(made_at)
        tomorrow = wall_at(began, self.zone).date() + timedelta(days=1)
        return self.hours.work_ends(made_at, at_wall(datetime.combine(tomorrow, time()), self.zone))


def days_of(rep_id: str | None, policy: Policy, reps: Mapping[str, Rep]) -> WorkingDays:
    """A rep's days; who has no calendar, or is not in the roster, works always, by UTC."""
    rep = reps.get(rep_id or "")
    if rep is None:
        return WorkingDays(Hours(), UTC_ZONE)
    return WorkingDays(hours_of_rep(rep, policy), zone_of(rep, policy.calendars))

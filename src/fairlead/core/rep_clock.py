"""By which clock a rep works: their calendar, the zone it is in, and how far their ramp has come.

Below `eligibility`. The policy's calendar comes first; hours that only the CRM knows come with the
rep.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction

from fairlead.core.ramp import FULL
from fairlead.core.types import Rep
from fairlead.core.worktime import Calendar, wall_at

UTC_ZONE = "UTC"


def calendar_of(rep: Rep, calendars: Mapping[str, Calendar]) -> Calendar | None:
    """When the rep works; None: always."""
    return calendars.get(rep.calendar) if rep.calendar else rep.crm_hours


def zone_of(rep: Rep, calendars: Mapping[str, Calendar]) -> str:
    """The zone by whose clock the rep's days begin; UTC without a calendar."""
    calendar = calendar_of(rep, calendars)
    return UTC_ZONE if calendar is None else calendar.timezone


def share_at(rep: Rep, calendars: Mapping[str, Calendar], at: datetime) -> Fraction:
    """The rep's share of their full weight and limits."""
    if rep.ramp is None:
        return FULL
    return rep.ramp.on(wall_at(at, zone_of(rep, calendars)).date())

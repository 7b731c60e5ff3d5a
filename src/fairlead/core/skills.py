"""The skills matrix: what a rule asks of the reps of a team, and who has it.

`need` takes reps without the skill out of the team for this lead, `prefer` only when somebody who
has it is free. What the lead itself lacks is not asked. A clock near the lead's is asked likewise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fairlead.core.clock_distance import clock_distance
from fairlead.core.decision import Passed, Question
from fairlead.core.policy import Rule, SkillAsk
from fairlead.core.rep_clock import calendar_of
from fairlead.core.types import Rep
from fairlead.core.worktime import Calendar
from fairlead.core.zones import zone_names


@dataclass(frozen=True, slots=True)
class Asked:
    """A skill with the values wanted, every one of them; `base` also takes `pt` for `pt-br`."""

    skill: str
    values: tuple[str, ...]
    base: bool = False

    def lacking(self, rep: Rep) -> str:
        """What the rep lacks of it, in words; "" when the rep has it all."""
        has = {value.casefold() for value in rep.skills.get(self.skill, ())}
        missing = [v for v in self.values if not self._among(v.casefold(), has)]
        return f"{self.skill} {', '.join(missing)}" if missing else ""

    def _among(self, value: str, has: set[str]) -> bool:
        return value in has or (self.base and value.partition("-")[0] in has)


@dataclass(frozen=True, slots=True)
class NearClock:
    """A clock at most `within` from that of the zone `timezone`, the lead's, at this instant."""

    timezone: str
    within: timedelta
    at: datetime
    calendars: Mapping[str, Calendar]
    skill: str = "timezone"

    def lacking(self, rep: Rep) -> str:
        """How far the rep's clock is, in words; "" when it is near. None without a calendar is."""
        calendar = calendar_of(rep, self.calendars)
        if calendar is None:
            return "a calendar, so nobody knows the time zone"
        apart = clock_distance(calendar.timezone, self.timezone, self.at)
        if apart <= self.within:
            return ""
        return f"a clock near the lead's: {calendar.timezone} is {_hours(apart)} away"


def _hours(span: timedelta) -> str:
    hours, minutes = divmod(span // timedelta(minutes=1), 60)
    return f"{hours}h{minutes:02}m" if minutes else f"{hours}h"


@dataclass(frozen=True, slots=True)
class Wanted:
    """All that one rule asks for one lead. `unasked` are the needs that the lead gives no value."""

    need: tuple[Asked | NearClock, ...] = ()
    prefer: tuple[Asked | NearClock, ...] = ()
    unasked: tuple[str, ...] = ()

    @property
    def named(self) -> str:
        """The needed skills by name, without the lead's values."""
        return ", ".join(asked.skill for asked in self.need)


NOTHING = Wanted()


def wanted(rule: Rule, question: Question) -> Wanted:
    """What the rule asks, with the lead's own values put in."""
    need = tuple(_asked(rule.need, question))
    found = {asked.skill for asked in need}
    unasked = tuple(ask.skill for ask in rule.need if ask.skill not in found)
    return Wanted(need, tuple(_asked(rule.prefer, question)), unasked)


def _asked(asks: Sequence[SkillAsk], question: Question) -> Iterable[Asked | NearClock]:
    values = question.values
    for ask in asks:
        if ask.within is not None:
            zone = values.get("timezone")
            if isinstance(zone, str) and zone in zone_names():
                yield NearClock(zone, ask.within, question.now, question.policy.calendars)
            continue
        if ask.path is None:
            yield Asked(ask.skill, ask.values)
            continue
        value = values.get(ask.path)
        texts = (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ()
        if texts:
            yield Asked(ask.skill, texts, base=ask.path == "language")


def skilled(rep: Rep, asks: Wanted) -> bool:
    """Whether the rep has every needed skill."""
    return not any(asked.lacking(rep) for asked in asks.need)


def needed(able: Sequence[Rep], asks: Wanted) -> tuple[tuple[Rep, ...], tuple[Passed, ...]]:
    """The reps who have every needed skill, and the others each with what is lacking."""
    kept: list[Rep] = []
    passed: list[Passed] = []
    for rep in able:
        lacks = "; ".join(filter(None, (asked.lacking(rep) for asked in asks.need)))
        if lacks:
            passed.append(Passed(rep.id, f"lacks {lacks}"))
        else:
            kept.append(rep)
    return tuple(kept), tuple(passed)


def granted(able: Sequence[Rep], asks: Wanted) -> tuple[Asked | NearClock, ...]:
    """The preferences that count: each that somebody has who has all those before it."""
    kept, found = tuple(able), list[Asked | NearClock]()
    for asked in asks.prefer:
        having = tuple(rep for rep in kept if not asked.lacking(rep))
        if having:
            kept = having
            found.append(asked)
    return tuple(found)


def preferred(able: Sequence[Rep], asks: Wanted) -> tuple[tuple[Rep, ...], tuple[Passed, ...]]:
    """Those who also have what is preferred; each wish counts only if somebody left has it."""
    kept, passed = tuple(able), list[Passed]()
    for asked in asks.prefer:
        having = tuple(rep for rep in kept if not asked.lacking(rep))
        if having:
            lacking = [(rep, asked.lacking(rep)) for rep in kept if asked.lacking(rep)]
            passed.extend(
                Passed(rep.id, f"lacks {what}, which is preferred") for rep, what in lacking
            )
            kept = having
    return kept, tuple(passed)

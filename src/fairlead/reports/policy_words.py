"""What a policy asks beside its conditions, in plain words: waits, skills, hours, ledgers, shares.

Between the policy and the page that `reports.policy_docs` makes of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from itertools import groupby

from fairlead.core.condition_words import duration_words, in_words
from fairlead.core.policy import HoldUntil, Policy, RosterEntry, Rule, SkillAsk, Team
from fairlead.core.signals import GROUP_WORDS, Signal
from fairlead.core.tables import Prefixes, Ranges, Table
from fairlead.core.worktime import Calendar

_DAY = 24 * 60
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_OUTSIDE = {
    "account_owner": "as account owner",
    "named": "by name",
    "by_hand": "by hand",
    "followed": "as owner of an older record",
}
_TOLD = {"out_of_office": "out of office", "working_hours": "working hours", "presence": "presence"}


def rule_words(rule: Rule) -> str:
    """What a rule says beside its condition, its wait and its destination; "" for nothing."""
    said = []
    if rule.need:
        end = rule.relax_after
        after = "" if end is None else f", for {duration_words(end)}; after that anybody"
        said.append(f"Needs {_asked(rule.need)}{after}.")
    if rule.prefer:
        said.append(f"Prefers {_asked(rule.prefer)}.")
    if rule.pool is not None:
        said.append(f"Shared in a pool of its own, {rule.pool}.")
    if rule.sticky is not None:
        said.append(f"Who comes again {_again(rule.sticky)}.")
    return " ".join(said)


def signal_words(signal: Signal) -> str:
    """How a signal is seen."""
    ways = []
    if signal.by_field is not None:
        when = signal.by_field.when
        held = "" if when is None else f", while {in_words(when.text)}"
        ways.append(f"on the date of {signal.by_field.at.replace('_', ' ')}{held}")
    for one in signal.by_groups:
        states = f" as {' or '.join(sorted(one.statuses))}" if one.statuses else ""
        ways.append(f"in {one.crm} {GROUP_WORDS[one.crm]} {', '.join(one.groups)}{states}")
    if signal.by_activity is not None:
        kinds = ", ".join(sorted(k.value for k in signal.by_activity.kinds))
        side = {True: " from the buyer", False: " to the buyer", None: ""}
        ways.append(f"by {kinds}{side[signal.by_activity.incoming]}")
    return f"Signal {signal.name.replace('_', ' ')} is seen {'; or '.join(ways)}."


def _again(sticky: timedelta) -> str:
    if not sticky:
        return "is routed like anybody"
    return f"within {duration_words(sticky)} goes to the same rep"


def until_words(hold: HoldUntil) -> str:
    return f"a lead without {hold.field} waits for it, up to {duration_words(hold.at_most)}"


def _asked(asks: tuple[SkillAsk, ...]) -> str:
    return ", ".join(_ask(ask) for ask in asks)


def _ask(ask: SkillAsk) -> str:
    if ask.within is not None:
        return f"a clock at most {duration_words(ask.within)} from the lead's"
    if ask.path is not None and "." not in ask.path:
        own = "" if ask.path == ask.skill else f"{ask.skill} in "
        return f"{own}the lead's {ask.path}"
    if ask.path is not None:
        return f"{ask.skill} as in {ask.path}"
    return f"{ask.skill} {' and '.join(ask.values)}"


def facts(policy: Policy) -> Iterator[str]:
    """What holds for the whole policy, a sentence each."""
    if policy.pilot < 1:
        yield f"A pilot: {_percent(policy.pilot)} of the companies are routed by this policy."
    yield from (signal_words(signal) for signal in policy.signals.values())
    for source in policy.sources:
        if source.hold_until is not None:
            yield f"From {source.name}: {until_words(source.hold_until)}, before any rule is asked."
    if policy.owner_authority is not None:
        yield f"Of a person in both CRMs the owner in {policy.owner_authority} counts."
    if policy.sticky is not None:
        yield f"Who comes again {_again(policy.sticky)}."
    if policy.reroute_on:
        yield f"A lead is routed again when this changes: {', '.join(policy.reroute_on)}."
    back = policy.credit_back
    if back is not None:
        whys = [] if back.when is None else [in_words(back.when.text)]
        whys += ["it is handed back"] if back.handed_back else []
        yield (
            f"A rep gets another lead for one, within {duration_words(back.within)}, if "
            f"{' or '.join(whys)}."
        )
    for split in policy.splits.values():
        arms = ", ".join(f"{name} {_percent(share)}" for name, share in split.arms.items())
        yield f"Split {split.name}, by {split.by}: {arms}."
    if policy.from_crm:
        yield f"The CRMs' own word counts: {', '.join(sorted(_TOLD[w] for w in policy.from_crm))}."


def _percent(share: Fraction) -> str:
    return f"{float(100 * share):g} %"


def ledger_words(team: Team) -> str:
    """What counts as a turn in a team, and what moves its shares; "–" for turns alone."""
    said = []
    if team.charge:
        said.append(f"leads {', '.join(_OUTSIDE[kind] for kind in team.charge)} count as a turn")
    if team.make_up is not None:
        said.append(f"after leave up to {team.make_up} leads are made up for")
    if team.weights is not None:
        low, high = team.weights.floor, team.weights.ceiling
        said.append(f"shares follow results, between {low} and {high} times")
    return "; ".join(said) or "–"


def kinds_of_skill(policy: Policy) -> tuple[str, ...]:
    """Every kind of skill that somebody has, in the roster's order."""
    return tuple(dict.fromkeys(kind for rep in policy.roster.values() for kind in rep.skills))


def rep_row(rep: RosterEntry, kinds: tuple[str, ...]) -> tuple[str, ...]:
    """One line of the skills matrix: who, hours, limits, cover, and what they can do."""
    name = rep.id if rep.name is None else f"{rep.name} ({rep.id})"
    limits = rep.capacity
    parts = [("open", limits.open), ("an hour", limits.per_hour), ("a day", limits.per_day)]
    parts.append(("a week", limits.per_week))
    most = ", ".join(f"{n} {what}" for what, n in parts if n is not None)
    if rep.ramp is not None:
        most = f"{most or 'no limit'}; grows to the full share from {rep.ramp.begins}"
        most += f" for {rep.ramp.weeks} weeks"
    skills = tuple(", ".join(rep.skills.get(kind, ())) or "–" for kind in kinds)
    return (name, rep.calendar or "–", most or "–", rep.cover or "–", *skills)


def calendar_row(calendar: Calendar) -> tuple[str, ...]:
    """One calendar: its zone, its hours by day, its holidays, the days kept free around leave."""
    days = [
        f"{first if first == last else f'{first}-{last}'} {hours}"
        for first, last, hours in _alike(calendar)
    ]
    before, after = calendar.buffer_before, calendar.buffer_after
    free = f"{before} before, {after} after" if before or after else "–"
    holidays = ", ".join(calendar.regions) or "–"
    return calendar.name, calendar.timezone, "; ".join(days), holidays, free


def _alike(calendar: Calendar) -> Iterator[tuple[str, str, str]]:
    """Days that follow each other and have the same hours: the first, the last, the hours."""
    for blocks, run in groupby(zip(_DAYS, calendar.hours, strict=True), lambda day: day[1]):
        days = [day for day, _ in run]
        if blocks:
            yield days[0], days[-1], ", ".join(f"{_clock(a)}-{_clock(b)}" for a, b in blocks)


def _clock(minute: int) -> str:
    """A minute of the day; one after midnight is the next day's, and midnight ends its day."""
    return "24:00" if minute == _DAY else f"{minute // 60 % 24:02}:{minute % 60:02}"


def found_by(table: Table) -> str:
    """What a lead finds its line by."""
    parts = list(table.key)
    last = next((r for r in table.rows.values() if isinstance(r, Prefixes | Ranges)), None)
    if isinstance(last, Prefixes):
        parts.append(f"how {last.field} begins")
    elif isinstance(last, Ranges):
        parts.append(f"the range of {last.field}")
    return ", ".join(parts)

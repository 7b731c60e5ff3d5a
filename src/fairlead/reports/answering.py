"""Whether answers can come in time, and how they came, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fairlead.core.counted import counted
from fairlead.reports.findings import printable

_SHOWN = 3
"""Records named for a person; --json has more."""


def human_staffing(v: Mapping[str, Any]) -> Iterator[str]:
    """`fairlead sla --staffing`."""
    if not v["teams"]:
        yield f"no team of the policy had leads since {v['since'][:10]}"
    for n, team in enumerate(v["teams"]):
        if n:
            yield ""
        yield from _team(v, team)
    if v["teams"]:
        yield ""
        yield (
            "Assumed: who is free answers at once and does nothing else first; leads come by chance"
            " at the rates of their hours; work is spread as chance does. Real desks are slower."
        )


def _team(v: Mapping[str, Any], team: Mapping[str, Any]) -> Iterator[str]:
    people = len(team["people"])
    both = team["meets"] and team["meets_in_turns"]
    word = "yes" if both else "only if leads go to who is free" if team["meets"] else "no"
    yield (
        f"{team['team']}: {v['within']} for {v['target']:.0%} of the leads with"
        f" {counted(people, 'rep')}: {word}"
    )
    yield (
        f"  {counted(team['arrivals'], 'lead')} in {team['days']:.0f} days,"
        f" {team['per_week']:.0f} a week; {_minutes(team['handling_seconds'])} each"
        f" ({team['handling_from']})"
    )
    busy = "nobody works" if team["busy"] is None else f"{team['busy']:.0%} of the working time"
    yield f"  in time, of open time: {team['in_time']:.1%} if the first who is free answers"
    yield f"                         {team['in_turns']:.1%} if each is given to the next in turn"
    yield (
        f"  by the clock on the wall {team['by_the_wall']:.1%}: {team['closed']:.0%} come while"
        f" nobody works; the leads take {busy}"
    )
    more = team["needed_more"]
    need = (
        "the target is met"
        if more == 0
        else "no number of reps at these hours meets the target"
        if more is None
        else f"{more} more would meet the target"
    )
    yield f"  one rep more, whenever the team works: {team['one_more']:.1%}; {need}"
    if team["worst"]:
        yield "  worst hours (" + team["timezone"] + "):  leads  reps  needed  in time"
        for h in team["worst"]:
            yield (
                f"    {h['when']:<24}{h['per_hour']:>6.1f}{h['people']:>6.1f}{h['needed']:>8}"
                f"{h['in_time']:>9.0%}"
            )
    yield from (f"  note: {note}" for note in team["notes"])


def human_indicators(v: Mapping[str, Any]) -> Iterator[str]:
    """`fairlead sla --indicators`."""
    yield f"{counted(v['answers'], 'answer')} since {v['since'][:19]}Z"
    if v["not_looked_at"]:
        yield f"  {counted(v['not_looked_at'], 'change')} of the last day not looked at again yet"
    for one in v["indicators"]:
        yield ""
        yield f"{one['means']}"
        yield f"  can also mean: {one['can_also_mean']}"
        for p in one["people"]:
            others = "" if p["others"] is None else f", others {p['others']:.0%}"
            compared = (
                f"too few to compare (below {v['least']})"
                if p["compared"] == "too few"
                else p["compared"]
                if p["compared"] == "as the others"
                else f"{p['compared']} than the others"
            )
            yield printable(
                f"  {p['who']}: {p['count']} of {p['answers']} ({p['share']:.0%},"
                f" {p['share_low']:.0%} to {p['share_high']:.0%}{others}): {compared}"
            )
            for e in p["evidence"][:_SHOWN]:
                yield f"    {e['at'][:19]}Z {e['lead']}, record {e['record']}"
            hidden = len(p["evidence"]) - _SHOWN + p["more"]
            if hidden > 0:
                yield f"    and {hidden} more; --json names the latest"
        if not one["people"]:
            yield "  nothing to count"
    yield ""
    yield (
        "These are indicators, not verdicts: each has innocent reasons. Look at the records, and"
        " ask before you conclude."
    )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"

"""What commands tell of clocks, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fairlead.core.counted import counted


def human_sla(v: Mapping[str, Any]) -> Iterator[str]:
    """`fairlead sla`."""
    rest = f", {counted(v['rest'], 'is', 'are')} the rest of a path" if v.get("rest") else ""
    over = f"{counted(v['over'], 'is', 'are')} over and unanswered"
    run = counted(v["running"], "clock runs", "clocks run")
    yield f"{run}, {counted(v['paused'], 'stands', 'stand')}, {over}{rest}"
    for c in v["clocks"]:
        path = ", rest of the path" if c["rest_of_path"] else ""
        yield f"{c['lead']}: {c['sla']}, {c['owner']}, {c['state']}{path}"
        due = f"due {_at(c['due'])}" if c["due"] else "stands"
        then = f"; next {_at(c['next_at'])}: {c['next_does']}" if c["next_at"] else ""
        yield f"  since {_at(c['since'])}, {due}{then}"
    if v["more"]:
        yield f"and {v['more']} more; --limit shows them"
    for p in v["promises"]:
        if p["tighter"]:
            later = ", ".join(f"{t['respond_within']} from {t['from']}" for t in p["tighter"])
            yield f"{p['sla']}: {p['respond_within']} now, {later}"
    yield "due if nobody answers until then:"
    for hour in v["forecast"]:
        by = ", ".join(f"{n} {who}" for who, n in hour["by"].items())
        yield f"  until {_at(hour['until'])}: {hour['due']}" + (f" ({by})" if by else "")


def human_clocks(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The clocks of one lead, as `why` shows them."""
    for c in found:
        late = ", late" if c["late"] else ", rest of the path" if c["rest_of_path"] else ""
        yield f"clock {c['sla']} of {c['owner']} since {_at(c['since'])}: {c['state']}{late}"
        for s in c["steps"]:
            when = f"fired {_at(s['fired'])}" if s["fired"] else f"at {_at(s['due'])}"
            yield f"  {s['step']}: {s['does']}, {when if s['fired'] or s['due'] else 'stands'}"


def human_times(times: Mapping[str, str | None]) -> str:
    """The times that are known, in one line."""
    return ", ".join(f"{n.replace('_', ' ')} {_at(at)}" for n, at in times.items() if at)


def _at(iso: str | None) -> str:
    return "never" if iso is None else f"{iso[:19]}Z"

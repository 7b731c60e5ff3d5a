"""What commands tell of times and of follow-ups, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fairlead.core.counted import counted

_STEPS = {
    "captured_to_decided": "captured to decided",
    "decided_to_assigned": "decided to assigned",
    "assigned_to_accepted": "assigned to accepted",
    "speed_to_lead": "captured to first response",
}
_WIDTH = 28


def human_times_report(v: Mapping[str, Any]) -> Iterator[str]:
    """`fairlead times`."""
    yield f"{counted(v['assignments'], 'assignment')} since {_at(v['since'])}"
    yield from _steps(v["all"], "")
    for name in ("rules", "teams", "reps"):
        for key, steps in v[name].items():
            yield f"{name[:-1]} {key}:"
            yield from _steps(steps, "  ")


def _steps(steps: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, words in _STEPS.items():
        s = steps[name]
        if s["count"]:
            half, most = _length(s["median"]), _length(s["p90"])
            yield f"{indent}{words:<{_WIDTH}} median {half}, 90 % within {most} ({s['count']})"
        else:
            yield f"{indent}{words:<{_WIDTH}} not seen"


def human_assignments(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The assignments of a lead, where there were several or the write did not end well."""
    if len(found) == 1 and found[0]["write_result"] in ("done", "pending", "not needed"):
        return
    for a in found:
        who = a["rep"] or a["owner_id"] or "nobody"
        by = f" by rule {a['rule']}" if a["rule"] else ""
        proof = f"; first response shown by {a['proof']}" if a["proof"] else ""
        yield (
            f"assignment to {who}{by}, decided {_at(a['times']['decided'])}:"
            f" owner write {a['write_result']}{proof}"
        )


def human_cadences(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The follow-ups of a lead, as `why` shows them."""
    for c in found:
        state = c["state"] if c["since"] else f"{c['state']}, waits for the first response"
        then = f"; looked at {_at(c['next_look'])}" if c["next_look"] else ""
        yield f"follow-up {c['cadence']} of {c['owner']}: {c['made']} made, {state}{then}"


def _length(seconds: float) -> str:
    whole = round(seconds)
    for size, unit, below, less in (
        (86_400, "d", 3600, "h"),
        (3600, "h", 60, "m"),
        (60, "m", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size}{unit}" + (f" {rest}{less}" if rest else "")
    return f"{whole}s"


def _at(iso: str) -> str:
    return f"{iso[:19]}Z"

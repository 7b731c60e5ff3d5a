"""What commands tell of recycled leads, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fairlead.core.counted import counted
from fairlead.reports.findings import printable


def human_recycling(v: Mapping[str, Any]) -> Iterator[str]:
    """`fairlead recycling`."""
    yield f"{counted(v['recycled'], 'lead is', 'leads are')} recycled, {v['terminal']} at their end"
    for kind, reasons in v["by_reason"].items():
        for reason, n in reasons.items():
            yield f"  {kind}, {reason}: {n}"
    for reason, n in v["tracks_gone"].items():
        keep = counted(n, "lead keeps its", "leads keep their")
        yield (
            f"TRACK GONE: the policy has no track {reason!r} any more; {keep} date, and one"
            " without a date stays until somebody gives it away"
        )
    for join in v["joins_refused"]:
        yield printable(
            f"JOIN REFUSED: {counted(join['leads'], 'lead')} of {join['crm']} could not be put into"
            f" campaign or list {join['group']}: {join['reason']}"
        )
        yield (
            "  name another in the policy, and they join that; or mend it (fairlead doctor), then:"
            " fairlead dead-letters retry --all"
        )
    for lead in v["leads"]:
        yield printable(f"{lead['lead']}: {_now(lead)}")
        yield from (printable(f"  {line}") for line in _then(lead))
    left = v["recycled"] + v["terminal"] - len(v["leads"])
    if left:
        yield f"and {left} more; --limit shows them"


def human_rounds(told: Mapping[str, Any]) -> Iterator[str]:
    """The rounds of one lead, as `why` shows them."""
    most = "" if told["max_cycles"] is None else f" of {told['max_cycles']}"
    yield printable(f"recycled {told['cycles']}{most} times")
    for r in told["rounds"]:
        if r["ended_at"] is not None:
            yield printable(
                f"  {_at(r['since'])} to {_at(r['ended_at'])} {r['kind']}, {r['reason']},"
                f" from {r['had_by'] or 'nobody'}: {r['how']}"
            )
    now = told["now"]
    if now is not None:
        yield printable(f"  now {_now(now)}")
        yield from (printable(f"    {line}") for line in _then(now))


def _now(lead: Mapping[str, Any]) -> str:
    who = f", was with {lead['had_by']}" if lead["had_by"] else ""
    if lead["kind"] == "terminal":
        return f"terminal since {_at(lead['since'])}, {lead['reason']}{who}"
    return f"recycled since {_at(lead['since'])}, {lead['reason']}, cycle {lead['cycle']}{who}"


def _then(lead: Mapping[str, Any]) -> Iterator[str]:
    if lead["kind"] == "terminal":
        yield "is never routed again, unless by: fairlead reassign LEAD --to REP"
        return
    if lead["comes_back"]:
        yield f"comes back at {_at(lead['comes_back'])}: {lead['why_then']}"
    if lead["waits_for_date"]:
        yield f"comes back on the date in {lead['waits_for_date']}, which it does not have yet"
    if lead["or_when"]:
        yield f"comes back when {lead['or_when']}; signals and dates since then count"
    if lead["track_gone"]:
        yield "its track is not in the policy any more: only the date brings it back"
    if lead["not_before"]:
        yield f"not before {_at(lead['not_before'])}"
    if lead["waits"]:
        yield f"is due and waits: {lead['waits']}; looked at again {_at(lead['next_look'])}"
    if lead["join"] is not None:
        yield _joined(lead["join"])


def _joined(join: Mapping[str, Any]) -> str:
    """Whether it is in its campaign or list: told by what the CRM answered, not by what we want."""
    group, reason = f"campaign or list {join['group']}", join["reason"]
    match join["state"]:
        case "done":
            return f"was put into {group} meanwhile"
        case "new" | "inflight" | "sent":
            return f"is being put into {group}" + (f" ({reason})" if reason else "")
        case "refused" if join["dead_letter"] is not None:
            retry = f"fairlead dead-letters retry {join['dead_letter']}"
            return f"is NOT in {group}: {reason}; mend it (fairlead doctor), then: {retry}"
        case "refused":
            return f"is NOT in {group}: {reason}; a person gave that write up"
        case _:
            return f"is not in {group}" + (f": {reason}" if reason else "")


def _at(iso: str | None) -> str:
    return "never" if iso is None else f"{iso[:19]}Z"

"""The answers of backfill, reassign and preview as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fairlead.core.counted import counted
from fairlead.reports.findings import printable

MOST_ROWS = 40


def human_plan(v: Mapping[str, Any]) -> Iterator[str]:
    if not v["leads"]:
        yield f"Nothing to route: {counted(v['looked_at'], 'lead was', 'leads were')} looked at."
        yield from _left_out(v)
        return
    given = v["leads"] - v["would_wait"]
    wait = f", {v['would_wait']} would wait" if v["would_wait"] else ""
    yield f"plan {v['plan']}: {given} of {v['looked_at']} leads looked at would be given{wait}"
    yield from _counted("per rep", v["per_rep"])
    yield from _counted("per rule", v["per_rule"])
    yield from _left_out(v)
    for r in v["rows"][:MOST_ROWS]:
        to = r["to"] or "(waits)"
        said = f"[{r['rule'] or '-'}] {r['reason']}"
        yield printable(f"  {r['lead']}: {r['from'] or 'nobody'} -> {to}  {said}")
    if len(v["rows"]) > MOST_ROWS:
        yield f"  ... and {len(v['rows']) - MOST_ROWS} more; --json has all"
    if v["needs_yes"]:
        yield printable(f"CAREFUL: {v['needs_yes']}")
    yes = f" --yes {v['leads']}" if v["needs_yes"] else ""
    yield "Nothing is written yet. To apply it within a day:"
    yield f"  fairlead {v['kind']} --apply {v['plan']}{yes}"


def human_batch(v: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"plan {v['plan']}: {v['state']}, {v['done']} of {v['leads']} leads routed,"
        f" {v['left_out']} left out"
    )
    if v["note"]:
        yield printable(f"  {v['note']}")
    if v["writes"]:
        yield "  writes: " + ", ".join(f"{n} {s}" for s, n in sorted(v["writes"].items()))
    for r in v.get("notes", ())[:MOST_ROWS]:
        left_out = "left out: " if r["state"] == "left_out" else ""
        yield printable(f"  {left_out}{r['lead']}: {r['note']}")
    if v["state"] == "applying" and not v["may_write"]:
        yield "  writing is stopped; the rest goes on by itself after: fairlead resume"


def human_preview(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for lead in found:
        if "gone" in lead:
            yield printable(f"{lead['lead']}: gone ({lead['gone']})")
            continue
        yield printable(f"{lead['lead']} is {lead['now']}; now it would be:")
        for line in lead["text"]:
            yield printable(f"  {line}")
    yield "Nothing was written."


def _counted(what: str, counts: Mapping[str, int]) -> Iterator[str]:
    if counts:
        yield f"{what}:"
        for name, n in sorted(counts.items(), key=lambda c: (-c[1], c[0])):
            yield printable(f"  {n:6} {name}")


def _left_out(v: Mapping[str, Any]) -> Iterator[str]:
    yield from _counted("not in the plan", v["left_out"])

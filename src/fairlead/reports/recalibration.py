"""Proposed points for the policy's own lines, for programs and for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from fairlead.core.recalibration import Proposal
from fairlead.reports.calibration import plain, told_gain
from fairlead.reports.findings import printable


def recalibration_json(found: Proposal) -> dict[str, Any]:
    """All values; shares from 0 to 1, instants in UTC, points as numbers."""
    told: dict[str, Any] = plain(asdict(found.found))
    for line, points in zip(told["lines"], found.found.lines, strict=True):
        line |= {"old": float(points.old), "new": float(points.new), "changed": points.changed}
    told["outcomes"] = [{"why": w, "success": s, "leads": n} for w, s, n in found.words]
    told["undecided"] = found.undecided
    told["file"] = found.file
    told["diff"] = found.diff
    told["check"] = [{"kind": f.kind, "message": f.message} for f in found.findings]
    told["changed"] = []
    return told


def human_recalibration(v: Mapping[str, Any]) -> Iterator[str]:
    """The report, most important first."""
    for line in _lines(v):
        yield printable(line)


def _lines(v: Mapping[str, Any]) -> Iterator[str]:
    now = v["leads"] - v["as_decided"]
    yield (
        f"{v['leads']} leads whose outcome is known, {v['as_decided']} as they were when routed,"
        f" {now} as the CRM has them now; {v['undecided']} have not ended yet"
    )
    for success, word in ((True, "won"), (False, "lost"), (None, "open")):
        told = [f"{o['why']} ({o['leads']})" for o in v["outcomes"] if o["success"] is success]
        if told:
            yield f"  {word}: {', '.join(told)}"
    for what, part in (("learned from", v["earlier"]), ("judged on", v["holdout"])):
        yield (
            f"  {what:<12} {part['leads']:>6} leads, {part['won']} won"
            f" ({part['won'] / part['leads']:.1%}), {part['first']} to {part['last']}"
        )
    yield ""
    yield from told_gain(v)
    yield from (f"  {n}" if n.startswith("WARNING") else f"  note: {n}" for n in v["notes"])
    if v["grades"]:
        yield ""
        yield "grades on the hold-out       before                 after"
        for g in v["grades"]:
            before, after = _of(g["before"], g["won_before"]), _of(g["after"], g["won_after"])
            yield f"  {g['name']:<24}{before:<23}{after}"
    yield ""
    yield "lines                points   leads  won with  without"
    for x in v["lines"]:
        old, new = _points(x["old"]), _points(x["new"])
        points = f"{old} > {new}" if x["changed"] else f"{old}"
        yield (
            f"  {points:>14} {x['leads']:>12}  {_share(x['won_with']):>8}"
            f"  {_share(x['won_without']):>7}  {x['group']}: {x['because']} ({x['why']})"
        )
    yield ""
    if v["diff"]:
        yield from v["diff"].splitlines()
        yield from (f"check would say: {f['message']}" for f in v["check"])
        yield "Nothing was changed: this is a proposal. --write FILE writes it to a new file."
    else:
        yield "Nothing is proposed, and nothing was changed."


def _of(leads: int, won: int) -> str:
    return f"{leads} leads" + (f", {won / leads:.0%} won" if leads else "")


def _points(points: float) -> str:
    return f"{points:+g}"


def _share(found: Mapping[str, Any] | None) -> str:
    return "-" if found is None else f"{found['value']:.1%}"

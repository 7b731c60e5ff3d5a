"""What a calibration found, for programs and for people; both from the same values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from fairlead.core.calibration import Calibration
from fairlead.core.points import DOUBLES
from fairlead.reports.findings import printable

_SMALL = 2.0
"""Columns that move leads by fewer points, as a standard deviation, are named in one line."""
_MOST = 12
"""Of a column with more values only the highest and the lowest are shown to people."""


def calibration_json(found: Calibration, encoding: str) -> dict[str, Any]:
    """All values; shares from 0 to 1, instants in UTC."""
    told: dict[str, Any] = plain(asdict(found))
    told["encoding"] = encoding
    told["points"]["double_the_odds"] = DOUBLES
    told["words"] = [{"value": w, "won": won, "leads": n} for w, won, n in found.words]
    told["verdict"] = verdict(found)
    told["changed"] = []
    return told


def verdict(found: Calibration) -> str:
    """Whether the weights are better than what is there: better, suspect, unclear, or worse."""
    if found.gain.low > 0:
        return "suspect" if found.leaks else "better"
    return "worse" if found.gain.high < 0 else "unclear"


def human_calibration(v: Mapping[str, Any]) -> Iterator[str]:
    """The report, most important first; control characters of the file are shown."""
    for line in _lines(v):
        yield printable(line)


def _lines(v: Mapping[str, Any]) -> Iterator[str]:
    yield from _leads(v)
    yield ""
    yield from _comparison(v)
    yield ""
    yield from _reliability(v)
    yield ""
    yield from _points(v)
    if v["left_out"]:
        yield ""
        yield "left out:"
        yield from (f"  {x['column']}: {x['why']}" for x in v["left_out"])
    yield ""
    yield "Nothing was changed: this is a proposal."


def _leads(v: Mapping[str, Any]) -> Iterator[str]:
    undecided = f", {v['undecided']} of them undecided and left out" if v["undecided"] else ""
    yield f"{v['leads']} leads{undecided}; read as {v['encoding']}"
    for won in (True, False):
        words = [f"{w['value']} ({w['leads']})" for w in v["words"] if w["won"] is won]
        yield f"  {'won' if won else 'lost'}: {', '.join(words)}"
    for what, part in (("learned from", v["earlier"]), ("judged on", v["holdout"])):
        share = part["won"] / part["leads"]
        yield (
            f"  {what:<12} {part['leads']:>6} leads, {part['won']} won ({share:.1%}),"
            f" {part['first']} to {part['last']}"
        )


def told_gain(v: Mapping[str, Any]) -> Iterator[str]:
    """Before and after on the hold-out, and what to make of it."""
    before, after, gain = v["before"], v["after"], v["gain"]
    weights = f", {v['width']} weights" if "width" in v else ""
    yield f"on the hold-out     {'before':<24}after"
    yield f"  AUC               {_interval(before['auc']):<24}{_interval(after['auc'])}"
    yield (
        f"  calibration error {_error(before):<24}{_error(after)}"
        f"   (luck alone: {after['reliability']['by_luck']:.3f})"
    )
    yield f"  Brier score       {before['brier']:<24.3f}{after['brier']:.3f}"
    yield f"  before: {before['how']}; after: {after['how']}{weights}"
    said = {
        "better": "the weights put won leads first more often",
        "suspect": "the weights look better; whether they are, depends on the warning",
        "worse": "the weights are WORSE than what is there; do not use them",
        "unclear": "no clear difference; do not change anything for it",
    }[v["verdict"]]
    yield f"  {said}: AUC {gain['value']:+.3f} ({gain['low']:+.3f} to {gain['high']:+.3f})"
    yield (
        f"  over-fit: AUC {v['learned_auc']:.3f} on the leads learned from,"
        f" {after['auc']['value']:.3f} on the hold-out"
    )


def _comparison(v: Mapping[str, Any]) -> Iterator[str]:
    yield from told_gain(v)
    for leak in v["leaks"]:
        yield (
            f"  WARNING: {leak['column']}: {leak['why']}. If it is filled in when the outcome is"
            " known, the numbers above mean nothing: run again with"
            f" --ignore '{leak['column']}'"
        )
    yield from (f"  note: {note}" for note in v["notes"])


def _reliability(v: Mapping[str, Any]) -> Iterator[str]:
    yield "what was said, and what came true (hold-out, after)"
    yield "  leads   said   came true"
    for row in v["after"]["reliability"]["bins"]:
        came = row["came"]
        yield (
            f"  {row['count']:>5}  {row['said']:>5.1%}   {came['value']:>5.1%}"
            f"  ({came['low']:.1%} to {came['high']:.1%})"
        )


def _points(v: Mapping[str, Any]) -> Iterator[str]:
    told = v["points"]
    yield (
        f"points: {told['double_the_odds']} more double the odds;"
        f" 0 points are a chance of {told['base']:.1%}"
    )
    small = []
    for column in told["columns"]:
        if column["moves"] < _SMALL:
            small.append(column["column"])
            continue
        yield f"  {column['column']}"
        if column["step"] is not None:
            yield (
                f"    {_whole(column['points']):>4}  for each {column['step']:g} more"
                f" (0 at {column['average']:.4g})"
            )
        values = column["values"]
        between = max(0, len(values) - _MOST)
        for at, value in enumerate(values):
            if between and at == _MOST // 2:
                yield f"       …  {between} values between; --json has all"
            if _MOST // 2 <= at < _MOST // 2 + between:
                continue
            n, points = value["leads"], _whole(value["points"])
            share = f", {value['won'] / n:.1%} won" if n else ""
            yield f"    {points:>4}  {value['value']} ({n} leads{share})"
    if small:
        yield f"  hardly any: {', '.join(small)}"


def _whole(points: float) -> str:
    rounded = round(points)
    return f"{rounded:+d}" if rounded else "0"


def _interval(i: Mapping[str, Any]) -> str:
    return f"{i['value']:.3f} ({i['low']:.3f} to {i['high']:.3f})"


def _error(judged: Mapping[str, Any]) -> str:
    return f"{judged['reliability']['error']:.3f}"


def plain(value: Any) -> Any:
    """Instants as text, tuples as lists, and the keys of mappings as they are."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, dict):
        return {k: plain(x) for k, x in value.items()}
    if isinstance(value, list | tuple):
        return [plain(x) for x in value]
    return value

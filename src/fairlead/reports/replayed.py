"""The answer of `replay --policy` for people, and as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from fairlead.core.counted import counted
from fairlead.reports.findings import printable

COLUMNS = (
    "lead", "generation", "decision", "kind", "was_rule", "was_place", "was_rep", "was_owner",
    "was_state", "would_rule", "would_place", "would_rep", "would_owner", "would_state",
)  # fmt: skip


def human_period(v: Mapping[str, Any], limit: int) -> Iterator[str]:
    """A summary, then up to `limit` changed leads; 0: all."""
    for line in _lines(v, limit):
        yield printable(line)


def _lines(v: Mapping[str, Any], limit: int) -> Iterator[str]:
    yield (
        f"{counted(v['leads'], 'lead')}, {counted(v['decisions'], 'decision')} from"
        f" {v['since'][:16]}Z to {v['until'][:16]}Z, policy {v['policy'][:12]}"
        f" against {v['candidate'][:12]}"
    )
    yield (
        f"{v['same']} the same, {v['direct']} direct (another rule or destination),"
        f" {v['cascade']} cascade (rotation or capacity shifted)"
    )
    yield from _trust(v)
    yield from _tables(v)
    yield from _changed(v["changed"], limit)


def _tables(v: Mapping[str, Any]) -> Iterator[str]:
    for title, what in (("rep", "reps"), ("rule", "rules"), ("state", "ends")):
        yield from _table(title, v[what])


def _changed(changed: Sequence[Mapping[str, Any]], limit: int) -> Iterator[str]:
    shown = changed[: limit or None]
    if shown:
        yield "changed leads:"
    for c in shown:
        yield f"  {c['lead']}: {c['kind']}: {_end(c['was'])} -> {_end(c['would'])}"
    if len(shown) < len(changed):
        yield f"  and {len(changed) - len(shown)} more; --limit 0 or --json shows them all"


def _trust(v: Mapping[str, Any]) -> Iterator[str]:
    """How far this can be believed."""
    yield (
        f"{v['policy'][:12]}, replayed the same way, reproduces {v['reproduced']} of"
        f" {v['checked']} leads"
    )
    older = v["decisions"] - v["policies"].get(v["policy"], 0) - len(v["not_replayed"])
    if older:
        taken = counted(older, "decision was", "decisions were")
        yield f"note: {taken} taken under other policies, not checked"
    if v["not_replayed"]:
        yield f"note: {counted(len(v['not_replayed']), 'decision')} cannot be replayed:"
        for id, why in list(v["not_replayed"].items())[:5]:
            yield f"  {id}: {why}"
    if v["fields_not_stored"]:
        yield f"note: never read then, so missing here: {', '.join(v['fields_not_stored'])}"
    if v["fresh_pools"]:
        yield f"note: these pools start at zero: {', '.join(v['fresh_pools'])}"
    if v["uncounted"]:
        yield (
            "note: open leads were not counted then, those open until now are taken instead: "
            + ", ".join(v["uncounted"])
        )


def _table(title: str, rows: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    width = max([len(title), *(len(n) for n in rows)])
    yield f"{title:{width}}  {'was':>7} {'would':>7} {'change':>7}"
    for name, n in rows.items():
        change = n["would"] - n["was"]
        told = f"{change:+d}" if change else "="
        yield f"{name:{width}}  {n['was']:>7} {n['would']:>7} {told:>7}"


def _end(side: Mapping[str, Any]) -> str:
    who = side["rep"] or (f"owner {side['owner']}" if side["owner"] else side["state"])
    return f"{who} [{side['rule'] or side['place'] or '-'}]"


def told_shadow(s: Mapping[str, Any]) -> str:
    """One line of what the second policy says of a lead."""
    end = _end(s["would"])
    told = "the same" if s["kind"] == "same" else f"{s['kind']} change"
    return printable(f"{told}: {end} ({s['reason']}), policy {s['policy'][:12]}")


def human_shadow(v: Mapping[str, Any], limit: int) -> Iterator[str]:
    """Agreement so far, then up to `limit` leads that would have gone elsewhere; 0: all."""
    since = (v["since"] or "")[:16]
    yield f"shadow {v['policy'][:12]} since {since}Z: {counted(v['leads'], 'lead')}"
    share = f" ({v['same'] / v['leads']:.0%})" if v["leads"] else ""
    yield (
        f"{v['same']} the same{share}, {v['direct']} direct (another rule or destination),"
        f" {v['cascade']} cascade (rotation or capacity shifted)"
    )
    for line in (*_tables(v), *_changed(v["changed"], limit)):
        yield printable(line)


def human_history(v: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Every version of the policy, one line each."""
    if not v:
        yield "No policy was used yet."
    for p in v:
        last = f"last {p['last_used_at'][:16]}Z" if p["last_used_at"] else "no decision"
        beside = (
            "" if p["shadow_leads"] is None else f", {counted(p['shadow_leads'], 'lead')} as shadow"
        )
        yield printable(
            f"{p['hash'][:12]}  first {p['first_used_at'][:16]}Z, {last},"
            f" {counted(p['decisions'], 'decision')}{beside}  {' '.join(p['files'])}"
        )


def write_csv(v: Mapping[str, Any], to: TextIO) -> None:
    """One line for each changed lead; text that a spreadsheet would run is made harmless."""
    writer = csv.writer(to)
    writer.writerow(COLUMNS)
    for c in v["changed"]:
        sides = [
            c[side][what]
            for side in ("was", "would")
            for what in ("rule", "place", "rep", "owner", "state")
        ]
        writer.writerow(
            [_cell(x) for x in (c["lead"], c["generation"], c["decision"], c["kind"], *sides)]
        )


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value

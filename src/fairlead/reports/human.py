"""The answers of commands as lines for people; each takes what the command gives as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fairlead.core.counted import counted
from fairlead.reports.clocks import human_clocks, human_times
from fairlead.reports.decay import human_decay
from fairlead.reports.findings import printable
from fairlead.reports.messages import human_alerts
from fairlead.reports.recycling import human_rounds
from fairlead.reports.replayed import told_shadow
from fairlead.reports.times import human_assignments, human_cadences

MOST_FAULTS = 10

LATER = {
    "lead.owner_changed": "its owner was changed",
    "lead.claimed": "somebody took it out of its claim queue",
    "lead.gone": "the lead is gone",
    "lead.rerouted": "it was routed again",
    "lead.recycled": "it was recycled",
    "lead.returned": "its recycling ended",
    "lead.terminal": "it came to its end",
    "recycling.waits": "it was due and had to wait",
    "lead.ordered": "a person ordered it to be routed",
    "effect.superseded": "our write gave way",
    "effect.restored": "the person's owner was put back",
    "turn.credited": "the rep has the turn back",
    "turn.refunded": "it did not reach the rep, who has the turn back",
    "effect.bad_owner": "the CRM did not take this owner",
    "effect.refused": "the CRM refused",
    "dead_letter.retried": "a person asked for another try",
    "dead_letter.dropped": "a person gave it up",
    "dead_letter.overtaken": "the refused write is not needed any more",
}
"""What happened to a lead beside its decision and writes, as `why` tells it."""


BY_TIME = {
    "sla": "a step of an SLA had it routed",
    "decay": "a level of decay had it routed",
    "recycle": "it came back and was routed again",
}


def human_why(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for i, lead in enumerate(found):
        if i:
            yield ""
        why = "; ".join((lead["reason"], *_but(lead)))
        yield f"{lead['lead']}: {lead['state']} ({why}), owner {lead['owner'] or 'none'}"
        if lead["same_person"]:
            yield f"  same person: {', '.join(lead['same_person'])}"
        decision = lead["decision"]
        if decision is None:
            yield "  no decision was taken"
        else:
            yield f"  decision {decision['id']} at {decision['at']}"
            for line in decision["text"]:
                yield f"  {line}"
            if not decision["recomputed_equal"]:
                yield "  WARNING: taking it again gives another answer; please report this"
        for one in lead["signals"]:
            yield f"  signal {one['signal']}: {one['at'][:19]}Z, by {one['evidence']}"
        if lead["score"] is not None:
            yield f"  {_scored(lead['score'])}"
        yield f"  times: {human_times(lead['times'])}"
        told = (*human_assignments(lead["assignments"]), *human_clocks(lead["clocks"]))
        for line in (*told, *human_cadences(lead["cadences"])):
            yield f"  {line}"
        for line in human_rounds(lead["recycling"]) if lead["recycling"] else ():
            yield f"  {line}"
        for line in human_decay(lead["decay"]) if lead["decay"] else ():
            yield f"  {line}"
        if lead["shadow"] is not None:
            yield f"  shadow: {told_shadow(lead['shadow'])}"
        for e in lead["effects"]:
            detail = f" ({e['detail']})" if e["detail"] else ""
            yield f"  {e['kind']}: {e['state']}{detail}"
        for j in lead["journal"]:
            if j["event"] in LATER:
                known = [j[n] for n in ("reason", "rep", "owner", "owner_id") if j.get(n)]
                about = known[0] if known else ""
                what = LATER[j["event"]]
                if j["event"] == "lead.ordered":
                    about = _ordered(j)
                    what = BY_TIME.get(j["kind"], what)
                yield f"  {j['at'][:19]}Z {what}{': ' if about else ''}{about}"


def _but(lead: Mapping[str, Any]) -> Iterator[str]:
    """What keeps the owner from being what its reason says."""
    if lead["owner_changed"]:
        yield "its owner was changed since"
    if any(e["kind"] == "set_owner" and e["state"] in ("new", "inflight") for e in lead["effects"]):
        yield "this owner is not written to the CRM yet"


def _scored(kept: Mapping[str, Any]) -> str:
    text = f"score at the last look, {kept['at'][:19]}Z: {kept['score']}, grade {kept['grade']}"
    if kept["due_at"] is None:
        return text
    return f"{text}; time changes the grade at {kept['due_at'][:19]}Z"


def _ordered(j: Mapping[str, Any]) -> str:
    to = f" to {j['to'] or j['team']}" if j["to"] or j["team"] else ""
    return f"{j['kind']}{to}, by {j['by']}" + (f", {j['reason']}" if j["reason"] else "")


def human_status(v: Mapping[str, Any]) -> Iterator[str]:
    yield "daemon: running" if v["running"] else "daemon: not running"
    if v["paused"]:
        yield f"PAUSED since {v['paused']}"
    if (v.get("health") or {}).get("kill_switch"):
        yield "KILL SWITCH is set: nothing is written; remove the file to go on"
    for wrong in (v.get("health") or {}).get("wrong", ()):
        yield f"WRONG: {wrong}"
    yield f"policy: {(v['policy'] or 'none')[:12]}"
    if v["policy_refused"]:
        yield "THE POLICY ON DISK IS REFUSED; the last good one above decides:"
        yield from _faults(v["policy_refused"])
    yield from v["needs_restart"]
    for crm, states in v["leads"].items():
        yield f"{crm}: " + ", ".join(f"{n} {state}" for state, n in sorted(states.items()))
    open_rows = {s: n for s, n in v["outbox"].items() if s in ("new", "inflight", "sent")}
    yield "outbox: " + (", ".join(f"{n} {s}" for s, n in open_rows.items()) or "empty")
    yield f"dead letters: {v['dead_letters']}"
    yield from human_alerts(v)
    if v["plan"]:
        plan = v["plan"]
        yield f"plan {plan['plan']} ({plan['kind']}): {plan['waiting']} of {plan['leads']} to go"
    for leaver in v["inactive_reps"]:
        yield f"LEAVER: {leaver['says']}: {leaver['remedy']}"
    for a in v["away"]:
        end = f" until {a['until']}" if a["until"] else ""
        said = "; ".join(
            filter(None, (a["reason"], f"{a['cover']} covers" if "cover" in a else ""))
        )
        yield f"away: {a['rep']}{end}" + (f" ({said})" if said else "")
    for pool, reps in v["pools"].items():
        yield f"pool {pool}:"
        for rep, r in sorted(reps.items()):
            yield f"  {rep}: {counted(r['received'], 'lead')}, balance {r['balance_decimal']:+.3f}"


def human_reload(v: Mapping[str, Any]) -> Iterator[str]:
    if v["outcome"] == "refused":
        yield f"REFUSED; policy {v['policy'][:12]} stays in force:"
        yield from _faults(v["problems"])
    elif v["outcome"] == "unchanged":
        yield f"policy {v['policy'][:12]} is in force already"
    else:
        yield f"policy {v['policy'][:12]} is in force now; before: {v['before'][:12]}"
    if v["warnings"]:
        yield f"{counted(v['warnings'], 'warning')}; see fairlead check"
    if v["dry_run"] is not None:
        yield from _dry_run(v["dry_run"])
    yield from v["needs_restart"]


def _dry_run(d: Mapping[str, Any]) -> Iterator[str]:
    left_out = "" if d["complete"] else " (not all could be looked at)"
    yield f"{d['elsewhere']} of the last {d['leads']} leads would now go elsewhere{left_out}"
    for m in d["moves"]:
        yield printable(f"  {m['leads']}: {m['from']}  =>  {m['to']}")


def _faults(faults: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for f in faults[:MOST_FAULTS]:
        place = ":".join(str(f[k]) for k in ("file", "line", "column") if f[k] is not None)
        yield printable(f"  {place}: {f['message']}")
        yield printable(f"    remedy: {f['remedy']}")
    if len(faults) > MOST_FAULTS:
        yield f"  and {len(faults) - MOST_FAULTS} more; fairlead check shows all"


def human_dead_letters(v: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not v:
        yield "No dead letters."
    for d in v:
        yield f"#{d['id']} {d['lead']} [{d['stage']}, {d['state']}] {d['reason']}"
    first = next((d["id"] for d in v if d["state"] == "open"), None)
    if first is not None:
        yield (
            "Mend the cause (fairlead why LEAD, fairlead doctor), then: fairlead dead-letters retry"
            f" {first}; or give it up: fairlead dead-letters drop {first}"
        )

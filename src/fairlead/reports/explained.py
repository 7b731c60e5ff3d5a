"""The answers of why-not, replay, fairness and weights as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from fairlead.core.counted import counted
from fairlead.reports.findings import printable


def human_why_not(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for i, lead in enumerate(found):
        if i:
            yield ""
        for line in _why_not(lead):
            yield printable(line)


def _why_not(lead: Mapping[str, Any]) -> Iterator[str]:
    told = lead["why_not"]
    if told is None:
        yield f"{lead['lead']}: {lead['state']}; no decision was taken"
        return
    yield f"{lead['lead']}: decision {lead['decision']} at {lead['at']}"
    yield from (f"  {reason}" for reason in told["reasons"])
    if told["rules"]:
        yield f"rules that can lead to {told['rep']}:"
        yield from (f"  {r['rule']}: {r['why']}" for r in told["rules"])
    if told["got_it"]:
        return
    if told["changes"]:
        yield "it would have gone there with:"
        yield from (f"  {_change(c)}" for c in told["changes"])
    elif told["others_turn"]:
        yield "no small change gives it to them; these lead to a rule of theirs:"
        yield from (f"  {_change(c)}: goes to {c['goes_to']}" for c in told["others_turn"])
    else:
        yield "no change of one or two fields was found that gives it to them"


def _change(change: Mapping[str, Any]) -> str:
    says = " and ".join(f["says"] for f in change["fields"])
    return f"{says} (rule {change['rule']!r})"


def human_replay(v: Mapping[str, Any]) -> Iterator[str]:
    word = "equal" if v["equal"] else "NOT EQUAL"
    yield f"{word}: decision {v['decision']} about {v['lead']} at {v['at']}, taken again"
    for p in v["parts"]:
        if p["equal"]:
            yield f"  same: {p['part']}"
        else:
            yield printable(f"  DIFFERENT: {p['part']}: was {p['was']}, is now {p['again']}")


def human_fairness(v: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not v:
        yield "No pools: the policy has no teams."
    for pool in v:
        verdict = "holds" if pool["holds"] else "DOES NOT HOLD"
        said = (
            f"the bound of {_leads(pool['bound'])} {verdict}"
            f" (farthest {_decimal(pool['farthest'])})"
        )
        yield printable(f"pool {pool['pool']}: {_instead(pool) or said}")
        if pool["since"]:
            yield f"  began again when somebody left, {pool['since'][:19]}Z"
        for m in pool["members"]:
            weight = "has left" if m["weight"] is None else f"weight {m['weight']}"
            yield printable(
                f"  {m['rep']}: {counted(m['received'], 'lead')}, balance {_signed(m['balance'])}"
                f" ({m['balance']}), {weight}"
            )
            if m["beside"]:
                parts = ", ".join(f"{why} {_signed(net)}" for why, net in m["beside"].items())
                yield printable(f"    beside it {_signed(m['owed'])} leads owed: {parts}")


def human_weights(v: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not v:
        yield "No team of the policy has weights from results."
    for team in v:
        yield printable(f"team {team['team']}: leads since {team['since'][:10]}; {_when(team)}")
        for r in team["reps"]:
            yield printable(
                f"  {r['rep']}: {r['won']} of {r['given']} leads won, rate"
                f" {float(Fraction(r['rate'])):.1%} drawn to the team's;"
                f" weight {_decimal(r['now'])} -> {_decimal(r['next'])}"
                f" (roster {_decimal(r['roster'])})"
            )


def _when(team: Mapping[str, Any]) -> str:
    if team["applied"]:
        return "the new weights are in force"
    if not team["by_schedule"]:
        return "the next weights apply with: fairlead weights --apply"
    if team["applies"] is None:
        return "the next weights apply a period after the daemon first sees the policy"
    return f"the next weights apply at {team['applies'][:19]}Z, or with --apply"


def _instead(pool: Mapping[str, Any]) -> str:
    return f"no certificate, {pool['instead']}" if pool["instead"] else ""


def _leads(exact: str) -> str:
    told = _decimal(exact)
    return f"{told} lead" if told == "1" else f"{told} leads"


def _decimal(text: str) -> str:
    return f"{float(Fraction(text)):g}"


def _signed(text: str) -> str:
    return f"{float(Fraction(text)):+.3f}"

"""A decision in words: what `fairlead why` prints, and the same as data for `--json`.

Takes a decision made with `explain=True`; one made without tells everything but the rules tried.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any

from fairlead.core.claim import Claim
from fairlead.core.decision import (
    BACKFILL,
    DECAY,
    REASSIGN,
    RECYCLE,
    REROUTE,
    SLA,
    Balances,
    Case,
    Decision,
    Order,
    RuleTried,
    rule_told,
)
from fairlead.core.policy import Policy, Verdict
from fairlead.core.scored import score_json, score_lines
from fairlead.core.turns import receivers
from fairlead.core.types import Value


def explain(case: Case, decision: Decision, policy: Policy) -> list[str]:
    """The decision as lines for a terminal, no line break inside; holds lead data where rules did.

    Order: outcome, rules tried with what each part saw, candidates passed over, balances, notes.
    """
    trace = decision.trace
    lines = [
        f"{case.lead.ref} (generation {case.generation}): {decision.state.value}",
        f"  why: {decision.reason}",
    ]
    if decision.retry_at is not None:
        lines.append(f"  waits until: {decision.retry_at.isoformat()} at the latest")
    if case.order is not None:
        lines.append(f"  ordered: {_ordered(case.order)}")
    if decision.rule:
        lines.append(f"  rule: {rule_told(decision.rule, case.order)}")
    if trace.score is not None:
        lines.extend(score_lines(trace.score))
    if decision.arms:
        arms = ", ".join(f"{split} is {arm}" for split, arm in decision.arms.items())
        lines.append(f"  arms: {arms}")
    if decision.owner_id is not None:
        who = decision.rep_id or "not a rep of the roster"
        lines.append(f"  owner: {who} ({case.lead.ref.crm} id {decision.owner_id})")
    lines.extend(f"  with: {c.role} {c.rep_id}" for c in decision.companions)
    if decision.claim is not None:
        lines.append(f"  offered to: {', '.join(c.rep_id for c in decision.claim.claimants)}")
        if decision.claim.until is not None:
            lines.append(f"  offered until: {decision.claim.until.isoformat()}")
    if trace.rules:
        lines.append("rules tried, in order:")
        for tried in trace.rules:
            lines.extend(_rule_lines(tried, policy))
    if trace.passed:
        lines.append("passed over:")
        lines.extend(f"  {p.rep_id}: {p.reason}" for p in trace.passed)
    if trace.pool is not None:
        first = Balances(trace.pool, trace.balances_before, trace.balances_after)
        got = receivers(decision.ledger)
        for seen in (first, *trace.also):
            lines.append(f"balances in {seen.pool} (what each is owed), before -> after:")
            for rep in sorted(seen.before):
                chosen = "  <- chosen" if (seen.pool, rep) in got else ""
                lines.append(
                    f"  {rep}: {_exact(seen.before[rep])} -> {_exact(seen.after[rep])}{chosen}"
                )
    if trace.notes:
        lines.append("notes:")
        lines.extend(f"  {note}" for note in trace.notes)
    lines.append(f"policy: {policy.hash}")
    return lines


def explain_json(case: Case, decision: Decision, policy: Policy) -> dict[str, Any]:
    """The same as JSON-safe data; fractions are "n/d", instants ISO 8601 in UTC."""
    trace = decision.trace
    return {
        "lead": str(case.lead.ref),
        "person": case.person_id,
        "generation": case.generation,
        "outcome": decision.outcome.value,
        "state": decision.state.value,
        "reason": decision.reason,
        "rule": rule_told(decision.rule, case.order) or None,
        "rep": decision.rep_id,
        "owner_id": decision.owner_id,
        "companions": [{"role": c.role, "rep": c.rep_id} for c in decision.companions],
        "claim": None if decision.claim is None else _claim_json(decision.claim),
        "follows": None if decision.follows is None else str(decision.follows),
        "high_priority": decision.high_priority,
        "arms": dict(decision.arms),
        "score": None if trace.score is None else score_json(trace.score),
        "order": None if case.order is None else _order_json(case.order),
        "retry_at": None if decision.retry_at is None else decision.retry_at.isoformat(),
        "rules": [
            {
                "rule": r.name,
                "taken": r.taken,
                "note": r.note,
                "place": None if r.place is None else f"{r.place.file}:{r.place.line}",
                "verdict": None if r.verdict is None else _verdict_json(r.verdict),
            }
            for r in trace.rules
        ],
        "passed": [{"rep": p.rep_id, "reason": p.reason} for p in trace.passed],
        "pool": trace.pool,
        "balances": {
            rep: {"before": str(before), "after": str(trace.balances_after[rep])}
            for rep, before in sorted(trace.balances_before.items())
        },
        "other_balances": {
            seen.pool: {
                rep: {"before": str(before), "after": str(seen.after[rep])}
                for rep, before in sorted(seen.before.items())
            }
            for seen in trace.also
        },
        "ledger": [
            {"pool": e.pool, "rep": e.rep_id, "delta": str(e.delta), "reason": e.reason}
            for e in decision.ledger
        ],
        "notes": list(trace.notes),
        "policy": policy.hash,
    }


def _ordered(order: Order) -> str:
    if order.kind == REROUTE:
        return f"routed again: {order.reason}"
    if order.kind == RECYCLE:
        return f"back from {order.by}: {order.reason}"
    taken = "taken from its owner and given on"
    what = {BACKFILL: "backfill", REASSIGN: taken, SLA: taken, DECAY: taken}
    text = what.get(order.kind, f"given to {order.to} by hand")
    return f"{text}, by {order.by}" + (f": {order.reason}" if order.reason else "")


def _order_json(order: Order) -> dict[str, Any]:
    return {
        "kind": order.kind,
        "by": order.by,
        "reason": order.reason,
        "to": order.to,
        "team": order.team,
        "even_if_away": order.even_if_away,
    }


def _claim_json(claim: Claim) -> dict[str, Any]:
    return {
        "team": claim.team,
        "offered_to": [c.rep_id for c in claim.claimants],
        "until": None if claim.until is None else claim.until.isoformat(),
    }


def _rule_lines(tried: RuleTried, policy: Policy) -> Iterator[str]:
    place, notes = tried.place, [tried.note] if tried.note else []
    if place is not None and place.file != policy.otherwise.place.file:
        # A line of a decision table; the policy itself is searched by the rule's name.
        notes.append(f"{place.file}:{place.line}")
    note = f" ({', '.join(notes)})" if notes else ""
    yield f"  [{'x' if tried.taken else ' '}] {tried.name}{note}"
    if tried.verdict is not None:
        yield from _verdict_lines(tried.verdict, 3)


def _verdict_lines(verdict: Verdict, depth: int) -> Iterator[str]:
    answer = {True: "yes", False: "no", None: "not needed"}[verdict.result]
    seen = ", ".join(f"{name} is {_shown(value)}" for name, value in verdict.seen.items())
    text = " ".join(verdict.text.split())
    yield f"{'  ' * depth}{answer}: {text}" + (f"   [{seen}]" if seen else "")
    for child in verdict.children:
        yield from _verdict_lines(child, depth + 1)


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "text": verdict.text,
        "result": verdict.result,
        "seen": _seen_json(verdict.seen),
        "parts": [_verdict_json(c) for c in verdict.children],
    }


def _seen_json(seen: Mapping[str, Value]) -> dict[str, Any]:
    return {n: v.isoformat() if isinstance(v, datetime) else v for n, v in seen.items()}


def _shown(value: Value) -> str:
    if value is None:
        return "missing"
    if isinstance(value, datetime):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)


def _exact(balance: Fraction) -> str:
    return f"{float(balance):+.2f} ({balance})"

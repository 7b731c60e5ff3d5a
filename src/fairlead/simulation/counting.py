"""The numbers of a simulation, from the state and the journal; `audit` checks them from outside."""

from __future__ import annotations

from collections import Counter

from fairlead.core.sla_terms import DUE
from fairlead.core.types import LeadState
from fairlead.simulation.crms import Crms
from fairlead.simulation.people import People
from fairlead.store import clocks, totals
from fairlead.store.db import Db

PLACES = (
    LeadState.ASSIGNED, LeadState.HELD, LeadState.LEFT, LeadState.RECYCLED, LeadState.TERMINAL,
    LeadState.GONE, LeadState.DEAD_LETTER, LeadState.PRE_EXISTING,
)  # fmt: skip

LEVELS = ("cooling", "faded", "critical", "lost")
SIGNALS = ("demo_requested", "webinar_attended")
"""What the simulation's policy calls them."""


def count(db: Db, crms: Crms, people: People) -> dict[str, dict[str, int]]:
    """Everything that is printed, by heading; a state that nothing is in stands there with 0."""
    all_clocks, fired = totals.all_clocks(db), totals.fired(db)
    steps = Counter((f.clock, f.step) for f in fired)
    acts = Counter(f.act.partition(" ")[0] for f in fired if f.reason == "told")
    by_state = totals.leads_by_state(db)
    answered = [c for c in all_clocks if c.how == clocks.ANSWERED]
    done = totals.effects_done(db)
    events = totals.events(db)
    levels = Counter(level for _, level, _ in totals.decayed(db))
    signals = Counter(name for _, name, _ in totals.all_signals(db))
    still = {c for c, steps in totals.steps_to_come(db).items() if any(due for _, due in steps)}
    return {
        "leads": {
            "arrived": len(crms.leads),
            "routable": sum(a.kind == "routable" for a in crms.leads.values()),
            "of people in both CRMs": in_both(crms),
            "lost": len(lost(db, crms)),
        },
        "clocks": {
            "armed": len(all_clocks),
            "warned": sum(f.step.startswith("warning") for f in fired),
            "breached": sum(f.step == DUE for f in fired),
            "answered in time": sum(not c.late for c in answered),
            "answered late": sum(c.late for c in answered),
            "ended with a reason": sum(
                c.ended_at is not None and c.how != clocks.ANSWERED for c in all_clocks
            ),
            "whole path gone, no answer": sum(
                c.ended_at is None and c.id not in still for c in all_clocks
            ),
            "still running": sum(c.ended_at is None and c.id in still for c in all_clocks),
            "fired twice": sum(n > 1 for n in steps.values()),
        },
        "what came of it": {
            "managers told": acts["tell"],
            "reassigned": sum(
                f.act.startswith("reassign") and f.reason.startswith("to ") for f in fired
            ),
            "could not be reassigned": sum(f.reason.startswith("stays") for f in fired),
            "escalated": acts["escalate"],
            "routed again": events.get("lead.rerouted", 0),
            "recycled": events.get("lead.recycled", 0),
            "returned": events.get("lead.returned", 0),
            "terminal": by_state.get(LeadState.TERMINAL, 0),
        },
        "follow-ups": {
            "made": events.get("cadence.task", 0),
            "done": events.get("cadence.done", 0),
            "missed": events.get("cadence.missed", 0),
            "made twice": sum(n > 1 for n in Counter(totals.follow_ups_made(db)).values()),
        },
        "levels of decay": {
            **{name: levels[name] for name in LEVELS},
            "reached twice": levels.total() - len(totals.levels_reached(db)),
        },
        "signals": {name: signals[name] for name in SIGNALS},
        "written": {
            "owners": len(done.get("set_owner", ())) + len(done.get("restore_owner", ())),
            "tasks": len(done.get("upsert_task", ())),
            "fields": len(done.get("set_field", ())),
            "members of campaigns and lists": len(done.get("set_member", ())),
        },
        "leads by state": {s.value: by_state.get(s.value, 0) for s in PLACES},
        "effects by state": totals.effects_by_state(db),
        "people": dict(sorted(people.did.items())),
    }


def in_both(crms: Crms) -> int:
    """How many records are of people that both CRMs know."""
    where: dict[str, set[str]] = {}
    for (crm, _), a in crms.leads.items():
        where.setdefault(a.email, set()).add(crm)
    return sum(len(where[a.email]) > 1 for a in crms.leads.values())


def lost(db: Db, crms: Crms) -> list[tuple[str, str]]:
    """Routable leads that the state does not know, or knows in none of the places of a lead."""
    known = {(r.crm, r.id): state for r, (state, _) in totals.owners_of_leads(db).items()}
    left = {LeadState.PRE_EXISTING.value, LeadState.HELD.value, LeadState.DEAD_LETTER.value}
    return [
        key
        for key, a in crms.leads.items()
        if a.kind == "routable" and (key not in known or known[key] in left)
    ]

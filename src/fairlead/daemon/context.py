"""What the house knows of a lead that the new owner should read: due time, records, owners, deeds.

Asked by `intending` inside its transaction. Nothing is read from a CRM for it: activities are those
that have just been read for the lead's clocks, so that no owner write waits for a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from fairlead.core.activity import Activity
from fairlead.core.decision import Case, Decision, World
from fairlead.core.handover import MOST_LINES, Handover
from fairlead.core.leave import local
from fairlead.core.policy import Policy
from fairlead.core.rep_clock import calendar_of
from fairlead.core.sla import hours_of, in_force, planned, slas_for
from fairlead.core.sla_terms import DUE
from fairlead.core.types import Actor, Ref
from fairlead.core.worktime import Calendar
from fairlead.daemon.sightings import is_persons
from fairlead.store import clocks, decisions, journal
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow


def context_of(
    db: Db,
    policy: Policy,
    world: World,
    case: Case,
    decision: Decision,
    decision_id: str,
    others: Sequence[LeadRow],
    done: Sequence[Activity],
    now: datetime,
) -> Handover:
    """What to tell whoever gets this lead, by their own clock."""
    rep = world.reps.get(decision.rep_id or "")
    calendar = None if rep is None else calendar_of(rep, policy.calendars)
    return Handover(
        _due(db, policy, world, case, decision, calendar, now),
        tuple(_record(o, world) for o in others if o.ref != case.lead.ref),
        tuple(_before(db, world, case, decision_id, calendar)),
        tuple(_deed(a, world, case.lead.ref, calendar) for a in done[-MOST_LINES:]),
    )


def _due(
    db: Db,
    policy: Policy,
    world: World,
    case: Case,
    decision: Decision,
    calendar: Calendar | None,
    now: datetime,
) -> str:
    """When the first of its clocks is due, as those are armed with this decision."""
    lead, found = case.lead, list[tuple[datetime, str]]()
    before = [c.sla for c in clocks.of_lead(db, lead.ref)]
    team = next((p[5:] for p in reversed(decision.places) if p.startswith("team:")), None)
    for name in slas_for(policy, decision.rule, {**lead.values, "now": now}, before):
        sla = in_force(policy.slas[name], now, decision.rep_id, policy, world.reps)
        hours = hours_of(sla, decision.rep_id, team, policy, world.reps)
        stages = [s for s in sla.stages if s.key == DUE]
        found += [(at, name) for _, at in planned(stages, hours, now) if at is not None]
    if not found:
        return ""
    at, name = min(found)
    return f"{local(at, calendar)} (SLA {name})"


def _record(row: LeadRow, world: World) -> str:
    return f"{row.ref}, {_owner(row.ref, row.owner_id, world)}, {row.state.value}"


def _owner(ref: Ref, owner_id: str | None, world: World) -> str:
    if owner_id is None:
        return "no owner"
    rep = world.rep_of(ref.crm, owner_id)
    if rep is not None:
        return f"owner {rep.id}"
    found = world.owners.get((ref.crm, owner_id))
    return f"owner {owner_id if found is None else found.email or found.name}"


def _before(
    db: Db, world: World, case: Case, decision_id: str, calendar: Calendar | None
) -> list[str]:
    """Who had the lead, since when, and why: given by a decision, or by a person."""
    told: list[tuple[datetime, str]] = []
    for at, ref, rep_id, owner_id, reason in decisions.assigned_before(
        db, case.person_id, decision_id
    ):
        if is_persons(world, ref.crm, owner_id):
            who = rep_id or _owner(ref, owner_id, world)
            told.append((at, f"{who} since {local(at, calendar)}: {reason}"))
    for j in journal.of_lead(db, case.lead.ref, "lead.owner_changed"):
        owner = j.detail.get("owner_id")
        if is_persons(world, case.lead.ref.crm, owner):
            who = _owner(case.lead.ref, owner, world).removeprefix("owner ")
            told.append((j.at, f"{who} since {local(j.at, calendar)}: given by a person"))
    return [line for _, line in sorted(told)]


def _deed(one: Activity, world: World, ref: Ref, calendar: Calendar | None) -> str:
    if one.incoming:
        who = "the buyer"
    elif one.actor is Actor.PERSON:
        who = _owner(ref, one.by, world).removeprefix("owner ")
    else:
        who = "a tool"
    return f"{local(one.at, calendar)}: {one.kind.value.replace('_', ' ')} by {who}"

"""Everything that is known about a lead, as `fairlead why` tells it. Reads only; JSON-safe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.core.decide import decide
from fairlead.core.explain import explain, explain_json
from fairlead.core.policy import Policy
from fairlead.core.policy_file import load_policy
from fairlead.core.snapshot import thaw_inputs
from fairlead.core.types import LeadState
from fairlead.core.zones import VERSION
from fairlead.daemon.clock_report import clocks_of
from fairlead.daemon.decay_report import decay_of
from fairlead.daemon.recycling_report import rounds_of
from fairlead.daemon.scores import score_told
from fairlead.daemon.shadow_report import shadow_of
from fairlead.daemon.signalling import signals_told
from fairlead.daemon.times_report import assignments_of, cadences_of, times_of
from fairlead.errors import ConfigError
from fairlead.store import decisions, directory, journal, leads, outbox
from fairlead.store.db import Db
from fairlead.store.journal import JournalRow
from fairlead.store.leads import LeadRow


def why(db: Db, row: LeadRow, policy: Policy | None) -> dict[str, Any]:
    """A lead: its state, its decision taken again, its writes, its journal, what runs for it."""
    names = {o.id: o.email or o.name for o in directory.get_owners(db, row.ref.crm)}
    happened = journal.of_lead(db, row.ref)
    answer: dict[str, Any] = {
        "lead": str(row.ref),
        "state": row.state.value,
        "reason": row.reason,
        "owner": names.get(row.owner_id or "", row.owner_id),
        "owner_changed": _changed(db, row, happened),
        "person": row.person_id,
        "same_person": [
            str(o.ref) for o in leads.leads_of_person(db, row.person_id) if o.ref != row.ref
        ],
        "first_seen_at": row.first_seen_at.isoformat(),
        "effects": [
            {
                "kind": o.kind.value,
                "state": o.state.value,
                "attempts": o.attempts,
                "detail": o.detail,
                "remote_id": o.remote_id,
                "key": o.key,
            }
            for o in outbox.of_lead(db, row.ref)
        ],
        "journal": [
            {"at": j.at.isoformat(), "event": j.event, **j.detail, **_named(j.detail, names)}
            for j in happened
        ],
        "times": times_of(db, row),
        "assignments": assignments_of(db, row.ref),
        "clocks": clocks_of(db, row.ref, policy),
        "decay": decay_of(db, row.ref, policy),
        "cadences": cadences_of(db, row.ref),
        "recycling": rounds_of(db, row, policy),
        "decision": None,
        "score": score_told(db, row.ref),
        "signals": signals_told(db, row.person_id),
        "shadow": shadow_of(db, row.ref),
    }
    if row.decision_id is not None:
        answer["decision"] = _decision(db, row.decision_id)
    return answer


def _decision(db: Db, decision_id: str) -> dict[str, Any]:
    """A decision taken again from its stored inputs, under its own policy."""
    kept = decisions.get_decision(db, decision_id)
    if kept is None:
        raise ConfigError(f"decision {decision_id} is not in this state file")
    files, main = decisions.get_policy(db, kept.policy_hash)
    policy = load_policy(files, main)
    roster = decisions.get_roster(db, kept.roster_hash)
    case, world = thaw_inputs(kept.inputs, roster)
    decision = decide(case, world, policy, kept.at, explain=True)
    same = (decision.outcome.value, decision.owner_id, decision.rule) == (
        kept.outcome,
        kept.owner_id,
        kept.rule,
    )
    return {
        "id": kept.id,
        "at": kept.at.isoformat(),
        "generation": kept.generation,
        "attempt": kept.attempt,
        "policy": kept.policy_hash,
        "recomputed_equal": same,
        "time_data": world.time_data,
        "time_data_now": VERSION,
        "text": [*explain(case, decision, policy), *_time_data(policy, world.time_data)],
        **explain_json(case, decision, policy),
    }


def _named(detail: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """The owner in what happened by name, where the CRM has told it."""
    owner = names.get(str(detail.get("owner_id")))
    return {} if owner is None else {"owner": owner}


def _changed(db: Db, row: LeadRow, happened: Sequence[JournalRow]) -> bool:
    """Whether an assigned lead has another owner by now than the decision gave it."""
    if row.state is not LeadState.ASSIGNED or row.decision_id is None:
        return False
    kept = decisions.get_decision(db, row.decision_id)
    moved = any(j.event == "lead.owner_changed" for j in happened)
    return moved and kept is not None and kept.owner_id not in (None, row.owner_id)


def _time_data(policy: Policy, then: str) -> list[str]:
    """The editions of zones and holidays then, if calendars counted, and of now if they differ."""
    if not then or not policy.calendars:
        return []
    return [f"calendars: {then}" + ("" if then == VERSION else f" (now {VERSION})")]

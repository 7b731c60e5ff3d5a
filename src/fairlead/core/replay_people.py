"""The people of one side of a replay: the side's own roster, with what was known beside it then.

Below `replay_side`. What CRMs told of leave, hours and presence, and the weights that were
measured, is in no policy: it is taken from the roster that was stored with the decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from fairlead.core.crm_word import OUT_OF_OFFICE, PRESENCE, WORKING_HOURS
from fairlead.core.policy import Policy
from fairlead.core.replay_events import Look
from fairlead.core.roster import join_roster
from fairlead.core.types import Rep


def people_of(policy: Policy, look: Look) -> Mapping[str, Rep]:
    """The reps as this policy would have had them at that look."""
    joined = join_roster(policy, look.owners.values(), look.switches)
    return {name: _as_told(rep, look.people.get(name), policy) for name, rep in joined.items()}


def absent_of(policy: Policy, look: Look) -> Mapping[str, str]:
    """Who was away by the word of a CRM, if this policy lets that count."""
    return look.absent if PRESENCE in policy.from_crm else {}


def _as_told(rep: Rep, then: Rep | None, policy: Policy) -> Rep:
    if then is None:
        return rep
    told = [o for o in then.off if o.crm] if OUT_OF_OFFICE in policy.from_crm else []
    hours = then.crm_hours if WORKING_HOURS in policy.from_crm and rep.calendar is None else None
    weights = {
        team: weight / then.weight * rep.weight
        for team, weight in then.weights.items()
        if team in policy.teams and policy.teams[team].weights is not None
    }
    if not (told or hours or weights):
        return rep
    off = tuple(sorted((*rep.off, *told), key=lambda o: (o.start, o.end)))
    return replace(rep, off=off, crm_hours=hours, weights=MappingProxyType(weights))

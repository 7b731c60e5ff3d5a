"""`reroute_on`: a lead that we gave away is routed again when a field the policy lists has changed.

Asked by `routing` for each news of an assigned lead. It moves only when another rule takes it now
and gives it to somebody else at once: what only falls to `otherwise` or would have to wait stays
where it is. Who got the lead from a person, or by hand, keeps it.
"""

from __future__ import annotations

from datetime import datetime

from fairlead.core.decide import decide
from fairlead.core.decision import OVERRIDE, REROUTE, Case, Order, OutcomeKind, World
from fairlead.core.policy import Policy
from fairlead.core.snapshot import order_in, values_in
from fairlead.core.types import Lead, LeadState
from fairlead.daemon.matching import match_of
from fairlead.store import decisions, leads
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow


def rerouting(
    db: Db, policy: Policy, world: World, lead: Lead, row: LeadRow, now: datetime
) -> Order | None:
    """The order to route this assigned lead again; None when it stays where it is.

    `row` is the lead as it is now. Writes nothing.
    """
    if row.state is not LeadState.ASSIGNED or row.decision_id is None:
        return None
    before = decisions.get_decision(db, row.decision_id)
    if before is None or before.outcome != OutcomeKind.ASSIGN.value:
        return None
    ordered = order_in(before.inputs)
    if before.owner_id != row.owner_id or (ordered is not None and ordered.kind == OVERRIDE):
        return None
    then = values_in(before.inputs)
    changed = [name for name in policy.reroute_on if then.get(name) != lead.get(name)]
    if not changed:
        return None
    reason = f"{', '.join(changed)} changed"
    order = Order(REROUTE, "reroute_on", reason, taken_from=row.owner_id)
    match = match_of(db, lead, leads.leads_of_person(db, row.person_id), world)
    generation = leads.generation_of(db, row.person_id) + 1
    case = Case(
        row.person_id, generation, lead, match, rerun=True, first_seen_at=row.first_seen_at,
        order=order,
    )  # fmt: skip
    found = decide(case, world, policy, now)
    if found.outcome is not OutcomeKind.ASSIGN:
        return None
    if found.rule in (before.rule, policy.otherwise.name):
        return None
    return None if found.owner_id == row.owner_id else order

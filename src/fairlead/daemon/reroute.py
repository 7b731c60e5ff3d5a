"""`reroute_on`: a lead that we gave away is routed again when a field that the policy lists has
changed, or a signal that it lists was seen once more.

Asked by `routing` for each news of an assigned lead. It moves only when another rule takes it now
and gives it to somebody else at once: what only falls to `otherwise` or would have to wait stays
where it is. For a signal, which is the person's, all records of the person go together. Who got the
lead from a person, or by hand, keeps it.
"""

from __future__ import annotations

from datetime import datetime

from fairlead.core.decide import decide
from fairlead.core.decision import REROUTE, Case, Order, OutcomeKind, World
from fairlead.core.policy import Policy
from fairlead.core.signals import PREFIX, told
from fairlead.core.snapshot import values_in
from fairlead.core.types import Lead, LeadState, Value
from fairlead.daemon.matching import match_of
from fairlead.store import leads
from fairlead.store.db import Db
from fairlead.store.decisions import DecisionRow
from fairlead.store.leads import LeadRow


def rerouting(
    db: Db,
    policy: Policy,
    world: World,
    lead: Lead,
    row: LeadRow,
    before: DecisionRow | None,
    now: datetime,
) -> Order | None:
    """The order to route this assigned lead again; None when it stays where it is.

    `row` is the lead as it is now, `before` its decision. Writes nothing.
    """
    if row.state is not LeadState.ASSIGNED or before is None or row.by_person:
        return None
    if before.outcome != OutcomeKind.ASSIGN.value:
        return None
    if before.owner_id != row.owner_id:
        return None
    then = values_in(before.inputs, policy.reroute_on)
    since = None if before.policy_hash == policy.hash else before.at
    news = [n for n in policy.reroute_on if _is_news(n, then.get(n), lead.get(n), since)]
    if not news:
        return None
    seen = [name for name in news if name.startswith(PREFIX)]
    reason = ", ".join(f"{told(n)} was seen" if n in seen else f"{n} changed" for n in news)
    order = Order(REROUTE, "reroute_on", reason, taken_from=row.owner_id, whole_person=bool(seen))
    match = match_of(db, lead, leads.leads_of_person(db, row.person_id), world)
    generation = leads.generation_of(db, row.person_id) + 1
    case = Case(
        row.person_id, generation, lead, match, rerun=True, first_seen_at=row.first_seen_at,
        order=order,
    )  # fmt: skip
    found = decide(case, world, policy, now)
    if found.outcome is not OutcomeKind.ASSIGN:
        return None
    along = order.whole_person and found.follows is not None
    if not along and found.rule in (before.rule, policy.otherwise.name):
        return None
    return None if found.owner_id == row.owner_id else order


def _is_news(name: str, then: Value, value: Value, since: datetime | None) -> bool:
    """Whether a listed name tells what the decision did not know.

    A signal does by a later instant than the decision saw. Where it saw none under another policy,
    by one later than `since`, the decision itself: the same name may have meant something else,
    and what is long past is no reason to move everybody now.
    """
    if not name.startswith(PREFIX):
        return then != value
    seen = then if isinstance(then, datetime) else since
    return isinstance(value, datetime) and (seen is None or value > seen)

"""What a lead belongs to, as the store knows it: its account, and other records of its person.

Stands beside `routing`, which asks it inside its transaction; what counts as a match is core's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fairlead.core.decision import Known, Match, World
from fairlead.core.match import match_account
from fairlead.core.types import Lead, LeadState
from fairlead.daemon.merging import MERGED
from fairlead.store import directory
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow


def match_of(db: Db, lead: Lead, others: Sequence[LeadRow], world: World) -> Match:
    """The account of the lead's domain with those above it, and whom its duplicates belong to."""
    domain = lead.get("domain")
    candidates = (
        directory.accounts_of_domain(db, lead.ref.crm, domain) if isinstance(domain, str) else []
    )
    account, reason = match_account(lead, candidates)
    there = {str(o.ref) for o in others if o.ref != lead.ref}
    known = tuple(_known(o, world) for o in others if o.ref != lead.ref and _counts(o, there))
    above = () if account is None else tuple(directory.accounts_above(db, account))
    return Match(account, reason, known, above)


def _counts(row: LeadRow, there: Collection[str]) -> bool:
    """Whether a record of the same person tells whom to follow: live ones, and those merged away
    into none of these `there`: the survivor tells it then."""
    if row.state is LeadState.GONE:
        return row.reason.startswith(MERGED) and row.reason.removeprefix(MERGED) not in there
    # Whoever had a lead that is recycled or done with is not to get its person's next record.
    return row.state not in (LeadState.DEAD_LETTER, LeadState.RECYCLED, LeadState.TERMINAL)


def _known(row: LeadRow, world: World) -> Known:
    rep = world.rep_of(row.ref.crm, row.owner_id) if row.owner_id else None
    return Known(
        row.ref, row.owner_id, rep.id if rep else None, row.shared_key or "email", row.decided_at
    )

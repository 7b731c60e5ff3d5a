"""The lead as rules see it: its record, and beside it what we know of the lead ourselves.

Signals, how often it went round, how far it has decayed. Whoever makes a lead of a record asks
here, or its decision would be another one by another way. Reads only.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from fairlead.core.policy import Policy
from fairlead.core.signals import Occurrence
from fairlead.core.types import Lead
from fairlead.daemon.decaying import levels_of, with_decay
from fairlead.daemon.rounds import with_rounds
from fairlead.daemon.signalling import as_seen
from fairlead.store.db import Db
from fairlead.store.decays import LevelRow


def with_known(db: Db, policy: Policy, lead: Lead, person_id: str, now: datetime) -> Lead:
    """The lead with what we know of it at `now`; `lead` as `normalise` gives it."""
    return known_of(db, policy, lead, person_id, now)[0]


def known_of(
    db: Db,
    policy: Policy,
    lead: Lead,
    person_id: str,
    now: datetime,
    occurred: Sequence[Occurrence] | None = None,
) -> tuple[Lead, Sequence[LevelRow]]:
    """The same, and the levels of decay that it was read from.

    `occurred` are its signals, where they have just been kept.
    """
    lead = as_seen(db, policy, lead, person_id, now, occurred)
    lead = with_rounds(db, policy, lead, person_id)
    # The levels of decay begin anew with each time round.
    levels = levels_of(db, policy, lead)
    return with_decay(policy, lead, levels), levels

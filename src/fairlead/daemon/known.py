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
from fairlead.daemon.decaying import with_decay
from fairlead.daemon.rounds import with_rounds
from fairlead.daemon.signalling import as_seen
from fairlead.store.db import Db


def with_known(
    db: Db,
    policy: Policy,
    lead: Lead,
    person_id: str,
    now: datetime,
    occurred: Sequence[Occurrence] | None = None,
) -> Lead:
    """The lead with what we know of it at `now`; `lead` as `normalise` gives it.

    `occurred` are its signals, where they have just been kept.
    """
    lead = as_seen(db, policy, lead, person_id, now, occurred)
    # The levels of decay begin anew with each time round.
    return with_decay(db, policy, with_rounds(db, policy, lead, person_id))

"""When a policy no longer has somebody in a pool, that pool's rotation begins again.

So it does when a team that was a claim queue goes by turns: who took how many is no rotation, and
would be beyond its bound.

Called before a page is decided on whenever the ledger knows other people than at the last look, in
the same transaction.
"""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

from fairlead.core.methods_group import Claiming
from fairlead.core.policy import Policy
from fairlead.core.pools import gives, members_of, rotation_of
from fairlead.store import journal, ledger
from fairlead.store.db import Db
from fairlead.telemetry import get_logger

log = get_logger()


def restart_pools(
    db: Db, policy: Policy, running: dict[str, dict[str, Fraction]], now: datetime
) -> None:
    """Restart the pools of this policy that somebody has left, and those that were claim queues.

    The others go on. Idempotent.
    """
    claimed = ledger.claimed_pools(db)
    for pool in sorted(running):
        members = members_of(pool, policy)
        if rotation_of(pool) != pool or members is None:
            continue
        gone = sorted(set(running[pool]) - set(members))
        if pool in claimed and not _is_claim(pool, policy):
            gone = sorted(running[pool])
        if not gone:
            continue
        held = ledger.restart(db, pool, gone, running, now)
        carried = {rep: str(balance) for rep, balance in sorted(held.items())}
        journal.write(db, now, "fairness.restarted", pool=pool, left=gone, carried_over=carried)
        log.info("fairness.restarted", count=len(gone))


def _is_claim(pool: str, policy: Policy) -> bool:
    return any(t.method == Claiming.name and gives(t, pool) for t in policy.teams.values())

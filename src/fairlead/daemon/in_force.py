"""The policy in force and the router made from it, and the one moment in which both change.

The moment lies inside a transaction of its own. A page is decided inside one, too, so no page is
decided half under one policy and half under the other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fairlead.clock import Clock
from fairlead.daemon.active_policy import ActivePolicy
from fairlead.daemon.routing import Router
from fairlead.metrics import Metrics
from fairlead.store import decisions, journal, leads, policies
from fairlead.store.db import Db
from fairlead.telemetry import get_logger

log = get_logger()


class InForce:
    """What decides now. `active` and `router` may be read from any thread."""

    def __init__(
        self, db: Db, active: ActivePolicy, path: Path, clock: Clock, metrics: Metrics
    ) -> None:
        self.db = db
        self.path = path
        self.clock = clock
        self.metrics = metrics
        self.active = active
        self.router = Router(db, active.policy, metrics)
        before = policies.in_force(db)
        self._keep(active)
        if before is None or before.hash != active.policy.hash:
            with db.transaction():
                self._note(active, None if before is None else before.hash)
            self._say(active, None if before is None else before.hash)
        elif before.path != str(path):
            with db.transaction():
                policies.put_in_force(db, policies.InForceRow(active.policy.hash, str(path)))
        metrics.activate_config(active.policy.hash[:12])

    def swap(self, active: ActivePolicy, **said: Any) -> None:
        """Let `active` decide from now on; held leads are due for another look.

        `said` goes into the log and the journal. Raises Unavailable when the disk is full; then
        the old policy stays in force.
        """
        before, router = self.active, self.router
        self._keep(active)
        new = Router(self.db, active.policy, self.metrics)
        try:
            with self.db.transaction():
                self._note(active, before.policy.hash, **said)
                leads.wake_held(self.db)
                self.active, self.router = active, new
        except BaseException:
            # Whoever took the new router in between found its texts kept: that decision stands.
            self.active, self.router = before, router
            raise
        self._say(active, before.policy.hash, **said)
        self.metrics.activate_config(active.policy.hash[:12])

    def _keep(self, active: ActivePolicy) -> None:
        """Kept in a transaction before, so that no decision can name texts that are not there."""
        with self.db.transaction():
            now = self.clock.now()
            decisions.keep_policy(self.db, active.policy.hash, active.files, active.main, now)

    def _note(self, active: ActivePolicy, before: str | None, **said: Any) -> None:
        policies.put_in_force(self.db, policies.InForceRow(active.policy.hash, str(self.path)))
        journal.write(
            self.db, self.clock.now(), "config.activated", policy=active.policy.hash,
            before=before, **said,
        )  # fmt: skip

    def _say(self, active: ActivePolicy, before: str | None, **said: Any) -> None:
        log.info(
            "config.activated", policy_hash=active.policy.hash[:12],
            old_policy_hash=None if before is None else before[:12], **said,
        )  # fmt: skip

"""Take up a changed policy while the daemon runs: read, check, rehearse, swap; or refuse it.

A policy that is refused changes nothing: the last good one decides on, and the refusal is said
once, with its places, in the log, the journal, the metrics, `status` and the health page, until
the files are good again. Asked for by the watching loop, by SIGHUP and by `fairlead reload`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairlead.clock import Clock
from fairlead.daemon.acceptance import Accepted, Fault, accept, faults_of
from fairlead.daemon.active_policy import ActivePolicy, Texts, read_texts
from fairlead.daemon.channels_known import unknown_channels
from fairlead.daemon.in_force import InForce
from fairlead.daemon.ingest import ODD_DATA
from fairlead.daemon.policy_watch import PolicyWatch
from fairlead.daemon.rehearsal import Rehearsal, rehearse
from fairlead.daemon.restart_needed import changed_settings, unserved
from fairlead.errors import ConfigError
from fairlead.settings import Settings
from fairlead.spi.connector import Wanted
from fairlead.store import journal
from fairlead.telemetry import error_fields, get_logger

log = get_logger()

ACTIVATED, UNCHANGED, REFUSED = "activated", "unchanged", "refused"
REPORT = "this is a mistake of fairlead; put the last good policy back and report it"
MOST_FAULTS = 20


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What came of one reload. `policy` is the hash in force afterwards, `before` the one before.

    `needs_restart` are settings that have changed and wait for the next start.
    """

    outcome: str
    policy: str
    before: str
    faults: tuple[Fault, ...] = ()
    needs_restart: tuple[str, ...] = ()
    rehearsal: Rehearsal | None = None
    warnings: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "outcome": self.outcome,
            "policy": self.policy,
            "before": self.before,
            "problems": [f.as_json() for f in self.faults],
            "needs_restart": list(self.needs_restart),
            "dry_run": None if self.rehearsal is None else self.rehearsal.as_json(),
            "warnings": self.warnings,
        }


class Reloader:
    """Brings the files of the policy into force when they change; safe from any thread.

    `served` is what each connector was built to read; `try_build` makes connectors as a start would
    and raises ConfigError where that fails; `settings_again` reads the settings as a start would.
    """

    def __init__(
        self,
        in_force: InForce,
        clock: Clock,
        *,
        served: Mapping[str, Wanted],
        try_build: Callable[[ActivePolicy], None] = lambda active: None,
        settings: Settings | None = None,
        settings_again: Callable[[], Settings] | None = None,
        on_swap: Callable[[], None] = lambda: None,
    ) -> None:
        self.in_force = in_force
        self.db = in_force.db
        self.metrics = in_force.metrics
        self.path: Path = in_force.path
        self.clock = clock
        self.faults: tuple[Fault, ...] = ()
        """Why the files are refused, while they are."""
        self._served = served
        self._try_build = try_build
        self.needs_restart: tuple[str, ...] = ()
        """The settings that have changed since the start, one line each."""
        self._settings = settings
        self._settings_again = settings_again
        self._on_swap = on_swap
        self._lock = threading.Lock()
        self._watch = PolicyWatch(self.path.parent, self._names(()))
        file = None if settings is None else settings.config_file
        self._settings_watch = None if file is None else PolicyWatch(file.parent, {file.name})

    def look(self) -> Reloaded | None:
        """One look of the watching loop; None when nothing has changed or is still being written.

        Raises Unavailable when the state cannot be written.
        """
        with self._lock:
            if not self._watch.changed():
                return None
            return self._careful(waiting=True)

    def reload(self) -> Reloaded:
        """Read the files now, without waiting for them to stand still."""
        with self._lock:
            done = self._careful(waiting=False)
            self._watch.forget()
        assert done is not None
        return done

    def look_at_settings(self) -> None:
        """Say it once when a setting has changed that only a restart takes up."""
        with self._lock:
            if self._settings_watch is not None and self._settings_watch.changed():
                self._settings_watch.stood_still(self._settings_watch.names)
                self._compare_settings()

    def refuse(self, faults: tuple[Fault, ...]) -> None:
        """Note why the files are refused; said once, and again when the reasons change."""
        if faults == self.faults:
            return
        now = self.clock.now()
        with self.db.transaction():
            journal.write(
                self.db, now, "config.rejected", policy=self.in_force.active.policy.hash,
                problems=[str(f) for f in faults[:MOST_FAULTS]],
            )  # fmt: skip
        self.faults = faults
        self.metrics.config_refused.set(1)
        self.metrics.config_reloads_total.labels(outcome=REFUSED).inc()
        log.warning(
            "config.rejected", path=self.path, reason=str(faults[0]), remedy=faults[0].remedy,
            count=len(faults), policy_hash=self.in_force.active.policy.hash[:12],
        )  # fmt: skip

    # -- steps ------------------------------------------------------------------------------

    def _careful(self, *, waiting: bool) -> Reloaded | None:
        self._compare_settings()
        try:
            return self._take(waiting=waiting)
        except BaseException:
            self._watch.forget()  # the disk is full: what was read counts as not read
            raise

    def _take(self, *, waiting: bool) -> Reloaded | None:
        before = self.in_force.active
        try:
            texts = read_texts(self.path)
        except ConfigError as e:
            self._watch.stood_still(self._names(()))
            return self._refused(before, faults_of(e, self.path))
        if not self._watch.stood_still(self._names((*texts.named, *texts.files))) and waiting:
            return None
        if texts.files == before.files:
            return self._unchanged(before)
        try:
            accepted, rehearsal = self._tried(texts, before)
        except ConfigError as e:
            return self._refused(before, faults_of(e, self.path))
        if accepted.active.policy.hash == before.policy.hash:
            return self._unchanged(before)
        faults = unserved(accepted.active, self._served)
        if self._settings is not None:
            faults += unknown_channels(accepted.active.policy, self._settings)
        if rehearsal.failed:
            faults.append(_undecidable(self.path, rehearsal))
        if faults:
            return self._refused(before, tuple(faults), rehearsal)
        self.in_force.swap(accepted.active, count=rehearsal.leads, elsewhere=rehearsal.elsewhere)
        self._heal()
        self.metrics.config_reloads_total.labels(outcome=ACTIVATED).inc()
        self._on_swap()
        return Reloaded(
            ACTIVATED, accepted.active.policy.hash, before.policy.hash,
            needs_restart=self.needs_restart, rehearsal=rehearsal, warnings=accepted.warnings,
        )  # fmt: skip

    def _tried(self, texts: Texts, before: ActivePolicy) -> tuple[Accepted, Rehearsal]:
        """Read, check and rehearse. What nobody has thought of refuses the file, and is told."""
        try:
            accepted = accept(texts, self.clock.now(), before.policy.hash)
            if unserved(accepted.active, self._served):
                self._try_build(accepted.active)
            return accepted, rehearse(self.db, accepted.active.policy, self.clock)
        except ODD_DATA as e:
            log.error("reload.failed", path=self.path, **error_fields(e))
            raise ConfigError(f"{self.path}: cannot be read ({type(e).__name__}); {REPORT}") from e

    def _unchanged(self, before: ActivePolicy) -> Reloaded:
        hash = before.policy.hash
        if self.faults:
            with self.db.transaction():
                journal.write(self.db, self.clock.now(), "config.healed", policy=hash)
            self._heal()
            log.info("config.healed", path=self.path, policy_hash=hash[:12])
        return Reloaded(UNCHANGED, hash, hash, needs_restart=self.needs_restart)

    def _refused(
        self, before: ActivePolicy, faults: tuple[Fault, ...], rehearsal: Rehearsal | None = None
    ) -> Reloaded:
        self.refuse(faults)
        hash = before.policy.hash
        return Reloaded(
            REFUSED, hash, hash, faults, needs_restart=self.needs_restart, rehearsal=rehearsal
        )

    def _heal(self) -> None:
        self.faults = ()
        self.metrics.config_refused.set(0)

    def _compare_settings(self) -> None:
        if self._settings is None or self._settings_again is None:
            return
        found = tuple(changed_settings(self._settings, self._settings_again))
        if found and found != self.needs_restart:
            log.warning("config.restart_needed", reason="; ".join(found), count=len(found))
        self.needs_restart = found

    def _names(self, more: tuple[str, ...]) -> set[str]:
        return {self.path.name, *self.in_force.active.files, *more} - {""}


def _undecidable(path: Path, rehearsal: Rehearsal) -> Fault:
    first, count = rehearsal.failed[0], len(rehearsal.failed)
    message = f"{count} of the last {rehearsal.leads} leads cannot be decided (first: {first})"
    return Fault(path.name, None, None, message, REPORT)

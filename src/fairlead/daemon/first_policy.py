"""The policy a daemon starts with: the one on disk, or the last good one when that is refused.

A first start with a bad file has nothing to fall back on and fails. A later one, which a supervisor
may order at night after a crash, goes on with what was in force, as the running daemon did.
"""

from __future__ import annotations

from pathlib import Path

from fairlead.core.policy_file import PolicyError, load_policy
from fairlead.daemon.acceptance import Fault, faults_of, read_acceptable
from fairlead.daemon.active_policy import ActivePolicy
from fairlead.errors import ConfigError
from fairlead.store import decisions, policies
from fairlead.store.db import Db


def policy_to_start_with(path: Path, db: Db | None) -> tuple[ActivePolicy, tuple[Fault, ...]]:
    """The policy, and why the one on disk was refused, if it was.

    `db` is the state, None before there is one. Raises what `read_acceptable` raises when no policy
    that came from this very file is in force, or when it cannot be read any more.
    """
    kept = None if db is None else policies.in_force(db)
    mine = kept is not None and kept.path == str(path)
    try:
        return read_acceptable(path, kept.hash if kept and mine else None).active, ()
    except ConfigError as e:
        last = last_good(db) if db is not None and mine else None
        if last is None:
            raise
        return last, faults_of(e, path)


def last_good(db: Db) -> ActivePolicy | None:
    """The policy that was in force last, from its kept texts; None when it cannot be had."""
    kept = policies.in_force(db)
    if kept is None:
        return None
    try:
        files, main = decisions.get_policy(db, kept.hash)
        return ActivePolicy(load_policy(files, main), files, main)
    except (PolicyError, KeyError):
        return None

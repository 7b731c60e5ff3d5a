"""Plan: what would be written now, found on a copy of the state; nothing is written anywhere.

The copy lives in memory; the connectors only read. The decisions are the ones the daemon would
take, since the same code takes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from fairlead.clock import Clock
from fairlead.core.effects import Effect, SetField, SetMember, SetOwner, SetScore, UpsertTask
from fairlead.daemon.active_policy import ActivePolicy
from fairlead.daemon.ingest import Ingest
from fairlead.daemon.routing import Router
from fairlead.daemon.steady_clock import steady
from fairlead.metrics import Metrics
from fairlead.spi.connector import Connector
from fairlead.spi.patience import patiently
from fairlead.store import decisions, directory, leads, outbox
from fairlead.store.db import Db


@dataclass(frozen=True, slots=True)
class PlannedWrite:
    """One write that would go out. `owner` is a name a person knows, a field and its value, or a
    group."""

    lead: str
    kind: str
    owner: str
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class DryRun:
    """What would be written, and every lead's state by CRM afterwards."""

    writes: tuple[PlannedWrite, ...]
    states: Mapping[str, Mapping[str, int]]


def dry_run(
    state: Db,
    active: ActivePolicy,
    readers: Mapping[str, Connector],
    clock: Clock,
    *,
    created_since: datetime | None = None,
    progress: Callable[[str, str, int], None] | None = None,
) -> DryRun:
    """Read what is new (or, with `created_since`, treat everything since then as new) and decide.

    `state` is only copied. Raises what the connectors raise.
    """
    copy = state.copy_to_memory()
    try:
        metrics = Metrics()
        router = Router(copy, active.policy, metrics)
        time = steady(clock)
        now = time.now()
        with copy.transaction():
            decisions.keep_policy(copy, active.policy.hash, active.files, active.main, now)
        before = {o.key for o in outbox.open_rows(copy)}
        ready = partial(_all_ready, copy, tuple(readers))
        ingests = [
            Ingest(
                copy, reader, lambda: router, time, metrics, all_ready=ready,
                on_work=lambda: None, created_since=created_since,
                progress=partial(progress, name) if progress else None,
            )
            for name, reader in readers.items()
        ]  # fmt: skip
        for ingest in ingests:
            patiently(ingest.first_contact)
            patiently(partial(ingest.read_existing, lambda: False))
        for ingest in ingests:
            while patiently(ingest.cycle).more:
                pass
            with copy.transaction():
                if created_since is not None:
                    leads.hold_existing(copy, ingest.crm, created_since)
                leads.wake_held(copy)
            while leads.held_due(copy, ingest.crm, time.now(), 1):
                patiently(ingest.release_held)
        rows = outbox.open_rows(copy)
        writes = tuple(_planned(copy, o, waiting=o.key in before) for o in rows)
        return DryRun(writes, leads.counts(copy))
    finally:
        copy.close()


def _all_ready(db: Db, names: Sequence[str]) -> bool:
    rows = [directory.get_connector(db, n) for n in names]
    return all(row is not None and row.ready for row in rows)


def _planned(db: Db, row: outbox.OutboxRow, *, waiting: bool) -> PlannedWrite:
    decision = decisions.get_decision(db, row.decision_id)
    names = {o.id: o.email or o.name for o in directory.get_owners(db, row.ref.crm)}
    kind, to = _told(row.effect)
    reason = decision.reason if decision else ""
    return PlannedWrite(
        str(row.ref),
        kind,
        names.get(to, to),
        decision.rule if decision else "",
        f"{reason} (already waiting)" if waiting else reason,
    )


def _told(effect: Effect) -> tuple[str, str]:
    """What kind of write it is, and to what."""
    match effect:
        case SetOwner():
            return "owner", effect.owner_id
        case UpsertTask():
            return "task", effect.owner_id
        case SetScore():
            return "score", f"{effect.field} = {effect.value}"
        case SetField():
            return "field", f"{effect.field} = {effect.value}"
        case SetMember():
            return "member", f"{'into' if effect.member else 'out of'} {effect.group}"

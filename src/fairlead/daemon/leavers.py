"""Reps whom a CRM has deactivated and who still own leads: said once, counted, listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fairlead.core.counted import counted
from fairlead.core.policy import Policy
from fairlead.core.types import OwnerKind
from fairlead.metrics import Metrics
from fairlead.store import directory, journal, leads
from fairlead.store.db import Db
from fairlead.telemetry import get_logger

log = get_logger()


@dataclass(frozen=True, slots=True)
class Leaver:
    """An inactive user of a CRM with open leads; `name` is what `reassign --from` takes."""

    crm: str
    owner_id: str
    name: str
    open: int

    def says(self) -> str:
        return (
            f"rep {self.name} is inactive in {self.crm} and has {counted(self.open, 'open lead')}"
        )

    def remedy(self) -> str:
        name = self.name if self.name.isascii() and " " not in self.name else f'"{self.name}"'
        return f"fairlead reassign --from {name}"

    def as_json(self) -> dict[str, Any]:
        return {
            "crm": self.crm, "owner": self.owner_id, "rep": self.name, "open": self.open,
            "says": self.says(), "remedy": self.remedy(),
        }  # fmt: skip


def leavers(db: Db, policy: Policy | None) -> list[Leaver]:
    """Those who are reps of the policy, or who own leads that came since the first start."""
    roster = {} if policy is None else policy.roster
    known = {e.id for e in roster.values()}
    ids = {(crm, id) for e in roster.values() for crm, id in e.crm_ids.items()}
    return [
        Leaver(crm, id, email or name or id, n)
        for crm, id, name, email, n, ours in leads.open_of_inactive(db)
        if ours or email in known or (crm, id) in ids
    ]


def tell_inactive(db: Db, crm: str, active_before: Collection[str], now: datetime) -> None:
    """Say who has been deactivated since and owns leads; in the transaction that noticed it."""
    for o in directory.get_owners(db, crm):
        if o.kind is not OwnerKind.REP or o.active or o.id not in active_before:
            continue
        n = len(leads.open_of_owner(db, crm, o.id))
        if n:
            journal.write(db, now, "rep.inactive", crm=crm, owner_id=o.id, open=n)
            log.warning("rep.inactive", crm=crm, owner=o.id, count=n)


def set_gauge(db: Db, policy: Policy | None, metrics: Metrics) -> None:
    """Publish how many open leads inactive reps have, by CRM."""
    found: Counter[str] = Counter({c.crm: 0 for c in directory.all_connectors(db)})
    for leaver in leavers(db, policy):
        found[leaver.crm] += leaver.open
    for crm, n in found.items():
        metrics.inactive_rep_leads.labels(crm=crm).set(n)

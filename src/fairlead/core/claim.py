"""A lead that lies in a queue for the first of a team to take it, and who may."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who may take a lead out of a claim queue: rep, owner id in the lead's CRM, weight."""

    rep_id: str
    owner_id: str
    weight: Fraction


@dataclass(frozen=True, slots=True)
class Claim:
    """A lead offered in a queue to the first of a team who takes it; `until` None is for ever."""

    team: str
    pool: str
    queue_id: str
    until: datetime | None
    claimants: tuple[Claimant, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """Where and when the lead of a case was offered to a team and has not been taken yet."""

    team: str
    queue_id: str
    at: datetime

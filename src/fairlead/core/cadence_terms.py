"""What the policy says of a follow-up cadence; `cadence` tells when its steps come.

Below `policy`, which holds them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from fairlead.core.place import Place


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One step: so long after the beginning a task with these words."""

    after: timedelta
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Cadence:
    """The follow-ups of a lead, each later than the one before."""

    name: str
    steps: tuple[FollowUp, ...]
    place: Place

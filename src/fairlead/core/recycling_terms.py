"""What the policy says of second chances: who is recycled, who is done with, and what brings back.

Below `policy`, which holds them; `recycling` asks them of a lead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from fairlead.core.place import Place
from fairlead.core.scorecard import Scorecard, Turn

if TYPE_CHECKING:
    from fairlead.core.policy import Condition

OWN_NAMES = ("cycles", "recycled_at", "recycle_reason")
"""What a lead tells of its recyclings, as conditions name it."""


@dataclass(frozen=True, slots=True)
class Track:
    """One way round: which leads take it, what is written when they do, what brings them back.

    `name` is the reason code. `set` and `set_back` are values by CRM and field, written when the
    lead is recycled and when it comes back; `join` is the campaign or list of each CRM that it is
    in meanwhile; `queue` the one that owns it there, None: the owner is left. `until` names the
    lead's date on which it comes back, `after` how long it takes without one; `reenter_when` what
    brings it back at any time. `team` is asked in place of the rules.
    """

    name: str
    when: Condition
    set: Mapping[str, Mapping[str, str]]
    set_back: Mapping[str, Mapping[str, str]]
    join: Mapping[str, str]
    queue: str | None
    until: str | None
    after: timedelta | None
    reenter_when: Condition | None
    team: str | None
    place: Place
    turns: tuple[Turn, ...] = ()
    """How time alone changes `reenter_when`."""


@dataclass(frozen=True, slots=True)
class Disqualified:
    """Leads that are done with for this reason; they never go round."""

    reason: str
    when: Condition
    place: Place


@dataclass(frozen=True, slots=True)
class ContactCap:
    """While a person was contacted `at_most` times `within` so long, they do not come back."""

    at_most: int
    within: timedelta


@dataclass(frozen=True, slots=True)
class Recycling:
    """The terms. `dates` are the lead's own dates of which only news since the recycling counts."""

    max_cycles: int
    cool_down: timedelta
    cap: ContactCap | None
    disqualified: tuple[Disqualified, ...]
    tracks: Mapping[str, Track]
    dates: frozenset[str]
    turns: tuple[Turn, ...] = ()
    """How time alone changes which leads are recycled or done with."""
    card: Scorecard | None = None
    """How leads are scored: `reenter_when` sees the points of what is news."""

    @property
    def points_age(self) -> bool:
        """Whether time alone changes what leads score."""
        lines = () if self.card is None else self.card.lines
        return any(line.turns or line.half_life is not None for line in lines)

    @property
    def asks(self) -> frozenset[str]:
        """Every name that is read to tell whether a lead is recycled or done with."""
        found = [d.when for d in self.disqualified] + [t.when for t in self.tracks.values()]
        return frozenset(name for condition in found for name in condition.names)

    @property
    def names(self) -> frozenset[str]:
        """Every name that a condition of it reads."""
        found = [t.reenter_when for t in self.tracks.values() if t.reenter_when is not None]
        return self.asks.union(*(condition.names for condition in found))

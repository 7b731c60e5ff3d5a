"""The raw shape of `recycling:` in a policy file; what belongs to what is in policy_recycling."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from fairlead.core.policy_values import ConditionText, Count, CrmId, Duration, Identifier, Text

Values = dict[Text, dict[Text, Annotated[str, Field(max_length=255)]]]
"""What is written, by CRM and by the name of its field there; "" clears the field."""


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class CapShape(_Shape):
    """The most contacts, over all channels, with which a lead comes back."""

    at_most: Count
    within: Duration


class DisqualifiedShape(_Shape):
    """Leads that are done with, and the reason code for it."""

    reason: Identifier
    when: ConditionText


class OwnerShape(_Shape):
    """Who owns a lead while it is recycled."""

    queue: Text


class TeamOnlyShape(_Shape):
    """Who gets a lead that comes back."""

    team: Text


class TrackShape(_Shape):
    """One way round; its name is the reason code."""

    when: ConditionText
    set: Values = {}
    set_back: Values = {}
    join: dict[Text, CrmId] = {}
    owner: OwnerShape | None = None
    until: Text | None = None
    after: Duration | None = None
    reenter_when: ConditionText | None = None
    to: TeamOnlyShape | None = None


class RecyclingShape(_Shape):
    """Second chances, and their limits."""

    max_cycles: Count = 3
    cool_down: Duration
    contact_cap: CapShape | None = None
    disqualified: list[DisqualifiedShape] = []
    tracks: dict[Identifier, TrackShape] = {}

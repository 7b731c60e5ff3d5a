"""The raw shape of `decay:` in a policy file; what belongs to what is checked in policy_decay."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from fairlead.core.policy_sla_shapes import ActShape
from fairlead.core.policy_values import ConditionText, Duration, Text


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class AfterShape(_Shape):
    """What brings a lead to a level: exactly one of these."""

    age: Duration | None = None
    silence: Duration | None = None
    below: Text | None = None


class LevelShape(_Shape):
    """One level of decay: when a lead reaches it, and what is done then."""

    name: Text
    when: ConditionText | None = None
    after: AfterShape
    critical: bool = False
    do: list[ActShape] = []
    override_people: bool = False

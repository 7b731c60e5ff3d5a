"""The raw shape of `scoring`, beside policy_models."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from fairlead.core.policy_values import ConditionText, Duration, Identifier, Number, Text
from fairlead.core.scorecard import POOR


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PointsShape(_Shape):
    """So many points while a condition holds; `at` is the date they fade from."""

    when: ConditionText
    points: Number
    because: Text | None = None
    at: Text | None = None
    half_life: Duration | None = None


class PointGroupShape(_Shape):
    """Lines that are added up by themselves, up to a cap."""

    cap: Number | None = None
    half_life: Duration | None = None
    points: list[PointsShape]


class ScoringShape(_Shape):
    """What gives a lead points, and what so many points are called."""

    groups: dict[Identifier, PointGroupShape]
    bands: dict[Text, Number] = {}
    below: Text = POOR
    write_to: dict[Text, Text] = {}

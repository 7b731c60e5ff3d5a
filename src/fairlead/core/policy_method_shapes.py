"""The raw shape of a team's `method`, beside policy_models."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

from fairlead.core.policy_values import Duration, Email, Identifier, Number, Text


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class NoOptions(_Shape):
    """A method that needs to be told nothing."""


class LeastLoadedShape(_Shape):
    """What is kept level: open leads, or a number field summed over them."""

    by: Identifier = "open"
    missing: Number | None = None


class OverrideShape(_Shape):
    """How long a lead waits for the turn-holder at most."""

    max_delay: Duration


class RoleShape(_Shape):
    """One seat of a group, and who can take it: these reps, or those of a team."""

    role: Text
    members: list[Email] | None = None
    team: Text | None = None


class GroupShape(_Shape):
    """The roles that must all be free; the first owns the lead."""

    roles: list[RoleShape]


class ClaimShape(_Shape):
    """The queue that leads are taken from, and how long they are offered there."""

    queue: Text
    unclaimed_after: Duration | None = None


class MethodShape(_Shape):
    """Exactly one of its keys; a method that needs no options is also written as its name."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    round_robin: NoOptions | None = None
    least_loaded: LeastLoadedShape | None = None
    first_available: NoOptions | None = None
    next_up: NoOptions | None = None
    override: OverrideShape | None = None
    ranked: NoOptions | None = None
    group: GroupShape | None = None
    claim: ClaimShape | None = None


METHOD_NAMES = tuple(MethodShape.model_fields)


def method_named(value: Any) -> Any:
    """A method written as its name alone is one without options."""
    if not isinstance(value, str):
        return value
    if value.strip() in METHOD_NAMES:
        return {value.strip(): {}}
    expected = ", ".join(map(repr, METHOD_NAMES[:-1])) + f" or {METHOD_NAMES[-1]!r}"
    raise PydanticCustomError("literal_error", "expected {expected}", {"expected": expected})

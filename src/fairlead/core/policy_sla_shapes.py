"""The raw shape of `slas:` in a policy file; what belongs to what is checked in policy_sla."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from fairlead.core.policy_values import ConditionText, Day, Duration, Email, Identifier, Text


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ReassignShape(_Shape):
    """To another team; `next` alone asks the same rules."""

    team: Text


class AwayShape(_Shape):
    """How long the rep whose clock it was gets no new leads."""

    for_: Duration = Field(alias="for")


def _next(value: Any) -> Any:
    return None if value == "next" else value


By = Literal["task", "email"]


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class ActShape(_Shape):
    """One thing that is done: exactly one of these."""

    notify: Text | None = None
    escalate: Email | None = None
    by: Annotated[list[By], BeforeValidator(_listed, json_schema_input_type=By | list[By])] = [
        "task"
    ]
    tell: Identifier | None = None
    raise_: Literal["priority"] | None = Field(default=None, alias="raise")
    reassign: Annotated[
        ReassignShape | None,
        BeforeValidator(_next, json_schema_input_type=ReassignShape | Literal["next"]),
    ] = None
    set_away: AwayShape | None = None


class StepShape(ActShape):
    """One step after the time is over: exactly one thing, `after` so much more of the time."""

    after: Duration = Field(default_factory=timedelta)


class TightenShape(_Shape):
    """From a day on the promise is this one."""

    from_: Day = Field(alias="from")
    respond_within: Duration


class SlaShape(_Shape):
    """How fast somebody answers a lead, and what happens when not."""

    respond_within: Duration
    hours: Literal["rep", "team", "always"] = "rep"
    deduct: list[Literal["leave", "holidays"]] = ["leave", "holidays"]
    when: ConditionText | None = None
    paused_when: ConditionText | None = None
    responded_when: ConditionText | None = None
    counts_as_response: list[
        Literal["call", "email", "meeting", "message", "task_done", "note"]
    ] = ["call", "email", "meeting"]
    warn_at: list[Text] = []
    on_breach: list[StepShape] = []
    override_people: bool = False
    tighten: list[TightenShape] = []

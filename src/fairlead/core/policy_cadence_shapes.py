"""The raw shape of `cadences:` in a policy file; what belongs to what is checked in
policy_cadence."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from fairlead.core.policy_values import Duration, Text


class FollowUpShape(BaseModel):
    """One follow-up: so long after the beginning, as a task with these words."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    after: Duration
    subject: Text = "Follow up"
    body: Text = ""


def _plain(value: Any) -> Any:
    return {"after": value} if isinstance(value, str) else value


CadenceShape = list[
    Annotated[FollowUpShape, BeforeValidator(_plain, json_schema_input_type=Text | FollowUpShape)]
]

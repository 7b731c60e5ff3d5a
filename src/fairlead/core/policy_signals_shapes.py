"""The raw shape of `signals:` in a policy file; what belongs to what policy_signals checks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from fairlead.core.policy_values import ConditionText, CrmId, OneOrMore, Text

Ids = Annotated[
    list[CrmId],
    BeforeValidator(
        lambda v: v if isinstance(v, list) else [v], json_schema_input_type=CrmId | list[CrmId]
    ),
]
Done = Literal["call", "email", "meeting", "message"]


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class CampaignShape(_Shape):
    """Members of Salesforce campaigns, in some of their statuses or in any."""

    campaign: Ids
    status: OneOrMore = []


class ListShape(_Shape):
    """Members of HubSpot lists."""

    list_: Ids = Field(alias="list")


class SignalShape(_Shape):
    """What shows that somebody did something; each form by itself."""

    at: Text | None = None
    when: ConditionText | None = None
    salesforce: CampaignShape | None = None
    hubspot: ListShape | None = None
    activity: Annotated[
        list[Done], BeforeValidator(_listed, json_schema_input_type=Done | list[Done])
    ] = []
    incoming: bool | None = None

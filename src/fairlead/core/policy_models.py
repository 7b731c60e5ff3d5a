"""The raw shape of a policy file, as pydantic models; also the source of the editors' JSON Schema.

Only the shape of single values stands here: what belongs to what is checked in policy_build and
policy_rules, where places are known. An unknown key is always an error.
"""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)

from fairlead.core.policy_cadence_shapes import CadenceShape
from fairlead.core.policy_decay_shapes import LevelShape
from fairlead.core.policy_method_shapes import (
    METHOD_NAMES,
    MethodShape,
    NoOptions,
    method_named,
)
from fairlead.core.policy_recycling_shapes import RecyclingShape
from fairlead.core.policy_scoring_shapes import ScoringShape
from fairlead.core.policy_signals_shapes import SignalShape
from fairlead.core.policy_sla_shapes import SlaShape
from fairlead.core.policy_values import (
    ConditionText,
    Count,
    CrmId,
    Day,
    Days,
    Duration,
    Email,
    Identifier,
    OneOrMore,
    Patience,
    Share,
    TeamName,
    Text,
    Weeks,
    Weight,
)
from fairlead.core.ramp import START

FromCrm = Literal["out_of_office", "working_hours", "presence"]
CRMS = ("salesforce", "hubspot")
"""The CRMs a policy may name unless the caller knows more connectors."""


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _PerCrm(_Shape):
    """Also takes one key per CRM; which CRMs there are, the caller knows."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, CrmId]


class FieldShape(_PerCrm):
    """A custom CRM field by the name that rules use."""

    type: Literal["text", "number", "bool", "instant", "list"]


class HoldShape(_Shape):
    """Wait until a field of the lead is filled, and not for ever."""

    field: Text
    at_most: Duration


class SourceShape(_Shape):
    """Where leads come from."""

    crm: Text
    object: Text | None = None
    pick_up: ConditionText | None = None
    hold_until: HoldShape | None = None


class BufferShape(_Shape):
    """Working days kept free of new leads before and after a leave."""

    before: Days = 0
    after: Days = 0


class CalendarShape(_Shape):
    """When people work."""

    timezone: Text
    hours: dict[Text, list[Text]]
    holidays: OneOrMore | None = None
    leave_buffer: BufferShape | None = None


class CapacityShape(_Shape):
    """The most that a rep takes."""

    open: Count | None = None
    per_hour: Count | None = None
    per_day: Count | None = None
    per_week: Count | None = None


class RampShape(_Shape):
    """A new rep's way to the full load."""

    from_: Day = Field(alias="from")
    weeks: Weeks
    start: Share = Field(default_factory=lambda: START)


class AvailabilityShape(_Shape):
    """What CRMs say of reps, as far as it counts."""

    from_crm: list[FromCrm] = ["out_of_office"]


class RepShape(_PerCrm):
    """One rep; CRM ids only where the e-mail does not tell who it is."""

    name: Text | None = None
    weight: Weight = Field(default_factory=lambda: Fraction(1))
    calendar: Text | None = None
    away: list[Text] = []
    capacity: CapacityShape | None = None
    skills: dict[Identifier, OneOrMore] = {}
    skills_reviewed: Day | None = None
    ramp: RampShape | None = None
    cover: Email | None = None


class BackupShape(_Shape):
    """Who gets a team's leads while nobody in it can take any."""

    team: Text


class CoverageShape(_Shape):
    """Who joins in while fewer than `below` members can take a lead."""

    team: Text
    below: Count


class PeakShape(_Shape):
    """Who joins in from more than `above` waiting leads until fewer than `below`."""

    team: Text
    above: Count
    below: Count | None = None


class MakeUpShape(_Shape):
    """What somebody gets who comes back from leave."""

    at_most: Count


class WeightsShape(_Shape):
    """Weights that follow results."""

    from_: Literal["conversion"] = Field(alias="from")
    over: Duration = Field(default_factory=lambda: timedelta(days=90))
    floor: Weight = Field(default_factory=lambda: Fraction(1, 2))
    ceiling: Weight = Field(default_factory=lambda: Fraction(2))
    step: Weight = Field(default_factory=lambda: Fraction(1, 4))
    every: Duration = Field(default_factory=lambda: timedelta(days=7))
    prior: Count = 20
    apply: bool = False


def _none(value: object) -> object:
    return None if value == "none" else value


class TeamShape(_Shape):
    """Reps that share leads."""

    members: list[Email] | None = None
    method: Annotated[
        MethodShape,
        BeforeValidator(method_named, json_schema_input_type=Literal[METHOD_NAMES] | MethodShape),
    ] = Field(default_factory=lambda: MethodShape(round_robin=NoOptions()))
    fairness: Literal["rule", "team", "company"] = "team"
    charge: list[Literal["account_owner", "named", "by_hand", "followed"]] = []
    make_up: Annotated[
        MakeUpShape | None,
        BeforeValidator(_none, json_schema_input_type=MakeUpShape | Literal["none"]),
    ] = None
    weights: WeightsShape | None = None
    manager: Email | None = None
    backup: BackupShape | None = None
    coverage: CoverageShape | None = None
    peak: PeakShape | None = None


class KeyShape(_Shape):
    """A part of a table's key: a prefix, or a range between two columns."""

    prefix: Text | None = None
    range: Text | None = None
    from_: Text | None = Field(default=None, alias="from")
    to: Text | None = None


class ExactKey(KeyShape):
    """A part of a table's key that is written as a column's name alone."""

    column: Text


def _key_parts(value: Any) -> Any:
    parts = value if isinstance(value, list) else [value]
    return [ExactKey(column=v) if isinstance(v, str) and v.strip() else v for v in parts]


class TableShape(_Shape):
    """A CSV file looked up by key."""

    csv: Text
    key: Annotated[
        list[KeyShape],
        BeforeValidator(_key_parts, json_schema_input_type=Text | KeyShape | list[Text | KeyShape]),
    ]


class DestinationShape(_Shape):
    """Exactly one of its keys; `parent` belongs to `account_owner`."""

    team: Text | None = None
    rep: Text | None = None
    queue: Text | None = None
    account_owner: Literal[True] | None = None
    parent: Literal[True] | None = None


class IfAwayShape(DestinationShape):
    """A destination, or how long to wait for the first one, or both."""

    manager: Literal[True] | None = None
    hold: Patience | None = None


class RuleShape(_Shape):
    """A rule has `to`; a group has `rules`; `csv` alone stands for the lines of a file."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["name"]}, {"required": ["csv"]}]}
    )

    name: Text | None = None
    csv: Text | None = None
    when: ConditionText | None = None
    to: DestinationShape | None = None
    if_away: IfAwayShape | None = None
    need: dict[Identifier, OneOrMore] = {}
    prefer: dict[Identifier, OneOrMore] = {}
    relax_after: Duration | None = None
    hold_until: HoldShape | None = None
    sticky: Duration | None = None
    pool: Identifier | None = None
    sla: OneOrMore = []
    cadence: Text | None = None
    priority: Literal["high", "normal"] = "normal"
    rules: list[RuleShape] | None = None


class OtherwiseShape(_Shape):
    """Who gets the leads that no rule takes."""

    to: DestinationShape
    sla: OneOrMore = []
    cadence: Text | None = None


class TaskShape(_Shape):
    """The task that every assignment to a rep brings."""

    subject: Text = "Contact this new lead"
    due_in: Duration = Field(default_factory=lambda: timedelta(hours=1))
    mail: bool = False


class SplitShape(_Shape):
    """Named arms, each with its share of the leads."""

    by: Literal["lead", "account"]
    arms: dict[Identifier, Share]


class CreditBackShape(_Shape):
    """When a turn is given back."""

    when: ConditionText | None = None
    handed_back: bool = False
    within: Duration = Field(default_factory=lambda: timedelta(days=14))


class SafetyShape(_Shape):
    """How far the policy reaches."""

    pilot: Share = Field(default_factory=lambda: Fraction(1))


class CheckShape(_Shape):
    """What `fairlead check` looks at beside the rules."""

    skills_review: Duration | None = None


REQUIRED = ("version", "sources", "otherwise")
"""Keys every policy has. Not required by the model, so that one missing key hides nothing else."""


class PolicyShape(_Shape):
    """Who gets what lead."""

    version: Literal[1] | None = None
    fields: dict[Identifier, FieldShape] = {}
    sources: dict[Text, SourceShape] = {}
    owner_authority: Text | None = None
    sticky: Duration | None = None
    calendars: dict[Text, CalendarShape] = {}
    availability: AvailabilityShape = Field(default_factory=lambda: AvailabilityShape())
    closed_when: ConditionText | None = None
    reroute_on: list[Text] = []
    won_when: ConditionText | None = None
    credit_back: CreditBackShape | None = None
    scoring: ScoringShape | None = None
    reps: dict[Text, RepShape | None] = {}
    roster: Text | None = None
    teams: dict[TeamName, TeamShape] = {}
    tables: dict[Identifier, TableShape] = {}
    splits: dict[Identifier, SplitShape] = {}
    slas: dict[Identifier, SlaShape] = {}
    signals: dict[Identifier, SignalShape] = {}
    decay: list[LevelShape] = []
    cadences: dict[Identifier, CadenceShape] = {}
    recycling: RecyclingShape | None = None
    safety: SafetyShape = Field(default_factory=lambda: SafetyShape())
    check: CheckShape = Field(default_factory=lambda: CheckShape())
    rules: list[RuleShape] = []
    otherwise: OtherwiseShape | None = None
    task: Annotated[
        TaskShape | None, BeforeValidator(_none, json_schema_input_type=TaskShape | Literal["none"])
    ] = Field(default_factory=lambda: TaskShape())


def _given(value: dict[str, Any]) -> dict[str, Any]:
    """The schema of a key that is left out rather than empty: the reader refuses a bare key."""
    if value.get("default", ...) is not None:
        return value
    rest = [form for form in value["anyOf"] if form != {"type": "null"}]
    return rest[0] if len(rest) == 1 else {"anyOf": rest}


def policy_json_schema(crms: tuple[str, ...] = CRMS) -> dict[str, Any]:
    """The JSON Schema of a policy file, for completion and checks in editors.

    It knows the shape only; `load_policy` also checks names, conditions and tables.
    """
    schema = PolicyShape.model_json_schema(mode="validation")
    for shape in (schema, *schema["$defs"].values()):
        for key, value in shape["properties"].items():
            shape["properties"][key] = _given(value)
    schema["required"] = list(REQUIRED)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "fairlead policy"
    for name in ("FieldShape", "RepShape"):
        shape = schema["$defs"][name]
        shape["properties"].update({crm: {"type": ["string", "integer"]} for crm in crms})
        shape["additionalProperties"] = False
    return schema

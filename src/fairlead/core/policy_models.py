"""The raw shape of a policy file, as pydantic models; also the source of the editors' JSON Schema.

Only the shape of single values stands here: what belongs to what is checked in policy_build and
policy_rules, where places are known. An unknown key is always an error.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from fairlead.core.durations import parse_duration

CRMS = ("salesforce", "hubspot")
"""The CRMs a policy may name unless the caller knows more connectors."""

_RATIO = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")
_DECIMAL = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_EMAIL = re.compile(r"[^\s@,;]+@[^\s@,;]+\.[^\s@,;]+")


def exact_weight(value: object) -> Fraction:
    """A weight as an exact fraction: 2, 0.5 or "1/3"; raises ValueError unless it is above 0."""
    text = str(value).strip() if isinstance(value, int | Decimal | str) else ""
    ratio = _RATIO.fullmatch(text)
    if isinstance(value, bool) or not (ratio or _DECIMAL.fullmatch(text)):
        raise ValueError('a weight is a number above 0, such as 2, 0.5 or "1/3"')
    if ratio and not int(ratio[2]):
        raise ValueError("a weight cannot be divided by 0")
    weight = Fraction(text)
    if not weight:
        raise ValueError("a weight is above 0; take the rep out of the team instead")
    return weight


def whole_count(value: object) -> int:
    """A limit of a capacity; raises ValueError unless it is a whole number from 1 on."""
    if type(value) is not int or not 1 <= value <= 1_000_000:
        raise ValueError(f"a limit is a whole number from 1 on, found {value!r}")
    return value


def whole_days(value: object) -> int:
    """Days of a buffer; raises ValueError unless it is a whole number from 0 to 30."""
    if type(value) is not int or not 0 <= value <= 30:
        raise ValueError(f"working days are a whole number from 0 to 30, found {value!r}")
    return value


def rep_id(text: str) -> str:
    """The form in which an e-mail names a rep: trimmed, small letters. Raises ValueError."""
    email = text.strip().lower()
    if not _EMAIL.fullmatch(email):
        raise ValueError(f"expected an e-mail address, found {text!r}")
    return email


def _checked(check: Any) -> Any:
    def run(value: Any) -> Any:
        try:
            return check(value)
        except ValueError as error:
            raise PydanticCustomError("policy", "{reason}", {"reason": str(error)}) from None

    return run


def _duration(value: object) -> timedelta:
    return parse_duration(value if isinstance(value, str) else str(value))


Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
ConditionText = Annotated[str, StringConstraints(min_length=1)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
TeamName = Annotated[str, StringConstraints(pattern=r"^[^\s.][^.\r\n\t]{0,63}$")]
Email = Annotated[str, AfterValidator(_checked(rep_id)), WithJsonSchema({"type": "string"})]
CrmId = Annotated[
    Text,
    BeforeValidator(lambda v: str(v) if type(v) is int else v),
    WithJsonSchema({"type": ["string", "integer"]}),
]
Weight = Annotated[
    Fraction,
    PlainValidator(_checked(exact_weight)),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": "^[0-9]{1,9}/[0-9]{1,9}$"},
            ]
        }
    ),
]
Count = Annotated[
    int,
    PlainValidator(_checked(whole_count)),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 1_000_000}),
]
Days = Annotated[
    int,
    PlainValidator(_checked(whole_days)),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": 30}),
]
Duration = Annotated[
    timedelta,
    PlainValidator(_checked(_duration)),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,6}[smhdw]$"}),
]
OneOrMore = Annotated[
    list[Text],
    BeforeValidator(lambda v: [v] if isinstance(v, str) else v),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
            ]
        }
    ),
]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _PerCrm(_Shape):
    """Also takes one key per CRM; which CRMs there are, the caller knows."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, CrmId]


class FieldShape(_PerCrm):
    """A custom CRM field by the name that rules use."""

    type: Literal["text", "number", "bool", "instant", "list"]


class SourceShape(_Shape):
    """Where leads come from."""

    crm: Text
    object: Text | None = None
    pick_up: ConditionText | None = None


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


class RepShape(_PerCrm):
    """One rep; CRM ids only where the e-mail does not tell who it is."""

    name: Text | None = None
    weight: Weight = Field(default_factory=lambda: Fraction(1))
    calendar: Text | None = None
    away: list[Text] = []
    capacity: CapacityShape | None = None


class BackupShape(_Shape):
    """Who gets a team's leads while nobody in it can take any."""

    team: Text


class TeamShape(_Shape):
    """Reps that share leads."""

    members: list[Email]
    method: Literal["round_robin"] = "round_robin"
    fairness: Literal["team", "company"] = "team"
    manager: Email | None = None
    backup: BackupShape | None = None


class TableShape(_Shape):
    """A CSV file looked up by exact key."""

    csv: Text
    key: OneOrMore


class DestinationShape(_Shape):
    """Exactly one of its keys."""

    team: Text | None = None
    rep: Text | None = None
    queue: Text | None = None
    account_owner: Literal[True] | None = None


class RuleShape(_Shape):
    """A rule has `to`; a group of rules has `rules`."""

    name: Text
    when: ConditionText | None = None
    to: DestinationShape | None = None
    if_away: DestinationShape | None = None
    priority: Literal["high", "normal"] = "normal"
    rules: list[RuleShape] | None = None


class OtherwiseShape(_Shape):
    """Who gets the leads that no rule takes."""

    to: DestinationShape


class TaskShape(_Shape):
    """The task that every assignment to a rep brings."""

    subject: Text = "Contact this new lead"
    due_in: Duration = Field(default_factory=lambda: timedelta(hours=1))


def _task(value: object) -> object:
    return None if value == "none" else value


REQUIRED = ("version", "sources", "otherwise")
"""Keys every policy has. Not required by the model, so that one missing key hides nothing else."""


class PolicyShape(_Shape):
    """Who gets what lead."""

    version: Literal[1] | None = None
    fields: dict[Identifier, FieldShape] = {}
    sources: dict[Text, SourceShape] = {}
    owner_authority: Text | None = None
    calendars: dict[Text, CalendarShape] = {}
    closed_when: ConditionText | None = None
    reps: dict[Text, RepShape | None] = {}
    roster: Text | None = None
    teams: dict[TeamName, TeamShape] = {}
    tables: dict[Identifier, TableShape] = {}
    rules: list[RuleShape] = []
    otherwise: OtherwiseShape | None = None
    task: Annotated[
        TaskShape | None, BeforeValidator(_task, json_schema_input_type=TaskShape | Literal["none"])
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

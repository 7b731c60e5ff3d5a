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
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,9})?) ?%")
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


def exact_share(value: object) -> Fraction:
    """A share such as 20% or 33.3%, exactly; raises ValueError unless above 0 and at most 100%."""
    found = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    share = Fraction(found[1]) / 100 if found else Fraction(0)
    if not 0 < share <= 1:
        raise ValueError("a share is a percentage above 0% and up to 100%, such as 20%")
    return share


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
Duration = Annotated[
    timedelta,
    PlainValidator(_checked(_duration)),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,6}[smhdw]$"}),
]
Share = Annotated[
    Fraction,
    PlainValidator(_checked(exact_share)),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,3}(\.[0-9]{1,9})? ?%$"}),
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


class RepShape(_PerCrm):
    """One rep; CRM ids only where the e-mail does not tell who it is."""

    name: Text | None = None
    weight: Weight = Field(default_factory=lambda: Fraction(1))
    skills: dict[Identifier, OneOrMore] = {}


class TeamShape(_Shape):
    """Reps that share leads."""

    members: list[Email]
    method: Literal["round_robin"] = "round_robin"
    fairness: Literal["team", "company"] = "team"
    manager: Email | None = None


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


class RuleShape(_Shape):
    """A rule has `to`; a group has `rules`; `csv` alone stands for the lines of a file."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["name"]}, {"required": ["csv"]}]}
    )

    name: Text | None = None
    csv: Text | None = None
    when: ConditionText | None = None
    to: DestinationShape | None = None
    if_away: DestinationShape | None = None
    need: dict[Identifier, OneOrMore] = {}
    prefer: dict[Identifier, OneOrMore] = {}
    relax_after: Duration | None = None
    hold_until: HoldShape | None = None
    sticky: Duration | None = None
    priority: Literal["high", "normal"] = "normal"
    rules: list[RuleShape] | None = None


class OtherwiseShape(_Shape):
    """Who gets the leads that no rule takes."""

    to: DestinationShape


class TaskShape(_Shape):
    """The task that every assignment to a rep brings."""

    subject: Text = "Contact this new lead"
    due_in: Duration = Field(default_factory=lambda: timedelta(hours=1))


class SplitShape(_Shape):
    """Named arms, each with its share of the leads."""

    by: Literal["lead", "account"]
    arms: dict[Identifier, Share]


class SafetyShape(_Shape):
    """How far the policy reaches."""

    pilot: Share = Field(default_factory=lambda: Fraction(1))


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
    sticky: Duration | None = None
    reps: dict[Text, RepShape | None] = {}
    roster: Text | None = None
    teams: dict[TeamName, TeamShape] = {}
    tables: dict[Identifier, TableShape] = {}
    splits: dict[Identifier, SplitShape] = {}
    safety: SafetyShape = Field(default_factory=lambda: SafetyShape())
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

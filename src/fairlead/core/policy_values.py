"""The single values of a policy file: weights, shares, durations, names; each with its message."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from fairlead.core.durations import parse_duration

_RATIO = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")
_DECIMAL = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,9})?) ?%")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
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


def exact_value(value: object) -> Fraction:
    """A number as it is written, exactly; raises ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"expected a number, found {value!r}")
    return Fraction(str(value))


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


UNTIL_FREE = "until_free"
"""Written for a time without end."""


def whole_weeks(value: object) -> int:
    """Weeks of a ramp; raises ValueError unless it is a whole number from 1 to 104."""
    if type(value) is not int or not 1 <= value <= 104:
        raise ValueError(f"weeks are a whole number from 1 to 104, found {value!r}")
    return value


def rep_id(text: str) -> str:
    """The form in which an e-mail names a rep: trimmed, small letters. Raises ValueError."""
    email = text.strip().lower()
    if not _EMAIL.fullmatch(email):
        raise ValueError(f"expected an e-mail address, found {text!r}")
    return email


def a_day(text: object) -> date:
    """A day such as 2026-05-01; raises ValueError."""
    if isinstance(text, str) and _DAY.fullmatch(text.strip()):
        try:
            return date.fromisoformat(text.strip())
        except ValueError:
            pass
    raise ValueError(f"expected a day such as 2026-05-01, found {text!r}")


def _checked(check: Any) -> Any:
    def run(value: Any) -> Any:
        try:
            return check(value)
        except ValueError as error:
            raise PydanticCustomError("policy", "{reason}", {"reason": str(error)}) from None

    return run


def _duration(value: object) -> timedelta:
    return parse_duration(value if isinstance(value, str) else str(value))


def _patience(value: object) -> timedelta | str:
    return UNTIL_FREE if value == UNTIL_FREE else _duration(value)


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
Number = Annotated[
    Fraction, PlainValidator(_checked(exact_value)), WithJsonSchema({"type": "number"})
]
Days = Annotated[
    int,
    PlainValidator(_checked(whole_days)),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": 30}),
]
Weeks = Annotated[
    int,
    PlainValidator(_checked(whole_weeks)),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 104}),
]
Patience = Annotated[
    timedelta | str,
    PlainValidator(_checked(_patience)),
    WithJsonSchema({"type": "string", "pattern": f"^([0-9]{{1,6}}[smhdw]|{UNTIL_FREE})$"}),
]
Duration = Annotated[
    timedelta,
    PlainValidator(_checked(_duration)),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,6}[smhdw]$"}),
]
Day = Annotated[
    date,
    PlainValidator(_checked(a_day)),
    WithJsonSchema({"type": "string", "format": "date"}),
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

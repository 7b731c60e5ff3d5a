"""The lead as rules see it: every name with its type, from docs/policy.md's table.

Normalising fills these names, conditions are checked against them. The policy's own `fields:` and
tables join through `Schema.extended`; nothing else can add a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class FieldType(StrEnum):
    """What a value is; the words an admin reads in messages and writes in `fields:`."""

    TEXT = "text"
    NUMBER = "number"
    BOOL = "bool"
    INSTANT = "instant"
    LIST = "list"
    NAMESPACE = "group"
    DURATION = "duration"


CUSTOM_TYPES = (
    FieldType.TEXT,
    FieldType.NUMBER,
    FieldType.BOOL,
    FieldType.INSTANT,
    FieldType.LIST,
)
"""The types a `fields:` entry may have; groups are ours alone and durations only computed."""


@dataclass(frozen=True, slots=True)
class Schema:
    """Names and their types. `hidden` are names that exist but not here, each with the reason."""

    types: Mapping[str, FieldType]
    hidden: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def extended(self, more: Mapping[str, FieldType]) -> Schema:
        """The same schema with more names; a name that is taken raises ValueError."""
        taken = sorted(set(more) & set(self.types))
        if taken:
            raise ValueError(f"names already in the schema: {', '.join(taken)}")
        return Schema(MappingProxyType({**self.types, **more}), self.hidden)

    def hiding(self, roots: Mapping[str, str]) -> Schema:
        """The same schema without these names and all below them; each with its reason."""
        gone = {n: roots[n.split(".")[0]] for n in self.types if n.split(".")[0] in roots}
        kept = {n: t for n, t in self.types.items() if n not in gone}
        return Schema(MappingProxyType(kept), MappingProxyType({**self.hidden, **gone}))


def _lead_types() -> dict[str, FieldType]:
    names = {
        FieldType.TEXT: (
            "id crm object url email phone mobile first_name last_name title company website "
            "domain country state postal_code city timezone language industry source source_detail "
            "form page status rating lifecycle_stage grade decay owner.kind owner.name owner.email "
            "account.id account.name account.type account.owner account.parent account.industry "
            "recycle_reason"
        ),
        FieldType.NUMBER: "employees revenue deal_value score cycles account.employees",
        FieldType.BOOL: "is_converted opted_out free_mail",
        FieldType.INSTANT: "created_at modified_at assigned_at recycled_at now",
        FieldType.NAMESPACE: "owner account",
    }
    return {name: kind for kind, text in names.items() for name in text.split()}


_LATER = "is not worked out by this version, so a rule on it would never match"
_NO_POINTS = "is not worked out, for nothing gives points; say what does under 'scoring:'"
NOT_SCORED: Mapping[str, str] = MappingProxyType({"score": _NO_POINTS, "grade": _NO_POINTS})
"""Names that have a value only where the policy has `scoring`."""
NO_LEVELS: Mapping[str, str] = MappingProxyType(
    {"decay": "is not worked out, for no level is named; name some under 'decay:'"}
)
"""The name that has a value only where the policy has `decay`."""
_NO_ROUND = "is not known, for nothing is recycled; say what is under 'recycling:'"
NOT_RECYCLED: Mapping[str, str] = MappingProxyType(
    {"cycles": _NO_ROUND, "recycled_at": _NO_ROUND, "recycle_reason": _NO_ROUND}
)
"""Names that have a value only where the policy has `recycling`."""
NOT_FILLED: Mapping[str, str] = MappingProxyType(
    {
        **NOT_SCORED,
        **NO_LEVELS,
        **NOT_RECYCLED,
        "assigned_at": _LATER,
        "deal_value": "is no standard field of a lead; declare your own under 'fields:'",
    }
)
"""Names that nothing gives a value to, as a rule. A policy that uses one is told so, instead of
waiting."""

LEAD_SCHEMA = Schema(MappingProxyType(_lead_types()))
"""Every built-in name, also those `NOT_FILLED`. `now` is the instant of the decision: a value like
any other, so that the same inputs give the same answer at any later time."""

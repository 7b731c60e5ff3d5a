"""Object types, their names, and the association types between them.

A path may name a type in any case, singular or plural, or by its id (`0-1`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One CRM object type; `plural` names its table in the org."""

    plural: str
    singular: str
    type_id: str
    label: str
    scope: str
    created: str = "hs_createdate"
    modified: str = "hs_lastmodifieddate"
    required: tuple[str, ...] = ()
    merges: bool = False
    engagement: bool = False
    defaults: tuple[str, ...] = ()


def _engagement(plural: str, singular: str, type_id: str) -> ObjectType:
    return ObjectType(
        plural,
        singular,
        type_id,
        singular.upper(),
        "contacts",
        required=("hs_timestamp",),
        engagement=True,
    )


TYPES: tuple[ObjectType, ...] = (
    ObjectType(
        "contacts",
        "contact",
        "0-1",
        "CONTACT",
        "contacts",
        created="createdate",
        modified="lastmodifieddate",
        merges=True,
        defaults=("email", "firstname", "lastname"),
    ),
    ObjectType(
        "companies",
        "company",
        "0-2",
        "COMPANY",
        "companies",
        created="createdate",
        merges=True,
        defaults=("name", "domain"),
    ),
    ObjectType(
        "deals",
        "deal",
        "0-3",
        "DEAL",
        "deals",
        created="createdate",
        merges=True,
        defaults=("dealname", "amount", "closedate", "pipeline", "dealstage"),
    ),
    ObjectType(
        "tickets",
        "ticket",
        "0-5",
        "TICKET",
        "tickets",
        created="createdate",
        merges=True,
        defaults=("subject", "content", "hs_pipeline", "hs_pipeline_stage"),
    ),
    ObjectType(
        "leads",
        "lead",
        "0-136",
        "LEAD",
        "leads",
        required=("hs_lead_name",),
        defaults=("hs_lead_name",),
    ),
    _engagement("tasks", "task", "0-27"),
    _engagement("notes", "note", "0-46"),
    _engagement("meetings", "meeting", "0-47"),
    _engagement("calls", "call", "0-48"),
    _engagement("emails", "email", "0-49"),
    _engagement("communications", "communication", "0-18"),
    ObjectType("users", "user", "0-115", "USER", "users"),
)

_BY_NAME = {n: t for t in TYPES for n in (t.plural, t.singular, t.type_id)}


def find(name: str) -> ObjectType | None:
    """The type a path segment or an association key names, or None."""
    return _BY_NAME.get(name.lower())


def by_plural(plural: str) -> ObjectType:
    return _BY_NAME[plural]


@dataclass(frozen=True, slots=True)
class Link:
    """How one type is tied to another, seen from the first; `primary` None where there is none."""

    plain: int
    primary: int | None = None

    def ids(self) -> tuple[int, ...]:
        return (self.plain,) if self.primary is None else (self.plain, self.primary)


_PAIRS: tuple[tuple[str, str, Link, Link], ...] = (
    ("contacts", "companies", Link(279, 1), Link(280, 2)),
    ("contacts", "deals", Link(4), Link(3)),
    ("companies", "deals", Link(342, 6), Link(341, 5)),
    ("contacts", "tickets", Link(15), Link(16)),
    ("companies", "tickets", Link(340, 25), Link(339, 26)),
    ("leads", "contacts", Link(608, 578), Link(609, 579)),
    ("leads", "companies", Link(610, 580), Link(611, 581)),
    ("tasks", "contacts", Link(204), Link(203)),
    ("tasks", "companies", Link(192), Link(191)),
    ("tasks", "deals", Link(216), Link(215)),
    ("tasks", "tickets", Link(230), Link(229)),
    ("tasks", "leads", Link(647), Link(646)),
    ("notes", "contacts", Link(202), Link(201)),
    ("notes", "companies", Link(190), Link(189)),
    ("notes", "deals", Link(214), Link(213)),
    ("notes", "leads", Link(855), Link(854)),
    ("calls", "contacts", Link(194), Link(193)),
    ("calls", "companies", Link(182), Link(181)),
    ("calls", "leads", Link(597), Link(596)),
    ("emails", "contacts", Link(198), Link(197)),
    ("emails", "companies", Link(186), Link(185)),
    ("emails", "leads", Link(599), Link(598)),
    ("meetings", "contacts", Link(200), Link(199)),
    ("meetings", "companies", Link(188), Link(187)),
    ("meetings", "leads", Link(601), Link(600)),
    ("communications", "contacts", Link(81), Link(82)),
)

LINKS: Mapping[tuple[str, str], Link] = {
    key: link for a, b, there, back in _PAIRS for key, link in (((a, b), there), ((b, a), back))
}


def pair_of(from_type: str, type_id: int) -> str | None:
    """The plural a `HUBSPOT_DEFINED` association type leads to from `from_type`, or None."""
    for (a, b), link in LINKS.items():
        if a == from_type and type_id in link.ids():
            return b
    return None


def reverse_type(from_type: str, to_type: str, type_id: int) -> int:
    """The id of the same tie seen from the other side."""
    here, there = LINKS[from_type, to_type], LINKS[to_type, from_type]
    if type_id == here.primary and there.primary is not None:
        return there.primary
    return there.plain

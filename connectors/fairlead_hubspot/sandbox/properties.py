"""Property definitions: the schema of a portal and its endpoints `/crm/v3/properties/{type}`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fairlead_hubspot.sandbox.catalog import GROUPS, LINES, Line
from fairlead_hubspot.sandbox.errors import Refusal, conflict, error, invalid
from fairlead_hubspot.sandbox.moments import wire_time
from fairlead_hubspot.sandbox.types import TYPES, ObjectType

FIELD_TYPES: dict[str, tuple[str, ...]] = {
    "bool": ("booleancheckbox", "calculation_equation"),
    "enumeration": ("select", "radio", "checkbox", "booleancheckbox", "calculation_equation"),
    "date": ("date",),
    "datetime": ("date",),
    "string": ("text", "textarea", "html", "file", "phonenumber", "calculation_equation"),
    "number": ("number", "calculation_equation"),
    "phone_number": ("phonenumber",),
}
MAX_UNIQUE = 10


@dataclass(frozen=True, slots=True)
class Property:
    """One property definition. `options` empty means any text (or, for owners, any owner id)."""

    name: str
    label: str
    type: str
    field_type: str
    group: str
    created_at: datetime
    options: tuple[tuple[str, str], ...] = ()
    description: str = ""
    read_only: bool = False
    calculated: bool = False
    unique: bool = False
    owner: bool = False
    email: bool = False
    hubspot_defined: bool = True

    @property
    def several(self) -> bool:
        return self.field_type == "checkbox"

    def wire(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "updatedAt": wire_time(self.created_at),
            "createdAt": wire_time(self.created_at),
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field_type,
            "description": self.description,
            "groupName": self.group,
            "options": [
                {
                    "label": label,
                    "value": value,
                    "displayOrder": i,
                    "hidden": False,
                    "description": "",
                }
                for i, (value, label) in enumerate(self.options)
            ],
            "displayOrder": -1,
            "calculated": self.calculated,
            "externalOptions": self.owner,
            "archived": False,
            "hasUniqueValue": self.unique,
            "hidden": False,
            "hubspotDefined": self.hubspot_defined,
            "modificationMetadata": {
                "archivable": not self.hubspot_defined,
                "readOnlyDefinition": self.hubspot_defined,
                "readOnlyOptions": self.hubspot_defined,
                "readOnlyValue": self.read_only or self.calculated,
            },
            "formField": not self.read_only,
        }
        if self.owner:
            body["referencedObjectType"] = "OWNER"
        return body


@dataclass(slots=True)
class Schema:
    """All definitions of a portal; names in `missing` ("tasks.fairlead_key") do not exist."""

    missing: Set[str]
    _all: dict[str, dict[str, Property]] = field(default_factory=dict)
    _groups: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def standard(cls, now: datetime, missing: Set[str]) -> Schema:
        schema = cls(missing)
        for kind in TYPES:
            group = GROUPS[kind.plural]
            lines = LINES[kind.plural]
            schema._all[kind.plural] = {n[0]: _defined(n, group, now) for n in lines}
            schema._groups[kind.plural] = {group}
        return schema

    def get(self, kind: ObjectType, name: str) -> Property | None:
        if self.missing and f"{kind.plural}.{name}" in self.missing:
            return None
        return self._all[kind.plural].get(name)

    def all(self, kind: ObjectType) -> Iterator[Property]:
        for name in sorted(self._all[kind.plural]):
            if (found := self.get(kind, name)) is not None:
                yield found

    def unique(self, kind: ObjectType) -> list[Property]:
        """The properties of which no two records have the same value."""
        found = (p for p in self._all[kind.plural].values() if p.unique)
        return [p for p in found if self.get(kind, p.name) is not None]

    def add(self, kind: ObjectType, prop: Property) -> None:
        self._all[kind.plural][prop.name] = prop

    def groups(self, kind: ObjectType) -> set[str]:
        return self._groups[kind.plural]


def _defined(line: Line, group: str, now: datetime) -> Property:
    name, kind, flags, options = line
    return Property(
        name=name,
        label=name.removeprefix("hs_").replace("_", " ").capitalize(),
        type=kind,
        field_type=_field_type(kind, flags),
        group=group,
        created_at=now,
        options=_BOOL if kind == "bool" else tuple((o, _label(o)) for o in options.split()),
        read_only="r" in flags or "c" in flags,
        calculated="c" in flags,
        unique="u" in flags,
        owner="o" in flags,
        email="e" in flags,
        hubspot_defined="x" not in flags,
    )


_BOOL = (("true", "True"), ("false", "False"))


def _label(option: str) -> str:
    return option.replace("_", " ").capitalize()


def _field_type(kind: str, flags: str) -> str:
    if kind == "enumeration":
        return "checkbox" if "m" in flags else "select"
    if kind == "string":
        return "textarea" if "t" in flags else "text"
    return FIELD_TYPES[kind][0]


_INPUT = {
    "groupName",
    "name",
    "label",
    "type",
    "fieldType",
    "hasUniqueValue",
    "options",
    "description",
    "displayOrder",
    "hidden",
    "formField",
    "externalOptions",
    "referencedObjectType",
}


def listing(schema: Schema, kind: ObjectType) -> dict[str, Any]:
    return {"results": [p.wire() for p in schema.all(kind)]}


def one(schema: Schema, kind: ObjectType, name: str) -> dict[str, Any]:
    found = schema.get(kind, name)
    if found is None:
        raise _no_such_property(name)
    return found.wire()


def _no_such_property(name: str) -> Refusal:
    return Refusal(
        404,
        error(
            f"Property {name} does not exist",
            "OBJECT_NOT_FOUND",
            subCategory="PropertyValidationError.PROPERTY_NOT_FOUND",
        ),
    )


def create(
    schema: Schema, missing: set[str], kind: ObjectType, body: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """Define a property; 409 if there is one of that name."""
    if unknown := sorted(set(body) - _INPUT):
        raise invalid(f'Property definition does not take "{unknown[0]}"')
    for name in ("groupName", "name", "label", "type", "fieldType"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise invalid(f"Some required fields were not set: [{name}]")
    name, value_type, field_type = body["name"], body["type"], body["fieldType"]
    if schema.get(kind, name) is not None:
        raise conflict(f'A property named "{name}" already exists')
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,99}", name):
        raise invalid(
            f'Property name "{name}" is not valid: lower case letters, digits and underscores'
        )
    if value_type not in FIELD_TYPES:
        raise invalid(f"type {value_type} is not one of {', '.join(FIELD_TYPES)}")
    if field_type not in FIELD_TYPES[value_type]:
        raise invalid(f"fieldType {field_type} does not go with type {value_type}")
    if body["groupName"] not in schema.groups(kind):
        raise invalid(f"Property group {body['groupName']} does not exist")
    if body.get("hasUniqueValue") and value_type not in ("string", "number"):
        raise invalid(f"A property of type {value_type} cannot have unique values")
    unique = [p for p in schema.all(kind) if p.unique and not p.hubspot_defined]
    if body.get("hasUniqueValue") and len(unique) >= MAX_UNIQUE:
        raise invalid(f"An object type can have at most {MAX_UNIQUE} unique properties")
    prop = Property(
        name=name,
        label=body["label"],
        type=value_type,
        field_type=field_type,
        group=body["groupName"],
        created_at=now,
        options=_options(value_type, body),
        description=body.get("description") or "",
        unique=bool(body.get("hasUniqueValue")),
        owner=body.get("referencedObjectType") == "OWNER",
        hubspot_defined=False,
    )
    missing.discard(f"{kind.plural}.{name}")
    schema.add(kind, prop)
    return prop.wire()


def _options(value_type: str, body: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    given = body.get("options") or []
    if not isinstance(given, list) or any(
        not isinstance(o, dict) or not isinstance(o.get("value"), str) for o in given
    ):
        raise invalid("options must be a list of {label, value}")
    options = tuple((o["value"], str(o.get("label", o["value"]))) for o in given)
    values = [v for v, _ in options]
    if value_type == "bool" and sorted(values) != ["false", "true"]:
        raise invalid(
            "Boolean properties must have exactly two options; one with a value of 'true', "
            "the other with a value of 'false'."
        )
    if value_type not in ("bool", "enumeration") and options:
        raise invalid(f"A property of type {value_type} takes no options")
    if value_type == "enumeration" and not options and not body.get("externalOptions"):
        raise invalid("Enumeration properties must have at least one option")
    if len(set(values)) != len(values):
        raise invalid("Property options must have different values")
    return options


def groups(schema: Schema, kind: ObjectType) -> dict[str, Any]:
    return {
        "results": [
            {"name": g, "label": _label(g), "displayOrder": -1, "archived": False}
            for g in sorted(schema.groups(kind))
        ]
    }


def create_group(schema: Schema, kind: ObjectType, body: Mapping[str, Any]) -> dict[str, Any]:
    if set(body) - {"name", "label", "displayOrder"} or not isinstance(body.get("name"), str):
        raise invalid("A property group takes name, label and displayOrder")
    name: str = body["name"]
    if name in schema.groups(kind):
        raise conflict(f'A property group named "{name}" already exists')
    schema.groups(kind).add(name)
    return {
        "name": name,
        "label": str(body.get("label", name)),
        "displayOrder": -1,
        "archived": False,
    }

"""What exists: objects, their fields and relationships, and which of it this org hides.

Between `objects` (the tables, as text) and everything that reads or writes. Names are looked up
without regard to case; answers always carry the vendor's spelling.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

TEXTUAL = frozenset({"string", "textarea", "picklist", "combobox", "email", "phone", "url"})
NUMERIC = frozenset({"int", "double", "currency", "percent"})


@dataclass(frozen=True, slots=True)
class FieldDef:
    """One field. `compound` fields are views over others and cannot be written or filtered."""

    name: str
    type: str
    length: int = 0
    required: bool = False
    defaulted: bool = False
    createable: bool = True
    updateable: bool = True
    filterable: bool = True
    sortable: bool = True
    unique: bool = False
    external: bool = False
    calculated: bool = False
    reference_to: tuple[str, ...] = ()
    relationship: str | None = None
    picklist: tuple[str, ...] = ()
    restricted: bool = False
    scale: int = 0

    @property
    def label(self) -> str:
        spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", self.name.removesuffix("__c"))
        return re.sub(r"\bId\b", "ID", spaced.replace("_", " "))

    @property
    def custom(self) -> bool:
        return self.name.endswith("__c")

    @property
    def groupable(self) -> bool:
        return self.filterable and self.type not in ("datetime", "currency", "double", "percent")

    @property
    def polymorphic(self) -> bool:
        return len(self.reference_to) > 1

    @property
    def nillable(self) -> bool:
        return not (self.required or self.defaulted or self.type in ("boolean", "id"))


@dataclass(frozen=True, slots=True)
class ObjectDef:
    """One object. `ops` holds c, r, u, d as far as the REST API allows them to anybody."""

    name: str
    prefix: str
    label: str
    plural: str
    ops: str
    fields: tuple[FieldDef, ...]
    soft_delete: bool = True
    _by_name: Mapping[str, FieldDef] = field(default_factory=dict, repr=False)
    _by_relationship: Mapping[str, FieldDef] = field(default_factory=dict, repr=False)

    def find(self, name: str) -> FieldDef | None:
        return self._by_name.get(name.lower())

    def relation(self, name: str) -> FieldDef | None:
        return self._by_relationship.get(name.lower())

    def with_fields(self, fields: Iterable[FieldDef]) -> ObjectDef:
        """The same object over other fields, indexed anew."""
        kept = tuple(fields)
        return replace(
            self,
            fields=kept,
            _by_name={f.name.lower(): f for f in kept},
            _by_relationship={f.relationship.lower(): f for f in kept if f.relationship},
        )


_FLAGS = frozenset(
    {
        "required",
        "defaulted",
        "ro",
        "createonly",
        "nofilter",
        "nosort",
        "unique",
        "external",
        "calc",
    }
)


def read_field(line: str) -> FieldDef:
    """One line of `objects`: `Name type[:length][>Target,Target=Relation] flags [values=a|b]`."""
    line, _, values = line.partition(" values=")
    name, kind, *flags = line.split()
    unknown = set(flags) - _FLAGS - {"restricted"}
    if unknown:
        raise ValueError(f"field {name}: unknown flags {sorted(unknown)}")
    kind, _, target = kind.partition(">")
    kind, _, length = kind.partition(":")
    targets, _, relationship = target.partition("=")
    read_only = "ro" in flags or "calc" in flags or kind in ("address", "id")
    numbers = [int(n) for n in length.split(".")] if length else [0]
    return FieldDef(
        name=name,
        type=kind,
        length=18 if kind in ("reference", "id") else numbers[0],
        scale=numbers[1] if len(numbers) > 1 else 0,
        required="required" in flags,
        defaulted="defaulted" in flags,
        createable=not read_only,
        updateable=not read_only and "createonly" not in flags,
        filterable="nofilter" not in flags and kind != "address",
        sortable="nofilter" not in flags and "nosort" not in flags and kind != "address",
        unique="unique" in flags,
        external="external" in flags,
        calculated="calc" in flags,
        reference_to=tuple(targets.split(",")) if targets else (),
        relationship=relationship or None,
        picklist=tuple(values.split("|")) if values else (),
        restricted="restricted" in flags,
    )


_SYSTEM = {
    "Id": "Id id",
    "IsDeleted": "IsDeleted boolean ro",
    "CreatedDate": "CreatedDate datetime ro defaulted",
    "CreatedById": "CreatedById reference>User=CreatedBy ro defaulted",
    "LastModifiedDate": "LastModifiedDate datetime ro defaulted",
    "LastModifiedById": "LastModifiedById reference>User=LastModifiedBy ro defaulted",
    "SystemModstamp": "SystemModstamp datetime ro defaulted",
}
_AUDIT = ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp")
SYSTEM_SETS: Mapping[str, tuple[str, ...]] = {
    "full": ("Id", "IsDeleted", *_AUDIT),
    "setup": ("Id", *_AUDIT),
    "history": ("Id", "IsDeleted", "CreatedById", "CreatedDate"),
    "link": ("Id", "CreatedById", "SystemModstamp"),
    "name": ("Id",),
}


def define(name: str, prefix: str, labels: str, ops: str, system: str, lines: str) -> ObjectDef:
    """Build one object from its text; `labels` is `Singular|Plural`."""
    label, plural = labels.split("|")
    names = SYSTEM_SETS[system]
    own = [read_field(line) for line in lines.strip().splitlines() if line.strip()]
    fields = [read_field(_SYSTEM[n]) for n in names[:1]] + own
    fields += [read_field(_SYSTEM[n]) for n in names[1:]]
    bare = ObjectDef(name, prefix, label, plural, ops, (), "IsDeleted" in names)
    return bare.with_fields(fields)


class Schema:
    """The objects as one org shows them; built anew when a knob hides something."""

    def __init__(
        self,
        objects: Iterable[ObjectDef],
        *,
        missing_objects: Iterable[str] = (),
        missing_fields: Iterable[str] = (),
        read_only_fields: Iterable[str] = (),
        keys_unique: bool = True,
    ) -> None:
        gone = {m.lower() for m in missing_fields}
        fixed = {m.lower() for m in read_only_fields}
        hidden = {m.lower() for m in missing_objects}
        self._objects: dict[str, ObjectDef] = {}
        self._by_prefix: dict[str, ObjectDef] = {}
        for plain in objects:
            if plain.name.lower() in hidden:
                continue
            kept = [
                replace(f, createable=False, updateable=False) if named(plain, f) & fixed else f
                for f in plain.fields
                if not named(plain, f) & gone
            ]
            if not keys_unique:
                kept = [replace(f, unique=False) if f.external else f for f in kept]
            shown = plain.with_fields(kept)
            self._objects[shown.name.lower()] = shown
            if shown.prefix:
                self._by_prefix[shown.prefix] = shown

    def find(self, name: str) -> ObjectDef | None:
        return self._objects.get(name.lower())

    def of_id(self, id: str) -> ObjectDef | None:
        """The object whose key prefix an id carries."""
        return self._by_prefix.get(id[:3])

    def all(self) -> list[ObjectDef]:
        return [o for o in self._objects.values() if o.prefix]


def named(obj: ObjectDef, one: FieldDef) -> set[str]:
    """The names by which a knob may mean this field; custom activity fields hang on Activity."""
    names = {f"{obj.name}.{one.name}".lower()}
    if obj.name in ("Task", "Event") and one.custom:
        names |= {f"{o}.{one.name}".lower() for o in ("Activity", "Task", "Event")}
    return names

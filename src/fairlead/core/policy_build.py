"""From the models to the policy's parts: fields, sources, roster, teams, tables, cross-checked.

Rules follow in policy_rules. Every check notes its problem in the document and goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from fairlead.core.carets import nearest
from fairlead.core.conditions import FUNCTIONS, RESERVED, ConditionError, compile_condition
from fairlead.core.policy import (
    Condition,
    CreditBack,
    FieldSpec,
    RosterEntry,
    Source,
    Split,
    TaskSpec,
)
from fairlead.core.policy_asks import Asks
from fairlead.core.policy_calendars import read_calendars
from fairlead.core.policy_document import Document, Path
from fairlead.core.policy_files import Files
from fairlead.core.policy_models import PolicyShape
from fairlead.core.policy_scoring import ScoringReader, score_types
from fairlead.core.policy_tables import ReadTable, read_table
from fairlead.core.schema import (
    LEAD_SCHEMA,
    NO_LEVELS,
    NOT_FILLED,
    NOT_RECYCLED,
    NOT_SCORED,
    FieldType,
    Schema,
)
from fairlead.core.scorecard import Scorecard
from fairlead.core.signals import signal_types, told
from fairlead.core.worktime import Calendar

_ONE = Fraction(1)
_LEADS_ARE = {"salesforce": ("Lead",), "hubspot": ("contacts", "leads")}
_OUR_GROUPS = ("arm", "lead", "signal")
_NEVER_MOVES = ("id", "crm", "object", "url", "created_at", "modified_at", "now", *NOT_FILLED)
_NOT_AT_PICK_UP = "is not known yet when leads are picked up; use it in a rule"


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds the parts of one policy; `crms` are the connectors it may name."""

    document: Document
    shape: PolicyShape
    files: Files
    crms: tuple[str, ...]

    def fields(self) -> dict[str, FieldSpec]:
        """The custom fields."""
        found: dict[str, FieldSpec] = {}
        for name, shape in self.shape.fields.items():
            path: Path = ("fields", name)
            self._free_name(path, name)
            sources = self.per_crm(path, shape.__pydantic_extra__, ("type",))
            if not sources:
                crms = " or ".join(f"'{crm}:'" for crm in self.crms)
                message = f"field {name!r} comes from no CRM; add {crms} with its name there"
                self.document.report(path, message, key=True)
            found[name] = FieldSpec(name, shape.type, MappingProxyType(sources))
        return found

    def _free_name(self, path: Path, name: str) -> None:
        taken = {n.split(".")[0] for n in LEAD_SCHEMA.types}
        if name in taken:
            message = f"{name!r} is a field of every lead already; choose another name"
            self.document.report(path, message, key=True)
        elif name in _OUR_GROUPS:
            message = f"{name!r} is a word of the policy itself; choose another name"
            self.document.report(path, message, key=True)
        elif name in RESERVED or name in FUNCTIONS:
            message = f"{name!r} is a word of the condition language; choose another name"
            self.document.report(path, message, key=True)

    def per_crm(self, path: Path, given: dict[str, str], own: tuple[str, ...]) -> dict[str, str]:
        for key in given:
            if key not in self.crms:
                self.document.unknown_key((*path, key), key, (*own, *self.crms))
        return {crm: value for crm, value in given.items() if crm in self.crms}

    def tables(self, fields: dict[str, FieldSpec]) -> dict[str, ReadTable]:
        """The tables that could be read."""
        schema = _with_fields(LEAD_SCHEMA, fields)
        found: dict[str, ReadTable] = {}
        for name, shape in self.shape.tables.items():
            path: Path = ("tables", name)
            self._free_name(path, name)
            if name in self.document.names("fields"):
                message = f"{name!r} is a custom field already; choose another name"
                self.document.report(path, message, key=True)
            table = read_table(self.files, name, shape, schema, path)
            if table is not None:
                found[name] = table
        return found

    def schema(self, fields: dict[str, FieldSpec], tables: dict[str, ReadTable]) -> Schema:
        """Everything that conditions may name."""
        schema, types = _with_fields(LEAD_SCHEMA, fields), dict[str, FieldType]()
        for name, read in tables.items():
            if name not in schema.types:
                types[name] = FieldType.NAMESPACE
                types.update({f"{name}.{c}": FieldType.TEXT for c in read.table.columns})
        if self.shape.splits and "arm" not in schema.types:
            types["arm"] = FieldType.NAMESPACE
            types.update({f"arm.{split}": FieldType.TEXT for split in self.shape.splits})
        types.update(score_types(self.shape.scoring))
        types.update(signal_types(self.document.names("signals")))
        filled = {name for name in NOT_SCORED if self.shape.scoring is not None}
        filled |= {name for name in NO_LEVELS if self.shape.decay}
        filled |= {name for name in NOT_RECYCLED if self.shape.recycling is not None}
        unfilled = {name: why for name, why in NOT_FILLED.items() if name not in filled}
        return schema.extended(types).hiding(unfilled)

    def condition(self, path: Path, text: str | None, schema: Schema) -> Condition | None:
        """Compile the condition at a path; None when there is none or it is broken."""
        if text is None:
            return None
        try:
            return compile_condition(text, schema)
        except ConditionError as error:
            root = (error.name or "").split(".")[0]
            declared = self.document.names("fields") | self.document.names("tables")
            # A name whose declaration is itself broken has been reported there.
            if not (error.name and root in declared and root not in schema.types):
                self.document.report_condition(path, error)
            return None

    def sources(self, schema: Schema, tables: dict[str, ReadTable]) -> tuple[Source, ...]:
        """The sources, at most one per CRM."""
        later = dict.fromkeys(("account", "signal", *tables), _NOT_AT_PICK_UP)
        early, found = schema.hiding(later), list[Source]()
        if "sources" in self.document.root.entries and not self.document.names("sources"):
            self.document.report(("sources",), "a policy needs at least one source", key=True)
        for name, shape in self.shape.sources.items():
            path: Path = ("sources", name)
            pick_up = self.condition((*path, "pick_up"), shape.pick_up, early)
            if shape.crm not in self.crms:
                self.document.unknown((*path, "crm"), "CRM", shape.crm, self.crms)
            elif any(s.crm == shape.crm for s in found):
                other = next(s.name for s in found if s.crm == shape.crm)
                message = f"source {other!r} reads {shape.crm} already; one source per CRM"
                self.document.report((*path, "crm"), message)
            objects = _LEADS_ARE.get(shape.crm)
            if objects and shape.object is not None and shape.object not in objects:
                message = (
                    f"leads of {shape.crm} are records of {' or '.join(objects)}, not of"
                    f" {shape.object!r}"
                )
                guess = nearest(shape.object, objects)
                self.document.report((*path, "object"), message, guess)
            place = self.document.place(path)
            hold = Asks(self.document, schema, None).hold(shape.hold_until, (*path, "hold_until"))
            found.append(Source(name, shape.crm, shape.object, pick_up, place, hold))
        return tuple(found)

    def owner_authority(self, sources: tuple[Source, ...]) -> str | None:
        """The CRM that decides on owners, by its name or by its source's."""
        name = self.shape.owner_authority
        if name is None:
            return None
        by_name = {s.crm: s.crm for s in sources} | {s.name: s.crm for s in sources}
        if name in by_name:
            return by_name[name]
        if name not in self.document.names("sources"):
            self.document.unknown(("owner_authority",), "source", name, by_name)
        return None

    def closed_when(self, schema: Schema, tables: dict[str, ReadTable]) -> Condition | None:
        """Which leads are done with; asked whenever a lead is read, before it is matched."""
        return self._early(("closed_when",), self.shape.closed_when, schema, tables)

    def won_when(self, schema: Schema, tables: dict[str, ReadTable]) -> Condition | None:
        """Which leads are a success; asked whenever a lead is read."""
        return self._early(("won_when",), self.shape.won_when, schema, tables)

    def credit_back(self, schema: Schema, tables: dict[str, ReadTable]) -> CreditBack | None:
        """When turns are given back; it must say of what."""
        shape, path = self.shape.credit_back, ("credit_back",)
        if shape is None:
            return None
        when = self._early((*path, "when"), shape.when, schema, tables)
        if shape.when is None and not shape.handed_back and not self.document.lost(path):
            message = "say when a turn is given back: 'when:' a condition, or 'handed_back: true'"
            self.document.report(path, message, key=True)
        return CreditBack(when, shape.handed_back, shape.within)

    def scoring(self, schema: Schema) -> Scorecard | None:
        """What gives leads points; which arm of a split a lead is in gives none."""
        apart = schema.hiding({"arm": "is drawn by lot; it cannot give points"})
        return ScoringReader(self.document, apart, self.crms, self.condition).read(
            self.shape.scoring
        )

    def _early(
        self, path: Path, text: str | None, schema: Schema, tables: dict[str, ReadTable]
    ) -> Condition | None:
        return self.condition(path, text, self.early_schema(schema, tables))

    def early_schema(
        self, schema: Schema, tables: Mapping[str, ReadTable], *, scored: bool = False
    ) -> Schema:
        """What can be asked of a lead by itself, before it is matched; with its points if so."""
        points = () if scored else ("score", "grade")
        later = dict.fromkeys(("account", *points, *tables), _NOT_AT_PICK_UP)
        return schema.hiding(later)

    def slas_named(self, names: list[str], path: Path) -> tuple[str, ...]:
        """The SLAs a rule names; each is one, once."""
        known = self.document.names("slas")
        for name in names:
            if name not in known:
                self.document.unknown(path, "SLA", name, known)
        return tuple(dict.fromkeys(names))

    def cadence_named(self, name: str | None, path: Path) -> str | None:
        """The cadence a rule names."""
        known = self.document.names("cadences")
        if name is not None and name not in known:
            self.document.unknown(path, "cadence", name, known)
        return name

    def reroute_on(self, fields: dict[str, FieldSpec]) -> tuple[str, ...]:
        """Fields of the lead itself: what an account or a table says may change with no news."""
        apart = ("account", "owner")
        own = [n for n in LEAD_SCHEMA.types if n.split(".")[0] not in apart]
        known = [*fields, *(n for n in own if n not in _NEVER_MOVES)]
        signals = {told(n): n for n in signal_types(self.document.names("signals"))}
        found = []
        for index, text in enumerate(self.shape.reroute_on):
            at: Path = ("reroute_on", index)
            name = signals.get(text.replace(" ", "").replace('"', ""), text)
            if name in found:
                self.document.report(at, f"{text!r} is listed twice")
            elif name in signals.values():
                pass
            elif text.startswith("signal"):
                self.document.unknown(at, "signal", text, signals)
            elif name not in known:
                self.document.unknown(at, "field of a lead", name, known)
            found.append(name)
        return tuple(found)

    def calendars(self) -> dict[str, Calendar]:
        """The calendars."""
        return read_calendars(self.document, self.shape.calendars)

    def known_reps(self, roster: dict[str, RosterEntry] | None) -> frozenset[str] | None:
        """Every rep the admin wrote down, broken or not; None when that cannot be told."""
        if roster is None:
            return None
        return frozenset(roster) | {r.strip().lower() for r in self.document.names("reps")}

    def splits(self) -> dict[str, Split]:
        """The splits; the shares of the arms of each add up to the whole."""
        found: dict[str, Split] = {}
        for name, shape in self.shape.splits.items():
            path: Path = ("splits", name, "arms")
            total = sum(shape.arms.values(), Fraction(0))
            if total != 1 and not self.document.lost(path):
                message = f"the arms of {name!r} add up to {float(total * 100):g}%, not to 100%"
                self.document.report(path, message, key=True)
            found[name] = Split(name, shape.by, MappingProxyType(dict(shape.arms)))
        return found

    def task(self) -> TaskSpec | None:
        """The task of every assignment, None for `task: none`."""
        shape = self.shape.task
        return None if shape is None else TaskSpec(shape.subject, shape.due_in, shape.mail)


def _with_fields(schema: Schema, fields: dict[str, FieldSpec]) -> Schema:
    taken = {n.split(".")[0] for n in schema.types}
    return schema.extended({n: FieldType(f.type) for n, f in fields.items() if n not in taken})

"""What a rule asks beside its condition: skills of the reps, and a field worth waiting for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from fairlead.core.carets import nearest
from fairlead.core.durations import parse_duration
from fairlead.core.policy import HoldUntil, RosterEntry, SkillAsk
from fairlead.core.policy_document import Document, Path
from fairlead.core.policy_models import HoldShape
from fairlead.core.schema import FieldType, Schema

LEAD = "lead."
TIMEZONE = "timezone"
"""Asked like a skill, of the rep's clock and the lead's."""
_DAY = timedelta(days=1)
_ASKABLE = (FieldType.TEXT, FieldType.LIST)


@dataclass(frozen=True, slots=True)
class Asks:
    """Reads `need`, `prefer` and `hold_until` against the lead's fields and the reps' skills.

    `roster` is None when some rep could not be read: skills are not looked up in it then.
    """

    document: Document
    schema: Schema
    roster: Mapping[str, RosterEntry] | None

    def skills(self, asked: Mapping[str, list[str]], path: Path) -> tuple[SkillAsk, ...]:
        """The skills under `need` or `prefer`, in their order."""
        return tuple(
            ask
            for skill, values in asked.items()
            if (ask := self._skill(skill, values, (*path, skill))) is not None
        )

    def _clock(self, values: list[str], path: Path) -> SkillAsk | None:
        """`timezone: 3h`: how far a rep's clock may be from the lead's."""
        try:
            within = parse_duration(values[0] if len(values) == 1 else "")
        except ValueError:
            within = _DAY
        if within > _DAY / 2:
            if not self.document.lost(path):
                message = "how far the clocks of rep and lead may be apart: up to 12h, such as 3h"
                self.document.report(path, message)
            return None
        return SkillAsk(TIMEZONE, within=within)

    def _skill(self, skill: str, values: list[str], path: Path) -> SkillAsk | None:
        if skill == TIMEZONE:
            return self._clock(values, path)
        if self.roster is not None:
            held = {kind for rep in self.roster.values() for kind in rep.skills}
            if skill not in held:
                guess = nearest(skill, held)
                listed = f"; known: {', '.join(sorted(held)[:10])}" if held and not guess else ""
                message = f"no rep has a skill {skill!r}{listed}"
                self.document.report(path, message, guess, key=True)
                return None
        if len(values) == 1 and self._is_field(values[0]):
            return self._from_lead(skill, values[0], path)
        if not values and not self.document.lost(path):
            self.document.report(path, f"nothing is asked of {skill!r}", key=True)
        for index, value in enumerate(values):
            if self._is_field(value):
                message = f"{value!r} stands alone, not in a list"
                self.document.report((*path, index), message)
            elif self.roster is not None:
                self._check_held(skill, value, (*path, index))
        return SkillAsk(skill, tuple(values))

    def _is_field(self, value: str) -> bool:
        return value.startswith(LEAD) or ("." in value and value in self.schema.types)

    def _from_lead(self, skill: str, value: str, path: Path) -> SkillAsk | None:
        name = value.removeprefix(LEAD)
        kind = self.schema.types.get(name)
        if kind in _ASKABLE:
            return SkillAsk(skill, path=name)
        if kind is None and name.partition(".")[0] in self._broken():
            return None
        fitting = [n for n, t in self.schema.types.items() if t in _ASKABLE]
        if kind is not None:
            message = f"a skill is a text or list field of the lead; {name!r} is a {kind}"
        elif name in self.schema.hidden:
            message = f"{name!r} {self.schema.hidden[name]}"
        else:
            message = f"unknown field {name!r}"
        guess = nearest(name, fitting) if kind is None else None
        self.document.report(path, message, guess and f"{LEAD}{guess}")
        return None

    def _check_held(self, skill: str, value: str, path: Path) -> None:
        held = {
            v.casefold(): v
            for rep in (self.roster or {}).values()
            for v in rep.skills.get(skill, ())
        }
        if value.casefold() not in held:
            self.document.unknown(path, skill, value, held.values())

    def _broken(self) -> frozenset[str]:
        """Names whose own declaration is broken, and told there."""
        written = self.document.names("fields") | self.document.names("tables")
        return written - {name.partition(".")[0] for name in self.schema.types}

    def hold(self, shape: HoldShape | None, path: Path) -> HoldUntil | None:
        """The field to wait for; None when there is none or it is broken."""
        if shape is None:
            return None
        if shape.field not in self.schema.types:
            if shape.field in self.schema.hidden:
                message = f"{shape.field!r} {self.schema.hidden[shape.field]}"
                self.document.report((*path, "field"), message)
            elif shape.field.partition(".")[0] not in self._broken():
                self.document.unknown((*path, "field"), "field", shape.field, self.schema.types)
            return None
        return HoldUntil(shape.field, shape.at_most)

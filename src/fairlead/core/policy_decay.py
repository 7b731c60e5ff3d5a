"""The levels of decay of the policy: each goes by one thing and names what exists."""

from __future__ import annotations

from datetime import timedelta

from fairlead.core.decay_terms import Level, Measure
from fairlead.core.policy_build import Builder
from fairlead.core.policy_decay_shapes import AfterShape, LevelShape
from fairlead.core.policy_document import Path
from fairlead.core.policy_sla import read_act
from fairlead.core.schema import Schema
from fairlead.core.sla_terms import Reassign

_MEASURES = tuple(m.value for m in Measure)
_ZERO = timedelta(0)
_BY_LOT = {"arm": "is drawn by lot; it says nothing of decay"}


def read_decay(builder: Builder, schema: Schema) -> tuple[Level, ...]:
    """The levels, the first of the file the lowest."""
    seen: set[str] = set()
    found = []
    for number, shape in enumerate(builder.shape.decay):
        path: Path = ("decay", number)
        if shape.name in seen:
            message = f"level {shape.name!r} is there twice"
            builder.document.report((*path, "name"), message)
        seen.add(shape.name)
        found.append(_level(builder, schema.hiding(_BY_LOT), number, shape, path))
    return tuple(found)


def _level(builder: Builder, schema: Schema, number: int, shape: LevelShape, path: Path) -> Level:
    document = builder.document
    measure, length = _after(builder, shape.after, (*path, "after"))
    acts = [
        act
        for index, one in enumerate(shape.do)
        if (act := read_act(builder, one, (*path, "do", index))) is not None
    ]
    moves = [a for a in acts if isinstance(a, Reassign)]
    if len(moves) > 1:
        document.report((*path, "do"), "a level gives the lead to one place; it reassigns twice")
    if shape.override_people and not moves and not document.lost((*path, "do")):
        message = "'override_people' is about reassigning; nothing in 'do' does"
        document.report((*path, "override_people"), message, key=True)
    return Level(
        shape.name,
        number,
        measure,
        length,
        shape.after.below or "",
        builder.condition((*path, "when"), shape.when, schema),
        shape.critical,
        tuple(acts),
        shape.override_people,
        document.place(path),
    )


def _after(builder: Builder, shape: AfterShape, path: Path) -> tuple[Measure, timedelta]:
    document = builder.document
    given = [m for m in _MEASURES if m in shape.model_fields_set]
    if len(given) != 1:
        if not document.lost(path):
            what = " and ".join(given) or "none"
            message = f"a level goes by exactly one of {', '.join(_MEASURES)}; found {what}"
            document.report(path, message, key=True)
        return Measure.AGE, _ZERO
    measure = Measure(given[0])
    if measure is Measure.BELOW:
        _band(builder, str(shape.below), (*path, "below"))
        return measure, _ZERO
    length = (shape.age if measure is Measure.AGE else shape.silence) or _ZERO
    if length <= _ZERO:
        document.report((*path, measure.value), "say after how long, such as 3d")
    return measure, length


def _band(builder: Builder, band: str, path: Path) -> None:
    """The bands of the policy; the grade under the first is none, for nothing lies beneath it."""
    scoring = builder.shape.scoring
    if scoring is None:
        if "scoring" not in builder.document.root.entries:
            message = "there are no bands, for nothing gives points; say what does under 'scoring:'"
            builder.document.report(path, message)
        return
    if band not in scoring.bands:
        builder.document.unknown(path, "band", band, scoring.bands)
